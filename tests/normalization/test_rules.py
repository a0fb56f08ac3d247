import pytest
import spacy

from spacy_slavner.attributes import set_attributes
from spacy_slavner.errors import InputError
from spacy_slavner.normalization.analysis import UDPipe, Word
from spacy_slavner.normalization.names import names_of
from spacy_slavner.normalization.rules import Rules, base_of, make_rules


def word(text, lemma, pos="", **features):
    return Word(text, lemma, pos, features)


def gen(text, lemma, pos, gender, number="Sing"):
    return word(text, lemma, pos, Case="Gen", Gender=gender, Number=number)


NAMES = [
    (
        "ru",
        "ORG",
        [
            gen("Верховного", "верховный", "ADJ", "Masc"),
            gen("суда", "суд", "NOUN", "Masc"),
            gen("Пакистана", "Пакистан", "PROPN", "Masc"),
        ],
        "Верховный суд Пакистана",
    ),
    (
        "pl",
        "LOC",
        [gen("Wielkiej", "wielki", "ADJ", "Fem"), gen("Brytanii", "Brytania", "PROPN", "Fem")],
        "Wielka Brytania",
    ),
    (
        "pl",
        "ORG",
        [gen("Unii", "unia", "NOUN", "Fem"), gen("Europejskiej", "europejski", "ADJ", "Fem")],
        "Unia Europejska",
    ),
    (
        "cs",
        "ORG",
        [gen("Evropské", "evropský", "ADJ", "Fem"), gen("unie", "unie", "NOUN", "Fem")],
        "Evropská unie",
    ),
    (
        "cs",
        "PER",
        [gen("Borise", "Boris", "PROPN", "Masc"), gen("Johnsona", "Johnson", "PROPN", "Masc")],
        "Boris Johnson",
    ),
    (
        "cs",
        "PER",
        [gen("Angely", "Angela", "PROPN", "Fem"), gen("Merkelové", "Merkel", "PROPN", "Masc")],
        "Angela Merkelová",
    ),
    (
        "pl",
        "LOC",
        [
            gen("Stanów", "stan", "NOUN", "Masc", "Plur"),
            gen("Zjednoczonych", "zjednoczony", "ADJ", "Masc", "Plur"),
        ],
        "Stany Zjednoczone",
    ),
    ("ru", "ORG", [gen("НАТО", "нато", "PROPN", "Neut")], "НАТО"),
    (
        "ru",
        "PRO",
        [word("«", "«", "PUNCT"), gen("Спутника", "спутник", "NOUN", "Masc"), word("»", "»", "PUNCT")],
        "« Спутника »",
    ),
    ("bg", "ORG", [word("Световната", "световен", "ADJ"), word("банка", "банка", "NOUN")], "Световна банка"),
    (
        "bg",
        "ORG",
        [word("Европейският", "европейски", "ADJ"), word("съюз", "съюз", "NOUN")],
        "Европейски съюз",
    ),
    ("pl", "EVT", [word("!", "!", "PUNCT")], "!"),
]


@pytest.mark.parametrize("language, label, words, base", NAMES, ids=[row[3] for row in NAMES])
def test_base_form(language, label, words, base):
    assert " ".join(base_of(language, label, words)) == base


class Fake:
    def knows(self, language):
        return language == "cs"

    def read(self, language, words):
        self.words = list(words)
        return [gen(w, w.removesuffix("e").removesuffix("a"), "PROPN", "Masc") for w in words]


def make_doc(text, start, end, language):
    set_attributes()
    doc = spacy.blank("xx")(text)
    doc._.language = language
    doc.set_ents([spacy.tokens.Span(doc, start, end, label="PER")])
    return doc


def test_names_are_read_in_their_sentence_and_unknown_languages_are_left():
    source = Fake()
    rules = Rules([source])
    assert rules.predict([names_of(make_doc("Proti premierovi Borise Johnsona", 2, 4, "cs"))]) == [
        ["Boris Johnson"]
    ]
    assert source.words == ["Proti", "premierovi", "Borise", "Johnsona"]
    assert rules.predict([names_of(make_doc("Bez Borise", 1, 2, "sk"))]) == [[None]]
    assert rules.predict([names_of(make_doc("Bez Borise", 1, 2, None))]) == [[None]]
    assert rules.predict([names_of(make_doc("във Великобританията", 1, 2, "bg"))]) == [["Великобритания"]]


def test_a_missing_model_is_told_once_and_a_missing_folder_is_an_error(tmp_path, recwarn):
    rules = make_rules(udpipe=str(tmp_path))
    texts = [names_of(make_doc("Bez Borise", 1, 2, "cs"))] * 2
    assert rules.predict(texts) == [[None], [None]]
    assert rules.predict(texts) == [[None], [None]]
    assert ["udpipe" in str(w.message) for w in recwarn if "no UDPipe model" in str(w.message)] == [True]
    with pytest.raises(InputError, match="spacy_slavner udpipe"):
        make_rules(udpipe=str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="no lemmatiser 'magic'"):
        make_rules(lemmatizers=["magic"])


def test_udpipe_learns_and_reads(tmp_path):
    pytest.importorskip("ufal.udpipe")
    from spacy_slavner.normalization.udpipe import train_udpipe

    rows = [
        ("V", "v", "ADP", "_"),
        ("Brně", "Brno", "PROPN", "Case=Loc|Gender=Neut|Number=Sing"),
        (".", ".", "PUNCT", "_"),
    ]
    lines = [
        f"{i}\t{form}\t{lemma}\t{pos}\tX{i}\t{feats}\t0\troot\t_\t_"
        for i, (form, lemma, pos, feats) in enumerate(rows, 1)
    ]
    folder = tmp_path / "UD_Czech-Tiny"
    folder.mkdir()
    for part in ("train", "test"):
        (folder / f"cs_tiny-ud-{part}.conllu").write_text("\n".join([*lines, "", ""]) * 3, encoding="utf8")
    with (folder / "cs_tiny-ud-train.conllu").open("a", encoding="utf8") as file:
        file.write("\n".join([lines[0].replace("V", "x" * 256), "", ""]))
    figures = train_udpipe(tmp_path, tmp_path / "models", "cs", iterations=1)
    assert figures["sentences"] == 3 and figures["skipped"] == 1 and figures["lemma"] > 0.6
    source = UDPipe(tmp_path / "models")
    assert source.knows("cs") and not source.knows("pl")
    found = source.read("cs", ["V", "Brně", "."])
    assert found[1].lemma == "Brno" and found[1].features["Case"] == "Loc"
    with pytest.raises(InputError, match="no treebank of language 'pl'"):
        train_udpipe(tmp_path, tmp_path / "models", "pl")
    (tmp_path / "models" / "pl.udpipe").write_bytes(b"nothing")
    with pytest.raises(InputError, match="no UDPipe model"):
        UDPipe(tmp_path / "models").knows("pl")
