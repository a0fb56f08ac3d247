"""Splits of the corpora, by the names and with the parts that were published.

`bsnlp2019` and `bsnlp2021` are the shared tasks' parts (Piskorski et al., 2019; 2021), `single_out`
and `cross_topic` SlavicNER's (Piskorski et al., 2024), listed in files of the corpus. Where the
published split has no tuning part, a tenth of the training documents becomes one: those whose hash
(of seed and path, so it does not depend on what else is there) falls into the lowest tenth.
`release` measures nothing: all is for training but a fiftieth, which shows that the training went well.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..errors import InputError
from .text import read_lines

PARTS = ("train", "dev", "test")
TUNING, WITNESS = 0.1, 0.02
T = TypeVar("T")


@dataclass(frozen=True)
class TopicSplit:
    """A split by topics.

    test (tuple[str, ...]): Topics of the test part.
    train (tuple[str, ...] | None): Topics of the training part; None means all others.
    dev (tuple[str, ...]): Topics of the tuning part; none means a tenth of the training part.
    languages (tuple[str, ...] | None): Languages of the split; None means all.
    """

    test: tuple[str, ...]
    train: tuple[str, ...] | None = None
    dev: tuple[str, ...] = ()
    languages: tuple[str, ...] | None = None


_LANGUAGES_2019 = ("bg", "cs", "pl", "ru")
_TEST_2019 = ("nord_stream", "ryanair")
TOPIC_SPLITS = {
    "bsnlp2019": TopicSplit(_TEST_2019, ("brexit",), ("asia_bibi",), _LANGUAGES_2019),
    "bsnlp2019_final": TopicSplit(_TEST_2019, ("brexit", "asia_bibi"), languages=_LANGUAGES_2019),
    "bsnlp2021": TopicSplit(("covid-19", "us_election_2020")),
}
LIST_SPLITS = {"single_out": "SPLIT_single_out_topic", "cross_topic": "SPLIT_cross-topic"}
SAMPLE, RELEASE = "sample", "release"
SPLITS = (*TOPIC_SPLITS, *LIST_SPLITS, SAMPLE, RELEASE)


def document_key(item: Any) -> str:
    """Give what a document's hash is made from: topic, language and name, without suffixes.

    item (Any): A Doc, a `Source`, or a path as text. It needs no set corpus root: the path in raw/
        and the one in a published list are the same.
    RETURNS (str): For instance "brexit/bg/brexit_bg.txt_file_1".
    """
    if isinstance(item, str):
        path, doc_id = item, ""
    else:
        path = attribute(item, "source") or ""
        doc_id = attribute(item, "doc_id") or ""
    path = path.removeprefix("raw/")
    # Only a raw text is a document of its own; in any other file an id tells documents apart.
    if path.endswith(".txt") or not doc_id:
        return path.removesuffix(".txt")
    return f"{path}#{doc_id}"


def attribute(item: Any, name: str) -> str | None:
    """RETURNS (str | None): An attribute of a Doc or of a Source."""
    return item._.get(name) if hasattr(item, "ents") else getattr(item, name, None)


def _fraction(seed: int, text: str) -> float:
    """A number from 0 to 1 that seed and text determine, on every machine."""
    digest = hashlib.blake2b(f"{seed}\t{text}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def assign(
    split: str, items: Iterable[T], seed: int = 0, corpus_root: Path | str | None = None
) -> dict[str, list[T]]:
    """Assign documents to the parts of a split.

    split (str): Name of the split.
    items (Iterable[T]): Docs or sources, with source, topic and language.
    seed (int): Seed of the rule that makes a tuning part.
    corpus_root (Path | str | None): The corpus's folder, where a split's lists lie.
    RETURNS (dict[str, list[T]]): Documents of "train", "dev" and "test", in the order given; "release"
        has no "test". Those that the split does not use are in none of them.
    RAISES (InputError): If there is no such split, or the corpus is not the one it is for.
    """
    items = list(items)
    if split == RELEASE:
        train, dev = _take_tuning(items, seed, WITNESS)
        return {"train": train, "dev": dev}
    if split in TOPIC_SPLITS:
        part_of = _by_topics(TOPIC_SPLITS[split], items)
    elif split in LIST_SPLITS:
        part_of = _by_lists(LIST_SPLITS[split], items, corpus_root)
    elif split == SAMPLE:
        part_of = _by_story(items, seed)
    else:
        raise InputError(f"There is no split {split!r}", remedy=f"Choose one of {', '.join(SPLITS)}")
    parts: dict[str, list[T]] = {part: [] for part in PARTS}
    for item, part in zip(items, part_of, strict=True):
        if part:
            parts[part].append(item)
    if not parts["train"] or not parts["test"]:
        raise InputError(
            f"The corpus has no documents for the training or test part of split {split!r}",
            path=corpus_root,
            remedy=f"Choose another split; any corpus has the split {SAMPLE!r}",
        )
    if not parts["dev"]:
        parts["train"], parts["dev"] = _take_tuning(parts["train"], seed, TUNING)
    return parts


def _by_topics(split: TopicSplit, items: list[Any]) -> list[str | None]:
    """The part of each document by its topic."""
    result: list[str | None] = []
    for item in items:
        topic, language = attribute(item, "topic"), attribute(item, "language")
        if split.languages and language not in split.languages:
            result.append(None)
        elif topic in split.test:
            result.append("test")
        elif topic in split.dev:
            result.append("dev")
        else:
            result.append("train" if split.train is None or topic in split.train else None)
    return result


def _by_lists(name: str, items: list[Any], corpus_root: Path | str | None) -> list[str | None]:
    """The part of each document by the lists that the corpus publishes."""
    remedy = "The lists are part of SlavicNER and lie beside its raw/"
    if corpus_root is None:
        raise InputError(f"The split needs the folder with {name}_*.txt", remedy=remedy)
    listed: dict[str, str] = {}
    for part in ("train", "test"):
        path = Path(corpus_root) / f"{name}_{part}.txt"
        if not path.is_file():
            raise InputError("The list of the split is missing", path=path, remedy=remedy)
        listed.update((document_key(line.strip()), part) for line in read_lines(path) if line)
    return [listed.get(document_key(item)) for item in items]


def _by_story(items: list[Any], seed: int) -> list[str | None]:
    """The part of each document by its story, so that translations of it stay together."""
    stories = [attribute(item, "topic") or "" for item in items]
    if len(set(stories)) < 3:
        stories = [document_key(item) for item in items]
    order = sorted(set(stories), key=lambda story: _fraction(seed, story))
    held_out = max(1, len(order) // 6)
    part = {story: "test" for story in order[:held_out]}
    part.update((story, "dev") for story in order[held_out : 2 * held_out])
    return [part.get(story, "train") for story in stories]


def _take_tuning(train: list[T], seed: int, share: float) -> tuple[list[T], list[T]]:
    """Take a share of the training documents, at least one, and leave at least one."""
    fraction = {id(item): _fraction(seed, document_key(item)) for item in train}
    limit = max(share, min(fraction.values(), default=0.0))
    dev = [item for item in train if fraction[id(item)] <= limit]
    if len(dev) == len(train):
        raise InputError("One training document is too few to take a tuning part from")
    return [item for item in train if fraction[id(item)] > limit], dev
