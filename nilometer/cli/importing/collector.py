"""``nilo collector``: the script that collects from a Hyper-V host."""

from __future__ import annotations

from importlib.resources import files

import click

from nilometer.cli.failures import OK
from nilometer.cli.options import common_options


@click.command("collector")
@common_options
def command() -> int:
    """Print the script that collects from a Hyper-V host, for Windows PowerShell 5.1.

    Run every minute, it appends what it sees to a spool, which nilo import-hyperv reads. It was reviewed against the
    documented types, but its authors have not run it on a host. docs/collect.md says how to set it up.

    \b
    Examples:
      nilo collector | Set-Content -Encoding ascii collect.ps1
      nilo collector
    """
    script = files("nilometer").joinpath("collect.ps1").read_text(encoding="utf-8")
    click.echo(script, nl=False)
    return OK
