"""The component `feature_crf`, which learns when the pipeline is initialised."""

import pickle

import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Config

from spacy_slavner.errors import InputError
from spacy_slavner.layers.feature_crf import CrfModel, sentence_features

pytest.importorskip("pycrfsuite")
TRAIN = [
    ("Jana Nowaka widziano w Pradze . Gazprom milczy .", ["Jana Nowaka:PER", "Pradze:LOC", "Gazprom:ORG"]),
    ("V Praze byla Anna Nováková a Karel .", ["Praze:LOC", "Anna Nováková:PER", "Karel:PER"]),
    ("Газпром строит Северный поток .", ["Газпром:ORG", "Северный поток:PRO"]),
    ("Вчера было холодно .", []),
]


def make_nlp(**config):
    nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    scorer = {"@scorers": "spacy.ner_scorer.v1"}
    nlp.add_pipe("feature_crf", config={"min_frequency": 1, "c2": 0.01, "scorer": scorer, **config})
    return nlp


def examples_of(nlp) -> list[Example]:
    examples = []
    for text, names in TRAIN:
        forms = [name.rsplit(":", 1) for name in names]
        entities = [(text.index(form), text.index(form) + len(form), label) for form, label in forms]
        examples.append(Example.from_dict(nlp.make_doc(text), {"entities": entities}))
    return examples


@pytest.fixture(scope="module")
def trained():
    nlp = make_nlp()
    nlp.initialize(lambda: examples_of(nlp))
    return nlp


def check(nlp):
    for text, names in TRAIN:
        doc = nlp(text)
        assert [f"{ent.text}:{ent.label_}" for ent in doc.ents] == names
        assert all(0.5 < ent._.confidence <= 1 for ent in doc.ents)


def test_learns_and_is_the_same_after_every_kind_of_reload(trained, tmp_path):
    check(trained)
    trained.to_disk(tmp_path)
    check(spacy.load(tmp_path))
    check(make_nlp().from_bytes(trained.to_bytes()))
    check(pickle.loads(pickle.dumps(trained)))
    # What is saved is crfsuite's own file and JSON.
    files = {p.name: p.read_bytes() for p in (tmp_path / "feature_crf").iterdir()}
    assert set(files) == {"cfg", "model.crfsuite"} and files["model.crfsuite"].startswith(b"lCRF")


def test_confidence_is_the_least_marginal(trained):
    text, _ = TRAIN[1]
    doc = trained(text)
    _, marginal = next(iter(trained.get_pipe("feature_crf").model.tag([[t.text for t in doc]])))
    span = doc.ents[1]
    assert span._.confidence == min(marginal("B-PER", span.start), marginal("I-PER", span.start + 1))


def test_number_of_parameters_is_that_of_the_stored_weights(trained):
    pipe = trained.get_pipe("feature_crf")
    info = pipe.model.tagger.info()
    assert pipe.n_parameters == len(info.state_features) + len(info.transitions) > 0


def test_sentences_are_those_of_the_annotating_components():
    nlp = make_nlp()
    nlp.config["training"]["annotating_components"] = ["sentencizer"]
    seen = []
    pipe = nlp.get_pipe("feature_crf")
    sentences = pipe._sentences
    pipe._sentences = lambda *args: (seen.append(words) or (words, tags) for words, tags in sentences(*args))
    nlp.initialize(lambda: examples_of(nlp))
    assert [words[-1] for words in seen] == ["."] * 5 and len(seen[0]) == 6


def test_other_tokens_than_those_annotated():
    """A name that is whole in the pipeline's tokens is learnt; one that is not takes its sentence out."""
    pipe = make_nlp().get_pipe("feature_crf")
    pipe.cfg["labels"] = ["LOC", "PER"]
    words = ["Anna", "-", "Maria", "milczy", ".", "Praga", "-", "Brno", "milczy", "."]
    names = {0: "B-PER", 1: "I-PER", 2: "I-PER", 5: "B-LOC"}
    spaces = [word not in ("Anna", "-", "Praga") for word in words]
    starts = [i in (0, 5) for i in range(len(words))]
    reference = Doc(
        pipe.vocab, words, spaces, sent_starts=starts, ents=[names.get(i, "O") for i in range(len(words))]
    )
    predicted = Doc(pipe.vocab, ["Anna-Maria", "milczy", ".", "Praga-Brno", "milczy", "."])
    assert predicted.text == reference.text
    (learnt,) = pipe._sentences([Example(predicted, reference)], [])
    assert learnt == (["Anna-Maria", "milczy", "."], ["B-PER", "O", "O"])


def test_config_round_trip():
    settings = {"scheme": "BIOES", "word_forms": True, "c1": 0.2, "max_iterations": 7, "quote_repair": False}
    config = Config().from_str(make_nlp(**settings).config.to_str())
    again = spacy.util.load_model_from_config(config, auto_fill=True, validate=True)
    assert again.config == config
    pipe = again.get_pipe("feature_crf")
    found = [pipe.scheme.name, pipe.cfg["word_forms"], pipe.c1, pipe.max_iterations, pipe.quote_repair]
    assert found == [*settings.values()]


def test_the_corpus_is_read_once():
    nlp, read = make_nlp(), []
    nlp.get_pipe("feature_crf").initialize(lambda: read.append(1) or examples_of(nlp), nlp=nlp)
    assert len(read) == 1
    with pytest.raises(TypeError):
        nlp.get_pipe("feature_crf").initialize(list, nlp=nlp)


def test_features_of_neighbours_stay_inside_the_sentence():
    first, last = sentence_features(["V", "Praze"], forms=True)
    assert {"w=v", "s=X", "-1w=<s>", "-2w=<s>", "+1w=praze", "+1e=aze", "+2w=</s>"} <= set(first)
    assert {"p4=praz", "e4=raze", "-1w=v", "+1w=</s>", "shapes=X|Xxxxx|</s>"} <= set(last)
    assert not [feature for feature in first if feature.startswith("p")]
    assert sentence_features([]) == []


def test_words_themselves_are_features_only_on_request():
    first, last = sentence_features(["V", "Praze"])
    assert not [feature for feature in first + last if "w=" in feature]
    # A short word is its own affix then.
    assert {"p1=v", "e1=v", "s=X", "+1e=aze", "-1s=<s>", "+1s=Xxxxx"} <= set(first)
    assert {"p4=praz", "-1e=v", "+1s=</s>"} <= set(last)


def test_pipe_is_call_and_edge_cases(trained):
    texts = [text for text, _ in TRAIN] + ["", " "]
    piped = [[ent.text for ent in doc.ents] for doc in trained.pipe(texts)]
    assert piped == [[ent.text for ent in trained(text).ents] for text in texts]
    assert trained("").ents == ()


def test_empty_batch_and_documents_without_tokens(trained):
    pipe = trained.get_pipe("feature_crf")
    assert list(trained.pipe([])) == list(pipe.pipe([])) == []
    docs = [trained.make_doc(text) for text in ("", TRAIN[0][0], "")]
    found = list(pipe.pipe(docs))
    assert found == docs and [len(doc.ents) for doc in found] == [0, 3, 0]
    assert pipe.predict(docs[0]) == []
    # Nor is anything learnt from them.
    nlp = make_nlp()
    nlp.initialize(lambda: [Example(nlp.make_doc(""), nlp.make_doc("")), *examples_of(nlp)])
    assert nlp.get_pipe("feature_crf").to_bytes() == pipe.to_bytes()


def test_update_of_the_pipeline_changes_nothing(trained):
    before = trained.get_pipe("feature_crf").to_bytes()
    trained.update(examples_of(trained), sgd=None)
    assert trained.get_pipe("feature_crf").to_bytes() == before


def test_quotes_are_repaired_and_confidence_is_optional():
    nlp = make_nlp(confidence=False)
    words = ["„", "Gazprom", "milczy", "."]
    doc = Doc(nlp.vocab, words=words, ents=["B-ORG", "I-ORG", "O", "O"])
    nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc)] + examples_of(nlp))
    found = nlp(doc.text).ents
    assert [ent.text for ent in found] == ["Gazprom"] and found[0]._.confidence is None


def test_not_initialised_and_bad_input(tmp_path):
    nlp = make_nlp()
    with pytest.raises(ValueError, match="feature_crf"):
        nlp("Anna .")
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path).get_pipe("feature_crf").model is None
    with pytest.raises(InputError, match="no types of names"):
        nlp.initialize(lambda: examples_of(nlp)[-1:])
    with pytest.raises(InputError, match="no model of crfsuite"):
        CrfModel(b"no model", False)
