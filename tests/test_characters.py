"""Characters that do not show."""

import pytest

from spacy_slavner.characters import is_blank, visible


@pytest.mark.parametrize("text", [" ", "\n\n", "\u00a0", "\u200b", "\ufeff", "\u00ad", " \u200e\t", "\x00"])
def test_blank(text):
    assert is_blank(text)


@pytest.mark.parametrize("text", ["", "a", " a", "-", "’", "\u0301", "\u00a0.", "😀"])
def test_not_blank(text):
    assert not is_blank(text)


def test_visible():
    assert visible("Mos\u00adkva") == "Moskva"
    assert visible("Petr\u200bPavel \ufeff\u202aNovák") == "Petr Pavel Novák"
    assert visible("Anna\u00a0 Nová") == "Anna\u00a0 Nová"
