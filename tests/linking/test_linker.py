import itertools

import numpy
import pytest

from spacy_slavner.linking.candidates import FEATURES, Name, find
from spacy_slavner.linking.knowledge import Knowledge
from spacy_slavner.linking.linker import CONTEXT, FOLDS, Linker, _folds, train

PLACES = [
    ("Niemcy", "Германия", "GPE-Germany"),
    ("Praga", "Прага", "GPE-Prague"),
    ("Wilno", "Вильнюс", "GPE-Vilnius"),
    ("Polska", "Польша", "GPE-Poland"),
    ("Rosja", "Россия", "GPE-Russia"),
]


def documents():
    result = []
    for _ in range(4):
        for pl, ru, id in PLACES:
            result.append([(Name(pl, pl, "LOC", "pl"), id)])
            result.append([(Name(ru, ru, "LOC", "ru"), id), (Name("x" + ru, ru, "LOC", "ru"), id)])
    return result


@pytest.fixture(scope="module")
def linker():
    return train(documents(), [str(i) for i in range(len(documents()))])


def test_train_is_deterministic(linker):
    again = train(documents(), [str(i) for i in range(len(documents()))])
    assert again.to_dict() == linker.to_dict()
    assert again.knowledge.to_bytes() == linker.knowledge.to_bytes()


def test_links(linker):
    for scope in ("document", "corpus"):
        links = linker.link([[name for name, _ in document] for document in documents()], scope)
        for document, found in zip(documents(), links, strict=True):
            assert [link.id for link in found] == [id for _, id in document]
            assert all(link.known and 0 < link.probability <= 1 for link in found)


def test_documents_of_one_group_are_held_out_one_by_one(linker):
    one = train(documents(), ["brexit"] * len(documents()))
    numbered = train(documents(), [f"{i:06}" for i in range(len(documents()))])
    assert one.to_dict() == numbered.to_dict()


def test_nothing_to_choose_from():
    """Each name in one document alone: no held-out document has a name that the others know."""
    alone = [[(Name(pl, pl, "LOC", "pl"), id)] for pl, _, id in PLACES[:1]]
    linker = train(alone, ["brexit"])
    (link,), *_ = linker.link([[alone[0][0][0]]])
    assert link.known and link.id == alone[0][0][1]


def test_new_name_is_told_from_known_ones(linker):
    (link,), *_ = linker.link([[Name("Bruksela", "Bruksela", "LOC", "pl")]])
    assert not link.known
    assert link.id == "GPE-Bruksela"


def test_other_features_are_refused(linker):
    data = linker.to_dict() | {"features": ["another"]}
    with pytest.raises(ValueError, match="other features"):
        Linker.from_dict(linker.knowledge, data)


def test_folds():
    assert _folds(["b", "a", "b"]) == [1, 0, 1]
    assert set(_folds([f"{i:03}" for i in range(100)])) == set(range(FOLDS))


def test_features_are_finite_and_named():
    knowledge = Knowledge()
    for pl, ru, id in PLACES:
        knowledge.add(id, pl, language="pl", type="LOC", count=3)
        knowledge.add(id, ru, language="ru")
    for name in (
        Name("Niemcy", "Niemcy", "LOC", "pl"),
        Name("?", "?", "XXX", None),
        Name("Прага", "Прага", "PER", "bg"),
    ):
        found = find(knowledge.index, name)
        assert found.features.shape == (len(found.ids) + 1, len(FEATURES))
        assert numpy.isfinite(found.features).all()
        assert found.ids == sorted(found.ids)
    assert len(set(FEATURES + CONTEXT)) == len(FEATURES) + len(CONTEXT)


def test_exact_names_stay_among_many_that_sound_alike():
    knowledge = Knowledge()
    for i, vowels in enumerate(itertools.product("aeiou", repeat=3)):
        first, second, third = vowels
        knowledge.add(f"Q{i}", f"B{first}rt{second}l{third}", count=5)
    knowledge.add("Q-rare", "Bortolu", count=1)
    found = find(knowledge.index, Name("Bortolu", "Bortolu", "PER", "pl"))
    assert "Q-rare" in {knowledge.index.ids[id] for id in found.ids}
