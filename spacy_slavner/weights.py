"""How weights are stored: as safetensors, in 32 or 16 bits or in 8 bits with a scale for each row."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import numpy
import safetensors.numpy as safetensors

from .errors import InputError

STORAGES = ("fp32", "fp16", "int8")
# The scales of an array's rows stand beside it under its name and this.
SCALES = ".row_scales"
# Shorter rows have scales as large as themselves.
SHORTEST_ROW = 16

_storage: ContextVar[str] = ContextVar("storage", default="fp32")


@contextmanager
def stored_as(storage: str) -> Iterator[None]:
    """Store weights in this form within the block; outside of one they are stored as they are.

    storage (str): "fp32", "fp16", or "int8": matrices as whole numbers from -127 to 127 and one factor per
        row, everything else as fp16. However they are stored, weights are fp32 again when they are loaded.
    RAISES (InputError): If the storage is unknown.
    """
    if storage not in STORAGES:
        raise InputError(f"weights cannot be stored as {storage!r}", remedy=f"Choose {', '.join(STORAGES)}")
    token = _storage.set(storage)
    try:
        yield
    finally:
        _storage.reset(token)


def save_weights(arrays: Mapping[str, numpy.ndarray]) -> bytes:
    """Store arrays in the form that `stored_as` asks for.

    arrays (Mapping[str, ndarray]): The arrays by name. Only those of 32-bit floats change their form.
    RETURNS (bytes): A safetensors file.
    RAISES (InputError): If a weight is too large for the form, or a form other than fp32 is asked for and one
        is infinite or no number.
    """
    storage, result = _storage.get(), {}
    for name, array in arrays.items():
        array = numpy.ascontiguousarray(array)
        if storage == "fp32" or array.dtype != numpy.float32:
            result[name] = array
            continue
        _check_finite(name, array)
        if storage == "int8" and array.ndim == 2 and array.shape[1] >= SHORTEST_ROW:
            result[name], result[name + SCALES] = _to_int8(array)
        else:
            result[name] = _to_fp16(name, array)
    return safetensors.save(result)


def load_weights(data: bytes) -> dict[str, numpy.ndarray]:
    """Load arrays however they are stored.

    data (bytes): What `save_weights` gave, or any other safetensors file.
    RETURNS (dict[str, ndarray]): The arrays by name, writable; floats of 16 bits and scaled rows as fp32.
    """
    arrays = safetensors.load(data)
    scales = {name: arrays.pop(name) for name in list(arrays) if name.endswith(SCALES)}
    for name, array in arrays.items():
        if name + SCALES in scales:
            arrays[name] = array.astype("float32") * scales[name + SCALES][:, None]
        else:
            dtype = "float32" if array.dtype == numpy.float16 else array.dtype
            arrays[name] = numpy.require(array, dtype, "W")
    return arrays


def _check_finite(name: str, array: numpy.ndarray) -> None:
    if not numpy.isfinite(array).all():
        remedy = "Its training has diverged: take an earlier checkpoint, or train with a lower rate"
        raise InputError(f"a weight of {name!r} is infinite or no number", remedy=remedy)


def _to_int8(array: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Whole numbers (rows, columns), and the factors (rows,) that make weights of them again."""
    scales = (numpy.abs(array).max(axis=1) / 127).astype("float32")
    whole = numpy.rint(array / numpy.where(scales == 0, 1, scales)[:, None])
    return whole.astype("int8"), scales


def _to_fp16(name: str, array: numpy.ndarray) -> numpy.ndarray:
    if numpy.abs(array).max(initial=0) > numpy.finfo("float16").max:
        raise InputError(f"a weight of {name!r} is too large for fp16", remedy="Store the weights as fp32")
    return array.astype("float16")
