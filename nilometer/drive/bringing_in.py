"""Evidence into the ledger: what was written down is imported, so that the ledger never has more than the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from domain.decision import Outcome
from domain.errors import InputError, NilometerError
from domain.identifiers import UtcTime, vm_stream
from domain.observed.events import VmRequestSettled
from nilometer.drive.driver import CannotBeAsked, Driver
from nilometer.drive.driving import USUAL_PACE, DriveOutcome, DrivePace, DriveRequest, Progress, ResizeRun
from nilometer.drive.live_import import LiveImport
from nilometer.drive.loops import run_to_end
from nilometer.drive.places import VmPlace
from nilometer.errors import UnreadableEvent
from nilometer.importers.qemu.importer import QemuImporter
from nilometer.ledger.ledger import Ledger

LOOKED_AT = 20
"""Lines of evidence, of which the first that records anything shows whether the ledger has it."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a request settled, and when: at a moment, or between two."""

    event: VmRequestSettled
    happened: UtcTime
    earliest: UtcTime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveResult:
    """What came of a request, in the ledger too. Sizes are bytes."""

    vm: str
    came: DriveOutcome
    evidence: Path
    positions: tuple[int, ...] = ()
    """The events of the VM that were recorded."""
    settled: tuple[Settlement, ...] = ()
    """How requests settled in them: of this one, and of those before it that were still open."""
    not_recorded: NilometerError | None = None
    """Why the ledger does not have it: the evidence has."""
    set_aside: int = 0
    """Bytes of a record that had broken off."""

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; ``None`` where nobody knows."""
        return self.came.outcome


def drive(
    ledger: Ledger,
    place: VmPlace,
    request: DriveRequest,
    driver: Driver,
    *,
    progress: Progress = lambda text: None,
    pace: DrivePace = USUAL_PACE,
) -> DriveResult:
    """Resizes a running VM, and records what came of it. Raises ``CannotBeAsked`` where nothing was sent.

    Stopped by Ctrl-C, what was written down until then is recorded all the same.
    """
    check_same_history(ledger, place)
    run = ResizeRun(driver=driver, place=place, request=request, clock=ledger.clock, progress=progress, pace=pace)
    before = ledger.position
    try:
        came = run_to_end(run.run())
    except (KeyboardInterrupt, CannotBeAsked):
        if not request.dry_run:
            record_evidence(ledger, LiveImport(run.evidence.path, request.actor))
        raise
    result = DriveResult(vm=place.id, came=came, evidence=run.evidence.path, set_aside=run.evidence.set_aside)
    if request.dry_run:
        return result
    failed = record_evidence(ledger, LiveImport(run.evidence.path, request.actor))
    read = [
        envelope
        for envelope in ledger.read_all(before, ledger.position)
        if not isinstance(envelope, UnreadableEvent) and envelope.stream == vm_stream(place.id)
    ]
    return DriveResult(
        vm=place.id,
        came=came,
        evidence=run.evidence.path,
        positions=tuple(envelope.position for envelope in read),
        settled=tuple(
            Settlement(envelope.event, envelope.metadata.happened, envelope.metadata.earliest)
            for envelope in read
            if isinstance(envelope.event, VmRequestSettled)
        ),
        not_recorded=failed,
        set_aside=run.evidence.set_aside,
    )


def record_evidence(ledger: Ledger, live: LiveImport) -> NilometerError | None:
    """Records what is new in the evidence of a VM; returns why it could not be, and nothing is lost then."""
    try:
        live.take(ledger, ends=True)
    except NilometerError as error:
        return error
    return None


def check_same_history(ledger: Ledger, place: VmPlace) -> None:
    """Raises ``InputError`` if the ledger has another history of the VM than its evidence."""
    path = place.open_evidence().path
    if not path.exists() or not ledger.has_begun(vm_stream(place.id)):
        return
    importer = QemuImporter(str(path))
    with path.open("rb") as file:
        for number, line in enumerate(islice(file, LOOKED_AT), 1):
            for observation in importer.read_line(line.rstrip(b"\r\n"), number):
                if observation.begins and not ledger.known([observation.key]):
                    raise InputError(
                        f"the ledger has another history of {place.id} than {path}",
                        hint="name the evidence that it has: --evidence DIR; or another id: --host NAME",
                    )
                return
