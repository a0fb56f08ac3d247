"""`silver`: a corpus whose names trained pipelines have found, to learn from besides annotated ones."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..errors import InputError
from ._app import app
from ._texts import LANGUAGES, TEXTS, WITHOUT, command_of, folders, say_left_out

if TYPE_CHECKING:
    from ..pretraining.texts import Texts
    from ..training.silver import Text


@app.command("silver")
def silver_cli(
    ctx: typer.Context,
    output: Path = typer.Argument(..., help="Folder for the corpus, such as corpus/silver/bsnlp2019"),
    pipelines: list[str] = typer.Option(
        ..., "--pipeline", "-p", help="Folder or installed name of a pipeline; several times for several"
    ),
    texts: list[str] = TEXTS,
    without: list[Path] = WITHOUT,
    languages: str = LANGUAGES,
    least: float = typer.Option(
        0.4, "--least", min=0.0, max=1.0, help="Least mean confidence of a name over the pipelines"
    ),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU id, -1 for the CPU"),
) -> None:
    """Find names in unlabelled text with one or several pipelines, as a corpus to learn from besides.

    `experiments --transfer uner_hr+silver` learns from corpus/silver/SPLIT, each split from its own. Its dev
    and test part are empty: nothing is to be measured on what nobody has annotated. Take pipelines of the
    split that is trained afterwards, and leave that split's documents out with --without.
    """
    from spacy.cli._util import setup_gpu
    from tqdm import tqdm
    from wasabi import msg

    from ..corpora.docbin import write_docbin
    from ..evaluation.metrics import describe_code, write_json
    from ..pretraining.texts import find_texts
    from ..training.silver import TOPIC, label
    from ._pipeline import load_pipeline
    from .corpus import PARTS_FILE

    setup_gpu(use_gpu)
    found = find_texts(folders(texts), without, languages.replace(",", " ").split())
    loaded = [load_pipeline(name) for name in pipelines]
    bar = tqdm(label(loaded, stream(found), least), desc="Labelling", unit="doc")
    docs = [doc for doc in bar if len(doc)]
    names = Counter(ent.label_ for doc in docs for ent in doc.ents)
    if not names:
        raise InputError("the pipelines find no names in the text", path=output, remedy="Lower --least")
    record = {
        "command": command_of(ctx),
        **describe_code(),
        "least": least,
        "documents": dict(Counter(str(doc._.language) for doc in docs)),
        "tokens": sum(map(len, docs)),
        "names": dict(names.most_common()),
        "left_out": found.counts_left_out(),
    }
    write_json(output / "report.json", record)
    write_json(output / PARTS_FILE, {"corpus": TOPIC, "split": output.name})
    # The training part last: it says that all are there.
    for part, some in (("test", []), ("dev", []), ("train", docs)):
        write_docbin(some, output / f"{part}.spacy")
    say_left_out(record)
    counts = ", ".join(f"{type_} {n:,}" for type_, n in names.most_common())
    msg.good(f"{len(docs):,} documents with names of {len(loaded)} pipelines in {output}: {counts}")


def stream(texts: "Texts") -> "Iterator[Text]":
    """Go through all texts, one language after another.

    texts (Texts): The texts.
    YIELDS (Text): Each of them.
    """
    from ..pretraining.texts import UNKNOWN
    from ..training.silver import Text

    for language, documents in texts.documents.items():
        for document in documents:
            for name, text in document.texts():
                yield Text(name, text, None if language == UNKNOWN else language)
