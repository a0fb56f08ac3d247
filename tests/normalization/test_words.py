import pytest

from spacy_slavner.normalization.words import WordFrequencies


def test_frequencies_are_kept_on_zipfs_scale():
    words = WordFrequencies.from_frequencies({"pl": {"biden": 1e-6, "trump": 1e-4, "rzadki": 1e-9}}, most=2)
    assert words("pl", "biden") == pytest.approx(3, abs=0.05)
    assert words("pl", "trump") == pytest.approx(5, abs=0.05)
    assert words("pl", "rzadki") == words("pl", "obama") == words("cs", "trump") == 0
    again = WordFrequencies.from_bytes(words.to_bytes())
    assert again("pl", "trump") == words("pl", "trump")
    assert WordFrequencies.from_bytes(WordFrequencies().to_bytes()).tables == {}
