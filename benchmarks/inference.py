"""Time of a whole pipeline, and of transformer and `crf_ner` alone, over the encoder's bare forward pass.

The bare pass repeats the very calls that the pipeline made of its encoder: the same windows in the same
batches, as finished arrays. The three take turns, and their times are the processor's, which tell more than
the clock where a machine is shared. `at_most` is what the project allows itself. `--long N` tags one
document of N words instead and reports the peak memory.

    python benchmarks/inference.py --json F [--pipeline DIR] [--corpus FILE] [--long 1000000]
"""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from common import finish, parser, peak_mib
from common.data import texts_of
from common.pipelines import ratio, taken

# Times of the bare forward pass.
AT_MOST = {"names": 1.25, "whole": 1.6}


def profile(nlp, texts: list[str]) -> dict[str, float]:
    """Seconds of the processor that each component takes on its own, one after the other."""
    seconds = {}
    start = time.process_time()
    docs = [nlp.make_doc(text) for text in texts]
    seconds["tokenizer"] = time.process_time() - start
    for name, pipe in nlp.pipeline:
        start = time.process_time()
        docs = (
            list(pipe.pipe(iter(docs), batch_size=nlp.batch_size))
            if hasattr(pipe, "pipe")
            else list(map(pipe, docs))
        )
        seconds[name] = time.process_time() - start
    return {name: round(value, 3) for name, value in seconds.items()}


def exhaust(items) -> None:
    for _ in items:
        pass


def bare_forward(nlp, texts: list[str]) -> Callable[[], None]:
    """Give a function that repeats what the pipeline asks of its encoder for these texts, nothing else."""
    shim = nlp.get_pipe("transformer").model.shims[0]
    predict, calls = shim.predict, []

    def listen(inputs):
        calls.append(inputs)
        return predict(inputs)

    shim.predict = listen
    exhaust(nlp.pipe(texts))
    del shim.predict
    return lambda: exhaust(map(shim.predict, calls))


def names_alone(nlp, texts: list[str]) -> Callable[[], float]:
    """Give a function that runs transformer and `crf_ner` on finished documents and says how long it took."""
    before = nlp.pipe_names[: nlp.pipe_names.index("transformer")]

    def run() -> float:
        with nlp.select_pipes(enable=before):
            docs = list(nlp.pipe(texts))
        with nlp.select_pipes(enable=["transformer", "crf_ner"]):
            return timed(lambda: exhaust(nlp.pipe(docs)))

    return run


def timed(run: Callable[[], None]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def compare(nlp, texts: list[str], rounds: int) -> dict[str, dict]:
    """Words per second of the three, and the time of two over that of the bare forward pass."""
    bare, names = bare_forward(nlp, texts), names_alone(nlp, texts)
    times: dict[str, list[float]] = {"bare": [], "names": [], "whole": []}
    for _ in range(rounds):
        times["bare"].append(timed(bare))
        times["names"].append(names())
        times["whole"].append(timed(lambda: exhaust(nlp.pipe(texts))))
    words = sum(len(text.split()) for text in texts)
    over = {}
    for which, at_most in AT_MOST.items():
        figures = ratio(list(zip(times["bare"], times[which], strict=True)))
        over[which] = figures | {"at_most": at_most, "kept": figures["median"] <= at_most}
    speeds = {which: round(words / median(seconds)) for which, seconds in times.items()}
    return {"words_per_processor_second": speeds, "time_over_bare": over}


def tag_long(nlp, texts: list[str], number: int) -> dict[str, float]:
    """Speed and peak memory of one document of so many words."""
    words = " ".join(texts).split()
    text = " ".join((words * (number // len(words) + 1))[:number])
    start = time.perf_counter()
    doc = nlp(text)
    seconds = time.perf_counter() - start
    return {
        "words": number,
        "names": len(doc.ents),
        "seconds": round(seconds, 1),
        "words_per_second": round(number / seconds),
        "peak_memory_gib": round(peak_mib() / 2**10, 2),
    }


def main() -> None:
    args = parser(__doc__.splitlines()[0])
    args.add_argument("--pipeline", help="A trained pipeline; by default one of bert_crf with random heads")
    args.add_argument("--encoder", type=Path, help="Folder of an encoder for that")
    args.add_argument("--corpus", type=Path, help="A .spacy file with the texts")
    args.add_argument("--documents", type=int, default=20)
    args.add_argument("--rounds", type=int, default=3)
    args.add_argument("--long", type=int, default=0, help="Tag one document of so many words")
    args = args.parse_args()

    import torch

    torch.set_num_threads(args.threads)
    start = time.perf_counter()
    nlp = taken(args.pipeline, args.encoder, args.seed)
    loading = time.perf_counter() - start
    texts = texts_of(args.corpus, args.documents)
    if args.long:
        finish(args, tag_long(nlp, texts, args.long))
        return
    figures = {"words": sum(len(text.split()) for text in texts), "load_seconds": round(loading, 2)}
    figures |= compare(nlp, texts, args.rounds)
    finish(args, figures | {"seconds_per_component": profile(nlp, texts)})


if __name__ == "__main__":
    main()
