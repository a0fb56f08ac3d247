import numpy
import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

from spacy_slavner.architectures import LightLanguageClassifier_v1
from spacy_slavner.attributes import set_attributes
from spacy_slavner.errors import InputError
from spacy_slavner.layers.char_ngrams import char_ngrams, hashed_bag, ngram_buckets, text_of

TEXTS = {
    "bg": "Министърът заяви, че изборите ще се проведат през октомври и ще бъдат честни.",
    "cs": "Ministr řekl, že volby se budou konat v říjnu a že budou spravedlivé.",
    "pl": "Minister powiedział, że wybory odbędą się w październiku i będą uczciwe.",
    "ru": "Министр заявил, что выборы пройдут в октябре и что они будут честными.",
    "sl": "Minister je povedal, da bodo volitve oktobra in da bodo poštene.",
    "uk": "Міністр заявив, що вибори відбудуться в жовтні і що вони будуть чесними.",
}


def make_examples(nlp, languages=TEXTS):
    examples = []
    for language in languages:
        reference = nlp.make_doc(TEXTS[language])
        reference._.language = language
        examples.append(Example(nlp.make_doc(TEXTS[language]), reference))
    return examples


def make_pipeline(steps=30, **config):
    nlp = spacy.blank("xx")
    nlp.add_pipe("language_id", config=config)
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer, losses={})
    return nlp


@pytest.fixture(scope="module")
def trained():
    return make_pipeline()


def languages_of(nlp, texts=tuple(TEXTS.values())):
    return [doc._.language for doc in nlp.pipe(texts)]


def scores_of(nlp):
    return numpy.array([doc._.language_score for doc in nlp.pipe(TEXTS.values())])


def test_add():
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe("language_id")
    assert pipe.labels == ()
    assert pipe.add_label("sk") == 1
    assert pipe.add_label("sk") == 0
    assert pipe.label_data == ["sk"]
    with pytest.raises(ValueError):
        pipe.add_label(5)


def test_not_initialised():
    nlp = spacy.blank("xx")
    nlp.add_pipe("language_id")
    with pytest.raises(ValueError, match="language_id"):
        nlp("Ahoj")


def test_no_language_in_examples():
    nlp = spacy.blank("xx")
    nlp.add_pipe("language_id")
    doc = nlp.make_doc("Ahoj")
    with pytest.raises(InputError, match="no languages"):
        nlp.initialize(lambda: [Example(doc, nlp.make_doc("Ahoj"))])


def test_labels_are_those_of_the_examples_or_given(trained):
    assert trained.get_pipe("language_id").labels == tuple(sorted(TEXTS))
    with pytest.raises(ValueError):
        trained.get_pipe("language_id").add_label("sk")
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe("language_id")
    pipe.initialize(lambda: make_examples(nlp), nlp=nlp, labels=["uk", "bg"])
    assert pipe.labels == ("uk", "bg")
    assert pipe.model.get_dim("nO") == 2


def test_empty(trained):
    doc = trained("")
    assert doc._.language is None and doc._.language_score is None
    assert list(trained.pipe([])) == []
    pipe = trained.get_pipe("language_id")
    assert pipe.predict([]).documents.shape == (0, 6)
    assert [d._.language for d in trained.pipe(["", TEXTS["cs"], ""])] == [None, "cs", None]
    empty = [Example(trained.make_doc(""), trained.make_doc(""))]
    assert pipe.update(empty) == {"language_id": 0.0}


def test_text_without_letters(trained):
    for text in ("123 456 …", " ", "\u200b"):
        doc = trained(text)
        assert doc._.language is None and doc._.language_score is None


def test_overfit_and_same_after_reload(trained, tmp_path):
    assert languages_of(trained) == list(TEXTS)
    assert (scores_of(trained) > 0.5).all()
    trained.to_disk(tmp_path)
    from_disk = spacy.load(tmp_path)
    from_bytes = spacy.blank("xx")
    from_bytes.add_pipe("language_id")
    from_bytes.from_bytes(trained.to_bytes())
    for nlp in (from_disk, from_bytes):
        assert nlp.get_pipe("language_id").labels == trained.get_pipe("language_id").labels
        assert languages_of(nlp) == list(TEXTS)
        assert numpy.array_equal(scores_of(nlp), scores_of(trained))


def test_windows_are_learnt_too():
    halves = [" ".join(text.split()[:3]) for text in TEXTS.values()]
    assert languages_of(make_pipeline(snippets=8), halves) == list(TEXTS)


def test_seed():
    pipelines = [make_pipeline(steps=3, seed=seed) for seed in (1, 1, 2)]
    one, same, other = (nlp.get_pipe("language_id").model.layers[1].get_param("W") for nlp in pipelines)
    assert numpy.array_equal(one, same)
    assert not numpy.array_equal(one, other)


def test_call_equals_pipe(trained):
    assert [trained(text)._.language for text in TEXTS.values()] == languages_of(trained)
    single = [trained(text)._.language_score for text in TEXTS.values()]
    assert numpy.allclose(single, scores_of(trained), atol=1e-6)


def test_known_language_stays(trained):
    doc = trained.make_doc(TEXTS["cs"])
    doc._.language = "sk"
    doc = trained(doc)
    assert (doc._.language, doc._.language_score) == ("sk", None)


def test_overwrite():
    nlp = make_pipeline(overwrite=True)
    doc = nlp.make_doc(TEXTS["cs"])
    doc._.language = "sk"
    doc = nlp(doc)
    assert doc._.language == "cs"
    assert doc._.language_score > 0.5


def test_config_round_trip():
    nlp = make_pipeline(steps=0, overwrite=True, snippets=2, seed=7)
    again = spacy.blank("xx").from_config(nlp.config)
    pipe = again.get_pipe("language_id")
    assert (pipe.overwrite, pipe.snippets) == (True, 2)
    assert again.config["components"] == nlp.config["components"]


def test_frozen(trained):
    before = trained.get_pipe("language_id").model.to_bytes()
    with trained.select_pipes(disable=["language_id"]):
        trained.update(make_examples(trained), losses={})
    assert trained.get_pipe("language_id").model.to_bytes() == before


def test_documents_without_a_language_give_no_loss(trained):
    nlp = make_pipeline(steps=0)
    pipe = nlp.get_pipe("language_id")
    unknown = Example(nlp.make_doc("Text"), nlp.make_doc("Text"))
    strange = Example(nlp.make_doc("Text"), nlp.make_doc("Text"))
    strange.reference._.language = "hu"
    assert pipe.update([unknown, strange])["language_id"] == 0.0
    bag = pipe.model.layers[1]
    assert not bag.get_grad("W").any() and not bag.get_grad("b").any()


def test_gradient_is_numeric_gradient():
    nlp = make_pipeline(steps=0)
    pipe = nlp.get_pipe("language_id")
    examples = make_examples(nlp)
    bag = pipe.model.layers[1]
    pipe.snippets = 0
    pipe.update(examples)
    gradient = bag.get_grad("W").copy()
    row, column = numpy.unravel_index(abs(gradient).argmax(), gradient.shape)
    losses = []
    for step in (1e-3, -1e-3):
        weights = bag.get_param("W").copy()
        weights[row, column] += step
        bag.set_param("W", weights)
        scores = pipe.model.predict([eg.predicted for eg in examples])
        losses.append(pipe.get_loss(examples, scores)[0])
        weights[row, column] -= step
        bag.set_param("W", weights)
    assert numpy.isclose((losses[0] - losses[1]) / 2e-3, gradient[row, column], rtol=0.02)


def test_text_of_a_long_document_is_its_start_and_its_middle():
    words = [f"w{chr(97 + i % 26)}" for i in range(100)]
    words[0], words[50], words[99] = "start", "middle", "end"
    text = text_of(Doc(spacy.blank("xx").vocab, words=words), 20)
    assert "start" in text and "middle" in text and "end" not in text
    assert len(text.split()) == 20
    huge = Doc(spacy.blank("xx").vocab, words=["a" * 10_000])
    assert len(text_of(huge, 20)) <= 20 * 10 + 2


def test_letters_only():
    nlp = spacy.blank("xx")
    assert text_of(nlp.make_doc("Čaj, 25 % 'XY_z'!\n"), 10) == " čaj xy z "
    assert text_of(nlp.make_doc("C\u030caj"), 10) == " čaj "


def test_ngrams():
    few = ngram_buckets(" ab ", 2**16, 3)
    # a, b; " a", "ab", "b "; " ab", "ab "
    assert len(few) == 7 and len(set(few.tolist())) == 7
    assert set(ngram_buckets(" ab ", 2**16, 2).tolist()) < set(few.tolist())
    assert few.min() >= 0 and few.max() < 2**16
    assert len(ngram_buckets("  ", 2**16, 4)) == 1


def test_bad_buckets():
    with pytest.raises(InputError, match="power of 2"):
        LightLanguageClassifier_v1(buckets=1000)


def test_layers_have_no_gradient_without_text():
    set_attributes()
    model = hashed_bag(16, 1.0, nO=3)
    model.initialize()
    scores, backprop = model.begin_update([numpy.zeros(0, dtype="int32")])
    assert scores.shape == (1, 3)
    backprop(numpy.ones((1, 3), dtype="f"))
    assert not model.get_grad("W").any()
    assert char_ngrams(16, 3, 10).predict([]) == []


def test_sentences_on_request(trained, tmp_path):
    trained.to_disk(tmp_path)
    nlp = spacy.load(tmp_path, config={"components.language_id.sentences": True})
    nlp.add_pipe("sentencizer", first=True)
    doc = nlp(TEXTS["cs"] + " " + TEXTS["uk"])
    assert [sent._.language for sent in doc.sents] == ["cs", "uk"]
    alone = nlp(TEXTS["uk"])
    assert list(doc.sents)[1]._.language_score == pytest.approx(alone._.language_score, abs=1e-5)
    docs = list(nlp.pipe(["", TEXTS["cs"]]))
    assert [d._.language for d in docs] == [None, "cs"]
    assert trained(TEXTS["cs"])[:]._.language is None


def test_loss_weight():
    losses, gradients = [], []
    for weight in (1.0, 0.25):
        nlp = make_pipeline(steps=0, loss_weight=weight, snippets=0)
        pipe = nlp.get_pipe("language_id")
        losses.append(pipe.update(make_examples(nlp))["language_id"])
        gradients.append(pipe.model.layers[1].get_grad("W"))
    assert losses[1] == pytest.approx(losses[0] / 4)
    assert numpy.allclose(gradients[1], gradients[0] / 4) and gradients[0].any()
