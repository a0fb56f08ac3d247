import json
import warnings

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import Config

from spacy_slavner.attributes import set_attributes
from spacy_slavner.errors import InputError

set_attributes()
# Topic, language, and mentions: form, base form, type, id.
GERMANY, MERKEL, TUSK = "GPE-Germany", "PER-Angela-Merkel", "PER-Donald-Tusk"
CORPUS = [
    ("one", "pl", [("Niemiec", "Niemcy", "LOC", GERMANY), ("Angeli Merkel", "Angela Merkel", "PER", MERKEL)]),
    ("one", "ru", [("Германии", "Германия", "LOC", GERMANY), ("Меркель", "Меркель", "PER", MERKEL)]),
    ("two", "cs", [("Německu", "Německo", "LOC", GERMANY), ("Merkelová", "Merkelová", "PER", MERKEL)]),
    ("two", "pl", [("Niemcy", "Niemcy", "LOC", GERMANY), ("Tuskiem", "Tusk", "PER", TUSK)]),
    ("two", "ru", [("Германия", "Германия", "LOC", GERMANY), ("Туск", "Туск", "PER", TUSK)]),
]  # fmt: skip


def make_doc(nlp, language, mentions, ids=True):
    words = [word for form, *_ in mentions for word in (*form.split(), ",")]
    doc = Doc(nlp.vocab, words=words)
    spans, start = [], 0
    for form, _, type_, id in mentions:
        end = start + len(form.split())
        spans.append(Span(doc, start, end, label=type_, kb_id=id if ids else ""))
        start = end + 1
    doc.ents = spans
    for span, (_, base, *_) in zip(spans, mentions, strict=True):
        span._.base_form = base
    doc._.language = language
    return doc


def examples(nlp, ids=True):
    result = []
    for i, (topic, language, mentions) in enumerate(CORPUS * 3):
        doc = make_doc(nlp, language, mentions, ids)
        doc._.topic, doc._.source = topic, str(i)
        result.append(Example(nlp.make_doc(doc.text), doc))
    return result


def ids(doc):
    return [ent.kb_id_ for ent in doc.ents]


@pytest.fixture
def nlp():
    return spacy.blank("xx")


@pytest.fixture
def trained(nlp):
    nlp.add_pipe("name_linker")
    nlp.initialize(lambda: examples(nlp))
    return nlp


def test_learns_and_keeps_what_it_learnt(trained, tmp_path):
    trained.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    copied = spacy.blank("xx")
    copied.add_pipe("name_linker")
    copied.from_bytes(trained.to_bytes())
    for nlp in (trained, loaded, copied):
        linker = nlp.get_pipe("name_linker")
        for _, language, mentions in CORPUS:
            assert ids(linker(make_doc(nlp, language, mentions, ids=False))) == [m[3] for m in mentions]
    assert all(file.suffix in (".safetensors", ".json") for file in (tmp_path / "name_linker").iterdir())


def test_calls_and_pipe_are_the_same(trained):
    linker = trained.get_pipe("name_linker")
    one = [linker(make_doc(trained, lang, m, ids=False)) for _, lang, m in CORPUS]
    for size in (1, 2, 100):
        many = linker.pipe((make_doc(trained, lang, m, ids=False) for _, lang, m in CORPUS), batch_size=size)
        assert [ids(doc) for doc in many] == [ids(doc) for doc in one]
    assert list(linker.pipe([])) == []


def test_config_round_trip(nlp):
    settings = {"scope": "corpus", "held_out": "doc_id", "overwrite": True}
    nlp.add_pipe("name_linker", config=settings)
    config = Config().from_str(nlp.config.to_str(interpolate=False), interpolate=False)
    again = spacy.util.load_model_from_config(config, auto_fill=True, validate=True)
    assert again.config == config == nlp.config
    linker = again.get_pipe("name_linker")
    assert {name: getattr(linker, name) for name in settings} == settings
    assert list(linker.pipe([])) == []


JOHNSON = [
    ("pl", [("Borisem Johnsonem", "Boris Johnson", "PER", ""), ("Johnson", "Johnson", "PER", "")]),
    ("ru", [("Бориса Джонсона", "Борис Джонсон", "PER", "")]),
    ("ru", [("Джонсона", "Джонсон", "PER", "")]),
]


@pytest.mark.parametrize("train", [False, True])
def test_corpus_scope_gives_one_id(nlp, train):
    linker = nlp.add_pipe("name_linker", config={"scope": "corpus"})
    if train:
        nlp.initialize(lambda: examples(nlp))
    docs = list(linker.pipe(make_doc(nlp, *row) for row in JOHNSON))
    assert {id for doc in docs for id in ids(doc)} == {"PER-Boris-Johnson"}


def test_document_scope_depends_on_the_document_alone(nlp):
    linker = nlp.add_pipe("name_linker")
    docs = list(linker.pipe(make_doc(nlp, *row) for row in JOHNSON))
    assert ids(docs[0]) == ["PER-Boris-Johnson"] * 2
    assert ids(docs[2]) == ["PER-Dzhonson"]


def test_names_without_training(nlp, tmp_path):
    linker = nlp.add_pipe("name_linker")
    path = tmp_path / "names.csv"
    path.write_text("id,name,language,type\nQ183,Německo,cs,LOC\nQ183,Германия,,LOC\n", encoding="utf8")
    linker.knowledge.read(path)
    doc = make_doc(nlp, "cs", [("Německu", "Německo", "LOC", ""), ("Německo", "Německo", "LOC", "")])
    assert ids(linker(doc)) == ["Q183", "Q183"]
    assert ids(linker(make_doc(nlp, "bg", [("Гермáния", "Гермáния", "LOC", "")]))) == ["Q183"]
    assert ids(linker(make_doc(nlp, "bg", [("Румъния", "Румъния", "LOC", "")]))) != ["Q183"]


def test_initialize_from_names_alone(nlp, tmp_path):
    nlp.add_pipe("name_linker")
    path = tmp_path / "names.jsonl"
    path.write_text(json.dumps({"id": "Q1", "name": "Praha"}) + "\n", encoding="utf8")
    nlp.config["initialize"]["components"]["name_linker"] = {"names": str(path)}
    nlp.initialize(lambda: examples(nlp, ids=False))
    assert ids(nlp.get_pipe("name_linker")(make_doc(nlp, "cs", [("Praha", "Praha", "LOC", "")]))) == ["Q1"]


def test_what_is_left_out_is_counted(nlp, tmp_path):
    nlp.add_pipe("name_linker")
    path = tmp_path / "names.csv"
    path.write_text("id,name\nQ1,Praha\nQ1,Praha\nQ2,Praha\nQ1,Praha\n", encoding="utf8")
    nlp.config["initialize"]["components"]["name_linker"] = {"names": str(path)}
    signs = make_doc(nlp, "pl", [("...", None, "LOC", "GPE-Dots"), ("Łódź", None, "LOC", "GPE-Lodz")])
    with pytest.warns(UserWarning) as caught:
        nlp.initialize(lambda: [*examples(nlp), Example(nlp.make_doc(signs.text), signs)])
    said = [str(warning.message) for warning in caught if "name_linker" in str(warning.message)]
    assert [message.split(":")[1].split()[0] for message in said] == ["2", "1"]
    assert "repeated" in said[0] and "neither letters nor digits" in said[1]
    linker = nlp.get_pipe("name_linker")
    assert {row[:2] for row in linker.knowledge.counts} >= {("Q1", "Praha"), ("Q2", "Praha")}
    assert not any(row[0] == "GPE-Dots" for row in linker.knowledge.counts)


def test_unknown_type_in_a_file_is_an_error(nlp, tmp_path):
    nlp.add_pipe("name_linker")
    path = tmp_path / "names.csv"
    path.write_text("id,name,type\nQ1,Praha,CITY\n", encoding="utf8")
    nlp.config["initialize"]["components"]["name_linker"] = {"names": str(path)}
    with pytest.raises(InputError, match="names.csv.*CITY.*PER, LOC"):
        nlp.initialize(lambda: examples(nlp))


def test_no_ids_is_an_error(nlp):
    nlp.add_pipe("name_linker")
    with pytest.raises(InputError, match="no example has an id"):
        nlp.initialize(lambda: examples(nlp, ids=False))


@pytest.mark.parametrize("config", [{"scope": "world"}, {"held_out": "weather"}])
def test_unknown_settings(nlp, config):
    with pytest.raises(InputError, match="there is no"):
        nlp.add_pipe("name_linker", config=config)


def test_ids_that_are_there_stay(trained):
    linker = trained.get_pipe("name_linker")
    mentions = [("Niemcy", "Niemcy", "LOC", "my-id"), ("Niemcy", "Niemcy", "LOC", "")]
    assert ids(linker(make_doc(trained, "pl", mentions))) == ["my-id", "GPE-Germany"]
    linker.overwrite = True
    assert ids(linker(make_doc(trained, "pl", mentions))) == ["GPE-Germany"] * 2


def test_odd_names(trained):
    linker = trained.get_pipe("name_linker")
    mentions = [(form, None, "LOC", "") for form in ("...", "—", "2", "习近平", "ъ", "Ünïcödé")]
    with pytest.warns(UserWarning, match="2 names have neither letters nor digits"):
        linker(make_doc(trained, "pl", mentions))
    for language in (None, "xx", "pl"):
        # Once is enough.
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = ids(linker(make_doc(trained, language, mentions)))
        assert found[:2] == ["", ""]
        assert all(found[2:])
    assert ids(linker(trained.make_doc(""))) == []
    assert ids(linker(make_doc(trained, "pl", [("Niemcy", None, "PERSON", "")])))[0]


def test_a_language_that_no_document_had(trained):
    linker = trained.get_pipe("name_linker")
    for language in ("sl", "mk", "xx", None):
        doc = make_doc(trained, language, [("Niemcy", None, "LOC", ""), ("Германия", None, "LOC", "")])
        assert ids(linker(doc)) == [GERMANY, GERMANY]


def test_base_form_and_label_stay(trained):
    doc = trained.get_pipe("name_linker")(make_doc(trained, "pl", CORPUS[0][2], ids=False))
    assert [(ent.label_, ent._.base_form) for ent in doc.ents] == [
        ("LOC", "Niemcy"),
        ("PER", "Angela Merkel"),
    ]


def test_score(trained):
    linker = trained.get_pipe("name_linker")
    pairs = [
        Example(linker(make_doc(trained, lang, m, ids=False)), make_doc(trained, lang, m))
        for _, lang, m in CORPUS
    ]
    scores = linker.score(pairs)
    assert scores["nel_micro_f"] == 1.0


def test_damaged_folder(trained, tmp_path):
    trained.get_pipe("name_linker").to_disk(tmp_path / "x")
    (tmp_path / "x" / "names.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be loaded"):
        trained.get_pipe("name_linker").from_disk(tmp_path / "x")
