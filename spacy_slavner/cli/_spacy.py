"""`spacy slavner …`: spaCy loads this module before it reads its command line."""

import sys
from typing import Any

import typer
from spacy.cli._util import app as spacy_app
from typer.core import TyperGroup

from ..errors import InputError
from . import app


class Commands(TyperGroup):
    """The commands, whose bad input ends as in `main`."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; bad input ends with one line on standard error and exit code 1."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            print(f"Error: {error}", file=sys.stderr)
            raise typer.Exit(1) from error


spacy_app.add_typer(app, name="slavner", cls=Commands)

__all__ = ["app"]
