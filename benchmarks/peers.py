"""The pipeline beside natasha, a Czech pipeline of spaCy, and Hugging Face's pipeline over the same encoder.

    python benchmarks/peers.py --json F [--pipeline xx_slavner] [--corpus TEST.spacy] [--documents 20]

Every system runs in a process of its own, in turns, on the documents of its language in the held-out topic:
start-up from the first import to the loaded system, words per second of the clock and of the processor
(which tells more where a machine is shared), peak memory, and F1 of PER, LOC and ORG with their exact edges.
What is not installed is left out and said: `pip install razdel`, then `pip install --no-deps natasha slovnet
navec cs_core_news_sm` (the last one is CC BY-NC-SA, and not of spaCy's makers).
"""

import time

START = time.perf_counter()  # of a worker: before anything is imported

import json  # noqa: E402
import os  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from importlib.util import find_spec  # noqa: E402
from pathlib import Path  # noqa: E402
from statistics import median  # noqa: E402

# Type, first character, one past the last.
Span = tuple[str, int, int]
Finder = Callable[[list[str]], list[list[Span]]]

TYPES = ("PER", "LOC", "ORG")
NAMES_ONLY = ["name_normalizer", "name_linker"]
# How others call the three types.
SAME = {"PERSON": "PER", "GPE": "LOC", "FAC": "LOC", **{label: label for label in TYPES}}
EDGES = " \n\t.,:;!?()[]«»„“”\"'…"


def spacy_finder(name: str, exclude: list[str]) -> Finder:
    """A spaCy pipeline, installed or in a folder."""
    import spacy

    nlp = spacy.load(name, exclude=exclude)
    nlp.max_length = 10**9

    def find(texts: list[str]) -> list[list[Span]]:
        return [[(e.label_, e.start_char, e.end_char) for e in doc.ents] for doc in nlp.pipe(texts)]

    return find


def natasha_finder() -> Finder:
    """What natasha's NewsNERTagger does with its own weights: slovnet over navec.

    natasha itself is not imported, since its morphology (pymorphy2) does not run on this Python.
    """
    from navec import Navec
    from slovnet import NER

    data = Path(find_spec("natasha").submodule_search_locations[0]) / "data"
    navec = Navec.load(data / "emb/navec_news_v1_1B_250K_300d_100q.tar")
    ner = NER.load(data / "model/slovnet_ner_news_v1.tar").navec(navec)

    def find(texts: list[str]) -> list[list[Span]]:
        return [[(s.type, s.start, s.stop) for s in markup.spans] for markup in ner.map(texts)]

    return find


def hugging_face_finder(folder: str) -> Finder:
    """The token-classification pipeline: windows that overlap, a word's type by its first piece."""
    from transformers import AutoTokenizer, pipeline

    tokenizer = AutoTokenizer.from_pretrained(folder)
    classify = pipeline(
        "token-classification",
        model=folder,
        tokenizer=tokenizer,
        aggregation_strategy="first",
        stride=min(64, tokenizer.model_max_length // 4),
        device="cpu",
    )

    def find(texts: list[str]) -> list[list[Span]]:
        # It takes words at spaces, so signs stick to them: they are cut off here.
        found = classify(texts, batch_size=8)
        return [
            [trimmed(text, s["entity_group"], s["start"], s["end"]) for s in spans]
            for text, spans in zip(texts, found, strict=True)
        ]

    return find


def trimmed(text: str, label: str, start: int, end: int) -> Span:
    """A name without the white space and signs at its edges."""
    form = text[start:end]
    start += len(form) - len(form.lstrip(EDGES))
    return label, start, max(start, end - (len(form) - len(form.rstrip(EDGES))))


FINDERS: dict[str, Callable[..., Finder]] = {
    "names": lambda job: spacy_finder(job["pipeline"], NAMES_ONLY),
    "whole": lambda job: spacy_finder(job["pipeline"], []),
    "hugging_face": lambda job: hugging_face_finder(job["hugging_face"]),
    "natasha": lambda job: natasha_finder(),
    "cs_names": lambda job: spacy_finder(
        "cs_core_news_sm", ["morphologizer", "parser", "trainable_lemmatizer", "lemmatizer"]
    ),
    "cs_whole": lambda job: spacy_finder("cs_core_news_sm", []),
}
TITLES = {
    "names": "{pipeline}, names only",
    "whole": "{pipeline}, whole",
    "hugging_face": "Hugging Face pipeline, same encoder",
    "natasha": "natasha (slovnet)",
    "cs_names": "cs_core_news_sm, names only",
    "cs_whole": "cs_core_news_sm, whole",
}
# Systems of one language, and the modules that they need.
OF_LANGUAGE = {"natasha": "ru", "cs_names": "cs", "cs_whole": "cs"}
NEEDS = {
    "natasha": ("natasha", "slovnet", "navec", "razdel"),
    "cs_names": ("cs_core_news_sm",),
    "cs_whole": ("cs_core_news_sm",),
}


def work(job: dict) -> dict:
    """Measure one system in this process."""
    from common import peak_mib

    find = FINDERS[job["system"]](job)
    loaded = time.perf_counter() - START
    find(job["texts"][:1])
    clock, processor = time.perf_counter(), time.process_time()
    spans = find(job["texts"])
    return {
        "start_seconds": loaded,
        "seconds": time.perf_counter() - clock,
        "processor_seconds": time.process_time() - processor,
        "peak_mib": peak_mib(),
        "spans": spans,
    }


def measure(job: dict) -> dict:
    """Measure one system in a process of its own."""
    # By the environment: to import torch for its setting would make those start later that do without.
    threads = str(job["threads"])
    environment = os.environ | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    # Where Python is told not to look beside the script (PYTHONSAFEPATH), `common` is found all the same.
    here = [str(Path(__file__).resolve().parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment |= {"PYTHONPATH": os.pathsep.join(here)}
    run = subprocess.run(
        [sys.executable, __file__, "--worker"],
        input=json.dumps(job),
        env=environment,
        capture_output=True,
        text=True,
    )
    if run.returncode:
        raise SystemExit(f"{job['system']} failed:\n{run.stderr[-2000:]}")
    return json.loads(run.stdout.splitlines()[-1])


def score(gold: list[list[Span]], found: list[list[Span]]) -> dict[str, float]:
    """F1 of PER, LOC and ORG, together and each."""
    from spacy_slavner.evaluation.spans import SpanDocument, score_spans

    def named(spans: list) -> set[Span]:
        return {(SAME[label], start, end) for label, start, end in spans if label in SAME}

    pairs = zip(gold, found, strict=True)
    scores = score_spans(SpanDocument(named(g), named(f)) for g, f in pairs)
    by_type = {label: round(row["f"], 4) for label, row in scores["by_type"].items()}
    return {"all": round(scores["overall"]["f"], 4)} | by_type


def row(system: str, language: str, words: int, runs: list[dict], gold: list[list[Span]], title: str) -> dict:
    """The figures of a system on a language: medians over the rounds."""
    middle = {key: median(run[key] for run in runs) for key in runs[0] if key != "spans"}
    return {
        "system": title,
        "key": system,
        "language": language,
        "documents": len(gold),
        "words": words,
        "words_per_second": round(words / middle["seconds"]),
        "words_per_processor_second": round(words / middle["processor_seconds"]),
        "start_seconds": round(middle["start_seconds"], 2),
        "peak_mib": round(middle["peak_mib"]),
        "f": score(gold, runs[0]["spans"]),
    }


def documents(corpus: Path, languages: list[str], number: int) -> dict[str, list[tuple[str, list[Span]]]]:
    """Give texts and names of the first documents of each language."""
    import spacy

    from spacy_slavner.corpora.docbin import read_docs

    found: dict[str, list] = {language: [] for language in languages}
    for doc in read_docs(corpus, spacy.blank("xx").vocab):
        docs = found.get(doc._.language)
        if docs is not None and len(docs) < number:
            docs.append((doc.text, [(e.label_, e.start_char, e.end_char) for e in doc.ents]))
    return {language: docs for language, docs in found.items() if docs}


def save_hugging_face(nlp, folder: Path) -> None:
    """Save the encoder and the linear layer of `crf_ner` as Hugging Face's pipeline takes them."""
    import torch
    from transformers import AutoModelForTokenClassification

    shim, ner = nlp.get_pipe("transformer").model.shims[0], nlp.get_pipe("crf_ner")
    linear = ner.model.get_ref("head").shims[0]._model.linear
    tags = ner.scheme.labels(ner.labels)
    config = shim.module.config
    config.num_labels, config.id2label = len(tags), dict(enumerate(tags))
    config.label2id = {tag: i for i, tag in enumerate(tags)}
    model = AutoModelForTokenClassification.from_config(config)
    model.base_model.load_state_dict(shim.module.transformer.state_dict(), strict=False)
    with torch.no_grad():
        model.classifier.weight.copy_(linear.weight)
        model.classifier.bias.copy_(linear.bias)
    model.save_pretrained(folder)
    shim.tokenizer.model_max_length = min(512, config.max_position_embeddings)
    shim.tokenizer.save_pretrained(folder)


def take_pipeline(name: str | None, encoder: Path | None, seed: int):
    """Give the pipeline, and its name or a folder with it: the installed one, else one not trained."""
    import spacy
    from common import ROOT, take
    from common.data import encoder_folder, scratch, split_folder
    from common.pipelines import initialized

    if name or (find_spec("xx_slavner") and not encoder):
        return spacy.load(name or "xx_slavner"), name or "xx_slavner"
    take("pipeline", "slavner, not trained", "xx_slavner is not installed: F1 says NOTHING")
    train = split_folder() / "train.spacy"
    nlp = initialized(ROOT / "configs/slavner.cfg", encoder_folder(encoder), train, 6, seed)
    nlp.to_disk(scratch("pipeline"))
    return nlp, str(scratch("pipeline"))


def main() -> None:
    from common import finish, parser, take
    from common.data import scratch, split_folder

    args = parser(__doc__.splitlines()[0])
    args.add_argument("--pipeline", help="Installed name or folder; by default xx_slavner")
    args.add_argument("--encoder", type=Path, help="Folder of an encoder for a pipeline that is not trained")
    args.add_argument(
        "--corpus", type=Path, help="A .spacy file; by default the held-out topic of single_out"
    )
    args.add_argument("--documents", type=int, default=20, help="Documents of each language")
    args.add_argument("--rounds", type=int, default=3)
    args.add_argument("--systems", nargs="+", choices=FINDERS, default=list(FINDERS))
    args = args.parse_args()

    systems = []
    for system in args.systems:
        missing = [module for module in NEEDS.get(system, ()) if not find_spec(module)]
        if missing:
            take(system, "left out", f"{TITLES[system]} is left out: {', '.join(missing)} not installed")
        else:
            systems.append(system)
    nlp, pipeline = take_pipeline(args.pipeline, args.encoder, args.seed)
    if "hugging_face" in systems:
        save_hugging_face(nlp, scratch("hugging_face"))
    job = {
        "pipeline": pipeline,
        "hugging_face": str(scratch("hugging_face")),
        "threads": args.threads,
    }
    corpus = documents(args.corpus or split_folder() / "test.spacy", ["ru", "cs"], args.documents)
    rows = []
    for language, docs in corpus.items():
        texts = [text for text, _ in docs]
        here = [s for s in systems if OF_LANGUAGE.get(s, language) == language]
        runs: dict[str, list[dict]] = {system: [] for system in here}
        for _ in range(args.rounds):
            for system in here:
                run = measure(job | {"system": system, "texts": texts})
                runs[system].append(run)
                print(f"{language} {system}: {run['seconds']:.1f} s", file=sys.stderr, flush=True)
        title = Path(args.pipeline).name if args.pipeline else "xx_slavner"
        words = sum(len(text.split()) for text in texts)
        gold = [spans for _, spans in docs]
        for system in here:
            name = TITLES[system].format(pipeline=title)
            rows.append(row(system, language, words, runs[system], gold, name))
    finish(args, {"rows": rows})


if __name__ == "__main__":
    if sys.argv[1:] == ["--worker"]:
        print(json.dumps(work(json.load(sys.stdin))))
    else:
        main()
