"""One resize of a running guest: decided first, written down before it is sent, and settled by what is seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Final

from domain.decision import Outcome, outcome_of
from domain.identifiers import UtcTime
from domain.observed.words import Means
from nilometer.drive.changes import find_change
from nilometer.drive.driver import (
    CannotBeAsked,
    Capabilities,
    DeviceChange,
    Driver,
    DriverAnswer,
    LineBroken,
    MemoryReading,
    Message,
)
from nilometer.drive.evidence_file import EvidenceFile
from nilometer.drive.expecting import Expectation, rehearse
from nilometer.drive.locks import lock_changes
from nilometer.drive.places import VmPlace
from nilometer.drive.watching import VmWatch
from nilometer.messages.sizes import format_sizes
from nilometer.times import Clock, current_time, format_time, system_clock

Progress = Callable[[str], None]
"""Called with what is going on, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveRequest:
    """A size that a running VM shall have, who wants it, and how long to wait for it. Sizes are bytes."""

    size: int
    actor: str
    via: str = "nilo"
    reason: str | None = None
    correlation: str | None = None
    means: Means = Means.VIRTIO_MEM
    device: str | None = None
    only_in_full: bool = False
    """Sends nothing if less than all of it is expected."""
    dry_run: bool = False
    """Sends nothing, and writes nothing down."""
    settle: float = 8.0
    """Seconds without a change, after which what came is what came."""
    limit: float = 90.0
    """Seconds after which it is no longer waited for, though it still moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrivePace:
    """How long things take between a driver, a hypervisor and a guest, in seconds."""

    poll: float = 0.25
    """How often sizes are read while a change settles: not every change of a size has an event."""
    late: float = 1.2
    """QEMU holds an event of a size back for up to a second."""
    report: float = 3.0
    """A guest that reports each second has reported anew by then."""


USUAL_PACE: Final = DrivePace()


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveOutcome:
    """What came of a request, as the line to the hypervisor showed it. Sizes are bytes."""

    outcome: Outcome | None
    """``None``: nobody knows, because the line broke."""
    requested: int
    granted: int | None
    expectation: Expectation | None
    problem: str | None = None
    hint: str = ""
    was_sent: bool = False
    seconds: float = 0.0
    record: int | None = None
    """The number of the record that says what came."""


@dataclass(slots=True)
class ResizeRun:
    """One resize, from attaching to its settlement. What it learns stands in the evidence, in this order."""

    driver: Driver
    place: VmPlace
    request: DriveRequest
    clock: Clock = system_clock
    progress: Progress = lambda text: None
    pace: DrivePace = USUAL_PACE
    watch: VmWatch = field(init=False)
    evidence: EvidenceFile = field(init=False)
    reports: bool = False
    """The guest reports what it has available."""

    def __post_init__(self) -> None:
        self.evidence = self.place.open_evidence(self.clock)
        self.watch = VmWatch(self.driver, self.evidence)

    async def run(self) -> DriveOutcome:
        """Makes the change. Raises ``CannotBeAsked`` where it cannot be asked for, and nothing was sent."""
        note = f"{self.request.actor} via {self.request.via}, since {format_time(current_time(self.clock))}"
        is_locked = nullcontext() if self.request.dry_run else lock_changes(self.place.lock, self.place.id, note)
        with is_locked:
            try:
                return await self._run()
            finally:
                await self.driver.close()

    async def _run(self) -> DriveOutcome:
        begun = time.monotonic()
        try:
            found, reading = await self.watch.look()
        except LineBroken as error:
            raise CannotBeAsked(error.message, hint="nothing was sent: try again") from None
        if not self.request.dry_run:
            self.evidence.mend()
        check_same_vm(self.evidence, found, self.place)
        if not self.request.dry_run:
            self.watch.write_attach(found, reading, alone=True)
        try:
            return await self._change(found, reading)
        finally:
            if not self.request.dry_run:
                self.evidence.append("meta", {"wall_s": round(time.monotonic() - begun, 3)}, of_vm=False, safe=True)

    async def _change(self, found: Capabilities, reading: MemoryReading) -> DriveOutcome:
        request, self.reports = self.request, found.reports
        if found.status != "running":
            raise CannotBeAsked(
                f"the VM does not run: QEMU says {found.status}; nothing was sent",
                hint="a guest has to run to move memory",
            )
        change = find_change(reading, request.size, means=request.means, device=request.device)
        if not change.amount and change.told in (None, change.target):
            return DriveOutcome(outcome=Outcome.COMPLETED, requested=0, granted=0, expectation=None)
        try:
            if not change.gives and found.reports:
                reading = await self._await_report(reading.at) or reading
        except LineBroken as error:
            self.watch.write_lost(error)
            raise CannotBeAsked(error.message, hint="nothing was sent: try again") from None
        expectation = rehearse(reading, change)
        refused = _refuse(request, expectation)
        if refused is not None or request.dry_run:
            return refused or DriveOutcome(outcome=None, requested=change.amount, granted=None, expectation=expectation)
        self.progress(f"expected: {expectation.describe()}")
        return await self._send(reading, change, expectation)

    async def _await_report(self, since: UtcTime, *, note: Callable[[], None] | None = None) -> MemoryReading | None:
        """Waits until the guest has reported anew; ``None`` if it does not."""
        end = time.monotonic() + self.pace.report
        while True:
            reading = await self.driver.observe(since)
            if reading.available is not None:
                return reading
            if time.monotonic() >= end:
                return None
            await self.watch.take_events(self.pace.poll)

    # What is sent

    async def _send(self, before: MemoryReading, change: DeviceChange, expectation: Expectation) -> DriveOutcome:
        request = self.request
        asked = {
            "mechanism": change.means.value,
            "requested": change.target,
            "actor": request.actor,
            "via": request.via,
            "reason": request.reason,
            "correlation": request.correlation,
            "expected": expectation.granted,
        }
        *preparing, last = change.messages
        for message in preparing:
            answer = await self._ask(message, {"mechanism": change.means.value, "requested": None})
            if not answer.accepted:
                return self._refused(change, expectation, answer)
        self.evidence.append("intent", {"qmp": last, **asked}, safe=True)
        answer = await self._ask(last, asked)
        if answer.accepted is None:
            return self._refused(change, expectation, answer)
        begun = time.monotonic()
        refused = answer.accepted is False
        try:
            reading = await (self.driver.observe(sizes_only=True) if refused else self._settle(before, change))
            after = await self._measure(reading, change, refused=refused)
        except LineBroken as error:
            return self._broken(change, expectation, error)
        came = self._settled(before, after, change, expectation, answer, time.monotonic() - begun)
        left = change.undo if refused else change.tidy if after.size_of(change) == change.target else ()
        for message in left:
            await self._ask(message, {"mechanism": change.means.value, "requested": None})
        return came

    async def _ask(self, message: Message, asked: Message) -> DriverAnswer:
        """Sends a message, and writes down its answer, or that the line broke before one came."""
        answer = await self.driver.request(message)
        record = {"qmp": message, "reply": answer.reply, "accepted": answer.accepted, **asked}
        self.evidence.append("command", record, safe=True)
        return answer

    def _refused(self, change: DeviceChange, expectation: Expectation, answer: DriverAnswer) -> DriveOutcome:
        """Nothing came of it, or nobody knows."""
        if answer.accepted is None:
            return self._broken(change, expectation, LineBroken(answer.error or "the line broke"))
        return DriveOutcome(
            outcome=Outcome.REJECTED,
            requested=change.amount,
            granted=0,
            expectation=expectation,
            problem=f"QEMU refused it: {answer.error}",
            was_sent=True,
        )

    def _broken(self, change: DeviceChange, expectation: Expectation, error: LineBroken) -> DriveOutcome:
        self.watch.write_lost(error)
        return DriveOutcome(
            outcome=None,
            requested=change.amount,
            granted=None,
            expectation=expectation,
            problem=f"nobody knows what came of it: {error.message}",
            hint="run it again: it says what QEMU was last told, and goes on from there",
            was_sent=True,
        )

    # What came of it

    async def _settle(self, before: MemoryReading, change: DeviceChange) -> MemoryReading:
        """Waits until the target is reached, or nothing has moved for a while, or it has taken too long."""
        begun = moved = time.monotonic()
        size = change.size_from
        while True:
            await self.watch.take_events(self.pace.poll)
            reading = await self.driver.observe(sizes_only=True)
            self.watch.write_sizes(reading, change)
            now, found = time.monotonic(), reading.size_of(change)
            if found != size:
                size, moved = found, now
            shown = format_sizes([abs(size - change.size_from), change.amount])
            self.progress(f"{shown[0]} of {shown[1]}, after {now - begun:.0f} s")
            if size == change.target or self.watch.ended is not None:
                return reading
            if now - moved >= self.request.settle or now - begun >= self.request.limit:
                return reading

    async def _measure(self, reading: MemoryReading, change: DeviceChange, *, refused: bool) -> MemoryReading:
        """Measures the VM after the last move: waits for events that are late, and for what the guest reports then."""
        end = time.monotonic() + self.pace.late
        while self.watch.awaits_event and (left := end - time.monotonic()) > 0:
            await self.watch.take_events(left)
        since = self.watch.moved_at
        reported = (
            None if refused or self.watch.ended or not self.reports else await self._await_report(since or reading.at)
        )
        after = reported or replace(await self.driver.observe(sizes_only=True), available=None)
        self.watch.write_sizes(after, change)
        return after

    def _settled(
        self,
        before: MemoryReading,
        after: MemoryReading,
        change: DeviceChange,
        expectation: Expectation,
        answer: DriverAnswer,
        seconds: float,
    ) -> DriveOutcome:
        size = after.size_of(change)
        moved = size - change.size_from if change.gives else change.size_from - size
        granted = min(change.amount, max(0, moved))
        outcome = outcome_of(granted, change.amount) if answer.accepted else Outcome.REJECTED
        record = self.evidence.append(
            "step",
            {
                "mechanism": change.means.value,
                "requested": change.target,
                "size_before": change.size_from,
                "size_after": size,
                "outcome": self._name(outcome, granted),
                "settle_s": round(seconds, 3),
                "before": before.measure,
                "after": after.measure,
                "error": None if answer.accepted else (answer.reply or {}).get("error"),
            },
            safe=True,
        )
        return DriveOutcome(
            outcome=outcome,
            requested=change.amount,
            granted=granted,
            expectation=expectation,
            problem=None if answer.accepted else f"QEMU refused it: {answer.error}",
            was_sent=True,
            seconds=seconds,
            record=record["seq"],
        )

    def _name(self, outcome: Outcome, granted: int) -> str:
        if self.watch.ended is not None and self.watch.ended != "SHUTDOWN":
            return "guest_lost"
        names = {Outcome.COMPLETED: "complete", Outcome.REJECTED: "refused"}
        return names.get(outcome) or ("partial" if granted else "unchanged")


def check_same_vm(evidence: EvidenceFile, found: Capabilities, place: VmPlace) -> None:
    """Raises ``CannotBeAsked`` if the socket is another VM's than the evidence is of."""
    last = evidence.find_last("attach")
    before = None if last is None else last.get("uuid")
    if before is not None and found.uuid is not None and before != found.uuid:
        raise CannotBeAsked(
            f"this is another VM than {place.id} was: its UUID is {found.uuid}, and was {before}",
            hint="name the VM that it is, or its own socket",
        )


def _refuse(request: DriveRequest, expectation: Expectation) -> DriveOutcome | None:
    """Why a change is not sent, if it is not."""
    problem, hint = expectation.danger, expectation.hint
    if problem is None and request.only_in_full and not expectation.is_full:
        problem = f"not all of it is expected: {expectation.describe()}"
        hint = "without --only-in-full it is asked for all the same"
    if problem is None:
        return None
    return DriveOutcome(
        outcome=Outcome.REJECTED,
        requested=expectation.amount,
        granted=0,
        expectation=expectation,
        problem=f"{problem}; nothing was sent",
        hint=hint,
    )
