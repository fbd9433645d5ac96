"""``nilo apply`` of a plan for guests of QEMU: each step is driven, up to the first that is not granted as planned."""

from __future__ import annotations

from collections.abc import Sequence

from domain.decision import Outcome
from domain.observed.events import Means
from nilometer.cli.driving.answers import code_of, result_to_document, show_result
from nilometer.cli.driving.running import drive_shown
from nilometer.cli.driving.targets import DriveTarget, GivenTarget, find_configuration, find_targets
from nilometer.cli.failures import OK, say
from nilometer.cli.output import Output
from nilometer.cli.session import Session
from nilometer.drive.driving import DriveRequest
from nilometer.ledger.ledger import Ledger
from nilometer.planning.observed_goals import DriveStep


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
    """Drives one VM after the other, and returns the exit code of the last that was driven."""
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
        result = drive_shown(session, ledger, target, request)
        if out.json:
            out.write_record(result_to_document(result))
        else:
            show_result(out, result, ledger.url, dry_run=False)
        out.flush()
        if result.outcome is not Outcome.COMPLETED:
            left = f"; steps {number + 1} to {len(steps)} were not sent" if number < len(steps) else ""
            say("error", f"step {number} was to be granted in full{left}", "make the plan again: nilo plan --help")
            return code_of(result.outcome)
    return OK
