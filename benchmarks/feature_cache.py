"""Steps per second of a system with a frozen encoder, with and without the cache of the encoder's layers.

Both train on the same batches, in turns; the first epoch of the cached one fills the cache.

    python benchmarks/feature_cache.py --json F [--corpus FILE] [--encoder DIR] [--steps 8]
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from common import ROOT, finish, parser
from common.data import encoder_folder, split_folder
from common.pipelines import initialized, training_batches, training_step


def main() -> None:
    args = parser(__doc__.splitlines()[0])
    frozen = ROOT / "configs/frozen_mix_bilstm_attention_ncrf.cfg"
    args.add_argument("--config", type=Path, default=frozen)
    args.add_argument("--encoder", type=Path, help="Folder of an encoder")
    args.add_argument("--corpus", type=Path, help="Training .spacy file")
    args.add_argument("--layers", type=int, help="Layers of the encoder, default: all")
    args.add_argument("--steps", type=int, default=8, help="Steps in an epoch")
    args.add_argument("--epochs", type=int, default=3)
    args.add_argument("--documents", type=int, default=50, help="Documents that are read")
    args = args.parse_args()

    import torch

    torch.set_num_threads(args.threads)
    model = "components.transformer.model"
    encoder, corpus = encoder_folder(args.encoder), args.corpus or split_folder() / "train.spacy"
    overrides = {
        "corpora.train.limit": args.documents,
        f"{model}.dropout": 0.0,
        f"{model}.frozen_dropout": False,
    }
    with TemporaryDirectory() as folder:
        runs = {}
        for name, cache in (("without", None), ("with", folder)):
            own = {**overrides, f"{model}.cache_dir": cache}
            nlp = initialized(args.config, encoder, corpus, args.layers, args.seed, own)
            batches = training_batches(nlp, args.steps)
            runs[name] = training_step(nlp, batches)
        words = sum(len(example) for batch in batches for example in batch)
        epochs = []
        for _ in range(args.epochs):
            seconds = {name: 0.0 for name in runs}
            for number in range(len(batches)):
                for name, step in runs.items():
                    seconds[name] += step(number)
            epochs.append({name: round(len(batches) / s, 3) for name, s in seconds.items()})
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    gain = sum(1 / e["without"] for e in epochs[1:]) / sum(1 / e["with"] for e in epochs[1:])
    finish(
        args,
        {
            "config": args.config.stem,
            "layers": args.layers,
            "words_per_step": round(words / len(batches)),
            "steps_per_second": epochs,
            "gain_after_the_first_epoch": round(gain, 2),
            "cache_bytes_per_word": round(size / words),
        },
    )


if __name__ == "__main__":
    main()
