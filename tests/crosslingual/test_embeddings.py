"""Word vectors: fastText's files, joint vocabularies, training, spaCy's form."""

import struct

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc

from spacy_slavner.corpora.docbin import write_docbin
from spacy_slavner.corpora.sources import blank_pipeline, set_origin
from spacy_slavner.crosslingual.embeddings import (
    Embeddings,
    join,
    ngram_hashes,
    normalize,
    read_embeddings,
    read_sentences,
    save_spacy,
    train_vectors,
    write_embeddings,
)
from spacy_slavner.crosslingual.words import like, word_key
from spacy_slavner.errors import InputError
from spacy_slavner.pretraining.texts import find_texts

RNG = np.random.default_rng(0)


def some(*words: str, width: int = 4) -> Embeddings:
    return Embeddings(list(words), RNG.normal(size=(len(words), width)).astype("float32"))


def binary(path, words, matrix, buckets, shortest=3, longest=4, quantized=False):
    """A binary file as fastText's C++ writes it: header, settings, dictionary, matrix."""
    data = struct.pack("<2i", 793712314, 12)
    data += struct.pack("<12id", matrix.shape[1], 5, 1, 1, 5, 1, 2, 2, buckets, shortest, longest, 100, 1e-4)
    data += struct.pack("<3i2q", len(words), len(words), 0, 99, -1)
    for word in words:
        data += word.encode() + b"\0" + struct.pack("<qb", 7, 0)
    data += struct.pack("<?2q", quantized, *matrix.shape) + matrix.astype("<f4").tobytes()
    path.write_bytes(data)


def test_words_are_looked_up_in_small_letters_without_numbers_and_urls():
    words = ["Praha", "1,234.5", "-7", "20:15", "https://a.cz/b", "www.a.cz", "x@y.pl", "B2B", "—"]
    expected = ["praha", "num", "num", "num", "url", "url", "url", "b2b", "—"]
    assert [word_key(word) for word in words] == expected
    assert [word_key(word, lower=False, placeholders=False) for word in words] == words


def test_capital_letters_are_those_of_the_other_word():
    given = [like("praha", model) for model in ("Prague", "PRAGUE", "prague", "A")]
    assert given == ["Praha", "PRAHA", "praha", "Praha"]


def test_text_files(tmp_path):
    path = tmp_path / "a.vec"
    path.write_text("4 2\nPraha 1 2\nv 3 -4.5\npraha 9 9\n0 5 6\n", encoding="utf-8")
    read = read_embeddings(path)
    assert (read.words, read.skipped) == (["praha", "v", "0"], 1)
    assert read.vectors.tolist() == [[1, 2], [3, -4.5], [5, 6]]
    assert read_embeddings(path, limit=2).words == ["praha", "v"]
    assert read_embeddings(path, lower=False).words == ["Praha", "v", "praha", "0"]
    write_embeddings(read, tmp_path / "b.vec")
    again = read_embeddings(tmp_path / "b.vec")
    assert again.words == read.words and (again.vectors == read.vectors).all()


def test_many_words_grow_the_array(tmp_path):
    many = some(*(f"w{i}" for i in range(2500)), width=2)
    write_embeddings(many, tmp_path / "a.vec")
    read = read_embeddings(tmp_path / "a.vec", limit=2400)
    assert read.vectors.shape == (2400, 2)
    np.testing.assert_allclose(read.vectors, many.vectors[:2400], rtol=1e-3)


@pytest.mark.parametrize(
    "text, line, what",
    [
        ("2 2\na 1 2\nb 1 2 3\n", 3, "'b' has 3 numbers, others have 2"),
        ("a 1 2\nb x y\n", 2, "could not convert"),
        ("", None, "no word vectors"),
    ],
)
def test_bad_text_files(text, line, what, tmp_path):
    (tmp_path / "a.vec").write_text(text)
    with pytest.raises(InputError, match=what) as caught:
        read_embeddings(tmp_path / "a.vec")
    assert caught.value.line == line


def test_binary_files_give_the_mean_of_a_word_and_its_ngrams(tmp_path):
    words, buckets = ["Žižkov", "dům", "</s>"], 11
    matrix = RNG.normal(size=(len(words) + buckets, 5)).astype("float32")
    binary(tmp_path / "a.bin", words, matrix, buckets)
    read = read_embeddings(tmp_path / "a.bin", lower=False)
    assert read.words == words

    def fnv(gram: str) -> int:
        value = 2166136261
        for byte in gram.encode():
            signed = byte - 256 if byte > 127 else byte
            value = ((value ^ (signed % 2**32)) * 16777619) % 2**32
        return value

    for row, word in enumerate(words):
        marked = f"<{word}>"
        grams = [marked[i : i + n] for i in range(len(marked)) for n in (3, 4) if i + n <= len(marked)]
        rows = [row, *(len(words) + fnv(gram) % buckets for gram in grams)]
        np.testing.assert_allclose(read.vectors[row], matrix[rows].mean(0), rtol=1e-5)
    assert fnv("a") == 0xE40C292C  # from the published test vectors of FNV-1a


def test_single_marks_are_no_ngrams():
    assert len(ngram_hashes("<ab>", 1, 1)) == 2
    assert ngram_hashes("<ab>", 3, 0) == []


def test_bad_binary_files(tmp_path):
    path = tmp_path / "a.bin"
    binary(path, ["a"], np.ones((4, 2)), 3)
    whole = path.read_bytes()
    damaged = [b"12345678", whole[:100], whole[:-4]]
    for data, what in zip(damaged, ("no binary file", "truncated", "truncated"), strict=True):
        path.write_bytes(data)
        with pytest.raises(InputError, match=what):
            read_embeddings(path)
    binary(path, ["a"], np.ones((4, 2)), 3, quantized=True)
    with pytest.raises(InputError, match="quantised"):
        read_embeddings(path)


def test_normalisation():
    vectors = normalize(some(*"abcdef"), ("renorm", "center", "renorm")).vectors
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(normalize(some(*"abc"), ("center",)).vectors.mean(0), 0, atol=1e-6)
    with pytest.raises(InputError, match="'unit'"):
        normalize(some("a"), ("unit",))


def test_joint_words_have_no_duplicates_and_the_first_languages_vectors(tmp_path):
    one, two = some("a", "v", "dům"), some("v", "w", "dom", "z")
    joint = join(one, two)
    assert sorted(joint.words) == sorted({*one.words, *two.words}) and joint.skipped == 1
    assert joint.words[:2] == ["a", "v"]
    for word in joint.words:
        own = one if word in one.rows else two
        assert (joint.vectors[joint.rows[word]] == own.vectors[own.rows[word]]).all()
    with pytest.raises(InputError, match="4 and 3 numbers"):
        join(one, some("x", width=3))
    save_spacy(joint, tmp_path / "joint")
    nlp = spacy.load(tmp_path / "joint")
    assert (nlp.vocab["dom"].vector == two.vectors[2]).all() and not nlp.vocab["nic"].has_vector
    again = read_embeddings(tmp_path / "joint", limit=0)
    assert again.words == joint.words and (again.vectors == joint.vectors).all()


def test_training_is_repeatable_and_floret_loads_in_spacy(tmp_path):
    pytest.importorskip("floret")
    sentences = [["kočka", "pije", "mléko"], ["pes", "pije", "vodu"]] * 20
    one, two = (train_vectors(sentences, width=5, epochs=1) for _ in range(2))
    assert one.words[0] == "pije" and "</s>" not in one.words
    assert (one.vectors == two.vectors).all() and one.vectors.any(1).all()
    train_vectors(sentences, width=5, epochs=1, floret=tmp_path / "a.floret", buckets=100)
    assert (tmp_path / "a.floret").read_text().startswith("100 5 ")
    with pytest.raises(InputError, match="no text"):
        train_vectors([])


def test_words_of_texts(tmp_path):
    (tmp_path / "cs.txt").write_text("Praha má 1,3 milionu.\nBrno ne.", encoding="utf-8")
    lines = list(read_sentences(find_texts([tmp_path / "cs.txt"], languages=["cs"]), "cs"))
    assert lines == [["praha", "má", "num", "milionu", "."], ["brno", "ne", "."]]
    # The tokens of column files are looked up as they are, whatever a tokenizer makes of them.
    words = ["''", "Zuid-Afrika", "1.", "'s"]
    doc = set_origin(Doc(blank_pipeline().vocab, words=words), doc_id="1", language="nl")
    write_docbin([doc], tmp_path / "nl.spacy")
    assert list(read_sentences(find_texts([tmp_path / "nl.spacy"]), "nl")) == [
        ["''", "zuid-afrika", "1.", "'s"]
    ]


def test_words_of_an_encoder(tiny_encoder):
    import torch
    from transformers import AutoModel, AutoTokenizer

    from spacy_slavner.crosslingual.encoder_words import encode_words

    words = ["praha", "a", "nejneobhospodařovávanější"]
    found = encode_words(words, tiny_encoder)
    tokenizer, model = AutoTokenizer.from_pretrained(tiny_encoder), AutoModel.from_pretrained(tiny_encoder)
    for word, vector in zip(words, found.vectors, strict=True):
        with torch.no_grad():
            output = model.eval()(**tokenizer(word, return_tensors="pt")).last_hidden_state[0]
        np.testing.assert_allclose(vector, output[1:-1].mean(0), atol=1e-5)
