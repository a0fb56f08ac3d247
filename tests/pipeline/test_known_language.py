"""The language of texts that are all in one."""

from functools import reduce
from operator import getitem
from pathlib import Path

import pytest
import spacy

from spacy_slavner.training.config import merge_config, read_recipe

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def pipeline(language: str | None):
    nlp = spacy.blank("xx")
    nlp.add_pipe("known_language", config={"language": language})
    return nlp


def test_it_is_set_where_there_is_none(tmp_path):
    nlp = pipeline("bg")
    doc = nlp("България")
    assert (doc._.language, doc._.language_score) == ("bg", None)
    given = nlp.make_doc("България")
    given._.language = "ru"
    assert nlp(given)._.language == "ru"
    assert pipeline(None)("България")._.language is None
    assert [d._.language for d in nlp.pipe(["България", ""])] == ["bg", "bg"] and list(nlp.pipe([])) == []
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path)("България")._.language == "bg"


@pytest.mark.parametrize("system", ["crosslingual_bilstm_crf", "multilingual_romanized"])
@pytest.mark.parametrize("recipe", ["", "short"])
def test_a_language_that_is_not_learnt_is_romanised_by_its_own_rules(system, recipe):
    """The training text is romanised by the rules of its language, which the reader tells."""
    path = CONFIGS / f"{system}.cfg"
    config = merge_config(path, read_recipe(path, recipe) | {"system.target_language": "bg"}).interpolate()
    reads = {
        "crosslingual_bilstm_crf": ("crf_ner", "model", "tok2vec", "embed", "characters"),
        "multilingual_romanized": ("transformer", "model"),
    }
    assert reduce(getitem, reads[system], config["components"])["romanized"] is True
    assert config["nlp"]["pipeline"][0] == "known_language"
    block = config["components"]["known_language"]
    nlp = pipeline(block["language"])
    assert block["factory"] == "known_language" and nlp("България")[0]._.romanized == "Bulgaria"
