"""`distill`: a small encoder that learns from a large one."""

from pathlib import Path

import typer

from ._app import app
from ._texts import (
    LANGUAGES,
    OUTPUT,
    RESUME,
    SAVE_EVERY,
    SEED,
    TEXTS,
    WITHOUT,
    command_of,
    folders,
    say_left_out,
)


@app.command("distill")
def distill_cli(
    ctx: typer.Context,
    teacher: str = typer.Argument(
        ..., help="Pipeline (folder or installed name) or encoder (folder or name on the hub) to learn from"
    ),
    output: Path = OUTPUT,
    texts: list[str] = TEXTS,
    without: list[Path] = WITHOUT,
    languages: str = LANGUAGES,
    width: int = typer.Option(128, "--width", help="Width of the small encoder's vectors"),
    layers: int = typer.Option(3, "--layers", "-y", help="Its layers"),
    heads: int = typer.Option(4, "--heads", help="Heads of their attention"),
    intermediate: int = typer.Option(256, "--intermediate", help="Width of their feed-forward layers"),
    length: int = typer.Option(128, "--length", min=8, help="Pieces in a block of text"),
    masking: float = typer.Option(0.1, "--masking", min=0.0, max=0.9, help="Share of pieces to hide"),
    batch: int = typer.Option(32, "--batch", "-b", min=1, help="Blocks in an update"),
    device_batch: int = typer.Option(32, "--device-batch", min=1, help="Of them at once"),
    rate: float = typer.Option(2e-3, "--rate", help="Learning rate"),
    steps: int = typer.Option(6_000, "--steps", min=1, help="Updates"),
    temperature: float = typer.Option(
        1.0, "--temperature", min=0.01, help="Mixing of languages: 1 by size, large is even"
    ),
    held_out: int = typer.Option(20, "--held-out", min=1, help="Texts of each language to measure with"),
    cache_gb: float = typer.Option(
        10.0, "--cache-gb", min=0.0, help="Most gigabytes on disk for what the teacher says, while it trains"
    ),
    save_every: int = SAVE_EVERY,
    seed: int = SEED,
    resume: bool = RESUME,
) -> None:
    """Train a small encoder to say what a large one says, piece by piece; a small pipeline stands on it.

    Several GPUs: torchrun --nproc-per-node N -m spacy_slavner distill ...
    """
    from wasabi import msg

    from ..pretraining.distillation import DistillationRequest, distill
    from ..pretraining.runs import is_main

    request = DistillationRequest(
        teacher=teacher,
        texts=folders(texts),
        without=tuple(without),
        languages=tuple(languages.replace(",", " ").split()),
        width=width,
        layers=layers,
        heads=heads,
        intermediate=intermediate,
        length=length,
        masking=masking,
        batch=batch,
        device_batch=device_batch,
        rate=rate,
        steps=steps,
        temperature=temperature,
        held_out=held_out,
        cache_gb=cache_gb,
        save_every=save_every,
        seed=seed,
    )
    record = distill(output, request, resume=resume, command=command_of(ctx))
    if not is_main():
        return
    say_left_out(record)
    for language, share in record["explained"].items():
        msg.text(f"{language}: {share:.1%} of the variance of the teacher's vectors, on held-out text")
    msg.text(
        f"{record['parameters'] / 1e6:.1f} million parameters; the teacher has "
        f"{record['parameters_of_teacher'] / 1e6:.1f} million"
    )
    msg.good(f"Encoder and record in {output / 'encoder'}")
