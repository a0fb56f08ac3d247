"""Other corpora than one's own: types that are not annotated everywhere, and weights of another pipeline."""

import pytest
import spacy
import torch
from spacy.training import Example
from spacy.training.initialize import init_nlp

from spacy_slavner.corpora.docbin import write_docbin
from spacy_slavner.errors import InputError
from spacy_slavner.training.callbacks import create_take_weights

from .test_cloze import load
from .test_crf_ner import MODEL, make_example, make_nlp, names_of
from .test_crf_ner import train as train_tagger

TEXT = "Jana Nowaka widziano w Pradze . Gazprom milczy ."
SOFTMAX = {"model": {**MODEL, "@architectures": "spacy-slavner.SoftmaxTagger.v1"}}


def examples_of(nlp, known: bool):
    """A corpus with two types of names, and a larger one of people alone; `known` says so."""
    examples = [make_example(nlp, TEXT, ["Jana Nowaka:PER"]) for _ in range(3)]
    for example in examples if known else ():
        example.reference._.annotated_types = ["PER"]
    return [make_example(nlp, TEXT, ["Jana Nowaka:PER", "Pradze:LOC"]), *examples]


@pytest.mark.parametrize("settings", [{}, {"scheme": "IOB1"}, SOFTMAX], ids=["crf", "iob1", "softmax"])
def test_types_that_a_corpus_lacks_are_not_negatives(settings):
    nlp = make_nlp(**settings)
    found = {}
    for known in (False, True):
        loss = train_tagger(nlp, 40, examples_of(nlp, known))[-1]
        found[known] = names_of(nlp(TEXT))
    assert found[False] == [("Jana Nowaka", "PER")]
    assert found[True] == [("Jana Nowaka", "PER"), ("Pradze", "LOC")]
    assert loss < 0.2


@pytest.mark.parametrize("settings", [{}, {"scheme": "BIOES"}, SOFTMAX], ids=["crf", "bioes", "softmax"])
def test_types_that_are_not_asked_for_are_not_found(settings):
    nlp = make_nlp(**settings)
    train_tagger(nlp, 40, examples_of(nlp, True))
    doc = nlp.make_doc(TEXT)
    docs = [nlp.make_doc(TEXT), doc]
    doc._.annotated_types = ["LOC"]
    whole, some = nlp.pipe(docs)
    assert [ent.label_ for ent in whole.ents] == ["PER", "LOC"]
    assert [(ent.text, ent.label_) for ent in some.ents] == [("Pradze", "LOC")]
    assert 0.5 < some.ents[0]._.confidence <= 1


def test_no_types_are_free_where_all_are_annotated():
    nlp = make_nlp()
    examples = examples_of(nlp, False)
    nlp.initialize(lambda: examples)
    pipe = nlp.get_pipe("crf_ner")
    emissions, _ = pipe.model.begin_update([e.predicted for e in examples])
    plain = pipe.get_loss(examples, emissions)
    for example in examples:
        example.reference._.annotated_types = ["LOC", "PER", "EVT"]
    again = pipe.get_loss(examples, emissions)
    assert plain[0] == again[0] and all((a == b).all() for a, b in zip(plain[1], again[1], strict=True))


def annotated(nlp, label):
    doc = nlp.make_doc("Jan Nowak řekl, že volby v Praze budou v říjnu.")
    example = Example.from_dict(doc, {"entities": [(0, 9, label)]})
    example.reference._.language = "cs"
    return example


def test_encoder_is_taken_and_the_tag_layer_is_new(tiny_encoder, tmp_path):
    first = load(tiny_encoder, without=["cloze", "language_head"])
    first.initialize(lambda: [annotated(first, "PERSON")])
    module = first.get_pipe("transformer").model.shims[0].module
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.01
    first.to_disk(tmp_path / "first")
    second = load(tiny_encoder, without=["cloze", "language_head"])
    write_docbin([annotated(second, "PER").reference], tmp_path / "train.spacy")
    config = second.config.copy()
    config["components"]["transformer"]["model"]["frozen_layers"] = 1
    config["initialize"]["after_init"] = {
        "@callbacks": "spacy-slavner.take_weights.v1", "source": str(tmp_path / "first")
    }  # fmt: skip
    corpus = {"@readers": "spacy-slavner.Corpus.v1", "path": str(tmp_path / "train.spacy")}
    config["corpora"] = {"train": corpus, "dev": corpus}
    nlp = init_nlp(config)
    own = nlp.get_pipe("transformer").model.shims[0].module
    for (name, ours), theirs in zip(own.named_parameters(), module.parameters(), strict=True):
        assert torch.equal(ours, theirs), name
        assert ours.requires_grad == (".layer.1." in name)
    assert nlp.get_pipe("crf_ner").labels == ("PER",)
    loss = nlp.update([annotated(nlp, "PER")], sgd=False)["crf_ner"]
    assert loss > 0 and any(p.grad is not None for p in own.parameters())
    nlp.to_disk(tmp_path / "second")
    assert spacy.load(tmp_path / "second").get_pipe("crf_ner").labels == ("PER",)


def test_a_tag_layer_is_taken_for_the_same_labels_alone(tiny_encoder, tmp_path):
    def pipeline(label):
        nlp = load(tiny_encoder, without=["cloze", "language_head"])
        nlp.initialize(lambda: [annotated(nlp, label)])
        return nlp

    pipeline("PER").to_disk(tmp_path)
    take = create_take_weights(tmp_path, ["transformer", "crf_ner"])
    same, other = pipeline("PER"), pipeline("LOC")
    before = same.get_pipe("crf_ner").model.to_bytes()
    assert take(same).get_pipe("crf_ner").model.to_bytes() != before
    with pytest.raises(InputError, match="labels .* are not the same: .'PER'. and .'LOC'.*transformer alone"):
        take(other)


def test_weights_that_cannot_be_taken(tiny_encoder, tmp_path):
    nlp = load(tiny_encoder)
    assert create_take_weights(None)(nlp) is nlp
    with pytest.raises(InputError, match="no trained component"):
        create_take_weights(tmp_path)(nlp)
    (tmp_path / "other").mkdir()
    with pytest.raises(InputError, match="no component 'other'"):
        create_take_weights(tmp_path, ["other"])(nlp)
