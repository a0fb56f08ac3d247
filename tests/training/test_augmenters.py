"""Shuffled and translated examples."""

import numpy
import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import registry

from spacy_slavner.attributes import set_attributes
from spacy_slavner.corpora.sources import blank_pipeline
from spacy_slavner.crosslingual.documents import sentences
from spacy_slavner.crosslingual.embeddings import Embeddings, save_spacy
from spacy_slavner.errors import InputError
from spacy_slavner.training.augmenters import (
    create_augmented_corpus,
    create_reverse_translation,
    create_shuffle_words,
)

set_attributes()
NLP = spacy.blank("xx")
WORDS = "Jana Nová bydlí v Novém Městě . Petr Malý tam není a nebyl .".split()


def example(language: str = "cs") -> Example:
    reference = Doc(NLP.vocab, WORDS, sent_starts=[i in (0, 7) for i in range(len(WORDS))])
    names = [(0, 2, "PER"), (4, 6, "LOC"), (7, 9, "PER")]
    reference.set_ents([Span(reference, a, b, label=label) for a, b, label in names], default="outside")
    reference._.language, reference._.doc_id = language, "1"
    predicted = Doc(NLP.vocab, WORDS)
    predicted._.language = language
    return Example(predicted, reference)


def words_of(doc: Doc) -> list[str]:
    return [token.text for token in doc]


def test_shuffled_sentences_keep_their_words_and_names():
    shuffle = create_shuffle_words(seed=1)
    orders = set()
    for _ in range(20):
        (found,) = shuffle(NLP, example())
        doc = found.reference
        first, second = (words_of(sentence) for sentence in doc.sents)
        assert sorted(first) == sorted(WORDS[:7]) and sorted(second) == sorted(WORDS[7:])
        assert sorted((e.text, e.label_) for e in doc.ents) == [
            ("Jana Nová", "PER"), ("Novém Městě", "LOC"), ("Petr Malý", "PER"),
        ]  # fmt: skip
        assert words_of(found.predicted) == words_of(doc) and doc._.language == "cs"
        orders.add(" ".join(first))
    assert len(orders) > 10
    (same,) = create_shuffle_words(level=0.0)(NLP, example())
    assert words_of(same.reference) == WORDS


def test_documents_without_names_are_shuffled():
    doc = Doc(NLP.vocab, ["a", "b", "c"])
    (found,) = create_shuffle_words(seed=0)(NLP, Example(Doc(NLP.vocab, ["a", "b", "c"]), doc))
    assert sorted(words_of(found.reference)) == ["a", "b", "c"]
    assert not found.reference.has_annotation("ENT_IOB")
    empty = Doc(NLP.vocab, [])
    assert len(next(iter(create_shuffle_words()(NLP, Example(empty, empty)))).reference) == 0


def test_sentences_that_are_not_marked_are_found_by_the_rules_of_the_language(files):
    doc = blank_pipeline()("Jana bydlí v Brně. Četla Kdo jsi? Kam jdeš? a spí. A dost.")
    doc._.language = "cs"
    name = Span(doc, 6, 12, label="PRO")
    for names, lengths in (([], [5, 4, 6, 3]), ([name], [5, 10, 3])):
        doc.set_ents(names, default="outside")
        (shuffled,) = create_shuffle_words(seed=1)(NLP, Example(doc, doc))
        _, translated = create_reverse_translation(**files)(NLP, Example(doc, doc))
        assert [e.text for e in shuffled.reference.ents] == [e.text for e in names]
        for found in (shuffled.reference, shuffled.predicted, translated.reference, translated.predicted):
            assert [len(sentence) for sentence in found.sents] == lengths
        for old, new in zip(sentences(doc), shuffled.reference.sents, strict=True):
            assert sorted(words_of(old)) == sorted(words_of(new))
    assert words_of(shuffled.reference) != words_of(doc)
    assert [len(sentence) for sentence in sentences(Doc(NLP.vocab, words_of(doc)))] == [len(doc)]


@pytest.fixture
def files(tmp_path):
    (tmp_path / "cs-pl.txt").write_text("bydlí\tmieszka\nměstě\tmieście\nnovém\tnowym\n", encoding="utf-8")
    save_spacy(Embeddings(["bydlí"], numpy.ones((1, 3), dtype="float32")), tmp_path / "vectors")
    return {"dictionary": tmp_path, "vectors": tmp_path / "vectors", "source": "cs", "target": "pl"}


def test_translations_are_learnt_beside_the_source(files):
    one, two = create_reverse_translation(**files)(NLP, example())
    assert words_of(one.reference) == WORDS
    assert words_of(two.reference)[2:6] == ["mieszka", "v", "Nowym", "Mieście"]
    assert two.predicted.text == two.reference.text and two.predicted._.language == "pl"
    assert two.predicted._.doc_id is None
    assert [e.text for e in two.reference.ents] == ["Jana Nová", "Nowym Mieście", "Petr Malý"]
    (alone,) = create_reverse_translation(**files, with_source=False)(NLP, example())
    assert words_of(alone.reference) == words_of(two.reference)
    # The target's own text and that of third languages stay as they are.
    for language in ("pl", "ru"):
        (same,) = create_reverse_translation(**files, with_source=False)(NLP, example(language))
        assert words_of(same.reference) == WORDS and same.reference._.language == language


def test_what_is_missing_is_said_when_it_is_needed(files):
    missing = files | {"dictionary": None}
    assert len(list(create_reverse_translation(**missing, level=0.0)(NLP, example()))) == 1
    with pytest.raises(InputError, match="no dictionary.*--paths.dictionary"):
        list(create_reverse_translation(**missing)(NLP, example()))
    with pytest.raises(InputError, match="no source language.*--system.source_language"):
        list(create_reverse_translation(**files | {"source": None})(NLP, example()))
    with pytest.raises(InputError, match="no dictionary of 'cs'"):
        list(create_reverse_translation(**files | {"target": "sl"})(NLP, example()))


def test_a_corpus_of_which_nothing_is_translated_is_an_error(files):
    def read(examples, **changed):
        translate = create_reverse_translation(**files | changed)
        return list(create_augmented_corpus(lambda nlp: examples, {"translation": translate})(NLP))

    with pytest.raises(InputError, match="no documents in cs"):
        read([example("ru"), example("pl")])
    with pytest.raises(InputError, match="none of 14 words of the corpus is among the 3 of the dictionary"):
        read([example("pl")], source="pl", target="cs")
    assert len(read([example("ru"), example("cs")])) == 3
    assert len(read([example("ru")], level=0.0)) == 1 and read([]) == []


def test_augmenters_follow_each_other(files):
    make = registry.readers.get("spacy-slavner.AugmentedCorpus.v1")
    assert make is create_augmented_corpus
    shuffle = registry.augmenters.get("spacy-slavner.shuffle_words.v1")(level=1.0)
    translate = registry.augmenters.get("spacy-slavner.reverse_translation.v1")(**files)
    read = make(lambda nlp: [example(), example()], {"translation": translate, "shuffle": shuffle})
    found = list(read(NLP))
    assert [e.reference._.language for e in found] == ["cs", "pl"] * 2
    assert all(words_of(e.reference) != WORDS for e in found)
    assert len(list(make(lambda nlp: [example()])(NLP))) == 1
