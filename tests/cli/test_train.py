"""Training: a run that is stopped and resumed is the run that was never stopped."""

import json
import shutil

import pytest
import spacy
import typer

from spacy_slavner.cli.train import _info, train
from spacy_slavner.corpora.docbin import read_docs, write_docbin
from spacy_slavner.errors import InputError
from spacy_slavner.evaluation.metrics import read_metrics
from spacy_slavner.training import loop
from spacy_slavner.training.progress import Progress


@pytest.fixture
def config(corpus, small_system):
    """The default system on the small corpus, with the tiny encoder, without the language."""

    def config(**overrides):
        values = {
            "corpora.dev.limit": 2,
            "training.max_steps": 5,
            "training.eval_frequency": 2,
            "training.batcher.size": 300,
        }
        return small_system(corpus / "train.spacy", corpus / "test.spacy", **values | overrides)

    return config


@pytest.fixture
def updates(monkeypatch):
    """Log each update (step, texts, rates); stop the run when `stop` updates are done."""

    class Log(list):
        stop = None

    log, original = Log(), loop._Run.update

    def update(self, batch, epoch):
        if self.progress.steps == log.stop:
            raise KeyboardInterrupt
        rates = (self.optimizer.learn_rate, self.optimizer.encoder_rate)
        log.append((self.progress.steps, [eg.text for eg in batch], rates))
        original(self, batch, epoch)

    monkeypatch.setattr(loop._Run, "update", update)
    return log


def test_resumed_run_is_the_run_that_was_never_stopped(config, updates, tmp_path, capsys):
    train(config(), tmp_path / "whole")
    whole, log = list(updates), updates
    assert [step for step, _, _ in whole] == [0, 1, 2, 3, 4]
    log.clear()
    log.stop = 3
    with pytest.raises(typer.Exit) as stopped:
        train(config(), tmp_path / "parts")
    assert stopped.value.exit_code == 130 and "--resume" in capsys.readouterr().out
    spacy.load(tmp_path / "parts/model-last")
    assert Progress.from_disk(tmp_path / "parts").steps == 3
    log.stop = None
    progress = train(config(), tmp_path / "parts", resume=True)
    assert log == whole
    assert (progress.steps, progress.finished) == (5, "max_steps")
    assert [row["step"] for row in progress.curve] == [2, 4, 5]


def test_resumed_run_has_the_weights_of_the_checkpoint(config, updates, tmp_path, monkeypatch):
    updates.stop = 2
    with pytest.raises(typer.Exit):
        train(config(), tmp_path)
    saved = (tmp_path / "model-last/crf_ner/model").read_bytes()
    # Resume and stop before the first update: what is saved again is what was loaded.
    with pytest.raises(typer.Exit):
        train(config(), tmp_path, resume=True)
    assert (tmp_path / "model-last/crf_ner/model").read_bytes() == saved


def test_run_stopped_in_an_evaluation_makes_it_when_it_goes_on(config, updates, tmp_path, monkeypatch):
    checkpoint = loop._Run.checkpoint

    def stop(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop._Run, "checkpoint", stop)
    with pytest.raises(typer.Exit):
        train(config(), tmp_path)
    assert Progress.from_disk(tmp_path).curve == []
    monkeypatch.setattr(loop._Run, "checkpoint", checkpoint)
    progress = train(config(), tmp_path, resume=True)
    assert [row["step"] for row in progress.curve] == [2, 4, 5]
    assert progress.resumed == [2]
    assert json.loads((tmp_path / "metrics.json").read_text())["info"]["resumed"] == [2]


@pytest.mark.parametrize("is_read", [True, False])
def test_record_counts_the_unlabelled_documents_that_are_read(corpus, is_read):
    nlp, target = spacy.blank("xx"), str(corpus / "dev.spacy")
    nlp.config["paths"] |= {"train": str(corpus / "train.spacy"), "target": target}
    nlp.config["corpora"] = {"train": {"sources": {"target": {"path": target if is_read else "another"}}}}
    documents = _info(nlp, Progress(""), system="any").documents
    number = len(list(read_docs(corpus / "dev.spacy", nlp.vocab)))
    assert documents.get("unlabelled") == (number if is_read else None) and documents["used"] > 0


def test_finished_run_is_kept(config, updates, tmp_path):
    train(config(), tmp_path)
    n = len(updates)
    assert train(config(), tmp_path, resume=True).steps == n == len(updates)


def test_finished_run_goes_on_to_a_farther_goal(config, updates, tmp_path):
    train(config(), tmp_path)
    progress = train(config(training__max_steps=7), tmp_path, resume=True)
    assert [step for step, _, _ in updates] == list(range(7))
    assert progress.curve[-1]["step"] == 7


@pytest.mark.parametrize("change", ["config", "corpus", "checkpoint"])
def test_another_config_or_corpus_is_another_run(change, config, updates, tmp_path, corpus):
    train(config(training__max_steps=1), tmp_path / "run")
    overrides = {"training__max_steps": 1}
    if change == "config":
        overrides["system__seed"] = 1
    elif change == "corpus":
        overrides["paths__train"] = str(corpus / "dev.spacy")
    else:
        shutil.rmtree(tmp_path / "run/model-last")
        overrides["training__max_steps"] = 2
    train(config(**overrides), tmp_path / "run", resume=True)
    assert [step for step, _, _ in updates] == ([0, 0, 1] if change == "checkpoint" else [0, 0])


def test_without_resume_a_run_begins_anew(config, updates, tmp_path):
    for _ in range(2):
        train(config(training__max_steps=1), tmp_path)
    assert [step for step, _, _ in updates] == [0, 0]


def test_patience_ends_a_run(config, tmp_path):
    values = {"training__patience": 3, "training__max_steps": 50, "training__eval_frequency": 1}
    frozen = {"training__optimizer__learn_rate": 0.0, "training__optimizer__encoder_rate": 0.0}
    progress = train(config(**values, **frozen), tmp_path)
    assert (progress.finished, progress.steps, progress.best_step) == ("patience", 4, 1)


def test_epochs_set_the_number_of_steps(config, updates, tmp_path):
    progress = train(config(training__batcher__size=1500), tmp_path, epochs=2)
    texts = [text for _, batch, _ in updates for text in batch]
    assert progress.steps == len(updates) and progress.epoch == 1
    assert len(texts) == 2 * len(set(texts))
    # The schedule ends where the run does.
    learn_rates = [rates[0] for _, _, rates in updates]
    assert 0 < learn_rates[-1] < learn_rates[1]
    assert train(config(), tmp_path / "least", epochs=0.01, min_steps=2).steps == 2


def test_record_says_what_was_done(config, tmp_path):
    train(config(training__max_steps=2, system__seed=4), tmp_path, name="tiny")
    record = read_metrics(tmp_path / "metrics.json")
    info = record["info"]
    assert (info["system"], info["corpus"], info["split"]) == ("tiny", "sample", "sample")
    assert (info["seed"], info["steps"]) == (4, 2) and info["seconds"] > 0
    assert record["learning_curve"][0]["losses"]["crf_ner"] > 0
    assert "ents_f" in record["learning_curve"][0]["scores"]


def test_best_pipeline_is_not_overwritten_by_a_worse_one(config, tmp_path, monkeypatch):
    scores = iter([0.5, 0.9, 0.1])
    monkeypatch.setattr(loop, "create_evaluation_callback", lambda *args: lambda: (next(scores), {}))
    progress = train(config(), tmp_path)
    assert (progress.best_score, progress.best_step) == (0.9, 4)
    models = [tmp_path / name / "crf_ner/model" for name in ("model-best", "model-last")]
    assert models[0].read_bytes() != models[1].read_bytes()


def test_missing_corpus_is_an_input_error(config, tmp_path):
    with pytest.raises(InputError, match="no train corpus.*--paths.train"):
        train(config(paths__train=str(tmp_path / "no.spacy")), tmp_path)
    with pytest.raises(InputError, match="no dev corpus"):
        train(config(paths__dev=None), tmp_path)
    with pytest.raises(InputError, match="no word vectors.*vectors-align"):
        train(config(initialize__vectors=str(tmp_path / "pl-cs")), tmp_path)


def test_a_dev_corpus_without_names_is_an_input_error_at_once(config, corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("spacy.training.initialize.init_nlp", None)
    docs = list(read_docs(corpus / "test.spacy", spacy.blank("xx").vocab))
    for doc in docs:
        doc.set_ents([], default="missing")
    write_docbin(docs, tmp_path / "bare.spacy")
    with pytest.raises(InputError, match="bare.spacy.*has names annotated.*Give a dev part"):
        train(config(paths__dev=str(tmp_path / "bare.spacy")), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_missing_encoder_is_an_input_error_at_once(config, tmp_path, monkeypatch):
    monkeypatch.setattr("spacy.training.initialize.init_nlp", None)
    with pytest.raises(InputError, match="assets/no.*spacy project run encoder"):
        train(config(paths__encoder="assets/no"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_damaged_record_is_an_input_error(config, tmp_path):
    (tmp_path / "progress.json").write_text(json.dumps({"no": 1}))
    with pytest.raises(InputError, match="progress.json.*Remove it"):
        train(config(), tmp_path, resume=True)


def test_stock_command_trains_the_merged_config(run, config, tmp_path):
    from spacy.cli.train import train as spacy_train

    config(training__max_steps=2).to_disk(tmp_path / "config.cfg", interpolate=False)
    spacy_train(tmp_path / "config.cfg", tmp_path / "out")
    assert spacy.load(tmp_path / "out/model-last").pipe_names[-1] == "crf_ner"
