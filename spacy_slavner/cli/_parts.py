"""What runs learn from and are measured on: parts of splits, joined splits, and a language without names."""

import json
from collections.abc import Iterable
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
    def files(self) -> list[Path]:
        """All of them."""
        return [self.train, *self.others]

    @property
    def target(self) -> Path | None:
        """The target language's texts without names, if one is held out."""
        path = self.others[0].parent / TARGET_FILE
        return path if path.is_file() else None


def parts_of(folder: Path) -> Parts:
    """RETURNS (Parts): The parts that lie in a folder; there may be no test (`release`) and no snippets."""
    more = [path for path in (folder / "test.spacy", folder / "snippets.spacy") if path.is_file()]
    return Parts(folder / "train.spacy", [folder / "dev.spacy", *more])


def _check_test(parts: Parts) -> None:
    if len(parts.others) < 2:
        remedy = "Take a split that has one"
        raise InputError("the split has no test part", path=parts.train.parent, remedy=remedy)


def prepare(corpus: Path, split: str, languages: str, max_docs: int) -> Parts:
    """Find the parts of a split; those that can be made of what is there are made.

    What was made of other files before, or of a corpus that another has replaced, is made anew.

    corpus (Path): Folder with the splits.
    split (str): Name of the split, or several with + between them, whose parts are joined.
    languages (str): Only these, parted by commas; empty for all.
    max_docs (int): Most training documents; 0 for all.
    RETURNS (Parts): The files.
    RAISES (InputError): If the parts are not there and cannot be made.
    """
    folder = corpus / split
    if "+" in split:
        splits = [prepare(corpus, one, "", 0) for one in split.split("+")]
        if not is_current(folder / "train.spacy", *(path for one in splits for path in one.files)):
            join(folder, splits)
    elif not _is_there(folder):
        _convert(corpus, split)
    whole = parts_of(folder)
    if languages:
        whole = only(corpus / f"{split}_{languages.replace(',', '-')}", whole, languages.split(","))
    return limit(whole, max_docs)


def for_split(corpus: Path, names: str, split: str) -> str:
    """Choose what was made for one split alone, such as names that its own pipelines have found.

    corpus (Path): Folder with the splits.
    names (str): Names of folders in it, with + between them.
    split (str): The split that is trained.
    RETURNS (str): The names; NAME/SPLIT where there is a folder of that name.
    """
    own = {name: f"{name}/{split}" for name in names.split("+")}
    return "+".join(own[name] if (corpus / own[name]).is_dir() else name for name in own)


def is_current(made: Path, *sources: Path) -> bool:
    """RETURNS (bool): Whether a file is there and none of those that it was made of is younger."""
    return made.is_file() and all(made.stat().st_mtime >= path.stat().st_mtime for path in sources)


def _is_there(folder: Path) -> bool:
    """Whether a split's parts are there, made of the corpus that is at hand now."""
    from ..corpora.splits import SPLITS
    from .corpus import SOURCE_FILE, corpus_names

    train, record = folder / "train.spacy", folder.parent / SOURCE_FILE
    if not train.is_file() or folder.name not in (*SPLITS, "auto") or not record.is_file():
        return train.is_file()
    return corpus_names(train)[0] == json.loads(record.read_text(encoding="utf-8"))["corpus"]


def _convert(corpus: Path, split: str) -> None:
    from .corpus import SOURCE_FILE, prepare_cli

    if not (corpus / SOURCE_FILE).is_file():
        raise InputError(
            "there is no such part of a corpus, and no record of a corpus to make it of",
            path=corpus / split / "train.spacy",
            remedy="Run the commands `corpus` or `prepare-columns` first",
        )
    prepare_cli(corpus / SOURCE_FILE, corpus / split, split, "", 0)


def only(folder: Path, parts: Parts, languages: list[str]) -> Parts:
    """Write the documents of some languages of a split.

    folder (Path): Where to.
    parts (Parts): The split.
    languages (list[str]): The languages.
    RETURNS (Parts): The files.
    RAISES (InputError): The split has no documents of one of them.
    """
    from ..corpora.docbin import write_docbin
    from ..evaluation.metrics import write_json
    from .corpus import PARTS_FILE, corpus_names

    if is_current(folder / "train.spacy", *parts.files):
        return parts_of(folder)
    docs = {path.name: _read(path) for path in parts.files}
    _check_languages(languages, docs["train.spacy"], parts.train)
    corpus, split = corpus_names(parts.train)
    write_json(folder / PARTS_FILE, {"corpus": corpus, "split": split})
    # The training part last: it says that all are there.
    for name, some in reversed(docs.items()):
        write_docbin([doc for doc in some if doc._.language in languages], folder / name)
    return parts_of(folder)


def _read(path: Path) -> "list[Doc]":
    from ..corpora.docbin import read_docs
    from ..corpora.sources import blank_pipeline

    return list(read_docs(path, blank_pipeline().vocab))


def _check_languages(languages: Iterable[str], docs: "list[Doc]", path: Path) -> None:
    there = {str(doc._.language) for doc in docs}
    if missing := sorted(set(languages) - there):
        raise InputError(
            f"there are no documents in {', '.join(missing)}",
            path=path,
            remedy=f"The training part has the languages {', '.join(sorted(there))}",
        )


def limit(parts: Parts, max_docs: int) -> Parts:
    """Take a part of a training part.

    parts (Parts): The split.
    max_docs (int): Number of documents; 0 for all.
    RETURNS (Parts): With the smaller part, whose record says of how many documents it was taken; with the
        whole one if it has no more.
    """
    from ..corpora.docbin import write_docbin
    from ..corpora.subset import subset
    from ..evaluation.metrics import write_json
    from .corpus import PARTS_FILE, corpus_names, corpus_size

    whole, smaller = parts.train, parts.train.parent / f"train-{max_docs}" / "train.spacy"
    if not max_docs:
        return parts
    if is_current(smaller, whole):
        return parts._replace(train=smaller)
    docs = _read(whole)
    if len(docs) <= max_docs:
        return parts
    chosen = subset(docs, max_docs)
    corpus, split = corpus_names(whole)
    documents = {"used": len(chosen), "all": corpus_size(whole)["all"]}
    write_json(smaller.parent / PARTS_FILE, {"corpus": corpus, "split": split, "documents": documents})
    write_docbin(chosen, smaller)
    return parts._replace(train=smaller)


def join(folder: Path, splits: list[Parts]) -> Parts:
    """Write the parts of several splits together: train with train, dev with dev, test with test.

    A document says which types of names the training part of its corpus has (`doc._.annotated_types`), so
    that names of other types are neither learnt as ordinary text nor expected; see `spacy-slavner.Corpus.v1`.

    folder (Path): Where to.
    splits (list[Parts]): From `prepare`.
    RETURNS (Parts): The files.
    RAISES (InputError): A training part has no names, or the types of two collide.
    """
    for one in splits:
        _check_test(one)
    docs = _with_types(splits)
    return _write_joined(folder, folder.name, splits, [sum(some, []) for some in zip(*docs, strict=True)])


def join_more(parts: Parts, more: Parts, name: str) -> Parts:
    """Write the training parts of two splits together; dev and test are those of the first.

    parts (Parts): The first.
    more (Parts): The second, whose documents have their own types of names, as in `join`.
    name (str): The name of the second.
    RETURNS (Parts): The files, in a folder beside that of the first.
    RAISES (InputError): A training part has no names, or the types of the two collide.
    """
    from .corpus import corpus_names

    home, size = parts.others[0].parent, parts.train.parent.name
    size = f"_{size}" if size != home.name else ""
    folder = home.parent / f"{home.name}_with_{name}{size}"
    if is_current(folder / "train.spacy", *parts.files, more.train):
        return parts_of(folder)
    (train, *measured), (others, *_) = _with_types([parts, more])
    split = corpus_names(parts.train)[1]
    return _write_joined(folder, split, [parts, more], [train + others, *measured])


def _with_types(splits: list[Parts]) -> "list[list[list[Doc]]]":
    """The documents of train, dev and test of each split, which say what types of names they have."""
    from ..corpora.mixed import check_types

    types: dict[str, set[str]] = {}
    read = []
    for parts in splits:
        docs = [_read(path) for path in parts.files[:3]]
        known = types.setdefault(str(parts.train), {ent.label_ for doc in docs[0] for ent in doc.ents})
        if not known:
            raise InputError("the corpus has no annotation of names", path=parts.train)
        for doc in sum(docs, []):
            # Those of joined splits say so already.
            doc._.annotated_types = doc._.annotated_types or sorted(known)
        read.append(docs)
    check_types(types)
    return read


def _write_joined(folder: Path, split: str, splits: list[Parts], docs: "list[list[Doc]]") -> Parts:
    from ..corpora.docbin import write_docbin
    from ..evaluation.metrics import write_json
    from .corpus import PARTS_FILE, corpus_names

    corpora = dict.fromkeys(corpus_names(parts.train)[0] for parts in splits)
    write_json(folder / PARTS_FILE, {"corpus": "+".join(corpora), "split": split})
    # The training part last: it says that all are there.
    for part, some in reversed(list(zip(("train", "dev", "test"), docs, strict=False))):
        write_docbin(some, folder / f"{part}.spacy")
    return parts_of(folder)


def languages_of(parts: Parts) -> list[str]:
    """RETURNS (list[str]): The languages of a split that are in its training, dev and test part."""
    found = [{doc._.language for doc in _read(path)} for path in parts.files[:3]]
    return sorted(set.intersection(*found) - {None})


def types_of(parts: Parts) -> list[str]:
    """RETURNS (list[str]): The types of names in the training part of a split."""
    return sorted({ent.label_ for doc in _read(parts.train) for ent in doc.ents})


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

    if not is_current(folder / "train.spacy", *parts.files):
        docs = _zero_shot_docs(parts, target, sources)
        write_json(folder / PARTS_FILE, {"corpus": corpus_names(parts.train)[0], "split": folder.name})
        # The training part last: it says that all are there.
        for name, some in reversed(docs.items()):
            write_docbin(some, folder / name)
    return limit(parts_of(folder), max_docs)


def _zero_shot_docs(parts: Parts, target: str, sources: list[str]) -> "dict[str, list[Doc]]":
    """The documents of each file that `prepare_zero_shot` writes."""
    _check_test(parts)
    train, dev, test = map(_read, parts.files[:3])
    _check_languages([target, *sources], train, parts.train)
    known = set(sources or (doc._.language for doc in train)) - {target}
    result = {"train.spacy": [doc for doc in train if doc._.language in known]}
    for name, docs in ((TARGET_FILE, train), ("dev.spacy", dev), ("test.spacy", test)):
        result[name] = [doc for doc in docs if doc._.language == target]
    for doc in result[TARGET_FILE]:
        doc.set_ents([], default="missing")
    for name, docs in result.items():
        if not docs:
            raise InputError(f"no documents for {name} with {target!r} as target", path=parts.train)
    return result
