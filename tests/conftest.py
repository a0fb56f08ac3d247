"""Fixtures that every test may ask for: the real data where it lies, and the bundled sample."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run, however slow: a test fails where the code changed, not by chance.
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the real data: $SLAVNER_SHARED, else `shared` beside the checkout."""
    path = Path(os.environ.get("SLAVNER_SHARED") or ROOT.parent / "shared")
    if not (path / "data" / "slavicner").is_dir():
        pytest.skip("the real corpora are not here (set SLAVNER_SHARED)")
    return path


@pytest.fixture(scope="session")
def sample() -> Path:
    """The bundled sample corpus."""
    path = ROOT / "assets" / "sample"
    if not path.is_dir():
        pytest.skip("assets/sample is not in this checkout")
    return path


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory) -> Path:
    """A folder with a random two-layer encoder and a Unigram tokenizer over the Slavic alphabets."""
    from spacy_slavner.pretraining.tiny import save_tiny_encoder

    folder = tmp_path_factory.mktemp("tiny_encoder")
    save_tiny_encoder(folder)
    return folder


@pytest.fixture
def small_system(tiny_encoder):
    """A function that gives the config of a small system with the tiny encoder, learnt from two files."""
    from spacy_slavner.training.config import merge_config, read_recipe

    def small_system(train: Path, dev: Path, **settings):
        path = ROOT / "configs/bert_crf.cfg"
        values = read_recipe(path, "short") | {
            "nlp.pipeline": ["sentence_splitter", "transformer", "crf_ner"],
            "components.transformer.model.layers": None,
            "paths.encoder": str(tiny_encoder),
            "paths.train": str(train),
            "paths.dev": str(dev),
        }
        given = {name.replace("__", "."): value for name, value in settings.items()}
        return merge_config(path, values | given)

    return small_system
