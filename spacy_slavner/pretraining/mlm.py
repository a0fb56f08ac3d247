"""Training an encoder further as a masked-language model (Arkhipov et al. 2019, sections 3 and 4.3).

Stages, each of which is kept when it is done, so that an interrupted run goes on where it stopped:

1. `head`: where the encoder comes without a head, the transform alone is trained before anything else,
   its output vectors being the input's.
2. `vocabulary`: the vocabulary is rebuilt (see `transfer`), if that is asked for.
3. `all`: all weights, on blocks of 128 pieces.
4. `positions`: only the vectors of positions, on blocks of 512.

The paper names batch 256, rate 2e-5, a million updates of all weights and 300,000 of positions.

Several GPUs: `torchrun --nproc-per-node N -m spacy_slavner pretrain …`. Every process reads the text and
takes its own blocks of it; the batch is divided among them.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from math import exp
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..evaluation.metrics import write_json
from ..evaluation.plots import plot_losses
from ..evaluation.pretraining import RECORD_FILE, loss_curves, read_pretraining
from ..files import whole_folder
from . import encoder, masking, runs, transfer
from .blocks import Block, Collator, Cutter, Mixture
from .download import BaseEncoder, load_base_encoder
from .runs import ENCODER, STAGES, begin, is_main
from .texts import Texts, find_texts, hold_out
from .updates import score_masked_alone, set_dropout

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

HEAD_FILE = "head.safetensors"
STARTS = ("given", "random_embeddings", "random")
VECTORS = ("mean", "focus", "random")
PRECISIONS = ("auto", "fp32", "bf16")


@dataclass
class Request:
    """What is trained on what, and how; the values are the paper's where it names any.

    name (str): The encoder: a folder, or a name on the model hub.
    texts (tuple[Path, ...]): Folders of text.
    without (tuple[Path, ...]): Folders of splits whose dev and test documents are left out.
    languages (tuple[str, ...]): Languages to take from the texts; none for all.
    vocab_size (int): Pieces of a rebuilt vocabulary; 0 keeps the encoder's own.
    vectors (str): How pieces that are new start: "mean" of the old ones they are made of, "focus" (see
        `transfer.focus_vectors`) or "random".
    start (str): "given", or what is set back to random before stage `all`: "random_embeddings" (those of
        all pieces) or "random" (every weight).
    batch (int): Blocks in an update.
    device_batch (int): How many of them at once; the rest is accumulated.
    rate (float): Learning rate of the stages `all` and `positions`.
    head_rate (float): Learning rate of the stage `head`.
    head_steps (int): Updates of the stage `head`.
    steps (int): Updates of the stage `all`.
    position_steps (int): Updates of the stage `positions`.
    length (int): Longest block of all stages but the last.
    position_length (int): Longest block of the last one; what the encoder has, if that is less.
    warmup (float): The share of a stage's updates in which the rate rises; it falls to zero thereafter.
    decay (float): Weight decay.
    dropout (float | None): Dropout in training; None for that of the encoder's config.
    whole_words (bool): Whether words are masked whole.
    segmenters (dict[str, str]): For languages without spaces, what finds words: {"zh": "jieba"}; names as
        `masking.make_segmenter` knows them.
    temperature (float): How languages are mixed, see `Texts.proportions`. The paper's text is
        "stratified", of which it says no more.
    held_out (int): Texts of each language that are measured with.
    precision (str): "auto" (bf16 where the processor has it), "fp32" or "bf16".
    log_every (int): Updates between two losses in the record.
    save_every (int): Updates between two checkpoints.
    seed (int): The seed.
    """

    name: str
    texts: tuple[Path, ...]
    without: tuple[Path, ...] = ()
    languages: tuple[str, ...] = ()
    vocab_size: int = 0
    vectors: str = "mean"
    start: str = "given"
    batch: int = 256
    device_batch: int = 32
    rate: float = 2e-5
    head_rate: float = 1e-3
    head_steps: int = 1_000
    steps: int = 1_000_000
    position_steps: int = 300_000
    length: int = 128
    position_length: int = 512
    warmup: float = 0.05
    decay: float = 0.01
    dropout: float | None = None
    whole_words: bool = True
    segmenters: dict[str, str] | None = None
    temperature: float = 2.0
    held_out: int = 50
    precision: str = "auto"
    log_every: int = 50
    save_every: int = 500
    seed: int = 0

    def record(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): The request as JSON keeps it."""
        return runs.as_json(self)


# What a small machine takes instead of the paper's values. With few and small updates the rate has to be
# higher, and text that is read once needs no dropout, whose random numbers are slow on a CPU.
RECIPES: dict[str, dict[str, Any]] = {
    "": {},
    "short": {
        "batch": 8, "device_batch": 8, "rate": 3e-4, "dropout": 0.0,
        "head_steps": 300, "steps": 2_000, "position_steps": 100,
    },
}  # fmt: skip


def pretrain(output: Path, request: Request, *, resume: bool = False, command: str = "") -> dict[str, Any]:
    """Train an encoder on text and write it to `output/encoder`.

    output (Path): The folder; `stages` in it is what an interrupted run goes on from.
    request (Request): What to do.
    resume (bool): Go on with what is there; without it, what is there is replaced.
    command (str): What repeats the run, for the record.
    RETURNS (dict[str, Any]): The record.
    RAISES (InputError): If something is missing, is no UTF-8, or does not fit.
    """
    _check(request)
    run = _Run(output, request, resume, command)
    run.head()
    if request.vocab_size:
        run.vocabulary()
    run.set_back()
    run.stage("all", request.steps, request.length, request.rate)
    run.stage("positions", request.position_steps, request.position_length, request.rate)
    return run.finish()


def _check(request: Request) -> None:
    runs.check(request)
    if request.start not in STARTS:
        raise InputError(f"there is no start {request.start!r}", remedy=f"Choose of {', '.join(STARTS)}")
    if request.vectors not in VECTORS:
        raise InputError(
            f"there are no vectors {request.vectors!r}", remedy=f"Choose of {', '.join(VECTORS)}"
        )
    if request.vocab_size and request.vectors == "focus":
        transfer.require_focus()
    for name in (request.segmenters or {}).values():
        masking.make_segmenter(name)
    if request.precision not in PRECISIONS:
        remedy = f"Choose of {', '.join(PRECISIONS)}"
        raise InputError(f"there is no precision {request.precision!r}", remedy=remedy)
    if request.precision == "bf16" and not _takes_bf16("auto"):
        raise InputError("this processor has no bf16", remedy="Take --precision fp32")


def _takes_bf16(precision: str) -> bool:
    import torch

    from ..layers.torch.encoder import autocast_dtype

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return autocast_dtype(precision, device) == torch.bfloat16


def masked_lm(base: BaseEncoder) -> "PreTrainedModel":
    """Put a masked-language-model head on an encoder, its output vectors tied to the input's.

    base (BaseEncoder): The encoder; the head has its weights.
    RETURNS (transformers.PreTrainedModel): The model; the head's transform is random.
    RAISES (InputError): If the kind of encoder has no such head, or its tokenizer does not fit.
    """
    import torch

    transfer.check_fit(base.model, base.tokenizer)
    config = base.model.config
    config.vocab_size = base.model.get_input_embeddings().num_embeddings
    config.tie_word_embeddings = True
    try:
        model = _from_config(config)
    except ValueError as error:
        kind = type(base.model).__name__
        raise InputError(f"there is no masked-language model of a {kind}") from error
    setattr(model, model.base_model_prefix, base.model.to(torch.float32))
    model.tie_weights()
    return model


def _from_config(config: "PretrainedConfig") -> "PreTrainedModel":
    from transformers import AutoModelForMaskedLM

    model = AutoModelForMaskedLM.from_config(config)
    score_masked_alone(model)
    return model


def head_state(model: "PreTrainedModel") -> dict[str, Any]:
    """The weights of the head alone, without what is the encoder's.

    model (transformers.PreTrainedModel): A masked-language model.
    RETURNS (dict[str, torch.Tensor]): The weights by name, each once.
    """
    shared, own = {p.data_ptr() for p in model.base_model.parameters()}, {}
    for name, weight in model.named_parameters():  # gives tied weights once
        if weight.data_ptr() not in shared:
            own[name] = weight.detach().cpu().contiguous()
    return own


def load_head(model: "PreTrainedModel", folder: Path) -> bool:
    """Load a head from beside an encoder, or from the weights of a masked-language model.

    model (transformers.PreTrainedModel): The model.
    folder (Path): The encoder's folder.
    RETURNS (bool): Whether there was a whole head.
    """
    wanted = head_state(model)
    for found in (_head_beside(folder), _head_within(folder)):
        if found.keys() >= wanted.keys() and all(found[n].shape == wanted[n].shape for n in wanted):
            model.load_state_dict({name: found[name] for name in wanted}, strict=False)
            return True
    return False


def _head_beside(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / HEAD_FILE) if (folder / HEAD_FILE).is_file() else {}


def _head_within(folder: Path) -> dict[str, Any]:
    """The head in a masked-language model's weights: transformers knows old names, and weights in parts."""
    from transformers import AutoModelForMaskedLM
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()  # what is missing is no news
    try:
        model, report = AutoModelForMaskedLM.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
    finally:
        logging.set_verbosity(level)
    lacking = {*report["missing_keys"], *(name for name, *_ in report["mismatched_keys"])}
    return {name: weight for name, weight in head_state(model).items() if name not in lacking}


def evaluate(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerFast", blocks: dict[str, list[Block]],
    seed: int, batch: int = 32, only: np.ndarray | None = None,
) -> dict[str, dict[str, float]]:  # fmt: skip
    """Measure a masked-language model on held-out blocks, masked in the same places every time.

    model (transformers.PreTrainedModel): The model.
    tokenizer (transformers.PreTrainedTokenizerFast): Its tokenizer.
    blocks (dict[str, list[Block]]): The blocks of each language.
    seed (int): Where the masks come from.
    batch (int): Blocks at once.
    only (numpy.ndarray | None): The ids of the pieces that are to be told, of those that are masked; None:
        all. Shape: (ids,).
    RETURNS (dict[str, dict[str, float]]): For each language "loss" (of a masked piece, in nats),
        "perplexity", "pieces" (masked); "all" is the mean of the languages' losses.
    """
    import torch

    model.eval()
    figures = {}
    for language, of_language in blocks.items():
        collate, total, masked = Collator(tokenizer, seed), 0.0, 0
        with torch.inference_mode():
            for start in range(0, len(of_language), batch):
                inputs = {
                    k: v.to(model.device) for k, v in collate(of_language[start : start + batch]).items()
                }
                labels = inputs["labels"]
                if only is not None:
                    labels[~torch.isin(labels, torch.as_tensor(only, device=labels.device))] = masking.IGNORED
                if number := int((labels != masking.IGNORED).sum()):
                    total += float(model(**inputs).loss) * number
                    masked += number
        if masked:
            figures[language] = _figures(total / masked, masked)
    if figures:
        losses = [figure["loss"] for figure in figures.values()]
        figures["all"] = _figures(sum(losses) / len(losses), sum(f["pieces"] for f in figures.values()))
    return figures


def _figures(loss: float, pieces: int) -> dict[str, float]:
    return {"loss": loss, "perplexity": exp(min(loss, 700.0)), "pieces": pieces}


class _Run:
    """A run with what it has done so far."""

    def __init__(self, output: Path, request: Request, resume: bool, command: str) -> None:
        from transformers import set_seed

        self.output, self.request, self.command = output, request, command
        begin(output, request.record(), resume)
        set_seed(request.seed)
        base = load_base_encoder(request.name)
        self.source, self.license = base.source, base.license
        self.tokenizer, self.model = base.tokenizer, masked_lm(base)
        self.has_head = base.folder is not None and load_head(self.model, base.folder)
        self.texts: Texts = find_texts(request.texts, request.without, request.languages)
        hold_out(self.texts, request.held_out, request.seed)
        self.segmenters = {
            language: masking.make_segmenter(name) for language, name in (request.segmenters or {}).items()
        }
        self.stages: dict[str, dict[str, Any]] = {}

    def blocks(self, length: int) -> dict[str, list[Block]]:
        """Held-out blocks of each language, with the vocabulary as it is now."""
        cutter = self._cutter(length)
        return {
            language: [block for text in held_out.values() for block in cutter(text, language)]
            for language, held_out in self.texts.held_out.items()
        }

    def _cutter(self, length: int) -> Cutter:
        return Cutter(self.tokenizer, self._fitting(length), self.request.whole_words, self.segmenters)

    def _fitting(self, length: int) -> int:
        """The length, or what the model has positions for."""
        config = self.model.config
        longest = getattr(config, "max_position_embeddings", length)
        if config.model_type in ("roberta", "xlm-roberta", "camembert"):
            longest -= config.pad_token_id + 1  # positions are counted from behind the padding's
        return min(length, longest, self.tokenizer.model_max_length)

    def measure(
        self, length: int | None = None, only: np.ndarray | None = None
    ) -> dict[str, dict[str, float]]:
        """Losses on held-out text, of all pieces or of some only."""
        blocks = self.blocks(length or self.request.length)
        return evaluate(self.model, self.tokenizer, blocks, self.request.seed, only=only)

    # Stages. Each ends by writing its folder; one that is there is loaded instead.

    def head(self) -> None:
        """Train the transform alone, where the encoder came without one."""
        if self.has_head or self.request.start == "random":
            return
        self.stage("head", self.request.head_steps, self.request.length, self.request.head_rate)

    def vocabulary(self) -> None:
        """Rebuild the vocabulary; what the average does for the loss is measured against chance."""
        from accelerate import PartialState

        # Trained twice, a vocabulary might not be the same: the other processes load the first one's.
        with PartialState().main_process_first():
            if not self._load("vocabulary"):
                self._rebuild()

    def _rebuild(self) -> None:
        request, old, begun = self.request, self.tokenizer, time.time()
        self.model.cpu()
        new = transfer.rebuild_tokenizer(old, self._samples(), request.vocab_size)
        sources = transfer.origins(old, new)
        state = {name: weight.detach().clone() for name, weight in self.model.named_parameters()}
        config = self.model.config.to_dict()
        losses, losses_of_new, self.tokenizer = {}, {}, new
        known = old.get_vocab()
        added = np.array([number for piece, number in new.get_vocab().items() if piece not in known])
        # The kind that was asked for comes last, and stays.
        for vectors in dict.fromkeys(sorted(("mean", "random", request.vectors), key=request.vectors.__eq__)):
            self._restore(state, config)
            transfer.transfer_model(self.model, old, new, sources, self._vectors(vectors, old, new))
            losses[vectors], losses_of_new[vectors] = self.measure(), self.measure(only=added)
        changes = [
            asdict(transfer.measure(old, new, language, texts.values()))
            for language, texts in self.texts.held_out.items()
            if texts
        ]
        self._keep("vocabulary", {
            "pieces_before": len(old),
            "pieces": len(new),
            "shared": sum(piece in known for piece in new.get_vocab()),
            "from_all": sum(not len(ids) for ids in sources),
            "seconds": time.time() - begun,
            "languages": changes,
            "losses": losses,
            "losses_of_new": losses_of_new,
        })  # fmt: skip

    def _vectors(
        self, kind: str, old: "PreTrainedTokenizerFast", new: "PreTrainedTokenizerFast"
    ) -> np.ndarray | None:
        """What new pieces start with, None for the mean. Shape: (new pieces, width)."""
        if kind == "focus":
            return transfer.focus_vectors(self.model, old, new, self._samples(), self.request.seed)
        if kind == "random":
            return transfer.random_vectors(self.model, len(new), np.random.default_rng(self.request.seed))
        return None

    def _samples(self) -> Iterator[str]:
        """The text that the vocabulary is made of."""
        for language in self.texts.documents:
            yield from self._sample(language)

    def _sample(self, language: str) -> Iterator[str]:
        """Text of a language for the vocabulary: as much of each as there is of the smallest, at least.

        Languages are weighed as for training, the largest share taking all of its text.
        """
        shares = self.texts.proportions(self.request.temperature)
        sizes = {name: sum(d.size for d in docs) for name, docs in self.texts.documents.items()}
        scale = min(sizes[name] / shares[name] for name in sizes)
        left = shares[language] * scale
        for text in self.texts.train(language, np.random.default_rng(self.request.seed)):
            if left <= 0:
                return
            yield text
            left -= len(text.encode())

    def _restore(self, state: dict[str, Any], config: dict[str, Any]) -> None:
        """The masked-language model with these weights, made anew because their shapes may differ."""
        from transformers import AutoConfig

        self.model = _from_config(AutoConfig.for_model(**config))
        lacking = self.model.load_state_dict(state, strict=False).missing_keys
        # The second names of tied weights are not saved.
        lacking = [name for name in lacking if ".decoder." not in name]
        if lacking:
            raise InputError(f"the stage lacks {', '.join(lacking)}", path=self.output / STAGES)

    def set_back(self) -> None:
        """Make vectors or all weights random, for comparison."""
        import torch

        start = self.request.start
        if start == "given":
            return
        torch.manual_seed(self.request.seed)
        embeddings = self.model.get_input_embeddings()
        modules = [embeddings] if start == "random_embeddings" else list(self.model.modules())
        for module in modules:
            self.model._init_weights(module)
        head = self.model.get_output_embeddings()
        if head.bias is not None:
            # What it has learnt of the pieces, how frequent they are, goes with their vectors.
            torch.nn.init.zeros_(head.bias)
        self.model.tie_weights()

    def stage(self, name: str, steps: int, length: int, rate: float) -> None:
        """Train for some updates, or go on doing so."""
        if not steps or self._load(name):
            return
        self._choose_weights(name)
        before = self.measure(length)
        losses, seconds = self._train(name, steps, length, rate)
        self._keep(name, {
            "steps": steps, "length": self._fitting(length), "rate": rate, "seconds": seconds,
            "losses": losses, "before": before, "after": self.measure(length),
        })  # fmt: skip

    def _choose_weights(self, name: str) -> None:
        """What learns in a stage."""
        of_head = head_state(self.model)
        chosen: dict[str, Callable[[str], bool]] = {
            "head": lambda weight: weight in of_head,
            "all": lambda weight: True,
            "positions": lambda weight: "position_embeddings" in weight,
        }
        number = 0
        for weight, parameter in self.model.named_parameters():
            parameter.requires_grad = chosen[name](weight)
            number += parameter.requires_grad
        if not number:
            raise InputError(
                f"a {type(self.model).__name__} has no vectors of positions", remedy="Take --position-steps 0"
            )

    def _train(self, name: str, steps: int, length: int, rate: float) -> tuple[list[list[float]], float]:
        request, cutter = self.request, self._cutter(length)
        if request.dropout is not None:
            set_dropout(self.model, request.dropout)
        return runs.train(
            self.output / STAGES / f"{name}.checkpoints",
            self.model,
            Mixture(self.texts, cutter, request.temperature, request.seed),
            Collator(self.tokenizer, request.seed),
            request,
            steps=steps,
            rate=rate,
            bf16=_takes_bf16(request.precision),
        )

    def _keep(self, name: str, record: dict[str, Any]) -> None:
        """Write the state after a stage, whole or not at all."""
        from safetensors.torch import save_file

        self.stages[name] = record
        if not is_main():
            return
        state = {n: w.detach().cpu().contiguous() for n, w in self.model.named_parameters()}
        with whole_folder(self.output / STAGES / name) as folder:
            save_file(state, folder / "model.safetensors")
            self.tokenizer.save_pretrained(folder)
            write_json(folder / "record.json", {"config": self.model.config.to_dict(), "record": record})
        shutil.rmtree(self.output / STAGES / f"{name}.checkpoints", ignore_errors=True)

    def _load(self, name: str) -> bool:
        """Take up the state after a stage, if it was finished."""
        from safetensors.torch import load_file
        from transformers import AutoTokenizer

        folder = self.output / STAGES / name
        if not folder.is_dir():
            return False
        kept = json.loads((folder / "record.json").read_text(encoding="utf8"))
        self.stages[name] = kept["record"]
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._restore(load_file(folder / "model.safetensors"), kept["config"])
        return True

    def finish(self) -> dict[str, Any]:
        """Write the encoder, its head, a card and the record."""
        from safetensors.torch import save_file

        self.model.cpu()
        record = {
            **runs.describe(self.request, "name", self.texts, self.source, self.command),
            "proportions": self.texts.proportions(self.request.temperature),
            "pieces": len(self.tokenizer),
            # Of all sessions: an interrupted run takes up its stages with the time they took.
            "seconds": sum(stage["seconds"] for stage in self.stages.values()),
            "stages": self.stages,
            "perplexity": self.measure(),
        }
        if is_main():
            with whole_folder(self.output / ENCODER) as folder:
                encoder.save(self.model.base_model, self.tokenizer, folder)
                save_file(head_state(self.model), folder / HEAD_FILE)
                (folder / HEAD_FILE).chmod((folder / "config.json").stat().st_mode)
                (folder / "README.md").write_text(card(record, self.license), encoding="utf8")
                write_json(folder / RECORD_FILE, record)
        return record


def card(record: dict[str, Any], license: str | None) -> str:
    """Write the model card.

    record (dict[str, Any]): What `pretrain` records.
    license (str | None): The licence of the encoder that was trained further, where it is known.
    RETURNS (str): The card in Markdown, with front matter.
    """
    name = record["arguments"]["name"]
    unit = "whole words" if record["arguments"]["whole_words"] else "pieces"
    steps = ", ".join(f"{s['steps']:,} ({n})" for n, s in record["stages"].items() if "steps" in s)
    rows = [
        f"| {language} | {record['documents'].get(language, '')} | {row['loss']:.3f} "
        f"| {row['perplexity']:.2f} |"
        for language, row in record["perplexity"].items()
    ]
    text = [
        f"# {name}, trained further",
        "",
        f"The encoder {name}, trained further as a masked-language model ({unit} masked at "
        f"{masking.RATE:.0%}), with {record['pieces']:,} pieces, stored in fp16 (safetensors); its head is "
        f"in `{HEAD_FILE}`. Updates: {steps or 'none'}.",
    ]
    known = f"Licence of the base encoder: {license.upper()}." if license else ""
    notes = [f"- {known or 'Licence: see the card of the base encoder.'}"]
    table = [
        "| language | documents | masked-LM loss on held-out text | perplexity |",
        "|---|---|---|---|",
        *rows,
    ]
    return "\n".join([runs.card(record, license, text, notes, RECORD_FILE), *table, ""])


def compare(records: Sequence[Path], plot: Path | None = None) -> dict[str, list[list[float]]]:
    """Lay the losses of several runs over each other: what a start is worth.

    records (Sequence[Path]): Their `pretraining.json`.
    plot (Path | None): A picture to draw, needs matplotlib.
    RETURNS (dict[str, list[list[float]]]): For each run, by start, new vectors and seed, the step and loss of
        its stage `all`.
    RAISES (InputError): If a record cannot be read, has no such stage, or begins as another one does; or
        matplotlib is missing.
    """
    curves: dict[str, list[list[float]]] = {}
    for path in records:
        record = read_pretraining(path)
        if "all" not in record["stages"]:
            raise InputError(
                "the run has no losses of all weights", path=path, remedy="Train it with --steps above 0"
            )
        if record["name"] in curves:
            raise InputError(
                f"two of the runs are {record['name']}",
                path=path,
                remedy="Give runs that differ in their start or seed",
            )
        curves |= loss_curves([record])
    if plot:
        plot_losses(curves, plot)
    return curves
