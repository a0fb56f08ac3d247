"""Systems x splits x seeds: what is done, what is kept, and what is said about it."""

import json
import os
import shlex
import shutil
from pathlib import Path

import pytest
from spacy.tokens import Span

from spacy_slavner.cli import experiments
from spacy_slavner.corpora.docbin import read_docs, write_docbin
from spacy_slavner.corpora.reader import create_corpus
from spacy_slavner.corpora.sources import blank_pipeline
from spacy_slavner.errors import InputError
from spacy_slavner.evaluation.metrics import read_metrics
from spacy_slavner.training import loop  # noqa: F401  (before the output of a command is captured)

ROOT = Path(__file__).resolve().parents[2]
pytest.importorskip("pycrfsuite")


@pytest.fixture
def project(corpus, tmp_path, monkeypatch) -> Path:
    """A folder with a small corpus and two systems that train in a second."""
    shutil.copytree(corpus, tmp_path / "corpus" / "auto")
    shutil.copy(corpus.parent / "SOURCE.json", tmp_path / "corpus")
    (tmp_path / "configs").mkdir()
    short = "\n[corpora]\n[corpora.train]\nlimit = 3\n[corpora.dev]\nlimit = 2\n"
    for name in ("base", "feature_crf"):
        text = (ROOT / f"configs/{name}.cfg").read_text()
        (tmp_path / f"configs/{name}.cfg").write_text(text + short * (name != "base"))
    recipe = "[recipes]\n[recipes.short]\ncomponents.feature_crf.max_iterations = 3\n"
    (tmp_path / "configs/other.cfg").write_text('[system]\nextends = "feature_crf"\n' + recipe)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def commands(run, monkeypatch) -> list[tuple]:
    """Commands are run in this process and noted; those of a system named in `commands.broken` fail."""

    class Commands(list):
        broken = None

    done = Commands()

    def command(*arguments):
        done.append(arguments)
        if done.broken in arguments:
            return False
        run(*arguments)
        return True

    monkeypatch.setattr(experiments, "_command", command)
    return done


OPTIONS = ("--splits", "auto", "--max-steps", 1)


def test_runs_are_recorded_reported_and_kept(project, run, commands):
    names = ("--systems", "feature_crf,other", "--recipe", "short")
    output = run("experiments", *names, *OPTIONS, "--seeds", "0")
    assert [command[0] for command in commands] == ["train", "evaluate"] * 2
    assert "2 of 2 runs are done" in output and "metrics/report.md" in output
    report = (project / "metrics/report.md").read_text()
    assert "| feature_crf |" in report and "feature_crf.max_iterations default → 3" in report
    results = json.loads((project / "metrics/results.json").read_text())
    assert set(results["systems"]["other"]) == {"sample_dev", "sample_test"}
    info = read_metrics(project / "metrics/other/auto/0/metrics.json")["info"]
    assert (info["system"], info["recipe"], info["steps"]) == ("other", "short", 1)
    assert info["parameters"]["total"] > 0 and info["initialize_seconds"] > 0
    assert info["changed"]["components.feature_crf.max_iterations"] == ["default", 3]
    # Again: nothing is done; with another seed, one run; without its scores, one evaluation.
    commands.clear()
    assert "kept" in run("experiments", *names, *OPTIONS, "--seeds", "0")
    assert commands == []
    run("experiments", "--systems", "other", *OPTIONS, "--seeds", "0,1")
    assert [command[0] for command in commands] == ["train", "evaluate"]
    commands.clear()
    (project / "metrics/other/auto/1/metrics.json").unlink()
    run("experiments", "--systems", "other", *OPTIONS, "--seeds", "0,1")
    assert [command[0] for command in commands] == ["evaluate"]


def test_a_run_is_made_anew_of_younger_files(project, run, commands, monkeypatch):
    folder = project / "muse"
    folder.mkdir()
    (folder / "pl-en.txt").write_text("a b")
    options = ("--systems", "feature_crf", *OPTIONS, "--seeds", "0", "--paths.dictionary", folder)
    run("experiments", *options)
    commands.clear()
    run("experiments", *options)
    assert commands == []
    later = (project / "metrics/feature_crf/auto/0/metrics.json").stat().st_mtime + 1
    os.utime(folder / "pl-en.txt", (later, later))
    # The training finds that they hold the same and is kept, or begins anew.
    monkeypatch.setattr(Path, "touch", lambda path: os.utime(path, (later, later)))
    run("experiments", *options)
    assert [command[0] for command in commands] == ["train", "evaluate"]
    assert experiments.is_trained(project / "training/feature_crf/auto/0", [folder])


def test_a_failure_does_not_stop_the_others(project, run, commands):
    commands.broken = "other"
    output = run("experiments", "--systems", "other,feature_crf", *OPTIONS, "--seeds", "0", code=1)
    assert "other on auto, seed 0 failed" in output and "1 of 2 runs" in output
    assert not (project / "metrics/other").exists()
    assert (project / "metrics/feature_crf/auto/0/metrics.json").is_file()


def test_budget_is_a_fixed_choice_of_documents_and_said_so(project, run, commands):
    run("experiments", "--systems", "feature_crf", *OPTIONS, "--seeds", "0", "--max-docs", 4)
    vocab = blank_pipeline().vocab
    paths = Path("corpus/auto").rglob("train.spacy")
    chosen, whole = sorted(([doc._.source for doc in read_docs(path, vocab)] for path in paths), key=len)
    assert len(chosen) == 4 and set(chosen) < set(whole)
    info = read_metrics(project / "metrics/feature_crf/auto/0/metrics.json")["info"]
    assert info["documents"] == {"used": 4, "all": len(whole)}
    assert f"4 of {len(whole)} documents" in (project / "metrics/report.md").read_text()


def test_a_series_is_compared_with_itself_alone(project, run, commands):
    options = ("--systems", "feature_crf", *OPTIONS, "--seeds", "0")
    run("experiments", *options)
    run("experiments", *options, "--series", "tiny", "--max-docs", 4, "--parts", "dev")
    record = read_metrics(project / "metrics/feature_crf_tiny/auto/0/metrics.json")
    assert list(record["results"]) == ["dev"] and record["experiment"]["series"] == "tiny"
    assert record["experiment"]["command"].endswith("--max-docs 4 --parts dev --series tiny")
    assert record["info"]["system"] == "feature_crf_tiny"
    # Its figures are no figures of the system.
    assert "feature_crf_tiny" not in (project / "metrics/report.md").read_text().partition("<details>")[0]
    commands.clear()
    run("experiments", *options, "--series", "tiny", "--max-docs", 4, "--parts", "dev")
    assert commands == []


def test_one_language_is_a_system_of_its_own(project, run, commands):
    run("experiments", "--systems", "feature_crf", *OPTIONS, "--seeds", "0", "--languages", "cs")
    record = read_metrics(project / "metrics/feature_crf_cs/auto/0/metrics.json")
    assert record["info"]["system"] == "feature_crf_cs"
    assert set(record["results"]["test"]["span"]["by_language"]) == {"cs"}


def test_zero_shot_takes_the_names_of_one_language_away(project, run, commands):
    options = ("--systems", "feature_crf", *OPTIONS, "--seeds", "0")
    run("experiments", *options, "--zero-shot", "cs,pl", "--max-docs", 3)
    assert [command[0] for command in commands] == ["train", "evaluate"] * 2
    vocab = blank_pipeline().vocab
    for target in ("cs", "pl"):
        folder = project / f"corpus/auto_zero_{target}"
        docs = {path.stem: list(read_docs(path, vocab)) for path in folder.glob("*.spacy")}
        languages = {name: {doc._.language for doc in some} for name, some in docs.items()}
        assert target not in languages["train"] and len(languages["train"]) == 5
        assert languages["dev"] == languages["test"] == languages["target"] == {target}
        assert not any(doc.has_annotation("ENT_IOB") for doc in docs["target"])
        assert any(doc.ents for doc in docs["train"]) and any(doc.ents for doc in docs["test"])
        record = read_metrics(project / f"metrics/feature_crf/auto_zero_{target}/0/metrics.json")
        assert (record["info"]["corpus"], record["info"]["split"]) == ("sample", f"auto_zero_{target}")
        assert record["info"]["documents"]["used"] == 3
        assert set(record["results"]["test"]["span"]["by_language"]) == {target}
        assert (record["experiment"]["split"], record["experiment"]["held_out"]) == ("auto", target)
    train = commands[0]
    assert train[train.index("--paths.target") + 1] == Path("corpus/auto_zero_cs/target.spacy")
    report = (project / "metrics/report.md").read_text()
    assert "## Zero-shot" in report and "| System | Split | Names of | cs | pl | Budget |" in report
    assert "| 3 documents, 1 step, 1 seed |" in report and "## auto_zero_cs_test" not in report
    # The command for one run alone is that run.
    commands.clear()
    words = shlex.split(record["experiment"]["command"])
    assert words[words.index("--zero-shot") + 1] == "pl" and record["experiment"]["command"] in report
    assert "1 of 1 runs" in run(*words[3:]) and commands == []
    # Again: nothing is done. From one language alone: other data, so another run.
    commands.clear()
    run("experiments", *options, "--zero-shot", "cs,pl", "--max-docs", 3)
    assert commands == []
    run("experiments", *options, "--zero-shot", "cs", "--sources", "pl")
    docs = list(read_docs(project / "corpus/auto_zero_cs_from_pl/train.spacy", vocab))
    assert {doc._.language for doc in docs} == {"pl"} and len(commands) == 2


def test_every_language_takes_its_turn(project):
    parts = experiments.prepare(Path("corpus"), "auto", "", 0)
    assert experiments.languages_of(parts) == ["bg", "cs", "pl", "ru", "sl", "uk"]


def test_joined_splits_say_what_they_annotate(project):
    shutil.copytree("corpus/auto", "corpus/other")
    vocab = blank_pipeline().vocab
    docs = list(read_docs("corpus/other/train.spacy", vocab))
    for doc in docs:
        doc.set_ents([ent for ent in doc.ents if ent.label_ == "LOC"], default="outside")
    write_docbin(docs, Path("corpus/other/train.spacy"))
    train, others = parts = experiments.prepare(Path("corpus"), "auto+other", "", 0)
    joined = list(read_docs(train, vocab))
    assert len(joined) == 2 * len(docs)
    assert list(joined[-1]._.annotated_types) == ["LOC"] and "PER" in joined[0]._.annotated_types
    known = [
        [e.reference._.annotated_types for e in create_corpus(train, know_types=know)(blank_pipeline())]
        for know in (True, False)
    ]
    assert known[0][-1] == ["LOC"] and set(map(str, known[1])) == {"None"}
    assert [path.name for path in others] == ["dev.spacy", "test.spacy"]
    assert list(list(read_docs(others[1], vocab))[-1]._.annotated_types) == ["LOC"]
    assert experiments.languages_of(parts) == ["bg", "cs", "pl", "ru", "sl", "uk"]
    # One language of it.
    train, others = experiments.prepare(Path("corpus"), "auto+other", "cs", 0)
    some = [list(read_docs(path, vocab)) for path in (train, *others)]
    assert all(docs and {doc._.language for doc in docs} == {"cs"} for docs in some)
    assert {tuple(doc._.annotated_types) for doc in some[0]} > {("LOC",)}


@pytest.mark.parametrize("label,error", [(None, "no annotation of names"), ("loc", "label sets collide")])
def test_splits_that_cannot_be_joined(project, label, error):
    shutil.copytree("corpus/auto", "corpus/other")
    docs = list(read_docs("corpus/other/train.spacy", blank_pipeline().vocab))
    for doc in docs:
        names = [Span(doc, ent.start, ent.end, label) for ent in doc.ents if label]
        doc.set_ents(names, default="outside" if label else "missing")
    write_docbin(docs, Path("corpus/other/train.spacy"))
    with pytest.raises(InputError, match=error):
        experiments.prepare(Path("corpus"), "auto+other", "", 0)


def test_a_setting_takes_each_value(project, run, commands):
    options = ("--systems", "feature_crf", *OPTIONS, "--seeds", "0")
    run("experiments", *options, "--sweep", "components.feature_crf.max_iterations=2,3")
    for value in (2, 3):
        name = f"feature_crf_feature_crf.max_iterations_{value}"
        info = read_metrics(project / f"metrics/{name}/auto/0/metrics.json")["info"]
        assert info["changed"]["components.feature_crf.max_iterations"] == ["default", value]
        experiment = read_metrics(project / f"metrics/{name}/auto/0/metrics.json")["experiment"]
        assert experiment["setting"] == ["components.feature_crf.max_iterations", str(value)]
    assert experiments.read_sweep("a.b=-1,0") == [("a.b", "-1"), ("a.b", "0")]
    assert experiments.read_sweep('a.b={"c":1,"d":2};3') == [("a.b", '{"c":1,"d":2}'), ("a.b", "3")]
    assert experiments.read_sweep("a.b=1,2;") == [("a.b", "1,2")]
    report = (project / "metrics/report.md").read_text()
    assert "| feature_crf | auto | encoder | components.feature_crf.max_iterations | 3 |" in report


def test_names_of_settings_tell_them_apart():
    names = ["components.transformer.model.dropout", "components.crf_ner.model.dropout"]
    assert len({experiments._slug(name, "0.2") for name in names}) == 2
    long = [
        json.dumps({"@optimizers": "spacy-slavner.AdamW.v1", "learn_rate": "x" * 300, "n": n}) for n in "ab"
    ]
    slugs = {experiments._slug("training.optimizer", value) for value in long}
    assert len(slugs) == 2 and max(map(len, slugs)) < 100


def test_command_of_a_run_keeps_what_was_said(project, run, commands):
    run("experiments", "--systems", "feature_crf", *OPTIONS, "--seeds", "0", "--min-steps", 0, "--epochs", 1)
    record = read_metrics(project / "metrics/feature_crf/auto/0/metrics.json")
    assert record["experiment"]["command"].endswith("--epochs 1.0 --max-steps 1")


def test_command_of_a_run_that_is_evaluated_on_more(project, run, commands):
    options = ("--systems", "feature_crf", *OPTIONS, "--seeds", "0")
    path = project / "metrics/feature_crf/auto/0/metrics.json"
    said = []
    for parts in (("--parts", "dev"), (), ("--series", "")):  # the last time there is nothing to do
        run("experiments", *options, *parts)
        said.append("--parts dev" in read_metrics(path)["experiment"]["command"])
    assert said == [True, False, False] and [c[0] for c in commands] == ["train", "evaluate", "evaluate"]


def test_a_replaced_corpus_is_converted_anew(project):
    shutil.move("corpus/auto", "corpus/sample")
    part = Path("corpus/sample/train.spacy")
    made = experiments.prepare(Path("corpus"), "sample", "", 3).train
    before = made.stat().st_mtime_ns
    assert experiments.prepare(Path("corpus"), "sample", "", 3).train.stat().st_mtime_ns == before
    vocab = blank_pipeline().vocab
    write_docbin(list(read_docs(part, vocab))[:5], part)
    chosen = {
        doc._.source for doc in read_docs(experiments.prepare(Path("corpus"), "sample", "", 3).train, vocab)
    }
    assert made.stat().st_mtime_ns > before and chosen <= {doc._.source for doc in read_docs(part, vocab)}
    # Of another corpus than the one at hand now.
    record = part.parent / "corpus.json"
    record.write_text(record.read_text().replace('"sample"', '"other"', 1))
    experiments.prepare(Path("corpus"), "sample", "", 0)
    assert len(list(read_docs(part, vocab))) > 5 and '"other"' not in record.read_text()


def test_each_language_by_itself_beside_all(project, run, commands):
    options = ("--systems", "feature_crf", *OPTIONS, "--seeds", "0")
    for languages in ("", "cs,pl", "cs"):
        run("experiments", *options, "--languages", languages)
    report = (project / "metrics/report.md").read_text()
    rows = [line for line in report.splitlines() if line.startswith("| feature_crf | auto |")]
    assert [row.split(" | ")[4] for row in rows] == ["all languages", "cs,pl", "each language alone"] * 2
    split = experiments.prepare(Path("corpus"), "auto", "", 0)
    designs = list(experiments._designs(Path("corpus"), "auto", "all", "", [], 0))
    assert [design["language"] for design, _ in designs] == experiments.languages_of(split)


def test_more_layers_than_there_are_are_not_frozen(project, run, monkeypatch):
    monkeypatch.setattr(experiments, "_command", lambda *arguments: noted.append(arguments))
    noted = []
    (project / "encoder").mkdir()
    (project / "encoder/config.json").write_text('{"num_hidden_layers": 5}')
    for name in ("bert_linear", "multilingual"):
        shutil.copy(ROOT / f"configs/{name}.cfg", project / "configs")
    options = ("--systems", "multilingual", "--encoder", "encoder", *OPTIONS, "--seeds", "0")
    sweep = f"{experiments.FROZEN}=-1,0,3,5,7,12"
    for arguments, fitting in [((), "-1 0 3 5"), ((f"--{experiments.FROZEN[:-14]}.layers=4",), "-1 0 3")]:
        noted.clear()
        output = run("experiments", *options, "--sweep", sweep, *arguments, code=1)
        assert [line[-1].rpartition("=")[2] for line in noted] == fitting.split()
        assert "fewer layers" in output


@pytest.fixture
def small(project, tiny_encoder, monkeypatch) -> list:
    """The options of runs of real systems on a tiny encoder, on two documents."""
    shutil.copytree(ROOT / "configs", project / "configs", dirs_exist_ok=True)
    for part in ("train", "dev", "test"):
        path = project / f"corpus/auto/{part}.spacy"
        write_docbin(list(read_docs(path, blank_pipeline().vocab))[:2], path)
    shutil.copytree(project / "corpus/auto", project / "corpus/other")
    (project / "corpus/other/snippets.spacy").unlink(missing_ok=True)
    shutil.copytree(tiny_encoder, project / "assets/encoder")
    options = ["--max-steps", 1, "--seeds", "0", "--recipe", "short"]
    return [*options, "--components.transformer.model.layers=null"]


def test_transfer_trains_the_union_once_and_takes_its_encoder(small, run, commands):
    options = ["--splits", "auto", "--transfer", "auto+other", "--max-docs", 2, *small]
    run("experiments", "--systems", "bert_linear,transfer,transfer_crf", *options)
    trained = [command for command in commands if command[0] == "train"]
    assert [c[1].stem for c in trained] == ["transfer_union", "bert_linear", "transfer", "transfer_crf"]
    sources = [c[c.index("--paths.source") + 1] if "--paths.source" in c else None for c in trained]
    assert sources == [None, None, *["training/transfer_union/auto+other/0/model-last"] * 2]
    union = read_metrics(Path("metrics/transfer_union/auto+other/0/metrics.json"))
    assert "--max-docs" not in union["experiment"]["command"]  # which the others have
    record = read_metrics(Path("metrics/transfer_from_auto+other/auto/0/metrics.json"))
    assert record["experiment"]["transfer"] == "auto+other"
    assert {row["tokens"] > 0 for row in record["fertility"]["languages"].values()} == {True}
    report = Path("metrics/report.md").read_text()
    assert "| transfer | auto+other, before | auto | test |" in report and "## Pieces per token" in report
    commands.clear()
    run(*shlex.split(record["experiment"]["command"])[3:])
    assert commands == []


def test_systems_are_told_the_languages_that_they_want_to_know(small, monkeypatch):
    design = {"split": "auto", "held_out": "cs", "sources": ["bg"]}
    parts = experiments.prepare_zero_shot(
        Path("corpus/auto_zero"), experiments.prepare(Path("corpus"), "auto", "", 0), "cs", ["bg"], 0
    )
    settings = {
        name: experiments._experiment(
            design | {"system": name}, parts, 0, Path("e"), Path("configs")
        ).settings
        for name in ("crosslingual_bilstm_crf", "multilingual_romanized", "multilingual")
    }
    target, source = "--system.target_language=cs", "--system.source_language=bg"
    assert set(settings["crosslingual_bilstm_crf"]) == {target, source} and not settings["multilingual"]
    assert target in settings["multilingual_romanized"]


def test_several_corpora_at_once_instead_of_transfer(small, run, commands):
    vocab = blank_pipeline().vocab
    docs = list(read_docs("corpus/other/train.spacy", vocab))
    for doc in docs:
        doc.set_ents([ent for ent in doc.ents if ent.label_ == "LOC"], default="outside")
    write_docbin(docs, Path("corpus/other/train.spacy"))
    options = ["--systems", "tag_sets", "--splits", "auto", "--transfer", "other", *small]
    run("experiments", *options)
    assert [command[0] for command in commands] == ["train", "evaluate"]
    folder = Path("corpus/auto_with_other")
    train, test = (list(read_docs(folder / f"{part}.spacy", vocab)) for part in ("train", "test"))
    assert (
        len(train) == 4
        and [list(doc._.annotated_types) == ["LOC"] for doc in train] == [False] * 2 + [True] * 2
    )
    assert [doc.text for doc in test] == [doc.text for doc in read_docs("corpus/auto/test.spacy", vocab)]
    record = read_metrics(Path("metrics/tag_sets_with_other/auto/0/metrics.json"))
    assert record["info"]["split"] == "sample" and record["experiment"]["transfer"] == "other"
    # The languages of the other corpora are learnt from, but none that the pipeline tells.
    tells = sorted({doc._.language for doc in test})
    assert record["experiment"]["tells"] == tells
    train_command = commands[0]
    assert f"--initialize.components.language_id.labels={json.dumps(tells)}" in train_command


def test_the_released_pipeline_finds_the_types_of_its_split(small, monkeypatch):
    vocab = blank_pipeline().vocab
    docs = list(read_docs("corpus/other/train.spacy", vocab))
    docs[0].set_ents([Span(docs[0], 0, 1, "OTH")], default="outside")
    write_docbin(docs, Path("corpus/other/train.spacy"))
    corpus = Path("corpus")
    own = experiments.prepare(corpus, "auto", "", 0)
    types = sorted({ent.label_ for doc in read_docs(own.train, vocab) for ent in doc.ents})
    for system, given in (("slavner", [json.dumps(types)]), ("tag_sets", [])):
        given_design = {"system": system, "split": "auto"}
        design, parts = experiments._with_more(given_design, own, Path("configs"), corpus, "other")
        run = experiments._experiment(design, parts, 0, Path("e"), Path("configs"))
        found = [setting.partition("=")[2] for setting in run.settings if experiments.TYPES in setting]
        assert found == given and any(
            ent.label_ == "OTH" for doc in read_docs(parts.train, vocab) for ent in doc.ents
        )
    assert "OTH" not in types


def test_each_split_reads_its_own_part_of_what_is_there_for_all(small, monkeypatch):
    corpus, vocab = Path("corpus"), blank_pipeline().vocab
    shutil.copytree(corpus / "other", corpus / "silver" / "auto")
    assert experiments.for_split(corpus, "other+silver", "auto") == "other+silver/auto"
    assert experiments.for_split(corpus, "other+silver", "another") == "other+silver"
    design = {"system": "tag_sets", "split": "auto"}
    own = experiments.prepare(corpus, "auto", "", 0)
    design, parts = experiments._with_more(design, own, Path("configs"), corpus, "other+silver")
    assert design["transfer"] == "other+silver" and parts.train.parent.name == "auto_with_other+silver"
    count = [len(list(read_docs(path, vocab))) for path in (own.train, corpus / "other/train.spacy")]
    assert len(list(read_docs(parts.train, vocab))) == count[0] + 2 * count[1]
    with pytest.raises(InputError, match="silver"):
        experiments._with_more(design | {"split": "x"}, own, Path("configs"), corpus, "other+silver")


def test_what_is_released_has_no_test_part(small, run, commands):
    Path("corpus/auto/test.spacy").unlink()
    options = ["--systems", "tag_sets", "--splits", "auto", "--transfer", "other", *small]
    run("experiments", *options)
    assert [path.stem for path in commands[1] if isinstance(path, Path)][:3] == [
        "model-last",
        "dev",
        "metrics",
    ]
    record = read_metrics(Path("metrics/tag_sets_with_other/auto/0/metrics.json"))
    assert list(record["results"]) == ["dev"] and record["fertility"]["languages"]
    for given in (("--splits", "auto+other"), ("--splits", "auto", "--zero-shot", "cs")):
        with pytest.raises(InputError, match="no test part"):
            run("experiments", "--systems", "tag_sets", *given, *small)


def test_encoders_side_by_side(small, run, commands):
    usual, other = Path("assets/encoder"), Path("pretraining/auto/0/encoder")
    shutil.copytree(usual, other)
    both = ("--encoder", usual, "--encoder", other)
    run("experiments", "--systems", "feature_crf,bert_linear", "--splits", "auto", *small, *both)
    trained = [str(command[2]) for command in commands if command[0] == "train"]
    assert trained == [
        *(f"training/{system}/auto/0" for system in ("feature_crf", "bert_linear")),
        "training/bert_linear_on_pretraining-auto-0/auto/0",
    ]
    record = read_metrics(Path("metrics/bert_linear_on_pretraining-auto-0/auto/0/metrics.json"))
    assert record["experiment"]["encoder"] == record["fertility"]["encoder"] == "pretraining-auto-0"
    assert "--encoder pretraining/auto/0/encoder" in record["experiment"]["command"]
    assert experiments.encoder_name(Path("assets/encoder")) == ""
    with pytest.raises(InputError, match="have one name.*'auto-0'"):
        folders = ("--encoder", "auto/0/encoder", "--encoder", "assets/auto/0/encoder")
        run("experiments", "--systems", "bert_linear", "--splits", "auto", *small, *folders)
    assert experiments.encoder_name(Path("assets/encoder_es")) == "encoder_es"
    commands.clear()
    run(*shlex.split(record["experiment"]["command"])[3:])
    assert commands == []


def test_a_config_says_what_is_evaluated(project, run, commands):
    config = project / "configs/other.cfg"
    config.write_text(config.read_text().replace("[system]", '[system]\ncheckpoint = "model-best"'))
    options = ("--systems", "feature_crf,other", *OPTIONS, "--seeds", "0")
    run("experiments", *options)
    assert [c[1].name for c in commands if c[0] == "evaluate"] == ["model-last", "model-best"]


def test_bad_zero_shot(project, run, commands):
    options = ("--systems", "feature_crf", *OPTIONS)
    for given, error in [
        (("--zero-shot", "xx"), "no documents in xx.*languages bg, cs"),
        (("--zero-shot", "cs", "--sources", "pl,sk"), "no documents in sk"),
        (("--sweep", "paths.encoder=a,b"), "Give --encoder"),
        (("--zero-shot", "cs", "--sources", "cs"), "no documents for train.spacy"),
        (("--sources", "cs"), "Give --zero-shot"),
        (("--sweep", "frozen_layers"), "names no values"),
    ]:
        with pytest.raises(InputError, match=error):
            run("experiments", *options, *given)
    assert commands == []


def test_bad_names(project, run, commands):
    for given, error in [
        (("--systems", "feature_crf,nothing"), "no such system"),
        (("--systems", "feature_crf", "--parts", "dev,tset"), "no part 'tset'"),
        (("--systems", "feature_crf", "--series", "a/b"), "a/b is no name"),
    ]:
        with pytest.raises(InputError, match=error):
            run("experiments", *given, *OPTIONS)
    shutil.rmtree("corpus")
    with pytest.raises(InputError, match="train.spacy.*no record of a corpus"):
        run("experiments", "--systems", "feature_crf", *OPTIONS)
    assert commands == []
