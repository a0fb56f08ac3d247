"""The registered scorers."""

import pytest
import spacy
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import registry

from spacy_slavner.attributes import set_attributes
from spacy_slavner.evaluation import evaluate_examples
from spacy_slavner.evaluation.scorer import make_bsnlp_scorer, make_language_scorer

VOCAB = spacy.vocab.Vocab()
set_attributes()


def make_doc(words, spans=(), *, doc_id=None, language="cs", topic="brexit", missing=()):
    """spans: (start, end, type, base form, id)."""
    doc = Doc(VOCAB, words=words)
    doc._.doc_id, doc._.language, doc._.topic = doc_id, language, topic
    entities = []
    for start, end, label, base_form, id_ in spans:
        entity = Span(doc, start, end, label, kb_id=id_)
        entity._.base_form = base_form
        entities.append(entity)
    doc.set_ents(entities, missing=[doc[i : i + 1] for i in missing], default="outside")
    return doc


def example(words, gold, predicted, *, missing=(), **keywords):
    reference = make_doc(words, gold, missing=missing, **keywords)
    return Example(make_doc(words, predicted, **keywords), reference)


WORDS = "V Praze a v Brně byla Theresa May .".split()
GOLD = [
    (1, 2, "LOC", "Praha", "GPE-Prague"),
    (4, 5, "LOC", "Brno", "GPE-Brno"),
    (6, 8, "PER", "Theresa May", "PER-May"),
]
FOUND = [(1, 2, "LOC", "Praha", "GPE-Prague"), (7, 8, "PER", "May", "PER-May")]


def test_scorers_are_registered():
    assert registry.scorers.get("spacy-slavner.bsnlp_scorer.v1") is make_bsnlp_scorer
    assert registry.scorers.get("spacy-slavner.language_scorer.v1") is make_language_scorer


def test_scores_of_names():
    scores = make_bsnlp_scorer()([example(WORDS, GOLD, FOUND, doc_id="1")], nlp=None)
    assert scores["ents_p"] == pytest.approx(1 / 2)
    assert scores["ents_r"] == pytest.approx(1 / 3)
    assert scores["ents_per_type"]["LOC"]["p"] == pytest.approx(1)
    assert scores["bsnlp_rpm_p"] == 1
    assert scores["bsnlp_rpm_r"] == pytest.approx(2 / 3)
    assert scores["bsnlp_sm_p"] == pytest.approx(1 / 2)
    assert scores["bsnlp_norm_p"] == 1  # May is its own base form and does not count
    assert scores["bsnlp_norm_r"] == 1 / 2
    wanted = {f"bsnlp_{m}_{k}" for m in ("rpm", "rem", "sm", "norm") for k in "prf"}
    wanted |= {f"bsnlp_lea_{level}" for level in ("document", "language", "cross_language")}
    assert wanted < set(scores)


def test_names_equal_spacy():
    examples = [
        example(WORDS, GOLD, FOUND),
        example(WORDS, GOLD, GOLD),
        example(WORDS, [], FOUND, missing=[7]),
    ]
    scores = make_bsnlp_scorer()(examples)
    assert {key: scores[key] for key in scores if key.startswith("ents")} == get_ner_prf(examples)


def test_pieces_with_one_id_are_one_document():
    # The same form twice: once per piece, one form for the document.
    piece = example(["Praha"], [(0, 1, "LOC", "Praha", "p")], [(0, 1, "LOC", "Praha", "p")], doc_id="1")
    wrong = example(["Praha"], [(0, 1, "LOC", "Praha", "p")], [], doc_id="1")
    score = make_bsnlp_scorer()
    assert score([piece, wrong])["bsnlp_sm_r"] == 1
    wrong.reference._.doc_id = "2"
    assert score([piece, wrong])["bsnlp_sm_r"] == 1 / 2


def test_documents_without_an_id_stay_apart():
    one = example(["Praha"], [(0, 1, "LOC", "Praha", "p")], [(0, 1, "LOC", "Praha", "p")])
    other = example(["Praha"], [(0, 1, "LOC", "Praha", "p")], [])
    assert make_bsnlp_scorer()([one, other])["bsnlp_sm_r"] == 1 / 2


def test_references_without_annotation_are_left_out():
    bare = Example(make_doc(WORDS, FOUND), Doc(VOCAB, words=WORDS))
    scores = make_bsnlp_scorer()([bare])
    assert set(scores.values()) == {None}
    result = evaluate_examples([bare, example(WORDS, GOLD, GOLD)])
    assert (result["documents"], result["skipped"], result["tokens"]) == (1, 1, len(WORDS))
    # A reference that says there is no name does count.
    assert make_bsnlp_scorer()([example(WORDS, [], FOUND)])["bsnlp_sm_p"] == 0


def test_other_tokens_than_the_reference():
    predicted = Doc(VOCAB, words=["Rolls", "-", "Royce", "byl"], spaces=[False, False, True, False])
    predicted.set_ents([Span(predicted, 0, 3, "ORG", kb_id="r")])
    reference = Doc(VOCAB, words=["Rolls-Royce", "byl"], spaces=[True, False])
    reference.set_ents([Span(reference, 0, 1, "ORG", kb_id="r")])
    result = evaluate_examples([Example(predicted, reference)])
    assert result["span"]["overall"]["f"] == result["word"]["overall"]["f"] == 1
    assert result["bsnlp"]["overall"]["SM"]["f"] == 1


def test_other_labels_have_no_scores_of_the_shared_task():
    name = [(0, 1, "Facility", "Praha", "p")]
    scores = make_bsnlp_scorer()([example(["Praha"], name, name)])
    assert scores["ents_f"] == pytest.approx(1)
    assert scores["bsnlp_sm_f"] is None
    assert evaluate_examples([example(["Praha"], name, name)])["bsnlp"] is None


def test_languages():
    examples = [example(WORDS, [], [], language=language) for language in ("cs", "cs", "pl", None)]
    examples[1].predicted._.language = "pl"
    score = make_language_scorer()
    scores = score(examples)
    assert scores["lang_acc"] == pytest.approx(2 / 3)
    assert scores["lang_per_type"]["cs"] == {"p": 1, "r": 1 / 2, "f": pytest.approx(2 / 3)}
    assert scores["lang_per_type"]["pl"]["p"] == 1 / 2
    assert score(examples[3:]) == {"lang_acc": None, "lang_per_type": None}


def test_no_examples():
    assert set(make_bsnlp_scorer()([]).values()) == {None}
    result = evaluate_examples([])
    assert result["bsnlp"] is None and result["language"] is None and result["confusions"] is None


def test_results_are_json():
    import json

    result = evaluate_examples([example(WORDS, GOLD, FOUND, doc_id="1")])
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["span"]["by_language"]["cs"]["gold"] == 3
    found = {"right": {"LOC": {"LOC": 1}}, "other edges": {"PER": {"PER": 1}}, "missed": {"LOC": {"": 1}}}
    assert result["confusions"] == found
    assert result["bsnlp"]["by_topic"]["brexit"]["SM"]["r"] == pytest.approx(1 / 3)
