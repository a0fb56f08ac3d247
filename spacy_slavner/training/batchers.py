"""Batches by what the papers count: sentences, and pieces of the encoder. spaCy has documents and words."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from spacy.training import Example
from spacy.training.batchers import minibatch_by_words

BatcherT = Callable[[Iterable[Example]], Iterator[list[Example]]]


def batch_by_sentences(size: int, tolerance: float = 0.0) -> BatcherT:
    """Make batches of a number of sentences; registered as `spacy-slavner.batch_by_sentences.v1`.

    size (int): Sentences in a batch. A document with more is a batch by itself.
    tolerance (float): Share of the size by which a batch may exceed it.
    RETURNS (Callable[[Iterable[Example]], Iterator[list[Example]]]): The batcher.
    """
    return partial(minibatch_by_words, size=size, tolerance=tolerance, get_length=n_sentences)


def n_sentences(example: Example) -> int:
    """RETURNS (int): The sentences of an example's reference, by the language's rules if none are marked."""
    from ..corpora.sentences import rules_for

    doc = example.reference
    if doc.has_annotation("SENT_START"):
        return max(1, sum(1 for _ in doc.sents))
    return 1 + len(rules_for(doc._.language)(doc.text))


def batch_by_pieces(size: int, encoder: Path, tolerance: float = 0.0) -> BatcherT:
    """Make batches of a number of pieces; registered as `spacy-slavner.batch_by_pieces.v1`.

    size (int): Pieces in a batch, special ones and padding not counted. A document with more is a batch by
        itself.
    encoder (Path): Folder with the encoder, or its name on the model hub: `${paths.encoder}`.
    tolerance (float): Share of the size by which a batch may exceed it.
    RETURNS (Callable[[Iterable[Example]], Iterator[list[Example]]]): The batcher.
    """
    from transformers import AutoTokenizer

    backend = AutoTokenizer.from_pretrained(str(encoder), trust_remote_code=False).backend_tokenizer
    backend.no_truncation()
    backend.no_padding()

    def n_pieces(example: Example) -> int:
        return len(backend.encode(example.reference.text, add_special_tokens=False))

    return partial(minibatch_by_words, size=size, tolerance=tolerance, get_length=n_pieces)
