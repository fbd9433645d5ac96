"""The VMs that are known by their VmId, by what they are called: counters and Prometheus know names only."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from nilometer.importers.hyperv.known import Past

_AS_INSTANCE: Final = str.maketrans("()#/\\", "[]___")
_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def as_instance(name: str) -> str:
    """A name as all that tell it may write it.

    Counters write a VM's name as the instance of an object, in which ``(`` and ``)`` are brackets, and ``#``, ``/`` and
    ``\\`` are underscores; programs that read them may have put it in lower case.
    """
    return name.translate(_AS_INSTANCE).casefold()


class Names:
    """What each VM is called and where it is, by the ledger and by this import. Only ids with the prefix count."""

    def __init__(self, prefix: str | None, past: Past) -> None:
        self._begins = "" if prefix is None else f"{prefix}."
        self._past: Past | None = past
        self._known: dict[str, tuple[str, str | None]] = {}
        """Name and host of a VM, by its id."""
        self._ids: dict[str, set[str]] = {}

    def take(self, id: str, name: str, host: str | None) -> None:
        """A VM is called so, and is on that host."""
        known = as_instance(name), host
        before = self._known.get(id)
        if before != known:
            self._known[id] = known
            if before is not None:
                self._ids[before[0]].discard(id)
            self._ids.setdefault(known[0], set()).add(id)

    def of(self, name: str, host: str | None) -> Collection[str]:
        """The ids of the VMs that are called so: of several, those on this host, if there are any."""
        past, self._past = self._past, None
        for id, called, on in () if past is None else past.names():
            if id not in self._known and id.startswith(self._begins) and _GUID.fullmatch(id, len(self._begins)):
                self.take(id, called, on)
        ids = self._ids.get(as_instance(name), set[str]())
        on_it = [id for id in ids if self._known[id][1] == host] if len(ids) > 1 and host is not None else []
        return on_it or ids
