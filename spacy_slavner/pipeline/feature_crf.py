"""The component `feature_crf`: names by a CRF over word shapes and affixes, the floor of every table."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import srsly
from spacy.errors import Errors
from spacy.language import Language
from spacy.pipeline.pipe import Pipe
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_get_examples
from spacy.util import ensure_path, from_disk, to_disk

from ..attributes import set_attributes
from ..tagging import Scheme, spans_from_tags
from .names import (
    SCORE_WEIGHTS,
    Entity,
    NameTypes,
    clean_edges,
    gold_names,
    inside_names,
    sentence_starts,
    survey,
    training_starts,
)

if TYPE_CHECKING:
    from ..layers.feature_crf import CrfModel


@Language.factory(
    "feature_crf",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type", "span._.confidence"],
    default_config={
        "scheme": "BIO",
        "word_forms": False,
        "c1": 0.1,
        "c2": 3.0,
        "min_frequency": 2,
        "max_iterations": 50,
        "quote_repair": True,
        "confidence": True,
        "scorer": {"@scorers": "spacy-slavner.bsnlp_scorer.v1"},
    },
    default_score_weights=SCORE_WEIGHTS,
)
def make_feature_crf(
    nlp: Language,
    name: str,
    scheme: str,
    word_forms: bool,
    c1: float,
    c2: float,
    min_frequency: int,
    max_iterations: int,
    quote_repair: bool,
    confidence: bool,
    scorer: Callable | None,
) -> "FeatureCrf":
    """Make a name recogniser without any network. The arguments are those of `FeatureCrf`.

    RETURNS (FeatureCrf): The component.
    """
    return FeatureCrf(
        nlp.vocab,
        name,
        scheme=scheme,
        word_forms=word_forms,
        c1=c1,
        c2=c2,
        min_frequency=min_frequency,
        max_iterations=max_iterations,
        quote_repair=quote_repair,
        confidence=confidence,
        scorer=scorer,
    )


class FeatureCrf(NameTypes, Pipe):
    """The "simple CRF tagger" that Emelyanov & Artemova (2019, section 5.1) compare with.

    They do not describe its features; we read: shapes and affixes of words and their neighbours, see
    `layers.feature_crf`, and not the words themselves, which know the names of the training by heart.
    It learns from all examples at once, when the pipeline is initialised; the training loop has nothing
    to update. Every sentence is one sequence. crfsuite knows no illegal tags, it only never saw them: a
    name that does not begin with B begins where it begins.

    vocab (Vocab): The shared vocabulary.
    name (str): Name of the component.
    scheme (str): Tag scheme: "BIO", "IOB1" or "BIOES".
    word_forms (bool): Whether the words themselves are features as well.
    c1 (float): Factor of the L1 penalty on the weights.
    c2 (float): Factor of the L2 penalty.
    min_frequency (int): Features that are rarer in training are left out.
    max_iterations (int): Most iterations of L-BFGS.
    quote_repair (bool): Whether unpaired quotation marks are taken off names, as `crf_ner` does.
    confidence (bool): Whether to set `span._.confidence`, here the least of the probabilities of the
        name's tags: crfsuite gives those of tags alone, so it is what the name's can at most be.
    scorer (Callable | None): The scoring method.
    """

    def __init__(
        self,
        vocab,
        name: str = "feature_crf",
        *,
        scheme: str = "BIO",
        word_forms: bool = False,
        c1: float = 0.1,
        c2: float = 3.0,
        min_frequency: int = 2,
        max_iterations: int = 50,
        quote_repair: bool = True,
        confidence: bool = True,
        scorer: Callable | None = None,
    ) -> None:
        set_attributes()
        self.vocab, self.name, self.scorer = vocab, name, scorer
        self.c1, self.c2, self.min_frequency = c1, c2, min_frequency
        self.max_iterations = max_iterations
        self.quote_repair, self.confidence = quote_repair, confidence
        # What belongs to the weights and is saved with them.
        self.cfg: dict[str, Any] = {"labels": [], "scheme": Scheme(scheme).name, "word_forms": word_forms}
        self.model: CrfModel | None = None

    @property
    def n_parameters(self) -> int:
        """The number of weights that are not zero."""
        return self.model.n_weights if self.model else 0

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:
        """Train.

        Sentence boundaries are set by the pipeline's `annotating_components`, as they are for the
        updates of other components; without those they are the reference's.

        get_examples (Callable[[], Iterable[Example]]): Gives all examples.
        nlp (Language | None): The pipeline.
        labels (Sequence[str] | None): Types of names; by default those of the examples. Names of
            other types are then taken for ordinary text.
        RAISES (InputError): There are no labels, or python-crfsuite is not installed.
        """
        from ..layers.feature_crf import CrfModel, train_crf

        # To read a corpus takes as long as some of the iterations.
        examples = list(get_examples())
        validate_get_examples(lambda: examples, f"{type(self).__name__}.initialize")
        _, types, skipped = survey(examples)
        self._set_labels(types, skipped, labels)
        data = train_crf(
            self._sentences(examples, _annotating(nlp, self.name)),
            forms=self.cfg["word_forms"],
            c1=self.c1,
            c2=self.c2,
            min_frequency=self.min_frequency,
            max_iterations=self.max_iterations,
        )
        self.model = CrfModel(data, self.cfg["word_forms"])

    def _sentences(
        self, examples: list[Example], annotating: list[Callable[[Doc], Doc]]
    ) -> Iterator[tuple[list[str], list[str]]]:
        """The words and tags of all sentences whose annotation is fully known."""
        for example in examples:
            if not len(example.predicted):
                continue
            for pipe in annotating:
                example.predicted = pipe(example.predicted)
            gold = gold_names(example)
            spans = [span for span in gold.spans if span[2] in self.labels]
            tags = self.scheme.tags_from_spans(len(gold.known), spans)
            words = [token.text for token in example.predicted]
            starts = training_starts(example, gold) & ~inside_names(gold)
            for start, end in _stretches(starts):
                if gold.known[start:end].all():
                    yield words[start:end], tags[start:end]

    def __call__(self, doc: Doc) -> Doc:
        """Find the names of a document.

        doc (Doc): The document.
        RETURNS (Doc): The same document, with `doc.ents`.
        """
        spans = []
        for entity in self.predict(doc):
            span = Span(doc, entity.start, entity.end, label=entity.label)
            if self.confidence:
                span._.confidence = entity.confidence
            spans.append(span)
        doc.set_ents(spans)
        return doc

    def predict(self, doc: Doc) -> list[Entity]:
        """Find names without changing the document.

        doc (Doc): The document.
        RETURNS (list[Entity]): The names, in order.
        RAISES (ValueError): The component is not initialised.
        """
        if self.model is None:
            raise ValueError(Errors.E109.format(name=self.name))
        words = [token.text for token in doc]
        sentences = _stretches(sentence_starts(doc))
        entities = []
        tagged = self.model.tag(words[start:end] for start, end in sentences)
        for (start, _), (tags, marginal) in zip(sentences, tagged, strict=True):
            for first, last, label in spans_from_tags(tags):
                confidence = None
                if self.confidence:
                    confidence = min(marginal(tags[i], i) for i in range(first, last))
                edges = clean_edges(doc, start + first, start + last, self.quote_repair)
                if edges[0] < edges[1]:
                    entities.append(Entity(*edges, label, confidence))
        return entities

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Write to bytes, as spaCy's components do."""
        return srsly.msgpack_dumps({"cfg": self.cfg, "model": self.model.data if self.model else None})

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "FeatureCrf":
        """Load from bytes, as spaCy's components do."""
        data = srsly.msgpack_loads(bytes_data)
        return self._load(data["cfg"], data["model"])

    def to_disk(self, path, *, exclude: Iterable[str] = ()) -> None:
        """Write to a folder: the labels, and the model in crfsuite's own format."""
        writers = {"cfg": lambda p: srsly.write_json(p, self.cfg)}
        if self.model:
            writers["model.crfsuite"] = lambda p: p.write_bytes(self.model.data)
        to_disk(path, writers, exclude)

    def from_disk(self, path, *, exclude: Iterable[str] = ()) -> "FeatureCrf":
        """Load from a folder, as spaCy's components do."""
        found: dict[str, Any] = {"cfg": None, "model": None}
        readers = {"cfg": lambda p: found.update(cfg=srsly.read_json(p))}
        if (ensure_path(path) / "model.crfsuite").is_file():
            readers["model.crfsuite"] = lambda p: found.update(model=Path(p).read_bytes())
        from_disk(path, readers, exclude)
        return self._load(found["cfg"], found["model"])

    def _load(self, cfg: dict[str, Any] | None, model: bytes | None) -> "FeatureCrf":
        from ..layers.feature_crf import CrfModel

        self.cfg = cfg or self.cfg
        self.model = CrfModel(model, self.cfg["word_forms"]) if model else None
        return self._loaded()


def _annotating(nlp: Language | None, name: str) -> list[Callable[[Doc], Doc]]:
    """The components before this one that annotate the documents of the training."""
    if nlp is None or name not in nlp.pipe_names:
        return []
    annotating = nlp.config["training"].get("annotating_components", [])
    before = nlp.pipe_names[: nlp.pipe_names.index(name)]
    return [nlp.get_pipe(pipe) for pipe in before if pipe in annotating]


def _stretches(starts) -> list[tuple[int, int]]:
    """Sentences (start, end) of a document, by whether each token starts one."""
    return list(pairwise([*starts.nonzero()[0].tolist(), len(starts)]))


__all__ = ["FeatureCrf", "make_feature_crf"]
