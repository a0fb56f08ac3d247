"""`udpipe`: models from treebanks, and their accuracies in the report."""

import pytest

from spacy_slavner.evaluation.metrics import find_metrics
from spacy_slavner.evaluation.report import collect_results, read_records

SENTENCE = "1\tV\tv\tADP\t_\t_\t0\troot\t_\t_\n2\tBrně\tBrno\tPROPN\t_\tCase=Loc\t1\tnmod\t_\t_\n\n"


def test_models_and_their_accuracies(run, tmp_path):
    pytest.importorskip("ufal.udpipe")
    folder = tmp_path / "UD_Czech-Tiny"
    folder.mkdir()
    for part in ("train", "test"):
        (folder / f"cs_tiny-ud-{part}.conllu").write_text(SENTENCE * 3, encoding="utf-8")
    models, record = tmp_path / "models", tmp_path / "metrics.json"
    output = run("udpipe", tmp_path, models, "-l", "cs", "-i", 1, "--metrics", record)
    assert f"Models: {models}" in output and (models / "cs.udpipe").is_file()
    figures = collect_results(read_records(find_metrics([record])))["morphology"]["cs"]
    assert figures["sentences"] == 3 and figures["bytes"] == (models / "cs.udpipe").stat().st_size
    assert 0 <= figures["lemma"] <= 1
    page = tmp_path / "results.md"
    run("report", record, "--out", page, "--json", tmp_path / "results.json", "--released", "slavner")
    text = page.read_text(encoding="utf-8")
    assert "## Morphology" in text and f"{figures['lemma']:.4f}" in text
