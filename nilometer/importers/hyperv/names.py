"""Ids of VMs, also where only a name is known: counters and Prometheus have no VmId."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from nilometer.importers.hyperv.state import Past

_AS_INSTANCE: Final = str.maketrans("()#/\\", "[]___")
_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def as_instance(name: str) -> str:
    """A name in the form that all sources of it have in common.

    Counters write a VM's name as the instance of an object, in which ``(`` and ``)`` are brackets, and ``#``, ``/`` and
    ``\\`` are underscores; programs that read them may have put it in lower case.
    """
    return name.translate(_AS_INSTANCE).casefold()


class Names:
    """The name and host of each VM, from the ledger and from this import. Only ids that begin so count."""

    def __init__(self, begins: str, past: Past) -> None:
        self._begins = begins
        self._past: Past | None = past
        """``None`` once its names are loaded."""
        self._known: dict[str, tuple[str, str | None]] = {}
        """Name and host of a VM, by its id."""
        self._ids: dict[str, set[str]] = {}

    def learn(self, id: str, name: str, host: str | None) -> None:
        """A VM has this name, and is on this host."""
        known = as_instance(name), host
        before = self._known.get(id)
        if before != known:
            self._known[id] = known
            if before is not None:
                self._ids[before[0]].discard(id)
            self._ids.setdefault(known[0], set()).add(id)

    @property
    def known(self) -> dict[str, tuple[str, str | None]]:
        """Names and hosts of VMs, by their ids."""
        return self._known

    @property
    def knows_all(self) -> bool:
        """Whether the names that the ledger has were looked up."""
        return self._past is None

    def go_on(self, known: Mapping[str, tuple[str, str | None]], *, knows_all: bool) -> None:
        """Goes on from what an earlier import knew."""
        self._past = None if knows_all else self._past
        for id, (name, host) in known.items():
            self._known[id] = name, host
            self._ids.setdefault(name, set()).add(id)

    def find_ids(self, name: str, host: str | None) -> Collection[str]:
        """The ids of the VMs of this name: of several, those on this host, if there are any."""
        self._load()
        ids = self._ids.get(as_instance(name), set[str]())
        on_host = [id for id in ids if self._known[id][1] == host] if len(ids) > 1 and host is not None else []
        return on_host or ids

    def find_members(self, host: str) -> Collection[str]:
        """The ids of the VMs on a host, as they are known by their VmIds."""
        self._load()
        return [id for id, (_, on) in self._known.items() if on == host]

    def _load(self) -> None:
        past, self._past = self._past, None
        for id, recorded_name, recorded_host in () if past is None else past.names():
            if id not in self._known and id.startswith(self._begins) and _GUID.fullmatch(id, len(self._begins)):
                self.learn(id, recorded_name, recorded_host)
