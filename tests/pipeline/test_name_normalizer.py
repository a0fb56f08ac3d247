import pytest
import spacy
from spacy.tokens import Span
from spacy.training import Example
from thinc.api import Config

from spacy_slavner.errors import InputError
from spacy_slavner.pipeline.name_normalizer import lessons_of

# Names in -ana, -ova and the like are new in the test: only endings can be learned from these.
STEMS = (
    "Adam Bohdan Dominik Filip Gustaw Henryk Jan Konrad Robert Stefan Teodor Wiktor Zenon Norbert "
    "Albin Cyprian Emil Florian Marian Oskar Roman Seweryn Urban Walerian"
).split()


def make_doc(nlp, text, names, language="pl", topic=None, base_forms=True):
    """Make a document whose names are given as (form, base form)."""
    doc = nlp.make_doc(text)
    doc._.language, doc._.topic = language, topic
    spans = []
    for form, base in names:
        start = text.index(form)
        span = doc.char_span(start, start + len(form), label="PER")
        span._.base_form = base if base_forms else None
        spans.append(span)
    doc.set_ents(spans)
    return doc


def make_docs(nlp):
    docs = []
    for i, stem in enumerate(STEMS):
        text = f"Dla {stem}a i z {stem}em był {stem} ."
        names = [(f"{stem}a", stem), (f"{stem}em", stem)]
        docs.append(make_doc(nlp, text, names, topic=str(i % 4)))
    docs.append(make_doc(nlp, "Mowa o Nord-Streamie .", [("Nord-Streamie", "Nord Stream")]))
    return docs


def trained(**config):
    nlp = spacy.blank("xx")
    nlp.add_pipe("name_normalizer", config={"learned": {"words": 0, "buckets": 4096, "width": 16}, **config})
    docs = make_docs(nlp)
    nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc) for doc in docs])
    return nlp


@pytest.fixture(scope="module")
def nlp():
    return trained()


def bases(nlp, doc):
    return [ent._.base_form for ent in nlp.get_pipe("name_normalizer")(doc).ents]


def test_known_and_new_names(nlp):
    text = "Dla Adama i dla Ksawera oraz Nord-Streamie ."
    doc = make_doc(nlp, text, [(form, None) for form in ("Adama", "Ksawera", "Nord-Streamie")])
    assert bases(nlp, doc) == ["Adam", "Ksawer", "Nord Stream"]


def test_methods_alone():
    forms = [("Adama", None), ("Ksawera", None)]
    for methods, found in (
        (["memory"], ["Adam", "Ksawera"]),
        (["learned"], ["Adam", "Ksawer"]),
        ([], ["Adama", "Ksawera"]),
    ):
        nlp = trained(methods=methods)
        assert bases(nlp, make_doc(nlp, "Dla Adama i dla Ksawera .", forms)) == found


def test_same_after_reload(nlp, tmp_path):
    def predict(pipeline):
        docs = [
            make_doc(pipeline, f"Bez {x}a albo z {x}em .", [(f"{x}a", None), (f"{x}em", None)])
            for x in ("Ali", "Igor")
        ]
        return pipeline.get_pipe("name_normalizer").predict(docs)

    nlp.to_disk(tmp_path / "pipeline")
    other = spacy.blank("xx")
    other.add_pipe("name_normalizer")
    other.from_bytes(nlp.to_bytes())
    assert predict(spacy.load(tmp_path / "pipeline")) == predict(other) == predict(nlp)
    assert not list((tmp_path / "pipeline").rglob("*.pkl"))
    (tmp_path / "pipeline" / "name_normalizer" / "learned.msgpack").unlink()
    with pytest.raises(InputError, match="learned.msgpack"):
        spacy.load(tmp_path / "pipeline")


def test_training_is_reproducible(nlp):
    again = trained()
    weights = [pipeline.get_pipe("name_normalizer").methods["learned"].model for pipeline in (nlp, again)]
    assert all((weights[0].get_param(x) == weights[1].get_param(x)).all() for x in weights[0].param_names)


def test_batches_give_what_single_documents_give(nlp):
    texts = [f"Dla {x}a był {x} ." for x in ("Tymon", "Igor", "Leon")] + ["", "Nic ."]
    pipe = nlp.get_pipe("name_normalizer")

    def make(i):
        return make_doc(nlp, texts[i], [(texts[i].split()[1], None)] if i < 3 else [])

    together = [[e._.base_form for e in doc.ents] for doc in pipe.pipe(make(i) for i in range(5))]
    assert together == [bases(nlp, make(i)) for i in range(5)]
    assert together[3:] == [[], []]
    assert list(pipe.pipe([])) == pipe.predict([]) == []


def test_config_round_trip():
    settings = {"methods": ["learned"], "learned": {"width": 8}, "overwrite": True, "seed": 3}
    nlp = spacy.blank("xx")
    nlp.add_pipe("name_normalizer", config=settings)
    config = Config().from_str(nlp.config.to_str(interpolate=False), interpolate=False)
    again = spacy.util.load_model_from_config(config, auto_fill=True, validate=True)
    assert again.config == config == nlp.config
    pipe = again.get_pipe("name_normalizer")
    found = [list(pipe.methods), {"width": pipe.methods["learned"].settings.width}, pipe.overwrite, pipe.seed]
    assert found == [*settings.values()]
    # Nothing is learnt yet.
    assert bases(again, make_doc(again, "Dla Adama .", [("Adama", None)])) == ["Adama"]


def test_names_of_signs_unknown_languages_and_documents_without(nlp):
    assert bases(nlp, make_doc(nlp, "Tak !!! jest", [("!!!", None)])) == ["!!!"]
    assert bases(nlp, make_doc(nlp, "Zur Ksawera", [("Ksawera", None)], language="de")) == ["Ksawera"]
    fresh = spacy.blank("xx")
    fresh.add_pipe("name_normalizer")
    fresh.from_bytes(nlp.to_bytes())
    doc = make_doc(fresh, "Dla Ksawera .", [("Ksawera", None)], language=None)
    with pytest.warns(UserWarning, match="language_id"):
        assert bases(fresh, doc) == ["Ksawera"]


def test_base_forms_that_are_there_stay(nlp):
    doc = make_doc(nlp, "Dla Adama .", [("Adama", "Ewa")])
    assert bases(nlp, doc) == ["Ewa"]
    pipe = nlp.get_pipe("name_normalizer")
    pipe.overwrite = True
    try:
        assert bases(nlp, doc) == ["Adam"]
    finally:
        pipe.overwrite = False


def test_parts_of_a_document_are_one_text(nlp):
    from spacy_slavner.pipeline.name_normalizer import lessons_of

    docs = make_docs(nlp)[:3]
    for doc in docs[:2]:
        doc._.source, doc._.doc_id = "raw/x.txt", "x"
    lessons = lessons_of(docs)
    assert [[len(text.names), len(found)] for text, found in lessons] == [[4, 4], [2, 2]]
    assert lessons[0][0].words["był"] == 2


def test_nothing_to_learn_from():
    nlp = spacy.blank("xx")
    nlp.add_pipe("name_normalizer")
    doc = make_doc(nlp, "Dla Adama .", [("Adama", None)])
    with pytest.raises(InputError, match="no name of the training documents has a base form"):
        nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc)])
    with pytest.raises(InputError, match="cannot take 'magic'"):
        spacy.blank("xx").add_pipe("name_normalizer", config={"methods": ["magic"]})
    with pytest.raises(InputError, match="'depth'"):
        spacy.blank("xx").add_pipe("name_normalizer", config={"learned": {"depth": 3}})


def test_score(nlp):
    reference = make_doc(nlp, "Dla Adama i Ewa i Jan .", [("Adama", "Adam"), ("Ewa", "Ewa"), ("Jan", "Jan")])
    predicted = make_doc(nlp, reference.text, [("Adama", "Adama"), ("Ewa", "ewa")])
    scores = nlp.get_pipe("name_normalizer").score([Example(predicted, reference)])
    assert scores == {"base_form_acc": 0.5, "base_form_acc_cased": 0.0, "base_form_acc_changed": 0.0}
    nothing = nlp.make_doc("Nic")
    assert set(nlp.get_pipe("name_normalizer").score([Example(nothing, nothing)]).values()) == {None}
    assert isinstance(reference.ents[0], Span)


def test_slips_of_the_keyboard_are_not_learnt():
    nlp = spacy.blank("xx")
    nlp.add_pipe("name_normalizer", config={"methods": ["memory"]})
    names = [("Києві", "Ки[в"), ("Львові", "Львів"), ("[CEPI]", "[CEPI]")]
    doc = make_doc(nlp, "У Києві та Львові [CEPI] .", names, language="uk")
    ((_, bases),) = lessons_of([doc])
    assert bases == [None, "Львів", "[CEPI]"]
