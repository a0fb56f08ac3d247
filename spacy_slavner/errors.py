"""The one error that bad input raises, and the report of what was skipped."""

from pathlib import Path


class InputError(ValueError):
    """Bad input from a user: names the file, the line and the remedy.

    what (str): What is wrong, one sentence without a final full stop.
    path (Path | str | None): The file it was found in.
    line (int | None): The line in that file, counted from 1.
    remedy (str | None): What the user can do about it.
    """

    def __init__(
        self,
        what: str,
        *,
        path: Path | str | None = None,
        line: int | None = None,
        remedy: str | None = None,
    ) -> None:
        self.what, self.path, self.line, self.remedy = what, path, line, remedy
        place = "" if path is None else f"{path}: " if line is None else f"{path}:{line}: "
        super().__init__(f"{place}{what}." + (f" {remedy}." if remedy else ""))
