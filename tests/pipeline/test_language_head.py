"""Language heads over the transformer: pooled and first vector, alone and beside the name recogniser."""

import numpy
import pytest
import spacy
import torch
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Config

from spacy_slavner.errors import InputError
from spacy_slavner.layers.language import sentence_pieces
from spacy_slavner.layers.torch.joint import JointHead
from spacy_slavner.training.optimizer import AdamW_v1

from .configs import over_encoder

BLOCKS = """
[components.language_id]
factory = "language_id"
snippets = 0
sentences = true

[components.language_id.model]
@architectures = "spacy-slavner.PooledLanguageClassifier.v1"

[components.language_id.model.tok2vec]
@architectures = "spacy-slavner.WindowListener.v1"
"""
TEXTS = {
    "cs": "Jan Nowak řekl, že volby v Praze budou v říjnu. Gazprom mlčí.",
    "uk": "Міністр заявив, що вибори відбудуться в жовтні. Прага мовчить.",
    "pl": "Minister powiedział, że wybory odbędą się w październiku.",
}
TOP = {"@layers": "spacy-slavner.JointHead.v1", "bilstm": 8, "attention_heads": 2, "attention_width": 4}
KINDS = ("Pooled", "FirstVector")


def load(tiny_encoder, kind="Pooled", transformer=None, **settings):
    config = over_encoder(tiny_encoder, ["sentencizer", "transformer", "crf_ner", "language_id"], BLOCKS)
    components = config["components"]
    components["transformer"]["model"].update({"mix": "scalars", **(transformer or {})})
    architecture = f"spacy-slavner.{kind}LanguageClassifier.v1"
    components["language_id"]["model"]["@architectures"] = architecture
    components["language_id"].update(settings)
    return spacy.util.load_model_from_config(config, auto_fill=True)


def examples(nlp):
    result = []
    for language, text in TEXTS.items():
        entities = [(0, 9, "PER")] if language == "cs" else []
        result.append(Example.from_dict(nlp.make_doc(text), {"entities": entities}))
        result[-1].reference._.language = language
    return [*result, Example(nlp.make_doc(""), nlp.make_doc(""))]


def initialised(tiny_encoder, *args, **settings):
    spacy.util.fix_random_seed(0)
    nlp = load(tiny_encoder, *args, **settings)
    nlp.initialize(lambda: examples(nlp))
    return nlp


def train(nlp, steps=40, exclude=(), **settings):
    optimizer = AdamW_v1(learn_rate=0.01, weight_decay=0.0)
    for _ in range(steps):
        losses = nlp.update(examples(nlp), sgd=False, exclude=exclude, annotates=["sentencizer"], **settings)
        for name, pipe in nlp.pipeline:
            if getattr(pipe, "is_trainable", False) and name not in exclude:
                pipe.finish_update(optimizer)
    return losses


@pytest.fixture(scope="module", params=KINDS)
def trained(request, tiny_encoder):
    nlp = initialised(tiny_encoder, request.param)
    train(nlp)
    return nlp


def answers(nlp):
    result = []
    for doc in nlp.pipe(TEXTS.values()):
        sentences = [(s._.language, s._.language_score) for s in doc.sents]
        result.append([(doc._.language, doc._.language_score), *sentences])
    return result


def equal(one, other) -> bool:
    one, other = ([pair for doc in x for pair in doc] for x in (one, other))
    languages = [x for x, _ in one] == [x for x, _ in other]
    return languages and numpy.allclose([x for _, x in one], [x for _, x in other], atol=1e-5)


def test_overfits_and_comes_back_from_bytes_and_disk(trained, tiny_encoder, tmp_path):
    found = answers(trained)
    assert [doc[0][0] for doc in found] == list(TEXTS)
    assert all(language == doc[0][0] and score > 0.5 for doc in found for language, score in doc)
    assert [len(doc) for doc in found] == [3, 3, 2]
    assert [(e.text, e.label_) for e in trained(TEXTS["cs"]).ents] == [("Jan Nowak", "PER")]
    trained.to_disk(tmp_path / "pipeline")
    kind = trained.config["components"]["language_id"]["model"]["@architectures"]
    fresh = load(tiny_encoder, next(k for k in KINDS if k in kind))
    for other in (spacy.load(tmp_path / "pipeline"), fresh.from_bytes(trained.to_bytes())):
        assert equal(answers(other), found)


@pytest.mark.parametrize("kind", KINDS)
def test_config_round_trip(tiny_encoder, kind):
    nlp = initialised(tiny_encoder, kind, overwrite=True, loss_weight=0.25)
    config = Config().from_str(nlp.config.to_str(interpolate=False), interpolate=False)
    again = spacy.util.load_model_from_config(config, auto_fill=True, validate=True)
    assert again.config == config == nlp.config
    pipe = again.get_pipe("language_id")
    assert (pipe.overwrite, pipe.loss_weight, pipe.sentences) == (True, 0.25, True)
    assert pipe.model.get_ref("sentences").attrs["pooled"] == (kind == "Pooled")
    assert equal(answers(again.from_bytes(nlp.to_bytes())), answers(nlp))


def test_call_equals_pipe(trained):
    one = [[(d._.language, d._.language_score)] for d in map(trained, TEXTS.values())]
    assert equal(one, [doc[:1] for doc in answers(trained)])


def test_documents_without_tokens(trained):
    docs = list(trained.pipe(["", TEXTS["cs"], " "]))
    assert docs[0]._.language is None and docs[1]._.language == "cs"
    assert [trained("")._.language, *trained.pipe([])] == [None]


def test_document_is_the_mean_of_its_sentences(trained):
    pipe = trained.get_pipe("language_id")
    docs = list(trained.pipe([TEXTS["cs"] * 3, "", TEXTS["uk"]]))
    scores = pipe.model.predict(docs)
    sentences = pipe.model.get_ref("sentences").predict(docs)
    assert sentences.lengths.tolist() == [6, 0, 2] == [len(list(doc.sents)) for doc in docs]
    for row, part in zip(scores, numpy.split(sentences.dataXd, [6, 6]), strict=True):
        assert numpy.allclose(row, part.mean(0) if len(part) else 0.0, atol=1e-6)
    for doc in docs:
        doc._.language = None
    documents, rows = pipe.predict(docs)
    assert [len(r) for r in rows] == [6, 0, 2]
    assert numpy.allclose(documents, pipe.model.ops.softmax(scores), atol=1e-6)


def test_known_language_stays_but_sentences_are_set(trained):
    doc = trained.make_doc(TEXTS["cs"])
    doc._.language = "sk"
    doc = trained(doc)
    assert (doc._.language, doc._.language_score) == ("sk", None)
    assert [sent._.language for sent in doc.sents] == ["cs", "cs"]


def test_bf16_agrees_with_fp32(trained, tmp_path):
    trained.to_disk(tmp_path)
    half = spacy.load(tmp_path, config={"components": {"transformer": {"model": {"precision": "bf16"}}}})
    scores, other = (
        nlp.get_pipe("language_id").model.predict(list(nlp.pipe(TEXTS.values()))) for nlp in (trained, half)
    )
    assert (scores != other).any()
    numpy.testing.assert_allclose(scores, other, atol=0.02 * numpy.abs(scores).max())


def test_replaced_listeners_predict_the_same(trained, tmp_path):
    nlp = spacy.util.load_model_from_config(trained.config.copy(), auto_fill=True).from_bytes(
        trained.to_bytes()
    )
    found = answers(nlp)
    nlp.replace_listeners("transformer", "language_id", ["model.tok2vec"])
    assert equal(answers(nlp), found)
    nlp.to_disk(tmp_path / "pipeline")
    loaded = spacy.load(tmp_path / "pipeline")
    assert equal(answers(loaded), found)
    own = loaded.get_pipe("language_id").model.get_ref("tok2vec").layers[0].shims[0].module
    before = own.mix.scalars.detach().clone()
    train(loaded, steps=1)
    assert (own.mix.scalars != before).any()


def test_frozen_head(tiny_encoder):
    nlp = initialised(tiny_encoder)
    before = nlp.get_pipe("language_id").model.to_bytes()
    with nlp.select_pipes(disable=["language_id"]):
        train(nlp, steps=2)
    assert nlp.get_pipe("language_id").model.to_bytes() == before


def test_frozen_transformer(tiny_encoder):
    nlp = initialised(tiny_encoder)
    module = nlp.get_pipe("transformer").model.shims[0].module
    before = module.mix.scalars.detach().clone()
    optimizer = AdamW_v1(learn_rate=0.01, weight_decay=0.0)
    for _ in range(40):
        nlp.update(
            examples(nlp), sgd=optimizer, exclude=["transformer"], annotates=["sentencizer", "transformer"]
        )
    assert (module.mix.scalars == before).all()
    assert [doc[0][0] for doc in answers(nlp)] == list(TEXTS)


def test_frozen_encoder_with_joint_head_and_cache(tiny_encoder, tmp_path):
    settings = {"frozen_layers": 2, "top": TOP, "cache_dir": str(tmp_path / "cache")}
    nlp = initialised(tiny_encoder, transformer=settings)
    train(nlp)
    found = answers(nlp)
    assert [doc[0][0] for doc in found] == list(TEXTS)
    assert [(e.text, e.label_) for e in nlp(TEXTS["cs"]).ents] == [("Jan Nowak", "PER")]
    nlp.to_disk(tmp_path / "pipeline")
    assert equal(answers(spacy.load(tmp_path / "pipeline")), found)
    again = spacy.util.load_model_from_config(nlp.config, auto_fill=True)
    top = again.config["components"]["transformer"]["model"]["top"]
    assert top["bilstm"] == 8 and top["attention_residual"] is True
    names = [(e.text, e._.confidence) for e in nlp(TEXTS["cs"]).ents]
    nlp.replace_listeners("transformer", "crf_ner", ["model.tok2vec"])
    nlp.to_disk(tmp_path / "replaced")
    for other in (nlp, spacy.load(tmp_path / "replaced")):
        again = [(e.text, e._.confidence) for e in other(TEXTS["cs"]).ents]
        assert again == [(text, pytest.approx(score, abs=1e-5)) for text, score in names]


def test_joint_head_is_computed_once_for_both_listeners(tiny_encoder, monkeypatch):
    nlp = initialised(tiny_encoder, transformer={"top": TOP})
    forward, calls = JointHead.forward, []
    # Of the class, so that a copy in a listener counts as well.
    monkeypatch.setattr(JointHead, "forward", lambda *args: calls.append(args) or forward(*args))
    losses = nlp.update(examples(nlp), sgd=False, annotates=["sentencizer"])
    assert len(calls) == 1 and losses["crf_ner"] > 0 and losses["language_id"] > 0
    assert [language for ((language, _), *_) in answers(nlp)] and len(calls) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_the_encoder_and_add_up(tiny_encoder, kind):
    nlp = initialised(tiny_encoder, kind, transformer={"top": TOP})
    module = nlp.get_pipe("transformer").model.shims[0].module

    def gradient(weight=1.0, **annotations):
        module.zero_grad()
        nlp.get_pipe("language_id").loss_weight = weight
        known = examples(nlp)
        for example in known:
            example.reference._.language = example.reference._.language if weight else None
            if not annotations:
                example.reference.set_ents([], default="missing")
        losses = nlp.update(known, sgd=False, annotates=["sentencizer"])
        return {n: p.grad.clone() for n, p in module.named_parameters()}, losses

    names, _ = gradient(0.0, names=True)
    both, losses = gradient(2.0, names=True)
    language, alone = gradient(1.0)
    assert losses["language_id"] == pytest.approx(2 * alone["language_id"], rel=1e-4)
    for name, value in both.items():
        assert torch.allclose(value, names[name] + 2 * language[name], atol=1e-5), name
    assert any(language[name].abs().max() > 1e-4 for name in language if name.startswith("transformer"))


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_is_the_numeric_gradient(tiny_encoder, kind):
    nlp = initialised(tiny_encoder, kind, loss_weight=0.7)
    nlp.remove_pipe("crf_ner")
    parameter = nlp.get_pipe("transformer").model.shims[0].module.mix.scalars

    def loss():
        known = examples(nlp)
        # One document without sentence boundaries, of several windows.
        text = " ".join(TEXTS.values())
        known.append(Example(nlp.make_doc(text), nlp.make_doc(text)))
        known[-1].reference._.language = "pl"
        for example in known[:-1]:
            nlp.get_pipe("sentencizer")(example.predicted)
        return nlp.update(known, sgd=False)["language_id"]

    parameter.grad = None
    loss()
    found = float(parameter.grad[0])
    values = []
    for step in (1e-2, -1e-2):
        with torch.no_grad():
            parameter[0] += step
        values.append(loss())
        with torch.no_grad():
            parameter[0] -= step
    assert found == pytest.approx((values[0] - values[1]) / 2e-2, rel=0.02)


def test_sentences_cover_the_pieces(tiny_encoder):
    nlp = initialised(tiny_encoder)
    for text in ("Ano. Ne. \n\n\n Možná!", TEXTS["cs"] * 5, "  "):
        doc = nlp(text)
        data = doc._.trf_data
        starts, ends = sentence_pieces(doc, data)
        assert len(starts) == len(list(doc.sents))
        assert starts[0] == 0 and ends[-1] == len(data.owners)
        assert (ends > starts).all() and (starts[1:] <= ends[:-1]).all()
        bare = Doc(nlp.vocab, words=[t.text for t in doc], spaces=[bool(t.whitespace_) for t in doc])
        starts, ends = sentence_pieces(bare, data)
        if len(doc) > 1:
            assert len(starts) == len(data.first) and (starts[1:] == ends[:-1]).all()


def test_no_random_windows_over_an_encoder(tiny_encoder):
    with pytest.raises(InputError, match="snippets to 0"):
        load(tiny_encoder, snippets=8)


def test_without_first_vectors(trained):
    with trained.select_pipes(disable=["transformer"]), pytest.raises(InputError, match="transformer"):
        trained(TEXTS["cs"])
