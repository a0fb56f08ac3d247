"""Where encoders are, in a folder or on the model hub, which is asked once; whether a tokenizer fits one.

The hub's own library asks it again and again where there is no network, for half a minute and each file.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

TIMEOUT = 5.0  # seconds that the hub has to answer
REMEDY = "Make the default one with `spacy project run encoder`, or give a folder or a name on the model hub"
# `model` or `owner/model`; these owners are folders of the project.
_NAME = re.compile(r"(?!(assets|training|pretraining)/)\w[\w.-]*(/[\w.-]+)?", re.ASCII)


def check_name(name: str) -> None:
    """Refuse a name that can only be meant for a folder that is not there.

    name (str): A name for the model hub.
    RAISES (InputError): If it is a path, such as assets/encoder, ./encoder or a/b/c.
    """
    if not _NAME.fullmatch(name):
        raise InputError("There is no folder with an encoder", path=name, remedy=REMEDY)


def find_encoder(name: str) -> bool:
    """Find out whether an encoder is to be had, in seconds, before anything long begins.

    name (str): A folder with a Hugging Face model, or a name on the model hub.
    RETURNS (bool): Whether it is to be taken from this machine alone: from a folder, or from the hub's cache
        where the hub does not answer.
    RAISES (InputError): If there is no such folder, or neither the hub nor its cache has the encoder.
    """
    if Path(name).is_dir():
        if not (Path(name) / "config.json").is_file():
            raise InputError("The folder holds no encoder (config.json is missing)", path=name, remedy=REMEDY)
        return True
    check_name(name)
    from huggingface_hub import HfApi, try_to_load_from_cache

    cached = False
    try:
        cached = isinstance(try_to_load_from_cache(name, "config.json"), str)
        HfApi().model_info(name, timeout=TIMEOUT)
        return False
    # Network errors are OSErrors, a name that cannot be one is a ValueError.
    except (OSError, ValueError) as error:
        if cached:
            return True
        what = f"No encoder {name!r}: no such folder, and none from the model hub ({type(error).__name__})"
        raise InputError(what, remedy=REMEDY) from None


def check_ids(tokenizer: "PreTrainedTokenizerFast", vectors: int) -> None:
    """Refuse a tokenizer that does not fit an encoder.

    tokenizer (transformers.PreTrainedTokenizerFast): The tokenizer.
    vectors (int): How many vectors of pieces the encoder has.
    RAISES (InputError): If a piece has none.
    """
    largest = max(tokenizer.get_vocab().values())
    if largest >= vectors:
        raise InputError(
            f"the tokenizer does not fit the encoder: its largest id is {largest}, of {vectors} vectors",
            remedy="Give the folder in which both were saved together",
        )
