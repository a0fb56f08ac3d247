"""spaCy's training loop with what it lacks: interruption and resumption at any step.

An update is made as `spacy train` makes it. What differs is what surrounds it: a checkpoint takes
the place of the last one in a single move, a resumed run goes on with the data, the schedules and
the best score where it was stopped, the last update is always evaluated, and a record is kept.
What a checkpoint does not hold is the optimizer's own state: its moments start again at zero, and
the weights go on from their moving averages. The record says after which steps a run was resumed.
"""

import shutil
import sys
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from timeit import default_timer as timer
from typing import IO, Any

from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.training import Example
from spacy.training.loop import (
    DIR_MODEL_BEST,
    DIR_MODEL_LAST,
    create_before_to_disk_callback,
    create_evaluation_callback,
    create_train_batches,
    subdivide_batch,
    update_meta,
)
from spacy.util import registry, resolve_dot_names
from thinc.api import fix_random_seed, set_gpu_allocator

from ..files import whole_folder
from .memory import keep_freed_memory
from .progress import Progress


class Interrupted(Exception):
    """The run was stopped by the user; its checkpoint is on disk."""


def train(
    nlp: Language,
    output: Path,
    progress: Progress,
    *,
    use_gpu: int = -1,
    stdout: IO = sys.stdout,
    stderr: IO = sys.stderr,
) -> None:
    """Train an initialised pipeline, or go on training it.

    nlp (Language): The pipeline, as `spacy.training.initialize.init_nlp` returns it; to go on, with
        the weights of the last checkpoint loaded.
    output (Path): Folder for model-best, model-last and the record.
    progress (Progress): What is done already; kept up to date.
    use_gpu (int): GPU id, -1 for the CPU.
    stdout (IO): Where the table of scores goes.
    stderr (IO): Where progress bars go.
    RAISES (Interrupted): On Ctrl-C, when the checkpoint has been saved.
    """
    keep_freed_memory()
    run = _Run(nlp, output, progress, use_gpu)
    with nlp.select_pipes(disable=run.settings["frozen_components"]):
        log_step, close_log = run.settings["logger"](nlp, stdout, stderr)
    try:
        for evaluation in run.steps():
            log_step(evaluation)
    except KeyboardInterrupt:
        run.save(best=False)
        raise Interrupted from None
    finally:
        close_log()


def count_steps(nlp: Language, epochs: float) -> int:
    """How many updates so many passes over the training corpus take.

    nlp (Language): An initialised pipeline.
    epochs (float): Passes.
    RETURNS (int): Updates, at least one.
    """
    config = nlp.config.interpolate()
    batcher = registry.resolve({"batcher": config["training"]["batcher"]})["batcher"]
    (corpus,) = resolve_dot_names(config, [config["training"]["train_corpus"]])
    return max(1, round(epochs * sum(1 for _ in batcher(list(corpus(nlp))))))


class _Run:
    """A run between its start or resumption and its end."""

    def __init__(self, nlp: Language, output: Path, progress: Progress, use_gpu: int) -> None:
        config = nlp.config.interpolate()
        training = config["training"]
        if training["seed"] is not None:
            fix_random_seed(training["seed"])
        if use_gpu >= 0 and training["gpu_allocator"]:
            set_gpu_allocator(training["gpu_allocator"])
        self.nlp, self.output, self.progress = nlp, output, progress
        self.settings = T = registry.resolve(training, schema=ConfigSchemaTraining)
        train, dev = resolve_dot_names(config, [T["train_corpus"], T["dev_corpus"]])
        batches = create_train_batches(nlp, train, T["batcher"], T["max_epochs"])
        # The same batches, in the same order, as in a run that was never stopped.
        self.batches = islice(batches, progress.steps, None)
        self.evaluate = create_evaluation_callback(nlp, dev, T["score_weights"])
        self.before_to_disk = create_before_to_disk_callback(T["before_to_disk"])
        self.optimizer = T["optimizer"]
        for _ in range(progress.steps):
            self.optimizer.step_schedules()
        self.trained = [
            (name, pipe)
            for name, pipe in nlp.pipeline
            if name not in T["frozen_components"] and getattr(pipe, "is_trainable", False)
        ]
        self.losses: dict[str, float] = {}

    def steps(self) -> Iterable[dict[str, Any] | None]:
        """Update until the run ends.

        YIELDS (dict | None): After each update: what spaCy's loggers take, None if not evaluated.
        """
        progress = self.progress
        before, start = progress.seconds, timer()
        if self.is_due():
            # It was interrupted in this evaluation.
            yield self.checkpoint()
        for epoch, batch in self.batches:
            progress.finished = self.end()
            if progress.finished:
                break
            self.update(batch, epoch)
            progress.steps, progress.epoch = progress.steps + 1, epoch
            progress.words += sum(len(example) for example in batch)
            progress.seconds = before + timer() - start
            yield self.checkpoint() if self.is_due() else None
        progress.finished = progress.finished or "epochs"
        if not self.is_evaluated():
            yield self.checkpoint()
        progress.seconds = before + timer() - start
        progress.to_disk(self.output)

    def is_due(self) -> bool:
        """RETURNS (bool): Whether the pipeline is to be evaluated as it is now."""
        steps = self.progress.steps
        return bool(steps) and steps % self.settings["eval_frequency"] == 0 and not self.is_evaluated()

    def is_evaluated(self) -> bool:
        """RETURNS (bool): Whether the pipeline has been evaluated as it is now."""
        curve = self.progress.curve
        return bool(curve) and curve[-1]["step"] == self.progress.steps

    def end(self) -> str:
        """RETURNS (str): Why no further update is due; empty if one is."""
        progress, T = self.progress, self.settings
        if T["max_steps"] and progress.steps >= T["max_steps"]:
            return "max_steps"
        if T["patience"] and progress.steps - progress.best_step >= T["patience"]:
            return "patience"
        return ""

    def update(self, batch: list[Example], epoch: int) -> None:
        T, step = self.settings, self.progress.steps
        if T["before_update"]:
            T["before_update"](self.nlp, {"step": step, "epoch": epoch})
        for part in subdivide_batch(batch, T["accumulate_gradient"]):
            self.nlp.update(
                part,
                drop=T["dropout"],
                losses=self.losses,
                sgd=False,
                exclude=T["frozen_components"],
                annotates=T["annotating_components"],
            )
        for _, pipe in self.trained:
            pipe.finish_update(self.optimizer)
        self.optimizer.step_schedules()

    def checkpoint(self) -> dict[str, Any]:
        """Evaluate and save.

        RETURNS (dict): What spaCy's loggers take.
        """
        progress = self.progress
        with self.nlp.use_params(self.optimizer.averages):
            score, scores = self.evaluate()
        best = progress.best_score is None or score > progress.best_score
        if best:
            progress.best_score, progress.best_step = score, progress.steps
        losses = {name: float(self.losses.get(name, 0.0)) for name, _ in self.trained}
        weights = self.settings["score_weights"]
        row = {"step": progress.steps, "epoch": progress.epoch, "score": score, "losses": losses}
        shown = {name: scores.get(name) for name, weight in weights.items() if weight is not None}
        progress.curve.append({**row, "seconds": round(progress.seconds, 1), "scores": shown})
        info = {
            **row,
            "other_scores": scores,
            "checkpoints": [(point["score"], point["step"]) for point in progress.curve],
            "seconds": int(progress.seconds),
            "words": progress.words,
            "output_path": str(self.output / DIR_MODEL_LAST),
        }
        with self.nlp.select_pipes(disable=self.settings["frozen_components"]):
            update_meta(self.settings, self.nlp, info)
        self.save(best)
        self.losses = {}
        return info

    def save(self, best: bool) -> None:
        last = self.output / DIR_MODEL_LAST
        with whole_folder(last) as path, self.nlp.use_params(self.optimizer.averages):
            self.before_to_disk(self.nlp).to_disk(path)
        if best:
            with whole_folder(self.output / DIR_MODEL_BEST) as path:
                shutil.copytree(last, path, dirs_exist_ok=True)
        self.progress.to_disk(self.output)
