import pytest
import spacy

from spacy_slavner.corpora.docbin import write_docbin
from spacy_slavner.corpora.reader import create_corpus, cut
from spacy_slavner.corpora.sources import blank_pipeline, set_origin
from spacy_slavner.errors import InputError

NLP = blank_pipeline()
TEXT = "Praha mlčí.\nV Praze jednal Petr Fiala s Janem Novákem. Potom Petr Fiala odjel.\n\nBrno."
FORMS = {"Praha": "LOC", "Praze": "LOC", "Petr Fiala": "PER", "Janem Novákem": "PER", "Brno": "LOC"}


def make_doc(language: str = "cs", topic: str = "vlada", sentences: bool = False):
    doc = NLP.make_doc(TEXT)
    spans = []
    for form, label in FORMS.items():
        start = TEXT.find(form)
        while start >= 0:
            spans.append(doc.char_span(start, start + len(form), label=label, kb_id=f"{label}-{form}"))
            start = TEXT.find(form, start + 1)
    doc.set_ents(spans, default="outside")
    for ent in doc.ents:
        ent._.base_form = f"base of {ent.text}"
    if sentences:
        for token in doc:
            token.is_sent_start = token.i == 0 or doc[token.i - 1].text in (".", "\n")
    return set_origin(doc, language=language, topic=topic, doc_id=f"{language}-{topic}", source="a.txt")


@pytest.fixture
def path(tmp_path):
    docs = [make_doc(language, topic) for language in ("bg", "cs") for topic in ("vlada", "sport")]
    docs.append(NLP.make_doc(""))
    write_docbin(docs, tmp_path / "a.spacy")
    return tmp_path / "a.spacy"


def read(path, nlp=NLP, **settings):
    return list(create_corpus(path, **settings)(nlp))


def test_it_is_registered(path):
    reader = spacy.registry.readers.get("spacy-slavner.Corpus.v1")(path=path)
    assert len(list(reader(NLP))) == 5


def test_the_prediction_knows_no_more_than_it_may(path):
    example = read(path)[0]
    predicted, reference = example.predicted, example.reference
    assert [t.text for t in predicted] == [t.text for t in reference] and not predicted.ents
    assert (predicted._.language, predicted._.topic, predicted._.doc_id) == ("bg", "vlada", "bg-vlada")
    assert len(reference.ents) == 6 and reference.ents[0]._.base_form == "base of Praha"
    assert read(path, know_language=False)[0].predicted._.language is None


def test_selection(path):
    assert [e.reference._.doc_id for e in read(path, languages=["cs"])] == ["cs-vlada", "cs-sport"]
    assert [e.reference._.doc_id for e in read(path, topics=["sport"])] == ["bg-sport", "cs-sport"]
    assert [e.reference._.doc_id for e in read(path, limit=1, languages=["cs"])] == ["cs-vlada"]
    # Of each language: the file has one after the other.
    assert [e.reference._.doc_id for e in read(path, limit=2)] == ["bg-vlada", "cs-vlada"]
    assert len(read(path, limit=9)) == 5


def test_shuffling_changes_each_time_and_follows_the_seed(path):
    def orders(seed):
        reader = create_corpus(path, shuffle=True, seed=seed)
        return [[e.reference._.doc_id for e in reader(NLP)] for _ in range(6)]

    assert orders(1) == orders(1) != orders(2)
    assert len({tuple(order) for order in orders(1)}) > 1
    assert {frozenset(order) for order in orders(1)} == {frozenset(orders(2)[0])}


def test_other_tokens_than_the_reference(path):
    spaces = spacy.blank("xx")
    spaces.tokenizer.prefix_search = spaces.tokenizer.suffix_search = None
    plain, gold = read(path, spaces)[0], read(path, spaces, gold_preproc=True)[0]
    assert len(plain.predicted) < len(plain.reference) and plain.predicted.text == TEXT
    assert len(gold.predicted) == len(gold.reference) and gold.predicted.text == TEXT


@pytest.mark.parametrize("sentences", [False, True])
@pytest.mark.parametrize("max_tokens", [1, 2, 3, 5, 7, 12, 100])
def test_pieces_keep_everything(sentences, max_tokens):
    doc = make_doc(sentences=sentences)
    pieces = list(cut(doc, max_tokens))
    assert "".join(piece.text_with_ws for piece in pieces) == TEXT
    assert sum(len(piece) for piece in pieces) == len(doc)
    assert all(len(piece) <= max(max_tokens, 2) for piece in pieces)
    ents = [ent for piece in pieces for ent in piece.ents]
    for ent, original in zip(ents, doc.ents, strict=True):
        assert (ent.text, ent.label_, ent.kb_id_) == (original.text, original.label_, original.kb_id_)
        assert ent._.base_form == original._.base_form
    for piece in pieces:
        assert piece._.language == "cs" and piece._.source == "a.txt"
        assert piece.has_annotation("ENT_IOB")
        offsets = {(e.start_char, e.end_char) for e in piece.ents}
        kept = {key[2:] for key in piece.user_data if key[1] == "base_form"}
        assert kept == offsets


def test_pieces_end_where_sentences_or_lines_do():
    assert [p.text.strip() for p in cut(make_doc(sentences=True), 12)] == [
        "Praha mlčí.",
        "V Praze jednal Petr Fiala s Janem Novákem.",
        "Potom Petr Fiala odjel.\n\nBrno.",
    ]
    assert next(cut(make_doc(), 6)).text == "Praha mlčí.\n"


def test_pieces_are_cut_by_the_reader(path):
    examples = read(path, max_tokens=8)
    assert len(examples) > 5 and all(len(e.reference) <= 8 for e in examples)
    assert all(e.predicted.text == e.reference.text for e in examples)


def test_unknown_spaces(tmp_path):
    from spacy.tokens import Doc

    doc = Doc(NLP.vocab, words=["a-b", ",", "c", "d"], sent_starts=[1, 0, 1, 0])
    write_docbin([doc], tmp_path / "a.spacy")
    (example,) = read(tmp_path / "a.spacy")
    assert [t.text for t in example.predicted] == ["a-b", ",", "c", "d"]
    assert [len(e.predicted) for e in read(tmp_path / "a.spacy", max_tokens=2)] == [2, 2]
    assert next(cut(doc, 2)).has_unknown_spaces


def test_bad_paths(tmp_path):
    with pytest.raises(InputError, match="no path"):
        read(None)
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "no.spacy")
