"""What became of each annotated name, and what was found where there is none."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from .spans import Span, SpanDocument
from .tables import markdown_table

KINDS = ("right", "other edges", "other type", "edges and type", "missed", "spurious")
RIGHT, OTHER_EDGES, OTHER_TYPE, EDGES_AND_TYPE, MISSED, SPURIOUS = KINDS
# In the place of a type, where there is no name.
NONE = ""

TEXT = (
    "Annotated names by what was found in their place: the prediction with the same edges, or else the one "
    "that shares most tokens with them; a name is missed where no prediction touches it. “As” says for which "
    "type those with another type were taken; predictions that touch no annotated name are in the last row. "
    "With several seeds the mean of their numbers."
)


def count_confusions(documents: Iterable[SpanDocument]) -> dict[str, dict[str, dict[str, int]]]:
    """Count annotated names by what was found in their place, and what was found where there is none.

    documents (Iterable[SpanDocument]): What was wanted and what was found.
    RETURNS (dict): {one of KINDS: {annotated type: {predicted type: number}}}, with NONE as the type where
        there is no name; what did not occur is left out.
    """
    counts = Counter(case for document in documents for case in _cases(document))
    table: dict[str, dict[str, dict[str, int]]] = {}
    for (kind, gold, predicted), number in sorted(counts.items()):
        table.setdefault(kind, {}).setdefault(gold, {})[predicted] = number
    return table


def _cases(document: SpanDocument) -> Iterator[tuple[str, str, str]]:
    """Kind, annotated type and predicted type of each name, and of each prediction that touches none."""
    at: dict[int, list[Span]] = defaultdict(list)
    for found in sorted(document.predicted):
        for token in range(*found[1:]):
            at[token].append(found)
    for name in document.gold:
        found = _closest(name, at)
        yield _kind(name, found), name[0], found[0] if found else NONE
    named = {token for name in document.gold for token in range(*name[1:])}
    for found in document.predicted:
        if named.isdisjoint(range(*found[1:])):
            yield SPURIOUS, NONE, found[0]


def _closest(name: Span, at: dict[int, list[Span]]) -> Span | None:
    """The prediction with the same edges, or else with most tokens in common; rather of the same type."""
    shared = Counter(found for token in range(*name[1:]) for found in at.get(token, ()))
    return max(shared, key=lambda f: (f[1:] == name[1:], shared[f], f[0] == name[0]), default=None)


def _kind(name: Span, found: Span | None) -> str:
    if found is None:
        return MISSED
    if found[1:] == name[1:]:
        return RIGHT if found[0] == name[0] else OTHER_TYPE
    return OTHER_EDGES if found[0] == name[0] else EDGES_AND_TYPE


def confusions_section(results: Iterable[dict[str, Any]]) -> list[str]:
    """Write what became of the names of one part.

    results (Iterable[dict]): What `evaluate` recorded, for each seed.
    RETURNS (list[str]): Heading, text and table, a row for each type; nothing where it was not recorded.
    """
    tables = [table for result in results if (table := result.get("confusions"))]
    if not tables:
        return []
    counts = _added_up(tables)
    types = sorted({type_ for _, *pair in counts for type_ in pair} - {NONE})

    def mean(kinds: Iterable[str], gold: str, predicted: Iterable[str]) -> str:
        total = sum(counts[kind, gold, type_] for kind in kinds for type_ in predicted)
        return f"{total / len(tables):,.1f}".removesuffix(".0")

    *of_names, _ = KINDS
    rows = []
    for gold in types:
        by_kind = [mean([kind], gold, [*types, NONE]) for kind in of_names]
        taken_for = [mean([OTHER_TYPE, EDGES_AND_TYPE], gold, [type_]) for type_ in types]
        rows.append([gold, *by_kind, *taken_for])
    rows.append([SPURIOUS, *("" for _ in of_names), *(mean([SPURIOUS], NONE, [type_]) for type_ in types)])
    header = ["Type", *of_names, *(f"as {type_}" for type_ in types)]
    return ["### Confusions", TEXT, markdown_table(header, rows)]


def _added_up(tables: Iterable[dict[str, Any]]) -> Counter[tuple[str, str, str]]:
    """The numbers of some tables by kind, annotated type and predicted type."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for table in tables:
        for kind, by_gold in table.items():
            for gold, by_predicted in by_gold.items():
                counts.update({(kind, gold, predicted): n for predicted, n in by_predicted.items()})
    return counts
