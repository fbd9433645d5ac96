"""The hosts of an import: which host a name means, and the events of the hosts themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from domain.identifiers import host_stream
from domain.observed.events import HostObserved
from domain.observed.host import ObservedHost
from nilometer.importers.hyperv.jobs import Jobs
from nilometer.importers.hyperv.readings import HostReading
from nilometer.importers.hyperv.state import Cutoff, Emission, Past, last_measured
from nilometer.importers.run import ImportCounts
from nilometer.ledger.requests import Fact

OLDER: Final = "older than what is known"
"""The kind of records that came too late, as imports store it."""


@dataclass(slots=True)
class HypervHost:
    """A host: what is recorded of it, and its latest jobs."""

    id: str
    state: ObservedHost
    jobs: Jobs = field(default_factory=Jobs)
    available: int | None = None
    """The memory that it had left when it was last read."""
    moved: bool = False
    """A VM's memory has moved to it or away from it since its available memory was last recorded."""
    cutoff: Cutoff = field(default_factory=Cutoff)

    def sync(self, recorded: ObservedHost) -> None:
        """Goes on from what the ledger knows."""
        self.cutoff.sync(None if self.state.version > 0 else last_measured(recorded))
        self.state = recorded

    def emit(self, event: HostObserved, reading: HostReading) -> Emission:
        """The host's next event."""
        self.state.apply(event, reading.at)
        fact = Fact(stream=host_stream(self.id), event=event, happened=reading.at)
        return Emission(fact, story=None, who=None)


class Hosts:
    """All hosts that were named. Ids are ``PREFIX.`` and the host's short name in lower case."""

    def __init__(self, prefix: str | None, past: Past) -> None:
        self._prefix = prefix
        self._past = past
        self._by_id: dict[str, HypervHost] = {}
        self._by_name: dict[str, HypervHost] = {}
        """By the names in files, such as ``HV01`` and ``hv01.contoso.com``."""

    def find(self, name: str) -> HypervHost:
        """The host of this name."""
        known = self._by_name.get(name)
        if known is not None:
            return known
        short = name.strip().lower()
        if not short.replace(".", "").isdigit():
            short = short.partition(".")[0]
        id = short if self._prefix is None else f"{self._prefix}.{short}"
        host = self._by_id.get(id)
        if host is None:
            host = self._by_id[id] = HypervHost(id=id, state=ObservedHost.begin(id))
        self._by_name[name] = host
        return host

    def mark_moved(self, *ids: str | None) -> None:
        """Memory of a VM has moved on these hosts."""
        for id in ids:
            if id is not None and id in self._by_id:
                self._by_id[id].moved = True

    def introduce(self, reading: HostReading, *, live: bool) -> list[Emission]:
        """The host's own news, before anything that happened on it. With ``live=False`` its reading is recorded."""
        host = self.find(reading.host)
        if live and not host.cutoff.synced:
            host.sync(self._past.host(host.id))
        if host.cutoff.known_until is not None and host.cutoff.is_older(reading.at):
            return []
        host.available = reading.available
        if host.cutoff.synced and not live:
            return []
        name = reading.host if host.state.version == 0 else None
        version = reading.version if reading.version != host.state.host_version else None
        if version is None and reading.total in (None, host.state.total):
            return []
        event = HostObserved(name=name, version=version, total=reading.total, record=reading.record)
        return [host.emit(event, reading)]

    def measure(self, reading: HostReading, counts: ImportCounts, *, is_news: bool, live: bool) -> list[Emission]:
        """The host's available memory: each hour, and whenever memory moved, as that shows where it went.

        Counts the reading; ``is_news`` if it gave an event before.
        """
        host = self.find(reading.host)
        if host.cutoff.known_until is not None and host.cutoff.is_older(reading.at):
            counts.add_not_needed(OLDER)
            return []
        if host.cutoff.synced and not live:
            return []
        last = host.state.measured.get("total" if reading.available is None else "free")
        emissions: list[Emission] = []
        if last is None or last[:13] != reading.at[:13] or (host.moved and reading.available is not None):
            event = HostObserved(total=reading.total, free=reading.available, record=reading.record)
            emissions.append(host.emit(event, reading))
            host.moved = False
        if emissions or is_news:
            counts.events += 1
        else:
            counts.repeats += 1
        return emissions
