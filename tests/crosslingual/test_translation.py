"""Reverse translation: the score by hand, and what becomes of documents."""

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, Span

from spacy_slavner.attributes import set_attributes
from spacy_slavner.cli.translate import translate_cli
from spacy_slavner.corpora.docbin import read_docs, write_docbin
from spacy_slavner.crosslingual.embeddings import Embeddings, save_spacy
from spacy_slavner.crosslingual.translation import Translator, translate_docs
from spacy_slavner.errors import InputError

set_attributes()
NLP = spacy.blank("xx")
WORDS = {
    "zamek": (1.0, 0.0), "król": (0.0, 1.0), "drzwi": (-1.0, 1.0), "hrad": (1.0, 2.0), "zip": (3.0, -1.0),
    "král": (0.0, 2.0),
}  # fmt: skip
VECTORS = Embeddings(list(WORDS), np.array(list(WORDS.values()), dtype="float32"))
DICTIONARY = {"zamek": ["zip", "hrad"], "król": ["král"], "polska": ["polsko"]}


def doc(*words: str, language: str | None = "pl") -> Doc:
    result = Doc(NLP.vocab, list(words), sent_starts=[i == 0 for i in range(len(words))])
    result._.language, result._.doc_id, result._.topic = language, "1", "t"
    return result


def cosine(a, b):
    one, two = np.array(WORDS[a]), np.array(WORDS[b])
    return one @ two / np.linalg.norm(one) / np.linalg.norm(two)


@pytest.mark.parametrize("alpha", [0.5, 0.9])
def test_score_by_hand(alpha):
    sentence = ["król", "nic", "zamek", "drzwi"]
    found = Translator(DICTIONARY, VECTORS, "pl", "cs", alpha).scores(sentence, 2, ["zip", "hrad", "bez"])
    for word, score in zip(("zip", "hrad"), found, strict=False):
        context = cosine(word, "król") / 9 + cosine(word, "drzwi") / 4
        assert score == pytest.approx(alpha * cosine("zamek", word) + (1 - alpha) * context)
    assert found[2] == 0
    near = Translator(DICTIONARY, VECTORS, "pl", "cs", alpha, window=1).scores(sentence, 2, ["zip"])
    assert near[0] == pytest.approx(alpha * cosine("zamek", "zip") + (1 - alpha) * cosine("zip", "drzwi") / 4)


def test_context_chooses():
    translator = Translator(DICTIONARY, VECTORS, "pl", "cs")
    assert translator.words_of(["zamek"]) == ["zip"]
    assert translator.words_of(["król", "zamek", "drzwi"])[1] == "hrad"


def test_translations_with_vectors_go_first():
    dictionary = {"zamek": ["bez", "drzwi"], "nic": ["bez", "nikde"]}
    translator = Translator(dictionary, VECTORS, "pl", "cs")
    without, bad = translator.scores(["zamek"], 0, ["bez", "drzwi"])
    assert bad < without == 0
    assert translator.words_of(["zamek", "nic"]) == ["drzwi", "bez"]


def test_documents_keep_names_capitals_and_unknown_words():
    original = doc("KRÓL", "w", "Polska", "zamek", ".")
    original.set_ents([Span(original, 2, 4, label="LOC")], default="outside")
    translator = Translator(DICTIONARY, VECTORS, "pl", "cs")
    found = translator(original)
    assert [t.text for t in found][:3] == ["KRÁL", "w", "Polsko"]
    assert [(e.start, e.end, e.label_) for e in found.ents] == [(2, 4, "LOC")]
    assert [t.is_sent_start for t in found] == [t.is_sent_start for t in original]
    assert (found._.language, found._.doc_id, found._.topic) == ("cs", "1.cs", "t")
    assert (translator.translated, translator.words) == (3, 5)
    assert [t.text for t in original][0] == "KRÓL"
    unknown = doc("król")
    assert not translator(unknown).has_annotation("ENT_IOB")
    assert len(translator(Doc(NLP.vocab, []))) == 0
    assert [d._.language for d in translate_docs([original], translator)] == ["pl", "cs"]
    assert [d._.language for d in translate_docs([original], translator, with_source=False)] == ["cs"]


def test_only_the_source_language_is_translated():
    docs = [doc("zamek", language=language) for language in ("pl", "cs", "ru", None)]
    found = list(translate_docs(docs, Translator(DICTIONARY, VECTORS, "pl", "cs")))
    assert [d._.language for d in found] == ["pl", "cs", "cs", "ru", None, "cs"]
    assert [d[0].text for d in found] == ["zamek", "zip", "zamek", "zamek", "zamek", "zip"]
    found = list(translate_docs(docs, Translator(DICTIONARY, VECTORS, "pl", "cs"), with_source=False))
    assert [d._.language for d in found] == ["cs", "cs", "ru", "cs"]
    with pytest.raises(InputError, match="no documents in sl"):
        list(translate_docs(docs[:3], Translator(DICTIONARY, VECTORS, "sl", "cs")))
    with pytest.raises(InputError, match="none of 2 words .* 1 of the dictionary from pl to cs.*direction"):
        list(translate_docs(docs, Translator({"hrad": ["zamek"]}, VECTORS, "pl", "cs")))


def test_command(tmp_path, capsys):
    original = doc("Zamek", "w", "Polska")
    original.set_ents([Span(original, 2, 3, label="LOC")], default="outside")
    write_docbin([original, doc("hrad", language="cs")], tmp_path / "in.spacy")
    save_spacy(VECTORS, tmp_path / "vectors")
    pairs = [f"{word}\t{other}\n" for word, others in DICTIONARY.items() for other in others]
    (tmp_path / "pl-cs.txt").write_text("".join(pairs), encoding="utf-8")
    translate_cli(
        tmp_path / "in.spacy", tmp_path / "out.spacy", tmp_path, tmp_path / "vectors", "pl", "cs",
        alpha=0.5, window=0, with_source=True,
    )  # fmt: skip
    docs = list(read_docs(tmp_path / "out.spacy", NLP.vocab))
    words = [["Zamek", "w", "Polska"], ["Zip", "w", "Polsko"], ["hrad"]]
    assert [[t.text for t in d] for d in docs] == words
    output = " ".join(capsys.readouterr().out.split())
    assert "3 documents in" in output and "1 of them translations; 2 of 3 words" in output
    assert "1 documents in other languages than pl are as they were" in output
    assert [e.text for d in docs for e in d.ents] == ["Polska", "Polsko"]
