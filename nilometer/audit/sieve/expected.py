"""The events that commands record, as terms: what has to stand in an event is written from the rules that record it.

An expected event is one form in which a command is recorded: the event of its success, or its refusal. Its figures are
terms over the state before and over what was asked. Both are claimed by the event itself; that the state before is the
one that the events before left, the sieve checks apart. A form that is not described here is left to the judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Final, cast

from domain import events
from domain.changes import host_figures
from domain.commands import COMMANDS
from domain.deciding.hosts import HOST_EVENTS
from domain.deciding.vms import VM_EVENTS
from domain.decision import Code
from domain.events import Event, VmEvent, VmFigures
from domain.guests import Guest
from domain.recording import VmCommandName, VmEventKind
from domain.recording_on_hosts import HostCommandName, HostEventKind
from domain.state import Site, Vm
from nilometer.storage.bodies import topic_of
from rules.judging.decided.attribution import HOST_INVARIANTS
from rules.specification.invariants import INVARIANTS
from rules.specification.predicate import is_predicate
from rules.symbolic import terms
from rules.symbolic.reader import RuleReader
from rules.symbolic.terms import FALSE, TRUE, ZERO, Term, constant
from rules.symbolic.values import SymbolicRecord, Value, as_record, as_term, equal, leaves, replace_in
from rules.transitions.host_commands import HostCommand, host_commands
from rules.transitions.vm_commands import SITE, Transition, possible_values, transitions

Path = tuple[str, ...]
"""Where something stands in the data of an event."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is the same in all events of this form."""

    text: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A text that the event itself claims, such as the id of the host that was read."""

    path: Path


@dataclass(frozen=True, slots=True)
class FromStream:
    """The id of the VM or host that the event is about."""


@dataclass(frozen=True, slots=True)
class ReadVersion:
    """The version of the host's stream that was read."""


@dataclass(frozen=True, slots=True)
class Nullable:
    """Something that is null unless a condition holds."""

    condition: Term
    part: Part


Part = Mapping[str, "Part"] | Term | SymbolicRecord | Text | Claimed | FromStream | ReadVersion | Nullable | None
"""Something that stands in an event; ``None`` is null."""

HOST_ID: Final[Path] = ("evidence", "host", "id")
HOST_VERSION: Final[Path] = ("evidence", "host", "stream_version")


@dataclass(frozen=True, slots=True)
class BookChange:
    """The event on the host's stream that follows directly."""

    gives: Term
    """Whether it says that memory was granted."""
    gets_back: Term
    """Whether it says that memory was returned; if neither, there is none."""
    data: Mapping[str, Part]
    """The data of both."""


@dataclass(frozen=True, slots=True)
class ExpectedEvent:
    """One form in which a command is recorded."""

    topic: str
    command: str
    sized: bool | None
    """Whether it was asked for by a size, with ``set-memory``; ``None`` where an event does not say."""
    claims: Mapping[str, Path]
    """Where the variables of the terms stand in the event itself, by their names."""
    data: Mapping[str, Part]
    holds: Term
    """What else has to hold: that it is recorded in this form, and the invariants after it."""
    vm_before: SymbolicRecord | None
    """``None`` if the VM begins, or the event is about a host."""
    vm_after: SymbolicRecord | None
    host_before: SymbolicRecord | None
    """``None`` if the host begins."""
    host_after: SymbolicRecord
    book: BookChange | None = None

    @property
    def is_refusal(self) -> bool:
        """Whether the command was refused."""
        return self.topic in _REFUSALS

    @property
    def is_removal(self) -> bool:
        """Whether nothing can follow on its stream."""
        return self.topic == topic_of(events.VmRemoved)

    @property
    def guest(self) -> Term:
        """The guest after it, by which it is counted."""
        return constant(Guest.WINDOWS) if self.vm_after is None else self.vm_after.term("guest")

    @property
    def variables(self) -> Mapping[str, Term]:
        """The variables of all its terms."""
        book = self.book
        books = [] if book is None else [book.gives, book.gets_back, *_terms_of(book.data)]
        states = [self.vm_before, self.vm_after, self.host_before, self.host_after]
        known = [term for state in states if state is not None for _, term in leaves(state)]
        return terms.variables(self.holds, self.guest, *_terms_of(self.data), *books, *known)


_REFUSALS: Final = (topic_of(events.VmCommandRefused), topic_of(events.HostCommandRefused))


def _terms_of(part: Part) -> Iterator[Term]:
    match part:
        case Term():
            yield part
        case SymbolicRecord():
            yield from (term for _, term in leaves(part))
        case Nullable():
            yield part.condition
            yield from _terms_of(part.part)
        case Mapping():
            for inner in part.values():
                yield from _terms_of(inner)
        case _:
            pass


@cache
def expected_events() -> Sequence[ExpectedEvent]:
    """All forms that the sieve knows."""
    expecting = _Expecting()
    return (*expecting.on_vms(), *expecting.on_hosts())


_ORIGIN: Final = Text("decided")
_LEFT: Final = ("move-vm",)
"""Commands that are left to the judge."""
_PLAIN: Final = ("amount", "size", "in_use")
"""Arguments that are one figure."""


class _Expecting:
    """Reads the rules once."""

    def __init__(self) -> None:
        self._program = RuleReader()
        self._specification = RuleReader(is_predicate)

    # Commands on VMs

    def on_vms(self) -> Iterator[ExpectedEvent]:
        """The events of commands on VMs, but of ``move-vm``."""
        for transition in transitions(self._program):
            if transition.command in _LEFT:
                continue
            for kind in cast("list[VmEventKind]", possible_values(transition.recorded.term("event"))):
                if kind is VmEventKind.NOTHING:
                    continue
                asked = as_record(transition.recorded["asked"])
                for command in cast("list[VmCommandName]", possible_values(asked.term("command"))):
                    if _is_recorded_so(transition.command, kind, command):
                        yield self._on_vm(transition, kind, command)

    def _on_vm(self, transition: Transition, kind: VmEventKind, command: VmCommandName) -> ExpectedEvent:
        refused = kind is VmEventKind.COMMAND_REFUSED
        recorded = replace_in(transition.recorded, transition.accepted, FALSE if refused else TRUE)
        asked = as_record(recorded["asked"])
        after, host = as_record(recorded["after"]), as_record(recorded["host"])
        shape = VM_EVENTS[kind.value]
        is_so = terms.both(
            transition.accepted if not refused else terms.negation(transition.accepted),
            terms.equal(recorded.term("event"), constant(kind)),
            terms.equal(asked.term("command"), constant(command)),
            recorded.term("vm_written"),
            terms.negation(recorded.term("destination_gives")),
        )
        site = SymbolicRecord(Site, {"host": host, "vm": after, "entry": self._held(after)})
        # What changes nothing keeps the invariants that held before, and the event before was looked at.
        before = SymbolicRecord(Site, {**SITE.fields, "entry": self._held(as_record(SITE["vm"]))})
        return ExpectedEvent(
            topic=topic_of(shape.kind),
            command=command.value,
            sized=transition.command == "set-memory",
            claims=_claims_of_vm(transition.arguments, refused=refused),
            data=self._data_of_vm(shape.kind, recorded, command, transition.arguments),
            holds=terms.both(is_so, *([] if equal(site, before) is TRUE else self._invariants(site))),
            vm_before=as_record(SITE["vm"]),
            vm_after=after,
            host_before=as_record(SITE["host"]),
            host_after=host,
            book=self._book(recorded),
        )

    def _data_of_vm(
        self, kind: type[Event], recorded: SymbolicRecord, command: VmCommandName, arguments: Mapping[str, Value]
    ) -> Mapping[str, Part]:
        decision, asked = as_record(recorded["decision"]), as_record(recorded["asked"])
        after, shape = as_record(recorded["after"]), next(s for s in VM_EVENTS.values() if s.kind is kind)
        has_amount = asked.term("has_amount")
        vm = as_record(as_record(recorded["read"])["vm"])
        written: dict[str, Part] = {
            "after": recorded["after_figures"],
            "before": recorded["before_figures"],
            "command": Text(command.value),
            "evidence": {
                "destination": None,
                "host": _host_read(as_record(as_record(recorded["read"])["host"]), recorded),
                "vm": {
                    name: vm[name]
                    for name in ("generation", "guest", "config_version", "memory", "in_use_reported", "vsc")
                },
                "vms": None,
            },
            "granted": Nullable(has_amount, decision["granted"]),
            "requested": Nullable(has_amount, asked["amount"]),
            **_of_decision(decision),
        }
        own: dict[str, Part] = {name: decision[name] for name in shape.decided}
        own |= {name: self._figure(after, name) for name in shape.changed}
        if shape.has_size:
            own["size"] = Nullable(asked.term("has_size"), asked["size"])
        if kind is events.VmCommandRefused:
            own["arguments"] = _arguments(command, asked, arguments)
        return _complete(kind, written | own)

    def _figure(self, vm: SymbolicRecord, name: str) -> Value:
        if name in vm.fields:
            return vm[name]
        derived = cast("property", vars(Vm)[name]).fget
        assert derived is not None
        return self._program.call(derived, [vm])

    def _book(self, recorded: SymbolicRecord) -> BookChange | None:
        gives, gets_back = recorded.term("host_gives"), recorded.term("host_gets_back")
        if terms.value_of(gives) is False and terms.value_of(gets_back) is False:
            return None
        decision, asked = as_record(recorded["decision"]), as_record(recorded["asked"])
        data: dict[str, Part] = {
            "after": self._program.call(host_figures, [recorded["host"]]),
            "before": self._program.call(host_figures, [as_record(recorded["read"])["host"]]),
            "bytes": recorded["bytes"],
            "command": asked["command"],
            "granted": Nullable(asked.term("has_amount"), decision["granted"]),
            "requested": Nullable(asked.term("has_amount"), asked["amount"]),
            "vm": FromStream(),
            **_of_decision(decision),
        }
        assert _complete(events.HostMemoryGranted, data) is _complete(events.HostMemoryReturned, data)
        return BookChange(gives=gives, gets_back=gets_back, data=data)

    def _held(self, vm: SymbolicRecord) -> Value:
        derived = cast("property", vars(Vm)["held"]).fget
        assert derived is not None
        return self._program.call(derived, [vm])

    def _invariants(self, site: SymbolicRecord) -> list[Term]:
        return [as_term(self._specification.call(invariant, [site])) for invariant in INVARIANTS]

    # Commands on hosts, and define-vm

    def on_hosts(self) -> Iterator[ExpectedEvent]:
        """The events of commands on hosts, and definitions of VMs; refusals of them are left to the judge."""
        known = host_commands(self._program)
        for kind in (HostEventKind.REGISTERED, HostEventKind.RESIZED, HostEventKind.RESERVE_SET):
            for command in known.values():
                if command.command in _HOST_NAMES and kind in possible_values(command.recorded.term("event")):
                    yield self._on_host(command, kind)
        yield self._defined(known["define-vm"])

    def _on_host(self, command: HostCommand, kind: HostEventKind) -> ExpectedEvent:
        recorded = replace_in(command.recorded, command.accepted, TRUE)
        after, shape = as_record(recorded["after"]), HOST_EVENTS[kind.value]
        has_before = recorded.term("has_before")
        written: dict[str, Part] = {
            "after": recorded["after_figures"],
            "before": Nullable(has_before, recorded["before_figures"]),
            "command": Text(command.command),
            **_of_decision(as_record(recorded["decision"])),
            **{name: after[name] for name in shape.changed},
        }
        is_so = terms.both(
            command.accepted,
            terms.equal(recorded.term("event"), constant(kind)),
            terms.equal(recorded.term("command"), constant(HostCommandName(command.command))),
            recorded.term("written"),
        )
        site = SymbolicRecord(Site, {**SITE.fields, "host": after, "entry": ZERO})
        holds = [as_term(self._specification.call(invariant, [site])) for invariant in HOST_INVARIANTS]
        claims: dict[str, Path] = {name: (name,) for name in command.arguments}
        if command.before is not None:
            claims |= {f"site.host.{name}": ("before", name) for name in ("total", "reserve", "held")}
        return ExpectedEvent(
            topic=topic_of(shape.kind),
            command=command.command,
            sized=None,
            claims=claims,
            data=_complete(shape.kind, written),
            holds=terms.both(is_so, *holds),
            vm_before=None,
            vm_after=None,
            host_before=None if command.before is None else _without_release(command.before),
            host_after=after if command.before is None else _without_release(after),
        )

    def _defined(self, command: HostCommand) -> ExpectedEvent:
        recorded = replace_in(command.recorded, command.accepted, TRUE)
        defined, host = as_record(recorded["defined"]), as_record(SITE["host"])
        written: dict[str, Part] = {
            "after": recorded["defined_figures"],
            "before": None,
            "command": Text(command.command),
            "evidence": {"destination": None, "host": _host_read(host, recorded), "vm": None, "vms": None},
            "granted": None,
            "requested": None,
            "host": Claimed(HOST_ID),
            "name": Claimed(("name",)),
            **{name: defined[name] for name in command.arguments},
            **_of_decision(as_record(recorded["decision"])),
        }
        site = SymbolicRecord(Site, {"host": host, "vm": defined, "entry": self._held(defined)})
        claims: dict[str, Path] = {f"site.host.{name}": ("evidence", "host", name) for name in _READ_OF_HOST}
        for name, value in command.arguments.items():
            claims |= {path: tuple(path.split(".")) for path, _ in leaves(value, name)}
        return ExpectedEvent(
            topic=topic_of(events.VmDefined),
            command=command.command,
            sized=None,
            claims=claims,
            data=_complete(events.VmDefined, written),
            holds=terms.both(command.accepted, recorded.term("vm_written"), *self._invariants(site)),
            vm_before=None,
            vm_after=defined,
            host_before=host,
            host_after=host,
        )


_HOST_NAMES: Final = tuple(HostCommandName)
_READ_OF_HOST: Final = ("total", "reserve", "version", "held")


def _is_recorded_so(asked: str, kind: VmEventKind, command: VmCommandName) -> bool:
    """Whether a command that was asked for can be recorded as another one in this form, and the sieve knows it."""
    if kind is not VmEventKind.COMMAND_REFUSED:
        event = {
            VmCommandName.CONFIGURE_MEMORY: VmEventKind.MEMORY_CONFIGURED,
            VmCommandName.ADD_MEMORY: VmEventKind.MEMORY_ADDED,
            VmCommandName.REMOVE_MEMORY: VmEventKind.MEMORY_REMOVED,
        }
        return asked != "set-memory" or event.get(command) is kind
    names = set(COMMANDS[command.value].__slots__) - {"vm"}
    return names <= set(_PLAIN)


def _of_decision(decision: SymbolicRecord) -> dict[str, Part]:
    code = decision.term("code")
    return {
        "code": Nullable(terms.negation(terms.equal(code, constant(Code.NONE))), code),
        "origin": _ORIGIN,
        "outcome": decision["outcome"],
    }


def _host_read(host: SymbolicRecord, recorded: SymbolicRecord) -> Mapping[str, Part]:
    return {
        "id": Claimed(HOST_ID),
        "stream_version": ReadVersion(),
        **{name: host[name] for name in _READ_OF_HOST},
        "free": recorded["free"],
        "cap": recorded["cap"],
    }


def _arguments(command: VmCommandName, asked: SymbolicRecord, arguments: Mapping[str, Value]) -> Mapping[str, Part]:
    """The arguments of a refused command, as its event records them."""
    known: dict[str, Part] = {"amount": asked["amount"], "size": asked["size"]}
    known |= {name: value for name, value in arguments.items() if name not in known}
    return {name: known[name] for name in COMMANDS[command.value].__slots__ if name != "vm"}


def _claims_of_vm(arguments: Mapping[str, Value], *, refused: bool) -> dict[str, Path]:
    """Where the state before and the arguments of a command stand in its event."""
    claims: dict[str, Path] = {f"site.host.{name}": ("evidence", "host", name) for name in _READ_OF_HOST}
    figures = {field.name for field in fields(VmFigures)}
    for path, _ in leaves(SITE["vm"]):
        claims[f"site.vm.{path}"] = ("before", path) if path in figures else ("evidence", "vm", *path.split("."))
    for name, value in arguments.items():
        for path, _ in leaves(value, name):
            if name in ("amount", "size"):
                claims[path] = ("requested" if name == "amount" else "size",)
            else:
                claims[path] = (*(("arguments",) if refused else ()), *path.split("."))
    return claims


def _without_release(host: SymbolicRecord) -> SymbolicRecord:
    """A host of which an event does not say the release."""
    return SymbolicRecord(host.kind, {name: value for name, value in host.fields.items() if name != "version"})


def _complete(kind: type[Event], written: Mapping[str, Part]) -> Mapping[str, Part]:
    """The data of an event. Raises ``TypeError`` if its class has a field more or less."""
    names = {field.name for field in fields(cast("type[VmEvent]", kind))}
    if names != set(written):
        raise TypeError(f"{kind.KIND} has other fields than those that are expected: {names ^ set(written)}")
    return written
