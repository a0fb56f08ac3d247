"""What README.md and docs/ say holds: code runs, commands and settings are there, links lead somewhere."""

import configparser
import os
import re
import shlex
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
import spacy
import srsly
from thinc.api import Config
from typer.main import get_command

from spacy_slavner.cli import app
from spacy_slavner.training.config import fill_config, merge_config

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
PROJECT = srsly.read_yaml(ROOT / "project.yml")
COMPONENTS = sorted(path.stem for path in (ROOT / "spacy_slavner/pipeline").glob("*.py"))
# What the components share.
COMPONENTS = [name for name in COMPONENTS if name not in ("__init__", "agreement", "names", "words")]


class Block(NamedTuple):
    """A fenced block of a page, its kind, text and the line it begins at."""

    page: Path
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"(?ms)^```(\w*)\n(.*?)^```$", text)
    return [Block(page, text[: m.start(2)].count("\n") + 1, m[1], m[2]) for m in found]


BLOCKS = [block for page in PAGES for block in blocks(page)]
COMMANDS = [
    pytest.param(line, id=f"{block}:{number}")
    for block in BLOCKS
    if block.kind == "bash"
    for number, line in enumerate(block.text.replace("\\\n", " ").splitlines(), start=1)
    if line.strip()
]


@pytest.fixture(scope="module")
def project(tmp_path_factory, tiny_encoder, sample):
    """A project's folder in which a pipeline has been trained, a little; it is the working folder."""
    from spacy_slavner.cli.train import train
    from spacy_slavner.corpora.docbin import write_docbin

    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copytree(tiny_encoder, folder / "assets/encoder")
    base = folder / "configs/base.cfg"
    base.write_text(base.read_text(encoding="utf-8").replace("layers = 6", "layers = null"), encoding="utf-8")
    for part, docs in sample_parts(sample).items():
        write_docbin(docs, folder / f"corpus/sample/{part}.spacy")
    parts = {f"paths.{part}": str(folder / f"corpus/sample/{part}.spacy") for part in ("train", "dev")}
    encoder = {"paths.encoder": str(folder / "assets/encoder")}
    quick = {"components.name_normalizer.learned": {"words": 0, "least_updates": 20}}
    quick |= {"components.transformer.model.frozen_layers": -1}
    config = merge_config(folder / "configs/slavner.cfg", {**parts, **encoder, **quick})
    config["training"]["max_steps"] = 2
    train(config, folder / "training/slavner")
    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


def sample_parts(sample: Path) -> dict[str, list]:
    """One story of the sample in all languages to train on, one text for each of the other parts."""
    from spacy_slavner.corpora.bsnlp import find, read
    from spacy_slavner.corpora.report import Report
    from spacy_slavner.corpora.sources import Options, blank_pipeline

    nlp, report = blank_pipeline(), Report()
    sources = find(sample, Options(), report)[:8]
    docs = [doc for source in sources for doc in read(source, nlp, Options(), report)]
    return {"train": docs[:6], "dev": docs[6:7], "test": docs[7:]}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_code_of_a_page_runs(page, request, monkeypatch):
    code = [block for block in blocks(page) if block.kind == "python"]
    if not code:
        return
    folder = request.getfixturevalue("project")
    load, trained = spacy.load, folder / "training/slavner/model-best"
    monkeypatch.setattr(spacy, "load", lambda name, **k: load(trained if name == "xx_slavner" else name, **k))
    names = {"__name__": "__main__"}
    for block in code:
        # Line numbers in an error are those of the page.
        exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), names)


def parse(command, words: list[str], parent=None) -> None:
    """Parse a command's arguments as the command line would, and do not run it."""
    name, *rest = words
    context = command.make_context(name, list(rest), parent=parent)
    if not hasattr(command, "commands"):
        sections = merge_config(ROOT / "configs/slavner.cfg")
        for word in context.args:
            assert not word.startswith("--") or word[2:].split(".")[0] in sections, word
        return
    _, inner, _ = command.resolve_command(context, rest)
    parse(inner, rest, context)


def project_step(words: list[str]) -> None:
    """Check the arguments of `spacy project run`."""
    step, *rest = words
    assert step in {*PROJECT["workflows"], *(command["name"] for command in PROJECT["commands"])}
    for word in rest:
        assert not word.startswith("--") or word.removeprefix("--vars.") in PROJECT["vars"], word


@pytest.mark.parametrize("line", COMMANDS)
def test_command_can_be_called(line):
    from spacy.cli._util import app as spacy_app

    words = shlex.split(line, comments=True)
    if words[0] == "torchrun":
        words = ["python", *words[words.index("-m") :]]
    if words[:3] == ["python", "-m", "spacy_slavner"]:
        parse(get_command(app), words[2:])
    elif words[:2] == ["python", "-m"]:
        words = words[2:]
    if words[:3] == ["spacy", "project", "run"]:
        project_step(words[3:])
    elif words[0] == "spacy":
        parse(get_command(spacy_app), words)
    elif words[0] == "make":
        assert set(words[1:]) <= set(re.findall(r"(?m)^(\w+):", (ROOT / "Makefile").read_text()))
    elif words[:2] == ["pip", "install"]:
        setup = configparser.ConfigParser()
        setup.read(ROOT / "setup.cfg")
        extras = re.search(r"\[(.*)\]", line)
        assert not extras or set(extras[1].split(",")) <= set(setup["options.extras_require"])
        assert all((ROOT / word).is_file() for word in words if word.endswith((".whl", ".txt")))
    else:
        assert words[0] == "python" and (words[1] == "-m" or (ROOT / words[1]).is_file()), line


def test_blocks_are_of_a_kind_that_is_tested():
    assert {block.kind for block in BLOCKS} <= {"python", "bash", "ini"}
    assert COMMANDS


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.kind == "ini"], ids=str)
def test_config_is_one(block, tmp_path):
    config = Config().from_str(block.text, interpolate=False)
    if "extends" in config.get("system", {}):
        shutil.copytree(ROOT / "configs", tmp_path / "configs")
        path = tmp_path / "configs/of_the_page.cfg"
        path.write_text(block.text, encoding="utf-8")
        assert fill_config(merge_config(path))["components"]


@pytest.mark.parametrize("name", COMPONENTS)
def test_page_of_a_component_has_its_defaults(name):
    page = ROOT / f"docs/components/{name}.md"
    first = next(block for block in blocks(page) if block.kind == "ini")
    said = Config().from_str(first.text)["components"][name]
    assert said == {"factory": name, **spacy.blank("xx").get_factory_meta(name).default_config}


def test_readme_has_every_command():
    table = README.read_text(encoding="utf-8").split("| `python -m spacy_slavner …` |")[1].split("\n\n")[0]
    named = re.findall(r"(?m)^\| `([\w-]+)", table)
    assert len(named) == len(set(named))
    assert set(named) == set(get_command(app).commands)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []
