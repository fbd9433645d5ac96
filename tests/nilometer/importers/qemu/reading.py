"""Reading the recordings in tests: all facts of one, and what they come to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from domain.identifiers import split_stream
from domain.observed.events import Observed
from domain.observed.host import HostAccount, ObservedHost, account_of
from domain.observed.vm import ObservedVm
from nilometer.importers.qemu.importer import QemuImporter
from nilometer.importers.run import ImportCounts
from nilometer.ledger.requests import Fact, Observation
from tests.paths import RECORDINGS

NAMES = sorted(path.stem for path in RECORDINGS.glob("*.jsonl"))
D1, N1, N2, N5, N6, N8, S1, S2, S4, S5, S7 = NAMES

E = TypeVar("E", bound=Observed)


def lines_of(name: str) -> list[bytes]:
    """The lines of a recording."""
    return (RECORDINGS / f"{name}.jsonl").read_bytes().splitlines(keepends=True)


def observations(lines: Iterable[bytes], *, final: bool = False) -> tuple[list[Observation], ImportCounts]:
    """All that a recording gives, and the counts of its records."""
    importer = QemuImporter("recording.jsonl")
    given = [observation for n, line in enumerate(lines, 1) for observation in importer.read_line(line, n)]
    given.extend(importer.finish(final=final))
    return given, importer.counts


def facts(lines: Iterable[bytes], *, final: bool = False) -> list[Fact]:
    """All facts of a recording, in order."""
    return [fact for observation in observations(lines, final=final)[0] for fact in observation.facts]


def events(lines: Iterable[bytes], kind: type[E]) -> list[E]:
    """All events of one kind."""
    return [fact.event for fact in facts(lines) if isinstance(fact.event, kind)]


@dataclass
class Fleet:
    """The hosts and VMs of a recording as its facts leave them."""

    hosts: dict[str, ObservedHost] = field(default_factory=dict[str, ObservedHost])
    vms: dict[str, ObservedVm] = field(default_factory=dict[str, ObservedVm])

    def apply(self, fact: Fact) -> None:
        """Lets a fact happen."""
        kind, id = split_stream(fact.stream)
        assert isinstance(fact.event, Observed)
        if kind == "host":
            self.hosts.setdefault(id, ObservedHost.begin(id)).apply(fact.event, fact.happened, fact.earliest)
        else:
            self.vms.setdefault(id, ObservedVm.begin(id)).apply(fact.event, fact.happened, fact.earliest)

    def account(self, host: str) -> HostAccount:
        """The account of a host."""
        return account_of(self.hosts[host], [vm for vm in self.vms.values() if vm.host == host])


def states(lines: Iterable[bytes]) -> Iterator[tuple[Fact, Fleet]]:
    """Every fact, and the fleet after it."""
    fleet = Fleet()
    for fact in facts(lines):
        fleet.apply(fact)
        yield fact, fleet


@dataclass
class Store:
    """Records observations as a ledger does: each once by its key."""

    facts: list[Fact] = field(default_factory=list[Fact])
    keys: set[str] = field(default_factory=set[str])

    def record(self, given: Sequence[Observation]) -> list[tuple[int, ...]]:
        """The positions of each observation; none if it was there."""
        positions: list[tuple[int, ...]] = []
        for observation in given:
            new = observation.facts if observation.key not in self.keys else ()
            self.keys.add(observation.key)
            positions.append(tuple(range(len(self.facts) + 1, len(self.facts) + len(new) + 1)))
            self.facts.extend(new)
        return positions
