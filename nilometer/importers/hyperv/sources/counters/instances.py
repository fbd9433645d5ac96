"""Instances of performance objects by name: which of them are one VM.

PDH numbers the instances of one name ``name``, ``name#1``, ``name#2`` in the order in which they occur, which may
change from one read to the next. Instances without a VM's name are containers and the like (the Host Compute Service);
windows_exporter calls them ``(unknown)``, and before 0.32 ``------``.
"""

from __future__ import annotations

import re
from typing import Final

from nilometer.importers.run import ImportCounts

AMBIGUOUS: Final = "VM of a name that several have"
NAMELESS: Final = "instance without the name of a VM"

_NUMBERED: Final = re.compile(r"(.*)#\d+", re.DOTALL | re.ASCII)
_NAMELESS: Final = re.compile(r"[(\[<]?\s*unknown\s*[)\]>]|\W*", re.IGNORECASE)


class Instances:
    """The instances of one file. Those that are no VM's are counted, and said once."""

    def __init__(self, counts: ImportCounts) -> None:
        self._counts = counts
        self._several: set[tuple[str | None, str]] = set()

    def learn(self, host: str | None, instance: str) -> None:
        """A file has this instance: the number shows that others have its name."""
        numbered = _NUMBERED.fullmatch(instance)
        if numbered is not None:
            self._several.add((host, numbered[1].casefold()))

    def is_vm(self, host: str | None, instance: str, place: str) -> bool:
        """Whether an instance is one VM's. Else its reading is counted."""
        numbered = _NUMBERED.fullmatch(instance)
        name = instance if numbered is None else numbered[1]
        if _NAMELESS.fullmatch(name):
            self._leave_out(NAMELESS, f"{place}: {instance!r} is not the name of a VM, and is left out")
        elif numbered is not None or (host, name.casefold()) in self._several:
            why = "several VMs have the name, and their numbers may change places"
            self._leave_out(AMBIGUOUS, f"{place}: {instance!r} is left out: {why}")
        else:
            return True
        return False

    def _leave_out(self, kind: str, note: str) -> None:
        self._counts.records += 1
        self._counts.add_not_needed(kind)
        if kind not in self._counts.remarks:
            self._counts.add_remark(kind, note)
