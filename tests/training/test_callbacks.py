"""Callbacks: weights drawn anew."""

import spacy
import torch

from spacy_slavner.training.callbacks import create_uniform_weights


def pipeline():
    from thinc.api import Linear, chain

    from spacy_slavner.layers.shim import wrap_torch

    class Pipe:
        model = chain(wrap_torch(torch.nn.Linear(30, 40)), Linear(3, 40))

    nlp = spacy.blank("xx")
    nlp._components = [("pipe", Pipe()), ("other", lambda doc: doc)]
    return nlp, Pipe.model.layers[0].shims[0]._model


def test_all_weights_are_uniform_and_repeatable():
    nlp, module = pipeline()
    assert create_uniform_weights(0.3, seed=1)(nlp) is nlp
    one = [p.detach().clone() for p in module.parameters()]
    for weight in one:
        assert 0.25 < float(weight.abs().max()) <= 0.3 and abs(float(weight.mean())) < 0.05
    create_uniform_weights(0.3, seed=1)(nlp)
    assert all((a == b).all() for a, b in zip(one, module.parameters(), strict=True))
    create_uniform_weights(0.3, seed=2)(nlp)
    assert (one[0] != module.weight).any()
