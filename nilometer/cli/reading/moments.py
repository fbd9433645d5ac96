"""Moments as people type them: a position, or a time."""

from __future__ import annotations

from domain.errors import InputError
from nilometer.cli.failures import Mistyped, say
from nilometer.cli.session import read_typed_time
from nilometer.ledger.reader import LedgerReader
from nilometer.views.tables import Moment


def parse_moment(text: str) -> Moment:
    """Reads a position such as ``12``, or a time such as ``2026-11-23 09:00``. Raises ``InputError``."""
    if text.isascii() and text.isdecimal():
        return parse_position(text)
    try:
        return read_typed_time(text)
    except InputError as error:
        raise InputError(f"{text!r} is neither a position nor a time", hint=error.hint) from None


def parse_position(text: str) -> int:
    """Reads a typed position. Raises ``InputError`` for one that no ledger can have."""
    if len(text) > 18:
        raise InputError(f"there is no position {text}", hint="see the last: nilo log -n 1")
    return int(text)


def parse_one_moment(at: str | None, at_position: int | None) -> Moment | None:
    """Reads the moment from ``--at`` or ``--position``; ``None`` if neither is given. Raises ``Mistyped``."""
    if at is not None and at_position is not None:
        raise Mistyped("--at and --position name two moments", hint="give one: --at is when it happened")
    if at is not None:
        return read_typed_time(at)
    return None if at_position is None else parse_position(str(at_position))


def complete_moment(ledger: LedgerReader, moment: Moment) -> Moment:
    """A position within the events of one command is the position of the last of them: half of it was never there."""
    if not isinstance(moment, int):
        return moment
    complete = ledger.views.complete_position(moment)
    if complete != moment:
        say("note", f"the events up to #{complete} were recorded together: this is position {complete}")
    return complete
