"""`train`: train a pipeline, with a record of the run and the means to go on after an interruption."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..errors import InputError
from ._app import app

if TYPE_CHECKING:
    from spacy.language import Language
    from thinc.api import Config

    from ..evaluation.metrics import RunInfo
    from ..training.progress import Progress


@app.command("train", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def train_cli(
    ctx: typer.Context,
    config_path: Path = typer.Argument(..., help="Config: of a system, or a full one"),
    output_path: Path = typer.Argument(..., help="Folder for model-best, model-last, metrics.json"),
    resume: bool = typer.Option(
        False, "--resume", "-r", help="Go on where the run stopped; keep it if it is finished"
    ),
    recipe: str = typer.Option("", "--recipe", help="Take these settings of the config, such as short"),
    epochs: float = typer.Option(
        0, "--epochs", help="Passes over the training corpus (default: the config's system.epochs)"
    ),
    min_steps: int = typer.Option(0, "--min-steps", help="Least number of steps for the epochs"),
    max_steps: int = typer.Option(0, "--max-steps", help="Number of steps; beats the epochs if not 0"),
    name: str = typer.Option(None, "--name", help="Name of the system (default: the config's)"),
    metrics: Path = typer.Option(
        None, "--metrics", "-m", help="Where to write the record (default: in the output folder)"
    ),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU id, -1 for the CPU"),
) -> None:
    """Train a pipeline as `spacy train` does, able to resume.

    Settings are overridden as in spaCy, e.g. --paths.train corpus/train.spacy
    --training.max_steps 100. Ctrl-C (or SIGTERM) saves and says how to go on.
    """
    import signal

    from spacy.cli._util import parse_config_overrides

    from ..training.config import changed_settings, merge_config, read_recipe

    # To be ended by a scheduler or a shutdown is to be interrupted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    overrides = read_recipe(config_path, recipe) | parse_config_overrides(ctx.args)
    overrides |= {"system.epochs": epochs} if epochs else {}
    overrides |= {"training.max_steps": max_steps} if max_steps else {}
    config = merge_config(config_path, overrides)
    counted = "training.max_steps" in overrides
    train(
        config,
        output_path,
        resume=resume,
        epochs=0 if counted else config.get("system", {}).get("epochs", 0),
        min_steps=min_steps,
        name=name or config_path.stem,
        metrics=metrics,
        use_gpu=use_gpu,
        recipe=recipe,
        changed=changed_settings(config_path, config),
    )


def train(
    config: "Config",
    output: Path,
    *,
    resume: bool = False,
    epochs: float = 0,
    min_steps: int = 0,
    name: str = "",
    metrics: Path | None = None,
    use_gpu: int = -1,
    recipe: str = "",
    changed: dict[str, list] | None = None,
) -> "Progress":
    """Train a pipeline or go on training it.

    config (Config): The config, its variables not filled in.
    output (Path): Folder for model-best, model-last and the record.
    resume (bool): Go on with the run in that folder if the config and all that its `paths` hold are the
        same; a finished run is kept. Otherwise, and where there is no run, one is begun.
    epochs (float): If not 0, training ends after so many passes over the training corpus.
    min_steps (int): Least number of steps where `epochs` sets it.
    name (str): Name of the system, for the record; empty for that of the output folder.
    metrics (Path | None): Where to write the record; None: metrics.json in the output folder.
    use_gpu (int): GPU id, -1 for the CPU.
    recipe (str): The config's recipe that was taken, for the record.
    changed (dict[str, list] | None): What differs from the system's config, for the record.
    RETURNS (Progress): What was done.
    RAISES (InputError): When a corpus or the encoder is missing.
    """
    from time import process_time
    from timeit import default_timer as timer

    from spacy.cli._util import setup_gpu
    from wasabi import msg

    from ..evaluation.metrics import describe_code, write_metrics
    from ..training.loop import Interrupted, count_steps
    from ..training.loop import train as run_training

    max_steps = config["training"].get("max_steps", 0)
    goal = f"{epochs:g} epochs, at least {min_steps} steps" if epochs else f"{max_steps} steps"
    progress = _progress(config, output, resume)
    if progress.is_kept(goal):
        msg.good(f"The run in {output} is finished ({progress.steps} steps) and is kept")
        return progress
    _check_annotated(config)
    _check_encoder(config)
    setup_gpu(use_gpu)
    msg.divider("Initializing pipeline")
    start, cpu_start = timer(), process_time()
    # What runs, whatever is checked out by the time that it ends.
    code = describe_code()
    nlp = _initialize(config, output, progress, use_gpu)
    initialize_seconds = timer() - start
    if epochs:
        steps = max(count_steps(nlp, epochs), min_steps)
        nlp.config["training"]["max_steps"] = steps
        msg.info(f"The run has {steps} steps ({goal})")
    msg.divider("Training pipeline")
    progress.goal, progress.finished = goal, ""
    try:
        run_training(nlp, output, progress, use_gpu=use_gpu)
    except Interrupted:
        msg.warn(f"Stopped after {progress.steps} steps and saved in {output / 'model-last'}")
        msg.text("The same command with --resume goes on from there")
        raise typer.Exit(130) from None
    metrics = metrics or output / "metrics.json"
    info = _info(
        nlp,
        progress,
        system=name or output.name,
        initialize_seconds=round(initialize_seconds, 1),
        cpu_seconds=round(process_time() - cpu_start, 1),
        epochs=epochs or None,
        recipe=recipe,
        changed=changed or {},
        **code,
    )
    write_metrics(metrics, info, {}, progress.curve)
    msg.good(f"{progress.steps} steps in {progress.seconds:.0f} s, recorded in {metrics}")
    msg.text(
        f"The best pipeline (score {progress.best_score:.4f}, step {progress.best_step}) "
        f"lies in {output / 'model-best'}"
    )
    return progress


def _progress(config: "Config", output: Path, resume: bool) -> "Progress":
    """The record to go on with, or a new one."""
    from wasabi import msg

    from ..training.progress import Progress, fingerprint

    _check_corpora(config)
    new = Progress(fingerprint(config))
    old = Progress.from_disk(output) if resume else None
    if old is None:
        return new
    if old.fingerprint != new.fingerprint:
        msg.warn(f"The run in {output} had another config, corpus or encoder; a new one is begun")
        return new
    if not (output / "model-last" / "config.cfg").is_file():
        msg.warn(f"The run in {output} has lost its checkpoint; a new one is begun")
        return new
    return old


def _check_corpora(config: "Config") -> None:
    settings = config.interpolate()
    paths = settings.get("paths", {})
    vectors = settings.get("initialize", {}).get("vectors")
    # A name without folders may be that of a package.
    if vectors and len(Path(vectors).parts) > 1 and not Path(vectors).exists():
        remedy = "Make them with `vectors-align` or `spacy init vectors`; give the folder as --paths.vectors"
        raise InputError("there are no word vectors", path=vectors, remedy=remedy)
    for name in ("train", "dev"):
        if name in paths and not (paths[name] and Path(paths[name]).exists()):
            raise InputError(
                f"there is no {name} corpus",
                path=paths[name],
                remedy=f"Make it with `convert` and give it as --paths.{name}",
            )


def _check_annotated(config: "Config") -> None:
    """Without names in the dev part every score would be 0, and the first checkpoint the best one."""
    from spacy.vocab import Vocab

    from ..corpora.docbin import read_docs

    settings = config.interpolate()
    path = settings.get("paths", {}).get("dev")
    factories = {settings["components"].get(name, {}).get("factory") for name in settings["nlp"]["pipeline"]}
    if not path or not factories & {"crf_ner", "feature_crf"}:
        return
    if not any(doc.ents for doc in read_docs(path, Vocab())):
        remedy = "Give a dev part with names, else nothing says how good the pipeline is"
        raise InputError("no document of the dev corpus has names annotated", path=path, remedy=remedy)


def _check_encoder(config: "Config") -> None:
    """Make sure of the encoder now, not after minutes of initialisation."""
    from ..hub import find_encoder

    settings = config.interpolate()
    for name in settings["nlp"]["pipeline"]:
        model = settings["components"].get(name, {}).get("model", {})
        if "TransformerModel" in model.get("@architectures", ""):
            find_encoder(model["name"])


def _initialize(config: "Config", output: Path, progress: "Progress", use_gpu: int) -> "Language":
    from spacy.cli._util import show_validation_error
    from spacy.training.initialize import init_nlp
    from wasabi import msg

    with show_validation_error(hint_fill=False):
        nlp = init_nlp(config, use_gpu=use_gpu)
    if progress.steps:
        # Only the weights are taken over: the checkpoint's config may have had another length.
        settings = nlp.config.copy()
        nlp.from_disk(output / "model-last")
        nlp.config = settings
        progress.resumed.append(progress.steps)
        msg.good(f"Initialized pipeline; going on after step {progress.steps}")
    else:
        msg.good("Initialized pipeline")
    return nlp


def _info(nlp: "Language", progress: "Progress", **known: Any) -> "RunInfo":
    """What the record says about the run."""
    from spacy.util import walk_dict

    from ..evaluation.metrics import RunInfo
    from ..training.parameters import count_parameters
    from .corpus import corpus_names, corpus_size

    config = nlp.config.interpolate()
    path, target = (Path(config["paths"].get(name) or "") for name in ("train", "target"))
    corpus, split = corpus_names(path)
    documents = corpus_size(path)
    if target.name and any(str(target) == value for _, value in walk_dict(config["corpora"])):
        documents = documents | {"unlabelled": corpus_size(target)["used"]}
    return RunInfo(
        corpus=corpus,
        split=split,
        seed=config["training"]["seed"],
        steps=progress.steps,
        resumed=progress.resumed,
        seconds=round(progress.seconds, 1),
        words_per_second=round(progress.words / max(progress.seconds, 1e-9), 1),
        parameters=count_parameters(nlp),
        documents=documents,
        **known,
    )
