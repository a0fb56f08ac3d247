"""Fixtures that every test may ask for: the real data where it lies, and the bundled sample."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run, however slow: a test fails where the code changed, not by chance.
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the real data: $SLAVNER_SHARED, else `shared` beside the checkout."""
    path = Path(os.environ.get("SLAVNER_SHARED") or ROOT.parent / "shared")
    if not (path / "data" / "slavicner").is_dir():
        pytest.skip("the real corpora are not here (set SLAVNER_SHARED)")
    return path


@pytest.fixture(scope="session")
def sample() -> Path:
    """The bundled sample corpus."""
    path = ROOT / "assets" / "sample"
    if not path.is_dir():
        pytest.skip("assets/sample is not in this checkout")
    return path


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory) -> Path:
    """A folder with a random two-layer encoder and a Unigram tokenizer over the Slavic alphabets."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, set_seed

    letters = "abcdefghijklmnopqrstuvwxyząćęłńóśźżáčďéěíňřšťúůýžабвгдежзийклмнопрстуфхцчшщъыьэюяґєії"
    signs = letters + letters.upper() + "0123456789.,:;!?()-–—\"'„“”«»’/%…"
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -20.0), ("<mask>", 0.0), ("▁", -4.0)]
    pieces += [(c, -8.0) for c in dict.fromkeys(signs)]
    pieces += [("▁" + c, -9.0) for c in dict.fromkeys(signs)]
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
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>",
        pad_token="<pad>", unk_token="<unk>", mask_token="<mask>", model_max_length=64,
    )  # fmt: skip
    set_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=24, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=48, max_position_embeddings=64, pad_token_id=1,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("tiny_encoder")
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
