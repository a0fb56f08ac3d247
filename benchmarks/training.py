"""Pieces per second of spaCy's training loop against a bare Hugging Face and torch loop.

Both train the same encoder on the same windows in the same batches, in turns within one run. The bare
loop starts from finished arrays and has a linear head with cross-entropy; the pipeline starts from Docs
(sentences, sub-word tokenisation, alignment), has the CRF, and trains the language identifier as well.

    python benchmarks/training.py --json F [--config configs/bert_crf.cfg] [--encoder DIR] [--corpus FILE]
"""

import statistics
import time
from pathlib import Path

from common import ROOT, finish, parser
from common.data import encoder_folder, split_folder
from common.pipelines import initialized, ratio, training_batches, training_step


def bare_steps(nlp, batches, labels: int):
    """Give a function that makes one update of a plain torch loop on the same windows."""
    import copy

    import numpy
    import torch

    from spacy_slavner.layers.encoder import batch_windows, cut_windows, pad_ids
    from spacy_slavner.layers.torch.encoder import autocast_dtype

    model = nlp.get_pipe("transformer").model
    shim = model.shims[0]
    encoder = copy.deepcopy(shim.module.transformer).train()
    head = torch.nn.Linear(encoder.config.hidden_size, labels)
    optimizer = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=2e-4, fused=True)
    dtype = autocast_dtype(shim.module.precision, shim.module.device)
    prepared = []
    for examples in batches:
        docs = [example.predicted for example in examples]
        pieces = shim.pieces(docs)
        windows = cut_windows(model, docs, pieces)
        arrays = []
        for group in batch_windows(windows, shim.settings["max_batch_pieces"]):
            ids, mask = map(torch.from_numpy, pad_ids(group, pieces, shim.tokenizer))
            arrays.append((ids, mask, torch.from_numpy(numpy.random.randint(0, labels, ids.shape))))
        prepared.append((sum(len(p) for p in pieces), arrays))

    def step(number: int) -> float:
        start = time.perf_counter()
        loss = 0.0
        for ids, mask, tags in prepared[number][1]:
            with torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
                logits = head(encoder(input_ids=ids, attention_mask=mask).last_hidden_state)
            loss = loss + torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), tags.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return time.perf_counter() - start

    return step, [total for total, _ in prepared]


def main() -> None:
    args = parser(__doc__.splitlines()[0])
    args.add_argument("--config", type=Path, default=ROOT / "configs/bert_crf.cfg")
    args.add_argument("--encoder", type=Path, help="Folder of an encoder")
    args.add_argument("--corpus", type=Path, help="Training .spacy file")
    args.add_argument("--layers", type=int, default=6)
    args.add_argument("--steps", type=int, default=12)
    args = args.parse_args()

    import torch

    torch.set_num_threads(args.threads)
    corpus = args.corpus or split_folder() / "train.spacy"
    nlp = initialized(args.config, encoder_folder(args.encoder), corpus, args.layers, args.seed)
    batches = training_batches(nlp, args.steps + 1)
    ours = training_step(nlp, batches)
    bare, pieces = bare_steps(nlp, batches, labels=11)
    ours(0), bare(0)  # warm-up
    times = [(ours(i), bare(i)) for i in range(1, len(batches))]
    finish(
        args,
        {
            "layers": args.layers,
            "pieces_per_batch": round(statistics.mean(pieces)),
            "pipeline_pieces_per_second": round(sum(pieces[1:]) / sum(a for a, _ in times)),
            "bare_pieces_per_second": round(sum(pieces[1:]) / sum(b for _, b in times)),
            "ratio": ratio(times),
        },
    )


if __name__ == "__main__":
    main()
