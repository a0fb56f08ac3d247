"""What a conversion read, and what it had to skip or change: nothing is dropped silently."""

import itertools
import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..files import whole_file


@dataclass(frozen=True)
class Record:
    """One thing that was skipped, or kept though it looks wrong.

    reason (str): The kind of thing, the same words for every record of a kind.
    path (str): The file it was found in, relative to the corpus.
    line (int | None): The line in that file, counted from 1.
    start (int | None): The character offset in the text, where there is one.
    end (int | None): The offset at which it ends.
    text (str): The mention or line.
    detail (str): What else helps to find the cause.
    kept (bool): Whether it was kept nevertheless.
    """

    reason: str
    path: str
    line: int | None = None
    start: int | None = None
    end: int | None = None
    text: str = ""
    detail: str = ""
    kept: bool = False

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        offset = "" if self.start is None else f" at {self.start}-{self.end}"
        text = f" {self.text!r}" if self.text else ""
        detail = f" ({self.detail})" if self.detail else ""
        return f"{place}: {self.reason}:{text}{offset}{detail}"


@dataclass
class Report:
    """Counts of what was read, and records of what was skipped.

    counts (Counter[str]): "documents", "mentions" (read), "annotated" (became an entity), ...
    records (list[Record]): What was skipped or looks wrong.
    """

    counts: Counter[str] = field(default_factory=Counter)
    records: list[Record] = field(default_factory=list)

    def count(self, name: str, n: int = 1) -> None:
        """Count something that went well.

        name (str): What is counted.
        n (int): How many.
        """
        self.counts[name] += n

    def add(self, reason: str, path: Path | str, **fields: Any) -> None:
        """Record something that was skipped or looks wrong.

        reason (str): The kind of thing.
        path (Path | str): The file.
        **fields: The other fields of `Record`.
        """
        self.records.append(Record(reason, str(path), **fields))

    def merge(self, other: "Report") -> None:
        """Take over what another report holds.

        other (Report): A report of another part of the corpus.
        """
        self.counts += other.counts
        self.records += other.records

    def by_reason(self, kept: bool = False) -> Counter[str]:
        """Count the records by reason.

        kept (bool): Count what was kept though it looks wrong, instead of what was skipped.
        RETURNS (Counter[str]): How often each reason occurs.
        """
        return Counter(record.reason for record in self.records if record.kept == kept)

    def summary(self, examples: int = 3) -> str:
        """Sum up the report for a reader.

        examples (int): How many records to show for each reason.
        RETURNS (str): A few lines.
        """
        lines = [", ".join(f"{n:,} {name}" for name, n in self.counts.items()) or "nothing read"]
        for kept, verb in ((False, "Skipped"), (True, "Kept, but look at")):
            for reason, n in self.by_reason(kept).most_common():
                lines.append(f"{verb}: {n:,} × {reason}")
                of_reason = (r for r in self.records if r.reason == reason and r.kept == kept)
                lines += [f"  {record}" for record in itertools.islice(of_reason, examples)]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): "counts", "skipped", "kept" (by reason) and "records"."""
        return {
            "counts": dict(self.counts),
            "skipped": dict(self.by_reason()),
            "kept": dict(self.by_reason(kept=True)),
            "records": [asdict(record) for record in self.records],
        }

    def to_json(self, path: Path | str) -> None:
        """Write the whole report.

        path (Path | str): The JSON file.
        """
        with whole_file(path) as temporary:
            text = json.dumps(self.to_dict(), ensure_ascii=False, indent=1)
            temporary.write_text(text + "\n", encoding="utf-8")
