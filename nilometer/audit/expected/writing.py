"""What the events of several kinds have alike: what was decided, the host that was read, the invariants after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Final, cast

from domain.commands import VmCommand
from domain.decision import Code
from domain.events import Event, VmEvent
from domain.rule import Rule
from domain.state import Vm
from nilometer.audit.expected.parts import HOST_READ, Nullable, Part, Path, ReadVersion, Text, id_in
from rules.specification.invariants import INVARIANTS
from rules.specification.predicate import is_predicate
from rules.symbolic import terms
from rules.symbolic.reader import RuleReader
from rules.symbolic.terms import Term, constant
from rules.symbolic.values import SymbolicRecord, Value, as_term
from rules.transitions.vm_commands import Transition, transition_of

ORIGIN: Final = Text("decided")
READ_OF_HOST: Final = ("total", "reserve", "version", "held")


class RuleTerms:
    """The rules and the specification as terms, each read when it is first needed."""

    def __init__(self) -> None:
        self.program = RuleReader()
        self._specification = RuleReader(is_predicate)
        self.transitions: dict[type[VmCommand], Transition] = {}

    def transition_of(self, command: type[VmCommand]) -> Transition:
        """The transition of a command on a VM, which may be recorded as another command."""
        found = self.transitions.get(command)
        if found is None:
            found = self.transitions[command] = transition_of(self.program, command)
        return found

    def figure(self, vm: SymbolicRecord, name: str) -> Value:
        """A figure of a VM, also one that is derived from others."""
        if name in vm.fields:
            return vm[name]
        derived = cast("property", vars(Vm)[name]).fget
        assert derived is not None
        return self.program.call(derived, [vm])

    def check(self, site: SymbolicRecord, invariants: tuple[Rule, ...] = INVARIANTS) -> list[Term]:
        """That invariants hold."""
        return [as_term(self._specification.call(invariant, [site])) for invariant in invariants]


def of_decision(decision: SymbolicRecord) -> dict[str, Part]:
    """What every event of a decision says of it."""
    code = decision.term("code")
    return {
        "code": Nullable(terms.negation(terms.equal(code, constant(Code.NONE))), code),
        "origin": ORIGIN,
        "outcome": decision["outcome"],
    }


def host_read(host: SymbolicRecord, free: Value, cap: Value, place: Path = HOST_READ) -> Mapping[str, Part]:
    """The evidence of a host that was read."""
    return {
        "id": id_in(place),
        "stream_version": ReadVersion(place),
        **{name: host[name] for name in READ_OF_HOST},
        "free": free,
        "cap": cap,
    }


def claims_of_host_read(host: str = "site.host", place: Path = HOST_READ) -> dict[str, Path]:
    """Where the figures of a host that was read stand in an event."""
    return {f"{host}.{name}": (*place, name) for name in READ_OF_HOST}


def complete(kind: type[Event], written: Mapping[str, Part]) -> Mapping[str, Part]:
    """The data of an event. Raises ``TypeError`` if its class has a field more or less."""
    names = {field.name for field in fields(cast("type[VmEvent]", kind))}
    if names != set(written):
        raise TypeError(f"{kind.KIND} has other fields than those that are expected: {names ^ set(written)}")
    return written
