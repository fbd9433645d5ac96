"""What is known of a guest by the name of its operating system: how memory leaves it."""

from __future__ import annotations

import re
from typing import Final

from domain.guests import Guest
from domain.observed.events import VmObserved
from domain.settings import Mode
from nilometer.importers.hyperv.readings import GuestReading
from nilometer.importers.hyperv.state import Emission
from nilometer.importers.hyperv.vm.vm import HypervVm

FIRST_HOT_REMOVED: Final = 2016
"""The first release of Windows Server from which memory can be removed while it runs."""
_SERVER: Final = re.compile(r"windows server (\d{4})", re.IGNORECASE)
_CLIENT: Final = re.compile(r"windows (\d+(?:\.\d)?|vista)\b", re.IGNORECASE)


def find_guest(system: str | None, *, nested: bool | None) -> Guest | None:
    """The kind of a guest; ``None`` where its name does not tell, as for Linux, whose release it does not name."""
    if nested:
        return Guest.UNENLIGHTENED
    server, client = _SERVER.search(system or ""), _CLIENT.search(system or "")
    if server is not None:
        return Guest.WINDOWS if int(server[1]) >= FIRST_HOT_REMOVED else Guest.WINDOWS_LEGACY
    if client is not None:
        return Guest.WINDOWS if client[1] in ("10", "11") else Guest.WINDOWS_LEGACY
    return None


def take_guest(vm: HypervVm, reading: GuestReading) -> list[Emission]:
    """Records what is new of a guest.

    Whether Dynamic Memory takes memory from Windows 10 and 2016 by a balloon is disputed: there it decides nothing.
    """
    guest = find_guest(reading.system, nested=reading.nested)
    memory = vm.state.memory
    if guest is Guest.WINDOWS and (memory is None or memory.mode is not Mode.STATIC):
        guest = None
    if vm.state.version == 0 or (guest in (None, vm.state.guest) and reading.system in (None, vm.state.kernel)):
        return []
    return [vm.emit(VmObserved(guest=guest, kernel=reading.system, record=reading.record), reading.at)]
