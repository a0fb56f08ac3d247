"""`try`: the names that a pipeline finds in short texts."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ._app import app

if TYPE_CHECKING:
    from spacy.tokens import Doc

TEXTS = Path(__file__).parent / "texts"


@app.command("try")
def try_cli(
    pipeline: str = typer.Argument("xx_slavner", help="Installed name or folder of a pipeline"),
    texts: Path = typer.Option(
        TEXTS, "--texts", help="Folder with .txt files, or one such file", show_default="those of the package"
    ),
    text: str = typer.Option(None, "--text", help="A text of your own"),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU id, -1 for the CPU"),
) -> None:
    """Show the names in six short texts, one per language, with type and confidence."""
    from spacy.cli._util import setup_gpu
    from wasabi import msg

    from ..corpora.text import clean, read_raw
    from ..errors import InputError
    from ._pipeline import load_pipeline

    paths = [texts] if texts.is_file() else sorted(texts.glob("*.txt"))
    inputs = [text] if text is not None else [clean(read_raw(path, "utf-8")).strip() for path in paths]
    if not inputs:
        raise InputError("there are no texts", path=texts, remedy="Give one with --text")
    setup_gpu(use_gpu, silent=True)
    docs = list(load_pipeline(pipeline).pipe(inputs))
    for doc in docs:
        msg.divider(_language(doc))
        print(f"{doc.text}\n{names_table(doc)}")
    n = sum(len(doc.ents) for doc in docs)
    msg.good(f"{n} names in {len(docs)} texts, found by {pipeline}")


def _language(doc: "Doc") -> str:
    language = doc._.language or "language unknown"
    score = doc._.language_score
    return language if score is None else f"{language} ({score:.2f})"


def names_table(doc: "Doc") -> str:
    """The names of a document as a table for the terminal.

    doc (Doc): The document.
    RETURNS (str): One row per name: form, type, confidence, and base form and id if there are any.
    """
    from wasabi import table

    if not doc.ents:
        return "\nno names"
    rows = [
        [
            ent.text,
            ent.label_,
            "" if ent._.confidence is None else f"{ent._.confidence:.2f}",
            ent._.base_form or "",
            ent.kb_id_,
        ]
        for ent in doc.ents
    ]
    # Columns that the pipeline has nothing to say about are left out.
    header = ["Name", "Type", "Confidence", "Base form", "Id"]
    used = [i for i in range(len(header)) if any(row[i] for row in rows)]
    cells = [[row[i] for i in used] for row in rows]
    return table(cells, header=[header[i] for i in used], divider=True, max_col=80).rstrip()
