"""Words per second of a whole pipeline against the bare forward pass of its encoder.

The bare pass runs over finished arrays of the same windows in the same batches, in turns with the
pipeline. `--long N` tags one document of N words instead and reports the peak memory.

    python benchmarks/inference.py --json F [--pipeline DIR] [--corpus FILE] [--long 1000000]
"""

import statistics
import time
from pathlib import Path

from common import ROOT, finish, parser, peak_mib, take
from common.data import encoder_folder, split_folder, texts_of
from common.pipelines import initialized, ratio


def profile(nlp, texts: list[str]) -> dict[str, float]:
    """Seconds that each component takes on its own, one after the other."""
    seconds = {}
    start = time.perf_counter()
    docs = [nlp.make_doc(text) for text in texts]
    seconds["tokenizer"] = time.perf_counter() - start
    for name, pipe in nlp.pipeline:
        start = time.perf_counter()
        docs = (
            list(pipe.pipe(iter(docs), batch_size=nlp.batch_size))
            if hasattr(pipe, "pipe")
            else list(map(pipe, docs))
        )
        seconds[name] = time.perf_counter() - start
    return {name: round(value, 3) for name, value in seconds.items()}


def bare_forward(nlp, texts: list[str]):
    """Give a function that runs the encoder alone over the windows of these texts."""
    import torch

    from spacy_slavner.layers.encoder import _pad, batch_windows, cut_windows
    from spacy_slavner.layers.pieces import make_pieces

    model = nlp.get_pipe("transformer").model
    shim = model.shims[0]
    docs = [nlp.make_doc(text) for text in texts]
    pieces = make_pieces(shim.tokenizer, docs)
    windows = cut_windows(model, docs, pieces)
    batches = [
        _pad(group, pieces, shim, None) for group in batch_windows(windows, shim.settings["max_batch_pieces"])
    ]
    total = sum(len(p) for p in pieces) + len(windows)

    def run() -> float:
        shim.module.eval()
        start = time.perf_counter()
        with torch.no_grad():
            shim.module(batches, total)
        return time.perf_counter() - start

    return run


def untrained(encoder: Path | None, seed: int):
    """Make a pipeline with random heads: as fast as a trained one, but for names where there are none."""
    take("pipeline", "bert_crf, not trained")
    config, corpus = ROOT / "configs/bert_crf.cfg", split_folder() / "train.spacy"
    return initialized(config, encoder_folder(encoder), corpus, 6, seed)


def main() -> None:
    args = parser(__doc__.splitlines()[0])
    args.add_argument("--pipeline", help="A trained pipeline; by default one of bert_crf with random heads")
    args.add_argument("--encoder", type=Path, help="Folder of an encoder for that")
    args.add_argument("--corpus", type=Path, help="A .spacy file with the texts")
    args.add_argument("--documents", type=int, default=20)
    args.add_argument("--rounds", type=int, default=3)
    args.add_argument("--long", type=int, default=0, help="Tag one document of so many words")
    args = args.parse_args()

    import spacy
    import torch

    torch.set_num_threads(args.threads)
    start = time.perf_counter()
    nlp = spacy.load(args.pipeline) if args.pipeline else untrained(args.encoder, args.seed)
    loading = time.perf_counter() - start
    texts = texts_of(args.corpus, args.documents)
    if args.long:
        words = " ".join(texts).split()
        text = " ".join((words * (args.long // len(words) + 1))[: args.long])
        start = time.perf_counter()
        doc = nlp(text)
        seconds = time.perf_counter() - start
        figures = {
            "words": args.long,
            "names": len(doc.ents),
            "seconds": round(seconds, 1),
            "words_per_second": round(args.long / seconds),
            "peak_memory_gib": round(peak_mib() / 2**10, 2),
        }
        finish(args, figures)
        return
    number = sum(len(text.split()) for text in texts)
    bare = bare_forward(nlp, texts)
    times = []
    for i in range(args.rounds + 1):
        start = time.perf_counter()
        for _ in nlp.pipe(texts):
            pass
        pair = (time.perf_counter() - start, bare())
        if i:  # the first round warms up
            times.append(pair)
    finish(
        args,
        {
            "words": number,
            "load_seconds": round(loading, 2),
            "pipeline_words_per_second": round(number / statistics.median(a for a, _ in times)),
            "bare_words_per_second": round(number / statistics.median(b for _, b in times)),
            "ratio": ratio(times),
            "seconds_per_component": profile(nlp, texts),
        },
    )


if __name__ == "__main__":
    main()
