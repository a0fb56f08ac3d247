"""The registered reader of several corpora at once: `spacy-slavner.MixedCorpus.v1`."""

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from spacy.language import Language
from spacy.training import Example
from spacy.util import logger

from ..errors import InputError

ReaderT = Callable[[Language], Iterable[Example]]


def create_mixed_corpus(
    # Any: when a config is checked, what stands in a block of blocks is not made yet.
    sources: dict[str, Any],
    weights: dict[str, float] | None = None,
    temperature: float = 1.0,
    by_language: bool = False,
    size: int = 0,
    seed: int = 0,
) -> ReaderT:
    """Make the reader `spacy-slavner.MixedCorpus.v1`: examples of several sources in random order.

    With the defaults each example is read once: the random mixing of Moon et al. (2019, section
    "Multilingual Training"). Other settings change how many examples each source gives; one that gives
    more than it has gives all of them before it repeats any. With `[training] max_epochs = -1` every pass
    draws anew, otherwise the first draw is used in all of them.

    sources (dict[str, Callable]): Readers by name, such as `spacy-slavner.Corpus.v1`.
    weights (dict[str, float] | None): Factors on the shares of sources; 1 for those not named.
    temperature (float): Sources of n examples have shares proportional to n to the power of 1 / temperature:
        1 keeps their sizes, 5 lifts small ones, a very high one makes all equal (stratified sampling).
    by_language (bool): Whether the languages of a source count as sources with the weight of their own.
    size (int): Examples in a pass; 0: as many as the sources have.
    seed (int): Seed of the choice and the order.
    RETURNS (Callable[[Language], Iterable[Example]]): The reader.
    RAISES (InputError): There are no sources, a weight is of none of them, or a number is not positive. In
        reading: a source has no documents, or types of names collide, see `check_types`.
    """
    weights = weights or {}
    if not sources:
        raise InputError("the mixed corpus has no sources", remedy="Add a block such as […sources.NAME]")
    for name in weights:
        if name not in sources:
            what = f"the mixed corpus has a weight for {name!r}, which is none of its sources"
            raise InputError(what, remedy=f"They are {', '.join(sources)}")
    numbers = {"temperature": temperature} | {f"weight of {name!r}": w for name, w in weights.items()}
    for what, number in numbers.items():
        if not number > 0:
            raise InputError(f"the {what} of the mixed corpus is {number}, but must be more than 0")
    rng = random.Random(seed)

    def read(nlp: Language) -> Iterator[Example]:
        groups: dict[tuple[str, str | None], list[Example]] = {}
        whole = {name: list(source(nlp)) for name, source in sources.items()}
        check_types({name: _types(examples) for name, examples in whole.items()})
        for name, examples in whole.items():
            if not examples:
                raise InputError(f"the source {name!r} of the mixed corpus has no documents")
            for example in examples:
                language = example.reference._.language if by_language else None
                groups.setdefault((name, language), []).append(example)
        power = 1 / temperature
        shares = [weights.get(name, 1.0) * len(some) ** power for (name, _), some in groups.items()]
        total = size or sum(map(len, groups.values()))
        mixed = []
        for (key, some), n in zip(groups.items(), quotas(shares, total), strict=True):
            logger.debug("mixed corpus: %d of %d examples of %s", n, len(some), key)
            mixed += some * (n // len(some)) + rng.sample(some, n % len(some))
        rng.shuffle(mixed)
        yield from mixed

    return read


def _types(examples: Iterable[Example]) -> set[str]:
    return {ent.label_ for example in examples for ent in example.reference.ents}


def check_types(types: dict[str, set[str]]) -> None:
    """Refuse types of names that several corpora mean to be one and write in several ways.

    Types of other names are kept apart, those of the same name are one type.

    types (dict[str, set[str]]): The types of each corpus.
    RAISES (InputError): Two types differ in the case of their letters alone.
    """
    seen: dict[str, tuple[str, str]] = {}
    for corpus, some in types.items():
        for label in sorted(some):
            other, where = seen.setdefault(label.casefold(), (label, corpus))
            if other != label:
                raise InputError(
                    f"the label sets collide: {where!r} has the type {other}, {corpus!r} the type {label}",
                    remedy="Give them one word: with the reader's setting `rename` in a config, in the "
                    ".spacy files themselves for `experiments`",
                )


def quotas(shares: list[float], total: int) -> list[int]:
    """Divide a number by shares; the largest remainders are rounded up.

    shares (list[float]): The shares, of any sum.
    total (int): The number.
    RETURNS (list[int]): The parts, which sum to the number.
    """
    exact = [total * share / sum(shares) for share in shares]
    parts = [int(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: parts[i] - exact[i])
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts
