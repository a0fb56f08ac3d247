"""Sentence boundaries: the project's rules beside other splitters, on the UD treebanks and SlavicNER.

    python benchmarks/sentences.py --json F [--ud DIR] [--slavicner DIR] [--part dev]

Each treebank is its sentences joined by single spaces; the score is the F1 of sentence starts (the
first sentence of the text is not counted). On SlavicNER it counts the gold mentions that a boundary cuts.
"""

import csv
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import typer
from common import ROOT, save, take
from common.data import corpus_folder, shared, split_sources

from spacy_slavner.attributes import LANGUAGES
from spacy_slavner.corpora.sentences import rules_for
from spacy_slavner.pipeline.sentence_splitter import sentence_starts

SLOW = 20_000  # characters that pysbd gets at a time: its time grows faster than the text


def treebanks(given: Path | None) -> Path | None:
    """Give the folder of treebanks; by default assets/ud or that of the real data, None without either."""
    places = (ROOT / "assets/ud", shared() / "data/ud")
    folder = given or next((place for place in places if place.is_dir()), None)
    if not given:
        warning = "" if folder else "There are no treebanks (--ud): only names that are cut are counted"
        take("treebanks", folder.name if folder else "none", warning)
    return folder


def read_treebank(path: Path) -> tuple[str, set[int]]:
    """Give the text of a treebank and the offsets at which its sentences start."""
    prefix = "# text = "
    lines = path.read_text(encoding="utf8").splitlines()
    sentences = [x for y in lines if y.startswith(prefix) if (x := y[len(prefix) :].strip())]
    starts, offset = set(), 0
    for sentence in sentences:
        starts.add(offset)
        offset += len(sentence) + 1
    return " ".join(sentences), starts - {0}


def pysbd_starts(code: str, text: str) -> list[int]:
    return sentence_starts(f"pysbd:{code}")(text)


def sentencizer_starts() -> Callable[[str], list[int]]:
    import spacy

    nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    nlp.max_length = 10**9
    return lambda text: [sent.start_char for sent in nlp(text).sents][1:]


def punkt_starts() -> Callable[[str], list[int]] | None:
    """English Punkt, where NLTK and its data are installed."""
    if find_spec("nltk") is None:
        return None
    import nltk

    try:
        tokenizer = nltk.data.load("tokenizers/punkt/english.pickle")
    except LookupError:
        return None
    return lambda text: [start for start, _ in tokenizer.span_tokenize(text)][1:]


def splitters(language: str) -> dict[str, Callable[[str], list[int]]]:
    """Name the candidates for a language."""
    found = {
        "rules": rules_for(language),
        "generic": rules_for("xx"),
        "sentencizer": sentencizer_starts(),
    }
    if find_spec("razdel"):
        found["razdel"] = sentence_starts("razdel")
    if find_spec("pysbd"):
        from pysbd.languages import LANGUAGE_CODES

        for code in {"en": None, language: None}:
            if code in LANGUAGE_CODES:
                found[f"pysbd:{code}"] = partial(pysbd_starts, code)
    if punkt := punkt_starts():
        found["punkt:en"] = punkt
    return found


def in_pieces(split: Callable[[str], list[int]], text: str, gold: set[int], size: int) -> set[int]:
    """Split a long text in pieces that end at gold boundaries (for splitters of quadratic time)."""
    found, start = set(), 0
    for cut in [*sorted(gold), len(text)]:
        if cut - start >= size or cut == len(text):
            found |= {start + x for x in split(text[start:cut])}
            found |= {start} if start else set()
            start = cut
    return found


def score(gold: set[int], found: set[int]) -> dict[str, float]:
    both = len(gold & found)
    p, r = both / len(found) if found else 0.0, both / len(gold) if gold else 0.0
    return {"p": p, "r": r, "f": 2 * p * r / (p + r) if p + r else 0.0}


def treebank_rows(ud: Path, part: str, fast: bool) -> Iterator[dict]:
    for path in sorted(ud.glob(f"*/*-ud-{part}.conllu")):
        language = path.name.split("_")[0]
        text, gold = read_treebank(path)
        if not gold:
            continue
        for name, split in splitters(language).items():
            if fast and name.startswith("pysbd"):
                continue
            began = time.perf_counter()
            # Every splitter sees the same pieces.
            found = in_pieces(split, text, gold, SLOW)
            seconds = time.perf_counter() - began
            words = len(text.split())
            row = {"treebank": path.stem, "language": language, "splitter": name}
            yield {**row, **score(gold, found), "words_per_second": words / seconds}


def mentions(path: Path) -> list[tuple[int, int]]:
    with path.open(encoding="utf8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(int(row[0]), int(row[1])) for row in rows if len(row) > 1 and row[0].isdigit()]


def cut_rows(slavicner: Path, fast: bool) -> Iterator[dict]:
    """Count the gold mentions of SlavicNER that a sentence boundary cuts."""
    for language in LANGUAGES:
        names = ["rules", "generic", "razdel"]
        if not fast and language == "bg":
            names += ["pysbd:en", "pysbd:bg"]
        candidates = splitters(language)
        for name in names:
            if name not in candidates:
                continue
            total = cut = characters = 0
            seconds, examples = 0.0, []
            for raw in sorted(slavicner.glob(f"raw/*/{language}/*.txt")):
                text = raw.read_bytes().decode("utf8")
                began = time.perf_counter()
                starts = sorted(candidates[name](text))
                seconds += time.perf_counter() - began
                characters += len(text)
                topic = raw.parent.parent.name
                for start, end in mentions(slavicner / "ner" / topic / language / f"{raw.stem}.tsv"):
                    total += 1
                    if any(start < x < end for x in starts):
                        cut += 1
                        examples.append(f"{raw.name}:{start} {text[start:end]}")
            row = {"language": language, "splitter": name, "mentions": total, "cut": cut}
            yield {**row, "share": cut / total, "seconds": seconds, "examples": examples[:20]}


def speed(slavicner: Path) -> dict[str, float]:
    """Words per second of the rules on text, and of the component on tokens."""
    import spacy

    nlp = spacy.blank("xx")
    splitter = nlp.add_pipe("sentence_splitter")
    sources = split_sources(slavicner)["test"]
    texts = [source.path.read_text(encoding="utf8") for source in sources]
    docs = list(nlp.tokenizer.pipe(texts))
    for doc, source in zip(docs, sources, strict=True):
        doc._.language = source.language
    words = sum(len(text.split()) for text in texts)
    began = time.perf_counter()
    for text in texts:
        rules_for("cs")(text)
    middle = time.perf_counter()
    for doc in docs:
        splitter(doc)
    done = time.perf_counter()
    return {"rules": words / (middle - began), "component": words / (done - middle)}


def main(
    ud: Path = typer.Option(None, help="Folder of UD treebanks"),
    slavicner: Path = typer.Option(None, help="Folder of SlavicNER (raw/ and ner/)"),
    json_path: Path = typer.Option(None, "--json", help="File for the figures"),
    part: str = typer.Option("test", help="Part of the treebanks: dev or test"),
    fast: bool = typer.Option(False, help="Leave pysbd out"),
) -> None:
    """Score sentence splitters on UD treebanks and count the names that they cut."""
    slavicner, ud = corpus_folder(slavicner), treebanks(ud)
    rows = []
    for row in treebank_rows(ud, part, fast) if ud else ():
        rows.append(row)
        speed_text = f"{row['words_per_second']:>9,.0f} words/s"
        print(f"{row['treebank']:28} {row['splitter']:12} F1 {row['f']:.4f} {speed_text}")
    cuts = []
    for row in cut_rows(slavicner, fast):
        cuts.append(row)
        print(f"{row['language']} {row['splitter']:12} cuts {row['cut']} of {row['mentions']} mentions")
    figures = {"part": part, "rows": rows, "cut_mentions": cuts, "words_per_second": speed(slavicner)}
    print(figures["words_per_second"])
    save(json_path, figures)


if __name__ == "__main__":
    typer.run(main)
