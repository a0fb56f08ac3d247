"""Names in Slavic text for spaCy: recognition, base forms, cross-lingual links and language."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("spacy-slavner")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"
