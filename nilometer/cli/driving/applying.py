"""``nilo apply`` of a plan for guests of QEMU: each step is driven, up to the first that is not granted as planned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.decision import Outcome
from domain.observed.words import Means
from nilometer.cli.driving.answers import code_of, result_to_document, show_result
from nilometer.cli.driving.running import drive_shown
from nilometer.cli.driving.targets import DriveTarget, GivenTarget, find_configuration, find_targets
from nilometer.cli.failures import OK, Interrupted, say
from nilometer.cli.output import Output
from nilometer.cli.session import Session
from nilometer.drive.driver import CannotBeAsked
from nilometer.drive.driving import DriveRequest
from nilometer.ledger.ledger import Ledger
from nilometer.planning.observed_goals import DriveStep

_AGAIN: Final = "make the plan again: nilo plan --help"
"""What was planned rested on figures that are others now."""


def find_drivers(ledger: Ledger, steps: Sequence[DriveStep], given: GivenTarget) -> list[DriveTarget] | None:
    """The VMs of these steps, if the file of driven VMs has them all; else ``None``."""
    configuration = find_configuration(given)
    if configuration is None or not steps or not all(step.vm in configuration.vms for step in steps):
        return None
    return find_targets(ledger, tuple(step.vm for step in steps), given)


def drive_steps(
    session: Session,
    out: Output,
    ledger: Ledger,
    steps: Sequence[DriveStep],
    targets: Sequence[DriveTarget],
    *,
    reason: str,
    correlation: str,
) -> int:
    """Drives one VM after the other, and returns the exit code of the last that was driven.

    Raises ``Interrupted`` and ``CannotBeAsked``, which say how far it came.
    """
    for number, (step, target) in enumerate(zip(steps, targets, strict=True), 1):
        request = DriveRequest(
            size=step.size,
            actor=session.actor,
            via=session.via,
            reason=session.reason or reason,
            correlation=session.correlation or correlation,
            device=target.device,
            means=target.means or Means.VIRTIO_MEM,
        )
        try:
            result = drive_shown(session, ledger, target, request)
        except Interrupted as stopped:
            what = f"step {number} of {len(steps)} was interrupted{_describe_left(number, len(steps))}"
            raise Interrupted(f"{what}; {stopped}", hint=f"{stopped.hint}; {_AGAIN}") from None
        except CannotBeAsked as refused:
            what = f"step {number} of {len(steps)}: {refused.message}{_describe_left(number, len(steps))}"
            raise CannotBeAsked(what, hint=_AGAIN if number > 1 else refused.hint) from None
        if out.json:
            out.write_record(result_to_document(result))
        else:
            show_result(out, result, ledger.url, dry_run=False)
        out.flush()
        if result.outcome is not Outcome.COMPLETED:
            left = _describe_left(number, len(steps))
            say("error", f"step {number} of {len(steps)} was to be granted in full{left}", _AGAIN)
            return code_of(result.outcome)
    return OK


def _describe_left(number: int, count: int) -> str:
    """Which steps were not sent because one ended it."""
    if number == count:
        return ""
    return f"; step {count} was not sent" if number + 1 == count else f"; steps {number + 1} to {count} were not sent"
