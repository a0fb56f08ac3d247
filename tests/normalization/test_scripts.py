import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_slavner.normalization.candidates import Candidates
from spacy_slavner.normalization.scripts import IDENTITY, Piece, Script, apply, fits, learn, pieces_of

PAIRS = [
    ("Borisem Johnsonem", "Boris Johnson"),
    ("Великой Британии", "Великая Британия"),
    ("Европейският съюз", "Европейски съюз"),
    # Another number of words or signs.
    ("Северен поток-2", "Северен поток 2"),
    ("ЮВО", "Южный военный округ"),
    ("«Спутника V»", "Спутник V"),
    ("Шмыгаль", "Денис Шмыгаль"),
    ("Съвместния доклад", "Съвместен доклад на преговарящите"),
    ("covidu-19", "covid-19"),
    # Capitals.
    ("РОССИИ", "РОССИЯ"),
    ("Evropske unije", "evropska unija"),
    ("BREXITU", "Brexit"),
    ("...", "..."),
    ("", ""),
]


def remade(lesson):
    made = "".join(apply(s, p) for s, p in zip(lesson.scripts, lesson.pieces, strict=True))
    return " ".join(made.split())


@pytest.mark.parametrize("form, base", PAIRS)
def test_scripts_make_the_base_form(form, base):
    lesson = learn(form, base)
    assert len(lesson.scripts) == len(lesson.pieces) == len(pieces_of(form))
    assert remade(lesson).lower() == base.lower()
    assert lesson.exact == (remade(lesson) == base)
    for script, piece in zip(lesson.scripts, lesson.pieces, strict=True):
        assert fits(script, piece.text.lower())


words = st.lists(st.text("аеиорстabcdeě-", min_size=1, max_size=6), min_size=1, max_size=4).map(" ".join)


@given(words, words)
def test_any_base_form_can_be_made(form, base):
    assert remade(learn(form, base)).lower() == " ".join(base.split())


def test_endings_carry_over_to_new_names():
    (script,) = learn("Bidena", "Biden").scripts
    assert script == Script("a", "")
    assert apply(script, Piece("Obama", " ")) == "Obam "
    assert apply(*learn("России", "Россия").scripts, Piece("ИНДИИ", "")) == "ИНДИЯ"


def test_candidates_are_those_of_the_language_that_fit():
    pairs = [
        ("pl", "Bidena", "Biden"),
        ("pl", "Trumpa", "Trump"),
        ("ru", "России", "Россия"),
        ("pl", "XY", "Zu Q"),
    ]
    found = Candidates.learn(((x, learn(form, base)) for x, form, base in pairs), at_least=1)
    assert dict(found.of("pl", "Johnsona")) == {
        found.numbers[IDENTITY]: "johnsona",
        found.numbers[Script("a")]: "johnson",
    }
    assert [made for _, made in found.of("ru", "Johnsona")] == ["johnsona"]
    # Rare scripts are left out, the identity never.
    common = Candidates.learn(((x, learn(form, base)) for x, form, base in pairs), at_least=2)
    assert set(common.scripts) == {IDENTITY, Script("a")}
    # No stumps.
    assert all(len(made) > 1 for _, made in found.of("pl", "Ala"))
