"""The component `name_normalizer`: the base form of every name, in `span._.base_form`."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import srsly
from spacy.language import Language
from spacy.pipeline.pipe import Pipe
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_get_examples
from spacy.util import logger, minibatch

from ..attributes import set_attributes
from ..errors import InputError
from ..files import whole_folder
from ..normalization.dictionary import Dictionary
from ..normalization.methods import LessonT, Memory, Method, chain
from ..normalization.names import merge, names_of
from ..normalization.transducer import Settings, Transducer

METHODS = ("memory", "dictionary", "learned", "rules")
DEFAULT_METHODS = ["memory", "learned"]
# Signs that a base form has only where the name has them.
_NO_SIGNS = re.compile(r"[\[\]{}<>|\\^~#*=+_]")


@Language.factory(
    "name_normalizer",
    assigns=["span._.base_form"],
    requires=["doc.ents"],
    default_config={
        "methods": DEFAULT_METHODS,
        "certainty": 0.0,
        "learned": {},
        "rules": {},
        "overwrite": False,
        "seed": 0,
        "scorer": {"@scorers": "spacy-slavner.base_form_scorer.v1"},
    },
    default_score_weights={"base_form_acc": 0.0, "base_form_acc_cased": None, "base_form_acc_changed": None},
)
def make_name_normalizer(
    nlp: Language,
    name: str,
    methods: list[str],
    certainty: float,
    learned: dict[str, Any],
    rules: dict[str, Any],
    overwrite: bool,
    seed: int,
    scorer: Callable | None,
) -> NameNormalizer:
    """Make a normaliser of names.

    methods (list[str]): Which methods to ask, in this order, each for what those before do not know:
        "memory", "dictionary" (of places), "learned", "rules". What none knows is copied.
    certainty (float): Share of a form's names in training that must have had one base form for the
        memory to know it; 0 takes the most frequent one in any case.
    learned (dict[str, Any]): Settings of the learned method, see `normalization.transducer.Settings`.
    rules (dict[str, Any]): Settings of the rules, see `normalization.rules.make_rules`.
    overwrite (bool): Whether base forms that are there already are replaced.
    seed (int): Seed of the learned method's training.
    scorer (Callable | None): The scoring method.
    RETURNS (NameNormalizer): The component.
    RAISES (InputError): If there is no such method or setting.
    """
    return NameNormalizer(
        name,
        methods=methods,
        certainty=certainty,
        learned=learned,
        rules=rules,
        overwrite=overwrite,
        seed=seed,
        scorer=scorer,
    )


class NameNormalizer(Pipe):
    """Sets `span._.base_form` of every entity: what a dictionary or an encyclopaedia would call it.

    Memory and the learned method are trained when the pipeline is initialised, from the base forms of the
    training documents; they take no part in updates. Names in a document without language are copied,
    unless the memory has them.

    The arguments are those of `make_name_normalizer`.
    """

    def __init__(
        self,
        name: str = "name_normalizer",
        *,
        methods: Sequence[str] = tuple(DEFAULT_METHODS),
        certainty: float = 0.0,
        learned: dict[str, Any] | None = None,
        rules: dict[str, Any] | None = None,
        overwrite: bool = False,
        seed: int = 0,
        scorer: Callable | None = None,
    ) -> None:
        set_attributes()
        self.name, self.overwrite, self.seed, self.scorer = name, overwrite, seed, scorer
        self.methods: dict[str, Method] = {}
        for method in methods:
            if method not in METHODS or method in self.methods:
                what = f"{name!r} cannot take {method!r} among its methods"
                raise InputError(what, remedy=f"Choose from {', '.join(METHODS)}, each once")
            if method == "memory":
                self.methods[method] = Memory(certainty)
            elif method == "dictionary":
                self.methods[method] = Dictionary()
            elif method == "learned":
                self.methods[method] = Transducer(_settings(learned or {}))
            else:
                from ..normalization.rules import make_rules

                self.methods[method] = make_rules(**(rules or {}))
        self._warned = False

    # --- training

    def initialize(
        self, get_examples: Callable[[], Iterable[Example]], *, nlp: Language | None = None
    ) -> None:
        """Train memory and the learned method on the examples' base forms.

        Parts of one document, as `spacy-slavner.Corpus.v1` gives them, are put together again.

        get_examples (Callable[[], Iterable[Example]]): Gives all training examples.
        nlp (Language | None): The pipeline.
        RAISES (InputError): If a method must be trained and no name has a base form.
        """
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        trainable = [method for method in self.methods.values() if hasattr(method, "learn")]
        if not trainable:
            return
        lessons = lessons_of(example.reference for example in get_examples())
        counts = Counter(base is not None for _, bases in lessons for base in bases)
        if not counts[True]:
            raise InputError(
                f"{self.name!r} cannot learn: no name of the training documents has a base form",
                remedy="Train on a corpus with base forms, or give this component the methods ['rules']",
            )
        logger.info("%s: %d names with base form, %d without", self.name, counts[True], counts[False])
        for method in trainable:
            told = method.learn(lessons, seed=self.seed)
            if told:
                text = ", ".join(f"{number} {what}" for what, number in sorted(told.items()))
                logger.info("%s: the learned method learned from: %s", self.name, text)

    # --- prediction

    def __call__(self, doc: Doc) -> Doc:
        """Set the base forms of a document's names.

        doc (Doc): The document.
        RETURNS (Doc): The same document.
        """
        self._annotate([doc])
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Set the base forms in a stream of documents.

        stream (Iterable[Doc]): The documents.
        batch_size (int): Documents whose names are read at once.
        YIELDS (Doc): The documents in the same order.
        """
        handler = self.get_error_handler()
        for docs in minibatch(stream, batch_size):
            try:
                self._annotate(docs)
            except Exception as error:
                handler(self.name, self, docs, error)
            yield from docs

    def predict(self, docs: Iterable[Doc]) -> list[list[str]]:
        """Give the base forms of the names without changing the documents.

        docs (Iterable[Doc]): The documents.
        RETURNS (list[list[str]]): For each document the base form of each entity.
        """
        return chain(self.methods.values(), [names_of(doc) for doc in docs])

    def _annotate(self, docs: Sequence[Doc]) -> None:
        wanted = [doc for doc in docs if any(self._wanted(ent) for ent in doc.ents)]
        if any(doc._.language is None for doc in wanted) and not self._warned:
            self._warned = True
            warnings.warn(
                f"{self.name!r}: names in documents without language keep their form. "
                "Set doc._.language, or put 'language_id' before this component.",
                stacklevel=2,
            )
        for doc, bases in zip(wanted, self.predict(wanted), strict=True):
            for ent, base in zip(doc.ents, bases, strict=True):
                if self._wanted(ent):
                    ent._.base_form = base

    def _wanted(self, ent: Span) -> bool:
        return self.overwrite or ent._.base_form is None

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): What the scorer gives; nothing without one."""
        return self.scorer(examples, **kwargs) if self.scorer else {}

    # --- input and output

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """RETURNS (bytes): What was learned, as msgpack."""
        saved = {
            key: method.to_bytes() for key, method in self.methods.items() if hasattr(method, "to_bytes")
        }
        return srsly.msgpack_dumps(saved)

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> NameNormalizer:
        """Take over what was learned.

        data (bytes): What `to_bytes` gave.
        RETURNS (NameNormalizer): This component.
        """
        for key, value in srsly.msgpack_loads(data).items():
            if key in self.methods:
                self.methods[key].from_bytes(value)
        return self

    def to_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> None:
        """Save what was learned, one file per method.

        path (Path | str): The folder.
        """
        with whole_folder(path) as folder:
            for key, method in self.methods.items():
                if hasattr(method, "to_bytes"):
                    (folder / f"{key}.msgpack").write_bytes(method.to_bytes())

    def from_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> NameNormalizer:
        """Load what `to_disk` saved.

        path (Path | str): The folder.
        RETURNS (NameNormalizer): This component.
        RAISES (InputError): If the file of a method is missing.
        """
        for key, method in self.methods.items():
            if hasattr(method, "from_bytes"):
                file = Path(path) / f"{key}.msgpack"
                if not file.is_file():
                    raise InputError("The pipeline lacks a file of its name_normalizer", path=file)
                method.from_bytes(file.read_bytes())
        return self


def _settings(given: dict[str, Any]) -> Settings:
    """Settings of the learned method from a config."""
    try:
        return Settings(**given)
    except TypeError as error:
        known = ", ".join(Settings.__dataclass_fields__)
        what = f"A setting of the learned method is not known ({error})"
        raise InputError(what, remedy=f"Choose from {known}") from None


def _base_of(ent: Span) -> str | None:
    """The annotated base form of a name; None if there is none, or a slip of the keyboard ("Ки[в")."""
    base = (ent._.base_form or "").strip()
    return base if base and set(_NO_SIGNS.findall(base)) <= set(ent.text) else None


def lessons_of(docs: Iterable[Doc]) -> list[LessonT]:
    """Collect names and their base forms from annotated documents.

    docs (Iterable[Doc]): The documents, or parts of documents in their order.
    RETURNS (list[tuple[Text, list[str | None]]]): Texts and the base form of each name, None where it
        is not annotated.
    """
    parts: dict[Any, list[LessonT]] = {}
    for number, doc in enumerate(docs):
        key = (doc._.source, doc._.doc_id) if doc._.source and doc._.doc_id else number
        text = names_of(doc)
        text.group = doc._.topic or str(key)
        parts.setdefault(key, []).append((text, [_base_of(ent) for ent in doc.ents]))
    return [
        (merge(text for text, _ in found), [base for _, bases in found for base in bases])
        for found in parts.values()
    ]


def make_base_form_scorer() -> Callable[..., dict[str, Any]]:
    """Create the scorer of base forms, `spacy-slavner.base_form_scorer.v1`.

    RETURNS (Callable): See `score_base_forms`.
    """
    return score_base_forms


def score_base_forms(examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
    """Score base forms of the names that were found where the reference has them, whatever their type.

    examples (Iterable[Example]): Predictions and references; names without base form in the reference
        are left out.
    RETURNS (dict[str, Any]): "base_form_acc", the share of equal base forms in small letters (as
        the official evaluator compares them), "base_form_acc_cased", the share of equal ones, and
        "base_form_acc_changed", the first among names whose base form is not their form. None where
        there is nothing to score.
    """
    counts: Counter[str] = Counter()
    for example in examples:
        found = {(ent.start_char, ent.end_char): ent._.base_form for ent in example.predicted.ents}
        for ent in example.reference.ents:
            gold, base = (ent._.base_form or "").strip(), found.get((ent.start_char, ent.end_char))
            if not gold or base is None:
                continue
            right = base.lower() == gold.lower()
            counts["all"] += 1
            counts["right"] += right
            counts["cased"] += base == gold
            if gold.lower() != ent.text.lower():
                counts["changed"] += 1
                counts["changed right"] += right

    def share(part: str, whole: str) -> float | None:
        return counts[part] / counts[whole] if counts[whole] else None

    return {
        "base_form_acc": share("right", "all"),
        "base_form_acc_cased": share("cased", "all"),
        "base_form_acc_changed": share("changed right", "changed"),
    }


__all__ = ["NameNormalizer", "lessons_of", "make_name_normalizer", "score_base_forms"]
