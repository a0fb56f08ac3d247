"""The wheels in packages/, which people install: small, without a pickle, and what they say of themselves."""

import json
import pickle
import re
from pathlib import Path
from zipfile import ZipFile

import pytest

from spacy_slavner.attributes import TYPES
from spacy_slavner.cli.package import LARGEST_COST
from spacy_slavner.licences import check_licences

ROOT = Path(__file__).resolve().parents[1]
# None where only the source distribution is at hand: then there is nothing to test.
wheels = pytest.mark.parametrize("wheel", sorted(ROOT.glob("packages/*.whl")), ids=lambda path: path.name)
MEGABYTES = {"xx_slavner": 80, "xx_slavner_sm": 30}
PICKLE_NAMES = re.compile(r"\.(pkl|pickle|pt|pth|joblib|dill)$")
# Protocols 2 to 5; what torch saves, which has a pickle in it.
PICKLE_MAGIC = re.compile(rb"\x80[\x02-\x05]|PK\x03\x04")


def is_pickle(name: str, data: bytes) -> bool:
    return bool(PICKLE_NAMES.search(name) or PICKLE_MAGIC.match(data))


def read_meta(wheel: Path) -> dict:
    with ZipFile(wheel) as archive:
        return json.loads(archive.read(f"{wheel.name.split('-')[0]}/meta.json"))


@wheels
def test_size(wheel):
    assert wheel.stat().st_size <= MEGABYTES[wheel.name.split("-")[0]] * 1e6


@wheels
def test_no_pickle(wheel):
    with ZipFile(wheel) as archive:
        members = archive.namelist()
        assert len(members) > 10 and [m for m in members if is_pickle(m, archive.read(m))] == []


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_seen(protocol):
    assert is_pickle("transformer/model", pickle.dumps({"a": 1}, protocol)) and is_pickle("data.pkl", b"")
    assert is_pickle("crf_ner/model", b"PK\x03\x04archive") and not is_pickle("vocab/lookups.bin", b"\x80")


@wheels
def test_sources_have_licences_that_allow_it(wheel):
    meta = read_meta(wheel)
    assert meta["license"] and len(meta["sources"]) > 1 and not meta.get("not_to_pass_on")
    check_licences(meta["sources"])


@wheels
def test_labels(wheel):
    meta = read_meta(wheel)
    assert meta["labels"]["crf_ner"] and set(meta["labels"]["crf_ner"]) <= set(TYPES)


@wheels
def test_version(wheel):
    package, version = wheel.name.split("-")[:2]
    meta = read_meta(wheel)
    assert (f"{meta['lang']}_{meta['name']}", meta["version"]) == (package, version)
    said = re.findall(rf"packages/({package}-\S+\.whl)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert set(said) == {wheel.name}


@wheels
def test_cost_of_the_storage(wheel):
    storage = read_meta(wheel)["storage"]
    cost = storage["cost"]
    assert cost["fp32"]["span"] - cost[storage["weights"]]["span"] <= LARGEST_COST
