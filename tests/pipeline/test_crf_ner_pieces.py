"""The name recogniser that tags every piece, over a small transformer."""

import pytest
import spacy
import torch
from spacy.training import Example

from spacy_slavner.errors import InputError
from spacy_slavner.training.optimizer import AdamW_v1

from .configs import over_encoder

BLOCKS = """
[components.crf_ner]
factory = "crf_ner"
unit = "piece"
nbest = 3

[components.crf_ner.model]

[components.crf_ner.model.tok2vec]
@architectures = "spacy-slavner.AllPieces.v1"

[components.crf_ner.model.tok2vec.windows]
@architectures = "spacy-slavner.WindowListener.v1"
"""
TEXT = "Jana Nowaka widziano w Pradze . Gazprom milczy ."
ODD = ["", " ", "\n\n\t", "ж" * 300, TEXT * 10]


def load(tiny_encoder, kind: str = "Crf"):
    config = over_encoder(tiny_encoder, ["transformer", "sentencizer", "crf_ner"], BLOCKS)
    config["components"]["crf_ner"]["model"]["@architectures"] = f"spacy-slavner.{kind}Tagger.v1"
    return spacy.util.load_model_from_config(config, auto_fill=True)


def trained(nlp, steps: int = 25):
    gold = {"entities": [(0, 11, "PER"), (23, 29, "LOC"), (32, 39, "ORG")]}
    examples = [Example.from_dict(nlp.make_doc(TEXT), gold), Example.from_dict(nlp.make_doc(""), {})]
    spacy.util.fix_random_seed(0)
    nlp.initialize(lambda: examples)
    optimizer = AdamW_v1(learn_rate=0.01, weight_decay=0.0)
    for _ in range(steps):
        nlp.update(examples, sgd=False)
        for name in ("transformer", "crf_ner"):
            nlp.get_pipe(name).finish_update(optimizer)
    return nlp


def answers(nlp, text: str = TEXT):
    doc = nlp(text)
    assert all(0 <= ent._.confidence <= 1 for ent in doc.ents)
    return [(ent.text, ent.label_) for ent in doc.ents], doc._.ner_nbest


@pytest.mark.parametrize("kind", ["Crf", "Softmax"])
def test_learns_and_saves(tiny_encoder, tmp_path, kind):
    nlp = trained(load(tiny_encoder, kind))
    names, nbest = answers(nlp)
    assert names == [("Jana Nowaka", "PER"), ("Pradze", "LOC"), ("Gazprom", "ORG")]
    for alternatives in nbest:
        assert len({str(one["spans"]) for one in alternatives}) == len(alternatives) <= 3
        values = [one["probability"] for one in alternatives]
        assert values[1:] == sorted(values[1:], reverse=True) and sum(values) <= 1 + 1e-5
    assert [tuple(span) for one in nbest for span in one[0]["spans"]] == [
        (0, 2, "PER"), (4, 5, "LOC"), (6, 7, "ORG")
    ]  # fmt: skip
    for text, doc in zip(ODD, nlp.pipe(ODD), strict=True):
        assert [(e.text, e.label_) for e in doc.ents] == answers(nlp, text)[0]
    nlp.to_disk(tmp_path)
    assert answers(spacy.load(tmp_path))[0] == names


def test_replaced_listener(tiny_encoder):
    nlp = trained(load(tiny_encoder))
    names, _ = answers(nlp)
    nlp.replace_listeners("transformer", "crf_ner", ["model.tok2vec.windows"])
    assert answers(nlp)[0] == names


def test_gradient_reaches_the_encoder(tiny_encoder):
    nlp = trained(load(tiny_encoder), 0)
    module = nlp.get_pipe("transformer").model.shims[0].module
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    example = Example.from_dict(nlp.make_doc(TEXT), {"entities": [(0, 11, "PER")]})
    nlp.update([example], sgd=False)
    nlp.get_pipe("transformer").finish_update(AdamW_v1(learn_rate=0.01))
    moved = [name for name, p in module.named_parameters() if not torch.equal(p, before[name])]
    assert any("attention" in name for name in moved)


def test_the_model_must_fit_the_unit(tiny_encoder):
    config = over_encoder(tiny_encoder, ["transformer", "sentencizer", "crf_ner"], BLOCKS)
    config["components"]["crf_ner"]["unit"] = "token"
    with pytest.raises(InputError, match="one vector per piece"):
        spacy.util.load_model_from_config(config, auto_fill=True)
