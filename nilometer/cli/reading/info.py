"""``nilo info``: the ledger itself."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING

import click

from nilometer.cli.failures import OK
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.session import current_session
from nilometer.messages.sizes import format_rounded
from nilometer.storage.store import FORMAT
from nilometer.times import format_time

if TYPE_CHECKING:
    from nilometer.ledger.reader import LedgerReader


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
        summary = ledger.views.summarize()
        known = {
            "ledger": ledger.url,
            "id": ledger.id,
            "created": ledger.created,
            "events": ledger.position,
            "first": _first_happened(ledger),
            "latest": summary.latest,
            "hosts": summary.hosts,
            "vms": summary.vms,
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


def _first_happened(ledger: LedgerReader) -> str | None:
    """When the first event happened; ``None`` in an empty ledger. Raises ``UnreadableEvent``."""
    row = next(ledger.rows(0, 1), None)
    if row is None:
        return None
    try:
        happened = json.loads(row.body)["happened"]  # all bodies have it, and to load their classes takes long
    except (ValueError, KeyError, TypeError):
        happened = None
    return happened if isinstance(happened, str) else next(ledger.events(0, 1)).metadata.happened
