"""A vocabulary made anew: what it is made of, and the vectors of its pieces."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertTokenizerFast

from spacy_slavner.errors import InputError
from spacy_slavner.pretraining import transfer
from spacy_slavner.pretraining.download import load_base_encoder
from spacy_slavner.pretraining.mlm import masked_lm

TEXT = ["praha kniha knihovna prahou", "kniha praha a vino", "v praze je knihovna"] * 40


def wordpiece() -> BertTokenizerFast:
    names = ["[PAD]", "x", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "kni", "##h", "##a", "##ha", "a", "praha"]
    backend = Tokenizer(models.WordPiece({name: i for i, name in enumerate(names)}, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=False)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.BertProcessing(("[SEP]", 4), ("[CLS]", 3))
    return BertTokenizerFast(tokenizer_object=backend, do_lower_case=False)


def test_averages() -> None:
    vectors = np.array([[1.0, 0.0], [3.0, 2.0], [5.0, 4.0]], dtype=np.float32)
    sources = [np.array(ids, dtype=int) for ids in ([2], [0, 1], [], [1, 1, 0])]
    made = transfer.reassemble(vectors, sources)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, [[5, 4], [2, 1], [3, 2], [7 / 3, 4 / 3]], rtol=1e-6)


def test_unigram(toy: Path) -> None:
    base = load_base_encoder(str(toy))
    old = base.tokenizer
    new = transfer.rebuild_tokenizer(old, TEXT, 40)
    assert len(new) <= 40
    assert new("kniha praha").input_ids[0] == new.cls_token_id
    assert new("kniha").input_ids[-1] == new.sep_token_id
    assert new("ｋniha").input_ids == new("kniha").input_ids  # the normaliser has stayed
    assert {new.pad_token, new.mask_token, new.unk_token} == {"<pad>", "<mask>", "<unk>"}
    assert len(new.tokenize("knihovna")) < len(old.tokenize("knihovna"))

    model = masked_lm(base)
    table = model.get_input_embeddings().weight.detach().clone()
    layers = {n: w.clone() for n, w in model.bert.encoder.state_dict().items()}
    with torch.no_grad():
        model.get_output_embeddings().bias.copy_(torch.arange(len(table)))
    sources = transfer.origins(old, new)
    transfer.transfer_model(model, old, new, sources)
    vectors, bias = model.get_input_embeddings().weight, model.get_output_embeddings().bias
    known, own = old.get_vocab(), new.get_vocab()
    shared = known.keys() & own.keys()
    assert {"<s>", "<mask>"} <= shared and own.keys() - known.keys()
    for piece in shared:
        assert torch.equal(vectors[own[piece]], table[known[piece]])
        assert bias[own[piece]] == known[piece]
    for piece in own.keys() - known.keys():
        parts = [token.id for token in old.backend_tokenizer.model.tokenize(piece)]
        parts = [number for number in parts if number != old.unk_token_id]
        expected = table[parts].mean(0) if parts else table[: len(old)].mean(0)
        torch.testing.assert_close(vectors[own[piece]], expected)
    for name, weight in model.bert.encoder.state_dict().items():
        assert torch.equal(weight, layers[name])
    assert model.get_output_embeddings().weight is vectors
    assert model.config.vocab_size == model.bert.config.vocab_size == len(new)
    assert model.config.pad_token_id == new.pad_token_id
    out = model(**new("kniha praha", return_tensors="pt"))
    assert out.logits.shape[-1] == len(new)


def test_random_vectors_leave_the_shared_ones(toy: Path) -> None:
    base = load_base_encoder(str(toy))
    new = transfer.rebuild_tokenizer(base.tokenizer, TEXT, 40)
    model, sources = masked_lm(base), transfer.origins(base.tokenizer, new)
    table = model.get_input_embeddings().weight.detach().clone()
    mean = transfer.reassemble(table.numpy()[: len(base.tokenizer)], sources)
    vectors = transfer.random_vectors(model, len(new), np.random.default_rng(0))
    with torch.no_grad():
        model.get_output_embeddings().bias.add_(1.0)
    transfer.transfer_model(model, base.tokenizer, new, sources, vectors)
    bias = model.get_output_embeddings().bias
    same = np.isclose(mean, model.get_input_embeddings().weight.detach().numpy()).all(axis=1)
    known = base.tokenizer.get_vocab()
    assert {piece for piece, i in new.get_vocab().items() if same[i]} == known.keys() & new.get_vocab().keys()
    assert all((bias[i] != 0) == (piece in known) for piece, i in new.get_vocab().items())


def test_focus_takes_vectors_of_similar_pieces(toy: Path) -> None:
    pytest.importorskip("deepfocus")
    base = load_base_encoder(str(toy))
    new = transfer.rebuild_tokenizer(base.tokenizer, TEXT, 40)
    model = masked_lm(base)
    table = model.get_input_embeddings().weight.detach().numpy()[: len(base.tokenizer)]
    first, again = (transfer.focus_vectors(model, base.tokenizer, new, TEXT, seed=0) for _ in range(2))
    assert first.shape == (len(new), table.shape[1])
    np.testing.assert_array_equal(first, again)
    known, own = base.tokenizer.get_vocab(), new.get_vocab()
    for piece in known.keys() & own.keys():
        np.testing.assert_array_equal(first[own[piece]], table[known[piece]])
    # A mean with weights that sum to one lies between the vectors that it is made of.
    piece = new.tokenize("knihovna")[0]
    assert piece not in known
    assert (table.min(0) <= first[own[piece]]).all() and (first[own[piece]] <= table.max(0)).all()
    with pytest.raises(InputError, match="too little text.*--vectors mean"):
        transfer.focus_vectors(model, base.tokenizer, new, ["praha"], seed=0)


def test_focus_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deepfocus", None)
    with pytest.raises(InputError, match=r"deepfocus.*spacy-slavner\[focus\].*--vectors mean"):
        transfer.require_focus()


def test_wordpiece() -> None:
    pytest.importorskip("subword_nmt")
    old = wordpiece()
    new = transfer.rebuild_tokenizer(old, TEXT, 45)
    assert new.tokenize("kniha") == ["kniha"]
    ids = new("kniha praze").input_ids
    assert (ids[0], ids[-1]) == (new.cls_token_id, new.sep_token_id)
    assert new.unk_token_id not in ids and new.unk_token_id in new("жук").input_ids
    own, sources, known = new.get_vocab(), transfer.origins(old, new), old.get_vocab()
    assert sources[own["kniha"]].tolist() == [known["kni"], known["##ha"]]
    assert sources[own["[SEP]"]].tolist() == [known["[SEP]"]]
    assert sources[own["##o"]].tolist() == []
    with pytest.raises(InputError, match="cannot hold"):
        transfer.rebuild_tokenizer(old, TEXT, 8)


def test_longest_pieces_inside_a_word() -> None:
    known = wordpiece().get_vocab()
    assert transfer._cut(wordpiece(), known, "##hah") == [known["##ha"], known["##h"]]
    assert transfer._cut(wordpiece(), known, "##hao") == []


def test_measure(toy: Path) -> None:
    old = load_base_encoder(str(toy)).tokenizer
    new = transfer.rebuild_tokenizer(old, TEXT, 40)
    change = transfer.measure(old, new, "cs", ["knihovna αβγ knihovna"])
    assert change.words == 2
    assert change.after < change.before
    assert change.unknown_after > change.unknown_before == 0
    with pytest.raises(InputError, match="'cs' has no words"):
        transfer.measure(old, new, "cs", [" "])


def test_a_tokenizer_that_does_not_fit(toy: Path) -> None:
    base = load_base_encoder(str(toy))
    base.model.set_input_embeddings(torch.nn.Embedding(20, 16))
    with pytest.raises(InputError, match="does not fit.*20 vectors.*saved together"):
        masked_lm(base)
