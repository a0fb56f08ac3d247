"""Schedules of the learning rate that fit runs of any length."""

from collections.abc import Iterator


def warmup_linear(rate: float, total_steps: int, warmup: float = 0.1) -> Iterator[float]:
    """Rise to a rate in the first part of a run, then fall to zero at its end.

    `warmup_linear.v1` of thinc counts the rise in steps, which do not fit both the sample and a
    corpus; here it is a share of the run. Registered as `spacy-slavner.warmup_linear.v1`.

    rate (float): The highest rate.
    total_steps (int): Steps of the run.
    warmup (float): Share of the run in which the rate rises, at least one step. Emelyanov & Artemova (2019,
        section 4.2) do not say how long their "warm up" is; a tenth is the default of BERT's own code for
        fine-tuning.
    YIELDS (float): The rate of each step; 0 after the last.
    """
    rise = max(1, round(warmup * total_steps))
    for step in range(1, rise + 1):
        yield rate * step / rise
    for left in range(total_steps - rise, 0, -1):
        yield rate * left / (total_steps - rise + 1)
    while True:
        yield 0.0


def epoch_decay(rate: float, total_steps: int, epochs: float, decay: float = 0.05) -> Iterator[float]:
    """Fall with the number of epochs; registered as `spacy-slavner.epoch_decay.v1`.

    Huang, May and Peng (2019, section 3.2): "We update the learning rate by lr / (1 + (n + 1) · dr) after
    epoch n". Epochs are counted from 0 here, so that the first one has the rate itself.

    rate (float): The rate of the first epoch.
    total_steps (int): Steps of the run.
    epochs (float): Its epochs; with the steps they say how long one is.
    decay (float): The paper's dr.
    YIELDS (float): The rate of each step.
    """
    length, step = max(1.0, total_steps / epochs), 0
    while True:
        # Half a step: lengths of epochs are rounded.
        yield rate / (1 + int((step + 0.5) / length) * decay)
        step += 1
