"""Masked-language modelling: windows, masks, the loss by hand and its gradient by differences."""

import numpy
import pytest
import spacy
import torch
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer

from spacy_slavner.errors import InputError
from spacy_slavner.layers.cloze import (
    Masking,
    build_head,
    cloze_head,
    cloze_loss,
    embeddings_of,
    mask_windows,
    pieces_of,
)
from spacy_slavner.layers.pieces import make_pieces
from spacy_slavner.layers.torch.masked_lm import MaskedLanguageHead
from spacy_slavner.layers.windows import piece_windows

TEXTS = ["Jan Nowak řekl, že volby v Praze budou v říjnu. Gazprom mlčí.", "", "Прага мовчить."]
ALL = Masking(1.0, 1.0)


def chances():
    return numpy.random.default_rng(0)


def make(tiny_encoder, **settings):
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("xx")
    spans = {"@span_getters": "spacy-slavner.piece_windows.v1", "window": 40, "overlap": 10}
    model = {"@architectures": "spacy-slavner.TransformerModel.v1", "name": str(tiny_encoder)}
    model |= {"precision": "fp32", "get_spans": spans, **settings}
    nlp.add_pipe("transformer", config={"model": model})
    nlp.initialize()
    encoder = nlp.get_pipe("transformer").model
    head = cloze_head(piece_windows(20, 8), 4096)
    build_head(head, encoder)
    return nlp, encoder, head


@pytest.fixture(scope="module")
def made(tiny_encoder):
    return make(tiny_encoder)


def docs_of(nlp):
    return [nlp.make_doc(text) for text in TEXTS]


def test_every_piece_is_guessed_in_windows_that_overlap(made):
    nlp, encoder, head = made
    docs = docs_of(nlp)
    shim = encoder.shims[0]
    pieces = make_pieces(shim.tokenizer, docs)
    assert len(pieces[0]) > 20  # more than one window
    batches, targets = mask_windows(head, encoder, docs, ALL, chances())
    total = sum(map(len, pieces))
    assert total < len(targets) and set(targets.tolist()) == {i for p in pieces for i in p.ids.tolist()}
    places = torch.cat([batch.places for batch in batches])
    assert sorted(places.tolist()) == list(range(len(targets)))
    lengths = [int(n) - 2 for batch in batches for n in batch.attention_mask.sum(1)]
    assert max(lengths) <= 20 and sum(lengths) == len(targets)
    for batch in batches:
        inner = batch.input_ids[batch.attention_mask.bool()]
        assert (inner == shim.tokenizer.mask_token_id).sum() == len(batch.rows)


def test_shares_of_chosen_and_masked_pieces(made):
    nlp, encoder, head = made
    tokenizer = encoder.shims[0].tokenizer
    docs = docs_of(nlp) * 60
    unmasked = mask_windows(head, encoder, docs, ALL, chances()).targets
    batches, targets = mask_windows(head, encoder, docs, Masking(0.15, 0.8), chances())
    assert len(targets) / len(unmasked) == pytest.approx(0.15, abs=0.02)
    seen = torch.cat([batch.input_ids.flatten()[batch.rows] for batch in batches]).numpy()
    order = torch.cat([batch.places for batch in batches]).argsort().numpy()
    seen = seen[order]
    masked = seen == tokenizer.mask_token_id
    assert masked.mean() == pytest.approx(0.8, abs=0.05)
    assert (seen == targets).mean() == pytest.approx(0.1, abs=0.04)
    again = mask_windows(head, encoder, docs, Masking(0.15, 0.8), chances())
    assert (again.targets == targets).all()


def test_random_pieces_are_ordinary_ones(made):
    nlp, encoder, head = made
    batches, _ = mask_windows(head, encoder, docs_of(nlp) * 40, Masking(1.0, 0.0), chances())
    seen = {int(i) for batch in batches for i in batch.input_ids.flatten()[batch.rows]}
    tokenizer = encoder.shims[0].tokenizer
    assert len(seen) > len(tokenizer) // 2 and not seen & {*tokenizer.all_special_ids} - {
        tokenizer.unk_token_id
    }


def test_pieces_inside_names_and_no_others(made):
    nlp, encoder, head = made
    docs = docs_of(nlp)
    names = [[(0, 2)], [], [(0, 1)]]
    tokenizer = encoder.shims[0].tokenizer
    _, targets = mask_windows(head, encoder, docs, Masking(0.15, 1.0), chances(), names)
    inside = [docs[0][:2].as_doc(), docs[2][:1].as_doc()]
    wanted = {i for p in make_pieces(tokenizer, inside) for i in p.ids.tolist()}
    assert set(targets.tolist()) == wanted
    none = cloze_loss(head, encoder, docs, ALL, chances(), [[], [], []])
    assert none[0] == 0.0 and none[1](1.0) is None
    pieces = make_pieces(tokenizer, docs)[0]
    assert pieces_of(pieces, [(0, len(docs[0]))]).all() and not pieces_of(pieces, []).any()


def clear(*models):
    for model in models:
        model.shims[0]._model.zero_grad()


def test_loss_and_gradient_are_those_made_by_hand(made, tiny_encoder):
    nlp, encoder, head = made
    docs, masking = docs_of(nlp), Masking(0.4, 0.8)
    clear(encoder, head)
    loss, backprop = cloze_loss(head, encoder, docs, masking, chances())
    backprop(0.5)
    bare = AutoModel.from_pretrained(tiny_encoder).eval()
    own = head.shims[0]._model
    table = bare.embeddings.word_embeddings.weight
    batches, targets = mask_windows(head, encoder, docs, masking, chances())
    vectors = []
    for batch in batches:
        output = bare(input_ids=batch.input_ids, attention_mask=batch.attention_mask).last_hidden_state
        vectors.append(output.flatten(0, 1)[batch.rows])
    dense = functional.gelu(torch.cat(vectors) @ own.dense.weight.detach().T + own.dense.bias.detach())
    normed = functional.layer_norm(dense, (24,), own.norm.weight.detach(), own.norm.bias.detach())
    by_hand = functional.cross_entropy(normed @ table.T + own.bias.detach(), torch.from_numpy(targets))
    assert loss == pytest.approx(by_hand.item(), rel=1e-5)
    (0.5 * by_hand).backward()
    expected = {f"transformer.{n}": p.grad for n, p in bare.named_parameters() if p.grad is not None}
    for name, parameter in encoder.shims[0].module.named_parameters():
        assert torch.allclose(parameter.grad, expected[name], atol=1e-6), name
    assert float(own.bias.grad.abs().sum()) > 0


def test_gradient_is_the_numeric_gradient(made):
    nlp, encoder, head = made
    docs = docs_of(nlp)
    clear(encoder, head)
    loss, backprop = cloze_loss(head, encoder, docs, ALL, chances())
    backprop(2.0)
    table = embeddings_of(encoder.shims[0])
    # A piece that is read nowhere but guessed, the mask that is read everywhere, and a weight of the head.
    guessed = int(make_pieces(encoder.shims[0].tokenizer, docs)[0].ids[0])
    places = [(table, (guessed, 3)), (table, (encoder.shims[0].tokenizer.mask_token_id, 3))]
    places.append((head.shims[0]._model.dense.weight, (1, 1)))
    for parameter, place in places:
        values = []
        for step in (1e-2, -1e-2):
            with torch.no_grad():
                parameter[place] += step
            values.append(cloze_loss(head, encoder, docs, ALL, chances())[0])
            with torch.no_grad():
                parameter[place] -= step
        numeric = 2.0 * (values[0] - values[1]) / 2e-2
        assert float(parameter.grad[place]) == pytest.approx(numeric, rel=0.03, abs=1e-4)


def test_frozen_encoder_teaches_the_head_alone(tiny_encoder):
    nlp, encoder, head = make(tiny_encoder, frozen_layers=2)
    _, backprop = cloze_loss(head, encoder, docs_of(nlp), ALL, chances())
    backprop(1.0)
    assert all(p.grad is None for p in encoder.shims[0].module.parameters())
    assert all(p.grad is not None for p in head.shims[0]._model.parameters())


def test_head_comes_back_from_its_weights(made):
    _, encoder, head = made
    vectors = torch.randn(3, 24)
    table = embeddings_of(encoder.shims[0]).detach()
    module = head.shims[0]._model
    fresh = MaskedLanguageHead()
    with pytest.raises(ValueError, match="no layers yet"):
        fresh.scores(vectors, table)
    fresh.load_state_dict(MaskedLanguageHead().state_dict())
    fresh.load_state_dict(module.state_dict())
    assert torch.equal(fresh.scores(vectors, table), module.scores(vectors, table))
    assert all(value.shape != table.shape for value in module.state_dict().values())


def test_encoders_that_have_no_mask(tiny_encoder, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    AutoModel.from_pretrained(tiny_encoder).save_pretrained(tmp_path)
    tokenizer.mask_token = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(InputError, match="no piece for masks"):
        make(tmp_path)
    with pytest.raises(InputError, match="encoders of this package"):
        build_head(cloze_head(piece_windows(20, 8), 100), spacy.blank("xx").add_pipe("tagger").model)
