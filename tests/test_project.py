"""The workflow, from the corpus to the installed package, in a copy of the project."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.cli._util import parse_config_overrides
from spacy.schemas import ConfigSchemaTraining
from weasel.cli.run import project_run

from spacy_slavner.cli.experiments import read_sweep
from spacy_slavner.evaluation.metrics import read_metrics
from spacy_slavner.training.config import merge_config, read_recipe

ROOT = Path(__file__).resolve().parents[1]
PROJECT = srsly.read_yaml(ROOT / "project.yml")
SPLITS = ("bsnlp2019", "bsnlp2019_final", "bsnlp2021", "single_out", "cross_topic")
# `slavner` and `slavner_sm` are what is made of them, not some of the systems that are compared.
ALL = {p.stem for p in (ROOT / "configs").glob("*.cfg")} - {"base", "slavner", "slavner_sm"}
# Others learn from more than the training part of one split; they have workflows of their own.
OTHERS = {"multilingual", "tag_sets", "transfer", "transfer_crf", "transfer_union"}
OTHERS |= {"crosslingual_bilstm_crf", "multilingual_romanized", "multilingual_translated"}
OTHERS |= {name for name in ALL if name.startswith("zero_shot")}
SYSTEMS = sorted(ALL - OTHERS)
NOWHERE = "file:///no/such/repository"


@pytest.fixture
def project(tmp_path, sample, monkeypatch) -> Path:
    """A copy of what the workflow reads. Packages are installed into it, not into the environment."""
    for name in ("configs", "assets/sample", "packages"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "project.yml", tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tiny(project, tiny_encoder) -> dict[str, str]:
    """The variables of a run that takes seconds."""
    (project / "configs/tiny.cfg").write_text(
        (project / "configs/slavner.cfg")
        .read_text()
        .replace("frozen_layers = 3", "layers = null\nfrozen_layers = -1")
    )
    return {
        "vars.repository": NOWHERE,
        "vars.encoder": str(tiny_encoder),
        "vars.vocab_size": 0,
        "vars.config": "configs/tiny.cfg",
        "vars.system": "tiny",
        "vars.max_steps": 3,
        "vars.install_options": "-t site",
    }


def test_all_from_the_sample_to_the_package(project, tiny, capfd):
    project_run(project, "all", overrides=tiny)
    output = capfd.readouterr().out
    assert "NOTHING about quality" in " ".join(output.split())
    found = {
        name: int(number) for number, name in re.findall(r"(\d+) names in 6 texts, found by (\w+)", output)
    }
    # The one that comes with the project knows more than three updates teach.
    assert set(found) == {"xx_slavner_own", "xx_slavner"} and found["xx_slavner"] > 20
    record = read_metrics(project / "metrics/tiny/auto/0/metrics.json")
    info = record["info"]
    assert (info["corpus"], info["split"], info["steps"]) == ("sample", "sample", 3)
    assert sorted(record["results"]) == ["dev", "test"]
    for name in ("xx_slavner_own", "xx_slavner"):
        load = f"import spacy; print(*spacy.load('{name}').pipe_names)"
        pipes = subprocess.run([sys.executable, "-c", load], capture_output=True, text=True, check=True)
        wanted = merge_config(ROOT / "configs/slavner.cfg")["nlp"]["pipeline"]
        assert sorted(pipes.stdout.split()) == sorted(wanted)
    # Nothing changed, so nothing is trained or evaluated again.
    for step in ("convert", "encoder", "train", "evaluate", "package"):
        project_run(project, step, overrides=tiny)
    assert capfd.readouterr().out.count("nothing changed") == 5


def test_the_small_pipeline_learns_from_what_large_ones_find(project, capfd):
    """On the same split, with the same corpora besides; and it is packaged as the large one is."""
    values = {"vars.release_split": "cross_topic", "vars.seed": 7, "vars.epochs": 3}
    project_run(project, "release", overrides=values, dry=True)
    *_, large, package_large = lines_of(capfd)
    project_run(project, "small", overrides=values, dry=True)
    *_, small, package = lines_of(capfd)

    def given(line: list[str], option: str) -> str:
        assert sum(word.split("=")[0] == option for word in line) == 1
        return next(w.partition("=")[2] or line[i + 1] for i, w in enumerate(line) if w.startswith(option))

    for option in ("--splits", "--seeds", "--checkpoint", "--epochs", "--max-docs", "--encoder"):
        assert given(small, option) == given(large, option)
    assert given(small, "--systems") == "slavner_sm"
    assert given(small, "--transfer") == f"{given(large, '--transfer')}+silver"
    # Where `experiments` puts a run with these options.
    name = f"slavner_sm_with_{given(small, '--transfer')}"
    assert package[4] == f"training/{name}/cross_topic/7/model-last" and f"metrics/{name}" in package
    assert given(package, "--name") == "xx_slavner_sm" and given(package, "--weights") == "int8"
    for option in ("--author", "--version", "--encoder", "--cost"):
        assert given(package, option) == given(package_large, option) != ""
    assert given(package, "--trained-on").startswith(given(package_large, "--trained-on"))
    assert given(package, "--source").startswith("silver=CC BY-SA")
    assert "--any-licence" not in [*package, *package_large] and "$" not in str([small, package])


def test_a_package_of_ones_own_may_be_of_anything(project, capfd):
    project_run(project, "package", dry=True)
    assert "--any-licence" in lines_of(capfd)[0]


def test_steps_are_run_again_when_what_they_read_changes():
    deps = {command["name"]: set(command.get("deps", [])) for command in PROJECT["commands"]}
    own = read_extended(ROOT / PROJECT["vars"]["config"]) | read_extended(ROOT / "configs/slavner_sm.cfg")
    assert {f"configs/{name}.cfg" for name in own | {"base"}} <= deps["train"]
    assert "./${vars.records}" in deps["package_release"] and "./${vars.records_sm}" in deps["package_small"]


def read_extended(config: Path) -> set[str]:
    """The configs that one extends, with those that they extend."""
    names = re.findall(r'(?m)^extends = "([\w/]+)"', config.read_text(encoding="utf-8"))
    return {*names}.union(*(read_extended(config.parent / f"{name}.cfg") for name in names))


@pytest.mark.parametrize("split", SPLITS)
def test_split_workflows_hand_their_variables_on(split, project, capfd):
    project_run(project, split, overrides={"vars.seed": 7, "vars.corpus": "my corpus"}, dry=True)
    lines = re.findall("(?m)^Running command: .*", capfd.readouterr().out)
    assert "--folder 'my corpus'" in lines[0]
    assert f"run experiment . --vars.split {split}" in lines[-1] and "--vars.seed 7" in lines[-1]
    assert "$" not in " ".join(lines)


def test_the_release_quotes_the_splits(project, capfd):
    values = {"vars.seed": 7, "vars.release_split": "release", "vars.uner": "my uner"}
    project_run(project, "release", overrides=values, dry=True)
    lines = lines_of(capfd)
    *prepared, run, package = lines[-5:]
    assert [line[4:6] for line in prepared] == [[f"uner_{code}", "my uner"] for code in ("hr", "sr", "sk")]
    besides = "uner_hr+uner_sr+uner_sk"
    assert run[run.index("--splits") + 1] == "release" and f"--transfer={besides}" in run
    assert package[4] == f"training/slavner_with_{besides}/release/7/model-last"
    assert package[package.index("--cost") + 1] == "corpus/release/dev.spacy" and "$" not in str(lines)
    project_run(project, "release_figures", dry=True)
    figures = lines_of(capfd)[-1]
    assert set(figures[figures.index("--splits") + 1].split(",")) < set(SPLITS)
    options = ("--systems", "--checkpoint")
    assert f"--transfer={besides}" in figures
    assert [run[run.index(o) + 1] for o in options] == [figures[figures.index(o) + 1] for o in options]
    # What it quotes are records of that system, and come with the project.
    records = Path(package[package.index("--metrics") + 1])
    assert records.name == Path(package[4]).parts[1] and (ROOT / records).is_dir()


@pytest.mark.parametrize("system", ["experiments", "tag_sets", *SYSTEMS])
def test_system_workflows_name_their_systems(system, project, capfd):
    values = {"vars.split": "single_out", "vars.seed": 7, "vars.recipe": "", "vars.only_languages": "cs"}
    project_run(project, system, overrides=values, dry=True)
    line = re.findall("(?m)^Running command: .*", capfd.readouterr().out)[-1]
    systems, splits, seeds = re.search(r"--systems (\S+) --splits (\S+) --seeds (\S+)", line).groups()
    if system == "experiments":
        assert sorted(systems.split(",")) == SYSTEMS and splits == "bsnlp2019,single_out"
    else:
        assert (systems, splits, seeds) == (system, "single_out", "7")
    assert "--recipe= " in line and "--languages=cs" in line and "$" not in line


def test_crosslingual_workflow_keeps_to_one_split(project, capfd):
    values = {"vars.vector_texts": "some/text", "vars.target_language": "sl", "vars.split": "single_out"}
    project_run(project, "crosslingual", overrides=values, dry=True)
    lines = lines_of(capfd)
    assert "$" not in str(lines)
    steps = [line[line.index("spacy_slavner") + 1] for line in lines]
    made = ["vectors-train"] * 2 + ["vectors-align"] + ["vectors-encoder"] * 2 + ["vectors-align"]
    assert steps[-12:] == [*made, *["experiments"] * 4, *["vectors-coverage"] * 2]
    for line in lines[-9:-7]:
        assert line[line.index("--encoder") + 1] == "assets/encoder_full"
    assert ["encoder", "assets/encoder_full"] in [line[3:5] for line in lines]
    for line in lines[-12:]:
        folders = [word for word in line if "vectors/" in word]
        assert all("vectors/single_out/" in folder for folder in folders)
    train, align = lines[-11], lines[-10]
    assert train[4:6] == ["assets/vectors/single_out/sl.vec", "some/text"]
    assert train[train.index("--without") + 1] == "corpus/single_out"
    assert align[7] == "assets/vectors/single_out/pl-sl"

    def given(option: str) -> list[str | None]:
        return [line[line.index(option) + 1] if option in line else None for line in lines[-6:-2]]

    systems = ["crosslingual_bilstm_crf", "multilingual", "multilingual_romanized", "multilingual_translated"]
    assert given("--systems") == systems and given("--splits") == ["single_out"] * 4
    assert given("--zero-shot") == ["sl"] * 4 and given("--sources") == ["pl"] * 4
    vectors = "assets/vectors/single_out/pl-sl"
    assert given("--paths.vectors") == [vectors, None, None, vectors]
    assert given("--system.target_language") == ["sl", None, "sl", "sl"]
    sweeps = [word for line in lines for word in line if word.startswith("paths.vectors=")]
    assert sweeps == [f"paths.vectors={vectors}-encoder"]


def test_crosslingual_workflows_on_other_corpora(project, capfd):
    values = {"vars.split": "conll2002_es+conll2002_nl", "vars.conll2002": "my conll"}
    values |= {"vars.source_language": "es", "vars.target_language": "nl"}
    project_run(project, "crosslingual_conll2002", overrides=values, dry=True)
    lines = lines_of(capfd)
    prepared = [line[4] for line in lines if "prepare-columns" in line and "my conll" in line]
    assert prepared == ["conll2002_es", "conll2002_nl"]
    assert "corpus/conll2002_es+conll2002_nl" in next(line for line in lines if "vectors-train" in line)
    assert lines[-1][5] == "corpus/conll2002_es+conll2002_nl/test.spacy" and "$" not in str(lines)


@pytest.mark.parametrize("workflow", ["zero_shot", "frozen_sweep"])
def test_zero_shot_workflows(workflow, project, capfd):
    values = {"vars.splits": "bsnlp2019", "vars.targets": "cs,pl", "vars.sources": "ru"}
    project_run(project, workflow, overrides=values, dry=True)
    line = re.findall("(?m)^Running command: .*", capfd.readouterr().out)[-1]
    systems, splits = re.search(r"--systems (\S+) --splits (\S+)", line).groups()
    expected = {name for name in ALL if name.startswith("zero_shot")} if workflow == "zero_shot" else set()
    assert set(systems.split(",")) == expected | {"multilingual"} and splits == "bsnlp2019"
    assert "--zero-shot cs,pl --sources=ru" in line and "$" not in line
    assert ("frozen_layers=-1,0,3,5,7,8,11,12" in line) == (workflow == "frozen_sweep")


def lines_of(capfd) -> list[list[str]]:
    return [shlex.split(line) for line in re.findall("(?m)^Running command: (.*)", capfd.readouterr().out)]


def test_one_model_and_each_language_alone(project, capfd):
    project_run(project, "multilingual", overrides={"vars.split": "single_out"}, dry=True)
    both, each = lines_of(capfd)[-2:]
    assert each == [*both, "--languages", "all"] and both[both.index("--systems") + 1] == "multilingual"


def test_a_second_cut_of_the_vocabulary(project, capfd):
    """No step makes the folder anew with the pieces of other languages."""
    values = {"vars.encoder_folder": "assets/encoder_wide", "vars.encoder_languages": "hr,zh"}
    project_run(project, "zero_shot", overrides=values | {"vars.vocab_size": 90}, dry=True)
    lines = lines_of(capfd)
    (made,) = [line for line in lines if line[3] == "encoder"]
    assert made[4] == "assets/encoder_wide" and made[-1] == "hr,zh" and "90" in made
    assert lines[-1][lines[-1].index("--encoder") + 1] == "assets/encoder_wide"


def test_silver_names_are_those_of_the_splits_own_pipelines(project, capfd):
    values = {"vars.split": "bsnlp2021", "vars.treebanks": "my_treebanks"}
    project_run(project, "silver", overrides=values, dry=True)
    teachers, silver = lines_of(capfd)[-2:]
    besides = next(word.partition("=")[2] for word in teachers if word.startswith("--transfer="))
    system = f"slavner_with_{besides}"
    assert [word for word in silver if word.startswith("training/")] == [
        f"training/{system}/bsnlp2021/{seed}/model-last"
        for seed in teachers[teachers.index("--seeds") + 1].split(",")
    ]
    assert silver[silver.index("silver") + 1] == "corpus/silver/bsnlp2021"
    assert silver[silver.index("--without") + 1] == "corpus/bsnlp2021" and "$" not in str(silver)
    texts = [Path(word) for word in silver if word.startswith("my_treebanks/")]
    # Those of other licences, and those that are test parts everywhere.
    barred = ("BTB", "FicTree", "IU", "LFG", "PDB", "PUD")
    assert len(texts) == 6 and not [path for path in texts if path.name.endswith(barred)]


def test_transfer_workflow(project, capfd):
    project_run(project, "transfer", overrides={"vars.ner_uk": "my uk"}, dry=True)
    *prepared, line = lines_of(capfd)[-7:]
    sources = line[line.index("--transfer") + 1].split("+")
    assert sorted(words[4] for words in prepared) == sorted(sources) and "my uk" in prepared[-1]
    assert set(line[line.index("--systems") + 1].split(",")) <= ALL


def test_regime_workflow_varies_settings_that_there_are(project, capfd):
    project_run(project, "regime", dry=True)
    plain, line = lines_of(capfd)[-2:]
    sweeps = [line[i + 1] for i, word in enumerate(line) if word == "--sweep"]
    assert len(sweeps) == 15 and plain == line[: len(plain)]
    config = ROOT / "configs/bert_crf.cfg"
    usual = read_recipe(config, "short")
    for names, value in (pair for sweep in sweeps for pair in read_sweep(sweep)):
        settings = parse_config_overrides([f"--{name}={value}" for name in names.split("+")])
        changed = merge_config(config, usual | settings)
        if "batch_by_pieces" in value:
            assert "assets/encoder" in value
            continue
        # A setting that a function does not have is an error; one that it has already would change nothing.
        full = spacy.util.load_model_from_config(changed, auto_fill=True).config
        spacy.registry.resolve(full.interpolate()["training"], schema=ConfigSchemaTraining)
        assert full != spacy.util.load_model_from_config(merge_config(config, usual), auto_fill=True).config


def test_pretraining_starts_have_folders_of_their_own(project, capfd):
    values = {
        "vars.split": "bsnlp2019",
        "vars.seed": 7,
        "vars.texts": "my texts",
        "vars.pretrain_options": "--batch 4",
    }
    project_run(project, "pretrain_starts", overrides=values, dry=True)
    *runs, curves = lines_of(capfd)[-4:]
    starts = ["given", "random_embeddings", "random"]
    assert [run[run.index("--start") + 1] for run in runs] == starts
    assert [run[4] for run in runs] == [f"pretraining/bsnlp2019/starts_{start}/7" for start in starts]
    # The report finds the records where those of all runs are.
    records = [f"metrics/{run[4]}/pretraining.json" for run in runs]
    assert [run[run.index("--metrics") + 1] for run in runs] == records == curves[4:7]
    for run in runs:
        assert run[run.index("--vocab-size") + 1] == "30000"
        assert run[run.index("--texts") + 1] == "my texts" and run[run.index("--batch") + 1] == "4"
    assert "$" not in str([*runs, curves])
    project_run(project, "pretrain", overrides=values | {"vars.pretrain_start": "random"}, dry=True)
    run = lines_of(capfd)[-1]
    assert run[4] == "pretraining/bsnlp2019/random/7" and run[run.index("--vocab-size") + 1] == "0"
    project_run(project, "pretrain", dry=True)
    line = lines_of(capfd)[-1]
    assert line[line.index("--texts") + 1] == ""  # which the command refuses


def test_split_workflow_needs_the_real_corpus(project, tiny, capfd):
    project_run(project, "corpus", overrides=tiny)
    with pytest.raises(SystemExit):
        project_run(project, "convert", overrides=tiny | {"vars.split": "bsnlp2019"})
    assert "split 'bsnlp2019'" in capfd.readouterr().err


def test_every_step_is_explained():
    assert all(command.get("help") for command in PROJECT["commands"])
    steps = {step for workflow in PROJECT["workflows"].values() for step in workflow}
    assert steps <= {command["name"] for command in PROJECT["commands"]}
    assert set(SPLITS) <= set(PROJECT["workflows"])


@pytest.mark.slow
def test_all_with_the_real_encoder(project, capfd):
    overrides = {"vars.repository": NOWHERE, "vars.install_options": "-t site"}
    project_run(project, "all", overrides=overrides)
    record = read_metrics(project / "metrics/slavner/auto/0/metrics.json")
    assert record["results"]["test"]["span"]["overall"]["f"] > 0.3
    assert record["results"]["test"]["language"]["accuracy"] > 0.9
