"""Watching VMs for as long as one likes: what others do to their memory is written down, and recorded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.errors import InputError
from nilometer.drive.driver import CannotBeAsked, Driver, LineBroken, MemoryReading, Message
from nilometer.drive.driving import check_same_vm
from nilometer.drive.evidence_file import EvidenceFile
from nilometer.drive.live_import import LiveImport
from nilometer.drive.locks import nobody_changes
from nilometer.drive.loops import run_to_end
from nilometer.drive.places import VmPlace
from nilometer.drive.watching import VmWatch
from nilometer.importers.qemu.logs.writing import Thinning
from nilometer.ledger.ledger import Ledger
from nilometer.times import Clock, system_clock

QUIET_SECONDS: Final = 3.0
"""After so long without a record no late event is to come: what waits for one is decided."""
LABEL: Final = "watch"
"""The label of a measure that nobody asked for."""

Say = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class VmStay:
    """One VM that is watched, whether it runs or not: it is attached to whenever it can be."""

    place: VmPlace
    open_driver: Callable[[], Driver]
    every: float
    """Seconds between two readings of its sizes: not every change has an event."""
    say: Say
    actor: str
    clock: Clock = system_clock
    quiet: float = QUIET_SECONDS
    live: LiveImport = field(init=False)
    _thinning: Thinning = field(default_factory=Thinning)
    _length_read: int = 0
    """The length of the evidence when the sizes were last read."""
    _length_seen: int = 0
    _length_decided: int = 0
    """The length of the evidence when nothing waited to be decided."""
    _grown_at: float = 0.0
    _problem: str = ""
    _unanswered: int = 0
    """The number of the last intent whose driver ended before an answer came."""
    _must_look: bool = False
    """The next reading is written down, whatever it shows: it tells what became of that intent."""

    def __post_init__(self) -> None:
        self.live = LiveImport(self.place.open_evidence().path, self.actor)

    async def stay(self) -> None:
        """Watches the VM, until this is cancelled."""
        while True:
            driver = self.open_driver()
            watch = VmWatch(driver, self.place.open_evidence(self.clock))
            try:
                await self._attach(watch)
                while True:
                    await self._watch(watch)
            except LineBroken as error:
                watch.write_lost(error)
                self._report(error.message)
            except CannotBeAsked as error:
                self._report(error.message)
            finally:
                await driver.close()
            await asyncio.sleep(self.every)

    def _report(self, problem: str) -> None:
        """Says what is wrong, once."""
        if problem != self._problem:
            self._problem = problem
            self.say(f"{self.place.id}: {problem}; it is tried again")

    async def _attach(self, watch: VmWatch) -> None:
        try:
            found, reading = await watch.look()
        except LineBroken as error:
            raise CannotBeAsked(error.message) from None
        watch.evidence.mend()
        check_same_vm(watch.evidence, found, self.place)
        with nobody_changes(self.place.lock) as alone:
            watch.write_attach(found, reading, alone=alone)
        self._problem, self._thinning = "", Thinning()
        for _ in range(2):  # what was found stands in the evidence
            list(self._thinning.take(reading.at, _to_thin(reading)))
        self._length_read = watch.evidence.length

    async def _watch(self, watch: VmWatch) -> None:
        """Takes the events until the next reading, and then the reading, if it shows anything new."""
        end = time.monotonic() + self.every
        while (left := end - time.monotonic()) > 0:
            await watch.take_events(left)
        reading = await watch.driver.observe(watch.moved_at)
        if self._must_look:
            self._must_look, self._thinning = False, Thinning()
        for at, figures in self._thinning.take(reading.at, _to_thin(reading)):
            if at == reading.at or watch.evidence.length == self._length_read:  # records go forward in time
                watch.evidence.append("observation", {"label": LABEL, **figures}, at=at)
        watch.take_sizes(reading)
        self._length_read = watch.evidence.length

    def record(self, ledger: Ledger) -> list[int]:
        """Records what is new in the evidence; once it is quiet, also what waited for late events."""
        evidence, now = self.place.open_evidence(self.clock), time.monotonic()
        length = evidence.length
        if length != self._length_seen:
            self._length_seen, self._grown_at = length, now
        elif length == self._length_decided:
            return []
        elif now - self._grown_at >= self.quiet:
            with nobody_changes(self.place.lock) as is_quiet:
                if is_quiet:
                    self._note_unanswered(evidence)
                    evidence.append("meta", {"wall_s": 0}, of_vm=False)
                    self._length_decided = self._length_seen = evidence.length
        return self.live.take(ledger)

    def _note_unanswered(self, evidence: EvidenceFile) -> None:
        """Takes note of an intent without an answer: nobody changes the VM now, so none will come."""
        intent, command = evidence.find_last("intent"), evidence.find_last("command")
        if intent is None or intent["seq"] == self._unanswered:
            return
        if command is None or command["seq"] < intent["seq"] or command["accepted"] is None:
            self._unanswered, self._must_look = intent["seq"], True


def _to_thin(reading: MemoryReading) -> Message:
    """What is compared of a reading: not when the guest reported."""
    measured = {part: dict(figures) for part, figures in reading.measure.items()}
    measured["device"].pop("balloon_guest_stats", None)
    return measured


def stay(
    ledger: Ledger, stays: Sequence[VmStay], *, every: float, show: Callable[[Sequence[int]], None], say: Say
) -> None:
    """Watches VMs until Ctrl-C. ``show`` is given the positions of what was recorded."""

    async def record() -> None:
        while True:
            await asyncio.sleep(min(every, 1.0))
            for one in stays:
                try:
                    positions = one.record(ledger)
                except InputError as error:
                    say(f"{one.place.id}: {error.message}")
                    continue
                if positions:
                    show(positions)

    async def run() -> None:
        await asyncio.gather(record(), *(one.stay() for one in stays))

    run_to_end(run())
