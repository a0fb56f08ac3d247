from collections import Counter

from spacy_slavner.normalization.methods import Memory, chain
from spacy_slavner.normalization.names import Name, Text, merge
from spacy_slavner.normalization.scripts import pieces_of


def text(language, *forms):
    return Text(language, [Name(form, "PER", ("", ""), "", pieces_of(form)) for form in forms])


def trained(certainty=0.0):
    memory = Memory(certainty)
    memory.learn(
        [
            (text("pl", "Bidena", "Bidena", "Bidena"), ["Biden", "Biden", "Bidena"]),
            (text("cs", "Bidena"), ["Joe Biden"]),
            (text("pl", "Trump"), [None]),
        ]
    )
    return memory


def test_memory_knows_the_most_frequent_base_form_of_a_language():
    memory = trained()
    assert memory.get("pl", "Bidena") == "Biden"
    assert memory.get("cs", "Bidena") == "Joe Biden"
    assert memory.get("pl", "BIDENA") == "Biden"
    assert memory.get("pl", "Trump") is memory.get("sk", "Bidena") is memory.get(None, "Bidena") is None
    assert trained(certainty=0.8).get("pl", "Bidena") is None
    assert trained(certainty=0.8).get("cs", "Bidena") == "Joe Biden"


def test_memory_is_the_same_after_saving():
    memory = trained()
    again = Memory().from_bytes(memory.to_bytes())
    assert len(again) == len(memory) > 0
    assert again.get("pl", "BIDENA") == "Biden"


def test_memory_is_told_a_base_form():
    memory = trained(certainty=0.9)
    memory.add("pl", "Bidena", "Joe Biden")
    memory.add(None, "Nowa Firma", "Firma")
    again = Memory(certainty=0.9).from_bytes(memory.to_bytes())
    assert again.get("pl", "Bidena") == again.get("pl", "BIDENA") == "Joe Biden"
    assert again.get(None, "NOWA FIRMA") == "Firma" and again.get("pl", "Nowa Firma") is None


def test_chain_asks_in_turn_and_copies_the_rest():
    class Upper:
        def predict(self, texts):
            self.asked = texts
            return [[n.form.upper() if n.form != "New  York" else None for n in t.names] for t in texts]

    texts = [text("pl", "Bidena", "Obama", "New  York"), text("pl")]
    assert chain([trained(), Upper()], texts) == [["Biden", "OBAMA", "New York"], []]
    assert chain([Upper(), trained()], texts)[0][0] == "BIDENA"
    assert chain([], texts) == [["Bidena", "Obama", "New York"], []]


def test_parts_of_a_document_are_put_together():
    one, two = text("pl", "A"), text("pl", "B", "C")
    one.words, two.words = Counter("ab"), Counter("bc")
    one.group = two.group = "brexit"
    whole = merge([one, two])
    assert whole.group == "brexit"
    assert [name.form for name in whole.names] == ["A", "B", "C"]
    assert whole.words == Counter("abbc")
    assert [name.form for name in one.names] == ["A"]
