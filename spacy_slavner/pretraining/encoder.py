"""The project's encoder: a base encoder cut to some languages, with a card that says how."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from .. import __version__
from ..errors import InputError
from ..files import files_below, whole_folder
from . import vocabulary
from .download import DEFAULT_ENCODER, BaseEncoder, load_base_encoder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

LANGUAGES = ("bg", "cs", "pl", "ru", "sl", "uk")
RECORD_FILE = "encoder.json"
CUTTABLE = ("Unigram", "WordPiece")


@dataclass
class EncoderRequest:
    """What an encoder is made with.

    name (str): A folder, or a name on the model hub.
    vocab_size (int): How many pieces to keep; 0 keeps all.
    languages (tuple[str, ...]): The languages whose word lists choose the pieces.
    names (tuple[str, ...]): Languages whose names stand in texts of the others; their lists weigh as
        much, but only forms with capitals count.
    layers (int): How many of the lowest layers to keep; 0 keeps all.
    texts (tuple[Path, ...]): Files and folders of text that choose pieces as well; together they
        weigh as much as all word lists.
    """

    name: str = DEFAULT_ENCODER
    vocab_size: int = 40_000
    languages: tuple[str, ...] = LANGUAGES
    names: tuple[str, ...] = ("en",)
    layers: int = 0
    texts: tuple[Path, ...] = field(default=())

    def record(self) -> dict[str, Any]:
        """The request as JSON keeps it; texts by their contents, wherever they lie.

        RETURNS (dict[str, Any]): The arguments.
        """
        files = [
            file for path in self.texts for file in (files_below(path, "*.txt") if path.is_dir() else [path])
        ]
        digest = hashlib.sha256()
        for file in files:
            if not file.is_file():
                raise InputError("no such file or folder", path=file)
            digest.update(file.read_bytes())
        return {
            "name": self.name,
            "vocab_size": self.vocab_size,
            "languages": sorted(set(self.languages)),
            "names": sorted(set(self.names) - set(self.languages)) if self.languages else [],
            "layers": self.layers,
            "texts": digest.hexdigest() if files else None,
        }


def is_made(output: Path, request: EncoderRequest) -> bool:
    """Whether a folder holds an encoder that was made with the same arguments.

    output (Path): The folder.
    request (EncoderRequest): The arguments.
    RETURNS (bool): Whether it does.
    """
    files = ("config.json", "model.safetensors", "tokenizer.json", RECORD_FILE)
    if not all((output / file).is_file() for file in files):
        return False
    try:
        record = json.loads((output / RECORD_FILE).read_text(encoding="utf8"))
    except ValueError:
        return False
    return isinstance(record, dict) and record.get("arguments") == request.record()


def make_encoder(output: Path, request: EncoderRequest) -> dict[str, Any]:
    """Get a base encoder, cut it, and write it with its tokenizer, a card and a record.

    output (Path): The folder to write; what stands there is replaced.
    request (EncoderRequest): What to make.
    RETURNS (dict[str, Any]): The record: arguments, source, pieces, what the cut costs.
    RAISES (InputError): If the encoder is to be had from nowhere, or cannot be cut as asked.
    """
    if not request.languages and not request.texts and request.vocab_size:
        raise InputError("no languages and no texts to choose pieces by")
    arguments = request.record()
    base = load_base_encoder(request.name)
    before, tokenizer, costs = len(base.tokenizer), base.tokenizer, []
    if request.layers:
        vocabulary.cut_layers(base.model, request.layers)
    kind = vocabulary.model_type(base.tokenizer)
    if 0 < request.vocab_size < before:
        if kind not in CUTTABLE:
            raise InputError(
                f"the vocabulary of {request.name} cannot be cut: its tokenizer is {kind}",
                remedy="Keep all of it with --vocab-size 0",
            )
        tokenizer, costs = _cut(base, request)
    record = {
        "arguments": arguments,
        "made_with": f"spacy-slavner {__version__}",
        "source": base.source,
        "word_lists": f"wordfreq {version('wordfreq')}" if costs else None,
        "pieces_before": before,
        "pieces": len(tokenizer),
        "layers": base.model.config.num_hidden_layers,
        "parameters": sum(weight.numel() for weight in base.model.parameters()),
        "held_out": [asdict(cost) for cost in costs],
    }
    with whole_folder(output) as folder:
        save(base.model, tokenizer, folder)
        (folder / "README.md").write_text(card(record, base.license), encoding="utf8")
        (folder / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf8")
    return record


def _cut(
    base: BaseEncoder, request: EncoderRequest
) -> tuple["PreTrainedTokenizerFast", list[vocabulary.Cost]]:
    """Cut the vocabulary of a base encoder; its model is changed in place."""
    lists, held_out = [], []
    for language in sorted(set(request.languages)):
        words, measured = vocabulary.language_words(language)
        lists.append(words)
        held_out.append(measured)
    lists += [vocabulary.foreign_names(language) for language in request.record()["names"]]
    weights = [1.0] * len(lists)
    if request.texts:
        lists.append(vocabulary.text_words(request.texts))
        weights.append(float(len(lists) - 1 or 1))
    pieces = vocabulary.Pieces(base.tokenizer.backend_tokenizer)
    counts = count_pieces(pieces, lists, weights)
    special = base.tokenizer.added_tokens_decoder
    keep = vocabulary.choose_pieces(pieces, counts, request.vocab_size, special)
    tokenizer = vocabulary.cut_tokenizer(base.tokenizer, keep)
    vocabulary.cut_model(base.model, keep)
    costs = [vocabulary.measure(base.tokenizer, tokenizer, words) for words in held_out]
    return tokenizer, costs


def count_pieces(
    pieces: vocabulary.Pieces, lists: Sequence[vocabulary.WordList], weights: Sequence[float]
) -> np.ndarray:
    """Count how often each piece is used in word lists, with a progress bar.

    pieces (Pieces): The pieces.
    lists (Sequence[WordList]): The word lists.
    weights (Sequence[float]): How much each list weighs.
    RETURNS (numpy.ndarray): The weighted counts. Shape: (pieces,).
    """
    counts = np.zeros(len(pieces))
    total = sum(len(words.words) for words in lists)
    with tqdm(total=total, unit="word", unit_scale=True, desc="Counting pieces") as progress:
        for words, weight in zip(lists, weights, strict=True):
            progress.set_postfix_str(words.name)
            for number, usage in pieces.usage(words):
                counts += weight * usage
                progress.update(number)
    return counts


def save(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerFast", folder: Path) -> None:
    """Save an encoder in Hugging Face's format, its weights as fp16 in safetensors.

    The config names no number type, so that the encoder is loaded in fp32 everywhere.

    model (transformers.PreTrainedModel): The model.
    tokenizer (transformers.PreTrainedTokenizerFast): Its tokenizer.
    folder (Path): An existing folder.
    """
    from safetensors.torch import save_file

    state = {name: weight.half().contiguous() for name, weight in model.state_dict().items()}
    weights = folder / "model.safetensors"
    save_file(state, weights, metadata={"format": "pt"})
    model.config.architectures = [type(model).__name__]
    model.config.torch_dtype = None
    model.config.save_pretrained(folder)
    # safetensors makes files for their owner alone.
    weights.chmod((folder / "config.json").stat().st_mode)
    tokenizer.save_pretrained(folder)


def card(record: dict[str, Any], license: str | None) -> str:
    """Write the model card.

    record (dict[str, Any]): What `make_encoder` records.
    license (str | None): The licence of the base encoder, where it is known.
    RETURNS (str): The card in Markdown, with front matter.
    """
    arguments = record["arguments"]
    name, languages = arguments["name"], arguments["languages"]
    shown = Path(name).name if Path(name).is_dir() else name
    front = [
        *([f"license: {license}"] if license else []),
        *([] if Path(name).is_dir() else [f"base_model: {name}"]),
        *(["language:", *(f"- {language}" for language in languages)] if languages else []),
        "library_name: transformers",
        "pipeline_tag: feature-extraction",
    ]
    size, before = record["pieces"], record["pieces_before"]
    done = f"{size:,} of its {before:,} pieces" if size < before else f"all of its {before:,} pieces"
    lines = [
        "---",
        *front,
        "---",
        "",
        f"# {shown}, {size:,} pieces",
        "",
        f"The encoder {shown} with {done} and {record['layers']} layers: "
        f"{record['parameters'] / 1e6:.1f} million parameters, stored in fp16 (safetensors). "
        "No pooler, no head.",
        "",
        f"- Taken from {record['source']}.",
        f"- Made with {record['made_with']}, arguments in `{RECORD_FILE}`.",
        f"- Licence of the base encoder: {license.upper()}." if license
        else "- Licence: see the base encoder's own card.",
    ]  # fmt: skip
    if size < before:
        lines += ["", "## How the pieces were chosen", "", *_choice(record)]
    if record["held_out"]:
        lines += ["", "## What the cut costs", "", *_costs(record)]
    return "\n".join(lines) + "\n"


def _choice(record: dict[str, Any]) -> list[str]:
    arguments, sources = record["arguments"], []
    if arguments["languages"]:
        listed = ", ".join(arguments["languages"])
        sources.append(
            f"the word-frequency lists of {record['word_lists']} (at most {vocabulary.WORDS:,} words "
            f"of each of {listed}; every language weighs the same)"
        )
    if arguments["names"]:
        sources.append(
            f"names in the lists of {', '.join(arguments['names'])} (what the tokenizer's scores leave "
            "to forms with capitals)"
        )
    if arguments["texts"]:
        sources.append(f"texts given by the user (SHA-256 of their contents {arguments['texts']})")
    return [
        f"Those were kept that are used most when words are segmented with all pieces: words from "
        f"{' and '.join(sources)}. The words of the lists were counted in lower case, capitalised "
        "and in capitals, in the proportion that the tokenizer's own scores give, and to a tenth "
        "after a quotation mark; numbers below "
        f"{vocabulary.NUMBERS:,} too. Special pieces, single letters of these scripts, common "
        "signs and pieces of punctuation were kept in any case. The vectors and scores of the "
        "pieces are unchanged: a word that is segmented as before gets the vectors that it got "
        "before.",
    ]


def _costs(record: dict[str, Any]) -> list[str]:
    rows = [
        f"| {row['name']} | {row['words']:,} | {row['before']:.3f} | {row['after']:.3f} | "
        f"{100 * row['same']:.1f}% | {1e4 * row['unknown']:.2f} |"
        for row in record["held_out"]
    ]
    return [
        f"Measured on every {vocabulary.HELD_OUT_EVERY}th word of the lists after the first "
        f"{vocabulary.HELD_OUT_FROM:,}, which were left out of the choice; weighted by frequency. "
        "These are the rarer words of each language: running text has fewer pieces per word.",
        "",
        "| language | words | pieces per word, all pieces | those kept | segmented as before "
        "| unknown in 10,000 |",
        "|---|---|---|---|---|---|",
        *rows,
    ]
