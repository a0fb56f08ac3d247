"""The annotation layout of the shared tasks, read by the official evaluator's lenient rules.

`<root>/<topic>/<language>/<file>`: the first line that is not blank is the document's id, every
other line is `mention TAB lemma TAB type TAB id`. What is ignored is counted.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError
from .bsnlp import BLANKS, NO_ID, TYPES, Document, Mention

LAYOUT = "The layout is <root>/<topic>/<language>/<file>, one file per document"


@dataclass
class Folder:
    """The documents of a folder, and what was ignored in it.

    documents (list[Document]): One per file.
    ignored (Counter[str]): How often each kind of thing was ignored.
    examples (dict[str, str]): The first place of each kind, as `path:line`.
    """

    documents: list[Document] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def ignore(self, what: str, path: Path, line: int | None = None) -> None:
        self.ignored[what] += 1
        self.examples.setdefault(what, f"{path}" if line is None else f"{path}:{line}")

    def warnings(self) -> list[str]:
        """RETURNS (list[str]): One line per kind of thing that was ignored."""
        return [f"{what}: {n} (the first: {self.examples[what]})" for what, n in self.ignored.items()]


def find_files(root: Path | str) -> Iterator[tuple[str, str, Path]]:
    """Find the annotation files of a folder.

    root (Path | str): The folder, with topics and languages below it.
    YIELDS (tuple[str, str, Path]): Topic, language, file; sorted, hidden files left out.
    RAISES (InputError): If there is no such folder or it holds no file two folders down.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError("There is no such folder", path=root, remedy=LAYOUT)
    found = False
    for path in sorted(root.glob("*/*/*")):
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(root).parts):
            found = True
            yield path.parent.parent.name, path.parent.name, path
    if not found:
        raise InputError("The folder holds no annotation files", path=root, remedy=LAYOUT)


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 file, with or without a byte order mark, split at line feeds alone."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(
            "The file is not UTF-8", path=path, line=line, remedy="Convert it to UTF-8"
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def read_folder(root: Path | str) -> Folder:
    """Read a reference or a system's output.

    root (Path | str): The folder, with topics and languages below it.
    RETURNS (Folder): Its documents, and what was ignored.
    RAISES (InputError): If the folder is missing or empty, or a file is not UTF-8.
    """
    folder = Folder()
    for stray in sorted(p for p in Path(root).glob("*") if p.is_file()):
        folder.ignore("files outside <topic>/<language>", stray)
    for stray in sorted(p for p in Path(root).glob("*/*") if p.is_file()):
        folder.ignore("files outside <topic>/<language>", stray)
    seen: set[tuple[str, str, str]] = set()
    for topic, language, path in find_files(root):
        document = read_file(path, topic, language, folder)
        if document is None:
            folder.ignore("files without a document id", path)
            continue
        if document.key in seen:
            folder.ignore("files that repeat a document's id (merged, not ignored)", path)
        seen.add(document.key)
        folder.documents.append(document)
    return folder


def read_file(path: Path, topic: str, language: str, folder: Folder) -> Document | None:
    """Read one document.

    path (Path): The file.
    topic (str): Its topic.
    language (str): Its language.
    folder (Folder): Collects what is ignored.
    RETURNS (Document | None): The document; None if the file is blank.
    """
    document = None
    for number, line in enumerate(read_lines(path), start=1):
        line = line.strip(BLANKS.replace("\t", ""))
        if not line.strip(BLANKS):
            continue
        if document is None:
            document = Document(topic, language, line.strip(BLANKS))
            continue
        fields = [part.strip(BLANKS) for part in line.split("\t")]
        if len(fields) < 3:
            folder.ignore("lines with fewer than 3 fields", path, number)
        elif fields[2].upper() not in TYPES:
            folder.ignore(f"lines whose type is none of {' '.join(TYPES)}", path, number)
        else:
            id_ = fields[3] if len(fields) > 3 and fields[3] else NO_ID
            document.mentions.append(Mention(fields[0], fields[1], fields[2].upper(), id_))
    return document


def compare_keys(gold: Folder, system: Folder, path: Path | str) -> list[str]:
    """Say which documents stand on one side only.

    gold (Folder): The reference.
    system (Folder): The system's output.
    path (Path | str): The system's folder, for the message.
    RETURNS (list[str]): At most one line for each side.
    RAISES (InputError): If no document of the system is in the reference.
    """
    wanted, given = ({d.key: None for d in folder.documents} for folder in (gold, system))
    missing, unknown = ([k for k in a if k not in b] for a, b in ((wanted, given), (given, wanted)))
    if len(unknown) == len(given):
        raise InputError(
            "No document of the system is in the reference",
            path=path,
            remedy="Documents are paired by topic, language and the id in their first line",
        )
    sides = {
        "documents of the reference that the system lacks (no loss of recall, as officially)": missing,
        "documents of the system that are not in the reference (not scored)": unknown,
    }
    return [f"{what}: {len(ks)} (the first: {'/'.join(ks[0])})" for what, ks in sides.items() if ks]
