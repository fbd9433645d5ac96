"""Expected events as Python: for each form a function that writes what must be recorded in the state before.

The terms of a form are simplified for one kind of VM and host, of which all but sizes is known. What is left is a
little arithmetic, and one text with gaps.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import Any, Final, NamedTuple, cast

from domain.commands import COMMANDS
from domain.events import HostFigures, VmFigures
from domain.quantities import LARGEST
from domain.settings import ConfigVersion
from domain.state import Host, Vm
from nilometer.audit.expected import ExpectedEvent, expected_events_of
from nilometer.audit.expected.event import BookChange
from nilometer.audit.expected.moving import MOVE
from nilometer.audit.expected.parts import (
    Claimed,
    FromStream,
    Nullable,
    Part,
    ReadVersion,
    Text,
    VersionBefore,
    terms_of,
)
from rules.judging.decided.attribution import Kind, kind_of_command
from rules.symbolic import terms
from rules.symbolic.straight_line import StraightLine
from rules.symbolic.terms import FALSE, Op, Term
from rules.symbolic.values import SymbolicRecord, Value, as_record, leaves

_VM: Final = "site.vm."
_HOST: Final = "site.host."
_COMMANDS: Final = {name.encode(): name for name in COMMANDS}
_NO_SIZES: Final = (f"{_VM}generation", f"{_VM}config_version.major", f"{_VM}config_version.minor")
"""Numbers that stay the same as long as a VM is of the same kind."""


class PredictedBook(NamedTuple):
    """What the stream of the host must record."""

    is_granted: bool
    """Else it was returned."""
    data: str
    after: Host
    figures: HostFigures


class PredictedData(NamedTuple):
    """What a command must record: the data of the VM's event, and the event on its host that follows, if any."""

    data: str
    after: Vm
    figures: VmFigures | None
    """``None`` if the VM did not change."""
    book: PredictedBook | None


class PredictedForm(NamedTuple):
    """A form for one kind of VM and host."""

    predict: Callable[[Vm, Host, str, str, int, int], PredictedData | None]
    """Takes the states before, the ids of the VM and the host in JSON, the version of the host, and the claim.

    ``None`` where the command is not recorded in this form, or an invariant would not hold afterwards.
    """
    claim: bytes
    """What stands before the one figure that the command was asked for; empty if there is none."""
    kind: Kind
    """By which the rules that hold are counted."""
    keeps_kind: bool
    """Whether the VM is of the same kind afterwards."""


class Forms:
    """The forms of all commands, for one kind of VM and host. Each is written when it is first needed."""

    def __init__(self, vm: Vm, host: Host) -> None:
        self._vm, self._host = vm, host
        self._forms: dict[tuple[bytes, bytes, bool], PredictedForm | None] = {}

    def find(self, type: bytes, command: bytes, *, is_sized: bool) -> PredictedForm | None:
        """The form of an event with a type as ``vm.started.v1``; ``None`` for one that is left to the judge.

        ``is_sized`` says whether it records a size that was asked for.
        """
        key = type, command, is_sized
        if key not in self._forms:
            name = _COMMANDS.get(command)
            event = None if name is None else _expected(name).get((type, is_sized))
            self._forms[key] = None if event is None else predicted_form(event, self._vm, self._host)
        return self._forms[key]


_FORMS: Final[dict[tuple[object, ...], Forms]] = {}
MOST_KINDS: Final = 1000
"""Kinds of VMs whose forms are kept."""


def forms_of(vm: Vm, host: Host) -> Forms:
    """The forms for VMs and hosts of the same kind as these."""
    key = (
        vm.generation,
        vm.guest,
        vm.config_version,
        vm.memory.mode,
        vm.power,
        vm.in_use_reported,
        vm.vsc,
        host.version,
    )
    forms = _FORMS.get(key)
    if forms is None:
        if len(_FORMS) == MOST_KINDS:
            _FORMS.clear()
        forms = _FORMS[key] = Forms(vm, host)
    return forms


@cache
def _expected(command: str) -> Mapping[tuple[bytes, bool], ExpectedEvent]:
    """The expected events of a command on a VM that was there before, by type and whether a size was asked for.

    Moves are left to the judge: they read two hosts.
    """
    return {
        (event.topic.replace("/", ".v").encode(), bool(event.sized)): event
        for event in (expected_events_of(command) if command != MOVE else ())
        if event.vm_before is not None
    }


def predicted_form(event: ExpectedEvent, vm: Vm, host: Host) -> PredictedForm | None:
    """A form for VMs and hosts of the same kind as these; ``None`` for a form that is left to the judge."""
    claims = {name: path for name, path in event.claims.items() if not name.startswith((_VM, _HOST))}
    if event.is_removal or len(claims) > 1 or any(event.variables[name].sort is not int for name in claims):
        return None
    known = {
        name: terms.constant(_value(name, vm, host))
        for name, term in event.variables.items()
        if name not in claims and (term.sort is not int or name in _NO_SIZES)
    }
    writer = _FormWriter(event, known, dict.fromkeys(claims, "claim"))
    if writer.guest_after is not vm.guest:
        return None
    needle = "".join(":{".join(f'"{name}"' for name in path) + ":" for path in claims.values()).encode()
    kind = kind_of_command(event.command, vm.guest, refused=event.is_refusal)
    return PredictedForm(writer.compile(), needle, kind, writer.keeps_kind)


def _value(name: str, vm: Vm, host: Host) -> Any:
    """The value of a variable in a state."""
    state, prefix = (vm, _VM) if name.startswith(_VM) else (host, _HOST)
    return attrgetter(name.removeprefix(prefix))(state)


class _FormWriter:
    """Writes the function of one form."""

    def __init__(self, event: ExpectedEvent, known: Mapping[str, Term], claims: Mapping[str, str]) -> None:
        assert event.vm_before is not None
        assert event.vm_after is not None
        (host,) = event.hosts
        assert host.before is not None
        book = host.book or BookChange(FALSE, FALSE, {})
        states = [event.vm_before, event.vm_after, host.before, host.after]
        self._event, self._book, self._host = event, book, host
        written = [*terms_of(event.data), book.gives, book.gets_back, *terms_of(book.data)]
        roots = [event.holds, event.guest, *written, *[term for state in states for _, term in leaves(state)]]
        self._simple = dict(zip(roots, terms.substitute_all(roots, known), strict=True))
        places = {name: name.removeprefix("site.") for name in event.variables} | dict(claims)
        self._code = StraightLine(self._simple.values(), places)
        self._known = known

    @property
    def guest_after(self) -> object:
        """The guest after the event, where it is known."""
        return terms.value_of(self._simple[self._event.guest])

    @property
    def keeps_kind(self) -> bool:
        """Whether what is known of the VM is the same after the event."""
        after = dict(leaves(cast("SymbolicRecord", self._event.vm_after), _VM.rstrip(".")))
        return all(self._simple[term] is self._known.get(name, self._simple[term]) for name, term in after.items())

    def compile(self) -> Callable[[Vm, Host, str, str, int, int], PredictedData | None]:
        """The function."""
        event, book, code = self._event, self._book, self._code
        figures = as_record(cast("Value", event.data["after"]))
        body = code.statements
        body.append(f"if not {self._term(event.holds)}: return None")
        for term in dict.fromkeys(self._simple[term] for _, term in leaves(figures)):
            if term.sort is int and term.op not in (Op.CONSTANT, Op.VARIABLE):
                body.append(f"if {code.write(term)} > {LARGEST}: return None")
        before, after = cast("SymbolicRecord", event.vm_before), cast("SymbolicRecord", event.vm_after)
        is_same = self._is_same(before, after)
        body.append(f"after = {self._record(after, before, 'vm')}")
        body.append(f"figures = {None if is_same else self._record(figures)}")
        body.append(f"data = {self._text(event.data)}")
        body.append(f"is_granted = {self._term(book.gives)}")
        body.append(f"if not (is_granted or {self._term(book.gets_back)}): return Data(data, after, figures, None)")
        if book.data:
            there = self._record(self._host.after, self._host.before, "host")
            its = self._record(as_record(cast("Value", book.data["after"])))
            body.append(f"book = Book(is_granted, {self._text(book.data)}, {there}, {its})")
            body.append("return Data(data, after, figures, book)")
        names: dict[str, Any] = {**code.names, "Data": PredictedData, "Book": PredictedBook}
        source = "\n ".join(["def predict(vm, host, vm_id, host_id, host_version, claim):", *body])
        exec(source, names)
        return cast("Callable[[Vm, Host, str, str, int, int], PredictedData | None]", names["predict"])

    def _term(self, term: Term) -> str:
        return self._code.write(self._simple[term])

    def _is_same(self, before: SymbolicRecord, after: SymbolicRecord) -> bool:
        pairs = zip(leaves(before), leaves(after), strict=True)
        return all(self._simple[one] is self._simple[other] for (_, one), (_, other) in pairs)

    def _record(self, record: SymbolicRecord, before: SymbolicRecord | None = None, place: str = "") -> str:
        """An expression that makes a record; where it is as before, the record that is at a place."""
        if before is not None and self._is_same(before, record):
            return place
        parts: list[str] = []
        for name in [part.name for part in fields(cast("Any", record.kind))]:
            value = record[name]
            if isinstance(value, Term):
                parts.append(self._term(value))
            else:
                inner = None if before is None else as_record(before[name])
                parts.append(self._record(value, inner, f"{place}.{name}"))
        return f"{self._code.name(record.kind)}({', '.join(parts)})"

    # Texts

    def _text(self, part: Part) -> str:
        """An expression that gives the JSON of a part of an event."""
        return f"f'''{''.join(self._pieces(part))}'''"

    def _pieces(self, part: Part) -> Iterator[str]:
        match part:
            case None:
                yield "null"
            case Text():
                yield json.dumps(part.text)
            case Claimed():
                yield "{host_id}"  # the only one of the forms that are written here
            case FromStream():
                yield "{vm_id}"
            case ReadVersion():
                yield "{host_version}"
            case VersionBefore():
                raise TypeError("no event of a VM has it")
            case Term():
                yield self._figure(part)
            case Nullable():
                yield self._nullable(part)
            case SymbolicRecord() if part.kind is ConfigVersion:
                yield f'"{self._figure(part.term("major"))}.{self._figure(part.term("minor"))}"'
            case SymbolicRecord():
                yield from self._object(part.fields)
            case _:
                yield from self._object(part)

    def _object(self, parts: Mapping[str, Part]) -> Iterator[str]:
        yield "{{"
        for number, name in enumerate(sorted(parts)):
            yield f'{"," if number else ""}"{name}":'
            yield from self._pieces(parts[name])
        yield "}}"

    def _nullable(self, part: Nullable) -> str:
        condition = self._simple[part.condition]
        known = terms.value_of(condition)
        if known is not None:
            return "".join(self._pieces(part.part)) if known else "null"
        inner = self._text(part.part)
        name = f"text{len(self._code.statements)}"
        self._code.statements.append(f"{name} = {inner} if {self._term(part.condition)} else 'null'")
        return f"{{{name}}}"

    def _figure(self, term: Term) -> str:
        simple = self._simple[term]
        value = terms.value_of(simple)
        if value is not None:
            return json.dumps(value)
        written = self._code.write(simple)
        if simple.sort is int:
            return f"{{{written}}}"
        if simple.sort is bool:
            return f"""{{"true" if {written} else "false"}}"""
        assert issubclass(simple.sort, StrEnum)
        return f'"{{{written}._value_}}"'
