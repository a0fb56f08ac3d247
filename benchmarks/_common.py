"""What the benchmarks share: arguments, the corpus, the output."""

import argparse
import json
import platform
import sys
from pathlib import Path


def parser(description: str) -> argparse.ArgumentParser:
    """Give a parser with the arguments of every benchmark."""
    result = argparse.ArgumentParser(description=description)
    result.add_argument("--json", type=Path, help="Write the figures to this file")
    result.add_argument("--threads", type=int, default=1, help="Torch threads")
    result.add_argument("--seed", type=int, default=0)
    return result


def finish(args: argparse.Namespace, figures: dict) -> None:
    """Print the figures and write them to the file that was asked for."""
    report = {**origin(args.threads), "seed": args.seed, **figures}
    print(json.dumps(report, indent=2, ensure_ascii=False))
    if args.json:
        save(args.json, report)


def save(path: Path, figures: dict) -> None:
    """Write figures to a file, and where they come from unless they say so."""
    from spacy_slavner.files import whole_file

    with whole_file(path) as file:
        text = json.dumps(origin() | figures, indent=2, ensure_ascii=False)
        file.write_text(text + "\n", encoding="utf-8")
    print(f"Figures: {path}")


def origin(threads: int = 1) -> dict:
    """Say where figures come from: the command, the machine, the commit."""
    import torch

    from spacy_slavner.evaluation.metrics import git

    words = [Path(sys.argv[0]).name, *(Path(a).name if "/" in a else a for a in sys.argv[1:])]
    machine = {"processor": processor(), "threads": threads, "torch": torch.__version__}
    return {
        "command": "python benchmarks/" + " ".join(words),
        "machine": machine | {"commit": git("rev-parse", "--short", "HEAD") or "unknown"},
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
