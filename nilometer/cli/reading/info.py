"""``nilo info``: the ledger itself."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, cast

import click

from domain.identifiers import split_stream
from nilometer.cli.failures import OK
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.session import current_session
from nilometer.errors import UnreadableEvent
from nilometer.messages.sizes import format_rounded
from nilometer.seal.tables import SealedHead, describe_seal
from nilometer.times import format_time

if TYPE_CHECKING:
    from nilometer.ledger.reader import LedgerReader
    from nilometer.storage.reader import StoredRow


MOST_READ: Final = 10_000
"""So many events are read, to count those that cannot be, in less than half a second."""


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
            "unreadable": _count_unreadable(ledger),
            "hosts": summary.hosts,
            "vms": summary.vms,
            "bytes": ledger.bytes_used,
            "sealed": describe_seal(session.read_seal()),
            "format": ledger.format,
            "nilometer": version("nilometer"),
        }
    if out.json:
        out.write_document(known)
        return OK
    for name, value in known.items():
        if name in ("created", "first", "latest"):
            text = "none" if value is None else format_time(str(value))
        elif name == "sealed":
            text = describe_sealed(session.read_seal())
        elif name == "unreadable":
            text = f"not counted in over {MOST_READ:,} events: nilo replay" if value is None else str(value)
        else:
            text = format_rounded(int(str(value))) if name == "bytes" else str(value)
        out.write_line(f"{name}: {text}")
    return OK


def describe_sealed(head: SealedHead | None) -> str:
    """Up to where a ledger is sealed, in words."""
    if head is None:
        return "no; to seal it: nilo seal"
    return f"up to position {head.position} as {head.origin}, {format_time(head.sealed)}; to check it: nilo verify"


def _count_unreadable(ledger: LedgerReader) -> int | None:
    """How many events cannot be read; ``None`` where there are so many that reading all would take long.

    The classes of events are loaded only if their bodies look damaged: loading them takes longer than all else.
    """
    if ledger.position > MOST_READ:
        return None
    if ledger.views.are_complete and not any(map(BodyShapes().looks_damaged, ledger.rows())):
        return 0
    return sum(isinstance(event, UnreadableEvent) for event in ledger.read_all())


class BodyShapes:
    """What the bodies of each kind of event look like, without their classes: canonical, and of one type a field."""

    def __init__(self) -> None:
        self._types: dict[tuple[str, ...], set[type]] = {}

    def looks_damaged(self, row: StoredRow) -> bool:
        """Whether a body differs from what Nilometer writes, or from the others of its kind."""
        try:
            body: object = json.loads(row.body)
            is_canonical = (
                json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() == row.body
            )
        except (ValueError, TypeError, RecursionError):
            return True
        return not is_canonical or self._is_unlike((row.topic,), body)

    def _is_unlike(self, path: tuple[str, ...], value: object) -> bool:
        """Whether a value is a number that no field has, or of another type than elsewhere. Null stands for any."""
        if isinstance(value, float):
            return True
        if isinstance(value, dict):
            parts = cast("dict[str, object]", value)
            return any(self._is_unlike((*path, key), part) for key, part in parts.items())
        if isinstance(value, list):
            return any(self._is_unlike((*path, "[]"), part) for part in cast("list[object]", value))
        known = self._types.setdefault(path, set())
        if value is not None:
            known.add(type(value))
        return len(known) > 1


def _first_happened(ledger: LedgerReader) -> str | None:
    """When the first event of a host or VM happened; ``None`` if there is none, or where that cannot be read."""
    first = (row for row in ledger.rows(0, None) if split_stream(row.stream)[0] != "import")
    row = next(first, None)
    if row is None:
        return None
    try:
        happened = json.loads(row.body)["happened"]  # all bodies have it, and to load their classes takes long
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return happened if isinstance(happened, str) else None
