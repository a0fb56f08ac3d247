"""How many weights a pipeline has, and how many of them training changes."""

from collections.abc import Iterator

from spacy.language import Language
from thinc.api import Model


def count_parameters(nlp: Language) -> dict[str, int]:
    """Count the weights of a pipeline.

    nlp (Language): An initialised pipeline.
    RETURNS (dict[str, int]): "total" and "trainable"; those of frozen components and of frozen layers
        are not trainable. A component may give its own number as `n_parameters`.
    """
    frozen = nlp.config["training"].get("frozen_components", [])
    counts = {"total": 0, "trainable": 0}
    for name, pipe in nlp.pipeline:
        own = getattr(pipe, "n_parameters", None)
        model = getattr(pipe, "model", None)
        sizes = [(own, True)] if own else _sizes(model) if isinstance(model, Model) else []
        for size, trainable in sizes:
            counts["total"] += size
            counts["trainable"] += size * (trainable and name not in frozen)
    return counts


def _sizes(model: Model) -> Iterator[tuple[int, bool]]:
    """The size of each array of a model, those of torch modules too, and whether it is trained."""
    for node in model.walk():
        for name in node.param_names:
            if node.has_param(name):
                yield int(node.get_param(name).size), True
        for shim in node.shims:
            for parameter in getattr(shim, "_model", None).parameters() if hasattr(shim, "_model") else ():
                yield parameter.numel(), parameter.requires_grad
