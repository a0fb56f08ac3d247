"""Every system of the papers trains for two steps, finds names, and is the same after reloading."""

from pathlib import Path

import pytest
import spacy

from spacy_slavner.cli.train import train
from spacy_slavner.evaluation.metrics import read_metrics
from spacy_slavner.training.config import merge_config, read_recipe

ROOT = Path(__file__).resolve().parents[1]
SYSTEMS = sorted(p.stem for p in (ROOT / "configs").glob("*.cfg") if p.name != "base.cfg")
# The systems of the table, and one of the other regimes, which take the same paths.
QUICK = (
    "feature_crf",
    "bilstm_crf",
    "bert_linear",
    "bert_crf",
    "bert_bilstm_crf",
    "bert_2fc_softmax",
    "frozen_mix_bilstm_attention_ncrf",
    "frozen_mix_bilstm_attention_ncrf_language",
    "zero_shot_pc_li",
)


@pytest.fixture(scope="session")
def parts(sample, tmp_path_factory) -> Path:
    """Two documents to train on."""
    from spacy_slavner.corpora.bsnlp import find, read
    from spacy_slavner.corpora.docbin import write_docbin
    from spacy_slavner.corpora.report import Report
    from spacy_slavner.corpora.sources import Options, blank_pipeline

    nlp, report = blank_pipeline(), Report()
    sources = find(sample, Options(), report)[:2]
    docs = [doc for source in sources for doc in read(source, nlp, Options(), report)]
    path = tmp_path_factory.mktemp("parts") / "train.spacy"
    write_docbin(docs, path)
    return path


@pytest.fixture(scope="session")
def words(tmp_path_factory) -> Path:
    """A folder with joint vectors, and a dictionary beside them."""
    import numpy

    from spacy_slavner.crosslingual.embeddings import Embeddings, save_spacy

    folder = tmp_path_factory.mktemp("words")
    save_spacy(Embeddings(["na", "w"], numpy.eye(2, 8, dtype="float32")), folder / "vectors")
    (folder / "dictionary.txt").write_text("na\tw\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "system", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SYSTEMS]
)
def test_system(system, parts, words, tiny_encoder, tmp_path):
    path = ROOT / f"configs/{system}.cfg"
    overrides = read_recipe(path, "short") | {
        "paths.train": str(parts),
        "paths.dev": str(parts),
        "paths.target": str(parts),
        "paths.encoder": str(tiny_encoder),
        "paths.vectors": str(words / "vectors"),
        "paths.dictionary": str(words / "dictionary.txt"),
        "system.source_language": "cs",
        "system.target_language": "pl",
        "training.max_steps": 2,
        "training.eval_frequency": 10,
    }
    config = merge_config(path, overrides)
    config["components"]["transformer"]["model"]["layers"] = None
    train(config, tmp_path, name=system)
    info = read_metrics(tmp_path / "metrics.json")["info"]
    assert (info["system"], info["steps"]) == (system, 2)
    assert 0 < info["parameters"]["trainable"] <= info["parameters"]["total"]
    assert (info["parameters"]["trainable"] < info["parameters"]["total"]) == system.startswith("frozen")
    nlp, again = (spacy.load(tmp_path / name) for name in ("model-last", "model-best"))
    text = "Praga i Brno to miasta w Czechach."
    assert nlp(text).to_json() == again(text).to_json()
