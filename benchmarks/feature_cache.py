"""Steps per second of a system with a frozen encoder, with and without the cache of the encoder's layers.

Both train on the same batches, in turns; the first epoch of the cached one fills the cache.

    python benchmarks/feature_cache.py --corpus train.spacy --steps 8
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from _common import finish, parser

from training import pipeline_steps


def prepare(config, overrides: dict, steps: int):
    """Initialise a pipeline; give it with as many batches as there are steps in an epoch."""
    from itertools import islice

    from spacy.training.initialize import init_nlp
    from spacy.util import registry, resolve_dot_names

    from spacy_slavner.training.config import fill_config, merge_config

    nlp = init_nlp(fill_config(merge_config(config, overrides)))
    resolved = nlp.config.interpolate()
    (corpus,) = resolve_dot_names(resolved, ["corpora.train"])
    batcher = registry.resolve({"b": resolved["training"]["batcher"]})["b"]
    batches = list(islice(batcher(corpus(nlp)), steps))
    for batch in batches:
        for example in batch:
            nlp.get_pipe("sentence_splitter")(example.predicted)
    return nlp, batches


def main() -> None:
    args = parser(__doc__.splitlines()[0])
    args.add_argument(
        "--config", type=Path, default=Path("configs/frozen_mix_bilstm_attention_ncrf.cfg")
    )
    args.add_argument("--encoder", default="assets/encoder")
    args.add_argument("--corpus", type=Path, required=True, help="Training .spacy file")
    args.add_argument("--layers", type=int, default=None, help="Layers of the encoder, default: all")
    args.add_argument("--steps", type=int, default=8, help="Steps in an epoch")
    args.add_argument("--epochs", type=int, default=3)
    args.add_argument("--documents", type=int, default=50, help="Documents that are read")
    args = args.parse_args()

    import torch
    from thinc.api import fix_random_seed

    torch.set_num_threads(args.threads)
    model = "components.transformer.model"
    overrides = {
        "paths.train": str(args.corpus),
        "paths.dev": str(args.corpus),
        "paths.encoder": str(args.encoder),
        "training.seed": args.seed,
        "corpora.train.limit": args.documents,
        f"{model}.layers": args.layers,
        f"{model}.dropout": 0.0,
        f"{model}.frozen_dropout": False,
    }
    with TemporaryDirectory() as folder:
        runs = {}
        for name, cache in (("without", None), ("with", folder)):
            fix_random_seed(args.seed)
            nlp, batches = prepare(
                args.config, {**overrides, f"{model}.cache_dir": cache}, args.steps
            )
            runs[name] = pipeline_steps(nlp, batches)
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
