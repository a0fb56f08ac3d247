"""`translate`: an annotated corpus in the words of another language."""

from pathlib import Path

import typer

from ._app import app


@app.command("translate")
def translate_cli(
    corpus: Path = typer.Argument(..., help=".spacy file, or a folder with such files"),
    output: Path = typer.Argument(..., help=".spacy file to write"),
    dictionary: Path = typer.Option(..., "--dictionary", "-d", help="Dictionary, or folder with some"),
    vectors: Path = typer.Option(..., "--vectors", "-v", help="Joint vectors as of `vectors-align`"),
    source: str = typer.Option(..., "--from", help="Language to translate, e.g. pl; the others stay"),
    target: str = typer.Option(..., "--to", help="Language to translate into, e.g. cs"),
    alpha: float = typer.Option(0.5, "--alpha", help="Weight of the word against its context", min=0, max=1),
    window: int = typer.Option(0, "--window", help="Context words on each side; 0 for the sentence"),
    with_source: bool = typer.Option(True, "--with-source/--without-source", help="Keep the originals, too"),
) -> None:
    """Translate a corpus word by word, names and all; words that the dictionary lacks stay.

    Documents in other languages stay, too; those that do not say their language are translated. The result
    is training data for any system, one with a transformer too.
    """
    from tqdm import tqdm
    from wasabi import msg

    from ..corpora.docbin import read_docs, write_docbin
    from ..corpora.sources import blank_pipeline
    from ..crosslingual.translation import make_translator, translate_docs

    translator = make_translator(dictionary, vectors, source, target, alpha, window)
    docs = tqdm(read_docs(corpus, blank_pipeline().vocab), desc="Translating", unit="doc")
    n = write_docbin(translate_docs(docs, translator, with_source), output)
    others = n - translator.documents * (1 + with_source)
    share = translator.translated / max(1, translator.words)
    msg.good(
        f"{n:,} documents in {output}, {translator.documents:,} of them translations; "
        f"{translator.translated:,} of {translator.words:,} words were translated ({share:.1%}), "
        "the others are as they were"
    )
    if others:
        msg.warn(f"{others:,} documents in other languages than {source} are as they were")
