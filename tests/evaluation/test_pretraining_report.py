"""The report's section on encoders that were trained further, from the records of `pretrain`."""

import json

import pytest

from spacy_slavner.errors import InputError
from spacy_slavner.evaluation.pretraining import (
    curves_by_figure,
    find_pretraining,
    loss_curves,
    pretraining_sections,
    read_pretraining,
)


def write(folder, start, seed, pieces=800, **stages):
    losses = {kind: {"cs": {"loss": loss}} for kind, loss in (("mean", 2.5), ("random", 8.0))}
    change = {
        "language": "cs",
        "words": 9,
        "before": 2.0,
        "after": 1.5,
        "unknown_before": 0.01,
        "unknown_after": 0,
    }
    vocabulary = {"pieces_before": 900, "pieces": 800, "languages": [change], "losses": losses}
    vocabulary["losses_of_new"] = {kind: {"cs": {"loss": 9.0}} for kind in losses}
    record = {
        "arguments": {
            "start": start,
            "vocab_size": pieces,
            "vectors": "mean",
            "seed": seed,
            "texts": ["ud", "raw"],
        },
        "command": f"pretrain --start {start}",
        "documents": {"cs": 1200, "pl": 34},
        "left_out": {"documents": 56, "sentences": 0, "of": 60},
        "stages": {"vocabulary": vocabulary} | stages,
        "perplexity": {"cs": {"perplexity": 7.5}, "all": {"perplexity": 9.25}},
        "seconds": 1234.5,
        "commit": "c" * 40,
    }
    folder.mkdir(parents=True)
    (folder / "pretraining.json").write_text(json.dumps(record))


def test_runs_languages_and_vocabularies(tmp_path):
    of_all = {"steps": 2000, "losses": [[100, 5.0], [2000, 2.0]]}
    of_all |= {"before": {"all": {"loss": 4.0}}, "after": {"all": {"loss": 2.25}}}
    write(tmp_path / "given/0", "given", 0, head={"steps": 50}, all=of_all)
    write(tmp_path / "random/1", "random", 1)
    records = [read_pretraining(path) for path in find_pretraining([tmp_path])]
    assert loss_curves(records) == {"given, new pieces by mean, seed 0": [[100, 5.0], [2000, 2.0]]}
    write(tmp_path / "given/2", "given", 2, pieces=0, all=of_all)
    figures = curves_by_figure(read_pretraining(path) for path in find_pretraining([tmp_path]))
    assert {name: list(curves) for name, curves in figures.items()} == {
        "pretraining_new_pieces": ["given, new pieces by mean, seed 0"],
        "pretraining": ["given, seed 2"],
    }
    text = "\n\n".join(pretraining_sections(records))
    name = "| given, new pieces by mean, seed 0"
    row = f"{name} | ud, raw | 50 (head), 2,000 (all) | 1,234 | 56 | 4.000 | 2.250 | 9.250 |"
    assert f"{row} 1,234 | cccccccccccc |" in text
    assert "| random, new pieces, seed 1 | ud, raw | – | 1,234 | 56 | – | – | 9.250 |" in text
    assert "| random, new pieces, seed 1 | 7.500 |" in text and "pretrain --start given" in text
    assert f"{name}: 900 → 800 | cs | 2.000 | 1.500 | 1.00% | 0.00% | 2.500 | 8.000 | 9.000 | 9.000 |" in text
    # What a random start makes of a new vocabulary is chance.
    assert "seed 1: 900" not in text


def test_no_records_and_bad_ones(tmp_path):
    assert pretraining_sections([]) == [] and find_pretraining([tmp_path]) == []
    for content in ("{", "[]", '{"arguments": {}}'):
        (tmp_path / "pretraining.json").write_text(content)
        with pytest.raises(InputError, match="no record of `pretrain`"):
            read_pretraining(tmp_path / "pretraining.json")
