"""`experiments`: systems x splits x seeds, each trained and evaluated, and the report on all of them."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..errors import InputError
from ..files import files_below
from ._app import app
from ._parts import (
    Parts,
    for_split,
    is_current,
    join_more,
    languages_of,
    prepare,
    prepare_zero_shot,
    types_of,
)

if TYPE_CHECKING:
    from thinc.api import Config

# The value of --languages and --zero-shot that stands for each language in turn.
ALL = "all"
CHECKPOINTS = ("model-last", "model-best")
# What runs are evaluated on, as far as the split has it.
PARTS = ("dev", "test", "snippets")
# The encoder that a run need not name.
ENCODER = Path("assets/encoder")
# Longest name of a setting and its value in the name of a system.
LONGEST = 80
FROZEN = "components.transformer.model.frozen_layers"
# The types that a recogniser finds; null in the configs of systems that find those of the split alone.
TYPES = "initialize.components.crf_ner.labels"
# What became of a run.
KEPT, MADE = "kept", "made"


@dataclass(frozen=True)
class Experiment:
    """One run: a system on a split with a seed.

    system (str): Name of the system: that of its config, and of what makes it differ from the config.
    split (str): Name of the split, and of the language that is held out.
    seed (int): The seed.
    config (Path): Its config.
    parts (Parts): What it learns from and is measured on.
    encoder (Path): Folder with the encoder.
    settings (tuple[str, ...]): Settings of this run alone, as on the command line.
    design (dict[str, Any]): What the record says of it: "system" (the config), "split", and where they apply
        "held_out" and "sources" (languages), "language" (the only one), "setting" (name and value),
        "transfer" (the split that the encoder learnt from before, or the system learns from besides),
        "tells" and "finds" (the languages that the pipeline tells, and the types that it finds if its config
        leaves that open, where it learns from other corpora besides),
        "encoder" (its name, if it is not the usual one), "series" (the runs that it is compared with).
    """

    system: str
    split: str
    seed: int
    config: Path
    parts: Parts
    encoder: Path = ENCODER
    settings: tuple[str, ...] = ()
    design: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.system} on {self.split}, seed {self.seed}"

    def below(self, folder: Path) -> Path:
        return folder / self.system / self.split / str(self.seed)

    def arguments(self) -> list[str]:
        """RETURNS (list[str]): What `experiments` is told for this run alone, without what all share."""
        design = self.design
        given = ["--systems", design["system"], "--splits", design["split"], "--seeds", str(self.seed)]
        if "held_out" in design:
            given += ["--zero-shot", design["held_out"]]
        if design.get("sources"):
            given += ["--sources", ",".join(design["sources"])]
        if "language" in design:
            given += ["--languages", design["language"]]
        if "setting" in design:
            # The semicolon keeps a value with commas whole.
            given += ["--sweep", "=".join(design["setting"]) + ";"]
        if "transfer" in design:
            given += ["--transfer", design["transfer"]]
        if "encoder" in design:
            given += ["--encoder", str(self.encoder)]
        return given

    def merged(self, recipe: str, arguments: list[str]) -> "Config":
        """RETURNS (Config): Its config with a recipe, what all runs are told, and its own settings."""
        from spacy.cli._util import parse_config_overrides

        from ..training.config import merge_config, read_recipe

        overrides = parse_config_overrides([*arguments, *self.settings])
        return merge_config(self.config, read_recipe(self.config, recipe) | overrides)


@app.command("experiments", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
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
    max_docs: int = typer.Option(0, "--max-docs", help="Train on so many documents of a split; 0 for all"),
    languages: str = typer.Option(
        "", "--languages", help="Only these, e.g. cs; all: each by itself; empty for the split's"
    ),
    zero_shot: str = typer.Option(
        "", "--zero-shot", help="Test on each of these languages without its names, e.g. cs,pl or all"
    ),
    sources: str = typer.Option("", "--sources", help="For --zero-shot: names of these languages alone"),
    sweep: list[str] = typer.Option(
        [],
        "--sweep",
        help="Each value of a setting in turn, e.g. NAME=-1,0,3, or of several at once, NAME+NAME=0.1,0.2; "
        "may be given again",
    ),
    transfer: str = typer.Option(
        "", "--transfer", help="First train on this split, e.g. uner_hr+uner_sk, and take the encoder over"
    ),
    transfer_system: str = typer.Option("transfer_union", "--transfer-system", help="System for --transfer"),
    encoder: list[Path] = typer.Option(
        [ENCODER], "--encoder", help="Folder with an encoder; may be given again, for runs with each"
    ),
    configs: Path = typer.Option(Path("configs"), "--configs", help="Folder with the configs"),
    corpus: Path = typer.Option(Path("corpus"), "--corpus", help="Folder with SOURCE.json and the splits"),
    checkpoint: str = typer.Option(
        "",
        "--checkpoint",
        help="What is evaluated: model-last, or model-best on the dev part (default: the config's "
        "system.checkpoint, else model-last)",
    ),
    parts: str = typer.Option(
        ",".join(PARTS), "--parts", help="What is evaluated; dev alone where settings are chosen"
    ),
    series: str = typer.Option(
        "", "--series", help="Name for runs that are compared with each other alone, e.g. by their budget"
    ),
    training: Path = typer.Option(Path("training"), "--training", help="Folder for the pipelines"),
    metrics: Path = typer.Option(Path("metrics"), "--metrics", help="Folder for records and report"),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU id, -1 for the CPU"),
) -> None:
    """Train and evaluate systems on splits with seeds, and report on them.

    A finished run is kept, whatever its settings were: remove its folder to run it anew. An
    interrupted one goes on when the same command is given again. Settings are overridden as in spaCy,
    e.g. --training.eval_frequency 100. The record of a run has the command for it alone.

    With --zero-shot, the training part has the names of all languages but one, or those of --sources, and
    the texts of that one without names; dev and test are those of that one. Each language takes its turn.

    With --transfer, systems whose config has `paths.source` begin with the encoder of a run on that split
    with the same seed, which is trained first; those that read several corpora learn from both at once. Of a
    corpus that has a folder for each split (`silver`), they read that of theirs.

    With --series, the runs bear its name, and are laid beside each other in the report, never beside runs
    of the same systems that had more documents or passes.
    """
    from wasabi import msg

    from .report import report

    _check(configs, [*_names(systems), *([transfer_system] if transfer else [])], checkpoint, sweep)
    _check_names(_names(parts), series)
    _check_encoders(encoder)
    if sources and not zero_shot:
        raise InputError("--sources are languages to learn from", remedy="Give --zero-shot, too")
    values = [value for each in sweep for value in read_sweep(each)] or [None]
    common = {"series": series} if series else {}
    designs = [
        (design | {"system": name} | ({"setting": list(value)} if value else {}) | common, files)
        for split in _names(splits)
        for design, files in _designs(corpus, split, languages, zero_shot, _names(sources), max_docs)
        for name in _names(systems)
        for value in values
    ]
    union_parts = None
    if transfer:
        designs = [_with_more(*each, configs, corpus, transfer) for each in designs]
        if any(takes_weights(configs / f"{name}.cfg") for name in _names(systems)):
            union_parts = prepare(corpus, transfer, "", 0)
    runs: list[Experiment] = []
    for seed, folder in product(map(int, _names(seeds)), encoder):
        first = taken = None
        if union_parts:
            union = {"system": transfer_system, "split": transfer} | common
            first = _experiment(union, union_parts, seed, folder, configs)
            taken = first.below(training) / (checkpoint or chosen_checkpoint(first.merged(recipe, ctx.args)))
            runs.append(first)
        for design, files in designs:
            run = _experiment(design, files, seed, folder, configs, first, taken)
            config = run.merged(recipe, ctx.args)
            if folder != encoder[0] and "transformer" not in config["nlp"]["pipeline"]:
                continue
            if _is_beyond_encoder(run, config):
                msg.info(f"{run} is left out: the encoder has fewer layers")
            else:
                runs.append(run)
    options = [*("--recipe", recipe), *("--epochs", epochs), *("--min-steps", min_steps)]
    options += [*("--max-steps", max_steps), *("--gpu-id", use_gpu), *ctx.args]
    failed = []
    for i, run in enumerate(runs, start=1):
        msg.divider(f"{i} of {len(runs)}: {run}")
        which = checkpoint or chosen_checkpoint(run.merged(recipe, ctx.args))
        if outcome := _run(run, options, training, which, _names(parts), metrics, use_gpu):
            # The corpora that a transfer begins with are read whole.
            given = _given(ctx, without="max_docs" if run.parts is union_parts else "")
            _describe(run.below(metrics) / "metrics.json", run, given, outcome)
        else:
            failed.append(run)
            msg.fail(f"{run} failed, see above; the others go on")
    if len(failed) < len(runs):
        report([metrics], metrics / "report.md", metrics / "results.json", metrics / "plots", None)
    msg.info(f"{len(runs) - len(failed)} of {len(runs)} runs are done; the table: {metrics / 'report.md'}")
    if failed:
        raise typer.Exit(1)


def _check(configs: Path, systems: list[str], checkpoint: str, sweep: list[str]) -> None:
    for name in systems:
        if not (configs / f"{name}.cfg").is_file():
            path = configs / f"{name}.cfg"
            raise InputError("there is no such system", path=path, remedy="Give the names of configs")
    if checkpoint and checkpoint not in CHECKPOINTS:
        raise InputError(f"there is no checkpoint {checkpoint!r}", remedy=f"Give {' or '.join(CHECKPOINTS)}")
    if any(each.startswith("paths.encoder=") for each in sweep):
        raise InputError("the encoder is no setting", remedy="Give --encoder FOLDER for each encoder")


def _check_names(parts: list[str], series: str) -> None:
    for name in parts or [""]:
        if name not in PARTS:
            raise InputError(f"there is no part {name!r}", remedy=f"Give some of {', '.join(PARTS)}")
    if not re.fullmatch(r"[\w.+-]*", series):
        remedy = "It goes into names of folders: letters, digits, and - + . _ alone"
        raise InputError(f"--series {series} is no name", remedy=remedy)


def _check_encoders(folders: list[Path]) -> None:
    """Runs with two encoders of one name would be taken for each other."""
    names: dict[str, Path] = {}
    for folder in folders:
        other = names.setdefault(encoder_name(folder), folder)
        if other != folder:
            raise InputError(
                f"this encoder and {other} have one name for the report, {encoder_name(folder)!r}",
                path=folder,
                remedy="Its last three folders make it: give one of them another name",
            )


def chosen_checkpoint(config: "Config") -> str:
    """RETURNS (str): What a system's config says is evaluated."""
    return config.get("system", {}).get("checkpoint", CHECKPOINTS[0])


# Options that say which runs there are; a run's own are in `Experiment.arguments`.
OF_RUNS = ("systems", "splits", "seeds", "languages", "zero_shot", "sources", "sweep", "transfer", "encoder")


def _given(ctx: typer.Context, without: str = "") -> list[str]:
    """What the user said that holds for all runs, as on the command line, but for one option."""
    given = []
    for parameter in ctx.command.params:
        value = ctx.params.get(parameter.name)
        said = ctx.get_parameter_source(parameter.name).name == "COMMANDLINE"
        if parameter.name in (*OF_RUNS, without):
            continue
        if said and value not in (None, parameter.default):
            given += [parameter.opts[0], str(value)]
    return given + list(ctx.args)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _designs(
    corpus: Path, split: str, languages: str, zero_shot: str, sources: list[str], max_docs: int
) -> Iterator[tuple[dict[str, Any], Parts]]:
    """What is learnt from and measured on in one split: it, some languages of it, or each without names."""
    if zero_shot:
        whole = prepare(corpus, split, languages, 0)
        some = f"_{'-'.join(_names(languages))}" if languages else ""
        for target in languages_of(whole) if zero_shot == ALL else _names(zero_shot):
            name = f"{split}{some}_zero_{target}" + (f"_from_{'-'.join(sources)}" if sources else "")
            parts = prepare_zero_shot(corpus / name, whole, target, sources, max_docs)
            design = {"split": split, "held_out": target, "sources": sources}
            yield design | ({"language": languages} if languages else {}), parts
        return
    for some in languages_of(prepare(corpus, split, "", 0)) if languages == ALL else [languages]:
        parts = prepare(corpus, split, some, max_docs)
        yield {"split": split} | ({"language": some} if some else {}), parts


def _with_more(
    design: dict[str, Any], parts: Parts, configs: Path, corpus: Path, transfer: str
) -> tuple[dict[str, Any], Parts]:
    """A system that reads several corpora learns from those of --transfer too; it tells its own languages."""
    if not reads_corpora(configs / f"{design['system']}.cfg"):
        return design, parts
    besides: dict[str, Any] = {"transfer": transfer, "tells": languages_of(parts)}
    if leaves_types_open(configs / f"{design['system']}.cfg"):
        besides["finds"] = types_of(parts)
    more = prepare(corpus, for_split(corpus, transfer, design["split"]), "", 0)
    return design | besides, join_more(parts, more, transfer)


def _experiment(
    design: dict[str, Any],
    parts: Parts,
    seed: int,
    encoder: Path,
    configs: Path,
    first: Experiment | None = None,
    taken: Path | None = None,
) -> Experiment:
    """A run by its design; if its system takes an encoder over, that of the pipeline `taken` from `first`."""
    system, split, settings = design["system"], design["split"], ()
    config = configs / f"{system}.cfg"
    if "held_out" in design:
        split = parts.others[0].parent.name
        settings += _languages(config, design)
    elif "language" in design:
        system += f"_{design['language'].replace(',', '-')}"
    if "setting" in design:
        name, value = design["setting"]
        system += f"_{_slug(name, value)}"
        settings += tuple(f"--{each}={value}" for each in name.split("+"))
    if "transfer" in design:
        system += f"_with_{design['transfer']}"
        settings += (f"--initialize.components.language_id.labels={json.dumps(design['tells'])}",)
        if "finds" in design:
            settings += (f"--{TYPES}={json.dumps(design['finds'])}",)
    elif first and takes_weights(config):
        design = design | {"transfer": first.split}
        system += f"_from_{first.split}"
        settings += ("--paths.source", str(taken))
    if name := encoder_name(encoder):
        design = design | {"encoder": name}
        system += f"_on_{name}"
    if "series" in design:
        system += f"_{design['series']}"
    return Experiment(system, split, seed, config, parts, encoder, settings, design)


def _languages(config: Path, design: dict[str, Any]) -> tuple[str, ...]:
    """The languages that a system wants to know, where it learns from one and reads another."""
    from ..training.config import merge_config

    system, sources = merge_config(config).get("system", {}), design["sources"]
    known = {"target_language": design["held_out"]}
    known |= {"source_language": sources[0]} if len(sources) == 1 else {}
    return tuple(f"--system.{name}={value}" for name, value in known.items() if name in system)


def _slug(name: str, value: str) -> str:
    """A setting and its value as part of a file's name; the whole name, since its last word may be common."""
    text = re.sub(r"[^\w.+-]+", "-", f"{name.partition('.')[2]}_{value}").rstrip("-")
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}-{blake2b(text.encode(), digest_size=4).hexdigest()}"


def encoder_name(folder: Path) -> str:
    """Name an encoder by where it lies: one that was trained further is always in a folder `encoder`.

    folder (Path): Its folder.
    RETURNS (str): Empty for the usual one.
    """
    if folder == ENCODER:
        return ""
    words = [word for word in folder.parts if word not in ("assets", "..", folder.anchor)]
    if words[-1] == ENCODER.name and len(words) > 1:
        words.pop()
    # Those of a training run: what it is, its split, its seed.
    return re.sub(r"[^\w.+-]+", "-", "-".join(words[-3:]))


def takes_weights(config: Path) -> bool:
    """RETURNS (bool): Whether a system may begin with the encoder of another run."""
    from ..training.config import merge_config

    return "source" in merge_config(config).get("paths", {})


def reads_corpora(config: Path) -> bool:
    """RETURNS (bool): Whether a system learns from several corpora, each with its own types of names."""
    from ..training.config import merge_config

    sources = merge_config(config).get("corpora", {}).get("train", {}).get("sources", {})
    return any(source.get("know_types") for source in sources.values())


def leaves_types_open(config: Path) -> bool:
    """RETURNS (bool): Whether a system wants to be told which types of names it finds."""
    from ..training.config import merge_config

    return "crf_ner" in merge_config(config).get("initialize", {}).get("components", {})


def _is_beyond_encoder(run: Experiment, config: "Config") -> bool:
    """Whether more layers are to be frozen than the encoder has."""
    name, value = run.design.get("setting", ("", ""))
    path = run.encoder / "config.json"
    if name != FROZEN or not path.is_file():
        return False
    depth = json.loads(path.read_text(encoding="utf-8"))["num_hidden_layers"]
    return int(value) > min(depth, config["components"]["transformer"]["model"].get("layers") or depth)


def _run(
    run: Experiment,
    options: list[Any],
    training: Path,
    checkpoint: str,
    evaluated: list[str],
    metrics: Path,
    use_gpu: int,
) -> str:
    """Train and evaluate, each in a process of its own, unless that is done.

    RETURNS (str): KEPT or MADE; empty if it failed.
    """
    from wasabi import msg

    folder, record = run.below(training), run.below(metrics) / "metrics.json"
    (train, others), target = run.parts, run.parts.target
    scored = [path for path in others if path.stem in evaluated]
    given = _given_paths([*options, *run.settings])
    if is_done(folder, record, [path.stem for path in scored], given):
        msg.good(f"Finished before and kept, with its settings; remove {folder} to run it anew")
        return KEPT
    if not is_trained(folder, given):
        if not _command(
            *("train", run.config, folder, "--name", run.system, "--resume", *options),
            *("--paths.encoder", run.encoder, "--paths.train", train, "--paths.dev", others[0]),
            *(("--paths.target", target) if target else ()),
            *("--system.seed", run.seed, *run.settings),
        ):
            return ""
        # If it was kept, what it learnt from is the same as before, though younger.
        (folder / "metrics.json").touch()
    done = _command(
        *("evaluate", folder / checkpoint, *scored, "--gpu-id", use_gpu),
        *("--run", folder / "metrics.json", "--metrics", record),
    )
    return MADE if done else ""


def _given_paths(options: list[Any]) -> list[Path]:
    """Vectors, dictionaries and what else options of a run name, which its own name does not tell apart."""
    found = []
    for option, following in pairwise([*map(str, options), ""]):
        name, given, value = option.partition("=")
        if name.startswith("--paths.") and (path := value if given else following):
            found.append(Path(path))
    return found


def _describe(record: Path, run: Experiment, given: list[str], outcome: str) -> None:
    """Add to the record of a run what it was for, the command for it alone, and how its texts are cut up."""
    from ..evaluation.fertility import fertility
    from ..evaluation.metrics import read_metrics, write_json

    old = read_metrics(record)
    if outcome == KEPT and "experiment" in old:
        return
    command = ["python", "-m", "spacy_slavner", "experiments", *run.arguments(), *given]
    added: dict[str, Any] = {"experiment": run.design | {"command": shlex.join(command)}}
    if (run.encoder / "tokenizer.json").is_file():
        languages = fertility(run.encoder, run.parts.others[:2][-1])
        added["fertility"] = {"encoder": encoder_name(run.encoder) or ENCODER.name, "languages": languages}
    write_json(record, old | added)


def _command(*arguments: Any) -> bool:
    command = [sys.executable, "-m", "spacy_slavner", *map(str, arguments)]
    print(f"$ {shlex.join(['python', *command[1:]])}", flush=True)
    code = subprocess.run(command).returncode
    if code == 130:
        raise typer.Exit(130)
    return code == 0


def is_trained(folder: Path, made_of: Iterable[Path] = ()) -> bool:
    """Say whether a training run came to its end.

    folder (Path): Where it was trained.
    made_of (Iterable[Path]): Files and folders that it learnt from besides its corpus.
    RETURNS (bool): Whether it did, and none of those files is younger.
    """
    progress, record = folder / "progress.json", folder / "metrics.json"
    files = [file for path in made_of for file in (files_below(path) if path.is_dir() else [path])]
    there = is_current(record, *filter(Path.is_file, files))
    if not (there and progress.is_file() and (folder / "model-best").is_dir()):
        return False
    return bool(json.loads(progress.read_text(encoding="utf-8")).get("finished"))


def is_done(folder: Path, record: Path, parts: list[str], made_of: Iterable[Path] = ()) -> bool:
    """Say whether a run was trained and evaluated.

    folder (Path): Where it was trained.
    record (Path): Where its scores are recorded.
    parts (list[str]): What it is to be evaluated on.
    made_of (Iterable[Path]): Files and folders that it learnt from besides its corpus.
    RETURNS (bool): Whether the record has the scores of that training run on all parts.
    """
    from ..evaluation.metrics import read_metrics

    if not (is_trained(folder, made_of) and record.is_file()):
        return False
    own, scored = read_metrics(folder / "metrics.json"), read_metrics(record)
    return own["info"] == scored["info"] and all(part in scored["results"] for part in parts)


def read_sweep(sweep: str) -> list[tuple[str, str]]:
    """Read the values that a setting takes in turn.

    sweep (str): Such as "components.transformer.model.frozen_layers=-1,0,3"; values that have commas
        themselves, such as blocks in JSON, are parted by semicolons; settings with + between them have
        the same value.
    RETURNS (list[tuple[str, str]]): The setting, or the settings as they were given, with each value.
    RAISES (InputError): It is not of that form.
    """
    name, _, values = sweep.partition("=")
    found = _names(values) if ";" not in values else [v.strip() for v in values.split(";") if v.strip()]
    if "." not in name or not found:
        remedy = "Write it as components.transformer.model.frozen_layers=-1,0,3"
        raise InputError(f"--sweep {sweep} names no values of a setting", remedy=remedy)
    return [(name, value) for value in found]
