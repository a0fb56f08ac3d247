"""`experiments`: systems x splits x seeds, each trained and evaluated, and the report on all of them."""

import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..errors import InputError
from ._app import app

if TYPE_CHECKING:
    from spacy.tokens import Doc

# The texts of a language whose names are not to be learnt.
TARGET_FILE = "target.spacy"


@dataclass(frozen=True)
class Experiment:
    """One run: a system on a split with a seed.

    system (str): Name of the system: that of its config, and of the languages if it has only some.
    split (str): Name of the split.
    seed (int): The seed.
    config (Path): Its config.
    settings (tuple[str, ...]): Settings of this run alone, as on the command line.
    """

    system: str
    split: str
    seed: int
    config: Path
    settings: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.system} on {self.split}, seed {self.seed}"

    def below(self, folder: Path) -> Path:
        return folder / self.system / self.split / str(self.seed)


@app.command(
    "experiments", context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)
def experiments_cli(
    ctx: typer.Context,
    systems: str = typer.Option(..., "--systems", help="Names of configs, e.g. feature_crf,bert_crf"),
    splits: str = typer.Option(
        "bsnlp2019", "--splits", help="Splits, e.g. bsnlp2019,single_out; those with + are joined"
    ),
    seeds: str = typer.Option("0,1", "--seeds", help="Seeds of the runs"),
    recipe: str = typer.Option("", "--recipe", help="Settings of the configs to take, e.g. short"),
    epochs: float = typer.Option(0, "--epochs", help="Passes over the training part (default: the config's)"),
    min_steps: int = typer.Option(0, "--min-steps", help="Least number of steps for the epochs"),
    max_steps: int = typer.Option(0, "--max-steps", help="Number of steps; beats the epochs if not 0"),
    max_docs: int = typer.Option(0, "--max-docs", help="Train on so many documents; 0 for all"),
    languages: str = typer.Option("", "--languages", help="Only these, e.g. cs; empty for the split's"),
    zero_shot: str = typer.Option(
        "", "--zero-shot", help="Test on each of these languages without its names, e.g. cs,pl or all"
    ),
    sources: str = typer.Option("", "--sources", help="For --zero-shot: names of these languages alone"),
    sweep: str = typer.Option("", "--sweep", help="Each value of a setting in turn, e.g. NAME=-1,0,3"),
    encoder: Path = typer.Option(Path("assets/encoder"), "--encoder", help="Folder with the encoder"),
    configs: Path = typer.Option(Path("configs"), "--configs", help="Folder with the configs"),
    corpus: Path = typer.Option(Path("corpus"), "--corpus", help="Folder with SOURCE.json and the splits"),
    training: Path = typer.Option(Path("training"), "--training", help="Folder for the pipelines"),
    metrics: Path = typer.Option(Path("metrics"), "--metrics", help="Folder for records and report"),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU id, -1 for the CPU"),
) -> None:
    """Train and evaluate systems on splits with seeds, and report on them.

    A finished run is kept, whatever its settings were: remove its folder to run it anew. An
    interrupted one goes on when the same command is given again. Settings are overridden as in spaCy,
    e.g. --training.eval_frequency 100.

    With --zero-shot, the training part has the names of all languages but one, or those of --sources, and
    the texts of that one without names; dev and test are those of that one. Each language takes its turn.
    """
    from wasabi import msg

    from .report import report

    some = f"_{languages.replace(',', '-')}" if languages else ""
    for system in _names(systems):
        if not (configs / f"{system}.cfg").is_file():
            path = configs / f"{system}.cfg"
            raise InputError("there is no such system", path=path, remedy="Give the names of configs")
    values = read_sweep(sweep)
    if sources and not zero_shot:
        raise InputError("--sources are languages to learn from", remedy="Give --zero-shot, too")
    parts = {}
    for split in _names(splits):
        if zero_shot:
            whole = prepare(corpus, split, languages, 0)
            for target in languages_of(whole) if zero_shot == "all" else _names(zero_shot):
                name = f"{split}{some}_zero_{target}"
                name += f"_from_{'-'.join(_names(sources))}" if sources else ""
                parts[name] = prepare_zero_shot(corpus / name, whole, target, _names(sources), max_docs)
        else:
            parts[split] = prepare(corpus, split, languages, max_docs)
    of_system = "" if zero_shot else some
    runs = [
        Experiment(system + of_system + suffix, split, int(seed), configs / f"{system}.cfg", settings)
        for split in parts
        for system in _names(systems)
        for suffix, settings in values.items()
        for seed in _names(seeds)
    ]
    options = [*("--recipe", recipe), *("--epochs", epochs), *("--min-steps", min_steps)]
    options += [*("--max-steps", max_steps), *("--gpu-id", use_gpu), *("--paths.encoder", encoder), *ctx.args]
    failed = []
    for i, run in enumerate(runs, start=1):
        msg.divider(f"{i} of {len(runs)}: {run}")
        if not _run(run, *parts[run.split], options, training, metrics, use_gpu):
            failed.append(run)
            msg.fail(f"{run} failed, see above; the others go on")
    if len(failed) < len(runs):
        report([metrics], metrics / "report.md", metrics / "results.json", metrics / "plots", None)
    msg.info(f"{len(runs) - len(failed)} of {len(runs)} runs are done; the table: {metrics / 'report.md'}")
    if failed:
        raise typer.Exit(1)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _run(
    run: Experiment,
    train: Path,
    others: list[Path],
    options: list[Any],
    training: Path,
    metrics: Path,
    use_gpu: int,
) -> bool:
    """Train and evaluate, each in a process of its own, unless that is done.

    RETURNS (bool): Whether it succeeded.
    """
    from wasabi import msg

    folder, record = run.below(training), run.below(metrics) / "metrics.json"
    target = others[0].parent / TARGET_FILE
    texts = ("--paths.target", target) if target.is_file() else ()
    if is_done(folder, record, [path.stem for path in others]):
        msg.good(f"Finished before and kept, with its settings; remove {folder} to run it anew")
        return True
    if not is_trained(folder) and not _command(
        *("train", run.config, folder, "--name", run.system, "--resume", *options),
        *("--paths.train", train, "--paths.dev", others[0], *texts, "--system.seed", run.seed),
        *run.settings,
    ):
        return False
    return _command(
        *("evaluate", folder / "model-best", *others, "--gpu-id", use_gpu),
        *("--run", folder / "metrics.json", "--metrics", record),
    )


def _command(*arguments: Any) -> bool:
    command = [sys.executable, "-m", "spacy_slavner", *map(str, arguments)]
    print(f"$ {shlex.join(['python', *command[1:]])}", flush=True)
    code = subprocess.run(command).returncode
    if code == 130:
        raise typer.Exit(130)
    return code == 0


def is_trained(folder: Path) -> bool:
    """RETURNS (bool): Whether a training run in this folder came to its end."""
    progress, record = folder / "progress.json", folder / "metrics.json"
    if not (progress.is_file() and record.is_file() and (folder / "model-best").is_dir()):
        return False
    return bool(json.loads(progress.read_text(encoding="utf-8")).get("finished"))


def is_done(folder: Path, record: Path, parts: list[str]) -> bool:
    """Say whether a run was trained and evaluated.

    folder (Path): Where it was trained.
    record (Path): Where its scores are recorded.
    parts (list[str]): What it is to be evaluated on.
    RETURNS (bool): Whether the record has the scores of that training run on all parts.
    """
    from ..evaluation.metrics import read_metrics

    if not (is_trained(folder) and record.is_file()):
        return False
    own, scored = read_metrics(folder / "metrics.json"), read_metrics(record)
    return own["info"] == scored["info"] and all(part in scored["results"] for part in parts)


def prepare(corpus: Path, split: str, languages: str, max_docs: int) -> tuple[Path, list[Path]]:
    """Find the parts of a split; those of the shared tasks are made where they are missing.

    corpus (Path): Folder with the splits.
    split (str): Name of the split, or several with + between them, whose parts are joined.
    languages (str): Only these, parted by commas; empty for all.
    max_docs (int): Most training documents; 0 for all.
    RETURNS (tuple[Path, list[Path]]): The training part, and those to evaluate on, dev first.
    RAISES (InputError): If the parts are not there and cannot be made.
    """
    from .corpus import PARTS_FILE, SOURCE_FILE, prepare_cli

    folder = corpus / (f"{split}_{languages.replace(',', '-')}" if languages else split)
    if "+" in split and not (folder / PARTS_FILE).is_file():
        join(folder, [prepare(corpus, one, languages, 0) for one in split.split("+")])
    if not (folder / "train.spacy").is_file():
        if not (corpus / SOURCE_FILE).is_file():
            raise InputError(
                "there is no such part of a corpus, and no record of a corpus to make it of",
                path=folder / "train.spacy",
                remedy="Run the commands `corpus` or `prepare-columns` first",
            )
        prepare_cli(corpus / SOURCE_FILE, folder, split, languages, 0)
    parts = [folder / "dev.spacy", folder / "test.spacy"]
    parts += [path for path in [folder / "snippets.spacy"] if path.is_file()]
    return limit(folder, max_docs) if max_docs else folder / "train.spacy", parts


def limit(folder: Path, max_docs: int) -> Path:
    """Write a part of a training part, once.

    folder (Path): Folder with train.spacy.
    max_docs (int): Number of documents.
    RETURNS (Path): The smaller part, whose record says of how many documents it was taken; the whole
        one if it has no more.
    """
    from ..corpora.docbin import read_docs, write_docbin
    from ..corpora.sources import blank_pipeline
    from ..corpora.subset import subset
    from ..evaluation.metrics import write_json
    from .corpus import PARTS_FILE, corpus_names, corpus_size

    whole, smaller = folder / "train.spacy", folder / f"train-{max_docs}" / "train.spacy"
    if smaller.is_file():
        return smaller
    docs = list(read_docs(whole, blank_pipeline().vocab))
    if len(docs) <= max_docs:
        return whole
    used = write_docbin(subset(docs, max_docs), smaller)
    corpus, split = corpus_names(whole)
    documents = {"used": used, "all": corpus_size(whole)["all"]}
    write_json(smaller.parent / PARTS_FILE, {"corpus": corpus, "split": split, "documents": documents})
    return smaller


def join(folder: Path, splits: list[tuple[Path, list[Path]]]) -> None:
    """Write the parts of several splits together: train with train, dev with dev, test with test.

    A document says which types of names the training part of its corpus has (`doc._.annotated_types`), so
    that names of other types are neither learnt as ordinary text nor expected; see `spacy-slavner.Corpus.v1`.

    folder (Path): Where to.
    splits (list[tuple[Path, list[Path]]]): From `prepare`.
    RAISES (InputError): A training part has no names, or the types of two collide.
    """
    from ..corpora.docbin import read_docs, write_docbin
    from ..corpora.mixed import check_types
    from ..corpora.sources import blank_pipeline
    from ..evaluation.metrics import write_json
    from .corpus import PARTS_FILE, corpus_names

    vocab = blank_pipeline().vocab
    types: dict[str, set[str]] = {}
    joined: dict[str, list[Doc]] = {"train": [], "dev": [], "test": []}
    for train, others in splits:
        docs = [list(read_docs(path, vocab)) for path in (train, *others[:2])]
        known = types.setdefault(str(train), {ent.label_ for doc in docs[0] for ent in doc.ents})
        if not known:
            raise InputError("the corpus has no annotation of names", path=train)
        for part, some in zip(joined.values(), docs, strict=True):
            for doc in some:
                doc._.annotated_types = sorted(known)
            part += some
    check_types(types)
    for part, docs in joined.items():
        write_docbin(docs, folder / f"{part}.spacy")
    corpora = dict.fromkeys(corpus_names(train)[0] for train, _ in splits)
    write_json(folder / PARTS_FILE, {"corpus": "+".join(corpora), "split": folder.name})


def languages_of(parts: tuple[Path, list[Path]]) -> list[str]:
    """RETURNS (list[str]): The languages of a split that are in its training, dev and test part."""
    from ..corpora.docbin import read_docs
    from ..corpora.sources import blank_pipeline

    vocab = blank_pipeline().vocab
    found = [{doc._.language for doc in read_docs(path, vocab)} for path in (parts[0], *parts[1][:2])]
    return sorted(set.intersection(*found) - {None})


def prepare_zero_shot(
    folder: Path, parts: tuple[Path, list[Path]], target: str, sources: list[str], max_docs: int
) -> tuple[Path, list[Path]]:
    """Write what is learnt and tested when the names of one language are unknown, once.

    Moon et al. (2019, section "Zero-shot Inference"): train on the other languages; choose and test on the
    target's dev and test part. Beside them lie the target's training texts without names, for tasks on
    unlabelled text.

    folder (Path): Where to.
    parts (tuple[Path, list[Path]]): The split with all languages, from `prepare`.
    target (str): The language.
    sources (list[str]): Languages whose names are known; none for all others.
    max_docs (int): Most training documents with names; 0 for all.
    RETURNS (tuple[Path, list[Path]]): The training part, and those to evaluate on, dev first.
    RAISES (InputError): A part would be empty.
    """
    from ..corpora.docbin import write_docbin
    from ..evaluation.metrics import write_json
    from .corpus import PARTS_FILE, corpus_names

    if not (folder / PARTS_FILE).is_file():
        for name, docs in _zero_shot_docs(parts, target, sources).items():
            write_docbin(docs, folder / name)
        write_json(folder / PARTS_FILE, {"corpus": corpus_names(parts[0])[0], "split": folder.name})
    train = limit(folder, max_docs) if max_docs else folder / "train.spacy"
    return train, [folder / "dev.spacy", folder / "test.spacy"]


def _zero_shot_docs(
    parts: tuple[Path, list[Path]], target: str, sources: list[str]
) -> "dict[str, list[Doc]]":
    """The documents of each file that `prepare_zero_shot` writes."""
    from ..corpora.docbin import read_docs
    from ..corpora.sources import blank_pipeline

    vocab = blank_pipeline().vocab
    train, dev, test = (list(read_docs(path, vocab)) for path in (parts[0], *parts[1][:2]))
    known = set(sources or (doc._.language for doc in train)) - {target}
    result = {"train.spacy": [doc for doc in train if doc._.language in known]}
    for name, docs in ((TARGET_FILE, train), ("dev.spacy", dev), ("test.spacy", test)):
        result[name] = [doc for doc in docs if doc._.language == target]
    for doc in result[TARGET_FILE]:
        doc.set_ents([], default="missing")
    for name, docs in result.items():
        if not docs:
            there = ", ".join(sorted({str(doc._.language) for doc in train}))
            raise InputError(
                f"no documents for {name} with {target!r} as target",
                path=parts[0],
                remedy=f"The training part has the languages {there}",
            )
    return result


def read_sweep(sweep: str) -> dict[str, tuple[str, ...]]:
    """Read the values that a setting takes in turn.

    sweep (str): Such as "components.transformer.model.frozen_layers=-1,0,3"; empty for no such setting.
    RETURNS (dict[str, tuple[str, ...]]): Arguments by the suffix for the system's name.
    RAISES (InputError): It is not of that form.
    """
    if not sweep:
        return {"": ()}
    name, _, values = sweep.partition("=")
    if "." not in name or not _names(values):
        remedy = "Write it as components.transformer.model.frozen_layers=-1,0,3"
        raise InputError(f"--sweep {sweep} names no values of a setting", remedy=remedy)
    return {f"_{name.rpartition('.')[2]}_{value}": (f"--{name}={value}",) for value in _names(values)}
