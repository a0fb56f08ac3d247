"""Vectors of words from a multilingual encoder: two languages' are in one space from the beginning."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .embeddings import Embeddings

# Pieces, padding counted, in one batch.
BATCH = 2048


def encode_words(words: Sequence[str], encoder: Path | str, layer: int = -1, prefix: str = "") -> Embeddings:
    """Encode words, each alone.

    words (Sequence[str]): The words, the most frequent first.
    encoder (Path | str): A folder with an encoder, or a name on the model hub; with its full vocabulary, or
        one cut to the languages at hand.
    layer (int): The layer whose vectors are taken; -1 for the last.
    prefix (str): What is put before each word, such as "query: " for encoders that were trained with it.
    RETURNS (Embeddings): For each word the mean of its pieces, special ones left out.
    """
    import torch
    from tqdm import tqdm
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(encoder)
    model = AutoModel.from_pretrained(encoder).float().eval()
    ids = tokenizer([prefix + word for word in words], truncation=True, max_length=64)["input_ids"]
    before = len(tokenizer(prefix, add_special_tokens=False)["input_ids"]) if prefix else 0
    vectors = np.zeros((len(words), model.config.hidden_size), dtype="float32")
    order = np.argsort([-len(pieces) for pieces in ids], kind="stable")
    with torch.inference_mode(), tqdm(total=len(words), desc="Encoding", unit="word") as bar:
        at = 0
        while at < len(order):
            longest = len(ids[order[at]])
            rows = order[at : at + max(1, BATCH // longest)]
            at += len(rows)
            lengths = torch.tensor([len(ids[row]) for row in rows])
            mask = torch.arange(longest) < lengths[:, None]
            padded = torch.full(mask.shape, tokenizer.pad_token_id or 0)
            padded[mask] = torch.tensor([piece for row in rows for piece in ids[row]])
            output = model(padded, attention_mask=mask.long(), output_hidden_states=True)
            own = mask & (torch.arange(longest) > before) & (torch.arange(longest) < lengths[:, None] - 1)
            sums = (output.hidden_states[layer] * own[:, :, None]).sum(1)
            vectors[rows] = (sums / own.sum(1, keepdim=True).clamp(min=1)).numpy()
            bar.update(len(rows))
    return Embeddings(list(words), vectors)
