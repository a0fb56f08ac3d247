"""Configs in two parts, and spaCy's own commands on the merged one."""

from functools import reduce
from operator import getitem
from pathlib import Path

import pytest
from spacy.cli.debug_config import debug_config
from spacy.cli.init_config import fill_config as fill_config_of_spacy
from spacy.util import load_config
from thinc.api import Config

from spacy_slavner.errors import InputError
from spacy_slavner.training.callbacks import LONGEST_TEXT
from spacy_slavner.training.config import changed_settings, fill_config, merge_config, read_recipe

ROOT = Path(__file__).resolve().parents[2]

SYSTEMS = sorted(p for p in (ROOT / "configs").glob("*.cfg") if p.name != "base.cfg")


@pytest.mark.parametrize("path", SYSTEMS, ids=lambda path: path.stem)
def test_every_system_fills_and_debugs(path, tmp_path, capsys):
    config = fill_config(merge_config(path))
    config.to_disk(tmp_path / "config.cfg", interpolate=False)
    debug_config(tmp_path / "config.cfg")
    assert capsys.readouterr().out.count("Config is valid") == 1


@pytest.mark.parametrize("path", SYSTEMS, ids=lambda path: path.stem)
def test_spacy_fills_every_system_as_we_do(path, tmp_path):
    """`spacy init fill-config` on the merged config, and once more on what it wrote."""
    names = [tmp_path / name for name in ("merged.cfg", "filled.cfg", "again.cfg")]
    merge_config(path).to_disk(names[0], interpolate=False)
    _, filled = fill_config_of_spacy(names[1], names[0], silent=True)
    written, again = fill_config_of_spacy(names[2], names[1], silent=True)
    assert filled == fill_config(merge_config(path))
    assert filled == written == again
    for config in (filled, filled.interpolate()):
        assert Config().from_str(config.to_str(interpolate=False), interpolate=False) == config


@pytest.mark.parametrize("path", SYSTEMS, ids=lambda path: path.stem)
def test_system_is_shorter_than_what_it_shares(path):
    assert len(path.read_text().splitlines()) < len((ROOT / "configs/base.cfg").read_text().splitlines())


def test_blocks_of_the_system_go_before_the_base(tmp_path):
    (tmp_path / "base.cfg").write_text('[a]\nx = 1\ny = ${b.z}\n[b]\nz = 2\n[b.o]\n@f = "one"\nk = 1\n')
    (tmp_path / "s.cfg").write_text('[a]\nx = 5\n[b]\n[b.o]\n@f = "two"\n')
    overrides = {"b": {"z": 9}, "b.o": {"@f": "two"}}
    merge_config(tmp_path / "s.cfg", overrides)
    assert overrides == {"b": {"z": 9}, "b.o": {"@f": "two"}}
    config = merge_config(tmp_path / "s.cfg", {"b.z": 9})
    assert config["a"] == {"x": 5, "y": "${b.z}"}
    assert config["b"]["o"] == {"@f": "two"}
    assert config.interpolate()["a"]["y"] == 9


def test_a_system_may_extend_several(tmp_path):
    (tmp_path / "base.cfg").write_text("[a]\nx = 1\ny = 1\nz = 1\nw = 1\n")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/p.cfg").write_text("[a]\nx = 2\ny = 2\n")
    (tmp_path / "t.cfg").write_text('[system]\nextends = "parts/p"\n[a]\nx = 3\nz = 3\n')
    (tmp_path / "s.cfg").write_text('[system]\nextends = ["t","parts/p"]\n[a]\nz = 4\n')
    assert merge_config(tmp_path / "t.cfg") == {"system": {}, "a": {"x": 3, "y": 2, "z": 3, "w": 1}}
    assert merge_config(tmp_path / "s.cfg") == {"system": {}, "a": {"x": 2, "y": 2, "z": 4, "w": 1}}


def test_translation_is_the_same_for_all_systems():
    names = ("crosslingual_bilstm_crf", "multilingual_translated")
    one, two = (merge_config(ROOT / f"configs/{name}.cfg")["corpora"] for name in names)
    assert one == two and "translation" in one["train"]["augmenters"]


@pytest.mark.parametrize("path", SYSTEMS, ids=lambda path: path.stem)
def test_every_recipe_fills(path):
    overrides = read_recipe(path, "short")
    config = merge_config(path, overrides)
    assert bool(overrides) == bool(changed_settings(path, config))
    if overrides:
        fill_config(config)


def test_systems_of_one_paper_differ_in_their_heads_alone():
    """In the table a figure must not come from other settings."""
    for names in (("bert_bilstm_crf", "bert_2fc_softmax"), ("bert_linear", "bert_crf")):
        one, two = (merge_config(ROOT / f"configs/{name}.cfg") for name in names)
        for config in (one, two):
            del config["components"]["crf_ner"]["model"]
            # The CRF of Arkhipov et al. 2019 is the one system with moving averages.
            del config["training"]["optimizer"]["average_decay"]
        assert one == two
    short = [
        merge_config(path, read_recipe(path, "short"))
        for path in (ROOT / f"configs/{name}.cfg" for name in ("bert_crf", "bert_linear", "bert_bilstm_crf"))
    ]
    for config in short:
        config["components"]["crf_ner"].pop("model", None)
    assert short[0] == short[1] == short[2]


def test_values_of_huang_et_al():
    """Section 3.2 of the paper; the batch is that of Ma and Hovy 2016, the momentum is not said."""
    config = merge_config(ROOT / "configs/crosslingual_bilstm_crf.cfg").interpolate()
    tok2vec, optimizer = "components.crf_ner.model.tok2vec", "training.optimizer"
    for name, value in {
        "system.epochs": 200,
        "components.crf_ner.scheme": "BIOES",
        "components.crf_ner.model.dropout": 0.5,
        f"{tok2vec}.hidden": 300,
        f"{tok2vec}.embed.characters.width": 300,
        f"{tok2vec}.embed.characters.hidden": 300,
        f"{tok2vec}.embed.characters.dropout": 0.5,
        "corpora.train.augmenters.translation.alpha": 0.5,
        "initialize.after_init.@callbacks": "spacy-slavner.uniform_weights.v1",
        "initialize.after_init.spread": 0.1,
        "training.batcher": {"@batchers": "spacy-slavner.batch_by_sentences.v1", "size": 10},
        f"{optimizer}.@optimizers": "spacy-slavner.SGD.v1",
        f"{optimizer}.momentum": 0.9,
        f"{optimizer}.clip_value": 5.0,
        f"{optimizer}.learn_rate.@schedules": "spacy-slavner.epoch_decay.v1",
        f"{optimizer}.learn_rate.rate": 0.01,
        f"{optimizer}.learn_rate.decay": 0.05,
        f"{optimizer}.learn_rate.epochs": 200,
    }.items():
        assert reduce(getitem, name.split("."), config) == value, name


def test_own_systems_have_no_settings_of_a_paper():
    """`slavner` and the papers' systems with the short recipe are trained as base.cfg says."""
    base = merge_config(ROOT / "configs/base.cfg")
    bert_crf = ROOT / "configs/bert_crf.cfg"
    short = merge_config(bert_crf, read_recipe(bert_crf, "short"))
    own = merge_config(ROOT / "configs/slavner.cfg")
    assert own["components"]["transformer"]["model"].pop("frozen_layers") == 3
    for config in (short, own):
        assert (config["training"], config["system"]) == (base["training"], base["system"])
        assert config["components"]["transformer"] == base["components"]["transformer"]
    # The head of the paper is the default one.
    heads = [fill_config(config)["components"]["crf_ner"]["model"] for config in (short, own)]
    assert heads[0] == heads[1]


def test_a_config_extends_another(tmp_path):
    (tmp_path / "base.cfg").write_text("[system]\nseed = 0\n[a]\nx = 1\ny = 1\nz = 1\n")
    (tmp_path / "s.cfg").write_text(
        '[a]\ny = 2\nz = 2\n[recipes]\n[recipes.short]\na.x = 7\nbase = ["system"]\n'
    )
    (tmp_path / "t.cfg").write_text('[system]\nextends = "s"\nseed = 3\n[a]\nz = 3\n')
    assert merge_config(tmp_path / "t.cfg") == {"system": {"seed": 3}, "a": {"x": 1, "y": 2, "z": 3}}
    recipe = read_recipe(tmp_path / "t.cfg", "short")
    assert recipe == {"system": {"seed": 0}, "a.x": 7}
    assert read_recipe(tmp_path / "t.cfg", "") == read_recipe(tmp_path / "base.cfg", "short") == {}
    with pytest.raises(InputError, match="recipe 'long'"):
        read_recipe(tmp_path / "t.cfg", "long")
    with pytest.raises(InputError, match="names 'b'"):
        (tmp_path / "s.cfg").write_text('[recipes]\n[recipes.short]\nbase = ["b"]\n')
        read_recipe(tmp_path / "s.cfg", "short")


def test_what_a_run_changed(tmp_path):
    (tmp_path / "s.cfg").write_text(
        '[system]\nseed = 0\n[paths]\ntrain = null\n[a]\nx = 1\ny = null\n[a.f]\n@g = "one"\nk = 1\n'
    )
    overrides = {"system.seed": 5, "paths.train": "t", "a.x": 1, "a.y": 2, "a.z": 3, "a.f": {"@g": "two"}}
    changed = changed_settings(tmp_path / "s.cfg", merge_config(tmp_path / "s.cfg", overrides))
    assert changed == {
        "a.y": [None, 2], "a.z": ["default", 3], "a.f": [{"@g": "one", "k": 1}, {"@g": "two"}]
    }  # fmt: skip


def test_full_config_needs_no_base(tmp_path):
    (tmp_path / "s.cfg").write_text("[a]\nx = 5\n")
    assert merge_config(tmp_path / "s.cfg") == {"a": {"x": 5}}


@pytest.mark.parametrize("text", ["x = 1\n", "[a\n", "[a]\n[a]\n"])
def test_broken_config_is_an_input_error(text, tmp_path):
    (tmp_path / "s.cfg").write_text(text)
    with pytest.raises(InputError, match="s.cfg"):
        merge_config(tmp_path / "s.cfg")


def test_missing_config_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no such config"):
        merge_config(tmp_path / "s.cfg")


def test_command_writes_variables_and_overrides(run, tmp_path):
    path = tmp_path / "out" / "config.cfg"
    run("config", ROOT / "configs/bert_crf.cfg", path, "--training.max_steps", "7")
    config = load_config(path)
    assert config["training"]["max_steps"] == 7
    assert config["training"]["seed"] == "${system.seed}"
    assert config["training"]["optimizer"]["@optimizers"] == "spacy-slavner.AdamW.v1"


def test_length_limit_is_lifted_in_a_loaded_pipeline(tmp_path):
    import spacy

    callback = {"@callbacks": "spacy-slavner.lift_max_length.v1"}
    spacy.blank("xx", config={"nlp": {"after_creation": callback}}).to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    assert nlp.max_length == LONGEST_TEXT
    assert len(nlp.make_doc("a " * 600_000)) == 600_000
