"""What the benchmarks share: arguments, output, and what they take where nothing is given.

`data` has corpora and encoders, `pipelines` pipelines to measure.
"""

import argparse
import json
import platform
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
# What was taken because nothing was given; it stands beside the figures.
TAKEN: dict[str, str] = {}


def parser(description: str) -> argparse.ArgumentParser:
    """Give a parser with the arguments of every benchmark."""
    result = argparse.ArgumentParser(description=description)
    result.add_argument("--json", type=Path, help="Write the figures to this file")
    result.add_argument("--threads", type=int, default=1, help="Torch threads")
    result.add_argument("--seed", type=int, default=0)
    return result


def take(what: str, value: str, warning: str = "") -> None:
    """Say what is taken, and loudly what that means for the figures."""
    from wasabi import msg

    TAKEN[what] = value
    msg.info(f"{what}: {value}")
    if warning:
        msg.warn(warning)


def finish(args: argparse.Namespace, figures: dict) -> None:
    """Print the figures and write them to the file that was asked for."""
    report = {**origin(args.threads), "seed": args.seed, **figures}
    print(json.dumps(report, indent=2, ensure_ascii=False))
    save(args.json, report)


def save(path: Path | None, figures: dict) -> None:
    """Write figures to a file, if there is one, and where they come from unless they say so."""
    from spacy_slavner.files import whole_file

    if path is None:
        return
    with whole_file(path) as file:
        text = json.dumps(origin() | figures, indent=2, ensure_ascii=False)
        file.write_text(text + "\n", encoding="utf-8")
    print(f"Figures: {path}")


def origin(threads: int = 1) -> dict:
    """Say where figures come from: the command, the machine, the commit, what was taken."""
    import torch

    from spacy_slavner.evaluation.metrics import git

    words = [Path(sys.argv[0]).name, *(Path(a).name if "/" in a else a for a in sys.argv[1:])]
    machine = {"processor": processor(), "threads": threads, "torch": torch.__version__}
    return {
        "command": "python benchmarks/" + " ".join(words),
        "machine": machine | {"commit": git("rev-parse", "--short", "HEAD") or "unknown"},
        **({"taken": dict(TAKEN)} if TAKEN else {}),
    }


def processor() -> str:
    """Name the processor and whether it multiplies bf16 in hardware."""
    from spacy_slavner.layers.torch.encoder import cpu_has_bf16

    cpuinfo = Path("/proc/cpuinfo")
    names = [platform.processor() or platform.machine()]
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {'with' if cpu_has_bf16() else 'without'} bf16 products"


def median_seconds(function: Callable[[], object], rounds: int) -> float:
    """RETURNS (float): Median seconds of a call, after two to warm up."""
    times = []
    for _ in range(rounds + 2):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return median(times[2:])


def peak_mib() -> float:
    """RETURNS (float): The most memory that this process held, in MiB."""
    status = Path("/proc/self/status")
    if status.is_file():  # Linux counts what the parent held into ru_maxrss.
        (line,) = (x for x in status.read_text().splitlines() if x.startswith("VmHWM:"))
        return int(line.split()[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
