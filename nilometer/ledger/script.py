"""Script lines: a command and who asks for it, one JSON object a line, as ``nilo run`` reads them.

``{"command": "add-memory", "vm": "web01", "amount": "2GiB", "actor": "CONTOSO\\\\ops", "reason": "month end"}``

A line is known by all lines up to and including it, so that a script whose end was mended goes on where it stopped.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from hashlib import sha256
from typing import Any, BinaryIO, Final, NoReturn

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from domain.commands import COMMANDS, Command, HostCommand
from domain.errors import InputError
from domain.identifiers import StreamName, UtcTime, host_stream, vm_stream
from nilometer.suggesting import did_you_mean
from nilometer.times import parse_time

LONGEST_LINE: Final = 2**20
"""Bytes; a longer line is no command."""
LONGEST_TEXT: Final = 2000
"""Characters of an actor, a tool, a reason or a correlation."""

ABOUT: Final = ("at", "actor", "via", "reason", "correlation")
"""What may stand beside a command in its line."""

_EXAMPLE: Final = 'write one JSON object a line, such as {"command": "start", "vm": "web01"}'
_UTF8: Final = "save it as UTF-8; in PowerShell: Get-Content FILE | Set-Content -Encoding utf8 NEW"
_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


class ScriptError(InputError):
    """A line that cannot be read as a command: nothing was recorded for it. ``place`` is ``file:line``.

    ``cut_off`` says that what is there could be the beginning of JSON.
    """

    def __init__(self, what: str, *, place: str = "", hint: str = "", cut_off: bool = False) -> None:
        super().__init__(f"{place}: {what}" if place else what, hint=hint)
        self.what = what
        self.place = place
        self.cut_off = cut_off


@dataclass(frozen=True, slots=True)
class ScriptCommand:
    """A command, and what its line says about when, by whom and why; ``None`` where it says nothing."""

    command: Command
    at: UtcTime | None = None
    actor: str | None = None
    via: str | None = None
    reason: str | None = None
    correlation: str | None = None

    @property
    def target(self) -> StreamName:
        """The stream that the command names."""
        return target_stream(self.command)


@dataclass(frozen=True, slots=True)
class ScriptLine:
    """One line of a script that is not blank: a request, or why there is none."""

    number: int
    key: str
    """The digest of all lines up to and including this one."""
    parsed: ScriptCommand | None
    error: ScriptError | None
    command_name: str | None
    """The command's name as it was written, if it could be read."""


def target_stream(command: Command) -> StreamName:
    """The stream that a command names, as ``vm/web01`` or ``host/hv01``."""
    return host_stream(command.host) if isinstance(command, HostCommand) else vm_stream(command.vm)


def read_script(stream: BinaryIO, source: str, name: str = "") -> Iterator[ScriptLine]:
    """The lines of a script, as they come; blank ones are left out. A line that cannot be read carries its error.

    ``source`` is what the script is called in messages; ``name`` tells scripts with equal lines apart.
    Raises ``ScriptError`` if the whole is no text in UTF-8.
    """
    digest = sha256(f"nilometer script\n{name}\n".encode())
    for number, content, ended in _lines(stream):
        if number == 1 and content.startswith(_BOM):
            content = content.removeprefix(_BOM)
        if number == 1 and (content.startswith(_UTF16) or b"\0" in content[:200]):
            raise ScriptError("is UTF-16, not UTF-8", place=source, hint=_UTF8)
        if not content.strip():
            continue
        digest = sha256(digest.digest() + content)
        parsed, error, command_name = None, None, None
        try:
            value = parse_object(content)
            named = value.get("command")
            command_name = named if isinstance(named, str) else None
            parsed = parse_script_command(value)
        except ScriptError as wrong:
            hint = wrong.hint
            if not ended and wrong.cut_off:
                hint = "the last line has no end: the file may have been cut off"
            error = ScriptError(wrong.what, place=f"{source}:{number}", hint=hint)
        yield ScriptLine(number=number, key=digest.hexdigest(), parsed=parsed, error=error, command_name=command_name)


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes, bool]]:
    number = 0
    while raw := stream.readline(LONGEST_LINE + 2):
        number += 1
        ended = raw.endswith(b"\n")
        while not ended and len(raw) > LONGEST_LINE and (rest := stream.readline(LONGEST_LINE)):
            ended = rest.endswith(b"\n")
            raw = raw[: LONGEST_LINE + 1] + sha256(raw[LONGEST_LINE + 1 :] + rest).digest()
        yield number, raw.rstrip(b"\r\n"), ended


# One line


def parse_object(content: bytes) -> dict[str, Any]:
    """One line as a JSON object, each key once, no ``NaN``. Raises ``ScriptError``."""
    if len(content) > LONGEST_LINE:
        raise ScriptError(f"the line is over {LONGEST_LINE} bytes long", hint=_EXAMPLE)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ScriptError(
            f"byte 0x{content[error.start]:02x} at column {error.start + 1} is not UTF-8", hint=_UTF8
        ) from None
    try:
        value: object = json.loads(text, object_pairs_hook=_each_key_once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        what = _lowered(error.msg).removesuffix(" starting at")
        cut_off = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        raise ScriptError(f"is not JSON: {what} at column {error.colno}", hint=_EXAMPLE, cut_off=cut_off) from None
    except RecursionError:
        raise ScriptError("is nested too deeply", hint=_EXAMPLE) from None
    except ScriptError:
        raise
    except ValueError:
        raise ScriptError("has a number of thousands of digits", hint="the largest size is 4PiB") from None
    if not isinstance(value, dict):
        raise ScriptError("is not a JSON object", hint=_EXAMPLE)
    return value  # pyright: ignore[reportUnknownVariableType]


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ScriptError(f"has the key {twice!r} twice", hint="write it once")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ScriptError(f"{name} is not a number in JSON", hint="write whole bytes, or a text such as 4GiB")


def parse_script_command(value: dict[str, Any]) -> ScriptCommand:
    """A script line's object as a request. Raises ``ScriptError`` with the key and what to write instead."""
    given = dict(value)
    if "command" not in given:
        near = next((key for key in given if key.casefold() in ("commands", "cmd", "comand", "action")), None)
        raise ScriptError("lacks 'command'", hint=f"write 'command' for {near!r}" if near else _EXAMPLE)
    name = given.pop("command")
    if not isinstance(name, str) or name not in COMMANDS:
        hint = did_you_mean(name, COMMANDS, "nilo do --help lists them") if isinstance(name, str) else _EXAMPLE
        raise ScriptError(f"command: {name!r} is not a command", hint=hint)
    about = {key: _about(key, given.pop(key)) for key in ABOUT if key in given}
    at = about.pop("at", None)
    return ScriptCommand(parse_command(name, given), at=None if at is None else UtcTime(at), **about)


def parse_command(name: str, given: dict[str, Any]) -> Command:
    """A command from its name and arguments as people write them. Raises ``ScriptError``."""
    kind = COMMANDS[name]
    known = [field.name for field in fields(kind)]
    for key in given:
        if key not in known:
            takes = f"{name} takes {', '.join(known)}; beside them {', '.join(ABOUT)}"
            raise ScriptError(f"{key!r} is not a key of {name}", hint=did_you_mean(key, [*known, *ABOUT], takes))
    try:
        return _adapter(name).validate_python(given)
    except ValidationError as error:
        what, hint = describe_error(name, error.errors(include_url=False)[0])
        raise ScriptError(what, hint=hint) from None


@cache
def _adapter(name: str) -> TypeAdapter[Command]:
    return TypeAdapter(COMMANDS[name])


def _about(key: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ScriptError(f"{key}: {json.dumps(value)} is not a text", hint="write a text")
    try:
        return parse_time(value) if key == "at" else check_text(value)
    except InputError as error:
        raise ScriptError(f"{key}: {error.message}", hint=error.hint) from None


def check_text(text: str) -> str:
    """What somebody says about a command: not blank, printable, not endless. Raises ``InputError``."""
    if not text.strip():
        raise InputError("is empty", hint="say something, or leave it out")
    if len(text) > LONGEST_TEXT:
        raise InputError(f"has {len(text)} characters", hint=f"say it in {LONGEST_TEXT}")
    for place, character in enumerate(text, start=1):
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            raise InputError(f"has the control character U+{ord(character):04X} at place {place}", hint="leave it out")
    return text


def describe_error(command: str, error: ErrorDetails) -> tuple[str, str]:
    """What pydantic found wrong with a command's argument, and a hint."""
    key, value, context = str(error["loc"][0]), error["input"], error.get("ctx", {})
    match error["type"]:
        case "missing":
            return f"{command} lacks {key!r}", f"add {key!r}"
        case "enum" | "literal_error":
            allowed = str(context["expected"])
            names = [name.strip(" '") for name in allowed.replace(" or ", ",").split(",")]
            if str(value) in names:
                isa, write = ("text", value) if isinstance(value, str) else ("number", f'"{value}"')
                return f"{key}: {value!r} is a {isa}", f"write {write}"
            return f"{key}: {value!r} is not one of {', '.join(names)}", did_you_mean(
                str(value), names, f"write {allowed}"
            )
        case "string_type":
            number = isinstance(value, int) and not isinstance(value, bool)
            return f"{key}: {json.dumps(value)} is not a text", f'write "{value}"' if number else "write a text"
        case "string_unicode":
            return f"{key}: {value!r} has half of a surrogate pair", "write the character itself"
        case "string_too_short":
            return f"{key}: is empty", "an id has 1 to 128 characters"
        case "string_too_long":
            return f"{key}: has {len(value)} characters", "an id has 1 to 128 characters"
        case "value_error":
            what, _, hint = str(context["error"]).rpartition("; ")
            return (f"{key}: {what}", hint) if what else (f"{key}: {hint}", "")
        case _:
            return f"{key}: {_lowered(error['msg'])}", ""


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
