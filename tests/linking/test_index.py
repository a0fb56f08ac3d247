import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_slavner.linking import index
from spacy_slavner.linking.index import Keys, Strings, Trigrams, similarity


@given(st.lists(st.text("aбč \n", max_size=12), max_size=20))
def test_strings(texts):
    column = Strings.of(texts)
    again = Strings.from_arrays(column.arrays("x"), "x")
    assert [again[i] for i in range(len(again))] == texts


@given(st.lists(st.sampled_from(["a", "b", "č", "", "ab"]), max_size=20))
def test_keys(keys):
    found = Keys.from_arrays(Keys.of(keys).arrays("x"), "x")
    for key in {"a", "b", "č", "ab", "nowhere"}:
        assert found[key].tolist() == [i for i, other in enumerate(keys) if other == key]
    assert found[""].tolist() == []


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.text("abc d", min_size=1, max_size=10), min_size=1, max_size=30),
    st.text("abc d", max_size=10),
)
def test_trigrams_against_comparing_with_all(texts, query):
    found = dict(Trigrams.of(Strings.of(texts)).search(query, 100, 0.6))
    padded = f" {query} "
    grams = {padded[i : i + 3] for i in range(len(padded) - 2)}
    for i, text in enumerate(texts):
        shares = any(gram in f" {text} " for gram in grams)
        score = similarity(query, text)
        if score == pytest.approx(0.6):
            continue  # at the very limit rounding decides
        assert (i in found) == (shares and score >= 0.6)
        assert found.get(i, score) == pytest.approx(score)


def test_search_is_bounded(monkeypatch):
    monkeypatch.setattr(index, "MAX_POSTINGS", 50)
    names = Strings.of([f"anna {i:04}" for i in range(2000)])
    found = Trigrams.of(names).search("anna 1234", 3, 0.7)
    assert names[found[0][0]] == "anna 1234"
    assert len(Trigrams.of(names)._sharing("anna")) <= index.MAX_POSTINGS


def test_empty_index():
    trigrams = Trigrams.of(Strings.of([]))
    assert trigrams.search("anna", 3, 0.5) == []
    assert trigrams.search("", 3, 0.5) == []
    assert trigrams.texts.blob.dtype == numpy.uint8
