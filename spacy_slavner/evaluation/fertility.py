"""Into how many pieces an encoder cuts the words of each language: much of what fails, fails by that."""

from collections import defaultdict
from functools import cache
from pathlib import Path


@cache
def fertility(encoder: Path, corpus: Path) -> dict[str, dict[str, float]]:
    """Count the pieces of a corpus by language.

    encoder (Path): Folder with the encoder's tokenizer.
    corpus (Path): A .spacy file.
    RETURNS (dict[str, dict[str, float]]): By language: "tokens", white space not counted, "pieces" and those
        "unknown".
    """
    from transformers import AutoTokenizer

    from ..corpora.docbin import read_docs
    from ..corpora.sources import blank_pipeline

    tokenizer = AutoTokenizer.from_pretrained(encoder, trust_remote_code=False)
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    counts: dict[str, dict[str, float]] = defaultdict(lambda: {"tokens": 0, "pieces": 0, "unknown": 0})
    for doc in read_docs(corpus, blank_pipeline().vocab):
        pieces = backend.encode(doc.text, add_special_tokens=False).ids
        row = counts[doc._.language or "unknown"]
        row["tokens"] += sum(not token.is_space for token in doc)
        row["pieces"] += len(pieces)
        row["unknown"] += pieces.count(tokenizer.unk_token_id)
    return dict(sorted(counts.items()))
