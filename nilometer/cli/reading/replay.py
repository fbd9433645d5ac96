"""``nilo replay``: every projection again, from the events alone."""

from __future__ import annotations

import time

import click

from nilometer.cli.failures import NOT_IN_FULL, OK, UNREADABLE
from nilometer.cli.options import common_options
from nilometer.cli.output import Output, Progress
from nilometer.cli.reading.info import describe_sealed
from nilometer.cli.session import current_session
from nilometer.ledger.reader import check_database
from nilometer.messages.sizes import plural
from nilometer.seal.tables import describe_seal


@click.command("replay")
@click.option("--repair", is_flag=True, help="Replace what is stored by what was rebuilt.")
@common_options
def command(repair: bool) -> int:
    """Rebuild every view from the events alone, and compare it with the stored one.

    Events that cannot be read are listed, and the exit code is then 2: see nilo repair.

    \b
    Examples:
      nilo replay
      nilo replay --repair --format json
    """
    session = current_session()
    out = Output(session.format)
    check_database(session.url)
    with session.writing(create=False) if repair else session.reading() as ledger:
        begun = time.monotonic()
        with Progress("replaying", ledger.position, "events") as progress:
            replay = ledger.views.compare(progress.update)
        seconds = time.monotonic() - begun
        if repair and not replay.equal:
            with Progress("rebuilding", ledger.position, "events") as progress:
                ledger.views.rebuild(progress.update)
    if out.json:
        equal = [{"name": projection.name, "equal": projection.equal} for projection in replay.projections]
        unreadable = [{"message": error.message, "hint": error.hint} for error in replay.ended]
        known: dict[str, object] = {
            "events": replay.events,
            "seconds": round(seconds, 3),
            "projections": equal,
            "unreadable": unreadable,
        }
        known["sealed"] = describe_seal(session.read_seal())
        out.write_document(known)
    else:
        for projection in replay.projections:
            out.write_line(f"{projection.name}: {'equal' if projection.equal else f'differs: {projection.difference}'}")
        out.write_line(f"{plural(replay.events, 'event')} replayed in {seconds:.1f} s")
        if (sealed := session.read_seal()) is not None:
            out.write_line(f"sealed {describe_sealed(sealed)}")
        if not replay.equal:
            way_out = "The events are right; to replace the stored views: nilo replay --repair"
            out.write_line("The stored views were replaced." if repair else way_out)
        for error in replay.ended:
            out.write_line(error.message)
        if replay.ended:
            out.write_line("What is stored of these streams was not compared; what can be mended: nilo repair")
    return UNREADABLE if replay.ended else OK if replay.equal else NOT_IN_FULL
