"""How many times faster than pytorch-crf the CRF decodes, and computes its loss and gradient.

Times are of the processor, summed over threads, so that what else runs on the machine matters less. With
`--pipeline` and `--corpus`, also the share of a pipeline's time that confidence and n-best lists take. With
`--scan`, the sum over all sequences by a parallel scan instead, against the recursion from token to token.
"""

import time
from collections.abc import Callable
from pathlib import Path

from common import finish, parser
from common.data import texts_of


def main() -> None:
    """Time both on the same emissions; constraints on ours, as in the name recogniser."""
    arguments = parser(main.__doc__)
    arguments.add_argument("--tags", type=int, nargs="+", default=[9, 21, 41])
    arguments.add_argument("--batch", type=int, default=32)
    arguments.add_argument("--length", type=int, default=128)
    arguments.add_argument("--rounds", type=int, default=10)
    arguments.add_argument("--scan", action="store_true", help="Compare a parallel scan with the recursion")
    arguments.add_argument("--pipeline", help="A trained pipeline with crf_ner")
    arguments.add_argument("--corpus", type=Path, help="A .spacy file with texts for the pipeline")
    arguments.add_argument("--documents", type=int, default=20)
    args = arguments.parse_args()

    import torch

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    if args.scan:
        sizes = [(tags, batch, length) for tags in args.tags for batch in (1, 32) for length in (128, 4096)]
        finish(args, {"rows": [measure_scan(*size, args.rounds) for size in sizes]})
        return
    first = first_use()
    rows = [measure(tags, args.batch, args.length, args.rounds) for tags in args.tags]
    figures = {"first_use": first, "rows": rows}
    if args.pipeline and args.corpus:
        figures["shares"] = shares(args.pipeline, args.corpus, args.documents)
    finish(args, figures)


def first_use() -> dict[str, float] | None:
    """Seconds of importing numba and compiling the search, or reading it from numba's cache."""
    import torch

    from spacy_slavner.layers.torch.crf import ConstrainedCRF, compiled_viterbi

    start = time.process_time()
    if compiled_viterbi() is None:
        return None
    imported = time.process_time()
    ConstrainedCRF(5).decode(torch.randn(1, 2, 5))
    return {"import_s": imported - start, "compile_or_load_s": time.process_time() - imported}


def measure(n_tags: int, batch: int, length: int, rounds: int) -> dict[str, float]:
    """Time one size, all sequences of full length.

    n_tags (int): Number of tags; odd, since BIO has two per type and one for no name.
    batch (int): Number of sequences.
    length (int): Tokens of each.
    rounds (int): How often; the medians are compared.
    RETURNS (dict[str, float]): A row: sizes, milliseconds, ratios.
    """
    import torch
    import torchcrf

    from spacy_slavner.layers.crf import scheme_rules
    from spacy_slavner.layers.torch.crf import ConstrainedCRF, batched_viterbi
    from spacy_slavner.tagging import Scheme

    types = [f"T{i}" for i in range(n_tags // 2)]
    ours = ConstrainedCRF(n_tags, **scheme_rules(Scheme("BIO"), types))
    theirs = torchcrf.CRF(n_tags, batch_first=True)
    theirs.load_state_dict({name: p.data for name, p in ours.named_parameters()})
    emissions = 2 * torch.randn(batch, length, n_tags)
    tags, _ = ours.decode(emissions)
    mask = torch.ones(batch, length, dtype=torch.bool)

    def step(crf) -> Callable[[], None]:
        def run() -> None:
            leaf = emissions.clone().requires_grad_()
            (-crf(leaf, tags, mask)).backward()

        return run

    row = {"tags": n_tags, "batch": batch, "length": length}
    for name, a, b in [
        ("decode", lambda: ours.decode(emissions, mask), lambda: theirs.decode(emissions, mask)),
        ("loss", step(ours), step(theirs)),
    ]:
        row[f"{name}_ms"], row[f"{name}_ms_pytorch_crf"] = milliseconds(a, b, rounds)
        row[f"{name}_ratio"] = row[f"{name}_ms_pytorch_crf"] / row[f"{name}_ms"]
    scores = [score.detach() for score in ours._scores(-torch.inf)]
    batched = lambda: batched_viterbi(emissions, mask.sum(1), *scores)  # noqa: E731
    row["decode_ms_without_numba"], _ = milliseconds(batched, batched, rounds)
    spans = torch.tensor([[row, 3, 6] for row in range(batch)])
    confidence = lambda: ours.span_probabilities(emissions, tags, spans, mask)  # noqa: E731
    row["confidence_ms"], _ = milliseconds(confidence, confidence, rounds)
    return row


def measure_scan(n_tags: int, batch: int, length: int, rounds: int) -> dict[str, float]:
    """Time the log of the summed weight of all tag sequences, in two ways, for one size.

    n_tags (int): Number of tags.
    batch (int): Number of sequences.
    length (int): Tokens of each.
    rounds (int): How often; the medians are compared.
    RETURNS (dict[str, float]): A row: sizes, milliseconds, ratio.
    """
    import torch

    from spacy_slavner.layers.torch.crf import _recursion

    scores = torch.randn(n_tags, n_tags, dtype=torch.float64)
    emissions = 2 * torch.randn(batch, length, n_tags, dtype=torch.float64)
    transitions, weights = scores.exp(), emissions.exp()

    def recursion() -> torch.Tensor:
        first = torch.ones(1, n_tags, dtype=torch.float64)
        along = weights.transpose(0, 1).unsqueeze(1).contiguous()
        _, after, scale = _recursion(first, transitions.unsqueeze(0), along)
        return after[-1, 0].sum(1).log() + scale[-1, 0]

    def scan() -> torch.Tensor:
        # Products of neighbours, of pairs of neighbours, …: log2(length) steps instead of length.
        steps = transitions * weights[:, 1:].unsqueeze(2)
        log_scale = torch.zeros(batch, dtype=torch.float64)
        while steps.shape[1] > 1:
            odd = steps[:, -1:] if steps.shape[1] % 2 else steps[:, :0]
            pairs = steps[:, 0 : steps.shape[1] // 2 * 2 : 2] @ steps[:, 1::2]
            top = pairs.amax((2, 3), keepdim=True)
            log_scale = log_scale + top.log().sum((1, 2, 3))
            steps = torch.cat([pairs / top, odd], 1)
        return (weights[:, :1] @ steps[:, 0]).sum((1, 2)).log() + log_scale

    torch.testing.assert_close(recursion(), scan())
    one, other = milliseconds(recursion, scan, rounds)
    sizes = {"tags": n_tags, "batch": batch, "length": length}
    return {**sizes, "recursion_ms": one, "scan_ms": other, "scan_ratio": one / other}


def shares(pipeline: str, corpus: Path, documents: int) -> dict[str, float]:
    """Shares of a pipeline's time that parts of the decoding take.

    pipeline (str): Name or path of the pipeline.
    corpus (Path): A .spacy file.
    documents (int): How many of its documents are read.
    RETURNS (dict[str, float]): The share of each part, in a batch and document by document; the n best
        lists of 11 are switched on for the measurement.
    """
    import spacy

    from spacy_slavner.layers.crf import decoder_of

    nlp = spacy.load(pipeline, config={"components": {"crf_ner": {"nbest": 11}}})
    texts = texts_of(corpus, documents)
    decoder = decoder_of(nlp.get_pipe("crf_ner").model.get_ref("head"))
    spent: dict[str, float] = {}

    def timed(name: str) -> Callable:
        method = getattr(decoder, name)

        def run(*args):
            start = time.process_time()
            result = method(*args)
            spent[name] += time.process_time() - start
            return result

        return run

    parts = ("decode", "span_probabilities", "decode_nbest")
    for part in parts:
        setattr(decoder, part, timed(part))
    result: dict[str, float] = {}
    for way, tag in [
        ("batch", lambda: list(nlp.pipe(texts))),
        ("single", lambda: [nlp(text) for text in texts]),
    ]:
        spent |= dict.fromkeys(parts, 0.0)
        start = time.process_time()
        result[f"words_{way}"] = sum(len(doc) for doc in tag())
        # Without the n best lists, which are off by default.
        total = time.process_time() - start - spent["decode_nbest"]
        result |= {f"{part}_{way}": spent[part] / total for part in parts}
    return result


def milliseconds(
    first: Callable[[], object], second: Callable[[], object], rounds: int
) -> tuple[float, float]:
    """Median processor times of two functions, run in turns so that both see the same machine."""
    from statistics import median

    times: tuple[list[float], list[float]] = ([], [])
    first(), second()
    for _ in range(rounds):
        for function, record in zip((first, second), times, strict=True):
            start = time.process_time()
            function()
            record.append(1000 * (time.process_time() - start))
    return median(times[0]), median(times[1])


if __name__ == "__main__":
    main()
