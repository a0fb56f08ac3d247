"""`config`: merge a system's short config with what all systems share."""

from pathlib import Path

import typer

from ._app import app


@app.command("config", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def config_cli(
    ctx: typer.Context,
    config_path: Path = typer.Argument(..., help="Config of a system, e.g. configs/bert_crf.cfg"),
    output_path: Path = typer.Argument(..., help="Where to write the full config"),
    fill: bool = typer.Option(True, "--fill/--no-fill", help="Add all settings left to default"),
) -> None:
    """Write the full config of a system: base.cfg, the system's own blocks, and the defaults.

    The result is what `spacy train`, `spacy debug config` and `train` take. Settings are overridden
    as in spaCy, e.g. --paths.encoder assets/encoder --training.max_steps 100.
    """
    from spacy.cli._util import parse_config_overrides
    from wasabi import msg

    from ..files import whole_file
    from ..training.config import fill_config, merge_config

    config = merge_config(config_path, parse_config_overrides(ctx.args))
    if fill:
        config = fill_config(config)
    with whole_file(output_path) as path:
        config.to_disk(path, interpolate=False)
    msg.good(f"Config written to {output_path}")
