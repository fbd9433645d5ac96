"""Wrong programs: each differs in one place from the program that runs: in a rule, a constant, or a row of a table."""

from __future__ import annotations

import ast
from collections.abc import Generator, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from inspect import getsourcefile, getsourcelines
from typing import Any, cast, get_type_hints

from domain import changes
from domain.changes import ENTRY_CHANGES, HOST_CHANGES, VM_CHANGES, state_change
from domain.deciding import steps
from domain.deciding.steps import RECORDINGS, STEPS, Step, step
from domain.decision import Decision
from domain.events import HostEvent, VmEvent
from domain.quantities import QUANTUM
from domain.rule import RULES, Rule
from mutants.places import changed, place_of
from mutants.scope import Scope
from rules.symbolic.definition import parameter_types
from rules.symbolic.values import field_types


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table of the program, with a wrong value."""

    table: MutableMapping[Any, Any]
    key: object
    value: object


@dataclass(frozen=True, slots=True)
class Mutant:
    """A wrong program: the change, and where it is."""

    kind: str
    place: str
    """File and line, and the column of a change of a rule."""
    what: str
    """The change, as old → new."""
    definitions: Mapping[Rule, ast.FunctionDef] = field(default_factory=dict[Rule, ast.FunctionDef])
    row: Row | None = None

    @property
    def name(self) -> str:
        """Place, kind and change in one line."""
        return f"{self.place}: {self.kind}: {self.what}"

    @contextmanager
    def in_place(self) -> Generator[None]:
        """Puts the wrong row into the program's table inside the ``with`` block."""
        if self.row is None:
            yield
            return
        table, key = self.row.table, self.row.key
        before = table[key]
        table[key] = self.row.value
        try:
            yield
        finally:
            table[key] = before


def mutants() -> list[Mutant]:
    """All wrong programs with one change, always in the same order."""
    return [*_rules(), *_constants(), *_recordings(), *_steps(), *_changes()]


def _rules() -> Iterator[Mutant]:
    for rule in RULES:
        for variant in changed(rule):
            what = f"{rule.__qualname__}: {variant.was} → {variant.now}"
            yield Mutant(kind=variant.kind, place=variant.place, what=what, definitions={rule: variant.definition})


def _constants() -> Iterator[Mutant]:
    """A constant with a wrong value, wherever the rules use it."""
    used: dict[tuple[str, int], dict[Rule, Scope]] = {}
    for rule in RULES:
        scope = Scope(rule)
        for node in ast.walk(scope.source.tree):
            if isinstance(node, ast.Name) and node.id in scope.constants and node.id not in parameter_types(rule):
                used.setdefault((node.id, scope.constants[node.id]), {})[rule] = scope
    for (name, value), scopes in used.items():
        first = next(iter(scopes.values())).source
        for size in (1, -1, QUANTUM, -QUANTUM):
            definitions = {rule: _with_constant(scope, name, value + size) for rule, scope in scopes.items()}
            what = f"{name}: {value} → {value + size}"
            place = place_of(first.file, first.tree.lineno)
            yield Mutant(kind="constant", place=place, what=what, definitions=definitions)


def _with_constant(scope: Scope, name: str, value: int) -> ast.FunctionDef:
    class Renamed(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return ast.copy_location(ast.Constant(value), node) if node.id == name else node

    return cast("ast.FunctionDef", Renamed().visit(deepcopy(scope.source.tree)))


# Tables


def _line(module: object, *texts: str) -> str:
    """File and line of the first line of a module that contains all these texts."""
    lines, _ = getsourcelines(cast("Any", module))
    line = next(number for number, text in enumerate(lines, start=1) if all(part in text for part in texts))
    return place_of(str(getsourcefile(cast("Any", module))), line)


def _recordings() -> Iterator[Mutant]:
    """A command that is decided and recorded by the rule of another command with the same arguments."""
    for command, right in RECORDINGS.items():
        place = _line(steps, f"commands.{command.__name__}: {right.__name__}")
        for rule in RECORDINGS.values():
            if rule is not right and parameter_types(rule) == parameter_types(right):
                what = f"{command.__name__} is recorded by {right.__name__} → {rule.__name__}"
                yield Mutant(kind="wrong row", place=place, what=what, row=Row(cast("Any", RECORDINGS), command, rule))


def _steps() -> Iterator[Mutant]:
    """A command with another deciding rule or another event, if the program could run with it."""
    rules = [
        rule
        for rule in RULES
        if get_type_hints(rule)["return"] is Decision and next(iter(parameter_types(rule)), "") == "site"
    ]
    for command, row in STEPS.items():
        place = _line(steps, f"commands.{command.__name__}: step")
        asked = set(command.__slots__) | set(row.takes)
        for rule in rules:
            takes = tuple(parameter_types(rule))[1:]
            if rule is not row.rule and set(takes) <= asked and (row.takes == takes or not _moves(row, takes)):
                what = f"{command.__name__} is decided by {row.rule.__name__} → {rule.__name__}"
                wrong = replace(row, rule=cast("Any", rule), takes=takes)
                yield Mutant(kind="wrong row", place=place, what=what, row=Row(cast("Any", STEPS), command, wrong))
        for event, change in VM_CHANGES.items():
            if event is not row.event and set(change.carries) <= asked | set(field_types(Decision)):
                what = f"{command.__name__} is followed by {row.event.__name__} → {event.__name__}"
                wrong = step(row.rule, event)
                yield Mutant(kind="wrong row", place=place, what=what, row=Row(cast("Any", STEPS), command, wrong))


def _moves(row: Step, takes: tuple[str, ...]) -> bool:
    """Whether the rule of a move is involved: no other rule has a destination."""
    return "destination" in row.takes or "destination" in takes


def _changes() -> Iterator[Mutant]:
    """An event that is replayed by another event's rule, if it carries the figures of that rule."""
    tables: list[tuple[str, MutableMapping[Any, Any]]] = [
        ("VM_CHANGES", cast("Any", VM_CHANGES)),
        ("HOST_CHANGES", cast("Any", HOST_CHANGES)),
        ("ENTRY_CHANGES", cast("Any", ENTRY_CHANGES)),
    ]
    for name, table in tables:
        for event, row in table.items():
            right = _rule(row)
            place = _line(changes, f"events.{event.__name__}: ", right.__name__)
            for rule in dict.fromkeys(map(_rule, table.values())):
                if (
                    rule is not right
                    and _carries(event, rule)
                    and (name == "VM_CHANGES" or _same_parameters(rule, right))
                ):
                    what = f"{name}: {event.__name__} changes by {right.__name__} → {rule.__name__}"
                    wrong = rule if row is right else state_change(rule)
                    yield Mutant(kind="wrong row", place=place, what=what, row=Row(table, event, wrong))


def _rule(row: object) -> Rule:
    return cast("Rule", getattr(row, "rule", row))


def _same_parameters(rule: Rule, right: Rule) -> bool:
    """Whether two rules have the same parameters: the decider calls a host's rule with those of the right one."""
    return list(parameter_types(rule))[1:] == list(parameter_types(right))[1:]


def _carries(event: type[VmEvent | HostEvent], rule: Rule) -> bool:
    return all(name in get_type_hints(event) for name in list(parameter_types(rule))[1:])
