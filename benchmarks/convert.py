"""Convert the whole of SlavicNER and back: time, mentions on token edges, mentions that come back.

The corpus is the folder with raw/ and ner/. Three things are measured:

- the time of the command `convert CORPUS FILE --from slavicner`, start of the interpreter included;
- how many mentions lie on token edges, and how many come back from the DocBin with the same offsets,
  form, base form, type and id;
- how many come back by projection, after writing each form once, without offsets.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import finish, parser
from common.data import command, corpus_folder

Row = tuple[str, ...]


def main() -> None:
    """Measure the conversion of a corpus."""
    arguments = parser("Time and losses of converting a corpus of SlavicNER's layout")
    arguments.add_argument("--corpus", type=Path, help="Folder with raw/ and ner/")
    arguments.add_argument("--n-process", type=int, default=2)
    args = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        finish(args, measure(corpus_folder(args.corpus), Path(folder), args.n_process))


def measure(corpus: Path, folder: Path, n_process: int) -> dict:
    """Convert a corpus there and back in a temporary folder, and compare.

    corpus (Path): The corpus.
    folder (Path): An empty folder.
    n_process (int): Number of processes.
    RETURNS (dict): The figures.
    """
    words = ["convert", corpus, folder / "a.spacy", "--from", "slavicner", "--report", folder / "a.json"]
    words = [*map(str, words), "--n-process", str(n_process)]
    start = time.perf_counter()
    # In a process of its own, as a user runs it.
    subprocess.run([sys.executable, "-m", "spacy_slavner", *words], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    convert(folder / "a.spacy", folder / "back", "docbin", "slavicner")
    convert(folder / "a.spacy", folder / "forms", "docbin", "bsnlp", "--with-raw")
    convert(folder / "forms", folder / "b.spacy", "bsnlp", "docbin", "--n-process", n_process)
    convert(folder / "b.spacy", folder / "projected", "docbin", "slavicner")

    report = json.loads((folder / "a.json").read_text(encoding="utf-8"))
    gold, back, projected = (rows(p) for p in (corpus, folder / "back", folder / "projected"))
    n = report["counts"]["mentions"]
    off_edges = report["skipped"].get("not on token edges", 0)
    aligned = report["counts"]["annotated"]
    same = len({row[:3] + row[5:] for row in gold} & {row[:3] + row[5:] for row in projected})
    return {
        "documents": report["counts"]["documents"],
        "processes": n_process,
        "seconds": round(seconds, 1),
        "mentions": n,
        "on_token_edges": n - off_edges,
        "on_token_edges_fraction": round(1 - off_edges / n, 6),
        "skipped": report["skipped"],
        "aligned": aligned,
        "round_trip": len(gold & back),
        "round_trip_fraction": round(len(gold & back) / aligned, 6),
        "projection_recall": round(same / len(gold), 6),
        "projection_precision": round(same / len(projected), 6),
    }


def convert(source: Path, target: Path, from_: str, to: str, *options: object) -> None:
    """Run the command."""
    command("convert", source, target, "--from", from_, "--to", to, *options)


def rows(corpus: Path) -> set[Row]:
    """All mentions of a corpus: document, start, end, form, base form, type, id."""
    return {
        (path.relative_to(corpus / "ner").as_posix(), *line.split("\t"))
        for path in corpus.glob("ner/*/*/*.tsv")
        for line in path.read_text(encoding="utf-8").split("\n")
        if line
    }


if __name__ == "__main__":
    main()
