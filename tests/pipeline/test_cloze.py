"""The component `cloze` beside the name recogniser and a language head, on one shared encoder."""

import logging

import numpy
import pytest
import spacy
import torch
from spacy.training import Example
from spacy.util import registry

from spacy_slavner.errors import InputError
from spacy_slavner.training.optimizer import AdamW_v1

from .configs import over_encoder

PIPELINE = ["sentencizer", "transformer", "language_head", "crf_ner", "cloze"]
BLOCKS = """
[components.language_head]
factory = "language_id"
snippets = 0
overwrite = true

[components.language_head.model]
@architectures = "spacy-slavner.FirstVectorLanguageClassifier.v1"

[components.language_head.model.tok2vec]
@architectures = "spacy-slavner.WindowListener.v1"

[components.cloze]
factory = "cloze"
"""
LABELLED = {"cs": "Jan Nowak řekl, že volby v Praze budou v říjnu. Gazprom mlčí."}
TARGET = {"uk": "Jan Nowak заявив, що вибори відбудуться в жовтні.", "pl": "Wybory odbędą się w Pradze."}
TEXTS = {**LABELLED, **TARGET}


def load(tiny_encoder, without=(), **settings):
    config = over_encoder(tiny_encoder, [name for name in PIPELINE if name not in without], BLOCKS)
    config["components"].get("cloze", {}).update(settings)
    return spacy.util.load_model_from_config(config, auto_fill=True)


def examples(nlp, labelled=True, target=True):
    result = [Example(nlp.make_doc(""), nlp.make_doc(""))]
    for language, text in TEXTS.items():
        known = language in LABELLED
        if not (labelled if known else target):
            continue
        gold = {"entities": [(0, 9, "PER"), (27, 32, "LOC")]} if known else {}
        result.append(Example.from_dict(nlp.make_doc(text), gold))
        result[-1].reference._.language = language
    return result


def initialised(tiny_encoder, **settings):
    spacy.util.fix_random_seed(0)
    nlp = load(tiny_encoder, **settings)
    nlp.initialize(lambda: examples(nlp))
    return nlp


def train(nlp, steps=40, exclude=(), **kinds):
    optimizer = AdamW_v1(learn_rate=0.01, weight_decay=0.0)
    losses = []
    for _ in range(steps):
        batch = examples(nlp, **kinds)
        losses.append(nlp.update(batch, sgd=False, exclude=exclude, annotates=["sentencizer"]))
        for name, pipe in nlp.pipeline:
            if getattr(pipe, "is_trainable", False) and name not in exclude:
                pipe.finish_update(optimizer)
    return losses


@pytest.fixture(scope="module", params=[None, "crf_ner"], ids=["random", "predictive"])
def trained(request, tiny_encoder):
    """Random masks or those of names, each with the language head."""
    share = 0.8 if request.param is None else 1.0
    nlp = initialised(tiny_encoder, recogniser=request.param, mask_share=share)
    nlp.losses = train(nlp)
    return nlp


def answers(nlp):
    return [
        (doc._.language, [(e.text, e.label_, round(e._.confidence, 4)) for e in doc.ents])
        for doc in nlp.pipe(TEXTS.values())
    ]


def test_all_tasks_are_learnt_together(trained):
    first, last = trained.losses[1], trained.losses[-1]
    assert last["crf_ner"] < 0.1 and last["language_head"] < 0.1
    found = answers(trained)
    assert [language for language, _ in found] == list(TEXTS)
    assert [name[:2] for name in found[0][1]] == [("Jan Nowak", "PER"), ("Praze", "LOC")]
    assert last["cloze"] > 0
    if trained.get_pipe("cloze").recogniser is None:
        assert last["cloze"] < 0.9 * first["cloze"]


def test_comes_back_from_bytes_and_disk(trained, tiny_encoder, tmp_path):
    found = answers(trained)
    trained.to_disk(tmp_path / "pipeline")
    others = [spacy.load(tmp_path / "pipeline"), spacy.load(tmp_path / "pipeline", exclude=["cloze"])]
    others.append(load(tiny_encoder).from_bytes(trained.to_bytes()))
    for other in others:
        assert answers(other) == found
    weights = trained.get_pipe("cloze").model.to_bytes()
    assert [o.get_pipe("cloze").model.to_bytes() == weights for o in (others[0], others[2])] == [True, True]
    assert others[0].config["components"]["cloze"] == trained.config["components"]["cloze"]
    # What was loaded can be trained on.
    assert train(others[0], steps=1)[0]["cloze"] == pytest.approx(trained.losses[-1]["cloze"], rel=0.9)


def test_run_time_is_left_alone(trained):
    pipe = trained.get_pipe("cloze")
    doc = trained.make_doc("Praha")
    before = doc.to_bytes()
    assert pipe(doc) is doc and list(pipe.pipe([doc])) == [doc] and doc.to_bytes() == before
    assert [d.text for d in trained.pipe(["", "Praha", " "])] == ["", "Praha", " "]
    assert list(pipe.pipe([])) == [] and pipe.update([]) == {"cloze": 0.0}
    one, many = trained(TEXTS["cs"]), next(iter(trained.pipe([TEXTS["cs"]])))
    assert [e.text for e in one.ents] == [e.text for e in many.ents]
    with trained.select_pipes(disable=["cloze"]):
        without = trained(TEXTS["cs"])
    assert [(e.text, e.label_) for e in one.ents] == [(e.text, e.label_) for e in without.ents]


def gradients(nlp, batch, only=None):
    """The encoder's gradients and the losses of an update; of one component alone if `only` names it."""
    module = nlp.get_pipe("transformer").model.shims[0].module
    module.zero_grad()
    nlp.get_pipe("cloze")._random = numpy.random.default_rng(3)
    for example in batch:
        # Listeners that are left out would keep the gradients to themselves, so they learn nothing instead.
        if only == "cloze":
            example.reference.set_ents([], default="missing")
            example.reference._.language = None
    exclude = ["cloze"] if only == "others" else []
    losses = nlp.update(batch, sgd=False, exclude=exclude, annotates=["sentencizer"])
    return {n: p.grad.clone() for n, p in module.named_parameters()}, losses


@pytest.mark.parametrize("order", [("crf_ner", "cloze"), ("cloze", "crf_ner")])
def test_gradient_reaches_the_encoder_exactly_once(tiny_encoder, order):
    nlp = initialised(tiny_encoder, loss_weight=0.7)
    pipes = dict(nlp._components)
    rest = [n for n in pipes if n not in order]
    nlp._components = [(n, pipes[n]) for n in (*rest, *order)]
    both, losses = gradients(nlp, examples(nlp))
    names, _ = gradients(nlp, examples(nlp), only="others")
    # Only the target texts are read: without labelled ones nothing but the loss of the masks is left.
    cloze, alone = gradients(nlp, examples(nlp, labelled=False), only="cloze")
    assert losses["crf_ner"] > 0 and losses["language_head"] > 0
    assert alone["crf_ner"] == alone["language_head"] == 0
    assert alone["cloze"] == pytest.approx(losses["cloze"], rel=1e-5)
    for name, value in both.items():
        assert torch.allclose(value, names[name] + cloze[name], atol=1e-6), name
        assert name.endswith("key.bias") or cloze[name].abs().max() > 1e-7, name


def test_loss_weight_scales_loss_and_gradient(tiny_encoder):
    nlp = initialised(tiny_encoder)
    once, loss = gradients(nlp, examples(nlp, labelled=False), only="cloze")
    nlp.get_pipe("cloze").loss_weight = 3.0
    thrice, more = gradients(nlp, examples(nlp, labelled=False), only="cloze")
    assert more["cloze"] == pytest.approx(3 * loss["cloze"], rel=1e-5)
    assert all(torch.allclose(thrice[n], 3 * once[n], atol=1e-5) for n in once)


def test_labelled_documents_only_if_wanted(tiny_encoder):
    nlp = initialised(tiny_encoder)
    assert train(nlp, 1, target=False)[0]["cloze"] == 0.0
    nlp.get_pipe("cloze").labelled = True
    assert train(nlp, 1, target=False)[0]["cloze"] > 0.0


def test_predictive_masks_are_the_names_found(trained):
    pipe = trained.get_pipe("cloze")
    pipe.recogniser, before = "crf_ner", pipe.recogniser
    docs = [trained.make_doc(text) for text in TEXTS.values()]
    for doc in docs:
        trained.get_pipe("sentencizer")(doc)
    found = pipe.find_names(docs)
    pipe.recogniser = before
    expected = [[(e.start, e.end) for e in doc.ents] for doc in trained.pipe(TEXTS.values())]
    assert found == expected and found[0]
    assert not any(doc.ents or doc._.trf_data for doc in docs)


def test_unlabelled_documents_train_the_language_head_and_not_the_tagger(tiny_encoder):
    nlp = initialised(tiny_encoder, without=["cloze"])
    tagger = nlp.get_pipe("crf_ner").model.get_ref("head").shims[0]._model
    before = {n: p.clone() for n, p in tagger.named_parameters()}
    losses = train(nlp, 40, labelled=False)
    assert {loss["crf_ner"] for loss in losses} == {0.0}
    assert losses[-1]["language_head"] < 0.1 * losses[0]["language_head"]
    assert all(torch.equal(p, before[n]) for n, p in tagger.named_parameters())
    assert [doc._.language for doc in nlp.pipe(TARGET.values())] == list(TARGET)
    # Together with labelled ones, each text counts as much.
    (mixed,) = train(nlp, 1)
    assert mixed["crf_ner"] > 0 and mixed["language_head"] > 0


def test_frozen_head(tiny_encoder):
    nlp = initialised(tiny_encoder)
    before = nlp.get_pipe("cloze").model.to_bytes()
    with nlp.select_pipes(disable=["cloze"]):
        train(nlp, 2)
    assert nlp.get_pipe("cloze").model.to_bytes() == before


def test_left_out_of_what_is_saved(trained, tmp_path, tiny_encoder, caplog):
    leave_out = registry.callbacks.get("spacy-slavner.leave_out.v1")(["cloze", "nothing"])
    lighter = leave_out(trained)
    lighter.to_disk(tmp_path / "pipeline")
    assert "cloze" in trained.pipe_names and "cloze" in trained.config["components"]
    assert "cloze" in trained.meta["pipeline"]
    assert not (tmp_path / "pipeline" / "cloze").exists()
    loaded = spacy.load(tmp_path / "pipeline")
    assert "cloze" not in loaded.pipe_names + list(loaded.config["components"]) + loaded.meta["components"]
    assert answers(loaded) == answers(trained)
    # A run goes on from there with a new head.
    resumed = initialised(tiny_encoder)
    with caplog.at_level(logging.WARNING, logger="spacy"):
        resumed.from_disk(tmp_path / "pipeline")
    assert "starts anew" in caplog.text and answers(resumed) == answers(trained)
    assert train(resumed, 1)[0]["cloze"] > 0


def test_bad_settings(tiny_encoder, caplog):
    with pytest.raises(InputError, match="probability is 1.5"):
        load(tiny_encoder, probability=1.5)
    with pytest.raises(InputError, match="needs the component 'crf_ner'.*recogniser"):
        initialised(tiny_encoder, recogniser="crf_ner", without=["crf_ner"])
    nlp = load(tiny_encoder)
    with pytest.raises(ValueError, match="cloze"):
        nlp.get_pipe("cloze").update(examples(nlp))
    with caplog.at_level(logging.WARNING, logger="spacy"):
        nlp.initialize(lambda: examples(nlp, target=False))
    assert "no document without annotation" in caplog.text
