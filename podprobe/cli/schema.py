"""`podprobe schema`."""

from __future__ import annotations

import json

import click

from podprobe.cli.terminal import emit
from podprobe.model import json_schema


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of a snapshot."""
    emit(json.dumps(json_schema(), indent=2) + "\n")
