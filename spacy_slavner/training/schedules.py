"""Schedules of the learning rate that fit runs of any length."""

from collections.abc import Iterator


def warmup_linear(rate: float, total_steps: int, warmup: float = 0.1) -> Iterator[float]:
    """Rise to a rate in the first part of a run, then fall to zero at its end.

    `warmup_linear.v1` of thinc counts the rise in steps, which do not fit both the sample and a
    corpus; here it is a share of the run. Registered as `spacy-slavner.warmup_linear.v1`.

    rate (float): The highest rate.
    total_steps (int): Steps of the run.
    warmup (float): Share of the run in which the rate rises, at least one step.
    YIELDS (float): The rate of each step; 0 after the last.
    """
    rise = max(1, round(warmup * total_steps))
    for step in range(1, rise + 1):
        yield rate * step / rise
    for left in range(total_steps - rise, 0, -1):
        yield rate * left / (total_steps - rise + 1)
    while True:
        yield 0.0
