"""``nilo report``: pages that anyone can open, in one file."""

from __future__ import annotations

import click

from nilometer.cli.failures import OK, Mistyped, say
from nilometer.cli.files import open_output
from nilometer.cli.options import common_options
from nilometer.cli.output import Progress
from nilometer.cli.session import current_session, read_typed_time


@click.command("report")
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option(
    "-o", "file", metavar="FILE", default="report.html", help="The file to write, - for stdout; default report.html."
)
@click.option("--at", metavar="TIME", help="The state at this time, and what happened until then.")
@click.option("--zone", metavar="ZONE", help="The time zone, such as Europe/Berlin; default that of this machine.")
@click.option("--judge/--no-judge", "judged", default=None, help="Whether events are judged; default up to 100,000.")
@common_options
def command(files: tuple[str, ...], file: str, at: str | None, zone: str | None, judged: bool | None) -> int:
    """Write a report that anyone can open: one file with the verdict, the fleet, every host and VM, and the rules.

    A FILE is an export; without one, the ledger is shown. The report needs no network, and works without JavaScript.

    \b
    Examples:
      nilo report
      nilo report -o monday.html --at "2026-11-23 09:00" --zone Europe/Berlin
    """
    from nilometer.report.building.report import Making
    from nilometer.report.clocks import Clock24, read_zone
    from nilometer.report.making import report_of_ledger, reports_of_files, write_document
    from nilometer.times import current_time

    session = current_session()
    clock = Clock24(*read_zone(zone))
    making = Making(
        made=current_time(session.clock), clock=clock, at=None if at is None else read_typed_time(at, end=True)
    )
    with Progress("reading", unit="events") as progress:
        if files:
            reports = reports_of_files(files, making, on_progress=progress.update)
            if len(reports) > 1:
                raise Mistyped("these files are of several histories", hint="make a report of each")
            report = reports[0]
        else:
            with session.reading() as ledger:
                report = report_of_ledger(ledger, making, judged=judged, on_progress=progress.update)
    with open_output(file) as stream:
        for piece in write_document(report, clock):
            stream.write(piece)
    if file != "-":
        verdict = report.verdict
        say("note", f"{file}: {verdict.word}. {' '.join(filter(None, (verdict.sentence, verdict.more)))}")
    return OK
