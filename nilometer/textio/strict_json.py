"""One line as JSON, without anything that readers of JSON read differently, or that cannot be written back."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, NamedTuple, NoReturn

from pydantic_core import from_json, to_json

from domain.errors import InputError

DEEPEST: Final = 100
"""How deep arrays and objects may be nested."""
LONGEST_NUMBER: Final = 100
"""Characters of a number."""

NO_JSON: Final = "is it the file you meant, one JSON object a line?"
CUT_OFF: Final = "the line may have been cut off: a file that is still being written can be read again later"
_DIGITS: Final = bytes(ord("0") if byte in b"-+.0123456789eE" else ord(" ") for byte in range(256))
_TOO_LONG: Final = b"0" * (LONGEST_NUMBER + 1)
_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_MARK: Final = "\ufeff"
_TEXT: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKET: Final = re.compile(rb"[\[{\]}]")


class _Refused(Exception):
    """What is wrong, and what to do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


def parse_strict_json(line: bytes, place: str) -> object:
    """The value that a line of JSON in UTF-8 holds. Raises ``InputError`` with the place, what is wrong, and a hint.

    It refuses what is no JSON. In JSON it refuses ``NaN`` and infinities (``1e999`` is one), a key that an object has
    twice, numbers of over 100 characters, nesting over 100 deep, and half of a surrogate pair.
    """
    return parse_spelled_json(line, place).value


class SpelledJson(NamedTuple):
    """The value of a line."""

    value: object
    rewritten: bytes
    """The same value as JSON in one spelling: without spaces, and each character as itself."""


def parse_spelled_json(line: bytes, place: str) -> SpelledJson:
    """The value as ``parse_strict_json`` reads it, and the same in one spelling, however the line is spelled."""
    try:
        return _read(line)
    except _Refused as refused:
        raise InputError(f"{place}: {refused}", hint=refused.hint) from None


def _read(line: bytes) -> SpelledJson:
    if line.count(b"[") + line.count(b"{") > DEEPEST and _is_deep(line):
        raise _Refused(f"is nested more than {DEEPEST} deep", NO_JSON)
    read = _quickly(line)
    if read is None:
        value = _closely(line)
        read = SpelledJson(value, to_json(value))
    return read


def _quickly(line: bytes) -> SpelledJson | None:
    """The value of a line that is surely strict, as nearly all are; ``None`` for one that has to be looked at.

    If an object has a key twice, one value is dropped, so the rewritten line differs and has fewer quotes. Only
    ``\\u0022`` is a quote that could be written otherwise.
    """
    if _has_long(line) or b"\\u0022" in line:
        return None
    try:
        value: object = from_json(line, allow_inf_nan=False)
    except ValueError:
        return None
    rewritten = to_json(value)
    if rewritten != line and (
        rewritten.count(b'"') != line.count(b'"') or b"Infinity" in rewritten
    ):  # 1e999 is read as infinity
        return None
    return SpelledJson(value, rewritten)


def _has_long(line: bytes) -> bool:
    """Whether there may be a number of over 100 characters in a line."""
    return _TOO_LONG in line.translate(_DIGITS)


def _closely(line: bytes) -> object:
    """The value of a line. Raises ``_Refused`` with what is wrong."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        column = error.start + 1
        raise _Refused(f"byte 0x{line[error.start]:02x} at column {column} is not UTF-8", "save it as UTF-8") from None
    integers: dict[str, Any] = {"parse_int": _integer} if _has_long(line) else {}  # else the standard one will do
    try:
        value: object = json.loads(
            text, object_pairs_hook=_each_key_once, parse_constant=_no_constant, parse_float=_fraction, **integers
        )
    except json.JSONDecodeError as error:
        if text.startswith(_MARK):
            raise _Refused(
                "begins with a byte order mark, U+FEFF, which only a file does", "delete it; were files joined?"
            ) from None
        what = (error.msg[:1].lower() + error.msg[1:]).removesuffix(" starting at").removesuffix(" at")
        cut_off = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        raise _Refused(f"is not JSON: {what} at column {error.pos + 1}", CUT_OFF if cut_off else NO_JSON) from None
    if _HALF.search(line):
        _without_halves(value)
    return value


def _is_deep(line: bytes) -> bool:
    depth = 0
    for bracket in _BRACKET.finditer(_TEXT.sub(b"", line)):
        depth += 1 if bracket[0] in (b"[", b"{") else -1
        if depth > DEEPEST:
            return True
    return False


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        earlier = set[str]()
        for key, _ in pairs:
            if key in earlier:
                raise _Refused(
                    f"has the key {key[:60]!r} twice", "write it once: readers differ in which one they take"
                )
            earlier.add(key)
    return value


def _no_constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is not a number in JSON", "write a number, or null where it is not known")


def _integer(text: str) -> int:
    _check_length(text)
    return int(text)


def _fraction(text: str) -> float:
    _check_length(text)
    value = float(text)
    if math.isinf(value):
        raise _Refused(f"{text} is more than a number can be", "a size is written in whole bytes, at most 4 PiB")
    return value


def _check_length(text: str) -> None:
    if len(text) > LONGEST_NUMBER:
        raise _Refused(f"has a number of {len(text)} characters", "a size is written in whole bytes, at most 4 PiB")


def _without_halves(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = f"\\u{ord(str(error.object)[error.start]):04x}"
        raise _Refused(f"has half of a surrogate pair, {half}", "write the character itself") from None
