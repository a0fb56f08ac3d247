"""Reading text files: encodings, line ends and spaces, with character offsets that stay true."""

import re
from pathlib import Path

from ..errors import InputError

# A line end of two characters becomes a space and a line feed, so that offsets survive.
_CARRIAGE_RETURN = re.compile(r"\r(?=\n)")
# All that Python counts as white space (tabs, no-break and thin spaces, line and paragraph
# separators, ...) but the line feed and the plain space.
_EXOTIC_SPACE = re.compile(r"[^\S\n ]")


def decode(data: bytes, path: Path | str, encoding: str = "utf-8") -> str:
    """Decode a file's bytes; a byte order mark is dropped.

    data (bytes): The file's content.
    path (Path | str): The file, for the error message.
    encoding (str): Name of the encoding.
    RETURNS (str): The text, otherwise as it is.
    RAISES (InputError): If there is no such encoding, the bytes are not in it, or a NUL is found.
    """
    try:
        text = data.decode("utf-8-sig" if _is_utf8(encoding) else encoding)
    except LookupError as error:
        remedy = "Give one that Python knows with --encoding, such as cp1250"
        raise InputError(f"There is no encoding {encoding!r}", remedy=remedy) from error
    except UnicodeError as error:
        start = getattr(error, "start", 0)
        raise InputError(
            f"The file is not {encoding}",
            path=path,
            line=data[:start].count(b"\n") + 1,
            remedy="Give its encoding with --encoding, such as cp1250, cp1251 or iso-8859-2",
        ) from error
    if "\0" in text:
        raise InputError(
            "The file has a NUL character, so it is damaged, not text, or UTF-16",
            path=path,
            line=text[: text.index("\0")].count("\n") + 1,
            remedy="Repair the file, or give its encoding with --encoding",
        )
    return text


def _is_utf8(encoding: str) -> bool:
    return encoding.lower().replace("-", "").replace("_", "") == "utf8"


def clean(text: str) -> str:
    """Turn white space of all kinds into plain spaces and line feeds, character for character.

    text (str): Any text.
    RETURNS (str): Text of the same length. Nothing else is changed, so decomposed letters stay so.
    """
    text = _CARRIAGE_RETURN.sub(" ", text).replace("\r", "\n")
    return _EXOTIC_SPACE.sub(" ", text)


def read_raw(path: Path | str, encoding: str = "utf-8") -> str:
    """Read a text file as it is.

    path (Path | str): The file.
    encoding (str): Its encoding.
    RETURNS (str): Its text without the byte order mark, line ends unchanged.
    RAISES (InputError): If it cannot be read or decoded.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"The file cannot be read ({error.strerror})", path=path) from error
    return decode(data, path, encoding)


def read_lines(path: Path | str, encoding: str = "utf-8") -> list[str]:
    """Read the lines of an annotation file, which line feeds and nothing else part.

    path (Path | str): The file.
    encoding (str): Its encoding.
    RETURNS (list[str]): The lines without their ends.
    RAISES (InputError): If it cannot be read or decoded.
    """
    text = read_raw(path, encoding).replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines
