"""The record of a training run that lies beside its checkpoints: what is done, and with what."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from thinc.api import Config

from ..errors import InputError
from ..files import files_below, whole_file

FILE = "progress.json"


@dataclass
class Progress:
    """How far a run has come.

    fingerprint (str): Digest of the config and the files that it names; another one is another run.
    goal (str): How long the run was to be; a finished run with another goal may go on.
    steps (int): Updates done.
    epoch (int): Passes over the training corpus completed.
    seconds (float): Time spent in training and its evaluations, over all sessions.
    words (int): Words trained on.
    best_score (float | None): The best score so far, and the step it was reached at.
    resumed (list[int]): The steps after which the run was stopped and gone on with.
    finished (str): Why the run ended ("max_steps", "patience", "epochs"); empty while it has not.
    curve (list[dict]): One row per evaluation: step, epoch, seconds, losses, score, scores.
    """

    fingerprint: str
    goal: str = ""
    steps: int = 0
    epoch: int = 0
    seconds: float = 0.0
    words: int = 0
    best_score: float | None = None
    best_step: int = 0
    resumed: list[int] = field(default_factory=list)
    finished: str = ""
    curve: list[dict[str, Any]] = field(default_factory=list)

    def to_disk(self, folder: Path) -> None:
        with whole_file(folder / FILE) as path:
            path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def from_disk(cls, folder: Path) -> "Progress | None":
        """RETURNS (Progress | None): The record in the folder of a run; None where there is none."""
        path = folder / FILE
        if not path.is_file():
            return None
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise InputError(
                f"the record of the run cannot be read ({error})",
                path=path,
                remedy="Remove it to start the run anew",
            ) from error

    def is_kept(self, goal: str) -> bool:
        """RETURNS (bool): Whether nothing is left to do for this goal."""
        return bool(self.finished) and (self.goal == goal or self.finished != "max_steps")


def fingerprint(config: Config) -> str:
    """Digest what a run depends on: its config, apart from the number of steps, and what its `paths` hold.

    config (Config): The config, its variables not filled in.
    RETURNS (str): Hexadecimal digest.
    """
    copy = config.copy()
    copy.get("training", {}).pop("max_steps", None)
    copy.get("system", {}).pop("epochs", None)
    digest = hashlib.blake2b(copy.to_str(interpolate=False).encode("utf-8"), digest_size=16)
    for path in config.interpolate().get("paths", {}).values():
        for part in _contents(Path(path)) if path else ():
            digest.update(part)
    return digest.hexdigest()


def _contents(path: Path) -> Iterator[bytes]:
    """Digests of a file, or of all below a folder with their names; none for a name on the model hub."""
    for file in files_below(path) if path.is_dir() else [path] if path.is_file() else []:
        with file.open("rb") as data:
            yield file.relative_to(path).as_posix().encode("utf-8")
            yield hashlib.file_digest(data, "blake2b").digest()
