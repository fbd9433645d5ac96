"""Kept histories: those that an earlier search found. CPython executes each again before it counts for anything.

A search takes seconds, an execution a millisecond. A kept history that is answered otherwise than it was, or that
cannot be read any more, is stale: it counts for nothing, and the answer is searched again. So the file can be wrong, or
missing, and no verdict changes. ``python -m rules.proving.histories`` searches all of them and writes the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from domain.commands import COMMANDS, NAMES, Command
from domain.errors import InputError
from rules.concrete.replay import ARGUMENT_TYPES, figures_of
from rules.symbolic.terms import Literal, Sort
from rules.symbolic.values import concretize, leaves, symbolic

FILE: Final = Path(__file__).with_name("histories.jsonl")
"""The kept histories, one a line: a list of commands, each with its arguments by path. Sizes are bytes."""

Kept = dict[str, list[tuple[Command, ...]]]
"""Histories by their last command."""


@cache
def histories_kept() -> Kept:
    """What is in the file beside this module, read once in a process, and only where somebody asks for a history."""
    return read_histories()


def read_histories(file: Path = FILE) -> Kept:
    """The kept histories that can be read; none if there is no file."""
    kept: Kept = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            commands = tuple(map(_command, json.loads(line)))
        except (InputError, KeyError, TypeError, ValueError):
            continue
        if commands:
            kept.setdefault(NAMES[type(commands[-1])], []).append(commands)
    return kept


def write_histories(histories: Iterable[Sequence[Command]], file: Path = FILE) -> None:
    """Writes histories, in place of those that are kept."""
    lines = [json.dumps([_line(command) for command in commands]) for commands in histories]
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def _line(command: Command) -> dict[str, Any]:
    line: dict[str, Any] = {"command": NAMES[type(command)]}
    for name in type(command).__slots__:
        value = getattr(command, name)
        line |= figures_of(value, name) if name in ARGUMENT_TYPES else {name: value}
    return line


def _command(line: dict[str, Any]) -> Command:
    """The command of a line. Raises an error of Python's if there is none."""
    kind = COMMANDS[line["command"]]
    return kind(**{name: _argument(name, line) for name in kind.__slots__})


def _argument(name: str, line: dict[str, Any]) -> Any:
    if name not in ARGUMENT_TYPES:
        return line[name]
    argument = symbolic(name, ARGUMENT_TYPES[name])
    return concretize(argument, {path: _literal(part.sort, line[path]) for path, part in leaves(argument, name)})


def _literal(sort: Sort, value: object) -> Literal:
    if issubclass(sort, StrEnum):
        return sort(str(value))
    if type(value) is not sort:
        raise ValueError(f"{value!r} is no {sort.__name__}")
    return value
