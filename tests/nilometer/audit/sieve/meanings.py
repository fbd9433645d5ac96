"""What the terms of an expected event mean for some values, and what CPython records for the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from random import Random
from typing import Any, Final, cast

from detection.histories import Line
from domain.aggregates import HostAggregate, VmAggregate
from domain.changes import apply_to_host, begin_host
from domain.commands import COMMANDS, DefineVm, HostCommand, MoveVm, RegisterHost, VmCommand
from domain.deciding.decider import decide_by_rules
from domain.deciding.reads import Reads
from domain.deciding.steps import HOST_RECORDINGS, RECORDINGS
from domain.envelope import Metadata
from domain.events import Event, HostEvent, HostRegistered, VmDefined, VmMoved
from domain.evolve import vm_defined
from domain.identifiers import UtcTime, subject_id
from domain.quantities import LARGEST, QUANTUM
from domain.recording.hosts import record_define_vm
from domain.rule import Rule
from domain.settings import ConfigVersion, Mode
from domain.state import Host, Site, Vm
from nilometer.audit.expected import ExpectedEvent
from nilometer.audit.expected.parts import (
    Claimed,
    FromStream,
    Nullable,
    Part,
    Path,
    ReadVersion,
    Text,
    VersionBefore,
    terms_of,
)
from nilometer.storage.bodies import encode, topic_of
from rules.judging.decided.attribution import HOST_INVARIANTS
from rules.specification.invariants import INVARIANTS
from rules.symbolic.definition import parameter_types
from rules.symbolic.terms import Literal, Sort, Term, evaluate_all
from rules.symbolic.values import SymbolicRecord, concretize, leaves, symbolic
from rules.transitions.vm_commands import SITE
from tests.nilometer.audit.sieve.known import known_history
from tests.rules.symbolic.values import EDGES

VERSION: Final = 7
"""The version of each host's stream that is read."""
TEXTS: Final[Mapping[Path, str]] = {
    ("evidence", "host", "id"): "hv",
    ("evidence", "destination", "id"): "other",
    ("name",): "the name",
    ("arguments", "vm"): "a",
    ("arguments", "name"): "the name",
}
_AT: Final = UtcTime("2026-01-01T00:00:00.000000Z")
_METADATA: Final = Metadata("anna", "tests", _AT, _AT, "c")


def name_of(form: ExpectedEvent) -> str:
    """A form in a test's id."""
    return f"{form.topic} {form.command}{' by size' if form.sized else ''}"


# Values


def rule_of(form: ExpectedEvent) -> Rule:
    """The rule that decides and records the command of a form."""
    if form.command == "define-vm":
        return record_define_vm
    command = COMMANDS["set-memory" if form.sized else form.command]
    return HOST_RECORDINGS.get(cast("Any", command)) or RECORDINGS[cast("Any", command)]


@cache
def sorts_of(form: ExpectedEvent) -> Mapping[str, Sort]:
    """All that the rule of a form reads, by name."""
    known = {name: term.sort for name, term in leaves(SITE, "site")}
    for name, kind in parameter_types(rule_of(form)).items():
        if name not in ("site", "host"):
            known |= {path: term.sort for path, term in leaves(symbolic(name, kind), name)}
    return known


def fixed_by(form: ExpectedEvent) -> Mapping[str, Literal]:
    """What the form itself says of a setting among its arguments."""
    if form.command == "move-vm":
        return {"same_host": len(form.hosts) == 1}
    arguments = form.data.get("arguments")
    memory = arguments.get("memory") if isinstance(arguments, Mapping) else None
    if not isinstance(memory, Mapping) or "memory.mode" not in sorts_of(form):
        return {}
    if "dynamic" in memory:
        return {"memory.mode": Mode.DYNAMIC}
    return {"memory.mode": Mode.STATIC} | {f"memory.{name}": 0 for name in ("minimum", "maximum", "buffer", "weight")}


@cache
def recorded_values(form: ExpectedEvent) -> list[Mapping[str, Literal]]:
    """What known histories recorded in this form."""
    return [
        values
        for seed in (1, 2, 3)
        for line in known_history(seed, 400)
        if (values := values_claimed(form, line)) is not None
    ]


def values_claimed(form: ExpectedEvent, line: Line) -> Mapping[str, Literal] | None:
    """What an event claims, if it is of this form."""
    kind, _, version = form.topic.partition("/")
    if line["type"] != f"nilometer.{kind}.v{version}" or line["data"]["command"] != form.command:
        return None
    if form.sized is not None and form.sized is not (line["data"].get("size") is not None):
        return None
    values = dict[str, Literal]()
    if form.command == "move-vm" and (len(form.hosts) == 1) is not _is_to_same_host(line["data"]):
        return None
    for name, term in form.variables.items():
        found = value_at(line["data"], form.claims[name])
        if found is None:
            return None
        values[name] = cast("Literal", cast("Any", term.sort)(found))
    return values


def _is_to_same_host(data: Line) -> bool:
    return bool(data["evidence"]["host"]["id"] == data["evidence"]["destination"]["id"])


def value_at(data: Any, path: Path) -> Any:
    """What stands in a place of the data of an event; ``None`` if there is no such place."""
    for key in path:
        data = data.split(".")[("major", "minor").index(key)] if isinstance(data, str) else data.get(key)
        if data is None:
            return None
    return data


def draw_values(form: ExpectedEvent, random: Random) -> Mapping[str, Literal]:
    """Any values; or those that were recorded, with up to two others among them. Hypothesis would take too long."""
    sorts, recorded = sorts_of(form), recorded_values(form)
    if random.random() < 0.2:
        return {**{name: _any(name, sort, random) for name, sort in sorts.items()}, **fixed_by(form)}
    nothing = {name: with_number(0, sort) for name, sort in sorts.items()}
    names = random.sample(sorted(form.variables), min(len(form.variables), random.randrange(3)))
    changes = {name: _any(name, sorts[name], random) for name in names}
    return {**nothing, **random.choice(recorded), **changes, **fixed_by(form)}


def with_number(number: int, sort: Sort) -> Literal:
    """The value of a sort with a number."""
    return list(sort)[number] if issubclass(sort, StrEnum) else sort(number)


def _any(name: str, sort: Sort, random: Random) -> Literal:
    if issubclass(sort, StrEnum):
        return random.choice(list(sort))
    if sort is bool:
        return random.random() < 0.5
    if name.endswith((".major", ".minor")):
        return random.choice((0, 2, 6, 8, 9999))
    edge, anything = random.choice(EDGES), random.randrange(LARGEST + 1)
    near = (edge, abs(edge - 1), edge + 1, random.randrange(41) * QUANTUM, anything)
    return min(random.choice(near), LARGEST)


# What the terms say


@cache
def results_of(form: ExpectedEvent) -> dict[str, Term]:
    """All terms of a form that are written as queries."""
    found = [form.holds, form.guest, *terms_of(form.data)]
    states = [form.vm_before, form.vm_after]
    for host in form.hosts:
        states += [host.before, host.after]
        if host.book is not None:
            found += [host.book.gives, host.book.gets_back, *terms_of(host.book.data)]
    for state in states:
        found += [] if state is None else [term for _, term in leaves(state)]
    return {f"result {number}": term for number, term in enumerate(dict.fromkeys(found))}


Meaning = Mapping[Term, Literal]
"""What each term of a form comes to."""


def meaning_of(form: ExpectedEvent, values: Mapping[str, Literal]) -> Meaning:
    """What the terms of a form come to."""
    results = [*results_of(form).values()]
    return dict(zip(results, evaluate_all(results, values), strict=True))


def stated(part: Part, meaning: Meaning, id: str) -> object:
    """A part of an event as JSON."""
    match part:
        case None:
            return None
        case Text():
            return part.text
        case Claimed():
            return TEXTS[part.path]
        case FromStream():
            return id
        case ReadVersion() | VersionBefore():
            return VERSION
        case Nullable():
            return stated(part.part, meaning, id) if meaning[part.condition] else None
        case Term():
            return meaning[part]
        case SymbolicRecord() if part.kind is ConfigVersion:
            return f"{meaning[part.term('major')]}.{meaning[part.term('minor')]}"
        case SymbolicRecord():
            return {name: stated(inner, meaning, id) for name, inner in part.fields.items()}
        case _:
            return {name: stated(inner, meaning, id) for name, inner in part.items()}


# What CPython records


@dataclass(frozen=True)
class Recorded:
    """What CPython records of a command."""

    topic: str
    """Of its first event; empty if it has none."""
    data: Mapping[str, Any]
    books: list[tuple[str, Mapping[str, Any]]]
    """The topics and the data of the other events."""
    vm: Vm | None
    """The VM afterwards."""
    hosts: list[Host]
    """The hosts afterwards: that of the VM, and the one that it moves or would move to."""

    def holds(self) -> bool:
        """Whether the invariants hold afterwards."""
        if self.vm is None:
            nobody = cast("Site", concretize(SITE, dict.fromkeys((name for name, _ in leaves(SITE, "site")), 0)))
            return all(rule(Site(self.hosts[0], nobody.vm, 0)) for rule in HOST_INVARIANTS)
        if self.topic == topic_of(VmMoved):
            left, reached = self.hosts
            left_holds = all(rule(Site(left, self.vm, 0)) for rule in HOST_INVARIANTS)
            return left_holds and all(rule(Site(reached, self.vm, self.vm.held)) for rule in INVARIANTS)
        return all(rule(Site(self.hosts[0], self.vm, self.vm.held)) for rule in INVARIANTS)


def record_with_cpython(form: ExpectedEvent, values: Mapping[str, Literal]) -> Recorded:
    """What is recorded where a command is decided in the state that the values describe."""
    site = cast("Site", concretize(SITE, values))
    given = {
        name: concretize(symbolic(name, kind), values)
        for name, kind in parameter_types(rule_of(form)).items()
        if name not in ("site", "host")
    }
    host = HostAggregate("hv", site.host, {"a": site.vm.held}, VERSION)
    kind = COMMANDS["set-memory" if form.sized else form.command]
    arguments = form.data.get("arguments")
    command: Any
    if kind is DefineVm:
        is_named = not isinstance(arguments, Mapping) or "name" in arguments
        command = DefineVm(vm="a", host="hv", name="the name" if is_named else None, **given)
        reads = Reads(host=host)
    elif kind is RegisterHost:
        command, reads = RegisterHost(host="hv", **given), Reads()
    elif form.vm_before is None:
        vms = given.pop("vms", None)
        command, reads = cast("Any", kind)(host="hv", **given), Reads(host=host, vms=vms)
    elif kind is MoveVm:
        other = host if given["same_host"] else HostAggregate("other", given["destination"], {}, VERSION)
        command = MoveVm(vm="a", to=other.id)
        reads = Reads(vm=VmAggregate("a", "a", "hv", site.vm), host=host, destination=other)
    else:
        command, reads = cast("Any", kind)(vm="a", **given), Reads(vm=VmAggregate("a", "a", "hv", site.vm), host=host)
    answer = decide_by_rules(cast("HostCommand | VmCommand | DefineVm", command), reads)
    vm = None if form.vm_after is None else answer.after or site.vm
    hosts = {"hv": host} | ({} if reads.destination is None else {reads.destination.id: reads.destination})
    for stream, event in answer.events:
        if isinstance(event, HostRegistered):
            hosts["hv"] = begin_host("hv", event)
        elif isinstance(event, HostEvent):
            apply_to_host(hosts[subject_id(stream)], event)
        elif isinstance(event, VmDefined):
            vm = vm_defined(event.generation, event.guest, event.config_version, event.memory)
    written = [_written(event) for _, event in answer.events] or [("", {})]
    return Recorded(*written[0], books=written[1:], vm=vm, hosts=[host.state for host in hosts.values()])


def _written(event: Event) -> tuple[str, Mapping[str, Any]]:
    topic, body = encode(event, _METADATA)
    return topic, json.loads(body)["data"]
