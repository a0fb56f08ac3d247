"""Dictionaries in MUSE's form."""

import pytest

from spacy_slavner.crosslingual.dictionaries import find_dictionary, read_dictionary, reverse, through
from spacy_slavner.errors import InputError


def test_words_keep_their_translations_in_order(tmp_path):
    (tmp_path / "a.txt").write_text("Dům\thouse\ndům home\n\ndům\thouse\npes  dog\n", encoding="utf-8")
    dictionary = read_dictionary(tmp_path / "a.txt")
    assert dictionary == {"dům": ["house", "home"], "pes": ["dog"]}
    assert reverse(dictionary) == {"house": ["dům"], "home": ["dům"], "dog": ["pes"]}


@pytest.mark.parametrize(
    "line, n", [("dům", "1 field,"), ("dům\thouse\thome", "3 fields"), ("dům house home", "3 fields")]
)
def test_lines_without_two_fields(line, n, tmp_path):
    (tmp_path / "a.txt").write_text(f"pes\tdog\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=n) as caught:
        read_dictionary(tmp_path / "a.txt")
    assert caught.value.line == 2


def test_other_bad_files(tmp_path):
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "latin.txt").write_bytes("dům house".encode("cp1250"))
    for name, what in (("empty", "is empty"), ("latin", "not UTF-8"), ("none", "cannot be read")):
        with pytest.raises(InputError, match=what):
            read_dictionary(tmp_path / f"{name}.txt")


def test_most_routes_come_first():
    first = {"byl": ["was", "been", "stayed"], "nic": ["nothing"]}
    second = {"was": ["bil", "bila"], "been": ["bila"], "stayed": ["ostal"]}
    assert through(first, second) == {"byl": ["bila", "bil", "ostal"]}


def test_words_of_the_language_between_are_no_translations_if_there_are_others():
    first = {"dom": ["house", "home"], "hotel": ["hotel"], "sieci": ["internet"]}
    second = {"house": ["house", "dům"], "home": ["home", "house"], "hotel": ["hotel"]}
    second |= {"internet": ["internet"]}
    assert through(first, second) == {"dom": ["dům"], "hotel": ["hotel"], "sieci": ["internet"]}


def test_pairs_without_english_go_through_it(tmp_path):
    for name, text in (
        ("pl-en", "dom\thouse\npies\tdog\n"), ("en-cs", "house\tdům\n"), ("cs-en", "pes\tdog\n"),
        ("en-hr", "dog\tpas\n"), ("cs-hr", "kočka\tmačka\n"),
    ):  # fmt: skip
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    assert find_dictionary(tmp_path, "pl", "cs") == {"dom": ["dům"], "pies": ["pes"]}
    assert find_dictionary(tmp_path, "en", "pl") == {"house": ["dom"], "dog": ["pies"]}
    assert find_dictionary(tmp_path, "hr", "cs") == {"mačka": ["kočka"]}
    assert find_dictionary(tmp_path / "pl-en.txt", "x", "y")["dom"] == ["house"]
    for source, target, missing in (("pl", "sl", "sl"), ("sl", "pl", "sl"), ("en", "sl", "sl")):
        with pytest.raises(InputError, match=f"no dictionary of '{missing}' and 'en'.*cs, en, hr, pl"):
            find_dictionary(tmp_path, source, target)
    with pytest.raises(InputError, match="no word leads from pl through en to hr"):
        (tmp_path / "pl-en.txt").write_text("dom\thouse\n")
        find_dictionary(tmp_path, "pl", "hr")


def test_the_real_dictionaries(shared):
    dictionary = read_dictionary(shared / "data" / "muse" / "uk-en.txt")
    assert len(dictionary) > 20_000 and dictionary["київ"] == ["kyiv", "kiev"]
