"""The component `language_id`: the language of a document and of its sentences, and how sure it is."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy
from spacy.errors import Errors
from spacy.language import Language
from spacy.pipeline.trainable_pipe import TrainablePipe
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples, validate_get_examples
from thinc.api import Config, Optimizer, set_dropout_rate
from thinc.types import Floats2d, Ragged

from ..attributes import set_attributes
from ..errors import InputError
from ..types import DocScoresModelT

default_model_config = """
[model]
@architectures = "spacy-slavner.LightLanguageClassifier.v1"
buckets = 262144
longest = 5
max_words = 1000
scale = 60.0
"""
DEFAULT_LANGUAGE_ID_MODEL = Config().from_str(default_model_config)["model"]
LONGEST_SNIPPET = 40


@Language.factory(
    "language_id",
    assigns=[
        "doc._.language",
        "doc._.language_score",
        "span._.language",
        "span._.language_score",
    ],
    default_config={
        "model": DEFAULT_LANGUAGE_ID_MODEL,
        "overwrite": False,
        "snippets": 24,
        "seed": 0,
        "loss_weight": 1.0,
        "sentences": False,
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
    loss_weight: float,
    sentences: bool,
    scorer: Callable | None,
) -> "LanguageId":
    """Make a language identifier.

    model (Model[List[Doc], Floats2d]): Scores (documents, languages) before the softmax.
    overwrite (bool): Whether a language that is known already is replaced.
    snippets (int): Random windows of 1-40 tokens that each document is trained on besides the
        whole. It must be 0 for a model that listens to an encoder, which has not read them.
    seed (int): Seed of the windows.
    loss_weight (float): Factor on the loss: w in the joint loss L = L_SL + w · L_clf of an encoder that is
        shared with a tagger (Emelyanov & Artemova 2019, equation 3, where it is 1).
    sentences (bool): Whether each sentence gets a language, too.
    scorer (Callable | None): The scoring method.
    RETURNS (LanguageId): The component.
    """
    return LanguageId(
        nlp.vocab,
        model,
        name,
        overwrite=overwrite,
        snippets=snippets,
        seed=seed,
        loss_weight=loss_weight,
        sentences=sentences,
        scorer=scorer,
    )


class Languages(NamedTuple):
    """Probabilities of the languages.

    documents (Floats2d): Of the documents (documents, languages).
    sentences (list[Floats2d] | None): Of each document's sentences (sentences, languages), if asked for.
        They mean nothing where a document has no sentence boundaries.
    """

    documents: Floats2d
    sentences: list[Floats2d] | None


class LanguageId(TrainablePipe):
    """Sets `doc._.language` and its probability `doc._.language_score`.

    A language that is known already (set by a reader or another component) stays, and its score is not
    touched: None says that nothing estimated it. An empty document gets no language. With `sentences`,
    `sent._.language` and `sent._.language_score` are set for each `sent` of `doc.sents`, whatever is known
    of the document.

    A model over an encoder scores sentences, learns from the loss of each (the mean over all of a batch),
    and takes the mean of a document's sentences for the document. Any other model reads documents and
    sentences alike.

    vocab (Vocab): The shared vocabulary.
    model (Model[List[Doc], Floats2d]): Scores (documents, languages) before the softmax.
    name (str): Name of the component.
    overwrite (bool): Whether a language that is known already is replaced.
    snippets (int): Random windows of 1-40 tokens that each document is trained on besides the whole.
    seed (int): Seed of the windows.
    loss_weight (float): Factor on the loss and its gradient.
    sentences (bool): Whether each sentence gets a language, too.
    scorer (Callable | None): The scoring method.
    RAISES (InputError): Windows are asked for with a model over an encoder.
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
        loss_weight: float = 1.0,
        sentences: bool = False,
        scorer: Callable | None = None,
    ) -> None:
        set_attributes()
        if snippets and model.has_ref("sentences"):
            raise InputError(
                f"{name!r} listens to an encoder, which has not read random windows of the documents",
                remedy=f"Set components.{name}.snippets to 0",
            )
        self.vocab, self.model, self.name, self.scorer = vocab, model, name, scorer
        self.overwrite, self.snippets = overwrite, snippets
        self.loss_weight, self.sentences = loss_weight, sentences
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

    def predict(self, docs: Iterable[Doc]) -> Languages:
        """Give the probabilities of the languages without changing the documents.

        docs (Iterable[Doc]): The documents.
        RETURNS (Languages): Probabilities (documents, languages), and those of the sentences.
        RAISES (ValueError): The component is not initialised.
        """
        docs = list(docs)
        ops = self.model.ops
        if not self._is_initialized():
            raise ValueError(Errors.E109.format(name=self.name))
        if any(self._wanted(doc) for doc in docs):
            documents = ops.softmax(self.model.predict(docs))
        else:
            documents = ops.alloc2f(len(docs), len(self.labels))
        if not self.sentences:
            return Languages(documents, None)
        scores = self._sentence_scores(docs)
        sentences = ops.unflatten(ops.softmax(scores.dataXd), ops.to_numpy(scores.lengths))
        return Languages(documents, sentences)

    def _sentence_scores(self, docs: list[Doc]) -> Ragged:
        """Scores (sentences, languages) before the softmax, and how many sentences each document has."""
        if self.model.has_ref("sentences"):
            return self.model.get_ref("sentences").predict(docs)
        parts = [
            [_part(doc, sent.start, sent.end) for sent in doc.sents] if _has_sentences(doc) else []
            for doc in docs
        ]
        flat = [part for some in parts for part in some]
        ops = self.model.ops
        scores = self.model.predict(flat) if flat else ops.alloc2f(0, len(self.labels))
        return Ragged(scores, ops.asarray1i([len(some) for some in parts]))

    def _is_initialized(self) -> bool:
        return bool(self.labels) and bool(self.model.has_dim("nO"))

    def _wanted(self, doc: Doc) -> bool:
        return bool(len(doc)) and (self.overwrite or doc._.language is None)

    def set_annotations(self, docs: Iterable[Doc], languages: Languages) -> None:
        """Set the languages and their probabilities where they are wanted.

        docs (Iterable[Doc]): The documents.
        languages (Languages): What `predict` gave.
        """
        docs = list(docs)
        probabilities = self.model.ops.to_numpy(languages.documents)
        for doc, row in zip(docs, probabilities, strict=True):
            if self._wanted(doc):
                self._set(doc, row)
        for doc, rows in zip(docs, languages.sentences or (), strict=bool(languages.sentences)):
            if _has_sentences(doc):
                for sent, row in zip(doc.sents, self.model.ops.to_numpy(rows), strict=True):
                    self._set(sent, row)

    def _set(self, text: Doc | Span, row: numpy.ndarray) -> None:
        # Figures and marks are in no language.
        if any(map(str.isalpha, text.text)):
            best = int(row.argmax())
            text._.language, text._.language_score = self.labels[best], float(row[best])

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
        RETURNS (dict[str, float]): The losses: the mean cross entropy of a text, or of a sentence if the
            model listens to an encoder, times `loss_weight`.
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
        loss, backprop = self._begin_update(texts, golds)
        # Always, also for gradients of zero: an encoder waits for its last listener.
        backprop()
        if sgd is not None and sgd is not False:
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def _begin_update(self, texts: list[Doc], golds: list) -> tuple[float, Callable[[], Any]]:
        """The loss, and the backward pass of its gradient."""
        if not self.model.has_ref("sentences"):
            scores, backprop = self.model.begin_update(texts)
            loss, gradient = self._loss(golds, scores)
            return loss, lambda: backprop(gradient)
        scores, backprop = self.model.get_ref("sentences").begin_update(texts)
        numbers = self.model.ops.to_numpy(scores.lengths)
        golds = [gold for gold, n in zip(golds, numbers, strict=True) for _ in range(n)]
        loss, gradient = self._loss(golds, scores.dataXd)
        return loss, lambda: backprop(Ragged(gradient, scores.lengths))

    def get_loss(self, examples: Iterable[Example], scores: Floats2d) -> tuple[float, Floats2d]:
        """Cross entropy and its gradient.

        examples (Iterable[Example]): The examples.
        scores (Floats2d): Scores (documents, languages) before the softmax.
        RETURNS (Tuple[float, Floats2d]): The mean over documents whose language is known to the
            component, and the gradient (documents, languages); both times `loss_weight`.
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
        gradient = (probabilities - target) * known / count
        return loss * self.loss_weight, ops.asarray2f(gradient * self.loss_weight)

    def _with_snippets(self, docs: list[Doc], gold: list[str | None]) -> tuple[list[Doc], list]:
        """Add random windows to the documents: short texts must be recognised, too."""
        docs, gold = list(docs), list(gold)
        for doc, language in list(zip(docs, gold, strict=True)):
            for _ in range(self.snippets if language and len(doc) else 0):
                # Each doubling of the length is as likely: 1, 2-3, 4-7, … tokens.
                length = min(int((LONGEST_SNIPPET + 1) ** self._random.random()), len(doc))
                start = int(self._random.integers(0, len(doc) - length + 1))
                docs.append(_part(doc, start, start + length))
                gold.append(language)
        return docs, gold


def _part(doc: Doc, start: int, end: int) -> Doc:
    """The text of some tokens as a document of its own, without annotations."""
    tokens = doc[start:end]
    words, spaces = [t.text for t in tokens], [bool(t.whitespace_) for t in tokens]
    return Doc(doc.vocab, words=words, spaces=spaces)


def _has_sentences(doc: Doc) -> bool:
    return bool(len(doc)) and doc.has_annotation("SENT_START")


__all__ = ["LanguageId", "Languages", "make_language_id"]
