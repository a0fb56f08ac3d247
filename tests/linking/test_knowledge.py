import json

import pytest
import spacy
from spacy.kb import InMemoryLookupKB

from spacy_slavner.errors import InputError
from spacy_slavner.linking.candidates import Name, find
from spacy_slavner.linking.knowledge import Knowledge


def ids(knowledge, *name):
    index = knowledge.index
    return {index.ids[i] for i in find(index, Name(*name)).ids}


def test_rows_survive_indexing_and_saving():
    knowledge = Knowledge()
    knowledge.add("GPE-Germany", "Niemiec", base_form="Niemcy", language="pl", type="LOC", count=3)
    knowledge.add("GPE-Germany", "Německo", language="cs", type="LOC")
    rows = knowledge.counts.copy()
    data = knowledge.to_bytes()
    assert Knowledge().from_bytes(data).counts == rows
    assert knowledge.to_bytes() == data
    assert ids(knowledge, "Niemiec", "Niemiec", "LOC", "pl") == {"GPE-Germany"}


def test_names_can_be_added_after_a_look_up():
    knowledge = Knowledge()
    assert ids(knowledge, "Ленск", "Ленск", "LOC", "ru") == set()
    knowledge.add("GPE-Lensk", "Lensk")
    assert ids(knowledge, "Ленск", "Ленск", "LOC", "ru") == {"GPE-Lensk"}
    assert len(knowledge) == 1


def test_order_of_adding_does_not_matter():
    rows = [("A", "Anna"), ("B", "Borys"), ("A", "Ania"), ("A", "Anna")]
    one, two = Knowledge(), Knowledge()
    for id, name in rows:
        one.add(id, name)
    for id, name in reversed(rows):
        two.add(id, name)
    assert one.to_bytes() == two.to_bytes()


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_files(tmp_path, suffix):
    rows = [
        {"id": "Q1", "name": "Přerov, město", "language": "cs", "type": "LOC", "count": "2"},
        {"id": "Q1", "name": "Prerov", "language": "", "type": "", "count": ""},
        {"id": "Q2", "name": "Prerov", "language": "", "type": "", "count": ""},
        {"id": "Q1", "name": "Prerov", "language": "", "type": "", "count": ""},
    ]
    path = tmp_path / f"names.{suffix}"
    if suffix == "csv":
        lines = [",".join(rows[0])] + [",".join(f'"{v}"' for v in row.values()) for row in rows]
    else:
        lines = [json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    knowledge = Knowledge()
    assert knowledge.read(path) == {"added": 3, "repeated": 1}
    assert sorted(knowledge.counts.values()) == [1, 1, 2]
    assert ids(knowledge, "Prerov", "Prerov", "LOC", "cs") == {"Q1", "Q2"}


BAD = [
    ("names.csv", "name,type\nAnna,PER\n", 1, "id"),
    ("names.csv", "id,name,typ\nQ1,Anna,PER\n", 2, "typ"),
    ("names.csv", "id,name,type\nQ1,Anna,PER\nQ2,Borys,PERSON\n", 3, "PERSON"),
    ("names.csv", "id,name\nQ1,Anna\nQ2,...\n", 3, "no letters"),
    ("names.csv", "id,name\nQ1,Anna\nQ2,Nowak, Jan\n", 3, "columns"),
    ("names.csv", "id,name,count\nQ1,Anna,many\n", 2, "many"),
    ("names.csv", "id,name\n,Anna\n", 2, "no id"),
    ("names.jsonl", '{"id": "Q1", "name": "Anna"}\n{"id": "Q2"}\n', 2, "name"),
    ("names.jsonl", '{"id": "Q1", "name": "Anna"}\n\n["Q2"]\n', 3, "object"),
    ("names.jsonl", '{"id": "Q1", "name"\n', 1, "JSON"),
]


@pytest.mark.parametrize(("file", "text", "line", "what"), BAD)
def test_bad_files_add_nothing(tmp_path, file, text, line, what):
    path = tmp_path / file
    path.write_text(text, encoding="utf8")
    knowledge = Knowledge()
    with pytest.raises(InputError) as caught:
        knowledge.read(path)
    error = caught.value
    assert (error.path, error.line) == (path, line)
    assert what in error.what and error.remedy
    assert len(knowledge) == 0


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        Knowledge().read(tmp_path / "none.csv")


def test_spacy_knowledge_base():
    kb = InMemoryLookupKB(spacy.blank("xx").vocab, entity_vector_length=1)
    kb.add_entity("Q30", freq=10, entity_vector=[0.0])
    kb.add_entity("Q35", freq=1, entity_vector=[0.0])
    kb.add_alias("Washington", entities=["Q30", "Q35"], probabilities=[0.8, 0.2])
    knowledge = Knowledge()
    assert knowledge.add_kb(kb) == 2
    assert ids(knowledge, "Вашингтон", "Вашингтон", "LOC", "ru") == {"Q30", "Q35"}
    assert sorted(knowledge.counts.values()) == [1, 8]


def test_what_sounds_alike_is_spelt_a_little_alike_too():
    knowledge = Knowledge()
    knowledge.add("PER-Yuliyan-Markov", "Юлиян Марков", language="bg", type="PER")
    knowledge.add("PER-Jean-Claude-Juncker", "Jean-Claude Juncker", language="cs", type="PER")
    # The consonants of Elena are those of Julian.
    assert Name("Елена Маркова", "Елена Маркова", "PER", "bg").sounds == ("ln", "mrkv")
    assert ids(knowledge, "Елена Маркова", "Елена Маркова", "PER", "bg") == set()
    juncker = ids(knowledge, "Жан-Клод Юнкер", "Жан-Клод Юнкер", "PER", "ru")
    assert juncker == {"PER-Jean-Claude-Juncker"}
