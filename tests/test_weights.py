"""Weights come back from every form of storage, as near as the form allows."""

import numpy
import pytest
import safetensors.numpy as safetensors

from spacy_slavner.errors import InputError
from spacy_slavner.weights import load_weights, save_weights, stored_as


@pytest.fixture
def arrays():
    rng = numpy.random.default_rng(0)
    return {
        "matrix": rng.normal(0, [[0.1], [10.0], [0.0]], (3, 64)).astype("f"),
        "narrow": rng.normal(0, 1, (50, 1)).astype("f"),
        "bias": rng.normal(0, 1, 7).astype("f"),
        "empty": numpy.zeros((0, 32), dtype="f"),
        "places": numpy.arange(1000, 1512, dtype="int64"),
    }


@pytest.mark.parametrize(("storage", "bits"), [("fp32", 32), ("fp16", 16), ("int8", 8)])
def test_round_trip(arrays, storage, bits):
    with stored_as(storage):
        data = save_weights(arrays)
    loaded = load_weights(data)
    assert loaded.keys() == arrays.keys()
    for name, array in arrays.items():
        assert loaded[name].dtype == array.dtype and loaded[name].flags.writeable
        if storage == "fp32" or array.dtype != numpy.float32:
            assert (loaded[name] == array).all()
    assert (loaded["matrix"][2] == 0).all()
    assert loaded["bias"] == pytest.approx(arrays["bias"], rel=2e-3)
    # A row's error is at most half a step, and its steps are as large as the row itself wants.
    error = numpy.abs(loaded["matrix"] - arrays["matrix"]).max(axis=1)
    step = numpy.abs(arrays["matrix"]).max(axis=1) / 127
    assert (error <= step * 0.51).all()
    assert len(safetensors.load(data)["matrix"].tobytes()) == 3 * 64 * bits // 8


def test_bits_are_asked_for_within_the_block_alone(arrays):
    plain = save_weights(arrays)
    assert plain == safetensors.save(arrays)
    with pytest.raises(RuntimeError), stored_as("fp16"):
        assert len(save_weights(arrays)) < len(plain)
        raise RuntimeError
    assert save_weights(arrays) == plain


def test_what_cannot_be_stored():
    with pytest.raises(InputError, match="int4"), stored_as("int4"):
        pass
    with pytest.raises(InputError, match="'W'.*too large"), stored_as("fp16"):
        save_weights({"W": numpy.full(2, 70000, dtype="f")})
    with stored_as("int8"):  # whose scales have 32 bits
        data = save_weights({"W": numpy.full((2, 16), 70000, dtype="f")})
    assert load_weights(data)["W"] == pytest.approx(70000)


@pytest.mark.parametrize("storage", ["fp16", "int8"])
@pytest.mark.parametrize("value", [numpy.nan, numpy.inf, -numpy.inf])
@pytest.mark.parametrize("shape", [(2, 16), (3,)])
def test_a_model_that_diverged_is_not_stored_as_numbers(shape, value, storage):
    weights = {"fine": numpy.ones(shape, dtype="f"), "W": numpy.ones(shape, dtype="f")}
    weights["W"].flat[-1] = value
    with pytest.raises(InputError, match="'W' is infinite or no number"), stored_as(storage):
        save_weights(weights)
    # As fp32 it stays what it is.
    assert numpy.array_equal(load_weights(save_weights(weights))["W"], weights["W"], equal_nan=True)
