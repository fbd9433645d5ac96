"""Commands as people type them, in a script or as arguments of ``nilo do``."""

from __future__ import annotations

import json
from dataclasses import fields
from functools import cache
from typing import Any, Final, cast

from pydantic_core import ErrorDetails, SchemaValidator, ValidationError

from domain.commands import COMMANDS, Command
from domain.errors import InputError
from nilometer.storage.schemas import SchemaBuilder
from nilometer.suggesting import did_you_mean
from nilometer.textio.values import describe_value

_ID: Final = "an id has 1 to 128 characters"
ABOUT: Final = ("at", "actor", "via", "reason", "correlation")
"""What may stand beside a command in its line."""


def parse_command(name: str, arguments: dict[str, Any]) -> Command:
    """A command from its name and arguments as people type them. Raises ``InputError``."""
    kind = COMMANDS[name]
    known = [field.name for field in fields(kind)]
    for key in arguments:
        if key not in known:
            takes = f"{name} takes {', '.join(known)}; beside them {', '.join(ABOUT)}"
            raise InputError(f"{key!r} is not a key of {name}", hint=did_you_mean(key, [*known, *ABOUT], takes))
    try:
        return cast("Command", _validator(name).validate_python(arguments))
    except ValidationError as error:
        what, hint = describe_error(name, error.errors(include_url=False)[0])
        raise InputError(what, hint=hint) from None


@cache
def _validator(name: str) -> SchemaValidator:
    return SchemaValidator(SchemaBuilder().build(COMMANDS[name]))


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
            return f"{key}: is empty", _ID
        case "string_too_long":
            return f"{key}: has {len(value)} characters", _ID
        case "value_error":
            what, _, hint = str(context["error"]).rpartition("; ")
            return (f"{key}: {what}", hint) if what else (f"{key}: {hint}", "")
        case _:
            return f"{key}: {describe_value(error)}", f"such as: nilo do {command} --help"
