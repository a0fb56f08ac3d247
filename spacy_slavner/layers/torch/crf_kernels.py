"""The Viterbi search compiled by numba, for the CPU: the same answers as the batched torch code.

Compiled at the first call, in a second or two, and kept in the user's cache folder (or $NUMBA_CACHE_DIR), if
that can be written; never in the folder of the package, where numba would put it. It runs in one thread,
releases the GIL, and may be called after a fork.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy
from numba import config, njit

# Sequences that are searched side by side: as many as a vector register holds.
LANES = 8
NEVER = numpy.float32(-numpy.inf)


def viterbi(
    emissions: numpy.ndarray,
    lengths: numpy.ndarray,
    start: numpy.ndarray,
    transitions: numpy.ndarray,
    end: numpy.ndarray,
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Find the best tag sequences.

    emissions (numpy.ndarray): Emissions (batch, time, tags), float32; finite on padding as well.
    lengths (numpy.ndarray): Tokens of each sequence (batch,), int64, at least 1.
    start, transitions, end (numpy.ndarray): Scores (tags,), (tags, tags) and (tags,), float32, minus
        infinity where they are illegal.
    RETURNS (tuple[numpy.ndarray, numpy.ndarray]): Tags (batch, time), int64, 0 on padding, and scores
        (batch,), float32.
    """
    tags = numpy.zeros(emissions.shape[:2], dtype="int64")
    scores = numpy.empty(len(emissions), dtype="float32")
    arrays = map(numpy.ascontiguousarray, (emissions, lengths, start, transitions, end))
    _viterbi(*arrays, tags, scores)
    return tags, scores


def _compiled(function: Callable) -> Callable:
    """Compile with a cache on disk, or without one where no folder for it is writable."""
    chosen = config.CACHE_DIR
    try:
        # For this function alone: other libraries' functions are cached where they would be without us.
        config.CACHE_DIR = _writable(Path(chosen) if chosen else _user_cache())
        return njit(nogil=True, cache=True)(function)
    except (OSError, RuntimeError):
        return njit(nogil=True)(function)
    finally:
        config.CACHE_DIR = chosen


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spacy-slavner" / "numba"


def _writable(folder: Path) -> str:
    """Make sure of a folder; RAISES (OSError): where it cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()
    return str(folder)


@_compiled
def _viterbi(emissions, lengths, start, transitions, end, tags, scores):
    n_rows, n_steps, n_tags = emissions.shape
    # Best score of a sequence that ends with each tag, at every token. Lanes without a sequence, and
    # tokens after the end of one, are computed too and never read.
    best = numpy.zeros((n_steps, n_tags, LANES), dtype=numpy.float32)
    for first in range(0, n_rows, LANES):
        rows = min(LANES, n_rows - first)
        for tag in range(n_tags):
            for lane in range(rows):
                best[0, tag, lane] = start[tag] + emissions[first + lane, 0, tag]
        for t in range(1, lengths[first : first + rows].max()):
            for tag in range(n_tags):
                # A number of turns known when this is compiled makes vector instructions of the loops.
                here = best[t, tag]
                for lane in range(LANES):
                    here[lane] = best[t - 1, 0, lane] + transitions[0, tag]
                for before in range(1, n_tags):
                    step = transitions[before, tag]
                    if step == NEVER:
                        continue
                    there = best[t - 1, before]
                    for lane in range(LANES):
                        path = there[lane] + step
                        here[lane] = path if path > here[lane] else here[lane]
            for lane in range(rows):
                for tag in range(n_tags):
                    best[t, tag, lane] += emissions[first + lane, t, tag]
        for lane in range(rows):
            row, last = first + lane, lengths[first + lane] - 1
            final = best[last, :, lane] + end
            tag = numpy.argmax(final)
            scores[row] = final[tag]
            tags[row, last] = tag
            for t in range(last - 1, -1, -1):
                later, tag = tag, 0
                top = best[t, 0, lane] + transitions[0, later]
                for before in range(1, n_tags):
                    path = best[t, before, lane] + transitions[before, later]
                    if path > top:
                        top, tag = path, before
                tags[row, t] = tag
