"""`annotate`: submission files of the shared tasks for a folder of raw documents."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ._app import app
from ._pipeline import SETTINGS, load_pipeline, read_settings

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc


@app.command("annotate")
def annotate_cli(
    pipeline: str = typer.Argument(..., help="Folder or installed name of a pipeline"),
    raw: Path = typer.Argument(..., help="Raw documents: <topic>/<language>/*.txt below it, or *.txt"),
    output: Path = typer.Argument(..., help="Folder for <topic>/<language>/*.txt.out"),
    encoding: str = typer.Option("utf-8", "--encoding", help="Encoding of the raw documents"),
    gold_language: bool = typer.Option(
        True, "--gold-language/--guess-language", help="Believe the folders about the language"
    ),
    force: bool = typer.Option(False, "--force", help="Replace a folder OUTPUT that is not empty"),
    settings: list[str] = SETTINGS,
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU id, -1 for the CPU"),
) -> None:
    """Write submission files (form, base form, type, id) that `check` accepts and `score` reads.

    A raw document has five header lines, or is plain text. Documents in other folders than
    <topic>/<language> come under the topic no_topic, or that of their first folder, and their language:
    what the folder says, else the header, else the pipeline. Where the pipeline gives no base form it
    is the form itself; where it gives no id, type and base form make one. With `--set
    components.name_linker.scope=corpus` the names of all documents are compared before they get ids.
    """
    from spacy.cli._util import setup_gpu
    from wasabi import msg

    from ..errors import InputError

    if output.is_dir() and any(output.iterdir()) and not force:
        raise InputError(
            "the output folder is not empty",
            path=output,
            remedy="Give a new folder, or --force to replace this one",
        )
    setup_gpu(use_gpu)
    nlp = load_pipeline(pipeline, read_settings(settings))
    counts = annotate(nlp, raw, output, encoding=encoding, gold_language=gold_language)
    if others := counts.pop("others", 0):
        msg.warn(f"{others} files that are not *.txt were left out")
    names = ", ".join(f"{type_} {n}" for type_, n in counts.most_common() if type_ != "documents")
    msg.good(f"{counts['documents']} documents written to {output}; names: {names or 'none'}")


def annotate(
    nlp: "Language",
    raw: Path,
    output: Path,
    *,
    encoding: str = "utf-8",
    gold_language: bool = True,
) -> Counter[str]:
    """Find names in raw documents and write submission files.

    nlp (Language): The pipeline.
    raw (Path): Folder of raw documents.
    output (Path): Folder that is written, whole or not at all.
    encoding (str): Encoding of the raw documents.
    gold_language (bool): Whether a folder's or header's language is taken for granted.
    RETURNS (Counter[str]): How many "documents", how many "others" that are no *.txt were left out, and how
        many names of each type.
    RAISES (InputError): When there are no raw documents or one cannot be read.
    """
    from tqdm import tqdm

    from ..corpora.bsnlp import to_annotation
    from ..corpora.slavicner import write_text
    from ..corpora.sources import NO_LANGUAGE, NO_TOPIC, file_stem
    from ..errors import InputError
    from ..files import files_below, whole_folder

    files = files_below(raw) if raw.is_dir() else []
    paths = [path for path in files if path.suffix == ".txt"]
    if not paths:
        raise InputError(
            "there are no raw documents",
            path=raw,
            remedy="Give a folder with <topic>/<language>/*.txt",
        )
    counts = Counter(others=len(files) - len(paths))
    taken: dict[str, set[str]] = {}
    docs = nlp.pipe(_read(nlp, raw, paths, encoding, gold_language), as_tuples=True)
    bar = tqdm(docs, total=len(paths), desc="Annotating", unit="doc")
    with whole_folder(output) as folder:
        for doc, (topic, language) in bar:
            set_missing_ids(doc)
            place = f"{topic or NO_TOPIC}/{language or doc._.language or NO_LANGUAGE}"
            name = file_stem(doc, taken.setdefault(place, set()))
            write_text(folder / place / f"{name}.txt.out", to_annotation(doc, name), "utf-8")
            counts["documents"] += 1
            counts.update(ent.label_ for ent in doc.ents)
    return counts


def _read(
    nlp: "Language", raw: Path, paths: list[Path], encoding: str, gold_language: bool
) -> Iterator[tuple["Doc", tuple[str | None, str | None]]]:
    """The documents, each with what is known about its topic and language."""
    from ..corpora.bsnlp import choose_language, parse_raw
    from ..corpora.sources import language_of, set_origin
    from ..corpora.text import clean, read_raw

    for path in paths:
        folders = path.relative_to(raw).parts[:-1]
        folder = language_of(folders[-1]) if folders else None
        document = parse_raw(clean(read_raw(path, encoding)), folder)
        language = choose_language(folder, document.language)
        topic = folders[0] if folders and folders != (folder,) else None
        doc = set_origin(
            nlp.make_doc(document.text),
            doc_id=document.doc_id,
            language=language if gold_language else None,
            topic=topic,
            source=path.relative_to(raw).as_posix(),
        )
        yield doc, (topic, language)


def set_missing_ids(doc: "Doc") -> None:
    """Give names without an id one that is made of type and base form.

    Without this all of them would share one entity for the evaluator.

    doc (Doc): The document.
    """
    from spacy.tokens import Span

    ents = []
    for ent in doc.ents:
        words = (ent._.base_form or ent.text).lower().split()
        kb_id = ent.kb_id_ or "-".join([ent.label_, *words])
        ents.append(Span(doc, ent.start, ent.end, ent.label_, kb_id=kb_id, span_id=ent.id_))
    doc.set_ents(ents, default="unmodified")
