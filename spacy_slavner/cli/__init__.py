"""`python -m spacy_slavner …` and `spacy slavner …`: one module per command, imported lazily inside."""

import importlib
import os
import pkgutil
import sys

from ..errors import InputError
from ._app import app

# Before torch is imported: waiting threads that spin bring a machine with another busy process to
# a tenth of its speed.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

for _module in pkgutil.iter_modules(__path__):
    if not _module.name.startswith("_"):
        importlib.import_module(f"{__name__}.{_module.name}")


def main() -> None:
    """Run the command line; bad input ends with one line on standard error and exit code 1."""
    try:
        app(prog_name="python -m spacy_slavner")
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)


__all__ = ["app", "main"]
