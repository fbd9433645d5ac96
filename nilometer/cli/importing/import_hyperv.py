"""``nilo import-hyperv``: histories of real Hyper-V hosts, as observed hosts and VMs."""

from __future__ import annotations

from collections.abc import Callable

import click

from domain.shapes import parse_size
from nilometer.cli.failures import Mistyped
from nilometer.cli.importing.summary import run_import
from nilometer.cli.options import ahead_option, asking_options, common_options
from nilometer.cli.session import current_session, read_typed_time
from nilometer.importers.importing import ImportedFile, import_hyperv
from nilometer.ledger.ledger import Ledger


@click.command("import-hyperv")
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@click.option("--as", "prefix", metavar="PREFIX", help="A prefix for all ids; default none.")
@click.option("--at", metavar="TIME", help="When the files were collected, if they do not say so.")
@click.option("--on", "host", metavar="HOST", help="The host they were collected on, if they do not say so.")
@click.option("--zone", metavar="ZONE", help="The zone of times without one: Europe/Berlin, +01:00 or Windows' name.")
@click.option(
    "--reserve", "reserves", metavar="HOST=SIZE", multiple=True, help="A host's root reserve, which no counter shows."
)
@click.option(
    "--service-account",
    "service_accounts",
    metavar="NAME",
    multiple=True,
    help="An owner of changes that is a tool, not a person.",
)
@click.option("--final", is_flag=True, help="The files will not grow: settle what their last records leave open.")
@click.option("--keep-going", is_flag=True, help="Skip records that cannot be read.")
@ahead_option
@asking_options
@common_options
def command(
    files: tuple[str, ...],
    prefix: str | None,
    at: str | None,
    host: str | None,
    zone: str | None,
    reserves: tuple[str, ...],
    service_accounts: tuple[str, ...],
    final: bool,
    keep_going: bool,
    at_ahead: bool,
) -> int:
    """Import what Hyper-V hosts reported: who changed which VM, what moved, what was measured.

    Each FILE is recognized by its content: the collector's spool, Get-VM as JSON, performance counters, Prometheus or
    an event log, in UTF-8 or UTF-16, also with gzip. A folder stands for its files; a spool's folder also for the
    changes that no poll has taken in yet. Give the files of all hosts in one call, so that a VM is followed from host
    to host. A VM's id is its VmId. Import a file again when it has grown: only what is new is recorded.

    \b
    Examples:
      nilo import-hyperv spools/HV01 spools/HV02
      nilo import-hyperv spool.jsonl.gz --as contoso --keep-going --format json
    """
    session = current_session()
    stated = dict(map(_read_reserve, reserves))
    typed = None if at is None else read_typed_time(at)

    def run(ledger: Ledger, progress: Callable[[int], None]) -> list[ImportedFile]:
        return import_hyperv(
            ledger,
            files,
            actor=session.actor,
            via=session.given.get("via") or "import-hyperv",
            prefix=prefix,
            at=typed,
            host=host,
            zone=zone,
            reserves=stated,
            service_accounts=service_accounts,
            final=final,
            keep_going=keep_going,
            at_ahead=at_ahead,
            progress=progress,
        )

    return run_import(session, run, describe=lambda file: f"({file.format})")


def _read_reserve(text: str) -> tuple[str, int]:
    """Reads the name of a host and its reserve in bytes. Raises ``Mistyped``."""
    name, equals, size = text.rpartition("=")
    if not equals or not name.strip():
        raise Mistyped(f"--reserve {text!r} does not name a host and a size", hint="--reserve hv01=2304MiB")
    try:
        return name, parse_size(size)
    except ValueError as error:
        raise Mistyped(f"--reserve {text!r}: {error}", hint="--reserve hv01=2304MiB") from None
