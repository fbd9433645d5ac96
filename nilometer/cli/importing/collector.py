"""``nilo collector``: the PowerShell module that collects from a Hyper-V host."""

from __future__ import annotations

from pathlib import Path

import click

from domain.errors import InputError
from nilometer.cli.failures import OK, Mistyped, say
from nilometer.cli.files import open_output
from nilometer.cli.options import common_options
from nilometer.collector.module import module_version, read_files
from nilometer.textio.files import check_name


@click.command("collector")
@click.option("-o", "folder", metavar="DIR", help="The folder for the module's files; it is made if it is not there.")
@common_options
def command(folder: str | None) -> int:
    """Write the module that collects from a Hyper-V host, for Windows PowerShell 5.1 and PowerShell 7.

    Copy the folder to the host, and install it there as an administrator: Import-Module DIR\\Nilometer.psd1, then
    Install-NiloCollector. It then polls every minute, and what it sees goes to a spool, which nilo import-hyperv reads.
    It is tested under PowerShell 7 against a stand-in for Hyper-V; its authors have not run it on a host.

    \b
    Examples:
      nilo collector -o Nilometer
      nilo collector -o /srv/share/Nilometer
    """
    if folder is None:
        raise Mistyped("no folder is named for the module", hint="nilo collector -o Nilometer")
    target = Path(check_name(folder))
    for name, content in read_files().items():
        file = target.joinpath(*name.split("/"))
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{file.parent}: {error.strerror}", hint="name another folder with -o") from None
        with open_output(str(file)) as stream:
            stream.write(content)
        file.chmod(0o644)
    say("note", f"the module Nilometer {module_version()} is in {folder}; on the host: Import-Module Nilometer.psd1")
    return OK
