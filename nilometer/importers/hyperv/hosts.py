"""The hosts of an import: which one is meant by a name, and what of it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from domain.identifiers import UtcTime, host_stream
from domain.observed.events import HostObserved
from domain.observed.host import ObservedHost
from nilometer.importers.hyperv.known import Host, Past, is_older, last_told
from nilometer.importers.hyperv.readings import HostReading
from nilometer.importers.hyperv.told import Told
from nilometer.importers.run import ImportCounts
from nilometer.ledger.requests import Fact

OLDER: Final = "older than what is known"


class Hosts:
    """All hosts that were named. Ids are ``PREFIX.`` and the host's short name in lower case."""

    def __init__(self, prefix: str | None, past: Past, tell: Callable[[Told], None]) -> None:
        self._prefix = prefix
        self._past = past
        self._give = tell
        self._by_id: dict[str, Host] = {}
        self._by_name: dict[str, Host] = {}
        """By the names as they are told, such as ``HV01`` and ``hv01.contoso.com``."""

    def named(self, name: str) -> Host:
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
            host = self._by_id[id] = Host(id, ObservedHost.begin(id))
        self._by_name[name] = host
        return host

    def moved(self, id: str | None) -> None:
        """Memory of a VM has moved on a host, to it or away from it."""
        host = None if id is None else self._by_id.get(id)
        if host is not None:
            host.moved = True

    def met(self, r: HostReading, *, live: bool) -> bool:
        """Tells what is new of a host itself, before anything that happened on it; whether there was something."""
        host = self.named(r.host)
        if live and not host.synced:
            goes_on = host.fold.version > 0
            host.fold, host.synced = self._past.host(host.id), True
            host.known_until = None if goes_on else last_told(host.fold)
        if is_older(host, r.at):
            return False
        host.available = r.available
        if host.synced and not live:  # what it told is known
            return False
        name = r.host if host.fold.version == 0 else None
        version = r.version if r.version != host.fold.host_version else None
        if version is None and r.total in (None, host.fold.total):
            return False
        self._tell(host, HostObserved(name=name, version=version, total=r.total, record=r.record), r.at)
        return True

    def measured(self, r: HostReading, counts: ImportCounts, *, news: bool, live: bool) -> None:
        """Tells what a host has left: each hour, and when memory moved on it, as that shows where it went."""
        host = self.named(r.host)
        if is_older(host, r.at):
            counts.add_not_needed(OLDER)
            return
        if host.synced and not live:
            return
        last = host.fold.measured.get("total" if r.available is None else "free")
        due = last is None or last[:13] != r.at[:13] or (host.moved and r.available is not None)
        if due:
            self._tell(host, HostObserved(total=r.total, free=r.available, record=r.record), r.at)
            host.moved = False
        if due or news:
            counts.events += 1
        else:
            counts.repeats += 1

    def _tell(self, host: Host, event: HostObserved, at: str) -> None:
        moment = UtcTime(at)
        host.fold.apply(event, moment)
        self._give(Told(Fact(host_stream(host.id), event, moment), None, None))
