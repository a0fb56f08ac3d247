"""Pipelines to measure, and the steps of their training."""

import time
from collections.abc import Callable
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.training import Example

from . import ROOT, take
from .data import encoder_folder, layers_of, split_folder

Batches = list[list[Example]]


def initialized(
    config: Path, encoder: Path, corpus: Path, layers: int | None, seed: int, overrides: dict[str, Any] = ()
) -> Language:
    """Give the pipeline of a system, initialised on a .spacy file and not trained."""
    from spacy.training.initialize import init_nlp
    from thinc.api import fix_random_seed

    from spacy_slavner.training.config import SHORT, fill_config, merge_config, read_recipe

    fix_random_seed(seed)
    # As it is trained on a machine without a GPU.
    settings = {
        **read_recipe(config, SHORT),
        "paths.train": str(corpus),
        "paths.dev": str(corpus),
        "paths.encoder": str(encoder),
        "components.transformer.model.layers": layers_of(encoder, layers),
        "training.seed": seed,
        **dict(overrides),
    }
    return init_nlp(fill_config(merge_config(config, settings)))


def taken(pipeline: str | None, encoder: Path | None, seed: int, system: str = "bert_crf") -> Language:
    """Load a pipeline, or make one that is not trained where none is given.

    The latter is as fast as a trained one, but for the names that it finds where there are none.
    """
    import spacy

    if pipeline:
        return spacy.load(pipeline)
    take("pipeline", f"{system}, not trained")
    config, corpus = ROOT / f"configs/{system}.cfg", split_folder() / "train.spacy"
    return initialized(config, encoder_folder(encoder), corpus, 6, seed)


def training_batches(nlp: Language, number: int) -> Batches:
    """Give batches as `spacy train` makes them, their sentences known, passing over the corpus at need."""
    from spacy.util import registry, resolve_dot_names

    resolved = nlp.config.interpolate()
    (corpus,) = resolve_dot_names(resolved, ["corpora.train"])
    batcher = registry.resolve({"b": resolved["training"]["batcher"]})["b"]
    batches = list(islice(batcher(chain.from_iterable(corpus(nlp) for _ in repeat(None))), number))
    splitter = nlp.get_pipe("sentence_splitter")
    for example in chain.from_iterable(batches):
        splitter(example.predicted)
    return batches


def training_step(nlp: Language, batches: Batches) -> Callable[[int], float]:
    """Give a function that makes one update as `spacy train` makes it, and says how long it took."""
    from spacy.util import registry

    training = registry.resolve(nlp.config.interpolate()["training"])
    optimizer = training["optimizer"]

    def step(number: int) -> float:
        examples = [example.copy() for example in batches[number]]
        start = time.perf_counter()
        nlp.update(
            examples,
            drop=training["dropout"],
            sgd=False,
            annotates=training["annotating_components"],
        )
        for _, pipe in nlp.pipeline:
            if getattr(pipe, "is_trainable", False):
                pipe.finish_update(optimizer)
        optimizer.step_schedules()
        return time.perf_counter() - start

    return step


def ratio(pairs: list[tuple[float, float]]) -> dict[str, float]:
    """Median, least and greatest of the second times over the first."""
    from statistics import median

    ratios = [b / a for a, b in pairs]
    return {"median": round(median(ratios), 3), "min": round(min(ratios), 3), "max": round(max(ratios), 3)}
