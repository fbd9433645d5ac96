"""The audit trail as CSV: a row an event, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Final

from domain.envelope import Envelope
from domain.events import Event
from nilometer.cli.escaping import escape_controls
from nilometer.messages.events import describe
from projections.timeline import entry

COLUMNS: Final = (
    "position", "happened", "earliest", "recorded", "vm", "name", "host", "kind", "command", "outcome", "code",
    "requested", "granted", "actor", "via", "reason", "correlation", "text",
)  # fmt: skip
"""Sizes are bytes, times are UTC."""

_FORMULAS: Final = ("=", "+", "-", "@")


def format_row(cells: tuple[object, ...]) -> str:
    """A line of CSV, with control characters written out.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(_guard(cell) for cell in cells)
    return out.getvalue()


def _guard(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    text = escape_controls(cell)
    return f"'{text}" if text.startswith(_FORMULAS) else text


def format_event(envelope: Envelope[Event], name: Callable[[str], str]) -> str:
    """An event as a line of CSV; ``name`` puts the names of VMs into a text."""
    found = entry(envelope)
    values = {column: getattr(found, column, None) for column in COLUMNS}
    values["name"] = None if found.vm is None else name(found.vm)
    values["text"] = name(describe(envelope))
    return format_row(tuple(values.values()))
