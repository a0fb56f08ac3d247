"""What runs learn from and are measured on: parts of splits, joined splits, and a language without names."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import InputError

if TYPE_CHECKING:
    from spacy.tokens import Doc

# The texts of a language whose names are not to be learnt.
TARGET_FILE = "target.spacy"


class Parts(NamedTuple):
    """What a run learns from and is measured on.

    train (Path): The training part.
    others (list[Path]): Those to evaluate on, dev first.
    """

    train: Path
    others: list[Path]

    @property
    def target(self) -> Path | None:
        """The target language's texts without names, if one is held out."""
        path = self.others[0].parent / TARGET_FILE
        return path if path.is_file() else None


def prepare(corpus: Path, split: str, languages: str, max_docs: int) -> Parts:
    """Find the parts of a split; those of the shared tasks are made where they are missing.

    corpus (Path): Folder with the splits.
    split (str): Name of the split, or several with + between them, whose parts are joined.
    languages (str): Only these, parted by commas; empty for all.
    max_docs (int): Most training documents; 0 for all.
    RETURNS (Parts): The files.
    RAISES (InputError): If the parts are not there and cannot be made.
    """
    from .corpus import PARTS_FILE, SOURCE_FILE, prepare_cli

    folder = corpus / (f"{split}_{languages.replace(',', '-')}" if languages else split)
    if "+" in split and not (folder / PARTS_FILE).is_file():
        join(folder, [prepare(corpus, one, languages, 0) for one in split.split("+")])
    if not (folder / "train.spacy").is_file():
        if not (corpus / SOURCE_FILE).is_file():
            raise InputError(
                "there is no such part of a corpus, and no record of a corpus to make it of",
                path=folder / "train.spacy",
                remedy="Run the commands `corpus` or `prepare-columns` first",
            )
        prepare_cli(corpus / SOURCE_FILE, folder, split, languages, 0)
    parts = [folder / "dev.spacy", folder / "test.spacy"]
    parts += [path for path in [folder / "snippets.spacy"] if path.is_file()]
    return Parts(limit(folder, max_docs) if max_docs else folder / "train.spacy", parts)


def limit(folder: Path, max_docs: int) -> Path:
    """Write a part of a training part, once.

    folder (Path): Folder with train.spacy.
    max_docs (int): Number of documents.
    RETURNS (Path): The smaller part, whose record says of how many documents it was taken; the whole
        one if it has no more.
    """
    from ..corpora.docbin import read_docs, write_docbin
    from ..corpora.sources import blank_pipeline
    from ..corpora.subset import subset
    from ..evaluation.metrics import write_json
    from .corpus import PARTS_FILE, corpus_names, corpus_size

    whole, smaller = folder / "train.spacy", folder / f"train-{max_docs}" / "train.spacy"
    if smaller.is_file():
        return smaller
    docs = list(read_docs(whole, blank_pipeline().vocab))
    if len(docs) <= max_docs:
        return whole
    used = write_docbin(subset(docs, max_docs), smaller)
    corpus, split = corpus_names(whole)
    documents = {"used": used, "all": corpus_size(whole)["all"]}
    write_json(smaller.parent / PARTS_FILE, {"corpus": corpus, "split": split, "documents": documents})
    return smaller


def join(folder: Path, splits: list[Parts]) -> None:
    """Write the parts of several splits together: train with train, dev with dev, test with test.

    A document says which types of names the training part of its corpus has (`doc._.annotated_types`), so
    that names of other types are neither learnt as ordinary text nor expected; see `spacy-slavner.Corpus.v1`.

    folder (Path): Where to.
    splits (list[Parts]): From `prepare`.
    RAISES (InputError): A training part has no names, or the types of two collide.
    """
    from ..corpora.docbin import read_docs, write_docbin
    from ..corpora.mixed import check_types
    from ..corpora.sources import blank_pipeline
    from ..evaluation.metrics import write_json
    from .corpus import PARTS_FILE, corpus_names

    vocab = blank_pipeline().vocab
    types: dict[str, set[str]] = {}
    joined: dict[str, list[Doc]] = {"train": [], "dev": [], "test": []}
    for train, others in splits:
        docs = [list(read_docs(path, vocab)) for path in (train, *others[:2])]
        known = types.setdefault(str(train), {ent.label_ for doc in docs[0] for ent in doc.ents})
        if not known:
            raise InputError("the corpus has no annotation of names", path=train)
        for part, some in zip(joined.values(), docs, strict=True):
            for doc in some:
                doc._.annotated_types = sorted(known)
            part += some
    check_types(types)
    for part, docs in joined.items():
        write_docbin(docs, folder / f"{part}.spacy")
    corpora = dict.fromkeys(corpus_names(train)[0] for train, _ in splits)
    write_json(folder / PARTS_FILE, {"corpus": "+".join(corpora), "split": folder.name})


def languages_of(parts: Parts) -> list[str]:
    """RETURNS (list[str]): The languages of a split that are in its training, dev and test part."""
    from ..corpora.docbin import read_docs
    from ..corpora.sources import blank_pipeline

    vocab = blank_pipeline().vocab
    found = [{doc._.language for doc in read_docs(path, vocab)} for path in (parts.train, *parts.others[:2])]
    return sorted(set.intersection(*found) - {None})


def prepare_zero_shot(folder: Path, parts: Parts, target: str, sources: list[str], max_docs: int) -> Parts:
    """Write what is learnt and tested when the names of one language are unknown, once.

    Moon et al. (2019, section "Zero-shot Inference"): train on the other languages; choose and test on the
    target's dev and test part. Beside them lie the target's training texts without names, for tasks on
    unlabelled text.

    folder (Path): Where to.
    parts (Parts): The split with all languages, from `prepare`.
    target (str): The language.
    sources (list[str]): Languages whose names are known; none for all others.
    max_docs (int): Most training documents with names; 0 for all.
    RETURNS (Parts): The files.
    RAISES (InputError): A part would be empty.
    """
    from ..corpora.docbin import write_docbin
    from ..evaluation.metrics import write_json
    from .corpus import PARTS_FILE, corpus_names

    if not (folder / PARTS_FILE).is_file():
        for name, docs in _zero_shot_docs(parts, target, sources).items():
            write_docbin(docs, folder / name)
        write_json(folder / PARTS_FILE, {"corpus": corpus_names(parts.train)[0], "split": folder.name})
    train = limit(folder, max_docs) if max_docs else folder / "train.spacy"
    return Parts(train, [folder / "dev.spacy", folder / "test.spacy"])


def _zero_shot_docs(parts: Parts, target: str, sources: list[str]) -> "dict[str, list[Doc]]":
    """The documents of each file that `prepare_zero_shot` writes."""
    from ..corpora.docbin import read_docs
    from ..corpora.sources import blank_pipeline

    vocab = blank_pipeline().vocab
    train, dev, test = (list(read_docs(path, vocab)) for path in (parts.train, *parts.others[:2]))
    known = set(sources or (doc._.language for doc in train)) - {target}
    result = {"train.spacy": [doc for doc in train if doc._.language in known]}
    for name, docs in ((TARGET_FILE, train), ("dev.spacy", dev), ("test.spacy", test)):
        result[name] = [doc for doc in docs if doc._.language == target]
    for doc in result[TARGET_FILE]:
        doc.set_ents([], default="missing")
    for name, docs in result.items():
        if not docs:
            there = ", ".join(sorted({str(doc._.language) for doc in train}))
            raise InputError(
                f"no documents for {name} with {target!r} as target",
                path=parts.train,
                remedy=f"The training part has the languages {there}",
            )
    return result
