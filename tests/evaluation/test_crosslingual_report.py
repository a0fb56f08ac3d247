"""The report's section on names of languages that were never seen annotated, from records of runs."""

from spacy_slavner.evaluation.crosslingual import crosslingual_sections
from spacy_slavner.evaluation.metrics import RunInfo, find_metrics, write_metrics, write_section
from spacy_slavner.evaluation.regimes import training_sections
from spacy_slavner.evaluation.report import collect_results, read_records, render_markdown

from .test_report import MACHINE, result

USE, SHUFFLE = "components.crf_ner.model.tok2vec.embed.use", "corpora.train.augmenters.shuffle.level"

CHANGED = {
    "system.epochs": [200, 8],
    "system.target_language": [None, "nl"],
    "training.optimizer": [{"@optimizers": "SGD.v1"}, {"@optimizers": "spacy-slavner.AdamW.v1"}],
}


def f1(right: int) -> float:
    return 100 * 2 * right / (10 + right)


def report(tmp_path) -> str:
    records = read_records(find_metrics([tmp_path]))
    more = training_sections(records) + crosslingual_sections(records)
    return render_markdown(records, collect_results(records), ["report"], [], more)


def test_bridges_side_by_side(tmp_path):
    def record(system, right, *setting, source="en", seed=0):
        info = RunInfo(
            f"{system}{setting}", "toy", f"toy_zero_nl_from_{source}", seed, steps=9, machine=MACHINE,
            changed=CHANGED | {setting[0]: [None, setting[1]]} if setting else {},
        )  # fmt: skip
        design = {"system": system, "split": "toy", "held_out": "nl", "sources": [source]}
        design |= {"setting": list(setting)} if setting else {}
        scores = result(right, 0)
        lengths = {"1": {"f": 0.5, "gold": 6, "correct": 3}, "2": {"f": 0.25, "gold": 4, "correct": 1}}
        scores["span"]["by_length"] = lengths
        name = f"{system}{len(setting)}{setting[-1:]}{source}{seed}"
        design["command"] = f"run {name}"
        write_metrics(tmp_path / name / "metrics.json", info, {"test": scores}, experiment=design)

    for seed, right in ((0, 6), (1, 8)):
        record("crosslingual_bilstm_crf", right, USE, "both", seed=seed)
    record("crosslingual_bilstm_crf", 5, USE, "words")
    record("crosslingual_bilstm_crf", 2, USE, "characters")
    record("crosslingual_bilstm_crf", 3, SHUFFLE, "1.0")
    record("crosslingual_bilstm_crf", 4, "paths.vectors", "en-nl-encoder")
    record("multilingual", 9)
    record("multilingual_romanized", 7)
    record("multilingual_translated", 10)
    # Of a pair that was not read by other means.
    record("multilingual", 1, source="de")
    figures = {"words": {"source": 5000, "target": 6000, "joint": 10900}, "held_out": 99, "coverage": 0.5}
    figures |= {"precision@1": 0.25, "precision@5": 0.375, "rounds": [1, 2]}
    path = tmp_path / "vectors/metrics.json"
    write_section(path, "crosslingual", {"alignment": {"en-nl, toy": figures | {"command": "align it"}}})
    unknown = {"types": 0.025, "tokens": 0.008, "n_types": 1000, "n_tokens": 9000}
    for name in ("en train", "nl test"):
        write_section(path, "crosslingual", {"unknown words": {f"en-nl, toy, {name}": unknown}})
    texts = {"nl, toy": {"words": 700, "running": 80_000, "left_out": 9}}
    write_section(path, "crosslingual", {"texts": texts})
    text = report(tmp_path)
    assert "| nl, toy | 80,000 | 700 | 9 |" in text
    assert "| | en → nl, toy | Steps |" in text.replace("|  |", "| |") and "de → nl" not in text
    assert f"| full model | {(f1(6) + f1(8)) / 2:.2f} ± " in text and "(73.44) |" in text
    assert f"| words only | {f1(5):.2f} (59.60) | 9 |" in text
    assert f"| encoder, zero-shot | {f1(9):.2f} | 9 |" in text
    assert f"| words only over characters only | {f1(5) - f1(2):+.2f} |" in text
    assert f"| encoder, romanised text over encoder, zero-shot | {f1(7) - f1(9):+.2f} |" in text
    assert f"| encoder, translated text over encoder, zero-shot | {f1(10) - f1(9):+.2f} |" in text
    assert "type MISC" in text and "takes twice the steps" in text and "“% of right”" in text
    # Neither what the row is about nor the pair.
    assert "\n- crosslingual_bilstm_crf: epochs 200 → 8; optimizer SGD.v1 → AdamW.v1.\n\n" in text
    assert "| en → nl, toy | full model | 50.00 ± 0.00 (69.49) | 25.00 ± 0.00 (82.46) |" in text
    assert "| en-nl, toy | 5,000 | 6,000 | 25.00 | 37.50 | 99 | 50.00 |" in text and "align it" in text
    assert "| en-nl, toy, nl test | 2.50 (2.5) | 1,000 | 0.80 (0.9) | 9,000 |" in text
    assert "| en-nl, toy, en train | 2.50 | 1,000 | 0.80 | 9,000 |" in text and "rounds" not in text
    # Not a second time among others, but for the zero-shot of the encoder.
    assert "Settings that were varied" not in text and text.count("run crosslingual") == 6
    assert "| multilingual() | toy | en |" in text


def test_nothing_is_said_without_such_runs(tmp_path):
    info = RunInfo("m", "toy", "toy", 0, machine=MACHINE)
    write_metrics(tmp_path / "metrics.json", info, {"test": result(4, 0)})
    assert "never seen" not in report(tmp_path)
