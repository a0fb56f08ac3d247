"""Every corpus that can be converted has a licence, and those that weights must not come from are refused."""

import pytest

from spacy_slavner.cli.columns import CORPORA as COLUMNS
from spacy_slavner.errors import InputError
from spacy_slavner.licences import (
    CORPORA,
    UNKNOWN,
    check_licences,
    find_corpus,
    licence_texts,
    may_be_passed_on,
    named_in,
    without_general,
)


def source(name: str, licence: str) -> dict[str, str]:
    return {"name": name, "what": "", "license": licence, "url": ""}


def test_every_corpus_that_is_converted_is_known():
    assert COLUMNS.keys() | {"slavicner", "sample"} <= CORPORA.keys()
    assert all(corpus.licence not in ("", UNKNOWN) for corpus in CORPORA.values())


def test_corpora_that_weights_may_come_from():
    free = {name for name, c in CORPORA.items() if may_be_passed_on(source(c.title, c.licence))}
    assert free == {"slavicner", "sample", "uner", "uner_hr", "uner_sk", "uner_sr", "uner_zh"}


@pytest.mark.parametrize(
    "licence",
    ["CC0", "CC0 1.0", "CC BY 4.0", "CC BY-SA 3.0", "CC-BY-SA-4.0", "MIT", "Apache-2.0", "apache 2.0"],
)
def test_free_licences(licence):
    check_licences([source("a list", licence)])


@pytest.mark.parametrize(
    "licence",
    ["CC BY-NC 4.0", "CC BY-NC-SA 4.0", "CC BY-ND 4.0", "GPL", "MIT or not", "for research only", UNKNOWN],
)
def test_other_licences_are_refused(licence):
    with pytest.raises(InputError) as refused:
        check_licences([source("good", "MIT"), source("a list", licence), source("worse", "none")])
    message = str(refused.value)
    assert "a list" in message and licence in message and "--any-licence" in message
    # What is known cannot be said otherwise.
    assert ("--source" in message) == (licence == UNKNOWN)


def test_no_licence_stated_is_for_slavicner_alone():
    stated_none = CORPORA["slavicner"].licence
    check_licences([source("SlavicNER", stated_none)])
    with pytest.raises(InputError, match="WikiANN"):
        check_licences([source("WikiANN", stated_none)])


def test_names_of_runs():
    assert find_corpus("SlavicNER") is CORPORA["slavicner"]
    assert find_corpus("conll2002_es").title == "CoNLL-2002" and find_corpus("mine").licence == UNKNOWN


@pytest.mark.parametrize(
    "text, titles",
    [
        ("SlavicNER without its last topic, WikiANN", ["SlavicNER", "WikiANN"]),
        ("wikiann_en and conll 2002", ["CoNLL-2002", "WikiANN"]),
        ("NER-UK 2.0", ["NER-UK"]),
        ("ner_uk", ["NER-UK"]),
        # Neither NER-UK nor UNER.
        ("SlavicNER, Ukrainian; a corner", ["SlavicNER"]),
        ("SlavicNER and UNER in Croatian", ["SlavicNER", "Universal NER"]),
        ("my letters", []),
    ],
)
def test_corpora_in_a_text(text, titles):
    assert [corpus.title for corpus in named_in(text)] == titles


def test_the_exact_name_is_enough():
    found = [CORPORA["uner"], CORPORA["uner_hr"], CORPORA["slavicner"], CORPORA["uner_hr"]]
    assert without_general(found) == [CORPORA["uner_hr"], CORPORA["slavicner"]]
    assert without_general([CORPORA["uner"]]) == [CORPORA["uner"]]


def test_notice():
    words, code = source("words", "CC BY-SA 4.0"), source("code", "MIT") | {"author": "Its developers"}
    notice = licence_texts([words, code, source("encoder", "MIT"), source("texts", "CC0 1.0")])
    assert notice.startswith("words (a part): CC BY-SA 4.0\n")
    assert "https://creativecommons.org/licenses/by-sa/4.0/" in notice and "publicdomain/zero" in notice
    assert "Copyright (c) Its developers\nCopyright (c) the authors of encoder\n" in notice
    assert notice.count("Permission is hereby granted") == notice.count('"AS IS"') == 1
    assert "Permission" not in licence_texts([words])
