"""What all trainings of an encoder share: their folder, their processes, checkpoints that are whole."""

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..evaluation.metrics import write_json

if TYPE_CHECKING:
    from transformers import Trainer

# In the folder of a run: what an interrupted one goes on from, what it was begun with, and the result.
STAGES, ARGUMENTS, ENCODER = "stages", "arguments.json", "encoder"
REMEDY = 'Run pip install "spacy-slavner[pretraining]"'


def world_size() -> int:
    """RETURNS (int): How many processes torchrun has started."""
    return int(os.environ.get("WORLD_SIZE", 1))


def is_main() -> bool:
    """RETURNS (bool): Whether this process is the one that writes."""
    return int(os.environ.get("RANK", 0)) == 0


def check_accelerate() -> None:
    """Refuse to train without accelerate.

    RAISES (InputError): If it is not installed.
    """
    try:
        import accelerate  # noqa: F401
    except ImportError as error:
        raise InputError("the package accelerate, which trains, is missing", remedy=REMEDY) from error


def begin(output: Path, arguments: dict[str, Any], resume: bool) -> None:
    """Prepare the folder of a run: go on only with what was begun with the same arguments.

    output (Path): The folder.
    arguments (dict[str, Any]): The arguments, as JSON keeps them.
    resume (bool): Go on with what is there; without it, what is there is replaced.
    RAISES (InputError): If what is there was begun with other arguments.
    """
    from accelerate import PartialState

    with PartialState().main_process_first():
        if is_main():
            _begin(output, arguments, resume)


def _begin(output: Path, arguments: dict[str, Any], resume: bool) -> None:
    path = output / STAGES / ARGUMENTS
    if resume and path.is_file():
        before = json.loads(path.read_text(encoding="utf8"))
        changed = sorted(key for key in arguments if before.get(key) != arguments[key])
        if changed:
            raise InputError(
                f"the run in this folder was begun with another {', '.join(changed)}",
                path=output,
                remedy="Give another folder, or leave out --resume to begin anew",
            )
        return
    shutil.rmtree(output / STAGES, ignore_errors=True)
    write_json(path, arguments)


def make_trainer(output: Path, **settings: Any) -> "Trainer":
    """Make a Trainer whose checkpoints are there whole or not at all.

    output (Path): Folder of the checkpoints; the last one is kept.
    settings: Arguments of `transformers.Trainer`.
    RETURNS (transformers.Trainer): The trainer.
    """
    from transformers import Trainer

    class WholeTrainer(Trainer):
        staging: Path | None = None

        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            self.staging = output / "saving"
            if is_main():
                shutil.rmtree(self.staging, ignore_errors=True)
            self.accelerator.wait_for_everyone()
            super()._save_checkpoint(model, trial)
            self.accelerator.wait_for_everyone()
            if is_main():
                (made,) = self.staging.glob("checkpoint-*")
                old = [path for path in output.glob("checkpoint-*") if path.name != made.name]
                shutil.rmtree(output / made.name, ignore_errors=True)
                made.replace(output / made.name)
                for path in old:
                    shutil.rmtree(path)
                self.staging.rmdir()
            self.staging = None

        def _get_output_dir(self, trial: Any) -> str:
            return str(self.staging or output)

    return WholeTrainer(**settings)
