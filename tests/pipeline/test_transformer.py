"""The name recogniser over the transformer: what spaCy lets a user do with such a pipeline."""

import numpy
import pytest
import spacy
import torch
from spacy.training import Example

from spacy_slavner.training.optimizer import AdamW_v1

from .configs import over_encoder

BLOCKS = """
[components.tagger]
factory = "tagger"

[components.tagger.model]
@architectures = "spacy.Tagger.v2"

[components.tagger.model.tok2vec]
@architectures = "spacy-transformers.TransformerListener.v1"

[components.tagger.model.tok2vec.pooling]
@layers = "reduce_mean.v1"
"""
TEXT = "Jana Nowaka widziano w Pradze . Gazprom milczy ."
ODD = ["", " ", "\n\n\t", "a\x00b", "\x00", "\x00 \x00", "ж" * 10_000, "\u0301\u0301", TEXT * 30]


def load(tiny_encoder, **overrides):
    config = over_encoder(tiny_encoder, ["transformer", "sentencizer", "crf_ner", "tagger"], BLOCKS)
    config["components"]["transformer"]["model"].update(overrides)
    return spacy.util.load_model_from_config(config, auto_fill=True)


def examples(nlp, text: str = TEXT) -> list[Example]:
    doc = nlp.make_doc(text)
    tags = ["PUNCT" if token.is_punct else "WORD" for token in doc]
    gold = {"entities": [(0, 11, "PER"), (23, 29, "LOC"), (32, 39, "ORG")], "tags": tags}
    return [Example.from_dict(doc, gold), Example.from_dict(nlp.make_doc(""), {})]


def train(nlp, optimizer=None, steps: int = 20, **settings):
    optimizer = optimizer or AdamW_v1(learn_rate=0.01, weight_decay=0.0)
    for _ in range(steps):
        nlp.update(examples(nlp), sgd=False, **settings)
        for name, pipe in nlp.pipeline:
            if getattr(pipe, "is_trainable", False) and name not in settings.get("exclude", ()):
                pipe.finish_update(optimizer)
    return optimizer


@pytest.fixture
def nlp(tiny_encoder):
    spacy.util.fix_random_seed(0)
    nlp = load(tiny_encoder)
    nlp.initialize(lambda: examples(nlp))
    return nlp


def answers(nlp, text: str = TEXT):
    doc = nlp(text)
    confidences = [ent._.confidence for ent in doc.ents]
    return [(e.text, e.label_) for e in doc.ents], [t.tag_ for t in doc], confidences


def equal(one, other) -> bool:
    return one[:2] == other[:2] and numpy.allclose(one[2], other[2], atol=1e-5)


def weights(nlp) -> dict[str, torch.Tensor]:
    module = nlp.get_pipe("transformer").model.shims[0].module
    return {name: p.detach().clone() for name, p in module.named_parameters()}


def test_overfits_and_comes_back_from_bytes_and_disk(nlp, tiny_encoder, tmp_path):
    train(nlp, steps=40)
    found = answers(nlp)
    assert found[0] == [("Jana Nowaka", "PER"), ("Pradze", "LOC"), ("Gazprom", "ORG")]
    nlp.to_disk(tmp_path / "pipeline")
    for other in (spacy.load(tmp_path / "pipeline"), load(tiny_encoder).from_bytes(nlp.to_bytes())):
        assert equal(answers(other), found)


def test_gradients_of_all_listeners_reach_the_encoder(nlp):
    module = nlp.get_pipe("transformer").model.shims[0].module

    def gradient(*exclude):
        module.zero_grad()
        nlp.update(examples(nlp), sgd=False)
        return module.transformer.embeddings.word_embeddings.weight.grad.clone()

    both = gradient()
    listeners = nlp.get_pipe("transformer").listener_map
    alone = []
    for name in ("crf_ner", "tagger"):
        kept = dict(listeners)
        listeners.clear()
        listeners[name] = kept[name]
        with nlp.select_pipes(enable=["transformer", "sentencizer", name]):
            alone.append(gradient())
        listeners.clear()
        listeners.update(kept)
    assert torch.allclose(both, alone[0] + alone[1], atol=1e-5)


def test_frozen_transformer(nlp):
    before = weights(nlp)
    train(nlp, exclude=["transformer"], annotates=["transformer"], steps=60)
    assert all((value == before[name]).all() for name, value in weights(nlp).items())
    assert answers(nlp)[0]


def test_averages_are_swapped_in_by_the_pipeline(nlp, tmp_path):
    optimizer = train(nlp, AdamW_v1(learn_rate=0.01, average_decay=0.9), steps=10)
    last = weights(nlp)
    with nlp.use_params(optimizer.averages):
        averaged, found = weights(nlp), answers(nlp)
        nlp.to_disk(tmp_path / "pipeline")
    assert any((averaged[name] != value).any() for name, value in last.items())
    assert all((weights(nlp)[name] == value).all() for name, value in last.items())
    assert equal(answers(spacy.load(tmp_path / "pipeline")), found)


def test_replaced_listeners_predict_the_same_and_train_apart(nlp, tmp_path):
    train(nlp)
    found = answers(nlp)
    nlp.replace_listeners("transformer", "crf_ner", ["model.tok2vec"])
    assert equal(answers(nlp), found)
    nlp.to_disk(tmp_path / "pipeline")
    loaded = spacy.load(tmp_path / "pipeline")
    assert equal(answers(loaded), found)
    train(loaded, steps=2)
    own = loaded.get_pipe("crf_ner").model.get_ref("tok2vec").layers[0].layers[0]
    shared = loaded.get_pipe("transformer").model
    assert own.shims[0].id != shared.shims[0].id
    one, other = (dict(model.shims[0].module.named_parameters()) for model in (own, shared))
    assert any((one[name] != other[name]).any() for name in one)


def test_initialised_twice_still_learns(nlp):
    optimizer = train(nlp, steps=3)
    nlp.initialize(lambda: examples(nlp))
    train(nlp, optimizer, steps=40)
    assert answers(nlp)[0] == [("Jana Nowaka", "PER"), ("Pradze", "LOC"), ("Gazprom", "ORG")]


def test_resumed_training(nlp):
    train(nlp, steps=40)
    nlp.resume_training()
    for _ in range(3):
        nlp.update(examples(nlp))
    assert nlp.create_optimizer() is not None
    assert answers(nlp)[0]


def test_odd_documents(nlp):
    train(nlp, steps=5)
    piped = list(nlp.pipe(ODD))
    for text, doc in zip(ODD, piped, strict=True):
        assert doc.text == text
        assert equal(
            answers(nlp, text)[:2] + ([],),
            ([(e.text, e.label_) for e in doc.ents], [t.tag_ for t in doc], []),
        )


def test_several_processes(nlp):
    train(nlp, steps=40)
    texts = [TEXT, "", TEXT * 3]
    expected = [answers(nlp, text) for text in texts]
    docs = list(nlp.pipe(texts, n_process=2, batch_size=1))
    for doc, one in zip(docs, expected, strict=True):
        found = [(e.text, e.label_) for e in doc.ents], [t.tag_ for t in doc]
        assert equal((*found, [e._.confidence for e in doc.ents]), one)


def test_not_initialised_pipeline_can_be_saved(tiny_encoder, tmp_path):
    nlp = load(tiny_encoder)
    nlp.to_disk(tmp_path / "pipeline")
    loaded = spacy.load(tmp_path / "pipeline")
    loaded.initialize(lambda: examples(loaded))
    assert len(loaded(TEXT)) == len(nlp.make_doc(TEXT))


def test_settings_of_a_saved_pipeline_can_be_overridden(nlp, tmp_path):
    nlp.to_disk(tmp_path / "pipeline")
    name = "components.transformer.model.max_batch_pieces"
    loaded = spacy.load(tmp_path / "pipeline", config={name: 64})
    assert loaded.get_pipe("transformer").model.shims[0].settings["max_batch_pieces"] == 64
