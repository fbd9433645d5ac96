"""Counterexamples: a state and a command under which the program breaks a rule, as data first and as words after.

Whoever reads one sees what was there before, the command, what was decided and what is there afterwards, with the
changed figures marked, and the sentence that it breaks with its file and line. Every one has been run by CPython.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from rules.wording import figure

Figures = Mapping[str, Any]
"""Figures by their paths, as ``web01.assigned``: numbers, truth values, texts, members of enums. Sizes are bytes."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """How a rule is broken."""

    obligation: str
    rule: str
    """The sentence of the specification that is broken."""
    place: str
    """Its file and line, as ``rules/specification/invariants.py:36``."""
    says: str
    """What the sentence says, in English."""
    decided_by: str
    """The rules of the program that decide the command and change the state, with their places."""
    command: str | None
    arguments: Figures
    before: Figures
    decision: Figures
    after: Figures
    however: str
    """What contradicts what, said of the rule: ``does not hold``, ``says that …``."""
    script: tuple[dict[str, Any], ...] = ()
    """The shortest history from an empty host that gets there, as script lines that ``nilo run`` replays; or none."""
    steps: int = 0
    """How many commands in a row were tried where no history was found; 0 if none was looked for."""

    @property
    def changed(self) -> tuple[str, ...]:
        """The paths of the figures that are not as they were."""
        paths = dict.fromkeys([*self.before, *self.after])
        return tuple(path for path in paths if self.after and self.before.get(path) != self.after.get(path))

    def text(self) -> str:
        """The counterexample in words: Let … Then … However …"""
        return "\n".join(_lines(self)) + "\n"

    def document(self) -> dict[str, Any]:
        """The counterexample as JSON has it: figures by path, sizes in bytes, enum members by their values."""
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


def _lines(found: Counterexample) -> Iterator[str]:
    yield f"{found.obligation}: refuted"
    yield "Let"
    shown = {path: value for path, value in found.before.items() if value not in _NOTHING}
    yield from _table({path: figure(path, value) for path, value in shown.items()}, "  ")
    if not shown:
        yield "  nothing be there"
    elif len(shown) < len(found.before):
        yield "  and all other figures be nothing"
    if found.command is not None:
        arguments = ", ".join(
            f"{name} {figure(name, value)}"
            for name, value in found.arguments.items()
            if not (name.startswith("memory.") and value in _NOTHING)
        )
        yield f"Then {found.command}{f' ({arguments})' if arguments else ''}"
        yield f"  is answered {_answer(found.decision)}"
        yield f"  by {found.decided_by}"
        yield from _table(dict(_changes(found)), "* ")
        if found.after and not found.changed:
            yield "  and changes nothing"
    yield "However"
    yield f"  {found.rule} {found.however} ({found.place})"
    yield f"  {found.says}"
    if found.script:
        count = len(found.script)
        yield f"From an empty host, in {count} command{'' if count == 1 else 's'}:"
        yield from (json.dumps(line, ensure_ascii=False) for line in found.script)
    elif found.steps:
        yield f"Not reached within {found.steps} commands: a bug, or an invariant that is missing"


def _answer(decision: Figures) -> str:
    parts = [str(figure("outcome", decision["outcome"]))]
    if str(decision["code"]) != "none":
        parts.append(figure("code", decision["code"]))
    for name in ("granted", "hot_added", "unballooned", "paged"):
        if decision[name]:
            parts.append(f"{name.replace('_', '-')} {figure(name, decision[name])}")
    return ", ".join(parts)


def _changes(found: Counterexample) -> Iterator[tuple[str, str]]:
    for path in found.changed:
        if path not in found.before and found.after[path] in _NOTHING:
            continue
        before, after = (
            figure(path, figures[path]) if path in figures else "none" for figures in (found.before, found.after)
        )
        yield path, f"{before} → {after}"


def _table(rows: Mapping[str, str], mark: str) -> Iterator[str]:
    width = max(map(len, rows), default=0)
    yield from (f"{mark}{path:<{width}}  {value}" for path, value in rows.items())
