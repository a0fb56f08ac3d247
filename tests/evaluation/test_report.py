"""The record of a run, and the report made from records."""

import builtins
import json
import subprocess

import pytest

from spacy_slavner.errors import InputError
from spacy_slavner.evaluation.bsnlp import Document, Mention, score
from spacy_slavner.evaluation.metrics import RunInfo, add_results, find_metrics, read_metrics, write_metrics
from spacy_slavner.evaluation.plots import plot_records
from spacy_slavner.evaluation.regimes import training_sections
from spacy_slavner.evaluation.report import collect_results, mean_figures, read_records, render_markdown
from spacy_slavner.evaluation.spans import SpanDocument, score_spans, score_words
from spacy_slavner.evaluation.tables import evaluation_tables

MACHINE = {"cpu": "Abacus 1", "cores": 2, "torch_threads": 2, "gpu": None}


def result(right: int, wrong: int):
    """Real scores of a toy system that finds `right` of ten names and `wrong` others."""
    gold = {("PER", i, i + 1) for i in range(10)}
    found = {("PER", i, i + 1) for i in range(right)} | {("LOC", 20 + i, 22 + i) for i in range(wrong)}
    spans = [SpanDocument(gold, found, "cs")]
    gold_mentions = [Mention(f"n{i}", f"n{i}", "PER", str(i)) for i in range(10)]
    system = gold_mentions[:right] + [Mention(f"w{i}", f"w{i}", "LOC", str(i)) for i in range(wrong)]
    documents = [[Document("t", "cs", "1", mentions)] for mentions in (gold_mentions, system)]
    return {
        "span": score_spans(spans),
        "word": score_words(spans),
        "bsnlp": score(*documents).to_dict(),
        "language": None,
        "words_per_second": 1000.0,
    }


CURVE = [{"step": 0, "seconds": 0.0, "score": 0.1}, {"step": 50, "seconds": 5.0, "score": 0.8}]


@pytest.fixture
def record(tmp_path):
    def write(system, split, seed, results, released=False, curve=CURVE, **sections):
        info = RunInfo(
            system, "toy", split, seed, released, steps=50, seconds=5.0, commit="c" * 40, machine=MACHINE
        )
        path = tmp_path / "runs" / system / f"{split}-{seed}" / "metrics.json"
        write_metrics(path, info, results, curve, **sections)
        return path

    return write


def test_record_says_what_is_needed_to_repeat_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    info = RunInfo("bert_crf", "toy", "bsnlp2019", 0)
    assert info.commit == "unknown" and info.modified is False
    assert info.machine["cores"] >= 1 and info.machine["cpu"] and info.machine["torch_threads"] >= 1
    assert info.packages["spacy"].startswith("3.8")

    git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost"]
    (tmp_path / "file").write_text("a")
    for command in (["init", "-q"], ["add", "file"], ["commit", "-q", "-m", "m"]):
        subprocess.run([*git, *command], check=True)
    assert len(RunInfo("a", "b", "c", 0).commit) == 40
    (tmp_path / "file").write_text("b")
    assert RunInfo("a", "b", "c", 0).modified is True


def test_records_round_trip(record):
    path = record("bert", "single_out", 1, {"dev": result(5, 0)})
    add_results(path, "test", result(6, 0))
    assert read_metrics(path)["results"] == {"dev": result(5, 0), "test": result(6, 0)}
    assert read_metrics(path)["learning_curve"] == CURVE


def test_a_run_that_diverged_leaves_a_record(record):
    path = record("bert", "single_out", 1, {}, curve=[{"step": 1, "score": 0.0, "loss": float("nan")}])
    assert read_metrics(path)["learning_curve"][0]["loss"] is None


def test_results_json(record, tmp_path):
    record("bert", "bsnlp2019", 0, {"dev": result(8, 0), "test": result(5, 5)}, released=True)
    record("bert", "bsnlp2019", 1, {"dev": result(6, 2)}, released=True)
    record("bilstm", "bsnlp2019", 0, {"dev": result(10, 0)})
    record("bert", "single_out", 0, {"test": result(7, 0)}, released=True)
    record("lemmas", "single_out", 0, {}, [], normalization={"single_out": {"accuracy": 0.9}})
    records = read_records(find_metrics([tmp_path / "runs"]))
    results = collect_results(records)

    assert set(results["ner"]) == {"bsnlp2019_dev", "bsnlp2019_test", "single_out"}
    dev = results["ner"]["bsnlp2019_dev"]
    expected = [2 * n / (10 + m) for n, m in ((8, 8), (6, 8))]
    for figure in ("span_f1", "rem_f1", "sm_f1", "rpm_f1"):
        assert dev[figure] == pytest.approx(sum(expected) / 2)
    assert dev["by_language"]["cs"]["span_f1"] == pytest.approx(sum(expected) / 2)
    assert dev["by_type"]["PER"]["sm_f1"] == pytest.approx((2 * 8 / 18 + 2 * 6 / 16) / 2)
    assert "lea_cross_language_f1" not in dev["by_language"]["cs"]
    assert (dev["system"], dev["seeds"], dev["commit"]) == ("bert", [0, 1], "c" * 40)
    assert results["systems"]["bilstm"]["bsnlp2019_dev"]["0"]["span_f1"] == 1
    assert set(results["systems"]["bert"]["bsnlp2019_dev"]) == {"0", "1"}
    assert results["normalization"] == {"single_out": {"accuracy": 0.9}}
    json.dumps(results, allow_nan=False)

    text = render_markdown(
        records, results, ["python", "-m", "spacy_slavner", "report", "runs"], ["img/a.png"]
    )
    mean, deviation = 100 * sum(expected) / 2, 100 * abs(expected[0] - expected[1]) / 2**0.5
    assert f"| **bert** | {mean:.2f} ± {deviation:.2f} |" in text
    assert "| bilstm | 100.00 |" in text
    for words in (
        "`python -m spacy_slavner report runs`",
        "Abacus 1, 2 cores",
        "Seeds: 0, 1.",
        "c" * 12,
        "0.9000",
    ):
        assert words in text
    assert "![a](img/a.png)" in text


def oracle(accuracy):
    """Scores of annotated names, as `evaluate` records them."""
    base = {"names": 20, "accuracy": accuracy, "cased": 0.5, "copy": 0.25, "look_up": 0.75}
    link = {"names": 16, "accuracy": accuracy / 2, "look_up": 0.125}
    kinds = ("changed", "several words", "new form")
    groups = [
        {
            "overall": row,
            "by_language": {"cs": row},
            "by_type": {"PER": row},
            "by_kind": dict.fromkeys(kinds, row),
        }
        for row in (base, link)
    ]
    lea = {"LEA_document": 0.5, "LEA_language": 0.25, "LEA_cross_language": 0.125}
    return {"base_forms": groups[0], "links": groups[1] | {"lea": lea}, "seconds": {}}


def test_base_forms_and_links_of_the_released_system(record, tmp_path):
    for seed, accuracy in enumerate((0.5, 1.0)):
        test = result(8, 0) | {"oracle": oracle(accuracy), "documents": 450, "skipped": 10}
        dev = result(8, 0) | {"oracle": oracle(0.0)}
        record("slavner", "cross_topic", seed, {"dev": dev, "test": test}, released=True)
    one = result(8, 0) | {"oracle": {"base_forms": oracle(0.5)["base_forms"]}, "documents": 460}
    record("slavner", "single_out", 0, {"test": one}, released=True)
    record("other", "single_out", 0, {"test": one})
    record("hand", "bsnlp2019", 0, {}, [], normalization={"bsnlp2019": {"accuracy": 0.9}})
    records = read_records(find_metrics([tmp_path / "runs"]))
    results = collect_results(records)

    section = results["normalization"]
    assert set(section) == {"bsnlp2019", "cross_topic", "single_out"}
    assert set(results["linking"]) == {"cross_topic"}
    found = section["cross_topic"]
    assert {name: found[name] for name in ("names", "accuracy", "cased", "copy", "look_up")} == {
        "names": 20,
        "accuracy": 0.75,
        "cased": 0.5,
        "copy": 0.25,
        "look_up": 0.75,
    }
    # The toy system's names are their own base forms, which NORM does not count.
    assert found["end_to_end"] == found["by_language"]["cs"]["end_to_end"] == 0
    assert (found["system"], found["seeds"], found["commit"]) == ("slavner", [0, 1], "c" * 40)
    links = results["linking"]["cross_topic"]
    assert (links["accuracy"], links["look_up"]) == (0.375, 0.125)
    assert links["lea"] == {"document": 0.5, "language": 0.25, "cross_language": 0.125}
    assert set(links["end_to_end"]) == {"document", "language", "cross_language"}
    assert set(links["by_language"]["cs"]["end_to_end"]) == {"document", "language"}
    json.dumps(results, allow_nan=False)
    assert collect_results(records) == results

    text = render_markdown(records, results, ["report"], [])
    accuracy = "75.00 ± 35.36"
    assert "|  | overall | cs | changed | several words | new form |" in text
    assert "| names | 20 | 20 | 20 | 20 | 20 |" in text
    assert f"| **slavner** | {' | '.join([accuracy] * 5)} |" in text
    assert "| look-up | 75.00 ± 0.00 |" in text and "| copy | 25.00 ± 0.00 |" in text
    (links_row,) = [line for line in text.splitlines() if line.startswith("| **slavner** | 37.50")]
    assert links_row.endswith("| 50.00 ± 0.00 | 25.00 ± 0.00 | 12.50 ± 0.00 |")
    assert "| bsnlp2019.accuracy | 0.9000 |" in text and "by_kind" not in text
    # Under its scores, its base forms and its links; not where as many documents are all there are.
    assert text.count("460 of its 470 test documents") == 3


def test_a_section_that_contradicts_the_runs_is_refused(record):
    test = {"test": result(8, 0) | {"oracle": oracle(0.5)}}
    path = record("a", "single_out", 0, test, True, normalization={"single_out": {"accuracy": 0.9}})
    with pytest.raises(InputError, match="normalization.single_out.accuracy"):
        collect_results(read_records([path]))


def test_systems_beside_the_papers(record, tmp_path):
    for seed in (0, 1):
        path = record("bert_crf", "bsnlp2019", seed, {"dev": result(8 + seed, 0)})
        content = json.loads(path.read_text())
        content["info"] |= {
            "initialize_seconds": 2.0,
            "cpu_seconds": 6.0,
            "parameters": {"total": 30_000_000, "trainable": 1_500_000},
            "documents": {"used": 1200, "all": 1537},
            "changed": {
                "system.epochs": [80, 2],
                "training.optimizer.learn_rate.rate": [1e-5, 0.001],
                "training.batcher": [
                    {"@batchers": "spacy.batch_by_sequence.v1", "size": 3, "get_length": None},
                    {"@batchers": "spacy.batch_by_padded.v1", "size": 1150, "buffer": 9},
                ],
            },
        }
        path.write_text(json.dumps(content))
    record("bert_linear", "bsnlp2019", 0, {"dev": result(5, 5)})
    records = read_records(find_metrics([tmp_path / "runs"]))
    results = collect_results(records)
    assert results["systems"]["bert_crf"]["bsnlp2019_dev"]["1"]["documents"] == {"used": 1200, "all": 1537}
    text = render_markdown(records, results, ["report"], [])
    (row,) = [line for line in text.splitlines() if line.startswith("| bert_crf | span 81.4")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert "span 87.9, RPM 85.7, REM 84.3, SM 84.1 [2]" in cells[1]
    span = [100 * 2 * n / (10 + n) for n in (8, 9)]
    assert cells[2] == f"{sum(span) / 2:.2f} ± {abs(span[0] - span[1]) / 2**0.5:.2f}"
    assert cells[4:10] == ["30.00", "1.50", "50", "7", "6", "1,000"]
    assert cells[10] == (
        "1,200 of 1,537 documents; epochs 80 → 2; learn_rate.rate 1e-05 → 0.001; "
        "batcher batch_by_sequence.v1 3 → batch_by_padded.v1 1150"
    )
    assert "2. Slavic BERT-CRF: Arkhipov et al. 2019, table 1." in text
    difference = sum(span) / 2 - 100 * 2 * 5 / 20
    gain = f"- The CRF over a linear layer: {difference:+.2f} span F1, "
    (line,) = [line for line in text.splitlines() if line.startswith(gain)]
    assert line.endswith("word F1 (bert_crf against bert_linear; the paper: +1.8 span F1).")


def test_a_released_system_that_learns_from_other_corpora_is_in_the_tables(record, tmp_path):
    confusions = {"confusions": {"missed": {"PER": {"": 7}}}}
    for split, part in (("bsnlp2019", "dev"), ("single_out", "test")):
        for other, released in (("a", True), ("b", False)):
            design = {"system": "slavner", "split": split, "transfer": other, "command": "run"}
            found = {part: result(8, 0) | confusions}
            record(f"slavner_with_{other}", split, 0, found, released=released, experiment=design)
    records = read_records(find_metrics([tmp_path / "runs"]))
    text = render_markdown(records, collect_results(records), ["report"], [], training_sections(records))
    assert "slavner_with_b" not in text
    score = f"{100 * 16 / 18:.2f}"
    # Among the systems, and by length.
    assert text.count(f"| **slavner_with_a** | {score} |") == 4
    assert "| **slavner_with_a** | span 81.4, RPM 80.9, REM 79.2, SM 79.6 [1]; span 87.9" in text
    assert f"| SM, **slavner_with_a** | {score} |" in text
    assert text.index("## Targets") < text.index("## bsnlp2019_dev")
    assert f"| single_out | span | > 86 | {score} | 1 | met by {100 * 16 / 18 - 86:.2f} |" in text
    assert text.count("### Confusions") == text.count("| PER | 0 | 0 | 0 | 0 | 7 | 0 |") == 2
    assert "| slavner | a, besides | single_out | test |" in text


def test_released_runs_that_hold_a_language_out_are_not_in_the_tables(record, tmp_path):
    design = {"system": "slavner", "split": "single_out", "held_out": "cs", "command": "run"}
    record("slavner", "single_out_zero_cs", 0, {"test": result(8, 0)}, released=True, experiment=design)
    records = read_records(find_metrics([tmp_path / "runs"]))
    text = render_markdown(records, collect_results(records), ["report"], [])
    assert "## single_out" not in text and "Targets" not in text


def test_differences_of_seeds_that_overlap_are_marked(record, tmp_path):
    for system, rights in (("bert_crf", (6, 9)), ("bert_linear", (5, 7))):
        for seed, right in enumerate(rights):
            record(system, "bsnlp2019", seed, {"dev": result(right, right)})
    records = read_records(find_metrics([tmp_path / "runs"]))
    text = render_markdown(records, collect_results(records), ["report"], [])
    (line,) = [line for line in text.splitlines() if line.startswith("- The CRF over a linear layer")]
    assert line.count("(the seeds overlap)") == 2


def test_training_and_evaluation_may_leave_two_records(record, tmp_path):
    record("bert", "single_out", 0, {}, curve=CURVE)
    other = tmp_path / "metrics-test.json"
    info = RunInfo("bert", "toy", "single_out", 0, machine=MACHINE)
    write_metrics(other, info, {"test": result(3, 0)})
    records = read_records(find_metrics([tmp_path]))
    assert len(records.runs) == 1
    assert records.curves == {("single_out", "bert", 0): CURVE}


def test_contradictions_are_refused(record, tmp_path):
    first = record("bert", "single_out", 0, {"test": result(3, 0)}, released=True)
    same, other = tmp_path / "metrics-same.json", tmp_path / "metrics-other.json"
    same.write_text(first.read_text())
    assert len(read_records([first, same]).runs) == 1
    write_metrics(other, RunInfo("bert", "toy", "single_out", 0, machine=MACHINE), {"test": result(4, 0)})
    with pytest.raises(InputError, match="other figures"):
        read_records([first, other])
    second = record("bilstm", "single_out", 0, {"test": result(4, 0)}, released=True)
    with pytest.raises(InputError, match="Several systems"):
        collect_results(read_records([first, second]))


def test_bad_records(tmp_path):
    path = tmp_path / "metrics.json"
    with pytest.raises(InputError, match="no such file"):
        find_metrics([path])
    with pytest.raises(InputError, match="No metrics.json"):
        find_metrics([tmp_path])
    for text, message in (
        ("{", "cannot be read"),
        ("[]", "no info"),
        ('{"info": {}, "results": {"dev": {}}}', "lacks system"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            read_records([path])


def test_means_skip_what_a_run_lacks():
    means = mean_figures([{"a": 1.0, "by": {"cs": {"a": 1.0}}}, {"a": 2.0, "b": 4.0, "by": {}}])
    assert means == {"a": 1.5, "by": {"cs": {"a": 1.0}}, "b": 4.0}


def test_plots(record, tmp_path):
    pytest.importorskip("matplotlib")
    record("bert", "bsnlp2019", 0, {"dev": result(8, 0), "test": result(5, 5)})
    record("bilstm", "bsnlp2019", 0, {"dev": result(2, 3)})
    images = plot_records(read_records(find_metrics([tmp_path / "runs"])), tmp_path / "img")
    names = {image.name for image in images}
    assert names == {"learning_curve_bsnlp2019.png", "f1_bsnlp2019_dev.png", "f1_bsnlp2019_test.png"}
    assert all(image.read_bytes().startswith(b"\x89PNG") for image in images)


def test_plots_without_matplotlib(record, tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **keywords):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    records = read_records([record("bert", "bsnlp2019", 0, {"dev": result(8, 0)})])
    with pytest.raises(InputError, match="spacy-slavner\\[plots\\]"):
        plot_records(records, tmp_path / "img")


def test_terminal_tables():
    text = evaluation_tables(result(8, 2))
    assert "80.00" in text and "RPM" in text and "F by language" in text
