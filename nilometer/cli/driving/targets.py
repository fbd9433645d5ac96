"""Which VMs are meant at the command line, and where their monitors are: by options, or by ``drive.toml``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from domain.observed.words import Means
from nilometer.cli.failures import Mistyped
from nilometer.drive.configuration import NAME, DriveConfiguration, read_configuration
from nilometer.drive.places import VmPlace, find_folder, find_place
from nilometer.errors import LedgerError, install_hint
from nilometer.ledger.ledger import Ledger
from nilometer.times import Clock

if TYPE_CHECKING:
    from nilometer.drive.driver import Driver


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveTarget:
    """A VM, and where its monitors are."""

    place: VmPlace
    qmp: str
    watch: str
    device: str | None = None
    means: Means | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenTarget:
    """What the options say of VMs."""

    socket: str | None
    file: str | None
    folder: str | None
    host: str | None


def find_configuration(given: GivenTarget) -> DriveConfiguration | None:
    """The file that is named, or that is in the current folder."""
    path = Path(given.file or NAME)
    if given.file is None and not path.exists():
        return None
    return read_configuration(path)


def find_targets(ledger: Ledger, words: tuple[str, ...], given: GivenTarget) -> list[DriveTarget]:
    """The VMs that are named; all of the file if none is. Raises ``InputError``."""
    configuration = find_configuration(given)
    folder = find_folder(ledger.url)
    if configuration is not None and configuration.evidence is not None:
        folder = configuration.evidence
    if given.folder is not None:
        folder = Path(given.folder)
    if given.socket is not None:
        if len(words) != 1:
            raise Mistyped("--qmp is the socket of one VM", hint=f"name one VM, or write several into {NAME}")
        place = find_place(ledger, words[0], folder, given.host)
        return [DriveTarget(place=place, qmp=given.socket, watch=given.socket)]
    if configuration is None:
        raise Mistyped(f"nothing says where the VM's monitor is: there is no --qmp and no {NAME}", hint="--qmp SOCKET")
    vms = [configuration.find(word) for word in words] or list(configuration.vms.values())
    return [
        DriveTarget(
            place=find_place(ledger, vm.vm, folder, given.host or vm.host),
            qmp=vm.qmp,
            watch=vm.watch,
            device=vm.device,
            means=vm.means,
        )
        for vm in vms
    ]


def open_driver(socket: str, clock: Clock) -> Driver:
    """The driver of a socket. Raises ``LedgerError`` if its library is not installed."""
    try:
        from nilometer.drive.qmp import QmpDriver
    except ImportError as error:
        raise LedgerError(f"nilo drive needs more: {error}", hint=install_hint("qmp")) from error
    return QmpDriver(socket, clock=clock)
