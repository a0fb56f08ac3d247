"""How many words of a corpus have no vector (Huang, May and Peng, 2019, table 6)."""

from collections import Counter
from collections.abc import Iterable

from spacy.tokens import Doc

from .words import word_key


def unknown_words(
    docs: Iterable[Doc], lower: bool = True, placeholders: bool = True, letters: bool = False
) -> dict[str, float | int]:
    """Count the words that the vocabulary's vectors lack.

    docs (Iterable[Doc]): Documents over a vocabulary with vectors.
    lower (bool): Look words up in small letters.
    placeholders (bool): Look numbers up as "num", URLs as "url".
    letters (bool): Count words of letters alone; else punctuation, numbers and all others count as they do.
    RETURNS (dict): "types" and "tokens", the shares of different words and of all that are unknown; "n_types"
        and "n_tokens", how many there are.
    """
    counts: Counter[str] = Counter()
    vocab = None
    for doc in docs:
        vocab = doc.vocab
        some = [token for token in doc if (token.is_alpha if letters else not token.is_space)]
        counts.update(word_key(token.text, lower, placeholders) for token in some)
    # Not by the hash: some words, such as "num", are symbols of spaCy.
    unknown = [word for word in counts if vocab.strings[word] not in vocab.vectors] if counts else []
    total = counts.total()
    return {
        "types": len(unknown) / len(counts) if counts else 0.0,
        "tokens": sum(counts[word] for word in unknown) / total if counts else 0.0,
        "n_types": len(counts),
        "n_tokens": total,
    }
