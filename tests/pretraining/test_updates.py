"""Cheaper updates: the same loss and gradients from the masked pieces alone, and dropout that is off."""

import pytest
import torch
from transformers import AutoConfig, AutoModelForMaskedLM, BertForMaskedLM

from spacy_slavner.pretraining.download import load_base_encoder
from spacy_slavner.pretraining.masking import IGNORED
from spacy_slavner.pretraining.mlm import masked_lm
from spacy_slavner.pretraining.updates import score_masked_alone, set_dropout

IDS = torch.tensor([[2, 7, 8, 9, 3], [2, 8, 7, 3, 0]])
MASK = (IDS != 0).long()
LABELS = torch.full(IDS.shape, IGNORED).index_put(
    (torch.tensor([0, 0, 1]), torch.tensor([1, 3, 2])), IDS[:, 2].sum()
)


def small(kind: str):
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = AutoConfig.for_model(kind, vocab_size=32, max_position_embeddings=16, pad_token_id=0, **sizes)
    return AutoModelForMaskedLM.from_config(config)


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "electra"])
def test_loss_and_gradients_are_those_of_all_scores(kind):
    results = []
    for change in (lambda model: None, score_masked_alone):
        model = small(kind).eval()
        change(model)
        inputs = {"input_ids": IDS, "attention_mask": MASK}
        output = model(**inputs, labels=LABELS)
        output.loss.backward()
        gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
        results.append((output.loss, gradients, model(**inputs).logits))
        assert (output.logits is None) == (kind != "electra" and change is score_masked_alone)
    (loss, gradients, logits), (other_loss, other_gradients, other_logits) = results
    assert torch.allclose(loss, other_loss) and torch.allclose(logits, other_logits)
    assert gradients.keys() == other_gradients.keys()
    for name, gradient in gradients.items():
        assert torch.allclose(gradient, other_gradients[name], atol=1e-7), name


def test_nothing_masked_is_no_loss():
    model = small("bert")
    score_masked_alone(model)
    assert model(input_ids=IDS, labels=torch.full(IDS.shape, IGNORED)).loss == 0


def test_masked_language_models_take_it_and_keep_their_class(toy):
    model = masked_lm(load_base_encoder(str(toy)))
    assert isinstance(model, BertForMaskedLM)
    assert model(input_ids=IDS, attention_mask=MASK, labels=LABELS).logits is None


def test_dropout_is_off_and_the_config_keeps_it():
    model = small("bert").train()
    inputs = {"input_ids": IDS, "attention_mask": MASK}
    assert not torch.equal(model(**inputs).logits, model(**inputs).logits)
    set_dropout(model, 0.0)
    assert torch.equal(model(**inputs).logits, model(**inputs).logits)
    assert model.config.hidden_dropout_prob == 0.1
