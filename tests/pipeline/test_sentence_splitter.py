import pytest
import spacy
from spacy.tokens import Doc

from spacy_slavner.attributes import LANGUAGES
from spacy_slavner.corpora.sentences import FOLDER, languages, read_abbreviations, rules_for
from spacy_slavner.errors import InputError
from spacy_slavner.pipeline.sentence_splitter import SentenceSplitter, sentence_starts

# By language: texts with "|" where a sentence starts.
CASES = {
    "bg": [
        "Проф. Иван Петров е в гр. София. |Там живее и д-р Минчев.",
        "През 2016 г. със сигурност спечели. |Т.е. всичко е наред.",
        "Стана на 5. |Той я видя в бул. Витоша.",
    ],
    "cs": [
        "Přišel 5. května 2020. |Dr. J. Novák mu zavolal.",
        "Karel IV. založil školu. |Např. Praha a tzv. Brno.",
        "„Ano.“ |Řekl to 22. 12. 2020 v 9. hodině. |Pak odešel.",
        "Podle čl. 5 odst. 2 to platí. |A co vy? |Nic!",
    ],
    "pl": [
        "Spotkali się 5. maja, m.in. Tusk i prof. A. Kowalski. |Mówili o ws. Brexitu.",
        "Zgodnie z art. 5 ust. 2 i ul. Nowa. |Koniec.",
    ],
    "ru": [
        "В 2019 г. в г. Москве А. С. Пушкин и Дж. Байден. |Они сказали...",
        "«Да!» – сказал он. |Потом ушёл, т. е. уехал в США. |Всё?",
        "Это т. н. Северный поток. |Нет",
    ],
    "sl": [
        "Prišel je 5. maja 2020 oz. 6. junija. |Dr. Novak in mag. J. Pahor sta odšla.",
        "Rekel je: »Da.« |Potem je odšel.",
    ],
    "uk": [
        "Це сталося в м. Києві на вул. Хрещатик. |І. Франко там був.",
        "У 2017 р. він приїхав, див. Додаток. |Так?",
    ],
    "sk": ["Narodil sa 21. 5. 2000 a tzv. Matica. |Dr. Novák."],
    "hr": ["Rođen 21. 5. 2000. u Zagrebu. |Dr. Horvat i sv. Marko."],
    None: ["Dr. J. Smith came. |He left in 2020. |Why?", "Prof. Новак ушёл. |Он здесь."],
}


def split(rules, marked):
    text = marked.replace("|", "")
    edges = [0, *rules(text), len(text)]
    return [text[a:b] for a, b in zip(edges, edges[1:], strict=False)]


@pytest.mark.parametrize(("language", "marked"), [(k, x) for k, xs in CASES.items() for x in xs])
def test_rules(language, marked):
    assert split(rules_for(language), marked) == marked.split("|")


@pytest.mark.parametrize(
    "marked",
    [
        "Nadpis bez tečky\n\n|text malými písmeny.",
        "Nadpis bez tečky\n|Text velkým.",
        "Běžný řádek, který\npokračuje. |Nový.",
        "Konec.\n|další řádek",
        "Jedna.\r\n|Dvě.\u2028|Tři.",
        "1. Bod jedna. |2. Bod dva.",
        "Čekal… |Nic. |(Redakce.) |„Ano!“ |Ne?! |– To nic.",
        "Čekal… a pak! řekl. |Dobře.",
        "Firma a. s. a s.r.o. zaplatila. |Hotovo.",
        "Yahoo! je firma, e.on. také. |Ano.",
        "Web seznam.cz a idnes.cz. |Ano.",
        "Za 5.5 korun v 12.30. |Ano.",
        "",
        "   ",
        "...",
        "\n\n",
        "Bez konce",
    ],
)
def test_line_breaks_and_punctuation(marked):
    assert split(rules_for("cs"), marked) == marked.split("|")


def test_every_language_has_abbreviations():
    assert set(LANGUAGES) < set(languages())
    for language in languages():
        names, numbers = read_abbreviations(FOLDER / f"{language}.txt")
        assert names and numbers
        assert not [x for x in names | numbers if x.endswith(".") or x != x.lower()]


def test_bad_list_of_abbreviations(tmp_path):
    path = tmp_path / "xx.txt"
    path.write_text("# comment\nprof\n", encoding="utf8")
    with pytest.raises(InputError, match=r"xx\.txt:2"):
        read_abbreviations(path)


def make_doc(text, language=None, **config):
    nlp = spacy.blank("xx")
    splitter = nlp.add_pipe("sentence_splitter", config=config)
    doc = nlp.make_doc(text)
    doc._.language = language
    return splitter(doc)


def test_component_picks_the_rules_by_language():
    text = "Przyszedł wlk. Jan. Koniec."
    assert [len(list(make_doc(text, x).sents)) for x in ("pl", "ru")] == [2, 3]


def test_boundaries_are_on_tokens_and_blanks_belong_to_the_sentence_before():
    doc = make_doc("Nadpis\n\n  Věta jedna. Dvě.", "cs")
    assert [sent.text for sent in doc.sents] == ["Nadpis\n\n  ", "Věta jedna.", "Dvě."]
    assert all(token.is_sent_start is not None for token in doc)


def test_config():
    doc = make_doc("Přišel wlk. Jan.", "cs", rules={"cs": "pl"})
    assert len(list(doc.sents)) == 1
    assert len(list(make_doc("Он ушёл. Она нет.", "ru", rules={"ru": "razdel"}).sents)) == 2
    assert len(list(make_doc("Той дойде. Тя не.", "bg", rules={"bg": "pysbd:bg"}).sents)) == 2
    assert len(list(make_doc("Wlk. Jan.", None, rules={"xx": "cs"}).sents)) == 2
    assert len(list(make_doc("Wlk. Jan.", "qq", rules={"xx": "pl"}).sents)) == 1


@pytest.mark.parametrize("name", ["qq", "pysbd:qq", "punkt"])
def test_unknown_rules(name):
    with pytest.raises(InputError, match=name.removeprefix("pysbd:")):
        SentenceSplitter(rules={"cs": name})


def test_overwrite():
    nlp = spacy.blank("xx")
    words = ["Jedna", ".", "Dvě", "."]
    sent_starts = [True, True, False, False]
    for overwrite, starts in ((False, [0, 1]), (True, [0, 2])):
        doc = Doc(nlp.vocab, words=words, sent_starts=sent_starts)
        doc = SentenceSplitter(overwrite=overwrite)(doc)
        assert [sent.start for sent in doc.sents] == starts


def test_empty_and_pipe():
    nlp = spacy.blank("xx")
    nlp.add_pipe("sentence_splitter")
    texts = ["", "Jedna. Dvě.", " ", "\n\n"]
    counts = [len(list(doc.sents)) for doc in nlp.pipe(texts)]
    assert counts == [0, 2, 1, 1]
    assert counts == [len(list(nlp(text).sents)) for text in texts]
    assert list(nlp.pipe([])) == []


def test_config_and_disk_round_trip(tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe("sentence_splitter", config={"rules": {"ru": "razdel"}, "overwrite": True})
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    splitter = again.get_pipe("sentence_splitter")
    assert (splitter.rules, splitter.overwrite) == ({"ru": "razdel"}, True)
    assert again.config["components"] == nlp.config["components"]


def test_starts_by_name_agree_with_the_rules():
    text = "Он ушёл. Она нет."
    assert sentence_starts("ru")(text) == sentence_starts("razdel")(text) == [9]


@pytest.mark.parametrize("language", LANGUAGES)
def test_hardly_any_gold_name_is_cut(shared, language):
    folder = shared / "data" / "slavicner"
    mentions = cut = 0
    for raw in sorted(folder.glob(f"raw/*/{language}/*.txt")):
        starts = rules_for(language)(raw.read_bytes().decode("utf8"))
        names = folder / "ner" / raw.parent.parent.name / language / f"{raw.stem}.tsv"
        for line in names.read_text(encoding="utf8").splitlines():
            start, end = map(int, line.split("\t")[:2])
            mentions += 1
            cut += any(start < offset < end for offset in starts)
    assert mentions > 1000
    assert cut / mentions < 0.001


@pytest.mark.parametrize("name", ["razdel", "pysbd:bg"])
def test_missing_library(name, monkeypatch):
    from spacy_slavner.pipeline import sentence_splitter

    monkeypatch.setattr(sentence_splitter, "find_spec", lambda library: None)
    sentence_splitter.sentence_starts.cache_clear()
    with pytest.raises(InputError, match=r"not installed.*spacy-slavner\[sentences\]"):
        sentence_splitter.sentence_starts(name)
