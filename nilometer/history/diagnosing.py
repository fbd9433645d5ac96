"""Files that are no history: what they are instead, by how they begin, and what to do with them."""

from __future__ import annotations

import csv
import json
from typing import Any, BinaryIO, Final, cast

from domain.errors import InputError

_SQLITE: Final = b"SQLite format 3\0"
_NEEDED: Final = "nilo audit reads what nilo export writes"


def refuse_database(stream: BinaryIO, name: str) -> None:
    """Raises ``InputError`` if a file is a database, where one can look ahead; nothing is taken from it."""
    peek = getattr(stream, "peek", None)
    if peek is not None and peek(len(_SQLITE)).startswith(_SQLITE):
        raise InputError(
            f"{name} is a SQLite database and no history",
            hint=f"if it is a ledger: nilo audit --ledger sqlite:///{name}",
        )


def empty(name: str) -> InputError:
    """The error of a file in which nothing stands."""
    return InputError(f"{name} is empty: there is nothing to judge", hint=f"{_NEEDED}: nilo export -o history.jsonl")


def wrong_kind(content: bytes, place: str, name: str) -> InputError | None:
    """The error of a file that begins with a line like this; ``None`` if that may be a spoiled line of a history."""
    told = _told(content, name)
    return None if told is None else InputError(f"{place}: {told[0]}", hint=told[1])


def _told(content: bytes, name: str) -> tuple[str, str] | None:
    start = content.lstrip()[:1]
    if start == b"<":
        return "is XML and no history", f"{_NEEDED}; import it into a ledger first, and audit that"
    if start == b"[" or content.strip() == b"{":
        each = ".[]" if start == b"[" else "."
        return "is not one JSON object a line", f"write each event on one line: jq -c '{each}' {name} > history.jsonl"
    if start == b"{":
        return _object(content, name)
    if _is_table(content.decode("utf-8", "replace")):
        return "looks like a table (CSV) and no history", f"{_NEEDED}; import it into a ledger first, and audit that"
    return None


def _is_table(text: str) -> bool:
    try:
        return any(len(next(csv.reader(text.splitlines(), delimiter=each), ())) > 1 for each in ",;\t")
    except csv.Error:  # a field longer than any in a table
        return False


def _object(content: bytes, name: str) -> tuple[str, str] | None:
    try:
        value: Any = json.loads(content)
    except (ValueError, RecursionError):
        return None
    keys = cast("dict[str, Any]", value).keys()
    if {"command", "outcome", "positions"} <= keys:
        return "is an answer of nilo run and no event", f"{_NEEDED}: nilo export -o history.jsonl"
    if "command" in keys:
        return (
            "is a script and no history: it says what to do, not what happened",
            f"nilo run {name} decides and records it; then: nilo audit",
        )
    if {"scenario", "seq"} <= keys:
        return "is a recording of QEMU and no history", f"nilo import-qemu {name}, then: nilo audit"
    if "specversion" in keys and not str(value.get("type")).startswith("nilometer."):
        return f"is a CloudEvent of type {value.get('type')!r}, which is not one of Nilometer's", _NEEDED
    return None
