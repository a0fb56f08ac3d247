"""`udpipe`: train UDPipe models from treebanks, for the rules on base forms."""

from pathlib import Path

import typer

from ._app import app


@app.command("udpipe")
def udpipe_cli(
    treebanks: Path = typer.Argument(..., help="Folder with UD treebanks (UD_<Language>-<Name>/*.conllu)"),
    out: Path = typer.Argument(..., help="Folder for the models <language>.udpipe"),
    languages: str = typer.Option("bg,cs,pl,ru,sl,uk", "--languages", "-l", help="Languages, with commas"),
    iterations: int = typer.Option(10, "--iterations", "-i", help="Passes over the treebanks"),
    metrics: Path = typer.Option(None, "--metrics", "-m", help="Record of the accuracies for `report`"),
) -> None:
    """Train UDPipe models, which give lemmas and features; the accuracies on test treebanks are printed.

    Mind the treebanks' licences: the Bulgarian one and most Polish ones are not for commercial use.
    """
    from tqdm import tqdm

    from ..evaluation.metrics import write_section
    from ..normalization.udpipe import train_udpipe

    for language in tqdm(languages.split(","), desc="udpipe", unit="language"):
        figures = train_udpipe(treebanks, out, language, iterations)
        shares = " ".join(
            f"{key} {figures[key]:.3f}" for key in ("lemma", "pos", "features") if key in figures
        )
        size = f"{figures['sentences']:,} sentences, {figures['bytes'] / 1e6:.1f} MB"
        if figures["skipped"]:
            size += f", {figures['skipped']:,} sentences with words too long for UDPipe skipped"
        if metrics:
            write_section(metrics, "morphology", {language: figures | {"iterations": iterations}})
        tqdm.write(f"{language}: {size}, right on the test treebank: {shares}")
    print(f"Models: {out}")
