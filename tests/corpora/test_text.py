import unicodedata

import pytest

from spacy_slavner.corpora.text import clean, read_lines, read_raw
from spacy_slavner.errors import InputError


def test_cleaning_keeps_every_offset():
    text = "A\u00a0B\u2009C\u2028D\u3000E\tF\r\nG\rH\u0085I" + unicodedata.normalize("NFD", "Čáp")
    cleaned = clean(text)
    assert len(cleaned) == len(text)
    assert cleaned == "A B C D E F \nG\nH I" + unicodedata.normalize("NFD", "Čáp")


@pytest.mark.parametrize(
    "encoding, text",
    [
        ("cp1250", "Žluťoučký kůň, łódź"),
        ("cp1251", "Київ, Їжак, Ўдар"),
        ("iso-8859-1", "Coruña"),
        ("iso-8859-2", "Příliš"),
        ("utf-8-sig", "Ljubljana"),
        ("utf-16", "Варна"),
    ],
)
def test_encodings_on_request(tmp_path, encoding, text):
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(encoding))
    assert read_raw(path, "utf-8" if encoding == "utf-8-sig" else encoding) == text


def test_wrong_encoding_names_file_line_and_option(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"plain\n" + "Łódź".encode("cp1250"))
    with pytest.raises(InputError, match=r"a\.txt:2: .*utf-8.*--encoding"):
        read_raw(path)
    with pytest.raises(InputError, match="no encoding 'cp125x'"):
        read_raw(path, "cp125x")


def test_nul_and_missing_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\ntwo\0")
    with pytest.raises(InputError, match=r"a\.txt:2: .*NUL"):
        read_raw(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_raw(tmp_path / "none.txt")


def test_only_line_feeds_part_lines(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes("a\u2028b\x0cc\r\nd\n\n".encode())
    assert read_lines(path) == ["a\u2028b\x0cc", "d", ""]
