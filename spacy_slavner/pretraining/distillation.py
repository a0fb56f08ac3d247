"""A small encoder that learns to say what a large one says: distillation of its vectors, piece by piece.

The small one reads the same pieces, so that each of its vectors has one to compare with: a linear layer,
which is thrown away afterwards, maps it to the teacher's width, and the loss is the mean squared distance, in
units of the teacher's own variance. This is the last layer alone of what Jiao et al. 2020, "TinyBERT",
section 3, compare; input embeddings are not learnt from the teacher's but taken over, reduced to their
principal components. Some pieces are hidden from the small one alone. A teacher that was trained to find
names says in its last layer most of all what names are.

The teacher runs once over each block of text; what it said is kept on disk (`layers/feature_cache.py`).
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import InputError
from ..evaluation.metrics import write_json
from ..files import whole_folder
from ..layers.encoder import EncoderShim
from ..layers.feature_cache import FeatureCache, digest_weights
from ..layers.torch.encoder import EncoderModule, WindowBatch
from ..layers.torch.imitation import Imitation, principal_components
from . import encoder, runs
from .blocks import Block, Cutter, Mixture, pad
from .download import load_base_encoder
from .runs import ENCODER, STAGES, begin, is_main
from .texts import Texts, find_texts, hold_out

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

RECORD_FILE = "distillation.json"
# Blocks that tell how far the teacher's vectors lie apart.
SAMPLE = 200
# What a component of the input embeddings varies by, about as much as in encoders of this kind.
EMBEDDING_SCALE = 0.05


@dataclass
class DistillationRequest:
    """What learns from what.

    teacher (str): A pipeline (a folder or an installed name), or an encoder (a folder, or a name on the hub).
    texts (tuple[Path, ...]): Folders of text, or .spacy files.
    without (tuple[Path, ...]): Folders of splits whose dev and test documents are left out.
    languages (tuple[str, ...]): Languages to take from the texts; none for all.
    width (int): Width of the small encoder's vectors.
    layers (int): Its layers.
    heads (int): Heads of their attention.
    intermediate (int): Width of their feed-forward layers.
    length (int): Longest block, special pieces counted; the small encoder has positions for twice as many.
    masking (float): The share of pieces that are hidden from the small encoder.
    batch (int): Blocks in an update.
    device_batch (int): How many of them at once; the rest is accumulated.
    rate (float): Learning rate, at its highest.
    steps (int): Updates.
    warmup (float): The share of updates in which the rate rises; it falls to zero thereafter.
    decay (float): Weight decay.
    temperature (float): How languages are mixed, see `Texts.proportions`.
    held_out (int): Texts of each language that are measured with.
    cache_gb (float): Most that is kept of what the teacher says, in units of 10⁹ bytes.
    log_every (int): Updates between two losses in the record.
    save_every (int): Updates between two checkpoints.
    seed (int): The seed.
    """

    teacher: str
    texts: tuple[Path, ...]
    without: tuple[Path, ...] = ()
    languages: tuple[str, ...] = ()
    width: int = 128
    layers: int = 3
    heads: int = 4
    intermediate: int = 256
    length: int = 128
    masking: float = 0.1
    batch: int = 32
    device_batch: int = 32
    rate: float = 2e-3
    steps: int = 6_000
    warmup: float = 0.05
    decay: float = 0.01
    temperature: float = 1.0
    held_out: int = 20
    cache_gb: float = 10.0
    log_every: int = 50
    save_every: int = 500
    seed: int = 0

    def record(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): The request as JSON keeps it."""
        return runs.as_json(self)


def distill(
    output: Path, request: DistillationRequest, *, resume: bool = False, command: str = ""
) -> dict[str, Any]:
    """Train a small encoder to say what a large one says, and write it.

    output (Path): Folder for the run: the encoder is written to `encoder` in it, `stages` is what an
        interrupted run goes on from.
    request (DistillationRequest): What to do.
    resume (bool): Go on with what is there; without it, what is there is replaced.
    command (str): What repeats the run, for the record.
    RETURNS (dict[str, Any]): The record.
    RAISES (InputError): If something is missing or does not fit.
    """
    _check(request)
    begin(output, request.record(), resume)
    return _Run(output, request, command).run()


def _check(request: DistillationRequest) -> None:
    runs.check(request)
    for name in ("width", "layers", "heads", "intermediate", "steps"):
        if getattr(request, name) < 1:
            raise InputError(f"{name} must be at least 1, not {getattr(request, name)}")
    if request.width % request.heads:
        raise InputError(
            f"{request.heads} heads do not share a width of {request.width} evenly",
            remedy="Change --width or --heads",
        )


class Teacher:
    """An encoder that is asked for vectors, and remembers what it said.

    module (EncoderModule): The encoder.
    tokenizer (PreTrainedTokenizerFast): Its tokenizer.
    source (str): Where it came from, in words.
    license (str | None): Its licence, where it is known.
    """

    def __init__(
        self,
        module: "EncoderModule",
        tokenizer: "PreTrainedTokenizerFast",
        source: str,
        license: str | None = None,
    ) -> None:
        self.module, self.tokenizer = module.eval(), tokenizer
        self.source, self.license = source, license
        self.cache: FeatureCache | None = None

    def keep(self, folder: Path, gigabytes: float) -> None:
        """Keep on disk what is said from now on, and use what was kept before.

        folder (Path): Where.
        gigabytes (float): Most of it, in units of 10⁹ bytes.
        """
        digest = digest_weights(self.module.state_dict())
        self.cache = FeatureCache(folder, digest, 1, self.module.width, gigabytes)

    def vectors(self, blocks: Sequence[Block]) -> np.ndarray:
        """Say what the encoder says about blocks.

        blocks (Sequence[Block]): The blocks.
        RETURNS (ndarray): The vectors of all their pieces, special ones too, fp32. Shape: (pieces, width).
        """
        keys = [blake2b(block.ids.tobytes(), digest_size=16).digest() for block in blocks]
        kept = self.cache
        known = [None if kept is None else kept.get(key) for key in keys]
        lacking = [i for i, vectors in enumerate(known) if vectors is None]
        if lacking:
            for i, vectors in zip(lacking, self._run([blocks[i] for i in lacking]), strict=True):
                known[i] = vectors[None]
                # A block may be twice in a batch.
                if kept is not None and kept.get(keys[i]) is None:
                    kept.put(keys[i], known[i])
        return np.concatenate([vectors[0] for vectors in known]).astype(np.float32)

    def _run(self, blocks: Sequence[Block]) -> list[np.ndarray]:
        ids, mask = map(torch.from_numpy, pad(blocks, self.tokenizer.pad_token_id))
        device = self.module.device
        rows = mask.flatten().nonzero().flatten()
        batch = WindowBatch(*(t.to(device) for t in (ids, mask, rows, torch.arange(len(rows)))))
        with torch.inference_mode():
            vectors = self.module([batch], len(rows)).cpu().numpy()
        return np.split(vectors, np.cumsum([len(block.ids) for block in blocks])[:-1])


def load_teacher(name: str) -> Teacher:
    """Load the encoder to learn from.

    name (str): A pipeline (a folder or an installed name), or an encoder (a folder, or a name on the hub).
    RETURNS (Teacher): The encoder.
    RAISES (InputError): If there is none, or the pipeline has no transformer of this package.
    """
    import spacy

    if not (spacy.util.is_package(name) or (Path(name) / "config.cfg").is_file()):
        base = load_base_encoder(name)
        return Teacher(EncoderModule(base.model), base.tokenizer, base.source, base.license)
    nlp = spacy.load(name)
    shims = [shim for _, pipe in nlp.pipeline for shim in getattr(getattr(pipe, "model", None), "shims", [])]
    shims = [shim for shim in shims if isinstance(shim, EncoderShim)]
    if not shims:
        raise InputError(
            f"the pipeline has no transformer of this package: {', '.join(nlp.pipe_names)}",
            path=name,
            remedy="Give one of a system with an encoder, such as slavner",
        )
    source = f"the pipeline {nlp.meta['lang']}_{nlp.meta['name']} {nlp.meta['version']}"
    return Teacher(shims[0].module, shims[0].tokenizer, source, nlp.meta["license"] or None)


def make_student(teacher: Teacher, request: DistillationRequest) -> "PreTrainedModel":
    """Make the small encoder, its input embeddings the principal components of the teacher's.

    teacher (Teacher): The teacher.
    request (DistillationRequest): The sizes.
    RETURNS (transformers.BertModel): The encoder, random but for the embeddings of pieces.
    """
    from transformers import BertConfig, BertModel

    given = teacher.module.transformer.get_input_embeddings().weight.detach().float().cpu()
    config = BertConfig(
        vocab_size=len(given),
        hidden_size=request.width,
        num_hidden_layers=request.layers,
        num_attention_heads=request.heads,
        intermediate_size=request.intermediate,
        max_position_embeddings=2 * request.length,
        type_vocab_size=1,
        pad_token_id=teacher.tokenizer.pad_token_id,
        # So small an encoder has no weights to spare; hidden pieces keep it from learning by heart.
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    student = BertModel(config, add_pooling_layer=False)
    components = principal_components(given, request.width)
    with torch.no_grad():
        table = student.get_input_embeddings().weight
        # Beyond the teacher's own width there is nothing to take over.
        table[:, : components.shape[1]] = components * (EMBEDDING_SCALE / components.std())
    return student


class TeacherCollator:
    """Pads blocks, hides some of their pieces, and asks the teacher about the whole ones.

    teacher (Teacher): The teacher.
    masking (float): The share of pieces to hide.
    seed (int): Where chance starts.
    """

    def __init__(self, teacher: Teacher, masking: float, seed: int) -> None:
        self.teacher, self.masking = teacher, masking
        self.special = np.array(teacher.tokenizer.all_special_ids)
        self.generator = np.random.default_rng(seed)

    def __call__(self, blocks: Sequence[Block]) -> dict[str, torch.Tensor]:
        ids, mask = pad(blocks, self.teacher.tokenizer.pad_token_id)
        hidden = (self.generator.random(ids.shape) < self.masking) & ~np.isin(ids, self.special)
        ids[hidden] = self.teacher.tokenizer.mask_token_id
        batch = {"input_ids": ids, "attention_mask": mask, "vectors": self.teacher.vectors(blocks)}
        return {name: torch.from_numpy(array) for name, array in batch.items()}


class _Run:
    """A run with what it has done so far."""

    def __init__(self, output: Path, request: DistillationRequest, command: str) -> None:
        from transformers import set_seed

        self.output, self.request, self.command = output, request, command
        set_seed(request.seed)
        self.teacher = load_teacher(request.teacher)
        if self.teacher.tokenizer.mask_token is None:
            raise InputError("the teacher's tokenizer has no piece that hides others", path=request.teacher)
        if torch.cuda.is_available():
            self.teacher.module.cuda()
        self.teacher.keep(output / STAGES / "teacher", request.cache_gb)
        self.texts: Texts = find_texts(request.texts, request.without, request.languages)
        hold_out(self.texts, request.held_out, request.seed)
        limit = min(request.length, self.teacher.module.limit + 2)
        self.cutter = Cutter(self.teacher.tokenizer, limit, whole_words=False)
        self.model = Imitation(make_student(self.teacher, request), *self._spread())

    def _spread(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and variance of the teacher's vectors, by some blocks of each language."""
        sampled: list[Block] = []
        per_language = -(-SAMPLE // len(self.texts.documents))
        for language in self.texts.documents:
            stop = len(sampled) + per_language
            for text in self.texts.train(language, np.random.default_rng(self.request.seed)):
                sampled += self.cutter(text, language)
                if len(sampled) >= stop:
                    break
        # By length, so that little is padding.
        sampled.sort(key=lambda block: len(block.ids))
        size = self.request.device_batch
        vectors = np.concatenate(
            [self.teacher.vectors(sampled[i : i + size]) for i in range(0, len(sampled), size)]
        )
        return torch.from_numpy(vectors.mean(0)), torch.from_numpy(vectors).var(0).mean()

    def run(self) -> dict[str, Any]:
        """Train, measure, write."""
        from accelerate import PartialState

        before = self.measure()
        losses, seconds = self._train()
        self.model.cpu()
        record = {
            **runs.describe(self.request, "teacher", self.texts, self.teacher.source, self.command),
            "parameters": sum(weight.numel() for weight in self.model.student.parameters()),
            "parameters_of_teacher": sum(weight.numel() for weight in self.teacher.module.parameters()),
            "losses": losses,
            "seconds": seconds,
            "explained_before": before,
            "explained": self.measure(),
        }
        # The others may still be reading what the teacher said.
        PartialState().wait_for_everyone()
        if is_main():
            self._write(record)
        return record

    def _train(self) -> tuple[list[list[float]], float]:
        request = self.request
        return runs.train(
            self.output / STAGES / "checkpoints",
            self.model,
            Mixture(self.texts, self.cutter, request.temperature, request.seed),
            TeacherCollator(self.teacher, request.masking, request.seed),
            request,
            steps=request.steps,
            rate=request.rate,
            adam_beta2=0.98,
        )

    def measure(self) -> dict[str, float]:
        """The share of the variance of the teacher's vectors that the small encoder explains, by language."""
        shares: dict[str, float] = {}
        collate, size = TeacherCollator(self.teacher, 0.0, 0), self.request.device_batch
        device = next(self.model.parameters()).device
        self.model.eval()
        for language, texts in self.texts.held_out.items():
            blocks = [block for text in texts.values() for block in self.cutter(text, language)]
            wrong = spread = 0.0
            with torch.inference_mode():
                for start in range(0, len(blocks), size):
                    batch = {k: v.to(device) for k, v in collate(blocks[start : start + size]).items()}
                    number = len(batch["vectors"])
                    wrong += float(self.model(**batch)["loss"]) * number
                    around = (batch["vectors"] - self.model.mean).square().mean()
                    spread += float(around / self.model.variance) * number
            if spread:
                shares[language] = 1 - wrong / spread
        if shares:
            shares["all"] = sum(shares.values()) / len(shares)
        self.model.train()
        return shares

    def _write(self, record: dict[str, Any]) -> None:
        with whole_folder(self.output / ENCODER) as folder:
            encoder.save(self.model.student, self.teacher.tokenizer, folder)
            (folder / "README.md").write_text(card(record, self.teacher.license), encoding="utf8")
            write_json(folder / RECORD_FILE, record)
        # What the teacher said fills gigabytes.
        shutil.rmtree(self.output / STAGES)


def card(record: dict[str, Any], license: str | None) -> str:
    """Write the model card.

    record (dict[str, Any]): What `distill` records.
    license (str | None): The licence of the teacher, where it is known.
    RETURNS (str): The card in Markdown, with front matter.
    """
    arguments = record["arguments"]
    rows = [
        f"| {language} | {record['documents'].get(language, '')} | {share:.3f} |"
        for language, share in record["explained"].items()
    ]
    text = [
        "# A small encoder",
        "",
        f"{record['parameters'] / 1e6:.1f} million parameters ({arguments['layers']} layers of width "
        f"{arguments['width']}) that learnt to say what an encoder with "
        f"{record['parameters_of_teacher'] / 1e6:.1f} million says, in {arguments['steps']:,} updates; "
        "stored in fp16 (safetensors).",
    ]
    known = f"Licence of the teacher: {license}." if license else ""
    notes = [f"- {known or 'Licence: see the card of what it learnt from.'}"]
    table = [
        "| language | documents | share of the variance of the teacher's vectors, on held-out text |",
        "|---|---|---|",
        *rows,
    ]
    return "\n".join([runs.card(record, license, text, notes, RECORD_FILE), *table, ""])
