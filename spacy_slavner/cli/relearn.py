"""`relearn`: base forms and ids learnt anew in a pipeline whose names stay as they are."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ._app import app
from ._pipeline import SETTINGS

if TYPE_CHECKING:
    from spacy.language import Language

# What learns when a pipeline is initialised, and not by updates.
RELEARNED = ("name_normalizer", "name_linker")


@app.command("relearn")
def relearn_cli(
    pipeline: str = typer.Argument(..., help="Folder or installed name of a pipeline"),
    corpus: Path = typer.Argument(..., help="A .spacy file, or a folder with such files, to learn from"),
    out: Path = typer.Argument(..., help="Folder for the new pipeline; that of the old one is replaced"),
    components: str = typer.Option(",".join(RELEARNED), "--components", help="What learns anew"),
    settings: list[str] = SETTINGS,
) -> None:
    """Learn base forms and ids anew, from other names or with other settings, in minutes.

    Encoder, names and languages stay as they are: only these two learn when a pipeline is initialised.
    """
    from wasabi import msg

    from ..files import whole_folder
    from ._pipeline import load_pipeline, read_settings

    nlp = load_pipeline(pipeline, read_settings(settings))
    relearn(nlp, corpus, components.split(","))
    with whole_folder(out) as folder:
        nlp.to_disk(folder)
    msg.good(f"Pipeline with {components} learnt anew written to {out}")


def relearn(nlp: "Language", corpus: Path, components: list[str]) -> None:
    """Let components learn anew what they learn when a pipeline is initialised.

    nlp (Language): The pipeline, which is changed.
    corpus (Path): A .spacy file, or a folder with such files.
    components (list[str]): Names of components that a factory of RELEARNED made.
    RAISES (InputError): If a component is not in the pipeline or no such one, or the corpus has nothing to
        learn from.
    """
    from tqdm import tqdm

    from ..corpora.reader import create_corpus
    from ..errors import InputError

    possible = [name for name in nlp.component_names if nlp.get_pipe_meta(name).factory in RELEARNED]
    for name in components:
        if name not in possible:
            known = ", ".join(possible) or "none of this pipeline's"
            raise InputError(f"{name!r} cannot learn anew", remedy=f"Components that can: {known}")
    examples = list(create_corpus(corpus)(nlp))
    for name in tqdm(components, desc="Learning anew", unit="component"):
        given = nlp.config["initialize"]["components"].get(name, {})
        nlp.get_pipe(name).initialize(lambda: examples, nlp=nlp, **given)
