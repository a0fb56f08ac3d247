"""The component `cloze`: in training, the encoder guesses masked pieces of texts without annotated names."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy
from spacy.errors import Errors
from spacy.language import Language
from spacy.pipeline.trainable_pipe import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.util import logger
from thinc.api import Config, Model, Optimizer

from ..errors import InputError

default_model_config = """
[model]
@architectures = "spacy-slavner.ClozeHead.v1"

# With the two special pieces: 64.
[model.get_spans]
@span_getters = "spacy-slavner.piece_windows.v1"
window = 62
overlap = 8
"""
DEFAULT_CLOZE_MODEL = Config().from_str(default_model_config)["model"]


@Language.factory(
    "cloze",
    default_config={
        "model": DEFAULT_CLOZE_MODEL,
        "recogniser": None,
        "transformer": "transformer",
        "probability": 0.15,
        "mask_share": 0.8,
        "labelled": False,
        "loss_weight": 1.0,
        "seed": 0,
    },
)
def make_cloze(
    nlp: Language,
    name: str,
    model: Model,
    recogniser: str | None,
    transformer: str,
    probability: float,
    mask_share: float,
    labelled: bool,
    loss_weight: float,
    seed: int,
) -> "Cloze":
    """Make a cloze task.

    model (Model): A `spacy-slavner.ClozeHead.v1`.
    recogniser (str | None): Name of the component whose names are masked; None masks at random.
    transformer (str): Name of the component with the shared encoder.
    probability (float): Share of the pieces that are chosen at random.
    mask_share (float): Share of the chosen pieces that are replaced by the mask.
    labelled (bool): Whether documents with annotated names are read, too.
    loss_weight (float): Factor on the loss.
    seed (int): Seed of the masks.
    RETURNS (Cloze): The component.
    """
    return Cloze(
        nlp,
        model,
        name,
        recogniser=recogniser,
        transformer=transformer,
        probability=probability,
        mask_share=mask_share,
        labelled=labelled,
        loss_weight=loss_weight,
        seed=seed,
    )


class Cloze(TrainablePipe):
    """Adds the loss of a masked-language model to what the encoder of the pipeline learns.

    The cloze tasks of Moon et al. (2019, section "Multi-task Learning"), which see the language that a name
    recogniser is wanted for, where there are texts of it but no names. Long texts are cut into overlapping
    windows, and nothing of them is left out (section "Experiment details"). Their sentences are documents
    here. The loss is the mean over all masked pieces of a batch, times `loss_weight`; it is added to the
    losses of the other components.

    - Cloze (CL): pieces are chosen at random. "As is used in the original BERT training objective" is read
      as: of the chosen pieces some are replaced by random ones or stay, see `mask_share`.
    - Predictive cloze (PC): with `recogniser`, that component tags the documents with the weights it has at
      that moment, and all pieces inside the names it finds are chosen. `mask_share = 1.0` masks each, which
      is what the paper says of this task.

    The component writes nothing on documents and costs no time at run time. To leave it out of what is
    saved, name it in the callback `spacy-slavner.leave_out.v1` of `[training] before_to_disk`; or load with
    `spacy.load(…, exclude=["cloze"])`. A training run that is resumed from a checkpoint without it goes on
    with a new head.

    nlp (Language): The pipeline, whose encoder and name recogniser are used.
    model (Model): A `spacy-slavner.ClozeHead.v1`.
    name (str): Name of the component.
    recogniser (str | None): Name of the component whose names are masked; None masks at random.
    transformer (str): Name of the component with the shared encoder.
    probability (float): Share of the pieces that are chosen at random.
    mask_share (float): Share of the chosen pieces that are replaced by the mask. Half of the others is
        replaced by random pieces, half stays.
    labelled (bool): Whether documents with annotated names are read, too.
    loss_weight (float): Factor on the loss and its gradient; the paper sums the losses, 1.0.
    seed (int): Seed of the masks.
    RAISES (InputError): A share is not between 0 and 1.
    """

    def __init__(
        self,
        nlp: Language,
        model: Model,
        name: str = "cloze",
        *,
        recogniser: str | None = None,
        transformer: str = "transformer",
        probability: float = 0.15,
        mask_share: float = 0.8,
        labelled: bool = False,
        loss_weight: float = 1.0,
        seed: int = 0,
    ) -> None:
        for what, share in (("probability", probability), ("mask_share", mask_share)):
            if not 0 <= share <= 1:
                raise InputError(f"components.{name}.{what} is {share}, which is no share between 0 and 1")
        self.nlp, self.vocab, self.model, self.name = nlp, nlp.vocab, model, name
        self.recogniser, self.transformer = recogniser, transformer
        self.probability, self.mask_share = probability, mask_share
        self.labelled, self.loss_weight = labelled, loss_weight
        self._random = numpy.random.default_rng(seed)
        self.cfg: dict[str, Any] = {}

    def __call__(self, doc: Doc) -> Doc:
        """Leave a document as it is."""
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Leave all documents as they are."""
        return iter(stream)

    def predict(self, docs: Iterable[Doc]) -> None:
        """Predict nothing."""

    def set_annotations(self, docs: Iterable[Doc], scores: None) -> None:
        """Annotate nothing."""

    def initialize(
        self, get_examples: Callable[[], Iterable[Example]], *, nlp: Language | None = None
    ) -> None:
        """Build the head for the pipeline's encoder.

        get_examples (Callable[[], Iterable[Example]]): Gives examples.
        nlp (Language | None): The pipeline.
        RAISES (InputError): The pipeline lacks the encoder or the name recogniser, or the encoder is none
            whose pieces can be masked.
        """
        from ..layers.cloze import build_head

        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        self.nlp = nlp or self.nlp
        build_head(self.model, self._pipe(self.transformer, "transformer").model)
        if self.recogniser is not None:
            self._pipe(self.recogniser, "recogniser")
        if not any(map(self._is_read, get_examples())):
            logger.warning("%s: no document without annotation of names, so there is no loss", self.name)

    def _pipe(self, name: str, setting: str) -> Any:
        if name not in self.nlp.component_names:
            raise InputError(
                f"{self.name!r} needs the component {name!r}, which the pipeline does not have",
                remedy=f"Add it, or set components.{self.name}.{setting}",
            )
        return self.nlp.get_pipe(name)

    def _is_read(self, example: Example) -> bool:
        if not len(example.predicted):
            return False
        return self.labelled or not example.reference.has_annotation("ENT_IOB")

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn from the texts alone, and add to the gradient of the shared encoder.

        The encoder itself is stepped when the component that holds it finishes its update.

        examples (Iterable[Example]): The examples.
        drop (float): Of no use here: dropout is the encoder's.
        sgd (Optimizer | None): The optimizer, or none if the caller finishes the update.
        losses (dict[str, float] | None): Losses by component, added to.
        RETURNS (dict[str, float]): The losses: the mean cross entropy of a masked piece, times `loss_weight`.
        RAISES (ValueError): The component is not initialised.
        """
        from ..layers.cloze import Masking, cloze_loss

        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, f"{type(self).__name__}.update")
        if self.model.shims[0]._model.dense is None:
            raise ValueError(Errors.E109.format(name=self.name))
        docs = [example.predicted for example in examples if self._is_read(example)]
        if not docs:
            return losses
        encoder = self._pipe(self.transformer, "transformer").model
        names = None if self.recogniser is None else self.find_names(docs)
        masking = Masking(self.probability, self.mask_share)
        loss, backprop = cloze_loss(self.model, encoder, docs, masking, self._random, names)
        backprop(self.loss_weight)
        if sgd is not None and sgd is not False:
            self.finish_update(sgd)
        losses[self.name] += loss * self.loss_weight
        return losses

    def find_names(self, docs: list[Doc]) -> list[list[tuple[int, int]]]:
        """Let the name recogniser tag documents with the weights that it has now.

        docs (list[Doc]): The documents; they are not changed.
        RETURNS (list[list[tuple[int, int]]]): First token and token after the last of each name.
        """
        copies = [doc.copy() for doc in docs]
        for pipe in (self._pipe(self.transformer, "transformer"), self._pipe(self.recogniser, "recogniser")):
            pipe.set_annotations(copies, pipe.predict(copies))
        return [[(ent.start, ent.end) for ent in doc.ents] for doc in copies]

    def from_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> "Cloze":
        """Load from a folder, as spaCy's components do; keep the weights there are if it is not there."""
        if not Path(path).exists():
            logger.warning("%s was left out of %s: its head starts anew", self.name, Path(path).parent)
            return self
        return super().from_disk(path, exclude=exclude)


__all__ = ["Cloze", "make_cloze"]
