"""Corpora and encoders: those that are given, else what is at hand, said loudly."""

import contextlib
import json
import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from . import ROOT, take

NOTHING = "The bundled sample is taken: figures on it say NOTHING about quality"
RANDOM = "There is no assets/encoder, so a tiny random one is made: the figures say NOTHING about speed"
_SCRATCH = TemporaryDirectory(prefix="benchmarks-")


def scratch(name: str) -> Path:
    """Give a path in a folder that goes when the program ends."""
    return Path(_SCRATCH.name) / name


def shared() -> Path:
    """The folder with real data: $SLAVNER_SHARED, else `shared` beside the checkout."""
    return Path(os.environ.get("SLAVNER_SHARED") or ROOT.parent / "shared")


def command(*words: object) -> None:
    """Run one of the package's commands; what it prints is not shown."""
    from spacy_slavner.cli import app

    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        app([str(word) for word in words], standalone_mode=False)


def corpus_folder(given: Path | None = None) -> Path:
    """Give a folder with SlavicNER's layout (raw/ and ner/).

    given (Path | None): A corpus of that layout or the shared tasks'; by default the real one where it lies
        (assets/slavicner, $SLAVNER_SHARED or `shared` beside the checkout), else the bundled sample.
    RETURNS (Path): The folder; a corpus of the other layout is converted.
    """
    sample = ROOT / "assets/sample"
    folder = given
    if folder is None:
        places = (ROOT / "assets/slavicner", shared() / "data/slavicner", sample)
        folder = next(place for place in places if place.is_dir())
        take("corpus", folder.name, NOTHING if folder == sample else "")
    return folder if (folder / "ner").is_dir() else _converted(folder.resolve())


@cache
def _converted(folder: Path) -> Path:
    output = scratch(f"{folder.name}.slavicner")
    command("convert", folder, output, "--from", "bsnlp", "--to", "slavicner", "--n-process", 1)
    return output


def split_name(folder: Path, wanted: str = "single_out") -> str:
    """Give the split of a corpus: the wanted one, or that of the sample where its lists are missing."""
    from spacy_slavner.corpora.splits import LIST_SPLITS, SAMPLE

    lists = LIST_SPLITS.get(wanted)
    if lists is None or (folder / f"{lists}_train.txt").is_file():
        return wanted
    take("split", SAMPLE)
    return SAMPLE


def split_sources(folder: Path, split: str = "single_out") -> dict[str, list]:
    """Give the files of "train", "dev" and "test" of a split, those with annotation."""
    from spacy_slavner.corpora import slavicner
    from spacy_slavner.corpora.report import Report
    from spacy_slavner.corpora.sources import Options
    from spacy_slavner.corpora.splits import assign

    sources = [source for source in slavicner.find(folder, Options(), Report()) if source.annotation]
    return assign(split_name(folder, split), sources, corpus_root=folder)


def split_folder(given: Path | None = None) -> Path:
    """Give a folder with train.spacy, dev.spacy and test.spacy, by default of `corpus_folder`."""
    return given or _split(corpus_folder())


@cache
def _split(folder: Path) -> Path:
    output = scratch("split")
    command("convert", folder, output, "--from", "slavicner", "--split", split_name(folder), "--n-process", 1)
    return output


def texts_of(corpus: Path | None, number: int) -> list[str]:
    """Give the texts of a .spacy file, by default those of a test part."""
    import spacy

    from spacy_slavner.corpora.docbin import read_docs

    docs = read_docs(corpus or split_folder() / "test.spacy", spacy.blank("xx").vocab)
    return [doc.text for doc, _ in zip(docs, range(number), strict=False)]


def encoder_folder(given: Path | None = None) -> Path:
    """Give an encoder: by default assets/encoder, else a tiny one with random weights."""
    folder = given or ROOT / "assets/encoder"
    if given or folder.is_dir():
        return folder
    take("encoder", "tiny, random", RANDOM)
    return _tiny_encoder()


@cache
def _tiny_encoder() -> Path:
    from spacy_slavner.pretraining.tiny import save_tiny_encoder

    save_tiny_encoder(scratch("encoder"), length=256)
    return scratch("encoder")


def layers_of(encoder: Path, wanted: int | None) -> int | None:
    """How many layers to keep of an encoder: as many as are wanted, or all if it has no more."""
    config = json.loads((encoder / "config.json").read_text(encoding="utf-8"))
    return wanted if wanted and wanted < config["num_hidden_layers"] else None
