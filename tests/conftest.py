"""Fixtures that every test may ask for: the real data where it lies, and the bundled sample."""

import os
from pathlib import Path

import pytest

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
