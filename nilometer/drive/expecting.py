"""What a change will come to: the rules that decide for a decided VM rehearse it on the figures that were observed."""

from __future__ import annotations

from dataclasses import dataclass

from domain.decision import Code
from domain.observed.words import Means
from domain.quantities import FLOOR, QUANTUM
from domain.resizing import take
from nilometer.drive.driver import DeviceChange, MemoryReading
from nilometer.messages.sizes import format_sizes, format_typed


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What is expected of a change. Sizes are bytes."""

    amount: int
    granted: int | None
    """``None``: nothing is known of what the guest uses."""
    code: Code = Code.NONE
    danger: str | None = None
    """Why it must not be asked for: the guest would not survive it."""
    hint: str = ""

    @property
    def is_full(self) -> bool:
        """Whether all of it is expected."""
        return self.granted == self.amount

    def describe(self) -> str:
        """What is expected, in words."""
        if self.granted is None:
            return "unknown: the guest does not report what it has available"
        granted, amount = format_sizes([self.granted, self.amount])
        return f"{amount}, all of it" if self.is_full else f"{granted} of {amount} ({self.code.value})"


def rehearse(reading: MemoryReading, change: DeviceChange) -> Expectation:
    """What the rules give of a change. What the host has left is not measured, so it bounds nothing."""
    amount = change.amount
    if change.gives:
        return Expectation(amount=amount, granted=amount)  # no more than the device can have is ever asked for
    if reading.available is None:
        if change.means is not Means.BALLOON:
            return Expectation(amount=amount, granted=None)
        danger = "a balloon below what the guest uses kills it, and this guest does not report what it uses"
        hint = "it reports by the driver of a virtio-balloon: give the VM that device, and load its driver in the guest"
        return Expectation(amount=amount, granted=None, danger=danger, hint=hint)
    above_least = reading.assigned - FLOOR
    decision = take(amount, reading.available, above_least)
    if amount <= min(reading.available, above_least):  # also where it is no whole number of quanta
        granted, code = amount, Code.NONE
    else:
        granted, code = decision.granted, decision.code
    in_use = reading.in_use or 0
    if change.means is not Means.BALLOON or reading.assigned - amount >= in_use + FLOOR:
        return Expectation(amount=amount, granted=granted, code=code)
    shown = format_sizes([in_use, FLOOR])
    danger = f"the guest uses {shown[0]}: a balloon that leaves it less than that and {shown[1]} more kills it"
    least = -(-(in_use + FLOOR) // QUANTUM) * QUANTUM
    return Expectation(amount=amount, granted=granted, code=code, danger=danger, hint=f"least: {format_typed(least)}")
