"""Shapes: what may be written for an id, a size, a configuration version, a memory setting. No rule is stated here.

The annotations are for pydantic, at the border; inside, the values are plain. pydantic asks each annotation for its
schema only when it reads or writes a value, so a program that does neither does not load pydantic.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol, cast

from domain.quantities import LARGEST
from domain.settings import ConfigVersion, MemorySetting, Mode

if TYPE_CHECKING:
    from pydantic_core import CoreSchema


class Handler(Protocol):
    """What pydantic hands to an annotation, to get the schemas of types."""

    def __call__(self, source: Any, /) -> CoreSchema:
        """The schema of what is annotated."""
        ...

    def generate_schema(self, source: Any, /) -> CoreSchema:
        """The schema of another type."""
        ...


class Length:
    """A text has at least and at most so many characters."""

    def __init__(self, least: int, most: int) -> None:
        self.least = least
        self.most = most

    def __get_pydantic_core_schema__(self, source: object, handler: Handler) -> CoreSchema:
        """The schema of such a text."""
        return cast("CoreSchema", {**handler(source), "min_length": self.least, "max_length": self.most})


class Checked:
    """A value is looked at once it has its type: ``check`` returns it, or raises ``ValueError``."""

    def __init__(self, check: Callable[[Any], object]) -> None:
        self.check = check

    def __get_pydantic_core_schema__(self, source: object, handler: Handler) -> CoreSchema:
        """The schema of a value that is checked so."""
        from pydantic_core.core_schema import no_info_after_validator_function

        return no_info_after_validator_function(self.check, handler(source))


class ReadBy:
    """A value may be written in another form: ``read`` returns it in its own type, or raises ``ValueError``."""

    def __init__(self, read: Callable[[Any], object]) -> None:
        self.read = read

    def __get_pydantic_core_schema__(self, source: object, handler: Handler) -> CoreSchema:
        """The schema of a value that is read so."""
        from pydantic_core.core_schema import no_info_before_validator_function

        return no_info_before_validator_function(self.read, handler(source))


class WrittenBy:
    """A value is written in another form: as what ``write`` returns, which is a ``form``."""

    def __init__(self, write: Callable[[Any], object], form: Any) -> None:
        self.write = write
        self.form = form

    def __get_pydantic_core_schema__(self, source: object, handler: Handler) -> CoreSchema:
        """The schema of a value that is written so."""
        from pydantic_core.core_schema import plain_serializer_function_ser_schema

        serialization = plain_serializer_function_ser_schema(
            self.write, return_schema=handler.generate_schema(self.form)
        )
        return cast("CoreSchema", {**handler(source), "serialization": serialization})


# Ids

ID_LENGTH: Final = 128


def check_name(text: str) -> str:
    """A name that can be printed and compared. Raises ``ValueError``."""
    if text.isascii() and text.isprintable() and text[:1] != " " and text[-1:] != " ":
        return text
    if unicodedata.normalize("NFC", text) != text:
        raise ValueError("is not in Unicode normal form C; type it again, or normalise it to NFC")
    for place, character in enumerate(text, start=1):
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            what = f"has the control or format character U+{ord(character):04X} at place {place}"
            raise ValueError(f"{what}; type it again without it")
    if text != text.strip():
        raise ValueError("begins or ends with a space; leave it out")
    return text


def check_id(text: str) -> str:
    """A name that can be part of a stream's name. Raises ``ValueError``."""
    if "/" in text:
        raise ValueError("has a '/', which separates the parts of a stream's name; leave it out")
    return check_name(text)


Id = Annotated[str, Length(1, ID_LENGTH), Checked(check_id)]
"""The id of a host or VM: 1 to 128 characters, NFC, no control or format characters, no ``/``, no outer spaces."""

Name = Annotated[str, Length(1, ID_LENGTH), Checked(check_name)]
"""What people call a VM: as an id, but it may have a ``/``, and two VMs may have the same."""

# Sizes

UNITS: Final[dict[str, int]] = {
    f"{letter}{suffix}": 2 ** (10 * power) for power, letter in enumerate("KMGTP", start=1) for suffix in ("iB", "B")
}
"""What a size may end with: ``KiB`` to ``PiB``, or ``KB`` to ``PB`` as PowerShell writes; all are powers of two."""

_SIZE = re.compile(r"(\d+)([A-Za-z]*)")


def parse_size(text: str) -> int:
    """Reads a size that a person typed, such as ``4GiB``, ``512MB`` or ``4096`` (bytes), as bytes.

    Raises ``ValueError`` saying what is wrong and what to type instead.
    """
    try:
        match = _SIZE.fullmatch(text)
    except TypeError:  # from Python anything may come
        match = None
    if match is None or not match[1].isascii():
        raise ValueError(f"{text!r} is not a size; write a whole number and a unit, such as 4GiB or 512MiB")
    number, unit = match[1].lstrip("0") or "0", match[2]
    if unit and unit not in UNITS:
        exact = {name.lower(): name for name in UNITS}
        exact |= {name[:size].lower(): name for name in UNITS if name[1] == "i" for size in (1, 2)}
        meant = exact.get(unit.lower())
        hint = f"did you mean {number}{meant}?" if meant else "use KiB, MiB, GiB, TiB or PiB"
        raise ValueError(f"{text!r} has the unknown unit {unit!r}; {hint}")
    if len(number) > len(str(LARGEST)):
        raise ValueError(f"{text!r} is over the largest size, {LARGEST} bytes (4PiB)")
    unit_bytes: int = UNITS[unit] if unit else 1
    return int(number) * unit_bytes


def _read_size(value: object) -> int:
    if isinstance(value, str):
        value = parse_size(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f'{value!r} is not a size; write whole bytes, or a text such as "4GiB"')
    if value < 0:
        raise ValueError(f"{value} is negative; a size is 0 or more bytes")
    if value > LARGEST:
        raise ValueError(f"{value} is over the largest size, {LARGEST} bytes (4PiB)")
    return value


TypedSize = Annotated[int, ReadBy(_read_size)]
"""A size that somebody wrote: whole bytes, 0 to 2**52, or a text such as ``4GiB``."""

# Configuration versions

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})")


def parse_config_version(text: object) -> ConfigVersion:
    """Reads a configuration version such as ``8.0``. Raises ``ValueError`` saying what to type instead."""
    if isinstance(text, ConfigVersion):
        return text
    match = _VERSION.fullmatch(text) if isinstance(text, str) and text.isascii() else None
    if match is None:
        raise ValueError(f'{text!r} is not a configuration version; write it as a text, such as "10.0"')
    return ConfigVersion(int(match[1]), int(match[2]))


ConfigVersionText = Annotated[ConfigVersion, ReadBy(parse_config_version), WrittenBy(str, str)]
"""A configuration version, written as ``"10.0"``."""

# Memory settings

_STATIC: Final = {"size"}
_DYNAMIC: Final = {"minimum", "startup", "maximum", "buffer", "weight"}
_EXAMPLE: Final = (
    'write {"static": {"size": "4GiB"}} or {"dynamic": {"minimum": "512MiB", "startup": "2GiB", '
    '"maximum": "8GiB", "buffer": 20, "weight": 50}}'
)


def _keys(mode: str, given: dict[str, object], expected: set[str]) -> None:
    for key in sorted(given.keys() - expected):
        raise ValueError(f"{mode} has the unknown key {key!r}; {_EXAMPLE}")
    for key in sorted(expected - given.keys()):
        raise ValueError(f"{mode} lacks {key!r}; {_EXAMPLE}")


def _size_of(part: dict[str, object], key: str) -> int:
    try:
        return _read_size(part[key])
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _whole_number(part: dict[str, object], key: str) -> int:
    value = part[key]
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{key}: {value!r} is not a whole number")
    if not -LARGEST <= value <= LARGEST:
        raise ValueError(f"{key}: {value} is not a number from -{LARGEST} to {LARGEST}")
    return value


def parse_memory(value: object) -> object:
    """Reads a memory setting as people write it, ``{"static": {…}}`` or ``{"dynamic": {…}}``."""
    if isinstance(value, MemorySetting):
        return value
    if not isinstance(value, dict) or len(cast("dict[object, object]", value)) != 1:
        raise ValueError(f"is not a memory setting; {_EXAMPLE}")
    [(mode, part)] = cast("dict[str, object]", value).items()
    if mode not in ("static", "dynamic") or not isinstance(part, dict):
        raise ValueError(f"is not a memory setting; {_EXAMPLE}")
    given = cast("dict[str, object]", part)
    if mode == "static":
        _keys(mode, given, _STATIC)
        return MemorySetting.static(_size_of(given, "size"))
    _keys(mode, given, _DYNAMIC)
    return MemorySetting(
        Mode.DYNAMIC,
        startup=_size_of(given, "startup"),
        minimum=_size_of(given, "minimum"),
        maximum=_size_of(given, "maximum"),
        buffer=_whole_number(given, "buffer"),
        weight=_whole_number(given, "weight"),
    )


def write_memory(memory: MemorySetting) -> dict[str, dict[str, int]]:
    """A memory setting as people write it, sizes in bytes, keys sorted."""
    if memory.mode is Mode.STATIC:
        return {"static": {"size": memory.startup}}
    return {
        "dynamic": {
            "buffer": memory.buffer,
            "maximum": memory.maximum,
            "minimum": memory.minimum,
            "startup": memory.startup,
            "weight": memory.weight,
        }
    }


MemoryShape = Annotated[
    MemorySetting,
    ReadBy(parse_memory),
    WrittenBy(write_memory, dict[str, dict[str, int]]),
]
"""A memory setting, written as ``{"static": {"size": …}}`` or ``{"dynamic": {…}}``."""
