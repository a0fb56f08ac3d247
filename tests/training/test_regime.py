"""Each value of a config that says how models are trained does what it says, in the training loop itself."""

from pathlib import Path

import pytest
import spacy
import torch
from spacy.tokens import Doc
from spacy.training import Example

from spacy_slavner.cli.train import train
from spacy_slavner.corpora.docbin import write_docbin
from spacy_slavner.corpora.sources import blank_pipeline, set_origin
from spacy_slavner.training import loop
from spacy_slavner.training.config import merge_config

ROOT = Path(__file__).resolve().parents[2]
TEXT = "Jana Nowaka widziano w Pradze . Gazprom milczy ."


@pytest.fixture
def config(tmp_path, small_system):
    """The default system, with the tiny encoder, on four short documents."""
    nlp = blank_pipeline()
    docs = []
    for i in range(4):
        doc = nlp.make_doc(TEXT)
        doc.set_ents([doc.char_span(0, 11, "PER"), doc.char_span(23, 29, "LOC")], default="outside")
        docs.append(set_origin(doc, language="pl", doc_id=f"d{i}"))
    write_docbin(docs, tmp_path / "train.spacy")

    def config(**overrides):
        path = tmp_path / "train.spacy"
        batcher = {"@batchers": "spacy.batch_by_sequence.v1", "size": 2}
        return small_system(path, path, **{"training.max_steps": 4, "training.batcher": batcher} | overrides)

    return config


@pytest.fixture
def runs(monkeypatch):
    """The runs of the training loop, each with the rates of its steps and the sizes of its updates."""
    found, update = [], loop._Run.update

    def noted(self, batch, epoch):
        if self not in found:
            found.append(self)
            self.rates, self.sizes = [], []
            inner = self.nlp.update

            def count(examples, **settings):
                self.sizes.append(len(examples))
                return inner(examples, **settings)

            self.nlp.update = count
        self.rates.append((self.optimizer.rate("head"), self.optimizer.rate("encoder")))
        update(self, batch, epoch)

    monkeypatch.setattr(loop._Run, "update", noted)
    return found


def weights(nlp) -> dict[str, torch.Tensor]:
    """Copies of the weights of encoder and head."""
    found = {}
    for name in ("transformer", "crf_ner"):
        for node in nlp.get_pipe(name).model.walk():
            for shim in node.shims:
                for key, value in shim._model.state_dict().items():
                    found[f"{name}.{key}"] = value.detach().clone()
    return found


def test_moving_averages_are_what_is_evaluated_and_saved(config, runs, tmp_path):
    train(config(training__optimizer__average_decay=0.5), tmp_path / "out")
    (run,) = runs
    saved, last = weights(spacy.load(tmp_path / "out/model-last")), weights(run.nlp)
    with run.nlp.use_params(run.optimizer.averages):
        averages = weights(run.nlp)
    assert saved.keys() == averages.keys()
    assert all(torch.equal(saved[name], averages[name]) for name in saved)
    assert any(not torch.equal(saved[name], last[name]) for name in saved)


def test_rate_runs_in_cycles_between_two_values(config, runs, tmp_path):
    cyclic = {"@schedules": "cyclic_triangular.v1", "min_lr": 1e-6, "max_lr": 1e-4, "period": 2}
    values = {f"training.optimizer.{name}": cyclic for name in ("learn_rate", "encoder_rate")}
    train(config(**values, training__max_steps=7), tmp_path / "out")
    rates = [head for head, _ in runs[0].rates]
    half = (1e-6 + 1e-4) / 2
    assert rates == pytest.approx([half, 1e-4, half, 1e-6, half, 1e-4, half])
    assert rates == [encoder for _, encoder in runs[0].rates]


def test_gradients_are_accumulated_over_parts_of_a_batch(config, runs, tmp_path):
    progress = train(config(training__accumulate_gradient=2, training__max_steps=3), tmp_path / "out")
    assert progress.steps == 3 == len(runs[0].rates)
    assert runs[0].sizes == [1] * 6


def test_published_rates_of_encoder_and_top(config, runs, tmp_path):
    published = merge_config(ROOT / "configs/bert_crf.cfg")["training"]
    rates = {"training.optimizer": published["optimizer"], "training.eval_frequency": 1}
    before = train(config(**rates, training__max_steps=2), tmp_path / "out")
    assert runs[0].rates == [(3e-4, 1e-5)] * 2
    assert [row["step"] for row in before.curve] == [1, 2]


@pytest.mark.parametrize("frozen,moving", [(-1, "ehtx"), (0, "htx"), (1, "htx"), (2, "hx")])
def test_frozen_layers_stay_as_they_were(config, runs, tmp_path, frozen, moving):
    found = {}

    def note(nlp):
        found.setdefault("first", weights(nlp))
        return nlp

    spacy.registry.callbacks("test_note_weights", func=lambda: note)
    changes = {"components.transformer.model.frozen_layers": frozen}
    changes["initialize.after_init"] = {"@callbacks": "test_note_weights"}
    train(config(**changes, training__max_steps=2), tmp_path / "out")
    last = weights(runs[0].nlp)
    moved = {name for name in last if not torch.equal(found["first"][name], last[name])}
    assert any("embeddings" in name for name in moved) == ("e" in moving)
    assert any("layer.1." in name for name in moved) == ("t" in moving)
    assert any("layer.0." in name for name in moved) == (frozen < 1)
    assert any(name.startswith("crf_ner") for name in moved)


@pytest.fixture
def examples():
    """Documents of one, two and four sentences; the last has none marked."""
    nlp = blank_pipeline()
    texts = ["Praga milczy.", "Praga milczy. Brno milczy.", "Anna milczy. Jan mówi. Ewa milczy. Piotr mówi."]
    found = []
    for text in texts:
        doc = nlp.make_doc(text)
        if text != texts[-1]:
            for token in doc:
                token.is_sent_start = token.i == 0 or doc[token.i - 1].text == "."
        set_origin(doc, language="pl")
        found.append(Example(Doc(doc.vocab), doc))
    return found


def batches(examples, **settings):
    batcher = spacy.registry.resolve({"b": settings})["b"]
    return [len(batch) for batch in batcher(examples)]


def test_batches_of_documents_sentences_and_pieces(examples, tiny_encoder):
    one, two, four = examples
    stream = [one, two, one, one, four, two, two]
    assert batches(stream, **{"@batchers": "spacy.batch_by_sequence.v1", "size": 3}) == [3, 3, 1]
    by_sentences = {"@batchers": "spacy-slavner.batch_by_sentences.v1"}
    assert batches(stream, **by_sentences, size=4) == [3, 1, 1, 2]
    assert batches(stream, **by_sentences, size=3) == [2, 1, 2, 1, 1]
    assert batches(stream, **by_sentences, size=100) == [7]
    by_pieces = {"@batchers": "spacy-slavner.batch_by_pieces.v1", "encoder": str(tiny_encoder)}
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    sizes = [len(tokenizer(eg.reference.text, add_special_tokens=False).input_ids) for eg in (one, two)]
    assert batches(stream[:4], **by_pieces, size=sizes[0] + sizes[1]) == [2, 2]
    assert batches(stream[:4], **by_pieces, size=sizes[0] + sizes[1] - 1) == [1, 1, 2]
    assert batches(stream[:4], **by_pieces, size=1) == [1, 1, 1, 1]
