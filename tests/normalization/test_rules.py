import pytest
import spacy

from spacy_slavner.attributes import set_attributes
from spacy_slavner.errors import InputError
from spacy_slavner.normalization.analysis import UDPipe, Word
from spacy_slavner.normalization.lexicons import make_lexicon
from spacy_slavner.normalization.names import names_of
from spacy_slavner.normalization.paradigms import nominative
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


# Where no dictionary and no model is at hand, the endings are read: a language, a type, a name, words of its
# document, and the base form.
READ = [
    ("cs", "LOC", "České republiky", "", "Česká republika"),
    ("cs", "PER", "Mayovou", "", "Mayová"),
    ("cs", "PER", "Borisem Johnsonem", "", "Boris Johnson"),
    ("cs", "PER", "Angelou Merkelovou", "", "Angela Merkelová"),
    ("cs", "PER", "Theresy Mayové", "Theresa", "Theresa Mayová"),
    ("cs", "PER", "labouristů", "", "labouristé"),
    ("pl", "PER", "Theresę May", "", "Theresa May"),
    ("pl", "PER", "Nigela Farage'a", "", "Nigel Farage"),
    ("pl", "EVT", "brexicie", "brexit", "brexit"),
    ("pl", "ORG", "Trybunału Sprawiedliwości UE", "", "Trybunał Sprawiedliwości UE"),
    ("sl", "PER", "Johnsonove", "Johnson", "Johnson"),
    ("sl", "PER", "Borisom Johnsonom", "", "Boris Johnson"),
    ("ru", "PER", "Борису Джонсону", "", "Борис Джонсон"),
    ("ru", "PER", "Джереми", "", "Джереми"),
    ("ru", "ORG", "МИД Великобритании", "", "МИД Великобритании"),
    ("ru", "ORG", "Bloomberg", "", "Bloomberg"),
    ("ru", "PRO", "« Спутника »", "", "« Спутника »"),
    ("uk", "ORG", "Європейського союзу", "", "Європейський союз"),
    ("bg", "ORG", "Комисията", "", "Комисия"),
    ("bg", "ORG", "НАТО", "", "НАТО"),
    ("bg", "ORG", "Европейския съюз", "", "Европейски съюз"),
    ("bg", "EVT", "Брекзита", "брекзит", "Брекзит"),
    ("bg", "LOC", "Европа", "", "Европа"),
]


@pytest.mark.parametrize("language, label, name, seen, base", READ, ids=[row[2] for row in READ])
def test_endings_are_read_where_nothing_else_is_known(language, label, name, seen, base):
    words = [word(text, text.lower()) for text in name.split()]
    assert " ".join(base_of(language, label, words, seen=seen.lower().split())) == base


# Each dictionary in the languages for which it is preferred: what only a dictionary knows.
KNOWN = [
    ("pymorphy3", "ru", "ORG", "Верховным судом Пакистана", "Верховный суд Пакистана"),
    ("pymorphy3", "ru", "PER", "Терезой Мэй", "Тереза Мэй"),
    ("pymorphy3", "ru", "LOC", "британской", "британский"),
    ("pymorphy3", "ru", "LOC", "Соединенных Штатов", "Соединенные Штаты"),
    ("pymorphy3", "ru", "LOC", "Нидерландах", "Нидерланды"),
    ("pymorphy3", "ru", "PER", "лейбористов", "лейбористы"),
    ("pymorphy3", "uk", "LOC", "Великою Британією", "Велика Британія"),
    ("morfeusz2", "pl", "LOC", "Stanach Zjednoczonych", "Stany Zjednoczone"),
    ("morfeusz2", "pl", "LOC", "Wielką Brytanią", "Wielka Brytania"),
    ("morfeusz2", "pl", "PER", "Brytyjczyków", "Brytyjczycy"),
    ("morfeusz2", "pl", "ORG", "Sądu Najwyższego", "Sąd Najwyższy"),
    ("morfeusz2", "pl", "LOC", "Wlk. Brytanii", "Wlk. Brytania"),
    ("simplemma", "cs", "ORG", "Evropské komise", "Evropská komise"),
    ("simplemma", "cs", "LOC", "Spojeného království", "Spojené království"),
    ("simplemma", "cs", "PER", "konzervativci", "konzervativci"),
    ("simplemma", "sl", "LOC", "Združenega kraljestva", "Združeno kraljestvo"),
    ("lemmagen3", "sl", "ORG", "Evropske komisije", "Evropska komisija"),
]


@pytest.mark.parametrize("lexicon, language, label, name, base", KNOWN, ids=[row[3] for row in KNOWN])
def test_dictionaries_know_more(lexicon, language, label, name, base):
    pytest.importorskip(lexicon)
    source = make_lexicon(lexicon)
    if lexicon == "pymorphy3":
        pytest.importorskip(f"pymorphy3_dicts_{language}")
    words = [word(text, text.lower()) for text in name.split()]
    known = [source.read(language, w.text) for w in words]
    assert " ".join(base_of(language, label, words, known)) == base


class Dictionary:
    def knows(self, language):
        return language == "cs"

    def read(self, language, text):
        return [Word(text, "německo", "NOUN", {"Case": "Gen", "Number": "Sing", "Gender": "Neut"})]


def test_languages_without_a_dictionary_or_a_model_are_left():
    rules = Rules([], [Dictionary()])
    texts = [
        names_of(make_doc("Bez Německa", 1, 2, "cs")),
        names_of(make_doc("Bez Nemecka", 1, 2, "sk")),
    ]
    assert rules.predict(texts) == [["Německo"], [None]]
    assert Rules([]).predict(texts) == [[None], [None]]


def test_a_dual_and_a_common_gender_are_read_too():
    words = [word("Laburista", "laburist", "NOUN", Case="Nom", Gender="Masc", Number="Dual")]
    assert base_of("sl", "PER", words) in (["Laburist"], ["Laburista"])
    words = [word("Сироты", "сирота", "NOUN", Case="Gen", Gender="Fem,Masc", Number="Sing")]
    assert base_of("ru", "PER", words) == ["Сирота"]
    words = [gen("laburistov", "laburist", "NOUN", "Masc", "Dual")]
    assert base_of("sl", "PER", words) == ["laburisti"]


def test_adjectives_have_a_form_for_each_gender():
    forms = {
        gender: nominative("ru", "верховный", "ADJ", gender, "Sing") for gender in ("Masc", "Fem", "Neut")
    }
    assert forms == {"Masc": "верховный", "Fem": "верховная", "Neut": "верховное"}
    assert nominative("cs", "Brit", "NOUN", "Masc", "Plur", people=True) == "Britové"
    assert nominative("cs", "dům", "ADJ", "Masc", "Sing") is None


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
    bare = "\n".join(
        f"{i}\t{form}\t{lemma}\t_\tX\t_\t_\t_\t_\t_" for i, (form, lemma, *_) in enumerate(rows, 1)
    )
    (tmp_path / "pl_tiny-ud-train.conllu").write_text(bare + "\n\n", encoding="utf8")
    with pytest.raises(InputError, match="no treebank of language 'pl'"):
        train_udpipe(tmp_path, tmp_path / "models", "pl")
    (tmp_path / "models" / "pl.udpipe").write_bytes(b"nothing")
    with pytest.raises(InputError, match="no UDPipe model"):
        UDPipe(tmp_path / "models").knows("pl")


def test_a_missing_dictionary_is_said_once_and_left_out(monkeypatch):
    from spacy_slavner.normalization import lexicons

    monkeypatch.setattr(
        lexicons, "find_spec", lambda name: None if name == "pymorphy3_dicts_uk" else object()
    )
    lexicons._has_dictionary.cache_clear()
    source = make_lexicon("pymorphy3")
    with pytest.warns(UserWarning, match="pip install pymorphy3-dicts-uk") as caught:
        assert [source.knows(language) for language in ("uk", "ru", "pl", "uk")] == [
            False,
            True,
            False,
            False,
        ]
    assert len(caught) == 1
    lexicons._has_dictionary.cache_clear()
