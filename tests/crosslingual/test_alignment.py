"""Alignment: against rotations that are known and loops that are slow."""

import numpy as np
import pytest

from spacy_slavner.crosslingual import alignment
from spacy_slavner.crosslingual.alignment import (
    align,
    best_translations,
    csls,
    hold_out,
    mean_similarity,
    mutual_pairs,
    precision,
    procrustes,
)
from spacy_slavner.crosslingual.embeddings import Embeddings, normalize
from spacy_slavner.errors import InputError


def unit(rng, n, width):
    vectors = rng.normal(size=(n, width)).astype("float32")
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def languages(n=400, width=10, noise=0.02):
    """Two languages with the same words, one of them turned and a little blurred."""
    rng = np.random.default_rng(1)
    rotation = np.linalg.qr(rng.normal(size=(width, width)))[0]
    vectors = unit(rng, n, width)
    turned = vectors @ rotation + noise * rng.normal(size=(n, width))
    source = Embeddings([f"s{i}" for i in range(n)], vectors)
    target = Embeddings([f"t{i}" for i in range(n)], turned.astype("float32"))
    return source, target, rotation


def test_procrustes_recovers_a_rotation():
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    source = rng.normal(size=(40, 6))
    found = procrustes(source, source @ rotation)
    np.testing.assert_allclose(found, rotation, atol=1e-5)
    # Where no rotation fits, none is better than the one that is found.
    target = rng.normal(size=(40, 6))
    best = np.linalg.norm(source @ procrustes(source, target) - target)
    for _ in range(200):
        other = np.linalg.qr(rng.normal(size=(6, 6)))[0]
        assert np.linalg.norm(source @ other - target) >= best


@pytest.mark.parametrize("block", [3, 512])
def test_csls_as_a_slow_loop(block, monkeypatch):
    monkeypatch.setattr(alignment, "BLOCK", block)
    rng = np.random.default_rng(0)
    source, target = unit(rng, 11, 4), unit(rng, 8, 4)
    rows = [7, 0, 3, 10]

    def r(vector, others):
        return sum(sorted((float(vector @ other) for other in others), reverse=True)[:3]) / 3

    expected = np.array(
        [
            [2 * source[i] @ target[j] - r(source[i], target) - r(target[j], source) for j in range(8)]
            for i in rows
        ]
    )
    found = np.concatenate(list(csls(source, target, rows, neighbours=3)))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    best = best_translations(source, target, rows, 5, neighbours=3)
    assert (best == np.argsort(-expected, axis=1)[:, :5]).all()


def test_mutual_pairs_are_each_others_best():
    rng = np.random.default_rng(0)
    source, target = unit(rng, 30, 4), unit(rng, 25, 4)
    scores = np.concatenate(list(csls(source, target)))
    expected = [(i, scores[i].argmax()) for i in range(30) if scores[:, scores[i].argmax()].argmax() == i]
    assert mutual_pairs(source, target) == expected and 0 < len(expected) < 25


def test_precision_counts_words_with_vectors_alone():
    eye = np.eye(4, dtype="float32")
    source, target = Embeddings(list("abcd"), eye), Embeddings(list("wxyz"), eye)
    found = precision(source, target, {"a": ["w"], "b": ["z", "x"], "c": ["w"], "e": ["w"], "d": ["q"]})
    assert found.words == 3
    assert found.at[1] == pytest.approx(2 / 3) and found.at[5] == 1.0


def test_held_out_words_are_apart():
    dictionary = {f"w{i}": [f"t{i}"] for i in range(50)}
    left, apart = hold_out(dictionary, 1500)
    assert len(apart) == 10 and left | apart == dictionary and not left.keys() & apart.keys()
    one, same, other = (hold_out(dictionary, 3, seed) for seed in (0, 0, 1))
    assert one == same != other


def test_languages_are_aligned():
    source, target, rotation = languages()
    dictionary = {f"s{i}": [f"t{i}"] for i in range(60)}
    aligned, how = align(source, target, dictionary)
    np.testing.assert_allclose(how.rotation, rotation, atol=0.03)
    assert how.held_out.at[1] == 1.0 and how.held_out.words == 12 and how.coverage == 1.0
    assert precision(aligned, target, {f"s{i}": [f"t{i}"] for i in range(60, 400)}).at[1] > 0.95
    # As they are, they have nothing to do with each other.
    assert align(source, target, dictionary, rotate=False)[1].held_out.at[1] < 0.2


def test_precision_comes_with_the_coverage_of_the_dictionary():
    source, target, _ = languages()
    known = {f"s{i}": [f"t{i}"] for i in range(60)}
    unknown = {f"s{i}": ["nic"] for i in range(60, 90)} | {f"x{i}": ["t1"] for i in range(10)}
    record = align(source, target, known | unknown)[1].to_dict()
    assert (record["dictionary"], record["covered"], record["coverage"]) == (100, 60, 0.6)
    assert record["precision@1"] == 1.0 and record["held_out"] == 12


def test_refinement_helps_where_the_dictionary_is_bad():
    source, target, _ = languages(noise=0.1)
    rng = np.random.default_rng(0)
    wrong = {f"s{i}": [f"t{rng.integers(400)}"] for i in range(90)}
    dictionary = wrong | {f"s{i}": [f"t{i}"] for i in range(90, 150)}
    right = {f"s{i}": [f"t{i}"] for i in range(150, 400)}
    before, after = (align(source, target, dictionary, rounds=rounds) for rounds in (0, 5))
    assert (len(before[1].rounds), len(after[1].rounds)) == (1, 6)
    found = [precision(aligned, target, right).at[1] for aligned, _ in (before, after)]
    assert found[1] > found[0]


def test_rounds_look_at_the_most_frequent_words_alone(monkeypatch):
    seen = []

    def noted(vectors, others, neighbours=10):
        seen.append(max(len(vectors), len(others)))
        return mean_similarity(vectors, others, neighbours)

    monkeypatch.setattr(alignment, "mean_similarity", noted)
    source, target, _ = languages()
    how = align(source, target, {f"s{i}": [f"t{i}"] for i in range(60)}, rounds=2, frequent=50)[1]
    # What is held out is looked for among all words.
    assert seen == [50] * (len(seen) - 2) + [400] * 2 and len(how.rounds) == 3
    assert how.held_out.at[1] == 1.0 and how.rounds[-1] == 1.0


def test_what_cannot_be_aligned():
    source, target, _ = languages()
    with pytest.raises(InputError, match="of 2 words in the dictionary only 0"):
        align(source, target, {"nic": ["t1"], "s1": ["nic"]})
    narrow = Embeddings(target.words, target.vectors[:, :5])
    with pytest.raises(InputError, match="10 numbers, the target's 5"):
        align(source, narrow, {"s1": ["t1"]})
    assert normalize(source).unit.shape == source.vectors.shape
