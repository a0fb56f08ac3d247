"""Training an encoder on text: folder, processes, the training itself, record and card."""

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .. import __version__
from ..errors import InputError
from ..evaluation.metrics import describe_code, describe_machine, package_versions, write_json
from .blocks import Mixture
from .texts import Texts

if TYPE_CHECKING:
    import torch
    from transformers import Trainer

# In a checkpoint: the seconds that its updates took.
SECONDS = "seconds.json"
# In the folder of a run: what an interrupted one goes on from, what it was begun with, and the result.
STAGES, ARGUMENTS, ENCODER = "stages", "arguments.json", "encoder"
REMEDY = 'Run pip install "spacy-slavner[pretraining]"'


class Request(Protocol):
    """What the requests of all trainings have; see `mlm.Request` for what it means."""

    texts: tuple[Path, ...]
    without: tuple[Path, ...]
    batch: int
    device_batch: int
    warmup: float
    decay: float
    log_every: int
    save_every: int
    seed: int


def as_json(request: Request) -> dict[str, Any]:
    """Give a request as JSON keeps it.

    request (Request): The request, a dataclass.
    RETURNS (dict[str, Any]): Its fields.
    """
    return json.loads(json.dumps(asdict(request), default=str))


def world_size() -> int:
    """RETURNS (int): How many processes torchrun has started."""
    return int(os.environ.get("WORLD_SIZE", 1))


def is_main() -> bool:
    """RETURNS (bool): Whether this process is the one that writes."""
    return int(os.environ.get("RANK", 0)) == 0


def check(request: Request) -> None:
    """Refuse what cannot be trained.

    request (Request): What is asked for.
    RAISES (InputError): If accelerate is not installed, or the batch cannot be divided.
    """
    try:
        import accelerate  # noqa: F401
    except ImportError as error:
        raise InputError("the package accelerate, which trains, is missing", remedy=REMEDY) from error
    per_step = request.device_batch * world_size()
    if request.batch % per_step:
        raise InputError(
            f"a batch of {request.batch} is no multiple of {request.device_batch} x {world_size()} devices",
            remedy="Change --batch or --device-batch",
        )


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
        # Seconds of the sessions before this one, whose updates this one goes on from.
        before, begun = 0.0, time.time()

        def seconds(self) -> float:
            return self.before + time.time() - self.begun

        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            self.staging = output / "saving"
            if is_main():
                shutil.rmtree(self.staging, ignore_errors=True)
            self.accelerator.wait_for_everyone()
            super()._save_checkpoint(model, trial)
            self.accelerator.wait_for_everyone()
            if is_main():
                (made,) = self.staging.glob("checkpoint-*")
                write_json(made / SECONDS, self.seconds())
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


def checkpoints(folder: Path) -> list[Path]:
    """RETURNS (list[Path]): Checkpoints, the last one last; a stop in between leaves the one before, too."""
    return sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))


def train(
    folder: Path, model: "torch.nn.Module", blocks: Mixture, collate: Callable, request: Request,
    *, steps: int, rate: float, **settings: Any,
) -> tuple[list[list[float]], float]:  # fmt: skip
    """Train for some updates, or go on from the last checkpoint.

    folder (Path): Folder of the checkpoints.
    model (torch.nn.Module): What is trained; called with what `collate` gives, it gives a "loss".
    blocks (Mixture): The endless stream of blocks.
    collate (Callable): Makes a batch of blocks.
    request (Request): How to train.
    steps (int): Updates.
    rate (float): Learning rate, at its highest.
    settings: More of `transformers.TrainingArguments`.
    RETURNS (tuple[list[list[float]], float]): The step and loss of each log entry, and the seconds of all
        these updates, also of those before the checkpoint that this session goes on from.
    """
    import torch
    from torch.utils.data import IterableDataset
    from transformers import TrainingArguments

    from ..layers.torch.half_attention import HalfAttention
    from ..training.memory import keep_freed_memory

    class Stream(IterableDataset):
        def __iter__(self):
            return iter(blocks)

    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=request.device_batch,
        gradient_accumulation_steps=request.batch // (request.device_batch * world_size()),
        learning_rate=rate,
        warmup_steps=round(request.warmup * steps),
        weight_decay=request.decay,
        logging_steps=min(request.log_every, steps),
        save_steps=request.save_every,
        seed=request.seed,
        # Else bf16 is refused where there is no GPU.
        use_cpu=not torch.accelerator.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
        report_to="none",
        remove_unused_columns=False,
        # Blocks of several processes differ in length, so each one takes its own.
        accelerator_config={"dispatch_batches": False},
        **settings,
    )
    trainer = make_trainer(folder, model=model, args=arguments, train_dataset=Stream(), data_collator=collate)
    found = checkpoints(folder)
    if found:
        trainer.before = json.loads((found[-1] / SECONDS).read_text(encoding="utf8"))
    keep_freed_memory()
    with HalfAttention():
        trainer.train(resume_from_checkpoint=str(found[-1]) if found else None)
    losses = [[row["step"], row["loss"]] for row in trainer.state.log_history if "loss" in row]
    return losses, trainer.seconds()


def describe(request: Request, model: str, texts: Texts, source: str, command: str) -> dict[str, Any]:
    """Begin the record of a run; where things lie on this machine is left out.

    request (Request): What was asked for.
    model (str): The field of it that says what the run began with.
    texts (Texts): The texts.
    source (str): What the run began with, in words.
    command (str): What repeats the run; empty if no command began it.
    RETURNS (dict[str, Any]): The record.
    """
    given = getattr(request, model)
    shown = replace(
        request,
        texts=tuple(Path(path.name) for path in request.texts),
        without=tuple(Path(path.name) for path in request.without),
        **{model: Path(given).name if Path(given).is_dir() else given},
    )
    return {
        "arguments": as_json(shown),
        "command": command,
        "made_with": f"spacy-slavner {__version__}",
        "source": source,
        **describe_code(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "packages": package_versions(),
        "processes": world_size(),
        "documents": {language: len(documents) for language, documents in texts.documents.items()},
        "held_out": {language: len(held_out) for language, held_out in texts.held_out.items()},
        "left_out": texts.counts_left_out(),
    }


def card(record: dict[str, Any], license: str | None, text: list[str], notes: list[str], file: str) -> str:
    """Write a model card.

    record (dict[str, Any]): What `describe` began.
    license (str | None): The licence of what the run began with, where it is known.
    text (list[str]): Title and description.
    notes (list[str]): What to say beside how it was made; of them the last is about the licence.
    file (str): The file that the record is in.
    RETURNS (str): The card in Markdown, with front matter; tables may follow.
    """
    left_out = record["left_out"]
    lines = [
        "---",
        *([f"license: {license.lower()}"] if license else []),
        "language:",
        *(f"- {language}" for language in record["documents"]),
        "library_name: transformers",
        "pipeline_tag: feature-extraction",
        "---",
        "",
        *text,
        "",
        f"- Taken from {record['source']}.",
        f"- Made with {record['made_with']}, commit {record['commit']}; all settings and losses in `{file}`.",
        f"- {left_out['documents']:,} documents, and {left_out['sentences']:,} sentences of others, were "
        "left out of the text because a split measures with them.",
        *notes,
        "- The licences of the texts hold besides.",
        "",
    ]
    return "\n".join(lines)
