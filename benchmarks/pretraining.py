"""An update of a masked-language model: all pieces scored or the masked ones alone, with and without dropout.

python benchmarks/pretraining.py --json F [--encoder DIR]
"""

from pathlib import Path

from common import finish, median_seconds, parser
from common.data import encoder_folder

BLOCKS, LENGTH, MASKED = 8, 128, 0.15


def updater(model, length: int, seed: int):
    """A function that makes one update of blocks of `length` random pieces, as `pretrain` does."""
    import torch

    from spacy_slavner.layers.torch.encoder import autocast_dtype
    from spacy_slavner.layers.torch.half_attention import HalfAttention
    from spacy_slavner.pretraining.masking import IGNORED

    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, model.config.vocab_size, (BLOCKS, length), generator=generator)
    labels = ids.where(torch.rand(ids.shape, generator=generator) < MASKED, IGNORED)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    dtype = autocast_dtype("auto", torch.device("cpu"))

    def update() -> None:
        with HalfAttention(), torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
            loss = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return update


def main() -> None:
    args = parser(__doc__.splitlines()[0])
    args.add_argument("--encoder", type=Path, help="Folder of an encoder")
    args.add_argument("--steps", type=int, default=7)
    args = args.parse_args()

    import torch
    from transformers import AutoConfig, AutoModelForMaskedLM

    from spacy_slavner.pretraining.updates import score_masked_alone, set_dropout
    from spacy_slavner.training.memory import keep_freed_memory

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    keep_freed_memory()
    config = AutoConfig.from_pretrained(encoder_folder(args.encoder))
    # XLM-RoBERTa numbers its positions from 2.
    length = min(LENGTH, config.max_position_embeddings - 2)
    model = AutoModelForMaskedLM.from_config(config).train()
    results = []
    # Each change stays for those after it.
    for scored, dropout, change in (
        ("all pieces", "the encoder's", lambda: None),
        ("masked pieces", "the encoder's", lambda: score_masked_alone(model)),
        ("masked pieces", "none", lambda: set_dropout(model, 0.0)),
    ):
        change()
        seconds = median_seconds(updater(model, length, args.seed), args.steps)
        results.append({"scored": scored, "dropout": dropout, "update ms": round(1000 * seconds, 1)})
    finish(args, {"blocks": f"{BLOCKS} x {length}", "layers": config.num_hidden_layers, "results": results})


if __name__ == "__main__":
    main()
