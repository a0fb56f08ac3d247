"""The component `crf_ner`: names by tags, from a CRF or a softmax over the vectors of any encoder."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy
from spacy.errors import Errors
from spacy.language import Language
from spacy.pipeline.trainable_pipe import TrainablePipe
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples, validate_get_examples
from thinc.api import Config, Optimizer, set_dropout_rate

from ..attributes import set_attributes
from ..errors import InputError
from ..tagging import Scheme
from ..types import EmissionsModelT
from .agreement import agree
from .names import (
    SCORE_WEIGHTS,
    Entity,
    Gold,
    NameTypes,
    clean_edges,
    gold_names,
    inside_names,
    sentence_starts,
    survey,
    training_starts,
)
from .words import Words

if TYPE_CHECKING:
    from ..layers.crf import Sequences

default_model_config = """
[model]
@architectures = "spacy-slavner.CrfTagger.v1"
dropout = 0.1

[model.tok2vec]
@architectures = "spacy-slavner.TransformerListener.v1"
grad_factor = 1.0
upstream = "*"

[model.tok2vec.pooling]
@layers = "reduce_first.v1"
"""
DEFAULT_CRF_NER_MODEL = Config().from_str(default_model_config)["model"]


@Language.factory(
    "crf_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type", "span._.confidence", "doc._.ner_nbest"],
    default_config={
        "model": DEFAULT_CRF_NER_MODEL,
        "scheme": "BIO",
        "unit": "token",
        "quote_repair": True,
        "document_vote": False,
        "confidence": True,
        "nbest": 0,
        "max_sentence": 512,
        "scorer": {"@scorers": "spacy-slavner.bsnlp_scorer.v1"},
    },
    default_score_weights=SCORE_WEIGHTS,
)
def make_crf_ner(
    nlp: Language,
    name: str,
    model: EmissionsModelT,
    scheme: str,
    unit: str,
    quote_repair: bool,
    document_vote: bool,
    confidence: bool,
    nbest: int,
    max_sentence: int,
    scorer: Callable | None,
) -> "CrfNer":
    """Make a name recogniser.

    model (Model[List[Doc], List[Floats2d]]): A tagger: emissions, and what decodes them as its head.
    scheme (str): Tag scheme: "BIO", "IOB1" or "BIOES".
    unit (str): What is tagged: "token", or "piece" if the model gives the vectors of all pieces.
    quote_repair (bool): Whether unpaired quotation marks are taken off the edges of names.
    document_vote (bool): Whether the occurrences of a name in a document agree.
    confidence (bool): Whether to set `span._.confidence`.
    nbest (int): How many alternatives to set in `doc._.ner_nbest`; 0 sets none.
    max_sentence (int): A longer sentence is cut after this many tokens.
    scorer (Callable | None): The scoring method.
    RETURNS (CrfNer): The component.
    """
    return CrfNer(
        nlp.vocab,
        model,
        name,
        scheme=scheme,
        unit=unit,
        quote_repair=quote_repair,
        document_vote=document_vote,
        confidence=confidence,
        nbest=nbest,
        max_sentence=max_sentence,
        scorer=scorer,
    )


class Prediction(NamedTuple):
    """What is found in a document.

    entities (list[Entity]): The names, in order.
    nbest (list[list[dict]] | None): As `doc._.ner_nbest`, or None if it was not asked for.
    """

    entities: list[Entity]
    nbest: list[list[dict[str, Any]]] | None = None


class CrfNer(NameTypes, TrainablePipe):
    """Finds names: every sentence is one sequence of tags, and no illegal tags are ever given.

    Set sentence boundaries before this component; where there are none, the document is one
    sequence. In training, the reference's boundaries are taken where the predicted Doc has none.

    vocab (Vocab): The shared vocabulary.
    model (Model[List[Doc], List[Floats2d]]): A CRF tagger or a softmax tagger.
    name (str): Name of the component.
    scheme (str): Tag scheme: "BIO", "IOB1" or "BIOES". Emelyanov & Artemova (2019, sections 4.1 and 3.1.1)
        have "IOB markup (Ramshaw and Marcus, 1995)", which is IOB1, but "keep “B” (“Begin”) prefix": read
        as BIO.
    unit (str): "token", or "piece" (Emelyanov & Artemova, 2019, sections 3.1.1 and 3.2): every piece is
        tagged, those that continue a token with X, and a token has the tag that most of its pieces have, X
        apart; see `layers.units.Units.elect`. Their "supporting labels “pad” and “[CLS]”" (section 3.1.5)
        are left out: they carry no name. The model's vectors are then those of `spacy-slavner.AllPieces.v1`.
        To tag tokens by their first piece, pool with `reduce_first.v1`.
    quote_repair (bool): Whether unpaired quotation marks are taken off names, see `repair_quotes`.
    document_vote (bool): Whether all occurrences of a name in a document get one type, and people's names
        are whole in all of them, see `agreement.agree`. For stories about one thing; not for lists of
        results, say, where a city is also its football club.
    confidence (bool): Whether to set `span._.confidence`: with a CRF, the probability that the name stands
        there with these edges and this type; with a softmax, the product of its tokens' probabilities of
        their tags. A name that lost a quotation mark keeps the probability of what was decoded.
    nbest (int): How many of the most likely ways to tag a sentence are set in `doc._.ner_nbest`, 0 for none
        (Emelyanov & Artemova, 2019, section 3.1.5, take 11). That is a list with one list per sentence, of
        at most so many alternatives, the most likely first: dicts of "probability", that of the whole
        sentence's tags, and "spans", a list of (start, end, label) in tokens of the document. Alternatives
        are legal and differ in their spans; neither their edges nor their types are repaired. With a CRF
        the first one is what `doc.ents` is made of; with a softmax it need not be, since there the best tags
        of single tokens are repaired. Where pieces are tagged, the first one is what the likeliest tags mean;
        another may be likelier in sum, since many tags of pieces mean the same. A sentence that is cut for
        its length counts as several.
    max_sentence (int): A longer sentence is cut after this many tokens.
    scorer (Callable | None): The scoring method.
    """

    def __init__(
        self,
        vocab,
        model: EmissionsModelT,
        name: str = "crf_ner",
        *,
        scheme: str = "BIO",
        unit: str = "token",
        quote_repair: bool = True,
        document_vote: bool = False,
        confidence: bool = True,
        nbest: int = 0,
        max_sentence: int = 512,
        scorer: Callable | None = None,
    ) -> None:
        set_attributes()
        self.vocab, self.model, self.name, self.scorer = vocab, model, name, scorer
        self.quote_repair, self.document_vote = quote_repair, document_vote
        self.confidence = confidence
        if model.attrs.get("unit", "token") != unit:
            raise InputError(
                f"{name!r} tags each {unit}, but its model gives one vector per {model.attrs.get('unit')}",
                remedy='unit = "piece" goes with the architecture spacy-slavner.AllPieces.v1 as tok2vec, '
                'unit = "token" with any other',
            )
        self.unit = unit
        self.nbest, self.max_sentence = nbest, max_sentence
        # What belongs to the weights and is saved with them.
        self.cfg: dict[str, Any] = {"labels": [], "scheme": Scheme(scheme).name}

    def add_label(self, label: str) -> int:
        """Add a type of names; possible until the model is initialised.

        label (str): The type.
        RETURNS (int): 1, or 0 if it is there already.
        RAISES (ValueError): The label is no string, or the model has its size already.
        """
        if not isinstance(label, str):
            raise ValueError(Errors.E187)
        if label in self.cfg["labels"]:
            return 0
        if self._is_initialized():
            raise ValueError(Errors.E922.format(name=self.name, nO=len(self.labels)))
        self.cfg["labels"].append(label)
        self.vocab.strings.add(label)
        return 1

    def _is_initialized(self) -> bool:
        return bool(self.model.get_ref("head").has_dim("nO"))

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:
        """Set the labels, build the model, and say what the examples cannot teach.

        get_examples (Callable[[], Iterable[Example]]): Gives examples.
        nlp (Language | None): The pipeline.
        labels (Sequence[str] | None): Types of names; by default those of the examples. Names of
            other types are then taken for ordinary text.
        RAISES (InputError): There are no labels.
        """
        from ..layers.crf import set_scheme

        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        docs, types, skipped = survey(get_examples())
        self._set_labels(types, skipped, labels)
        head = self.model.get_ref("head")
        head.set_dim("nO", len(self.scheme.labels(self.labels)) + (self.unit == "piece"))
        self.model.initialize(X=docs or [Doc(self.vocab, words=["a"])])
        set_scheme(head, self.scheme, self.labels, self.unit)

    def predict(self, docs: Iterable[Doc]) -> list[Prediction]:
        """Find names without changing the documents.

        Where `doc._.annotated_types` is set, names of other types are left out: the mask of one corpus's
        types, in which they are ordinary text, in a model that knows those of several.

        docs (Iterable[Doc]): The documents.
        RETURNS (list[Prediction]): What is found in each document.
        RAISES (ValueError): The component is not initialised.
        RAISES (InputError): It listens to a transformer that has not read a document.
        """
        from ..layers.crf import find_names

        docs = list(docs)
        if not self._is_initialized():
            raise ValueError(Errors.E109.format(name=self.name))
        words = Words(docs)
        if not any(words.lengths):
            return [Prediction([], [] if self.nbest else None) for _ in docs]
        self._require_vectors(docs)
        emissions = words.take(self.model.predict(docs))
        sequences = self._sequences(words.starts([sentence_starts(doc) for doc in docs]))
        head = self.model.get_ref("head")
        names = find_names(head, emissions, sequences, confidence=self.confidence)
        entities = self._entities(docs, words, names)
        if not self.nbest:
            return [Prediction(found) for found in entities]
        nbest = self._alternatives(docs, words, emissions, sequences)
        return [Prediction(*both) for both in zip(entities, nbest, strict=True)]

    def _require_vectors(self, docs: list[Doc]) -> None:
        """Without vectors a listener gives zeros, in which names are found all the same."""
        if not any(node.name == "transformer-listener" for node in self.model.walk()):
            return
        if any(len(doc) and doc._.trf_data is None for doc in docs):
            remedy = (
                "Run the transformer before it; after the pipeline has run, its doc_cleaner has removed them"
            )
            raise InputError(f"{self.name!r} has no vectors for a document", remedy=remedy)

    def _alternatives(
        self, docs: list[Doc], words: Words, emissions: list, sequences: "Sequences"
    ) -> list[list[list[dict[str, Any]]]]:
        """The n best ways to tag each sentence, sorted by document."""
        from ..layers.crf import find_alternatives

        types = self._types_of_tags()
        ends = numpy.cumsum([len(doc) for doc in docs])
        owners = numpy.searchsorted(ends, words.tokens[sequences.starts], side="right").tolist()
        found = find_alternatives(self.model.get_ref("head"), emissions, sequences, self.nbest)
        result: list[list[list[dict[str, Any]]]] = [[] for _ in docs]
        for owner, alternatives in zip(owners, found, strict=True):
            offset = int(ends[owner]) - len(docs[owner])
            result[owner].append(
                [
                    {
                        "probability": probability,
                        "spans": [
                            (int(words.tokens[s]) - offset, int(words.tokens[e - 1]) + 1 - offset, types[tag])
                            for s, e, tag in spans
                        ],
                    }
                    for probability, spans in alternatives
                ]
            )
        return result

    def _types_of_tags(self) -> list[str]:
        return [tag.partition("-")[2] for tag in self.scheme.labels(self.labels)]

    def _entities(self, docs: list[Doc], words: Words, names) -> list[list[Entity]]:
        """Sort names by document, and apply the rules for their edges and types."""
        starts, after = words.spans(names.starts, names.ends)
        ends = numpy.cumsum([len(doc) for doc in docs])
        owners = numpy.searchsorted(ends, starts, side="right").tolist()
        confidences = names.confidences
        if confidences is None:
            confidences = numpy.full(len(names.starts), None)
        types = self._types_of_tags()
        result: list[list[Entity]] = [[] for _ in docs]
        for owner, start, end, tag, confidence in zip(
            owners, *(column.tolist() for column in (starts, after, names.tags, confidences)), strict=True
        ):
            doc = docs[owner]
            offset = int(ends[owner]) - len(doc)
            start, end = clean_edges(doc, start - offset, end - offset, self.quote_repair)
            wanted = doc._.annotated_types
            if start < end and (wanted is None or types[tag] in wanted):
                result[owner].append(Entity(start, end, types[tag], confidence))
        if self.document_vote:
            return [agree(doc, found) for doc, found in zip(docs, result, strict=True)]
        return result

    def set_annotations(self, docs: Iterable[Doc], predictions: list[Prediction]) -> None:
        """Set `doc.ents`, overwriting what was there, `span._.confidence` and `doc._.ner_nbest`.

        docs (Iterable[Doc]): The documents.
        predictions (list[Prediction]): What `predict` gave.
        """
        for doc, (found, nbest) in zip(docs, predictions, strict=True):
            if nbest is not None:
                doc._.ner_nbest = nbest
            spans = [Span(doc, start, end, label=label) for start, end, label, _ in found]
            doc.set_ents(spans)
            if self.confidence:
                for span, entity in zip(spans, found, strict=True):
                    span._.confidence = entity.confidence

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn from examples. Sentences whose annotation is not fully known give no loss.

        Where the reference's `doc._.annotated_types` is set, a token outside of names may have a name of any
        other type: the likelihood is that of all such tags together, as in partially annotated data.

        examples (Iterable[Example]): The examples.
        drop (float): Dropout of thinc layers; that of the head is in its architecture.
        sgd (Optimizer | None): The optimizer, or none if the caller finishes the update.
        losses (dict[str, float] | None): Losses by component, added to.
        RETURNS (dict[str, float]): The losses: mean negative log likelihood of a
            sentence with a CRF, of a token with a softmax.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, f"{type(self).__name__}.update")
        if not any(len(example.predicted) for example in examples):
            return losses
        set_dropout_rate(self.model, drop)
        emissions, backprop = self.model.begin_update([eg.predicted for eg in examples])
        loss, gradient = self.get_loss(examples, emissions)
        # Always, also for gradients of zero: an encoder waits for its last listener.
        backprop(gradient)
        if sgd is not None and sgd is not False:
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def get_loss(self, examples: Iterable[Example], emissions: list) -> tuple[float, list]:
        """Loss and its gradient; that of the transition scores goes to the model at once.

        examples (Iterable[Example]): The examples.
        emissions (List[Floats2d]): Emissions (tokens, tags) of each example.
        RETURNS (Tuple[float, List[Floats2d]]): The mean over sentences (with a softmax, over
            tokens), and the gradient.
        """
        from ..layers.crf import Sequences, tagging_loss

        examples = list(examples)
        words = Words([example.predicted for example in examples])
        golds = [gold_names(example) for example in examples]
        starts = [training_starts(eg, gold) for eg, gold in zip(examples, golds, strict=True)]
        golds = words.golds(golds)
        sequences = self._sequences(words.starts(starts), joined=[inside_names(gold) for gold in golds])
        known = numpy.concatenate([gold.known for gold in golds])
        whole = numpy.logical_and.reduceat(known, sequences.starts).nonzero()[0]
        sequences = Sequences(sequences.starts[whole], sequences.lengths[whole])
        tags = self._tags(golds, sequences)
        free = self._free_tags(examples, words, tags)
        head = self.model.get_ref("head")
        loss, gradient = tagging_loss(head, words.take(emissions), sequences, tags, free)
        return loss, words.put(gradient, emissions)

    def _free_tags(self, examples: list[Example], words: Words, tags: numpy.ndarray) -> numpy.ndarray | None:
        """The tags that words outside of names may have, where a corpus does not annotate all types.

        RETURNS (numpy.ndarray | None): For the batch (words, tags), bool; None if there are none.
        """
        types = [example.reference._.annotated_types for example in examples]
        if all(some is None or set(self.labels) <= set(some) for some in types):
            return None
        of_tags = self._types_of_tags() + [""] * (self.unit == "piece")
        rows = [[some is not None and t != "" and t not in some for t in of_tags] for some in types]
        return numpy.repeat(numpy.array(rows, dtype=bool), words.lengths, axis=0) & (tags == 0)[:, None]

    def _tags(self, golds: list[Gold], sequences: "Sequences") -> numpy.ndarray:
        """The gold tag of each word of the batch (words,), "O" outside of the sequences."""
        ids = {tag: i for i, tag in enumerate(self.scheme.labels(self.labels))}
        offsets = numpy.cumsum([0, *(len(gold.known) for gold in golds)])
        tags = numpy.zeros(offsets[-1], dtype="int64")
        labels = set(self.labels)
        spans = [
            (start + offset, end + offset, label)
            for gold, offset in zip(golds, offsets[:-1].tolist(), strict=True)
            for start, end, label in gold.spans
            if label in labels
        ]
        # The sequence that a span is in, if it is in any.
        order = sequences.starts.argsort()
        starts, lengths = sequences.starts[order].tolist(), sequences.lengths[order].tolist()
        rows = numpy.searchsorted(starts, [span[0] for span in spans], side="right") - 1
        by_row: dict[int, list[tuple[int, int, str]]] = {}
        for row, (start, end, label) in zip(rows.tolist(), spans, strict=True):
            if row >= 0 and end <= starts[row] + lengths[row]:
                by_row.setdefault(row, []).append((start - starts[row], end - starts[row], label))
        for row, inside in by_row.items():
            names = self.scheme.tags_from_spans(lengths[row], inside)
            tags[starts[row] : starts[row] + lengths[row]] = [ids[tag] for tag in names]
        return tags

    def _sequences(
        self, starts: list[numpy.ndarray], joined: list[numpy.ndarray] | None = None
    ) -> "Sequences":
        """Cut documents into sentences, and sentences that are too long.

        starts (list[numpy.ndarray]): Per document, whether a word starts a sentence, bool.
        joined (list[numpy.ndarray] | None): Per document, whether a word must not start one.
        RETURNS (Sequences): The sequences; empty documents have none.
        """
        from ..layers.crf import Sequences

        flags = numpy.concatenate(starts) if starts else numpy.zeros(0, dtype=bool)
        first = flags.nonzero()[0]
        lengths = numpy.diff(first, append=len(flags))
        for start, length in zip(first.tolist(), lengths.tolist(), strict=True):
            if length > self.max_sentence:
                flags[start : start + length : self.max_sentence] = True
        if joined is not None:
            flags &= ~numpy.concatenate(joined)
        first = flags.nonzero()[0]
        return Sequences(first, numpy.diff(first, append=len(flags)))

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "CrfNer":
        """Load from bytes, as spaCy's components do."""
        super().from_bytes(bytes_data, exclude=exclude)
        return self._loaded()

    def from_disk(self, path, *, exclude: Iterable[str] = ()) -> "CrfNer":
        """Load from a folder, as spaCy's components do."""
        super().from_disk(path, exclude=exclude)
        return self._loaded()


__all__ = ["CrfNer", "Prediction", "make_crf_ner"]
