"""The Typer application that every command module adds itself to."""

import typer

app = typer.Typer(
    name="slavner",
    help="Names in Slavic text: corpora, training, scores, reports.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
