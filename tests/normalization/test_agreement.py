import math

import pytest

from spacy_slavner.normalization.agreement import Reading, agree


def name(form, **readings):
    """A name and its readings with their probabilities, the pieces joined by "_"."""
    found = [
        Reading(math.log(p), base.lower().split("_"), base.replace("_", " ")) for base, p in readings.items()
    ]
    return form.lower().split("_"), found


GENITIVE = name("Асии_Биби", Асии_Биби=0.6, Асия_Биби=0.3)
ACCUSATIVE = name("Асию_Биби", Асию_Биби=0.5, Асия_Биби=0.4, Асий_Биби=0.1)


def test_forms_of_a_name_agree_on_what_each_alone_holds_less_likely():
    assert agree([GENITIVE, ACCUSATIVE], weight=1.0) == ["Асия Биби", "Асия Биби"]
    assert agree([GENITIVE, ACCUSATIVE], weight=0.0) == ["Асии Биби", "Асию Биби"]


@pytest.mark.parametrize("names", ([GENITIVE], [GENITIVE] * 3, [GENITIVE, name("Пакистан", Пакистан=1.0)]))
def test_only_other_forms_of_the_same_name_count(names):
    assert agree(names, weight=1.0)[0] == "Асии Биби"


def test_a_name_is_known_by_a_part_of_it():
    short = name("Биденом", Биденом=0.5, Биден=0.4)
    assert agree([short, name("Джо_Байден", Джо_Байден=1.0)], weight=1.0)[0] == "Биденом"
    assert agree([short, name("Джо_Биден", Джо_Биден=1.0)], weight=1.0)[0] == "Биден"


def test_short_pieces_do_not_count():
    names = [name("С_А", С_А=0.6, С_Я=0.4), name("Ю", Я=1.0)]
    assert agree(names, weight=1.0) == ["С А", "Я"]


def test_no_names():
    assert agree([], weight=1.0) == []
