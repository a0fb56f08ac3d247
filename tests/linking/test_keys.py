import pytest

from spacy_slavner.linking.keys import fold, roman, skeleton


def test_fold():
    assert fold("«Северный  поток — 2»") == "северный поток 2"
    assert fold("Rees-Mogg") == fold("Rees Mogg")
    assert fold("!?…") == ""


def test_roman():
    assert roman("Борис Джонсон", "ru") == "boris dzhonson"


@pytest.mark.parametrize(
    "spellings",
    [
        [("Борис Джонсон", "ru"), ("Boris Johnson", "pl"), ("Борис Джонсън", "bg")],
        [("Камала Харрис", "ru"), ("Kamala Harris", "cs"), ("Камала Харріс", "uk")],
        [("Maroš Šefčovič", "sl"), ("Marosz Szefczowicz", "pl"), ("Марош Шефчович", "bg")],
        [("Тереза Мей", "uk"), ("Тереза Мэй", "ru"), ("Theresa May", "cs")],
        [("Янша", "ru"), ("Janša", "sl")],
    ],
)
def test_spellings_sound_alike(spellings):
    assert len({skeleton(*spelling) for spelling in spellings}) == 1


def test_other_names_sound_different():
    assert skeleton("Дональд Трамп", "ru") != skeleton("Дональд Туск", "ru")
    assert skeleton("Nord Stream 1") != skeleton("Nord Stream 2")
