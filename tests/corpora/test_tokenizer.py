import unicodedata
from pathlib import Path

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_slavner.corpora import slavicner
from spacy_slavner.corpora.report import Report
from spacy_slavner.corpora.sources import Options, blank_pipeline

NLP = blank_pipeline()


def words(text: str) -> list[str]:
    return [token.text for token in NLP.make_doc(text)]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("COVID-19, BioNTech-Pfizer a MOPS-ów", "COVID - 19 , BioNTech - Pfizer a MOPS - ów"),
        ("YouTube’a O'Leary L'Oréal", "YouTube ’a O'Leary L'Oréal"),
        ("п'ять В'ячеслав 'Путін'", "п'ять В'ячеслав ' Путін '"),
        ("А.С.Пушкин, J.R.R. Tolkien", "А. С. Пушкин , J. R. R. Tolkien"),
        ("vakcína Sputnik V.", "vakcína Sputnik V ."),
        ("„Північний потік» (Nord Stream 2)“", "„ Північний потік » ( Nord Stream 2 ) “"),
        ("EU27 a 5G, 3,5 12:30 10.5.2020", "EU 27 a 5G , 3,5 12:30 10.5.2020"),
        ("@NIJZ_pr #Praha", "@ NIJZ _ pr # Praha"),
        ("https://www.x.pl/a?b=1. a@b.pl, WWW.X.CZ", "https://www.x.pl/a?b=1 . a@b.pl , WWW.X.CZ"),
        ("Lenta.ru/ТАСС", "Lenta.ru / ТАСС"),
        ("коронавирусаТой в США.Байден", "коронавируса Той в США . Байден"),
        ("ahoj... konec…", "ahoj ... konec …"),
    ],
)
def test_tokens(text, expected):
    assert words(text) == expected.split()


@given(st.text(alphabet=st.sampled_from(list("aŽжЇ1 .,:;-'’\"„“»_@/\n\u0301\u200d()№V")), max_size=30))
@settings(max_examples=300, deadline=None)
def test_text_never_changes(text):
    assert NLP.make_doc(text).text == text


def test_decomposed_letters_do_not_split_words():
    text = "Škoda v Łodzi, Čapek й Їжак"
    decomposed = unicodedata.normalize("NFD", text)
    assert [unicodedata.normalize("NFC", w) for w in words(decomposed)] == words(text)


def test_a_saved_pipeline_has_the_same_tokenizer(tmp_path):
    text = "HTTP://X.pl/a, А.С.Пушкин: MOPS-ów, Lenta.ru/ТАСС п'ять YouTube’a WWW.x.pl EU27"
    NLP.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert [t.text for t in loaded.make_doc(text)] == words(text)


def test_names_of_the_real_corpus_fall_on_token_edges(shared: Path):
    report, options = Report(), Options()
    sources = slavicner.find(shared / "data" / "slavicner", options, report)[::12]
    for source in sources:
        slavicner.read(source, NLP, options, report)
    assert report.counts["documents"] == len(sources) > 400
    edges = 1 - report.by_reason()["not on token edges"] / report.counts["mentions"]
    assert edges >= 0.9997
