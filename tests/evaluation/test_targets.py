"""What the released system aims at, beside what it reaches."""

import pytest

from spacy_slavner.evaluation.published import PUBLISHED
from spacy_slavner.evaluation.targets import PATHS, TARGETS, targets_section


def rows(results):
    """The cells of the table by what is scored and the figure."""
    table = targets_section(results)[-1].splitlines()[2:]
    cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in table)
    return {(key, figure): rest for key, figure, *rest in cells}


def result(span=None, sm=None, language=None):
    return {
        "span": span and {"overall": {"f": span}},
        "bsnlp": sm and {"overall": {"SM": {"f": sm}}},
        "language": language and {"accuracy": language},
    }


def test_means_of_the_seeds_beside_the_aims():
    found = rows({"single_out": [result(0.85, language=1.0), result(0.89, language=1.0)]})
    assert found["single_out", "span"][:4] == ["> 86", "87.00 ± 2.83", "2", "met by 1.00"]
    assert found["single_out", "language"][:4] == ["≥ 100", "100.00 ± 0.00", "2", "met by 0.00"]
    assert found["bsnlp2019_dev", "span"][:4] == ["> 87.9", "not measured", "–", "–"]
    assert len(found) == len(TARGETS)


def test_what_is_short_of_an_aim():
    parts = {"bsnlp2021_test": [result(sm=0.765)], "bsnlp2021_test_without_uk": [result(sm=0.8)]}
    found = rows(parts | {"single_out": [result(0.86, language=0.995)]})
    assert found["bsnlp2021_test", "SM"][:4] == ["> 77.1", "76.50", "1", "short by 0.60"]
    assert found["bsnlp2021_test_without_uk", "SM"][3] == "met by 2.90"
    # A bound that is to be exceeded is not met by reaching it.
    assert found["single_out", "span"][3] == "short by 0.00"
    assert found["single_out", "language"][3] == "short by 0.50"


def test_nothing_is_said_where_no_aim_was_measured():
    assert targets_section({"toy": [result(0.9)], "single_out": [result()]}) == []


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target.key} {target.figure}")
def test_aims_are_what_was_published(target):
    assert target.figure in PATHS
    known = [p for p in PUBLISHED if p.key == target.key and target.what.startswith(p.name)]
    if known or not target.key.startswith("single_out"):
        assert round(known[0].f1[target.figure], 1) == target.bound
