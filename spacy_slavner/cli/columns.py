"""`prepare-columns`: the parts of corpora that come as column files, and a test part of snippets."""

from dataclasses import dataclass, field
from pathlib import Path

import typer

from ..errors import InputError
from ._app import app


@dataclass(frozen=True)
class ColumnCorpus:
    """Where the parts of a corpus of column files lie.

    language (str): Its language.
    files (str): Names of the files, with {} for the part.
    parts (tuple[str, str, str]): What stands there for train, dev and test; empty for a dev part that
        is a tenth of the training part.
    encodings (tuple[str, ...]): Encodings that the files may have, the likeliest first.
    prefix (str): What stands before every word.
    rename (dict[str, str]): The usual words for its types of names, where it has others.
    """

    language: str
    files: str
    parts: tuple[str, str, str] = ("train", "dev", "test")
    encodings: tuple[str, ...] = ("utf-8",)
    prefix: str = ""
    rename: dict[str, str] = field(default_factory=dict)


# CoNLL-2002 was published in Latin-1 and has testa and testb; Universal NER has one folder per treebank;
# NER-UK has no dev part, and PERS for persons; WikiANN has one folder per language, whose name stands
# before each word.
CORPORA = {
    "conll2002_es": ColumnCorpus("es", "esp.{}", ("train", "testa", "testb"), ("utf-8", "latin-1")),
    "conll2002_nl": ColumnCorpus("nl", "ned.{}", ("train", "testa", "testb"), ("utf-8", "latin-1")),
    "uner_zh": ColumnCorpus("zh", "zh_gsd-ud-{}.iob2"),
    "uner_hr": ColumnCorpus("hr", "hr_set-ud-{}.iob2"),
    "uner_sk": ColumnCorpus("sk", "sk_snk-ud-{}.iob2"),
    "uner_sr": ColumnCorpus("sr", "sr_set-ud-{}.iob2"),
    "ner_uk": ColumnCorpus("uk", "{}.iob", ("train", "", "test"), rename={"PERS": "PER"}),
    **{f"wikiann_{n}": ColumnCorpus(n, f"{n}/{{}}", prefix=f"{n}:") for n in ("en", "de", "nl")},
    "multiconer_es": ColumnCorpus("es", "es_{}.conll"),
    "multiconer_zh": ColumnCorpus("zh", "zh_{}.conll"),
}


@app.command("prepare-columns")
def prepare_columns_cli(
    corpus: str = typer.Argument(..., help=f"One of {', '.join(CORPORA)}"),
    folder: str = typer.Argument(..., help="Folder with its files, in it or below"),
    output: Path = typer.Argument(..., help="Folder for train, dev, test and snippets .spacy"),
    words: int = typer.Option(5, "--words", help="Tokens of a snippet"),
    seed: int = typer.Option(0, "--seed", help="Seed of the choice of snippets"),
) -> None:
    """Convert a corpus of column files into parts for training: sentences of given tokens.

    Beside the test part lies `snippets.spacy`: short lower-cased pieces of its sentences around a name,
    as people write in a search.
    """
    from wasabi import msg

    from ..corpora.docbin import write_docbin
    from ..corpora.report import Report
    from ..corpora.subset import snippets, subset
    from ..evaluation.metrics import write_json
    from .corpus import PARTS_FILE

    if corpus not in CORPORA:
        raise InputError(f"there is no corpus {corpus!r}", remedy=f"Choose one of {', '.join(CORPORA)}")
    if not folder:
        remedy = "Give it, to the project as a variable such as --vars.uner FOLDER"
        raise InputError(f"no folder with the files of {corpus} was given", remedy=remedy)
    known, report = CORPORA[corpus], Report()
    parts = {
        part: read_sentences(find_file(Path(folder), known.files.format(name)), corpus, known, report)
        for part, name in zip(("train", "dev", "test"), known.parts, strict=True)
        if name
    }
    if "dev" not in parts:
        parts["dev"] = subset(parts["train"], len(parts["train"]) // 10, seed)
        taken = set(map(id, parts["dev"]))
        parts["train"] = [doc for doc in parts["train"] if id(doc) not in taken]
    for part, docs in parts.items():
        report.count(f"sentences written to {part}.spacy", write_docbin(docs, output / f"{part}.spacy"))
    n = write_docbin(snippets(parts["test"], words, seed), output / "snippets.spacy")
    report.count("snippets written to snippets.spacy", n)
    write_json(output / PARTS_FILE, {"corpus": corpus, "split": corpus, "seed": seed})
    report.to_json(output / "report.json")
    print(report.summary())
    msg.good(f"Parts of {corpus} in {output}; what was skipped: report.json there")


def find_file(folder: Path, name: str) -> Path:
    """Find a file by its name.

    folder (Path): Where to look, at any depth.
    name (str): The name.
    RETURNS (Path): The first such file.
    RAISES (InputError): If there is none.
    """
    found = sorted(folder.rglob(name))
    if not found:
        raise InputError(f"there is no file {name}", path=folder)
    return found[0]


def read_sentences(path: Path, name: str, corpus: ColumnCorpus, report) -> list:
    """Read the sentences of a column file as documents.

    path (Path): The file.
    name (str): Name of the corpus, which becomes the topic.
    corpus (ColumnCorpus): What is known about it.
    report (Report): Takes the counts and what is skipped.
    RETURNS (list[Doc]): The sentences with their names.
    """
    from ..corpora.conll import read
    from ..corpora.reader import rename_types
    from ..corpora.sources import Options, Source, blank_pipeline
    from ..corpora.subset import sentences

    source = Source(path, path.name, topic=name, language=corpus.language)
    options = Options(encoding=encoding_of(path, corpus.encodings))
    found = []
    for doc in read(source, blank_pipeline(), options, report):
        rename_types(doc, corpus.rename)
        found += sentences(doc, corpus.prefix)
    return found


def encoding_of(path: Path, encodings: tuple[str, ...]) -> str:
    """RETURNS (str): The first of the encodings that a file can have; the last if it has none of them."""
    data = path.read_bytes()
    for encoding in encodings[:-1]:
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return encodings[-1]
