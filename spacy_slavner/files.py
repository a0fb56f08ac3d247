"""Files below a folder; output files and folders that are written whole or not at all."""

import fnmatch
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path | str) -> Iterator[Path]:
    """Give a temporary path beside `path` that takes its place if the block succeeds.

    path (Path | str): The file to be written; its parent folders are made.
    YIELDS (Path): The temporary file to write to.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    # mkstemp makes files for their owner alone; an output file gets the usual permissions.
    umask = os.umask(0)
    os.umask(umask)
    temporary.chmod(0o666 & ~umask)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path | str) -> Iterator[Path]:
    """Give a temporary folder beside `path` that takes its place if the block succeeds.

    path (Path | str): The folder to be written; what stood there is replaced at the end.
    YIELDS (Path): The temporary folder to write into.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    temporary.chmod(0o755)
    try:
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def files_below(folder: Path | str, pattern: str = "*") -> list[Path]:
    """List the files of a folder and those below it, sorted, without hidden ones; links are followed.

    folder (Path | str): The folder.
    pattern (str): What their names look like.
    RETURNS (list[Path]): The files.
    """
    found, seen = [], set()
    for root, folders, names in os.walk(folder, followlinks=True):
        place = os.path.realpath(root)
        # A link may lead back up.
        folders[:] = [] if place in seen else [name for name in folders if not name.startswith(".")]
        if place not in seen:
            names = [name for name in fnmatch.filter(names, pattern) if not name.startswith(".")]
            found += [path for path in (Path(root, name) for name in names) if path.is_file()]
        seen.add(place)
    return sorted(found)
