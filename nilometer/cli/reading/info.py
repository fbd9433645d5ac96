"""``nilo info``: the ledger itself."""

from __future__ import annotations

from importlib.metadata import version

import click

from nilometer.cli.failures import OK
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.session import current_session
from nilometer.messages.sizes import format_rounded
from nilometer.storage.recorder import FORMAT
from nilometer.times import format_time


@click.command("info")
@common_options
def command() -> int:
    """Show facts about a ledger: its id, number of events, time span, versions and size.

    \b
    Examples:
      nilo info
      nilo info --ledger postgresql://ops@db.example/nilometer --format json
    """
    session = current_session()
    out = Output(session.format)
    with session.reading() as ledger:
        fleet = ledger.views.fleet()
        first = next(iter(ledger.events(0, 1)), None)
        known = {
            "ledger": ledger.url,
            "id": ledger.id,
            "created": ledger.created,
            "events": ledger.position,
            "first": None if first is None else first.metadata.happened,
            "latest": fleet.latest,
            "hosts": len(fleet.hosts),
            "vms": len(fleet.vms),
            "bytes": ledger.bytes_used,
            "format": FORMAT,
            "nilometer": version("nilometer"),
        }
    if out.json:
        out.write_document(known)
        return OK
    for name, value in known.items():
        if name in ("created", "first", "latest"):
            text = "none" if value is None else format_time(str(value))
        else:
            text = format_rounded(int(str(value))) if name == "bytes" else str(value)
        out.write_line(f"{name}: {text}")
    return OK
