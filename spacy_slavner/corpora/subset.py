"""Parts of corpora: a seeded choice of documents, and short snippets as people type them in a search."""

import random
from collections.abc import Iterable, Iterator

from spacy.tokens import Doc, Span

from .sources import set_origin
from .splits import _fraction, document_key


def subset(docs: Iterable[Doc], number: int, seed: int = 0) -> list[Doc]:
    """Choose documents by the hash of seed and name, so that a larger choice contains a smaller one.

    docs (Iterable[Doc]): The documents.
    number (int): How many.
    seed (int): Seed of the choice.
    RETURNS (list[Doc]): The chosen ones in their order, all if there are not more.
    """
    docs = list(docs)
    ranked = sorted(range(len(docs)), key=lambda i: _fraction(seed, document_key(docs[i])))
    return [docs[i] for i in sorted(ranked[:number])]


def sentences(doc: Doc, prefix: str = "") -> Iterator[Doc]:
    """Cut a document into its sentences, each with tokens that no tokenizer is to make anew.

    doc (Doc): A document of tokens, as column files have them.
    prefix (str): What is taken off the beginning of each token.
    YIELDS (Doc): A sentence with its names.
    """
    for i, sentence in enumerate(doc.sents):
        names = [(e.start - sentence.start, e.end - sentence.start, e.label_) for e in sentence.ents]
        words = [token.text.removeprefix(prefix) or token.text for token in sentence]
        yield _tokens_of(doc, words, names, f"s{i}")


def snippets(docs: Iterable[Doc], words: int = 5, seed: int = 0) -> Iterator[Doc]:
    """Make short lower-cased texts of sentences, each around one of its names.

    Pandey et al. (2022, section 8) lay their loss on the test part to questions and search queries,
    which are short and have no capital letters.

    docs (Iterable[Doc]): Sentences with names; those without any give no snippet.
    words (int): Number of tokens, more only where a name would be cut.
    seed (int): Seed of the choice of the name and its place.
    YIELDS (Doc): The snippets.
    """
    rng = random.Random(seed)
    for doc in docs:
        if not doc.ents:
            continue
        name = rng.choice(doc.ents)
        room = max(0, words - len(name))
        start = max(0, name.start - rng.randint(0, room))
        end = min(len(doc), max(name.end, start + words))
        for ent in doc.ents:
            if ent.start < end and ent.end > start:
                start, end = min(start, ent.start), max(end, ent.end)
        inside = [e for e in doc.ents if start <= e.start and e.end <= end]
        names = [(e.start - start, e.end - start, e.label_) for e in inside]
        yield _tokens_of(doc, [token.lower_ for token in doc[start:end]], names, "snippet")


def _tokens_of(doc: Doc, words: list[str], names: list[tuple[int, int, str]], part: str) -> Doc:
    """A document of tokens whose spaces are unknown: pipelines are given the tokens, as one sentence."""
    result = Doc(doc.vocab, words=words, sent_starts=[i == 0 for i in range(len(words))])
    result.set_ents([Span(result, *name) for name in names], default="outside")
    origin = {name: doc._.get(name) for name in ("language", "topic", "source")}
    return set_origin(result, **origin, doc_id=f"{doc._.doc_id or 'document'}.{part}")
