"""``nilo report``: pages that anyone can open, in one file."""

from __future__ import annotations

from pathlib import Path

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
@click.option("--zone", metavar="ZONE", help="The zone of all times, also typed ones; default this machine's.")
@click.option("--since", metavar="TIME", help="With --digest: what is new since then.")
@click.option("--digest", is_flag=True, help="A short page, and beside it FILE.txt in plain text, fit for a mail.")
@click.option("--judge/--no-judge", "judged", default=None, help="Whether events are judged; default up to 100,000.")
@click.option("--audit", metavar="FILE", help="Findings of an audit that was made before, by nilo audit --format json.")
@click.option("--prove", "proved", is_flag=True, help="Prove the rules, and say of each what is proved.")
@click.option(
    "--cores",
    metavar="N",
    type=click.IntRange(1),
    help="The number of processes for a long ledger that is not judged; default as many as there are cores, up to 4.",
)
@common_options
def command(
    files: tuple[str, ...],
    file: str,
    at: str | None,
    zone: str | None,
    since: str | None,
    digest: bool,
    judged: bool | None,
    audit: str | None,
    proved: bool,
    cores: int | None,
) -> int:
    """Write a report that anyone can open: one file with the verdict, the fleet, every host and VM, and the rules.

    A FILE is an export, also of several histories; without one, the ledger is shown. The report needs no network, and
    works without JavaScript.

    \b
    Examples:
      nilo report
      nilo report -o monday.html --at "2026-11-23 09:00" --zone Europe/Berlin
    """
    from nilometer.cli.reading.report_proof import prove_rules
    from nilometer.report.building.report import Making
    from nilometer.report.clocks import Clock24, read_zone
    from nilometer.report.making import report_of_ledger, reports_of_files, write_digest, write_document
    from nilometer.report.skimming.beside import count_cores, skim_in_processes
    from nilometer.times import current_time

    if digest != (since is not None):
        raise Mistyped("--digest and --since go together", hint="nilo report --since yesterday --digest -o digest.html")
    if digest and file == "-":
        raise Mistyped("a digest is two files", hint="name the page: -o digest.html")
    if audit is not None and (files or judged):
        raise Mistyped("--audit is of the ledger, and takes the place of judging", hint="leave FILE and --judge out")
    session = current_session()
    clock = Clock24(*read_zone(zone))
    typed_zone = None if zone is None else clock.zone
    making = Making(
        proof=prove_rules(clock) if proved else None,
        made=current_time(session.clock),
        clock=clock,
        at=None if at is None else read_typed_time(at, end=True, zone=typed_zone),
        since=None if since is None else read_typed_time(since, zone=typed_zone),
    )
    with Progress("reading", unit="events") as progress:
        if files:
            reports = reports_of_files(files, making, on_progress=progress.update)
        else:
            with session.reading() as ledger:
                reports = [
                    report_of_ledger(
                        ledger,
                        making,
                        judged=judged,
                        audit=audit,
                        on_progress=progress.update,
                        skim_spans=skim_in_processes(session.url, cores or count_cores()),
                    )
                ]
    if digest and len(reports) > 1:
        raise Mistyped("these files are of several histories", hint="make a digest of each")
    if digest:
        page, text = write_digest(reports[0])
        with open_output(file) as stream, open_output(str(Path(file).with_suffix(".txt"))) as beside:
            stream.write(page)
            beside.write(text)
    else:
        with open_output(file) as stream:
            for piece in write_document(reports, clock):
                stream.write(piece)
    if file != "-":
        for report in reports:
            verdict = report.verdict
            say("note", f"{file}: {verdict.word}. {' '.join(filter(None, (verdict.sentence, verdict.more)))}")
    return OK
