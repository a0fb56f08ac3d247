"""A tiny encoder with random weights: for tests, and for trying what needs an encoder where there is none."""

from pathlib import Path

LETTERS = "abcdefghijklmnopqrstuvwxyząćęłńóśźżáčďéěíňřšťúůýžабвгдежзийклмнопрстуфхцчшщъыьэюяґєії"
SIGNS = LETTERS + LETTERS.upper() + "0123456789.,:;!?()-–—\"'„“”«»’/%…"
SPECIAL = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -20.0), ("<mask>", 0.0)]


def save_tiny_encoder(folder: Path | str, *, length: int = 64, seed: int = 0) -> None:
    """Save a random encoder of two layers, with a Unigram tokenizer over the Slavic alphabets.

    folder (Path | str): Where to.
    length (int): The most pieces that it reads at a time.
    seed (int): Seed of its weights.
    """
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, set_seed

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=_unigram(), bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>",
        pad_token="<pad>", unk_token="<unk>", mask_token="<mask>", model_max_length=length,
    )  # fmt: skip
    set_seed(seed)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=24, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=48, max_position_embeddings=length, pad_token_id=1,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _unigram():
    """Single letters and signs, and some frequent pairs of letters."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    pieces = [*SPECIAL, ("▁", -4.0)]
    pieces += [(c, -8.0) for c in dict.fromkeys(SIGNS)]
    pieces += [("▁" + c, -9.0) for c in dict.fromkeys(SIGNS)]
    pieces += [(a + b, -10.0) for a in "aeiouаеиоу" for b in "nrstlmkнрстлмк"]
    backend = Tokenizer(models.Unigram(pieces, unk_id=3))
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    backend.decoder = decoders.Metaspace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return backend
