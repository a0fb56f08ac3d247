"""Callbacks that a config can name."""

from collections.abc import Callable
from copy import copy, deepcopy
from pathlib import Path
from typing import Any

import srsly
from spacy.language import Language
from thinc.api import Model

from ..errors import InputError

# The largest character offset that a Doc can hold.
LONGEST_TEXT = 2**31 - 1


def create_lift_max_length() -> Callable[[Language], Language]:
    """Lift spaCy's limit of a million characters, which guards parsers that are not in use here.

    For `[nlp] after_creation`, so that a loaded pipeline has it as well as a new one.

    RETURNS (Callable[[Language], Language]): The callback.
    """

    def lift_max_length(nlp: Language) -> Language:
        nlp.max_length = LONGEST_TEXT
        return nlp

    return lift_max_length


def create_leave_out(components: list[str]) -> Callable[[Language], Language]:
    """Leave components out of what is saved that only training needs; `spacy-slavner.leave_out.v1`.

    For `[training] before_to_disk`. The pipeline in training stays as it is.

    components (list[str]): Names of the components; those that the pipeline lacks do not matter.
    RETURNS (Callable[[Language], Language]): The callback.
    """

    def leave_out(nlp: Language) -> Language:
        lighter = copy(nlp)
        lighter._components = [(name, pipe) for name, pipe in nlp._components if name not in components]
        lighter._config = nlp.config.copy()
        lighter._meta = deepcopy(nlp.meta)
        lighter._disabled = nlp._disabled - set(components)
        return lighter

    return leave_out


def create_take_weights(
    source: Path | None, components: list[str] | None = None
) -> Callable[[Language], Language]:
    """Begin a training with weights of a trained pipeline; registered as `spacy-slavner.take_weights.v1`.

    For `[initialize] after_init`. With the encoder alone, which is the default, all heads are new: the tag
    layer is replaced by one for the labels of the new corpus (Arkhipov et al. 2019, section 5). Settings such
    as frozen layers are those of the config, not those of the pipeline.

    source (Path | None): Folder of the pipeline; None takes nothing.
    components (list[str] | None): Names of components in both pipelines; by default the transformer.
    RETURNS (Callable[[Language], Language]): The callback, which raises an InputError where there are no such
        components, or their weights or labels do not fit.
    """

    def take_weights(nlp: Language) -> Language:
        for name in (components or ["transformer"]) if source is not None else ():
            folder = Path(source) / name
            if not folder.is_dir():
                raise InputError("there is no trained component", path=folder)
            if name not in nlp.component_names:
                raise InputError(f"the pipeline has no component {name!r} to take weights for")
            _require_same_labels(nlp.get_pipe(name), folder)
            try:
                nlp.get_pipe(name).from_disk(folder, exclude=["vocab", "cfg"])
            except ValueError as error:
                what = f"the weights do not fit: {str(error).splitlines()[0]}"
                raise InputError(what, path=folder, remedy="Take the same encoder") from error
        return nlp

    return take_weights


def _require_same_labels(pipe: Any, folder: Path) -> None:
    """Refuse weights of a component whose tags mean something else."""
    own, path = getattr(pipe, "cfg", {}), folder / "cfg"
    theirs = srsly.read_json(path) if path.is_file() else {}
    for setting in ("labels", "scheme"):
        if own.get(setting) != theirs.get(setting, own.get(setting)):
            raise InputError(
                f"the {setting} of the two components are not the same: {theirs[setting]} and {own[setting]}",
                path=folder,
                remedy="Take the weights of the transformer alone; then the tag layer is new",
            )


def create_uniform_weights(spread: float = 0.1, seed: int = 0) -> Callable[[Language], Language]:
    """Draw all weights of the torch modules anew; registered as `spacy-slavner.uniform_weights.v1`.

    For `[initialize] after_init`. Huang, May and Peng (2019, section 3.2): "We then randomly initialize the
    weights of the layers within [−0.1, 0.1]", read as all of them, biases and transitions too. Not for
    pipelines with a pretrained encoder.

    spread (float): Weights lie between -spread and spread.
    seed (int): Seed of the weights.
    RETURNS (Callable[[Language], Language]): The callback.
    """

    def uniform_weights(nlp: Language) -> Language:
        import torch

        generator = torch.Generator().manual_seed(seed)
        for _, pipe in nlp.pipeline:
            model = getattr(pipe, "model", None)
            shims = (shim for node in model.walk() for shim in node.shims) if isinstance(model, Model) else ()
            for weight in (weight for shim in shims for weight in shim._model.parameters()):
                drawn = torch.empty(weight.shape).uniform_(-spread, spread, generator=generator)
                weight.data.copy_(drawn)
        return nlp

    return uniform_weights
