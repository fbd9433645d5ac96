"""Which VM is meant, and where its evidence lies: a file for each VM, beside the ledger or where one says."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from domain.errors import InputError
from domain.identifiers import vm_stream
from domain.observed.vm import ObservedVm
from domain.shapes import Id
from nilometer.drive.evidence_file import EvidenceFile
from nilometer.ledger.reader import LedgerReader
from nilometer.storage.urls import SQLiteLocation, parse_url
from nilometer.textio.values import describe_value
from nilometer.times import Clock, system_clock

_ID: Final = TypeAdapter[str](Id)
ENDING: Final = ".drive"
"""The ending of the folder beside a ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VmPlace:
    """A VM in the ledger and in its evidence: its id is ``host.name``."""

    host: str
    name: str
    folder: Path

    @property
    def id(self) -> str:
        """The VM's id in the ledger."""
        return f"{self.host}.{self.name}"

    @property
    def lock(self) -> Path:
        """The file whose lock is the right to change the VM."""
        return self.folder / f"{self.id}.lock"

    def open_evidence(self, clock: Clock = system_clock) -> EvidenceFile:
        """The VM's evidence."""
        return EvidenceFile(self.folder / f"{self.id}.jsonl", scenario=self.host, vm=self.name, clock=clock)


def find_folder(url: str) -> Path:
    """The folder of the evidence, where none is named: beside a ledger in a file, else in the current folder."""
    location = parse_url(url)
    return location.path.with_suffix(ENDING) if isinstance(location, SQLiteLocation) else Path(f"nilometer{ENDING}")


def find_place(ledger: LedgerReader | None, word: str, folder: Path, host: str | None = None) -> VmPlace:
    """Finds the VM that is meant: one that is known, by its id or name; else a new one, ``host.name``.

    A new one without its host runs on this machine. Raises ``InputError`` for a VM that something else observed.
    """
    known = {} if ledger is None else ledger.views.fleet().vms
    named = [
        tracked.subject
        for id, tracked in known.items()
        if isinstance(tracked.subject, ObservedVm) and word in (id, tracked.subject.name)
    ]
    if host is not None:
        named = [vm for vm in named if vm.host == host]
    if len(named) > 1:
        raise InputError(f"{len(named)} VMs are named {word}", hint=f"name one: {named[0].id}")
    if named and named[0].host is not None and named[0].id.startswith(f"{named[0].host}."):
        found = VmPlace(host=named[0].host, name=named[0].id.removeprefix(f"{named[0].host}."), folder=folder)
    else:
        found = _name_new(word, folder, host)
    _check_names(found)
    if ledger is not None and ledger.has_begun(vm_stream(found.id)) and not found.open_evidence().path.exists():
        raise InputError(
            f"the VM {found.id} is in the ledger already, and its evidence is not in {folder}",
            hint="name the folder that has it: --evidence DIR; or another id: --host NAME",
        )
    return found


def _check_names(place: VmPlace) -> None:
    """Raises ``InputError`` for what is no id, before a file is named by it."""
    for text in (place.host, place.name, place.id):
        try:
            _ID.validate_python(text)
        except ValidationError as error:
            problem = describe_value(error.errors(include_url=False)[0])
            raise InputError(
                f"{text!r} is not an id: {problem}", hint="name a VM as its host and its name: hv01.web01"
            ) from None


def _name_new(word: str, folder: Path, host: str | None) -> VmPlace:
    if host is not None:
        return VmPlace(host=host, name=word.removeprefix(f"{host}."), folder=folder)
    before, dot, name = word.rpartition(".")
    return (
        VmPlace(host=before, name=name, folder=folder)
        if dot
        else VmPlace(host=socket.gethostname(), name=word, folder=folder)
    )
