"""Pipelines beside natasha, a Czech pipeline of spaCy, and Hugging Face's pipeline over the same encoder.

    python benchmarks/peers.py --json F [--pipeline PIPELINE …] [--corpus TEST.spacy]

Every system runs in a process of its own, in turns, on the documents of its language in the held-out topic:
start-up from the first import to the loaded system, words per second of the clock and of the processor
(which tells more where a machine is shared), peak memory, and F1 of PER, LOC and ORG with their exact edges.
Hugging Face's pipeline computes in 32 bits, and besides in bf16, as ours does where the processor can. It has
no F1: it takes a word's best tag alone, and beside a CRF that allows only legal sequences the scores of tags
that cannot stand there were never learnt. Give pipelines that did not learn from the documents, such as that
of single_out (`spacy project run release_figures`).
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


def hugging_face_finder(folder: str, dtype: str) -> Finder:
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
        torch_dtype=dtype,
    )

    def find(texts: list[str]) -> list[list[Span]]:
        found = classify(texts, batch_size=8)
        return [[(s["entity_group"], s["start"], s["end"]) for s in spans] for spans in found]

    return find


FINDERS: dict[str, Callable[..., Finder]] = {
    "names": lambda job: spacy_finder(job["pipeline"], NAMES_ONLY),
    "whole": lambda job: spacy_finder(job["pipeline"], []),
    "hugging_face": lambda job: hugging_face_finder(job["hugging_face"], "float32"),
    "hugging_face_bf16": lambda job: hugging_face_finder(job["hugging_face"], "bfloat16"),
    "natasha": lambda job: natasha_finder(),
    "cs_names": lambda job: spacy_finder(
        "cs_core_news_sm", ["morphologizer", "parser", "trainable_lemmatizer", "lemmatizer"]
    ),
    "cs_whole": lambda job: spacy_finder("cs_core_news_sm", []),
}
TITLES = {
    "names": "{pipeline}, names only",
    "whole": "{pipeline}, whole",
    "hugging_face": "Hugging Face pipeline, encoder of {pipeline}, 32 bits",
    "hugging_face_bf16": "Hugging Face pipeline, encoder of {pipeline}, bf16",
    "natasha": "natasha (slovnet)",
    "cs_names": "cs_core_news_sm, names only",
    "cs_whole": "cs_core_news_sm, whole",
}
# Systems that there are of each of our pipelines; those of one language, and the modules that they need.
HUGGING_FACE = ("hugging_face", "hugging_face_bf16")
OURS = ("names", "whole", *HUGGING_FACE)
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
        raise SystemExit(f"{job['title']} failed:\n{run.stderr[-2000:]}")
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


def row(job: dict, language: str, words: int, runs: list[dict], gold: list[list[Span]]) -> dict:
    """The figures of a system on a language: medians over the rounds."""
    middle = {key: median(run[key] for run in runs) for key in runs[0] if key != "spans"}
    return {
        "system": job["title"],
        "key": job["system"],
        "language": language,
        "documents": len(gold),
        "words": words,
        "words_per_second": round(words / middle["seconds"]),
        "words_per_processor_second": round(words / middle["processor_seconds"]),
        "start_seconds": round(middle["start_seconds"], 2),
        "peak_mib": round(middle["peak_mib"]),
        **({} if job["system"] in HUGGING_FACE else {"f": score(gold, runs[0]["spans"])}),
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
    head = ner.model.get_ref("head").shims[0]._model
    tags = ner.scheme.labels(ner.labels)
    config = shim.module.config
    config.num_labels, config.id2label = len(tags), dict(enumerate(tags))
    config.label2id = {tag: i for i, tag in enumerate(tags)}
    model = AutoModelForTokenClassification.from_config(config)
    model.base_model.load_state_dict(shim.module.transformer.state_dict(), strict=False)
    with torch.no_grad():
        model.classifier.weight.copy_(head.linear.weight)
        model.classifier.bias.copy_(head.linear.bias)
    model.save_pretrained(folder)
    shim.tokenizer.model_max_length = min(512, config.max_position_embeddings)
    shim.tokenizer.save_pretrained(folder)


def take_pipelines(names: list[str], encoder: Path | None, seed: int) -> dict[str, tuple]:
    """Give pipelines by title, each with its name or folder: an untrained one if none is named."""
    import spacy
    from common.data import scratch
    from common.pipelines import taken

    if names:
        return {title: (spacy.load(name), name) for title, name in titled(names).items()}
    nlp = taken(None, encoder, seed, "slavner")
    nlp.to_disk(scratch("pipeline"))
    return {"slavner, not trained": (nlp, str(scratch("pipeline")))}


def titled(names: list[str]) -> dict[str, str]:
    """Give names and folders by what their rows are called."""
    titles = {Path(name).name: name for name in names}
    if len(titles) < len(names):
        raise SystemExit("Rows are called as the pipelines are: give pipelines of different names")
    return titles


def jobs_of(systems: list[str], pipelines: dict[str, tuple], threads: int) -> list[dict]:
    """Give what each process has to be told, but for the texts."""
    from common.data import scratch

    jobs = []
    for title, (nlp, name) in pipelines.items():
        folder = scratch(f"hugging_face {len(jobs)}")
        for system in (s for s in systems if s in OURS):
            if system in HUGGING_FACE:
                save_hugging_face(nlp, folder)
            job = {"system": system, "pipeline": name, "hugging_face": str(folder)}
            jobs.append(job | {"title": TITLES[system].format(pipeline=title)})
    jobs += [{"system": system, "title": TITLES[system]} for system in systems if system not in OURS]
    return [job | {"threads": threads} for job in jobs]


def main() -> None:
    from common import finish, parser, take
    from common.data import split_folder

    args = parser(__doc__.splitlines()[0])
    args.add_argument(
        "--pipeline", nargs="+", default=[], help="Installed names or folders; by default an untrained one"
    )
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
    jobs = jobs_of(systems, take_pipelines(args.pipeline, args.encoder, args.seed), args.threads)
    corpus = documents(args.corpus or split_folder() / "test.spacy", ["ru", "cs"], args.documents)
    rows = []
    for language, docs in corpus.items():
        texts, gold = map(list, zip(*docs, strict=True))
        here = [job for job in jobs if OF_LANGUAGE.get(job["system"], language) == language]
        runs: list[list[dict]] = [[] for _ in here]
        for _ in range(args.rounds):
            for job, done in zip(here, runs, strict=True):
                done.append(measure(job | {"texts": texts}))
                print(f"{language} {job['title']}: {done[-1]['seconds']:.1f} s", file=sys.stderr, flush=True)
        words = sum(len(text.split()) for text in texts)
        rows += [row(job, language, words, done, gold) for job, done in zip(here, runs, strict=True)]
    finish(args, {"rows": rows})


if __name__ == "__main__":
    if sys.argv[1:] == ["--worker"]:
        print(json.dumps(work(json.load(sys.stdin))))
    else:
        main()
