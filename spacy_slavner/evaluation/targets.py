"""What the released system aims at, beside what it reaches. Figures are in percent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from .bsnlp import METRICS
from .tables import markdown_table, spread

# Where the result of a part has a figure.
PATHS = {
    "span": ("span", "overall", "f"),
    **{metric: ("bsnlp", "overall", metric, "f") for metric in METRICS},
    "language": ("language", "accuracy"),
}


@dataclass(frozen=True)
class Target:
    """An aim of the released system.

    key (str): What is scored, as in results.json.
    figure (str): One of PATHS.
    bound (float): What the figure is to exceed.
    what (str): What the bound is.
    enough (bool): Whether it is enough to reach the bound.
    """

    key: str
    figure: str
    bound: float
    what: str
    enough: bool = False

    def __str__(self) -> str:
        return f"{'≥' if self.enough else '>'} {self.bound:g}"

    def is_met(self, value: float) -> bool:
        """RETURNS (bool): Whether a figure meets the aim."""
        return value >= self.bound if self.enough else value > self.bound


def _above(key: str, what: str, **bounds: float) -> list[Target]:
    return [Target(key, figure, bound, what) for figure, bound in bounds.items()]


TARGETS = (
    *_above("bsnlp2019_dev", "Slavic BERT-CRF, 180M weights", span=87.9, RPM=85.7, REM=84.3, SM=84.1),
    *_above("bsnlp2019_test", "Slavic BERT-CRF", RPM=90.9, REM=86.4, SM=85.7),
    *_above("bsnlp2021_test", "Tilde, without Ukrainian", RPM=83.8, REM=77.9, SM=77.1),
    *_above("bsnlp2021_test_without_uk", "Tilde, without Ukrainian", RPM=83.8, REM=77.9, SM=77.1),
    *_above("cross_topic", "XLM-R-large, on 470 documents", span=92.2),
    *_above("single_out", "nothing is published", span=86.0),
    Target("single_out", "language", 100.0, "no document in a wrong language", enough=True),
)

TEXT = (
    "What the released system aims at: F1, and the share of documents whose language is right; means over "
    "the seeds. The language of sentences of five words or more, of which 99.9% are to be right, is measured "
    "by `benchmarks/language_id.py`."
)


def targets_section(results: Mapping[str, Sequence[dict[str, Any]]]) -> list[str]:
    """Write the aims beside what the released system reaches.

    results (Mapping[str, Sequence[dict]]): What `evaluate` recorded of it, for each seed, by what was scored.
    RETURNS (list[str]): Heading, text and table; nothing if none of the aims was measured.
    """
    reached = {
        target: [
            value
            for result in results.get(target.key, ())
            if (value := _value(result, target.figure)) is not None
        ]
        for target in TARGETS
    }
    if not any(reached.values()):
        return []
    header = ["Scored", "Figure", "Aim", "Reached", "Seeds", "Met", "What the aim is"]
    rows = [_row(target, values) for target, values in reached.items()]
    return ["## Targets", TEXT, markdown_table(header, rows)]


def _value(result: dict[str, Any], figure: str) -> float | None:
    """A figure as a fraction of 1; None if it was not measured."""
    value: Any = result
    for step in PATHS[figure]:
        value = (value or {}).get(step)
    return value


def _row(target: Target, values: list[float]) -> list[str]:
    aim = [target.key, target.figure, str(target)]
    if not values:
        return [*aim, "not measured", "–", "–", target.what]
    mean = 100 * fmean(values)
    gap = abs(mean - target.bound)
    met = f"met by {gap:.2f}" if target.is_met(mean) else f"short by {gap:.2f}"
    return [*aim, spread(values), str(len(values)), met, target.what]
