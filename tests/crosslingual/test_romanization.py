import random
import unicodedata

import pytest
import spacy

from spacy_slavner.attributes import set_attributes
from spacy_slavner.crosslingual import romanization
from spacy_slavner.crosslingual.romanization import UROMAN_CODES, romanize
from spacy_slavner.errors import InputError

CASES = [
    ("Борис Джонсон", "ru", "Boris Dzhonson"),
    ("Елена и Её Величество", "ru", "Yelena i Yeyo Velichestvo"),
    ("Володимир Зеленський", "uk", "Volodymyr Zelensky"),
    ("Гібралтар", "uk", "Hibraltar"),
    ("Гибралтар", "bg", "Gibraltar"),
    ("Щъркел", "bg", "Shturkel"),
    ("НАТО", "ru", "NATO"),
    ("ЦИК", "ru", "TSIK"),
    ("Юлия", "ru", "Yuliya"),
    ("Łódź, Wałęsa i Šefčovič", "pl", "Lodz, Walesa i Sefcovic"),
    ("Die grünen Straßen, ÖVP", "de", "Die gruenen Strassen, OeVP"),
    ("Die grünen", "nl", "Die grunen"),
    ("Novak Đoković", "sl", "Novak Dokovic"),
    ("Nord Stream 2", "cs", "Nord Stream 2"),
    ("A café — they don’t say Putin or Путин", "en", "A café — they don’t say Putin or Putin"),
]


@pytest.mark.parametrize(("text", "language", "wanted"), CASES)
def test_romanize(text, language, wanted):
    assert romanize(text, language) == wanted


def test_unicode_forms_are_the_same():
    for text, language, wanted in CASES:
        assert romanize(unicodedata.normalize("NFD", text), language) == wanted


def test_language_is_guessed_from_letters():
    assert romanize("Київ") == romanize("Київ", "uk")
    assert romanize("Щукин") == romanize("Щукин", "ru")


@pytest.mark.parametrize("text", ["", " ", "...", "123", "\u200b", "习近平", "Αθήνα", "ъ", "ь" * 50])
def test_anything_goes(text):
    assert isinstance(romanize(text, "ru"), str)


def test_other_scripts(monkeypatch):
    assert romanize("习近平 и Αθήνα") == "习近平 i Αθηνα"
    romanization._uroman.cache_clear()
    monkeypatch.setattr(romanization, "find_spec", lambda name: None)
    assert romanize("Борис и Łódź", all_scripts=True) == "Boris i Lodz"
    with pytest.raises(InputError, match="uroman is not installed"):
        romanize("习近平", all_scripts=True)


def test_tokens_have_it_as_an_attribute():
    set_attributes()
    doc = spacy.blank("xx")("НАТО и България")
    assert [token._.romanized for token in doc] == ["NATO", "i", "Blgariya"]
    doc._.language = "bg"
    assert [token._.romanized for token in doc] == ["NATO", "i", "Bulgaria"]
    before = romanization._word.cache_info().hits
    assert doc[2]._.romanized == "Bulgaria" and romanization._word.cache_info().hits == before + 1
    # It follows from the text and its language, and is not saved.
    assert not any("romanized" in str(key) for key in doc.user_data)


@pytest.mark.slow
def test_other_scripts_with_uroman():
    pytest.importorskip("uroman")
    assert romanize("café 习近平", "en", all_scripts=True) == "café xijinping"
    assert romanize("习近平 и Αθήνα", all_scripts=True) == "xijinping i Athena"


@pytest.mark.slow
@pytest.mark.parametrize("language", UROMAN_CODES)
def test_table_is_uromans(language):
    """The table against the program it was read off, on made-up words and a sentence."""
    pytest.importorskip("uroman")
    draw = random.Random(0)
    alphabet = romanization._ALPHABETS[language]
    words = ["".join(draw.choices(alphabet, k=draw.randint(1, 9))) for _ in range(300)]
    say = romanization._uroman().romanize_string
    same = sum(romanize(word, language) == say(word, lcode=UROMAN_CODES[language]) for word in words)
    assert same / len(words) > 0.97
