"""The schedule that fits runs of any length."""

from itertools import islice

import pytest
from thinc.api import registry

from spacy_slavner.training.schedules import epoch_decay, warmup_linear


@pytest.mark.parametrize("total", [1, 2, 10, 1000])
def test_rises_and_falls_within_the_run(total):
    rates = list(islice(warmup_linear(0.5, total, 0.1), total + 2))
    top = rates.index(0.5)
    assert top == max(1, total // 10) - 1
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    # Every step of the run has an effect, and none after it.
    assert min(rates[:total]) > 0 and rates[total:] == [0, 0]


def test_without_warmup_the_first_step_has_the_full_rate():
    assert next(warmup_linear(0.5, 100, 0.0)) == 0.5


def test_config_can_name_it():
    config = {"@schedules": "spacy-slavner.warmup_linear.v1", "rate": 1.0, "total_steps": 4}
    assert next(registry.resolve({"s": config})["s"]) == 1.0


@pytest.mark.parametrize("total, epochs", [(30, 3), (31, 3), (7, 7), (5, 10), (600, 200)])
def test_the_rate_falls_after_each_epoch(total, epochs):
    rates = list(islice(epoch_decay(0.01, total, epochs, 0.05), total))
    assert rates[0] == 0.01 and rates == sorted(rates, reverse=True)
    n = min(total, epochs)
    assert sorted(set(rates), reverse=True) == pytest.approx([0.01 / (1 + i * 0.05) for i in range(n)])
    assert max(rates.count(rate) for rate in rates) - min(rates.count(rate) for rate in rates) <= 1


def test_registered():
    assert registry.schedules.get("spacy-slavner.epoch_decay.v1") is epoch_decay
