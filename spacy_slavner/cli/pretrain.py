"""`pretrain`: train an encoder further on text; `pretrain-curves`: what different starts are worth."""

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


@app.command("pretrain")
def pretrain_cli(
    ctx: typer.Context,
    output: Path = OUTPUT,
    texts: list[str] = TEXTS,
    name: str = typer.Option(
        "assets/encoder", "--name", "-n", help="Encoder: a folder, or a name on the hub"
    ),
    without: list[Path] = WITHOUT,
    languages: str = LANGUAGES,
    vocab_size: int = typer.Option(
        0,
        "--vocab-size",
        "-v",
        min=0,
        help="Pieces of a vocabulary made anew on the text; 0 keeps the encoder's",
    ),
    vectors: str = typer.Option(
        "mean", "--vectors", help="How new pieces start: mean (of old ones), focus or random"
    ),
    start: str = typer.Option("given", "--start", help="given, random_embeddings or random (all weights)"),
    recipe: str = typer.Option(
        "", "--recipe", "-r", help="short: values for a small machine; else the paper's"
    ),
    batch: int | None = typer.Option(None, "--batch", "-b", min=1, help="Blocks in an update"),
    device_batch: int | None = typer.Option(None, "--device-batch", min=1, help="Of them at once"),
    rate: float | None = typer.Option(None, "--rate", help="Learning rate"),
    dropout: float | None = typer.Option(
        None, "--dropout", min=0, max=0.99, help="Dropout in training (default: the encoder's)"
    ),
    head_steps: int | None = typer.Option(None, "--head-steps", min=0, help="Updates of the head alone"),
    steps: int | None = typer.Option(None, "--steps", min=0, help="Updates of all weights"),
    position_steps: int | None = typer.Option(
        None, "--position-steps", min=0, help="Updates of positions, at full length"
    ),
    pieces: bool = typer.Option(False, "--pieces", help="Mask single pieces instead of whole words"),
    segmenter: list[str] = typer.Option(
        [], "--segmenter", "-s", help="What finds words where there are no spaces, such as zh=jieba"
    ),
    temperature: float = typer.Option(
        2.0, "--temperature", min=0.01, help="Mixing of languages: 1 by size, large is even"
    ),
    held_out: int = typer.Option(50, "--held-out", min=1, help="Texts of each language to measure with"),
    precision: str = typer.Option(
        "auto", "--precision", help="auto (bf16 where the processor has it), fp32 or bf16"
    ),
    save_every: int = SAVE_EVERY,
    metrics: Path | None = typer.Option(None, "--metrics", help="Write the record there as well"),
    seed: int = SEED,
    resume: bool = RESUME,
) -> None:
    """Train an encoder further as a masked-language model, in stages, and measure it on held-out text.

    Several GPUs: torchrun --nproc-per-node N -m spacy_slavner pretrain ...
    """
    from wasabi import msg

    from ..errors import InputError
    from ..evaluation.metrics import write_json
    from ..pretraining.mlm import RECIPES, Request, pretrain
    from ..pretraining.runs import is_main

    if recipe not in RECIPES:
        raise InputError(f"there is no recipe {recipe!r}", remedy="Take short, or none")
    pairs = [pair.partition("=")[::2] for pair in segmenter]
    given = {
        "batch": batch, "device_batch": device_batch, "rate": rate, "head_steps": head_steps, "steps": steps,
        "position_steps": position_steps, "dropout": dropout,
    }  # fmt: skip
    settings = RECIPES[recipe] | {key: value for key, value in given.items() if value is not None}
    request = Request(
        name=name,
        texts=folders(texts),
        without=tuple(without),
        languages=tuple(languages.replace(",", " ").split()),
        vocab_size=vocab_size,
        vectors=vectors,
        start=start,
        whole_words=not pieces,
        segmenters=dict(pairs),
        temperature=temperature,
        held_out=held_out,
        precision=precision,
        save_every=save_every,
        seed=seed,
        **settings,
    )
    record = pretrain(output, request, resume=resume, command=command_of(ctx))
    if not is_main():
        return
    say_left_out(record)
    if few := [language for language, number in record["held_out"].items() if not number]:
        msg.warn(f"Too few texts to measure with: {', '.join(few)}")
    for change in record["stages"].get("vocabulary", {}).get("languages", []):
        msg.text(
            f"{change['language']}: {change['after']:.3f} pieces per word, {change['before']:.3f} before; "
            f"{change['unknown_after']:.3%} unknown, {change['unknown_before']:.3%} before"
        )
    for vectors, figures in record["stages"].get("vocabulary", {}).get("losses", {}).items():
        if figures:
            msg.text(f"Loss right after the transfer, new vectors by {vectors}: {figures['all']['loss']:.3f}")
    for language, figures in record["perplexity"].items():
        msg.text(f"{language}: loss {figures['loss']:.3f}, perplexity {figures['perplexity']:.2f}")
    if metrics:
        write_json(metrics, record)
    msg.good(f"Encoder and record in {output / 'encoder'}")


@app.command("pretrain-curves")
def curves_cli(
    records: list[Path] = typer.Argument(..., help="pretraining.json of runs that differ in their start"),
    plot: Path = typer.Option(None, "--plot", "-p", help="Picture to draw (.svg, .png)"),
) -> None:
    """Lay the masked-LM losses of several runs over each other."""
    from ..pretraining.mlm import compare

    curves = compare(records, plot)
    for name, curve in curves.items():
        some = curve[:: -(-len(curve) // 8)]
        print(f"{name}: " + ", ".join(f"{loss:.3f} at {step:,}" for step, loss in some))
    if plot:
        print(f"Plot: {plot}")
