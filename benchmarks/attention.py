"""The encoder's forward and backward pass with each attention kernel, freed memory kept or as by default.

"auto" is `HalfAttention` in updates, and torch's kernel in predictions.

    python benchmarks/attention.py --json F [--encoder DIR] [--layers 6]
"""

from pathlib import Path

from common import finish, median_seconds, parser
from common.data import encoder_folder

SHAPES = ((16, 128), (8, 256))


def make_encoder(folder: Path, layers: int, kernel: str):
    """The lowest layers without dropout, as training runs them, and the context for their calls."""
    from contextlib import nullcontext

    from transformers import AutoConfig, AutoModel

    from spacy_slavner.layers.torch.half_attention import HalfAttention

    config = AutoConfig.from_pretrained(folder)
    config.num_hidden_layers = layers
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    implementation = "sdpa" if kernel == "auto" else kernel
    encoder = AutoModel.from_pretrained(folder, config=config, attn_implementation=implementation).train()
    return encoder, HalfAttention if kernel == "auto" else nullcontext


def measure(encoder, kernel, shape: tuple[int, int], steps: int) -> tuple[float, float]:
    """Median seconds of one update's passes, and of prediction."""
    import torch

    from spacy_slavner.layers.torch.encoder import autocast_dtype

    dtype = autocast_dtype("auto", torch.device("cpu"))
    ids, mask = torch.randint(5, encoder.config.vocab_size, shape), torch.ones(shape, dtype=torch.long)

    def forward():
        with kernel(), torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
            return encoder(input_ids=ids, attention_mask=mask).last_hidden_state

    def update() -> None:
        forward().float().pow(2).sum().backward()
        encoder.zero_grad(set_to_none=True)

    with torch.no_grad():
        predicted = median_seconds(forward, steps)
    return median_seconds(update, steps), predicted


def main() -> None:
    args = parser(__doc__.splitlines()[0])
    args.add_argument("--encoder", type=Path, help="Folder of an encoder")
    args.add_argument("--layers", type=int, default=6)
    args.add_argument("--steps", type=int, default=7)
    args = args.parse_args()

    import torch

    from spacy_slavner.training.memory import keep_freed_memory

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    results = []
    # What is kept once is never given back, so that comes last.
    for kept in (False, True):
        if kept and not keep_freed_memory():
            continue
        for name in ("sdpa", "eager", "auto"):
            encoder, kernel = make_encoder(encoder_folder(args.encoder), args.layers, name)
            for shape in SHAPES:
                update, forward = measure(encoder, kernel, shape, args.steps)
                results.append(
                    {
                        "kernel": name,
                        "freed memory": "kept" if kept else "as by default",
                        "windows": f"{shape[0]} x {shape[1]}",
                        "update ms": round(1000 * update, 1),
                        "forward ms": round(1000 * forward, 1),
                    }
                )
    finish(args, {"results": results})


if __name__ == "__main__":
    main()
