"""The component `language_id`: the language of a document, and how sure it is."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy
from spacy.errors import Errors
from spacy.language import Language
from spacy.pipeline.trainable_pipe import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from thinc.api import Config, Optimizer, set_dropout_rate
from thinc.types import Floats2d

from ..attributes import set_attributes
from ..errors import InputError
from ..types import DocScoresModelT

default_model_config = """
[model]
@architectures = "spacy-slavner.LightLanguageClassifier.v1"
buckets = 65536
longest = 4
max_words = 1000
scale = 60.0
"""
DEFAULT_LANGUAGE_ID_MODEL = Config().from_str(default_model_config)["model"]
LONGEST_SNIPPET = 40


@Language.factory(
    "language_id",
    assigns=["doc._.language", "doc._.language_score"],
    default_config={
        "model": DEFAULT_LANGUAGE_ID_MODEL,
        "overwrite": False,
        "snippets": 8,
        "seed": 0,
        "scorer": {"@scorers": "spacy-slavner.language_scorer.v1"},
    },
    default_score_weights={"lang_acc": 0.0, "lang_per_type": None},
)
def make_language_id(
    nlp: Language,
    name: str,
    model: DocScoresModelT,
    overwrite: bool,
    snippets: int,
    seed: int,
    scorer: Callable | None,
) -> "LanguageId":
    """Make a language identifier.

    model (Model[List[Doc], Floats2d]): Scores (documents, languages) before the softmax.
    overwrite (bool): Whether a language that is known already is replaced.
    snippets (int): Random windows of 1-40 tokens that each document is trained on besides the
        whole. Set it to 0 for a model that listens to an encoder.
    seed (int): Seed of the windows.
    scorer (Callable | None): The scoring method.
    RETURNS (LanguageId): The component.
    """
    return LanguageId(
        nlp.vocab, model, name, overwrite=overwrite, snippets=snippets, seed=seed, scorer=scorer
    )


class LanguageId(TrainablePipe):
    """Sets `doc._.language` and its probability `doc._.language_score`.

    A language that is known already (set by a reader) stays, and its score is not touched: None
    says that nothing estimated it. An empty document gets no language.

    vocab (Vocab): The shared vocabulary.
    model (Model[List[Doc], Floats2d]): Scores (documents, languages) before the softmax.
    name (str): Name of the component.
    overwrite (bool): Whether a language that is known already is replaced.
    snippets (int): Random windows of 1-40 tokens that each document is trained on besides the whole.
    seed (int): Seed of the windows.
    scorer (Callable | None): The scoring method.
    """

    def __init__(
        self,
        vocab,
        model: DocScoresModelT,
        name: str = "language_id",
        *,
        overwrite: bool = False,
        snippets: int = 0,
        seed: int = 0,
        scorer: Callable | None = None,
    ) -> None:
        set_attributes()
        self.vocab, self.model, self.name, self.scorer = vocab, model, name, scorer
        self.overwrite, self.snippets = overwrite, snippets
        self._random = numpy.random.default_rng(seed)
        self.cfg: dict[str, Any] = {"labels": []}

    @property
    def labels(self) -> tuple[str, ...]:
        """The languages."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> list[str]:
        """The languages, as `[initialize.components.….labels]` takes them."""
        return list(self.cfg["labels"])

    def add_label(self, label: str) -> int:
        """Add a language; possible until the model is initialised.

        label (str): The language, ISO 639-1.
        RETURNS (int): 1, or 0 if it is there already.
        RAISES (ValueError): The label is no string, or the model has its size already.
        """
        if not isinstance(label, str):
            raise ValueError(Errors.E187)
        if label in self.cfg["labels"]:
            return 0
        if self.model.has_dim("nO"):
            raise ValueError(Errors.E922.format(name=self.name, nO=self.model.get_dim("nO")))
        self.cfg["labels"].append(label)
        return 1

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:
        """Set the languages and the size of the model.

        get_examples (Callable[[], Iterable[Example]]): Gives examples.
        nlp (Language | None): The pipeline.
        labels (Sequence[str] | None): Languages; by default those of the examples, sorted.
        RAISES (InputError): There are no languages.
        """
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        docs, found = [], set()
        for example in get_examples():
            if len(docs) < 10:
                docs.append(example.reference)
            found.add(example.reference._.language)
        for label in sorted(found - {None}) if labels is None else labels:
            if label not in self.cfg["labels"]:
                self.cfg["labels"].append(label)
        if not self.labels:
            raise InputError(
                f"no languages for {self.name!r}: no example has one",
                remedy=f"Set doc._.language, or initialize.components.{self.name}.labels",
            )
        Y = self.model.ops.alloc2f(len(docs), len(self.labels))
        self.model.initialize(X=docs, Y=Y)

    def predict(self, docs: Iterable[Doc]) -> Floats2d:
        """Give the probabilities of the languages without changing the documents.

        docs (Iterable[Doc]): The documents.
        RETURNS (Floats2d): Probabilities (documents, languages).
        RAISES (ValueError): The component is not initialised.
        """
        docs = list(docs)
        if not self._is_initialized():
            raise ValueError(Errors.E109.format(name=self.name))
        if not any(self._wanted(doc) for doc in docs):
            return self.model.ops.alloc2f(len(docs), len(self.labels))
        return self.model.ops.softmax(self.model.predict(docs))

    def _is_initialized(self) -> bool:
        return bool(self.labels) and bool(self.model.has_dim("nO"))

    def _wanted(self, doc: Doc) -> bool:
        return bool(len(doc)) and (self.overwrite or doc._.language is None)

    def set_annotations(self, docs: Iterable[Doc], scores: Floats2d) -> None:
        """Set the language and its probability where they are wanted.

        docs (Iterable[Doc]): The documents.
        scores (Floats2d): What `predict` gave (documents, languages).
        """
        probabilities = self.model.ops.to_numpy(scores)
        for doc, row in zip(docs, probabilities, strict=True):
            if self._wanted(doc):
                best = int(row.argmax())
                doc._.language, doc._.language_score = self.labels[best], float(row[best])

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn from the references' languages. Documents without one give no loss.

        examples (Iterable[Example]): The examples.
        drop (float): Dropout.
        sgd (Optimizer | None): The optimizer, or none if the caller finishes the update.
        losses (dict[str, float] | None): Losses by component, added to.
        RETURNS (dict[str, float]): The losses: the mean cross entropy of a text.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, f"{type(self).__name__}.update")
        if not any(len(example.predicted) for example in examples):
            return losses
        set_dropout_rate(self.model, drop)
        docs = [example.predicted for example in examples]
        gold = [example.reference._.language for example in examples]
        texts, golds = self._with_snippets(docs, gold)
        scores, backprop = self.model.begin_update(texts)
        loss, gradient = self._loss(golds, scores)
        # Always, also for gradients of zero: an encoder waits for its last listener.
        backprop(gradient)
        if sgd is not None and sgd is not False:
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def get_loss(self, examples: Iterable[Example], scores: Floats2d) -> tuple[float, Floats2d]:
        """Cross entropy and its gradient.

        examples (Iterable[Example]): The examples.
        scores (Floats2d): Scores (documents, languages) before the softmax.
        RETURNS (Tuple[float, Floats2d]): The mean over documents whose language is known to the
            component, and the gradient (documents, languages).
        """
        return self._loss([example.reference._.language for example in examples], scores)

    def _loss(self, gold: list[str | None], scores: Floats2d) -> tuple[float, Floats2d]:
        ops = self.model.ops
        target = numpy.zeros((len(gold), len(self.labels)), dtype="f")
        for i, language in enumerate(gold):
            if language in self.cfg["labels"]:
                target[i, self.cfg["labels"].index(language)] = 1
        known = target.sum(axis=1, keepdims=True)
        count = max(known.sum(), 1)
        probabilities = ops.to_numpy(ops.softmax(scores))
        loss = -float((target * numpy.log(probabilities.clip(1e-12))).sum() / count)
        return loss, ops.asarray2f((probabilities - target) * known / count)

    def _with_snippets(self, docs: list[Doc], gold: list[str | None]) -> tuple[list[Doc], list]:
        """Add random windows to the documents: short texts must be recognised, too."""
        docs, gold = list(docs), list(gold)
        for doc, language in list(zip(docs, gold, strict=True)):
            for _ in range(self.snippets if language and len(doc) else 0):
                # Each doubling of the length is as likely: 1, 2-3, 4-7, … tokens.
                length = min(int((LONGEST_SNIPPET + 1) ** self._random.random()), len(doc))
                start = int(self._random.integers(0, len(doc) - length + 1))
                tokens = doc[start : start + length]
                words = [token.text for token in tokens]
                spaces = [bool(token.whitespace_) for token in tokens]
                docs.append(Doc(doc.vocab, words=words, spaces=spaces))
                gold.append(language)
        return docs, gold


__all__ = ["LanguageId", "make_language_id"]
