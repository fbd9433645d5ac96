"""Counterexamples: a state and a command with which the program breaks a rule; first as data, then in words.

A counterexample shows the state before, the command, the decision, the state afterwards with changed figures marked,
and the rule that is broken, with file and line. CPython has executed every one that is shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from rules.wording import format_figure, format_figures

Figures = Mapping[str, Any]
"""Figures by path, as ``web01.assigned``: numbers, truth values, texts, members of enums. Sizes are bytes."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """How the program breaks a rule."""

    obligation: str
    rule: str
    """The predicate or goal that is false."""
    place: str
    """The predicate's file and line, as ``rules/specification/invariants.py:36``."""
    says: str
    """What the rule says, in English."""
    decided_by: str
    """The rules of the program that decide the command and change the state, with file and line."""
    command: str | None
    arguments: Figures
    before: Figures
    decision: Figures
    after: Figures
    however: str
    """What the rule says of the example, as a verb phrase: ``does not hold``, ``says that …``."""
    script: tuple[dict[str, Any], ...] = ()
    """The shortest known history from an empty host to this state, as script lines for ``nilo run``; may be empty."""
    steps: int = 0
    """The length of the longest histories that were searched in vain; 0 if one was found, or none was searched."""
    values: Figures = field(default_factory=dict[str, Any], repr=False)
    """The values of the variables of the obligation."""

    @property
    def changed(self) -> tuple[str, ...]:
        """The paths of the figures that changed."""
        paths = dict.fromkeys([*self.before, *self.after])
        return tuple(path for path in paths if self.after and self.before.get(path) != self.after.get(path))

    @property
    def call(self) -> str:
        """The command with its arguments; empty if there is none."""
        if self.command is None:
            return ""
        arguments = ", ".join(
            f"{name} {format_figure(name, value)}"
            for name, value in self.arguments.items()
            if not (name.startswith("memory.") and value in _NOTHING)
        )
        return f"{self.command}{f' ({arguments})' if arguments else ''}"

    @property
    def answer(self) -> str:
        """The decision in words."""
        return _answer(self.decision)

    def text(self) -> str:
        """The counterexample in words: Let … Then … However …"""
        return "\n".join(_lines(self)) + "\n"

    def document(self) -> dict[str, Any]:
        """The counterexample for JSON: figures by path, sizes in bytes, enum members as their values."""
        return {
            "rule": self.rule,
            "place": self.place,
            "says": self.says,
            "decided_by": self.decided_by,
            "command": self.command,
            "arguments": _plain(self.arguments),
            "before": _plain(self.before),
            "decision": _plain(self.decision),
            "after": _plain(self.after),
            "changed": list(self.changed),
            "however": self.however,
            "script": list(self.script),
            "steps": self.steps,
        }


def _plain(figures: Figures) -> dict[str, Any]:
    return {path: value.value if isinstance(value, StrEnum) else value for path, value in figures.items()}


_NOTHING: Final = (0, False, None)


def _lines(example: Counterexample) -> Iterator[str]:
    yield f"{example.obligation}: refuted"
    yield "Let"
    shown = {path: value for path, value in example.before.items() if value not in _NOTHING}
    yield from _table({path: format_figure(path, value) for path, value in shown.items()}, "  ")
    if not shown:
        yield "  there be no host and no VM"
    elif len(shown) < len(example.before):
        yield "  and all other figures be 0 or unset"
    if example.command is not None:
        yield f"Then {example.call}"
        yield f"  is answered {example.answer}"
        yield f"  by {example.decided_by}"
        yield from _table(dict(_changes(example)), "* ")
        if example.after and not example.changed:
            yield "  and changes nothing"
    yield "However"
    yield f"  {example.rule} {example.however} ({example.place})"
    yield f"  {example.says}"
    if example.script:
        count = len(example.script)
        yield f"From an empty host, in {count} command{'' if count == 1 else 's'}:"
        yield from (json.dumps(line, ensure_ascii=False) for line in example.script)
    elif example.steps:
        yield f"No history of up to {example.steps} commands leads here: a bug, or a missing invariant"


def _answer(decision: Figures) -> str:
    parts = [str(format_figure("outcome", decision["outcome"]))]
    if str(decision["code"]) != "none":
        parts.append(format_figure("code", decision["code"]))
    for name in ("granted", "hot_added", "unballooned", "paged"):
        if decision[name]:
            parts.append(f"{name.replace('_', '-')} {format_figure(name, decision[name])}")
    return ", ".join(parts)


def _changes(example: Counterexample) -> Iterator[tuple[str, str]]:
    for path in example.changed:
        if path not in example.before and example.after[path] in _NOTHING:
            continue
        before, after = format_figures(path, [example.before.get(path, "none"), example.after.get(path, "none")])
        yield path, f"{before} → {after}"


def _table(rows: Mapping[str, str], mark: str) -> Iterator[str]:
    width = max(map(len, rows), default=0)
    yield from (f"{mark}{path:<{width}}  {value}" for path, value in rows.items())
