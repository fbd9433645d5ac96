"""A decision on a command: its outcome, the code of the reason when it falls short, and what is granted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.record import fast_init
from domain.rule import rule


class Outcome(StrEnum):
    """How a command ended."""

    COMPLETED = "completed"
    """The whole request was granted."""
    PARTIALLY_COMPLETED = "partially-completed"
    """Part of the request was granted: the most that was possible."""
    FAILED = "failed"
    """It was allowed, but nothing could be granted."""
    REJECTED = "rejected"
    """A condition of the command did not hold."""
    DONE = "done"
    """A command that grants no amount took effect."""


class Code(StrEnum):
    """Why a command was not granted in full: stable names for programs."""

    NONE = "none"
    """There is nothing to explain."""

    WRONG_POWER_STATE = "wrong-power-state"
    INVALID_SETTING = "invalid-setting"
    INVALID_AMOUNT = "invalid-amount"
    HOST_WOULD_BE_OVERCOMMITTED = "host-would-be-overcommitted"
    HOST_NOT_EMPTY = "host-not-empty"
    SAME_HOST = "same-host"
    STATIC_WHILE_RUNNING = "static-while-running"
    NOT_WHILE_RUNNING = "not-while-running"
    DYNAMIC_MEMORY_ENABLED = "dynamic-memory-enabled"
    DYNAMIC_MEMORY_DISABLED = "dynamic-memory-disabled"
    GUEST_CANNOT_RESIZE = "guest-cannot-resize"
    CONFIGURATION_VERSION = "configuration-version"
    IN_USE_NOT_REPORTED = "in-use-not-reported"
    IMPLAUSIBLE = "implausible"

    INSUFFICIENT_HOST_MEMORY = "insufficient-host-memory"
    SIZE_LIMIT = "size-limit"
    MEMORY_IN_USE = "memory-in-use"
    MINIMUM_REACHED = "minimum-reached"

    POLICY = "policy"
    """A policy that was adopted would not hold afterwards, or less than before."""


@fast_init
@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one command. Sizes are bytes; those that do not apply are 0."""

    outcome: Outcome
    code: Code
    granted: int
    """What was given to the VM, or taken from it."""
    hot_added: int
    """The part of a gift that is new to the guest."""
    unballooned: int
    """The part of a gift that the balloon let go."""
    paged: int
    """What the guest had to page out for what was taken."""


@rule
def done() -> Decision:
    """A command that grants no amount takes effect."""
    return Decision(outcome=Outcome.DONE, code=Code.NONE, granted=0, hot_added=0, unballooned=0, paged=0)


@rule
def rejected(code: Code) -> Decision:
    """A condition does not hold: nothing changes, and the code names the first such condition."""
    return Decision(outcome=Outcome.REJECTED, code=code, granted=0, hot_added=0, unballooned=0, paged=0)


@rule
def failed(code: Code) -> Decision:
    """The command was allowed but could not be granted: nothing changes."""
    return Decision(outcome=Outcome.FAILED, code=code, granted=0, hot_added=0, unballooned=0, paged=0)


@rule
def accepted(decision: Decision) -> bool:
    """A decision that takes effect, in full or in part."""
    return decision.outcome is not Outcome.REJECTED and decision.outcome is not Outcome.FAILED


@rule
def refused_or_done(code: Code) -> Decision:
    """A command with conditions but no amount: rejected with the code of the first that fails, else done."""
    if code is Code.NONE:
        return done()
    return rejected(code)


@rule
def outcome_of(granted: int, amount: int) -> Outcome:
    """What a grant is called: all of it completed, some of it partially completed, none of it failed."""
    if granted == amount:
        return Outcome.COMPLETED
    if granted > 0:
        return Outcome.PARTIALLY_COMPLETED
    return Outcome.FAILED
