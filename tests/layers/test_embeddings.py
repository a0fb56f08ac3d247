"""Frozen word vectors, and characters that languages share."""

import numpy
import pytest
import spacy
from spacy.tokens import Doc

from spacy_slavner.architectures import CharBiLSTM_v1, CharBiLSTM_v2, FrozenVectors_v1, WordsAndCharacters_v1
from spacy_slavner.attributes import set_attributes
from spacy_slavner.crosslingual.coverage import unknown_words
from spacy_slavner.crosslingual.embeddings import Embeddings, to_spacy
from spacy_slavner.errors import InputError

set_attributes()
WORDS = ["praha", "num", "url", "v", "Brno"]
VECTORS = numpy.arange(20, dtype="float32").reshape(5, 4) + 1
NLP = to_spacy(Embeddings(WORDS, VECTORS))


def doc(*words: str, language: str | None = None, nlp=NLP) -> Doc:
    result = Doc(nlp.vocab, list(words))
    result._.language = language
    return result


def test_words_are_looked_up_without_touching_the_text():
    text = doc("V", "Praha", "1,5", "www.a.cz", "PRAHA")
    (found,) = FrozenVectors_v1().predict([text])
    assert found.tolist() == VECTORS[[3, 0, 1, 2, 0]].tolist()
    assert text.text == "V Praha 1,5 www.a.cz PRAHA " and text[1].idx == 2
    exact = FrozenVectors_v1(lower=False).predict([doc("Brno", "Praha")])[0]
    assert exact[0].tolist() == VECTORS[4].tolist() and abs(exact[1]).max() <= 0.1


def test_unknown_words_have_a_vector_drawn_once():
    model, other = FrozenVectors_v1(), to_spacy(Embeddings(["jiná"], VECTORS[:1]))
    one = model.predict([doc("Nic", "nikdo", "nic")])[0]
    two = FrozenVectors_v1().predict([doc("x", "nic", nlp=other)])[0]
    assert (one[0] == one[2]).all() and (one[0] == two[1]).all() and (one[0] != one[1]).any()
    assert abs(one).max() <= 0.1 and abs(one).max() > 0.05
    shared = FrozenVectors_v1(one_unknown=True, spread=1.0).predict([doc("nic", "nikdo")])[0]
    assert (shared[0] == shared[1]).all() and abs(shared).max() > 0.1


def test_vectors_are_frozen_and_missing_ones_are_an_error():
    model = FrozenVectors_v1()
    model.initialize(X=[doc("v")])
    assert model.get_dim("nO") == 4
    found, backprop = model.begin_update([doc("v"), doc(), doc("praha", "v")])
    assert [array.shape for array in found] == [(1, 4), (0, 4), (2, 4)]
    assert backprop(found) == [] and (NLP.vocab["v"].vector == VECTORS[3]).all()
    assert [array.shape for array in model.predict([doc()])] == [(0, 4)]
    with pytest.raises(InputError, match="no word vectors.*--paths.vectors"):
        FrozenVectors_v1().initialize(X=[Doc(spacy.blank("xx").vocab, ["v"])])
    with pytest.raises(InputError, match="none of the 2 different words .* has a vector.*--paths.vectors"):
        # What stands in text of every language is no word of this one.
        FrozenVectors_v1().initialize(X=[doc("nic", "nikdo", "1,5", "www.a.cz"), doc("nic")])
    FrozenVectors_v1().initialize(X=[doc()])


def test_floret_tables_know_every_word(tmp_path):
    from spacy.vectors import Vectors

    nlp = spacy.blank("xx")
    nlp.vocab.vectors = Vectors(
        strings=nlp.vocab.strings, data=VECTORS, mode="floret", hash_count=2, minn=2, maxn=3
    )
    found = FrozenVectors_v1().predict([doc("PRAHA", "praha", "Cokoli", nlp=nlp)])[0]
    assert (found[0] == found[1]).all() and (found[0] == nlp.vocab["praha"].vector).all()
    assert (found[2] == nlp.vocab["cokoli"].vector).all() and found[2].any()


def test_one_kind_or_both():
    docs = [doc("Praha", "nic"), doc()]
    widths = {}
    for use in ("both", "words", "characters"):
        model = WordsAndCharacters_v1(FrozenVectors_v1(), CharBiLSTM_v2(5, 3), use)
        model.initialize(X=docs)
        found, backprop = model.begin_update(docs)
        backprop(found)
        widths[use] = found[0].shape[1]
    assert widths == {"both": 10, "words": 4, "characters": 6}
    with pytest.raises(InputError, match="use is 'none'"):
        WordsAndCharacters_v1(FrozenVectors_v1(), CharBiLSTM_v2(), "none")


def test_characters_are_romanised_by_the_language():
    model = CharBiLSTM_v2(5, 3)
    model.initialize(X=[doc("a")])

    def vector(word: str, language: str | None = None):
        return model.predict([doc("v", "o", language="pl"), doc(), doc("a", word, language=language)])[2][1]

    assert (vector("Москва", "ru") == vector("moskva", "en")).all()
    assert (vector("Щука", "bg") == vector("shtuka")).all()
    assert (vector("Щука", "ru") != vector("shtuka")).any()
    assert (vector("2019") == vector("12")).all() and (vector("Žižka") == vector("zizka")).all()
    # The same word of two languages in one batch.
    both = model.predict([doc("щука", language="bg"), doc("щука", language="ru")])
    assert (both[0] == vector("щука", "bg")).all() and (both[1] == vector("щука", "ru")).all()
    plain = CharBiLSTM_v1(5, 3)
    plain.initialize(X=[doc("a")])
    assert (plain.predict([doc("Žižka")])[0] != plain.predict([doc("zizka")])[0]).any()


def test_dropout_is_on_the_result_and_in_training_alone():
    model = CharBiLSTM_v2(5, 50, dropout=0.5)
    model.initialize(X=[doc("a")])
    assert (model.predict([doc("praha")])[0] != 0).all()
    found = model.begin_update([doc("praha")])[0][0]
    assert 0.3 < float((found == 0).mean()) < 0.7


def test_unknown_words_by_type_and_token():
    found = unknown_words([doc("Praha", "v", "v", "nic"), doc("nic", "Nikdo", "7", "8")])
    assert found == {"types": 2 / 5, "tokens": 3 / 8, "n_types": 5, "n_tokens": 8}
    assert unknown_words([])["n_types"] == 0
