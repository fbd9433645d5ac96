"""``nilo drive --watch``: stays, and records what others do to the memory of running guests."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from nilometer.cli.driving.targets import DriveTarget, open_driver
from nilometer.cli.failures import OK, say
from nilometer.cli.output import Output
from nilometer.cli.session import Session
from nilometer.drive.bringing_in import check_same_history, record_evidence
from nilometer.drive.staying import VmStay, stay
from nilometer.errors import UnreadableEvent
from nilometer.history.codecs import envelope_to_line
from nilometer.ledger.ledger import Ledger
from nilometer.messages.events import describe
from nilometer.messages.provenance import describe_actor, describe_reason, describe_time
from nilometer.messages.sizes import plural


def watch_vms(session: Session, ledger: Ledger, targets: Sequence[DriveTarget], every: float) -> int:
    """Watches VMs until Ctrl-C, and shows each event that is recorded."""
    out = Output(session.format)

    def note(text: str) -> None:
        say("note", text)

    def show(positions: Sequence[int]) -> None:
        for position in positions:
            for envelope in ledger.read_all(position - 1, position):
                if isinstance(envelope, UnreadableEvent):
                    continue
                if out.json:
                    out.write_history_line(envelope_to_line(envelope, ledger.id))
                    continue
                metadata = envelope.metadata
                head = f"#{position} {describe_time(metadata)} · {describe_actor(metadata)}"
                out.write_line(f"{head}: {describe(envelope)}{describe_reason(metadata)}")
        out.flush()

    def make_stay(target: DriveTarget) -> VmStay:
        check_same_history(ledger, target.place)
        return VmStay(
            place=target.place,
            open_driver=lambda: open_driver(target.watch, session.clock),
            every=every,
            say=note,
            actor=session.actor,
            clock=session.clock,
        )

    stays = [make_stay(target) for target in targets]
    note(f"{plural(len(stays), 'VM')} watched (Ctrl-C ends)")
    with suppress(KeyboardInterrupt):
        stay(ledger, stays, every=every, show=show, say=note)
    for one in stays:
        failed = record_evidence(ledger, one.live)
        if failed is not None:
            say("error", failed.message, failed.hint)
    note("stopped; what was seen is recorded")
    return OK
