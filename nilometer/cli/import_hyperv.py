"""``nilo import-hyperv``: histories of real Hyper-V hosts, as observed hosts and VMs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import click

from domain.errors import InputError
from nilometer.cli.failures import OK, UNREADABLE, Interrupted, say
from nilometer.cli.files import readable
from nilometer.cli.imported import counts, remark, show
from nilometer.cli.options import asking, common
from nilometer.cli.output import Output, Progress
from nilometer.cli.session import Session, session, typed_time
from nilometer.importers.hyperv import HypervFile, HypervImporter
from nilometer.importers.hyperv_past import LedgerPast
from nilometer.importers.hyperv_zone import parse_zone
from nilometer.ledger import Ledger
from nilometer.results import Observation


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
    now = session()
    out = Output(now.form())
    at = None if at is None else typed_time(at)
    parse_zone(zone)  # or says at once that it is none
    with now.writing() as ledger, ExitStack() as open_files:
        given: list[HypervFile] = []
        unknown: list[str] = []
        for name in files:
            errors: list[InputError] | None = [] if keep_going else None
            try:
                stream = open_files.enter_context(readable(name))
                file = HypervFile(name, stream, errors=errors, at=at, host=host, zone=zone)
                file.open()
            except InputError as refused:
                if not keep_going:
                    raise
                say("error", refused.message, refused.hint)
                unknown.append(name)
            else:
                given.append(file)
        try:
            _import(now, ledger, given, prefix, final)
        except KeyboardInterrupt:
            raise Interrupted("what was read is recorded", hint="import the files again to go on") from None
        except InputError:
            for file in given:
                remark(file.name, file.account)
            kept = sum(file.account.recorded for file in given)
            if kept:
                say("note", f"{kept} events of what stands before it were recorded in {ledger.url}")
            raise
        for file in given:
            for error in file.errors or ():
                say("error", error.message, error.hint)
            remark(file.name, file.account)
        url = ledger.url
    show(
        out,
        [_document(file, prefix) for file in given],
        url,
        kind=lambda each: f"({each['format']})",
        repeats="tell nothing new",
    )
    return UNREADABLE if unknown or any(file.errors for file in given) else OK


def _import(now: Session, ledger: Ledger, files: Sequence[HypervFile], prefix: str | None, final: bool) -> None:
    def record(observations: Sequence[Observation]) -> list[tuple[int, ...]]:
        progress.at(sum(file.account.records for file in files))
        return ledger.record(observations, actor=now.who(), via=now.via or "import-hyperv")

    with Progress("importing", unit="records") as progress:
        HypervImporter(prefix, LedgerPast(ledger), ledger.known, record).run(files, final=final)


def _document(file: HypervFile, prefix: str | None) -> dict[str, Any]:
    return {"file": file.name, "format": file.format, "prefix": prefix} | counts(file.account)
