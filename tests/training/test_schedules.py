"""The schedule that fits runs of any length."""

from itertools import islice

import pytest
from thinc.api import registry

from spacy_slavner.training.schedules import warmup_linear


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
