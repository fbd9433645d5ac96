"""Reads scripts: on each line a command and who requests it, as one JSON object.

``{"command": "add-memory", "vm": "web01", "amount": "2GiB", "actor": "CONTOSO\\\\ops", "reason": "month end"}``

The key of a line is a digest of all lines up to and including it, so a script whose end was corrected resumes where it
stopped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from typing import Any, Final, cast

from domain.commands import COMMANDS, Command, HostCommand
from domain.errors import InputError
from domain.identifiers import StreamName, UtcTime, host_stream, vm_stream
from nilometer.ledger.typed_commands import ABOUT, parse_command
from nilometer.ledger.values import check_text
from nilometer.suggesting import did_you_mean
from nilometer.textio.identifying.kind import RUN
from nilometer.textio.strict_json import CUT_OFF, NO_JSON, parse_strict_json
from nilometer.textio.texts import ByteStream, read_lines
from nilometer.times import parse_time

LONGEST_LINE: Final = 2**20
"""Bytes; a longer line is no command."""

_EXAMPLE: Final = 'write one JSON object a line, such as {"command": "start", "vm": "web01"}'


class ScriptError(InputError):
    """A line that cannot be read as a command, with its place: nothing was recorded for it."""


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


def read_script(stream: ByteStream, source: str, name: str = "") -> Iterator[ScriptLine]:
    """The lines of a script, as they come; blank ones are left out. A line that cannot be read carries its error.

    ``source`` is what the script is called in messages; ``name`` tells scripts with equal lines apart. Raises
    ``InputError`` if the file is of another kind.
    """
    digest = sha256(f"nilometer script\n{name}\n".encode())
    lines = read_lines(stream, source, RUN)
    for number in count(1):
        content, error = b"", None
        try:
            _, content = next(lines)
        except StopIteration:
            return
        except InputError as unreadable:
            error = ScriptError(unreadable.message, hint=unreadable.hint)
        raw = _shortened(lines.raw or b"", ended=lines.ended)
        if error is None and not content.strip():
            continue
        digest = sha256(digest.digest() + raw)
        parsed, command_name = None, None
        if error is None:
            try:
                value = _parse_object(content, ended=lines.ended)
                command_name = named if isinstance(named := value.get("command"), str) else None
                parsed = parse_script_command(value)
            except InputError as wrong:
                error = ScriptError(f"{source}:{number}: {wrong.message}", hint=wrong.hint)
        yield ScriptLine(number=number, key=digest.hexdigest(), parsed=parsed, error=error, command_name=command_name)


def _shortened(raw: bytes, *, ended: bool) -> bytes:
    """A line as its key counts it: one that is too long for a command by digests of its pieces.

    The keys of recorded lines hang on this: the pieces are those in which the first versions read such a line.
    """
    if len(raw) <= LONGEST_LINE:
        return raw.rstrip(b"\r")
    rest = raw + b"\n" if ended else raw
    begin, rest = rest[: LONGEST_LINE + 2], rest[LONGEST_LINE + 2 :]
    while rest:
        piece, rest = rest[:LONGEST_LINE], rest[LONGEST_LINE:]
        begin = begin[: LONGEST_LINE + 1] + sha256(begin[LONGEST_LINE + 1 :] + piece).digest()
    return begin.rstrip(b"\r\n")


# One line


def _parse_object(content: bytes, *, ended: bool) -> dict[str, Any]:
    """One line as a JSON object. Raises ``InputError``. ``ended`` says whether the line has an end."""
    if len(content) > LONGEST_LINE:
        raise InputError(f"the line is over {LONGEST_LINE} bytes long", hint=_EXAMPLE)
    try:
        value = parse_strict_json(content, "")
    except InputError as error:
        hint = _EXAMPLE if error.hint == NO_JSON else error.hint
        if error.hint == CUT_OFF:
            hint = _EXAMPLE if ended else "the last line has no end: the file may have been cut off"
        raise InputError(error.message.removeprefix(": "), hint=hint) from None
    if not isinstance(value, dict):
        raise InputError("is not a JSON object", hint=_EXAMPLE)
    return cast("dict[str, Any]", value)


def parse_script_command(value: dict[str, Any]) -> ScriptCommand:
    """A script line's object as a request. Raises ``InputError`` with the key and what to write instead."""
    given = dict(value)
    if "command" not in given:
        near = next((key for key in given if key.casefold() in ("commands", "cmd", "comand", "action")), None)
        raise InputError("lacks 'command'", hint=f"write 'command' for {near!r}" if near else _EXAMPLE)
    name = given.pop("command")
    if not isinstance(name, str) or name not in COMMANDS:
        hint = did_you_mean(name, COMMANDS, "nilo do --help lists them") if isinstance(name, str) else _EXAMPLE
        raise InputError(f"command: {name!r} is not a command", hint=hint)
    about = {key: _about(key, given.pop(key)) for key in ABOUT if key in given}
    at = about.pop("at", None)
    return ScriptCommand(parse_command(name, given), at=None if at is None else UtcTime(at), **about)


def _about(key: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise InputError(f"{key}: {json.dumps(value)} is not a text", hint="write a text")
    try:
        return parse_time(value) if key == "at" else check_text(value)
    except InputError as error:
        raise InputError(f"{key}: {error.message}", hint=error.hint) from None
