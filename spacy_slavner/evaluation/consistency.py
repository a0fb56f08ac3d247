"""The consistency check of the shared tasks: is a folder of annotations well formed?

The official evaluator reads leniently and says nothing about what it leaves out; this check, like the
organisers' own, is strict. An empty field counts as missing.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .bsnlp import BLANKS, TYPES
from .layout import find_files, read_lines

ERROR, WARNING = "ERROR", "WARNING"


class Finding(NamedTuple):
    """One thing that is wrong in a file.

    level (str): "ERROR" or "WARNING".
    what (str): What is wrong, the same words for the same kind of thing.
    path (Path): The file.
    line (int): The line, counted from 1.
    """

    level: str
    what: str
    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.level}: {self.path}:{self.line}: {self.what}"


def check_folder(root: Path | str) -> tuple[int, Counter[str], list[Finding]]:
    """Check all annotation files of a folder.

    root (Path | str): The folder, with topics and languages below it.
    RETURNS (tuple[int, Counter[str], list[Finding]]): Number of files, number of findings of each
        level, and the findings in the order of files and lines.
    RAISES (InputError): If the folder is missing or empty, or a file is not UTF-8.
    """
    paths = [path for _, _, path in find_files(root)]
    findings = [finding for path in paths for finding in check_file(path)]
    return len(paths), Counter(finding.level for finding in findings), findings


def check_file(path: Path) -> Iterator[Finding]:
    """Check one annotation file.

    path (Path): The file.
    YIELDS (Finding): What is wrong, in the order of lines.
    """
    lines = read_lines(path)
    if lines and not lines[-1]:
        lines.pop()  # the end of the last line, not a blank one
    has_id, ids = False, {}
    for number, line in enumerate(lines, start=1):
        if not line.strip(BLANKS):
            yield Finding(WARNING, "the line is blank", path, number)
        elif not has_id:
            has_id = True
            yield from (Finding(ERROR, what, path, number) for what in _check_id(line))
        else:
            fields = [part.strip(BLANKS) for part in line.split("\t")]
            for level, what in _check_mention(fields, ids):
                yield Finding(level, what, path, number)
    if not has_id:
        yield Finding(ERROR, "the file has no document id", path, 1)


def _check_id(line: str) -> Iterator[str]:
    if "\t" in line:
        yield "the document id holds a TAB"
    elif len(line.split()) != 1:
        yield "the document id is not one token"


def _check_mention(fields: list[str], ids: dict[str, str]) -> Iterator[tuple[str, str]]:
    """ids (dict[str, str]): The id that each form of the document was first given; is updated."""
    if len(fields) != 4 or not all(fields):
        yield ERROR, "the line has not exactly 4 fields (mention, lemma, type, id)"
        return
    form, _, type_, id_ = fields
    if type_ not in TYPES:
        yield ERROR, f"the type is none of {' '.join(TYPES)}"
    if ids.setdefault(form, id_) != id_:
        yield WARNING, "the form has another id in an earlier line"
