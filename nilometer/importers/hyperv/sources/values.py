"""Foreign values, however PowerShell wrote them: numbers as texts, enums as numbers, time spans as objects.

``parse_…`` reads a value, and raises ``BadValue`` with what is wrong. ``read_…`` reads a field of a record, ``None``
where it is missing, and raises ``InputError`` with the record's place and what was expected.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, cast

from domain.errors import InputError
from domain.identifiers import UtcTime
from domain.quantities import FLOOR, LARGEST, GiB, MiB
from domain.state import Power
from nilometer.importers.run import ImportCounts
from nilometer.times import parse_time, to_utc_time

Json = dict[str, Any]

NO_GUID: Final = "00000000-0000-0000-0000-000000000000"
"""What .NET writes where there is none."""
LONGEST_TEXT: Final = 4096
"""Characters of a field."""
VM_STATES: Final = {2: Power.RUNNING, 3: Power.OFF, 6: Power.SAVED, 9: Power.PAUSED}
"""The states of a VM that last, by the numbers of ``VMState``; from 32781 on, their meaning depends on the release."""
_GUID: Final = re.compile(r"\{?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\}?")
_SPAN: Final = re.compile(r"(?:(\d{1,7})\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.\d{1,7})?", re.ASCII)
_DATE: Final = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/", re.ASCII)
_WHOLE: Final = re.compile(r"-?\d{1,20}", re.ASCII)
_TICKS: Final = 10_000_000
"""Of .NET, in a second."""

_STATE_NAMES: Final = {"running": Power.RUNNING, "off": Power.OFF, "saved": Power.SAVED, "paused": Power.PAUSED}


NO_FIGURES: Final = frozenset({-1, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1})
"""Numbers that machines write where nothing was measured."""
IMPOSSIBLE: Final = "impossible figure"
"""The kind of a remark on a figure that a machine wrote and that cannot be: it is read as unknown."""
_WITH_UNIT: Final = re.compile(r"[\d.,\s]*\d\s*(?:[KMGTP]i?B?|bytes?|B)", re.IGNORECASE)


class BadValue(Exception):
    """A value is not what it should be; says what it should be."""


class NoFigure(Exception):
    """A machine wrote this number where it had no figure, or it is one that cannot be; says which."""


def parse_whole(value: object) -> int | None:
    """A whole number, also as a text or with a fraction of 0; ``None`` for null and an empty text."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadValue("is not a whole number")
    return value


def parse_vm_memory(value: object) -> int | None:
    """Memory of a VM in bytes: 0, or whole MiB from 32 MiB on. Raises ``NoFigure`` where nothing was measured."""
    count = _parse_bytes(value, "a VM", FLOOR)
    if count is not None and count % MiB:
        raise BadValue(f"{count} is not a size in bytes of a VM: it is not a whole number of MiB")
    return count


def parse_configured(value: object) -> int | None:
    """As ``parse_vm_memory``, of a setting: no VM is configured to 0."""
    if (count := parse_vm_memory(value)) == 0:
        raise NoFigure("0")
    return count


def parse_host_memory(value: object) -> int | None:
    """A host's physical memory in bytes: from 1 GiB on. Raises ``NoFigure`` where nothing was measured."""
    if (count := _parse_bytes(value, "a host", GiB)) == 0:
        raise NoFigure("0")
    return count


def _parse_bytes(value: object, owner: str, least: int) -> int | None:
    """A size in bytes, 0 or at least so much. A smaller one was written in a larger unit."""
    if isinstance(value, str):
        text = value.strip()
        if _WITH_UNIT.fullmatch(text):
            raise BadValue(f"{text[:60]!r} is a text with a unit, not a size in bytes")
        try:
            value = float(text) if text and not _WHOLE.fullmatch(text) else text
        except ValueError:
            raise BadValue("is not a whole number") from None
    if isinstance(value, float) and 0 < value < least:
        divisor = _guess_divisor(int(value), least) if value.is_integer() else "1GB"
        raise BadValue(f"{value:g} is not a size in bytes of {owner}: was it divided by {divisor}?")
    count = parse_whole(value)
    if count is None:
        return None
    if count in NO_FIGURES:
        raise NoFigure(str(count))
    if not 0 <= count <= LARGEST:
        raise BadValue(f"{count} is not a size in bytes, 0 to 4 PiB")
    if 0 < count < least:
        raise BadValue(f"{count} is not a size in bytes of {owner}: was it divided by {_guess_divisor(count, least)}?")
    return count


def _guess_divisor(count: int, least: int) -> str:
    """By what a size in bytes was probably divided, as PowerShell writes units."""
    if count * MiB < least:
        return "1GB"
    return "1MB" if count < MiB else "1KB"


def parse_count(value: object) -> int | None:
    """A count or a percentage."""
    count = parse_whole(value)
    if count is not None and not 0 <= count <= 10**6:
        raise BadValue(f"{count} is out of range")
    return count


def parse_flag(value: object) -> bool | None:
    """Yes or no, also as a text or number."""
    if value is None or isinstance(value, bool):
        return value
    known = {"true": True, "1": True, "false": False, "0": False, "": None}
    text = str(value).strip().lower() if isinstance(value, str | int) else "?"
    if text not in known:
        raise BadValue("is neither true nor false")
    return known[text]


def parse_text(value: object) -> str | None:
    """A text; ``None`` for an empty one."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadValue("is not a text")
    return value.strip() or None


def parse_guid(value: object) -> str | None:
    """A GUID in lower case, without braces; ``None`` for an empty text, and for the GUID that .NET writes for none."""
    text = parse_text(value)
    if text is None:
        return None
    found = _find_guid(text)
    if found is None:
        raise BadValue(f"{text[:60]!r} is not a GUID")
    return None if found == NO_GUID else found


@lru_cache(10_000)
def _find_guid(text: str) -> str | None:
    """The GUID that a text is, in lower case and without braces; ``None`` for other texts."""
    match = _GUID.fullmatch(text.strip())
    return None if match is None else match[1].lower()


def parse_power(value: object) -> Power | None:
    """A VM's power state, by the number or the English name of ``VMState``.

    ``None`` for a state that does not last or whose meaning depends on the release. Windows PowerShell writes a state
    that came from another computer as an object with both.
    """
    if isinstance(value, dict):
        both = cast("Json", value)
        value = both.get("value", both.get("Value"))
    if isinstance(value, str) and not _WHOLE.fullmatch(value.strip()):
        return _STATE_NAMES.get(value.strip().lower())
    number = parse_whole(value)
    return None if number is None else VM_STATES.get(number)


def parse_seconds(value: object) -> int | None:
    """A TimeSpan in whole seconds: an object with Ticks, or a text such as ``1.02:03:04.5``."""
    if isinstance(value, dict):
        ticks = parse_whole(cast("Json", value).get("Ticks"))
        if ticks is None or not 0 <= ticks < 2**63:
            raise BadValue("is not a time span: it has no Ticks")
        return ticks // _TICKS
    text = parse_text(value)
    if text is None:
        return None
    match = _SPAN.fullmatch(text)
    if match is None:
        raise BadValue(f"{text[:60]!r} is not a time span such as 1.02:03:04")
    days, hours, minutes, rest = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def parse_version(value: object) -> str | None:
    """A configuration version, ``major.minor``."""
    text = str(value) if isinstance(value, float) else parse_text(value)
    if text is not None and not re.fullmatch(r"\d{1,3}\.\d{1,3}", text, re.ASCII):
        raise BadValue(f"{text[:60]!r} is not a version such as 9.0")
    return text


def parse_moment(value: object) -> UtcTime | datetime | None:
    """A DateTime: a ``UtcTime`` if it has a zone, else the local time as it is written.

    Windows PowerShell writes ``/Date(ms)/``, which is UTC, also within an object; PowerShell 7 writes ISO 8601.
    """
    if isinstance(value, dict):
        value = cast("Json", value).get("value")
    text = parse_text(value)
    if text is None:
        return None
    if (match := _DATE.fullmatch(text)) is not None:
        try:
            return to_utc_time(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(match[1])))
        except OverflowError:
            raise BadValue(f"{text!r} is out of range") from None
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise BadValue(f"{text[:60]!r} is not a time") from None
    if local.tzinfo is None:
        return local
    try:
        return parse_time(text)
    except InputError as error:
        raise BadValue(error.message) from None


def as_object(value: object, place: str) -> Json:
    """A JSON object."""
    if not isinstance(value, dict):
        raise InputError(f"{place}: is not a JSON object", hint="is it the file you meant, one JSON object a line?")
    return cast("Json", value)


def read_number(record: Json, key: str, place: str, counts: ImportCounts, unit: int = 1) -> int | None:
    """A whole number from 0 on, in ``unit``. One that cannot be is unknown, and counted."""
    value = record.get(key)
    if value is None:
        return None
    if type(value) is int and 0 <= value * unit <= LARGEST and value not in NO_FIGURES:  # as nearly always
        return value * unit
    try:
        number = parse_whole(value)
    except BadValue:
        raise _refused(record, key, place, "a whole number from 0 on, at most 4 PiB") from None
    if number is not None and (number in NO_FIGURES or not 0 <= number * unit <= LARGEST):
        note_impossible(counts, place, f"{key} {number}")
        return None
    return None if number is None else number * unit


def note_impossible(counts: ImportCounts, place: str, figure: str) -> None:
    """Counts a figure that a machine wrote and that cannot be."""
    counts.add_remark(IMPOSSIBLE, f"{place}: {figure[:80]} is not a figure: it is read as unknown")


def drop_too_small(size: int | None, figure: str, place: str, counts: ImportCounts) -> int | None:
    """What a VM has or sees, in bytes, as a machine measured it; ``None`` if no VM that is not off has so little.

    Such are GB that were taken for MB. It is counted. 0 is what is not measured yet.
    """
    if size is None or size == 0 or size >= FLOOR:
        return size
    note_impossible(counts, place, f"{figure} {size} bytes")
    return None


def drop_impossible_size(
    size: int | None, key: str, place: str, counts: ImportCounts, *, configured: bool = False
) -> int | None:
    """A VM's memory in bytes, as a machine wrote it; ``None`` if it cannot be, which is counted."""
    if size is None or (size >= FLOOR and not size % MiB) or (size == 0 and not configured):
        return size
    note_impossible(counts, place, f"{key} {size}")
    return None


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Fields that are read together."""

    names: tuple[str, ...]
    get: Callable[[Json], tuple[Any, ...]]


def group_fields(first: str, second: str, *others: str) -> FieldGroup:
    """Fields that are read together."""
    return FieldGroup((first, second, *others), itemgetter(first, second, *others))


def read_numbers(record: Json, group: FieldGroup, place: str, counts: ImportCounts, unit: int = 1) -> list[int | None]:
    """The numbers of several fields; quick where all are present and plain, as nearly always."""
    try:
        values = group.get(record)
    except KeyError:
        return [read_number(record, name, place, counts, unit) for name in group.names]
    most = LARGEST // unit
    numbers: list[int | None] = []
    for name, value in zip(group.names, values, strict=True):
        plain = type(value) is int and 0 <= value <= most and value not in NO_FIGURES
        numbers.append(value * unit if plain else read_number(record, name, place, counts, unit))
    return numbers


def read_flag(record: Json, key: str, place: str) -> bool | None:
    """True or false; also as a text or number."""
    try:
        return parse_flag(record.get(key))
    except BadValue:
        raise _refused(record, key, place, "true or false") from None


def read_text(record: Json, key: str, place: str) -> str | None:
    """A text that is not empty."""
    value = record.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise _refused(record, key, place, f"a text of at most {LONGEST_TEXT} characters")
    if value.isascii() and value.isprintable():
        return value
    return unicodedata.normalize("NFC", value)


def read_guid(record: Json, key: str, place: str) -> str | None:
    """A GUID: in lower case, without braces."""
    value = read_text(record, key, place)
    if value is None:
        return None
    found = _find_guid(value)
    if found is None:
        raise _refused(record, key, place, "a GUID, such as d9e0eb0a-5b37-508e-9173-67e9ade83acf")
    return found


def read_time(record: Json, key: str, place: str) -> UtcTime | None:
    """A time with its zone."""
    value = read_text(record, key, place)
    if value is None:
        return None
    try:
        return parse_time(value)
    except InputError as error:
        raise InputError(f"{place}: {key}: {error.message}", hint=error.hint) from None


def _refused(record: Json, key: str, place: str, expected: str) -> InputError:
    return InputError(f"{place}: {key} is {str(record.get(key))[:60]!r}", hint=f"expected is {expected}")
