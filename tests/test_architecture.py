"""docs/architecture.md names every module of the package in its room, and none that is not there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
TO_COME = "    to come:"
PACKAGE = "spacy_slavner"


def named() -> set[str]:
    """The modules that the tree in the text names, as paths below the package.

    A line that begins with a name and a slash opens a room; what stands deeper is in it.
    """
    start = TEXT.index(f"    {PACKAGE}/\n")
    found, rooms = set(), []
    for line in TEXT[start : TEXT.index(TO_COME)].splitlines():
        depth = len(line) - len(line.lstrip())
        rooms = [room for room in rooms if room[0] < depth]
        if opened := re.match(r"\s*(\w+)/(\s|$)", line):
            rooms.append((depth, opened[1]))
        folder = Path(*(name for _, name in rooms))
        found |= {(folder / name).as_posix() for name in re.findall(r"[\w]+\.py\b", line)}
    return {name.removeprefix(f"{PACKAGE}/") for name in found}


def to_come() -> set[str]:
    """The modules that are announced: paths, and several in braces."""
    line = next(line for line in TEXT.splitlines() if line.startswith(TO_COME))
    found = set()
    for folder, names in re.findall(r"([\w/]*/)\{?([\w,]+)\}?\.py", line):
        found |= {f"{folder}{name}.py" for name in names.split(",")}
    return found


def modules() -> set[str]:
    package = ROOT / PACKAGE
    found = {path.relative_to(package).as_posix() for path in package.rglob("*.py")}
    return {name for name in found if not name.endswith("__init__.py")}


def test_every_module_is_named_in_its_room():
    assert modules() - named() - to_come() == set()


def test_every_module_that_is_named_is_there():
    assert named() - modules() == set()


def test_nothing_that_is_there_is_still_to_come():
    assert to_come() & modules() == set() and TO_COME in TEXT
