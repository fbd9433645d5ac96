"""``nilo import-hyperv``: histories of real Hyper-V hosts, as observed hosts and VMs."""

from __future__ import annotations

from collections.abc import Callable

import click

from nilometer.cli.importing.summary import imported
from nilometer.cli.options import asking, common
from nilometer.cli.session import current_session, typed_time
from nilometer.importers.importing import ImportedFile, import_hyperv
from nilometer.ledger.ledger import Ledger


@click.command("import-hyperv")
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@click.option("--as", "prefix", metavar="PREFIX", help="What the ids begin with; default nothing.")
@click.option("--at", metavar="TIME", help="When a file was collected that does not say it.")
@click.option("--on", "host", metavar="HOST", help="Where a file was collected that does not say it.")
@click.option("--zone", metavar="ZONE", help="Of local times that do not say it: Europe/Berlin or +01:00.")
@click.option("--final", is_flag=True, help="The files will not grow: decide what their last records leave open.")
@click.option("--keep-going", is_flag=True, help="Pass over records that cannot be read.")
@asking
@common
def command(
    files: tuple[str, ...],
    prefix: str | None,
    at: str | None,
    host: str | None,
    zone: str | None,
    final: bool,
    keep_going: bool,
) -> int:
    """Record what Hyper-V hosts told: who changed which VM, what moved, what was measured.

    A VM's id is its VmId. The files are read together, by the times in them: give those of all hosts at once, so that
    a VM is followed from host to host. What is there already is not recorded again, and of a file that has grown only
    what is new. Files may be packed with gzip, and be UTF-8 or UTF-16. What a file is, is known by what is in it: the
    collector's spool, Get-VM as JSON, performance counters, Prometheus, or an event log. docs/collect.md tells more.

    \b
    Examples:
      nilo import-hyperv HV01-20261123.jsonl HV02-20261123.jsonl
      nilo import-hyperv spool.jsonl.gz --as contoso --keep-going --format json
    """
    session = current_session()
    typed = None if at is None else typed_time(at)

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
            final=final,
            keep_going=keep_going,
            progress=progress,
        )

    return imported(session, run, kind=lambda each: f"({each.format})", repeats="tell nothing new")
