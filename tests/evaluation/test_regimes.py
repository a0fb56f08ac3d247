"""Sections of the report on ways to train, from records of runs."""

import pytest

from spacy_slavner.evaluation.metrics import RunInfo, find_metrics, write_metrics
from spacy_slavner.evaluation.plots import _trajectories, plot_records, zero_shot_curves
from spacy_slavner.evaluation.regimes import training_sections
from spacy_slavner.evaluation.report import collect_results, read_records, render_markdown

from .test_report import MACHINE, result

CURVE = [{"step": 5, "seconds": 1.0, "score": 0.2}, {"step": 10, "seconds": 2.0, "score": 0.4}]


@pytest.fixture
def record(tmp_path):
    """Write the record of a run that finds so many of ten names."""

    def write(system, split, seed, right, part="test", **design):
        base = design.pop("base", split)
        info = RunInfo(system, "toy", split, seed, steps=10, commit="c" * 40, machine=MACHINE)
        info.documents, info.epochs = {"used": 600, "all": 900}, 2.0
        config = design.pop("config", system)
        design |= {"system": config, "split": base, "command": f"run {system} {split}"}
        pieces = {"encoder": "tiny", "languages": {"cs": {"tokens": 10, "pieces": 25, "unknown": 5}}}
        path = tmp_path / "runs" / system / split / str(seed) / "metrics.json"
        write_metrics(path, info, {part: result(right, 0)}, CURVE, experiment=design, fertility=pieces)

    return write


def report(tmp_path) -> str:
    records = read_records(find_metrics([tmp_path / "runs"]))
    return render_markdown(records, collect_results(records), ["report"], [], training_sections(records))


def f1(right: int) -> float:
    return 100 * 2 * right / (10 + right)


def test_zero_shot_matrix_and_gains(record, tmp_path):
    held = {"base": "toy", "sources": []}
    for seed in (0, 1):
        for target, right in (("cs", 4), ("pl", 6)):
            record("multilingual", f"toy_zero_{target}", seed, right, held_out=target, **held)
            record("zero_shot_cl_li", f"toy_zero_{target}", seed, right + 2, held_out=target, **held)
    record("multilingual", "toy_zero_cs_from_pl", 0, 2, base="toy", sources=["pl"], held_out="cs")
    # What learnt fewer languages, or has another encoder, is no seed of the same.
    record("multilingual", "toy_bg-cs_zero_cs", 0, 1, held_out="cs", language="bg,cs", **held)
    for system, right in (("multilingual", 3), ("zero_shot_cl_li", 4)):
        other = {"held_out": "cs", "encoder": "wide", "config": system, **held}
        record(f"{system}_on_wide", "toy_zero_cs", 0, right, **other)
    text = report(tmp_path)
    cost = "600 documents, 2 passes, 10 steps"
    means = f"{f1(4):.2f} ± 0.00 | {f1(6):.2f} ± 0.00"
    assert f"| multilingual | toy | all others | {means} | {cost}, 2 seeds |" in text
    assert f"| multilingual | toy | pl | {f1(2):.2f} | – | {cost}, 1 seed |" in text
    assert f"| multilingual | toy | all others of bg,cs | {f1(1):.2f} | – |" in text
    gains = [f"{f1(n + 2) - f1(n):+.2f}" for n in (4, 6)]
    assert f"| CL+LI | toy | encoder | all others |  | {gains[0]} | {gains[1]} | {cost}, 2 seeds |" in text
    assert f"| CL+LI | toy | wide | all others |  | {f1(4) - f1(3):+.2f} | – |" in text
    assert "run multilingual toy_zero_cs_from_pl" in text
    # They have no sections and no plots of their own.
    assert "## toy_zero" not in text and "| toy | tiny | 2.50 (20.0%) |" in text


def test_a_task_without_the_plain_run_at_its_settings_has_no_gain(record, tmp_path):
    held = {"base": "toy", "sources": [], "held_out": "cs"}
    record("multilingual", "toy_zero_cs", 0, 4, **held)
    record("zero_shot_li_frozen", "toy_zero_cs", 0, 4, config="zero_shot_li", setting=["frozen", "3"], **held)
    assert "| LI | toy | encoder | all others | frozen=3 | – |" in report(tmp_path)


def test_values_are_sorted_as_numbers(record, tmp_path):
    for value in ("11", "3", "-1"):
        design = {"base": "toy", "config": "bert_crf", "setting": ["a.frozen", value], "part": "dev"}
        record(f"bert_crf_{value}", "toy", 0, 4, **design)
    rows = [line for line in report(tmp_path).splitlines() if "| a.frozen |" in line]
    assert [row.split("|")[5].strip() for row in rows] == ["-1", "3", "11"]


def test_commands_have_the_commit_that_they_were_run_at(record, tmp_path):
    record("multilingual", "toy_zero_cs", 0, 4, base="toy", sources=[], held_out="cs")
    assert "run multilingual toy_zero_cs  # ccccccc" in report(tmp_path)


def test_settings_languages_alone_and_transfer(record, tmp_path):
    for value, right in (("0", 5), ("3", 7)):
        setting = ["components.transformer.model.frozen_layers", value]
        record(f"m_frozen_layers_{value}", "toy", 0, right, part="dev", config="m", setting=setting)
    record("m_cs", "toy", 0, 5, config="m", language="cs")
    record("m", "toy", 0, 8)
    record("bert_linear", "toy", 0, 6)
    record("transfer_from_a+b", "toy", 0, 7, config="transfer", transfer="a+b")
    for split in ("a+b", "c"):
        for part in ("dev", "test"):
            record("transfer_union", split, 0, 5, part=part)
    record("m_cs-pl", "toy", 0, 4, config="m", language="cs,pl")
    text = report(tmp_path)
    settings = f"| m | toy | encoder | components.transformer.model.frozen_layers | 3 | {f1(7):.2f} |"
    assert settings in text and "## toy_dev" not in text
    assert f"| m | toy | encoder | test | each language alone | {f1(5):.2f} |" in text
    assert f"| m | toy | encoder | test | all languages | {f1(8):.2f} |" in text
    assert f"| m | toy | encoder | test | cs,pl | {f1(4):.2f} |" in text
    # They have figures of some languages alone, which are none of the system's.
    assert "| m_cs |" not in text and "| m_cs-pl |" not in text
    both = f"{f1(6):.2f} | {f1(7):.2f} | {f1(7) - f1(6):+.2f}"
    cost = "600 documents, 2 passes, 10 steps, 1 seed"
    assert f"| transfer | a+b, before | toy | test | {both} | {cost}; then {cost} |" in text


def test_settings_of_a_system_that_learns_from_other_corpora_too(record, tmp_path):
    besides = {"config": "tag_sets", "transfer": "a", "part": "dev"}
    record("tag_sets_with_a", "toy", 0, 6, **besides)
    record("tag_sets_frozen_3_with_a", "toy", 0, 8, setting=["model.frozen_layers", "3"], **besides)
    text = report(tmp_path)
    assert f"| tag_sets | toy, with a | encoder |  | as it is | {f1(6):.2f} |" in text
    assert f"| tag_sets | toy, with a | encoder | model.frozen_layers | 3 | {f1(8):.2f} |" in text
    assert f"| tag_sets | a, besides | toy | dev | – | {f1(6):.2f} | – |" in text


def test_varied_settings_and_other_encoders_beside_what_is_usual(record, tmp_path):
    record("m", "toy", 0, 4, part="dev")
    setting = ["training.patience", "3"]
    record("m_patience_3", "toy", 0, 5, part="dev", config="m", setting=setting)
    record("m_on_other", "toy", 0, 7, part="dev", config="m", encoder="other")
    record("m_patience_3_on_other", "toy", 0, 8, part="dev", config="m", setting=setting, encoder="other")
    text = report(tmp_path)
    for encoder, usual, varied in (("encoder", 4, 5), ("other", 7, 8)):
        assert f"| m | toy | {encoder} |  | as it is | {f1(usual):.2f} |" in text
        assert f"| m | toy | {encoder} | training.patience | 3 | {f1(varied):.2f} |" in text
    assert f"| m | toy | dev | other | {f1(4):.2f} | {f1(7):.2f} | {f1(7) - f1(4):+.2f} |" in text
    assert "| m_on_other |" in text and "| m_patience_3 |" not in text


def test_series_are_not_laid_beside_other_budgets(record, tmp_path):
    setting = {"setting": ["training.patience", "3"], "config": "m"}
    record("m", "toy", 0, 9, part="dev")
    record("m_small", "toy", 0, 4, part="dev", config="m", series="small")
    record("m_patience_3_small", "toy", 0, 5, part="dev", series="small", **setting)
    record("bert_crf", "toy", 0, 8)
    record("bert_crf_small", "toy", 0, 2, config="bert_crf", series="small")
    record("tag_sets_with_a_small", "toy", 0, 3, config="tag_sets", transfer="a", series="small")
    text = report(tmp_path)
    assert f"| tag_sets | a, besides | toy, small | test | {f1(2):.2f} | {f1(3):.2f} |" in text
    assert f"| m | toy, small | encoder |  | as it is | {f1(4):.2f} |" in text
    assert f"| m | toy, small | encoder | training.patience | 3 | {f1(5):.2f} |" in text
    assert "| m | toy | encoder |" not in text and "| m_small |" not in text


def test_several_corpora_at_once_and_snippets(record, tmp_path):
    record("bert_crf", "toy", 0, 6)
    record("tag_sets_with_a", "toy", 0, 7, config="tag_sets", transfer="a")
    assert f"| tag_sets | a, besides | toy | test | {f1(6):.2f} | {f1(7):.2f} |" in report(tmp_path)
    for part, right in (("test", 6), ("snippets", 3)):
        record("n", f"{part}s", 0, right, part=part, base="short")
    gap = f"{f1(6):.2f} | {f1(3):.2f} | {f1(3) - f1(6):+.2f}"
    assert f"| short | n | {gap} |" in report(tmp_path)


def test_nothing_is_said_of_what_was_not_run(record, tmp_path):
    record("m", "toy", 0, 8)
    text = report(tmp_path)
    assert not any(word in text for word in ("Zero-shot", "Settings", "Transfer", "all languages"))


def test_trajectories_are_means_over_the_seeds(record, tmp_path):
    pytest.importorskip("matplotlib")
    for seed in (0, 1):
        record("m", "toy_zero_cs", seed, 4, base="toy", sources=[], held_out="cs")
    records = read_records(find_metrics([tmp_path / "runs"]))
    assert zero_shot_curves(records) == {"toy": {"cs": {"m": {5: 0.2, 10: 0.4}}}}
    images = [path.name for path in plot_records(records, tmp_path / "plots")]
    assert images == ["zero_shot_toy.png"]


def test_a_varied_setting_has_a_figure_of_its_own(record, tmp_path):
    pytest.importorskip("matplotlib")
    held = {"base": "toy", "sources": ["pl"], "held_out": "cs", "series": "deep"}
    record("m_deep", "toy_zero_cs", 0, 4, config="m", **held)
    for value in ("-1", "3"):
        setting = ["components.transformer.model.frozen_layers", value]
        record(f"m_{value}_deep", "toy_zero_cs", 0, 4, config="m", setting=setting, **held)
    curves = zero_shot_curves(read_records(find_metrics([tmp_path / "runs"])))
    assert set(curves["toy_deep"]["cs"]) == {"m_deep from pl"}
    assert set(curves["toy_deep_model.frozen_layers"]["cs"]) == {"m, -1 from pl", "m, 3 from pl"}
    figure = _trajectories({"cs": {"a": {1: 0.2}}, "pl": {"b": {1: 0.3}, "a": {1: 0.1}}}, "toy")
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b"]
    colours = [[line.get_color() for line in axes.lines] for axes in figure.axes]
    assert tuple(colours[0][0]) == tuple(colours[1][1]) != tuple(colours[1][0])
