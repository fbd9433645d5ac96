"""The values that somebody gives: texts, times, sizes and settings, each checked with the name of its field.

Only plain values pass: a subclass of ``int`` or ``str`` may compare, print or be stored as something else than it is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, Literal, NoReturn, cast, get_args, get_origin, get_type_hints

from domain.commands import NAMES, Command
from domain.errors import InputError
from domain.identifiers import UtcTime, split_stream
from domain.quantities import LARGEST
from domain.settings import ConfigVersion, MemorySetting, Mode
from domain.shapes import ConfigVersionText, Id, MemoryShape, Name, TypedSize, check_id, check_name, parse_size
from nilometer.times import WITH_ZONE, parse_time

LONGEST_TEXT: Final = 2000
"""Characters of an actor, a tool, a reason, a correlation or a key."""

KINDS: Final = ("vm", "host", "import")
"""What the names of streams begin with."""

Check = Callable[[str, Any], object]
"""Takes the name of a field and its value; raises ``InputError`` naming both, and what to give instead."""


# Texts and times


def check_text(text: str) -> str:
    """What somebody says about a command: not blank, printable, not endless. Raises ``InputError``."""
    if not text.strip():
        raise InputError("is empty", hint="write something, or leave it out")
    if len(text) > LONGEST_TEXT:
        raise InputError(f"has {len(text)} characters", hint=f"say it in {LONGEST_TEXT}")
    if text.isprintable():
        return text
    for place, character in enumerate(text, start=1):
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            raise InputError(f"has the control character U+{ord(character):04X} at place {place}", hint="leave it out")
    return text


def check_time(name: str, value: object) -> UtcTime:
    """A moment that somebody gives as a text with its zone. Raises ``InputError``."""
    if isinstance(value, datetime):
        text = value.isoformat()
        hint = (
            f"write {name}={text!r}" if value.tzinfo is not None else f"add its zone, then write it as a text: {text}Z"
        )
        raise InputError(f"{name}: {show_value(value)} is not a text", hint=hint)
    if type(value) is not str:
        raise InputError(f"{name}: {show_value(value)} is not a time", hint=WITH_ZONE)
    try:
        return _parse_time(value)
    except InputError as error:
        raise InputError(f"{name}: {error.message}", hint=error.hint) from None


_check_text_once = lru_cache(maxsize=1024)(check_text)
"""The same few actors and tools ask again and again."""

_parse_time = lru_cache(maxsize=4096)(parse_time)


def check_utc_time(name: str, value: object) -> None:
    """A time in the form in which times are kept."""
    moment = check_time(name, value)
    if moment != value:
        raise InputError(f"{name}: {value!r} is not in the form in which times are kept", hint=f"write {moment!r}")


def check_named_text(name: str, value: object) -> None:
    """What somebody says about a command, as ``check_text`` has it."""
    text = _as_text(name, value)
    try:
        _check_text_once(text)
    except InputError as error:
        raise InputError(f"{name}: {show_value(text)} {error.message}", hint=error.hint) from None


def check_words(name: str, value: object) -> None:
    """What a foreign file or tool says: whatever its characters, but something, and something that can be stored."""
    text = _as_text(name, value)
    if not text:
        raise InputError(f"{name}: {text!r} is empty", hint="write something, or leave it out")
    if "\0" in text or not _is_encodable(text):
        raise InputError(f"{name}: {value!r} has a character that cannot be stored", hint="leave it out")


def check_stream(name: str, value: object) -> None:
    """The name of the stream of a VM, a host or an import."""
    check_words(name, value)
    kind, id = split_stream(cast("str", value))
    if kind not in KINDS or not id:
        raise InputError(f"{name}: {value!r} is not the name of a stream", hint="such as 'vm/web01' or 'host/hv01'")


def _as_text(name: str, value: object) -> str:
    if type(value) is str:
        return value
    hint = f"write str({name})" if isinstance(value, str) else "write a text"
    raise InputError(f"{name}: {show_value(value)} is not a text", hint=hint)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# Values of commands


def check_size(name: str, value: object) -> None:
    """A size in whole bytes."""
    if type(value) is int and 0 <= value <= LARGEST:
        return
    if type(value) is not int:
        raise InputError(f"{name}: {show_value(value)} is not a size in whole bytes", hint=_whole_bytes(value))
    if value < 0:
        raise InputError(f"{name}: {show_value(value)} is negative", hint="a size is 0 or more bytes")
    raise InputError(
        f"{name}: {show_value(value)} is over the largest size", hint=f"a size is at most {LARGEST} bytes (4PiB)"
    )


def _whole_bytes(value: object) -> str:
    if isinstance(value, str):
        try:
            return f"write parse_size({str(value)!r}), which is {parse_size(value)}"
        except ValueError:
            pass
    if isinstance(value, float) and 0 <= value <= LARGEST:
        return f"write {int(value)}; divide with // to stay with whole numbers"
    if not isinstance(value, bool) and hasattr(value, "__index__"):
        return "convert it with int(…)"
    return "write whole bytes, such as 4294967296 or parse_size('4GiB')"


def _check_whole_number(name: str, value: object) -> None:
    if type(value) is not int:
        raise InputError(f"{name}: {show_value(value)} is not a whole number", hint="write a whole number, such as 20")
    if not -LARGEST <= value <= LARGEST:
        raise InputError(
            f"{name}: {show_value(value)} is out of range", hint=f"write a number from -{LARGEST} to {LARGEST}"
        )


def _check_of_text(check: Callable[[str], str], longest: int = 128) -> Check:
    check = lru_cache(maxsize=4096)(check)

    def check_one(name: str, value: object) -> None:
        text = _as_text(name, value)
        if not 1 <= len(text) <= longest:
            what = f"has {len(text)} characters" if text else "is empty"
            raise InputError(f"{name}: {show_value(text)} {what}", hint=f"an id has 1 to {longest} characters")
        try:
            check(text)
        except ValueError as error:
            what, _, hint = str(error).partition("; ")
            raise InputError(f"{name}: {text!r} {what}", hint=hint or "write it without") from None

    return check_one


def _check_config_version(name: str, value: object) -> None:
    if type(value) is not ConfigVersion:
        major, _, minor = value.partition(".") if isinstance(value, str) else ("10", "", "0")
        mend = f"ConfigVersion({major}, {minor})" if major.isdecimal() and minor.isdecimal() else "ConfigVersion(10, 0)"
        raise InputError(f"{name}: {show_value(value)} is not a ConfigVersion", hint=f"write {mend}")
    for part in ("major", "minor"):
        number = field_of(value, part)
        if type(number) is not int or not 0 <= number <= 9999:
            what = f"{name}: {part}: {show_value(number)} is not a whole number from 0 to 9999"
            raise InputError(what, hint="write ConfigVersion(10, 0)")


def _check_memory(name: str, value: object) -> None:
    if type(value) is not MemorySetting:
        hint = "write MemorySetting.static(parse_size('4GiB'))"
        raise InputError(f"{name}: {show_value(value)} is not a MemorySetting", hint=hint)
    mode = field_of(value, "mode")
    _check_member(Mode)(f"{name}: mode", mode)
    for part in ("startup", "minimum", "maximum"):
        check_size(f"{name}: {part}", field_of(value, part))
    for part in ("buffer", "weight"):
        _check_whole_number(f"{name}: {part}", field_of(value, part))
    if mode is Mode.STATIC:
        for part in ("minimum", "maximum", "buffer", "weight"):
            number = getattr(value, part)
            if number:
                what = f"{name}: {part}: {show_value(number)} in a static setting, which has a size and nothing else"
                raise InputError(what, hint=f"write MemorySetting.static({value.startup})")


def _check_member(kind: type[StrEnum]) -> Check:
    def check_one(name: str, value: object) -> None:
        if type(value) is kind:
            return
        text = str(value) if isinstance(value, str) or (isinstance(value, int) and abs(value) <= LARGEST) else None
        near = next((one for one in kind if text == one.value), None)
        mend = f"{kind.__name__}.{near.name}" if near else " or ".join(f"{kind.__name__}.{one.name}" for one in kind)
        raise InputError(f"{name}: {show_value(value)} is not a {kind.__name__}", hint=f"write {mend}")

    return check_one


def _check_one_of(allowed: tuple[object, ...]) -> Check:
    def check_one(name: str, value: object) -> None:
        if not any(type(value) is type(one) and value == one for one in allowed):
            listed = " or ".join(map(str, allowed))
            raise InputError(f"{name}: {show_value(value)} is not one of {listed}", hint=f"write {listed}")

    return check_one


def check_optional(check: Check) -> Check:
    """The check of a value that may be ``None``."""

    def check_one(name: str, value: object) -> None:
        if value is not None:
            check(name, value)

    return check_one


# By annotation: a command's fields say by their types how they are checked

_BY_SHAPE: Final[tuple[tuple[object, Check], ...]] = (
    (TypedSize, check_size),
    (Id, _check_of_text(check_id)),
    (Name, _check_of_text(check_name)),
    (ConfigVersionText, _check_config_version),
    (MemoryShape, _check_memory),
)


def _check_of(annotation: Any) -> Check:
    for shape, check in _BY_SHAPE:
        if annotation == shape:
            return check
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return _check_member(annotation)
    if get_origin(annotation) is Literal:
        return _check_one_of(get_args(annotation))
    if type(None) in get_args(annotation):
        (one,) = [arg for arg in get_args(annotation) if arg is not type(None)]
        return check_optional(_check_of(one))
    raise TypeError(f"no command has a field of {annotation!r}")


_CHECKS: Final[dict[type[object], tuple[tuple[str, Check], ...]]] = {}
"""The checks of the fields of command classes, each made when it is first needed."""


def checks_of_command(kind: type[Command]) -> tuple[tuple[str, Check], ...] | None:
    """The checks of the fields of a command class; ``None`` for every other class."""
    checks = _CHECKS.get(kind)
    if checks is None and kind in NAMES:
        hints = get_type_hints(kind, include_extras=True)
        _CHECKS[kind] = checks = tuple((part.name, _check_of(hints[part.name])) for part in fields(kind))
    return checks


# Records


def field_of(record: object, name: str) -> Any:
    """A field of a record, which may have been made without its ``__init__``."""
    try:
        return getattr(record, name)
    except AttributeError:
        _raise_missing(record, name)


def _raise_missing(record: object, name: str) -> NoReturn:
    raise InputError(f"{type(record).__name__} lacks {name!r}", hint=f"make it by {type(record).__name__}({name}=…)")


def show_value(value: object) -> str:
    """A value as an error shows it: short, and with its type unless that is plain to see."""
    try:
        text = repr(value)
    except Exception:  # a record without its fields, or of somebody's own class, need not be printable
        text = "a value"
    text = text if len(text) <= 80 else f"{text[:77]}…"
    return text if type(value) in (str, bool) or value is None else f"{text} ({type(value).__name__})"
