"""What others do between a ledger's decision and its commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eventsourcing.persistence import StoredEvent

from nilometer.ledger.ledger import Ledger
from nilometer.storage.recorder import NOTHING_EXPECTED, ExpectedVersions, LedgerRecorder
from nilometer.storage.store import Receipt


def recorder_of(ledger: Ledger) -> LedgerRecorder:
    """The recorder behind a ledger."""
    return ledger._recorder  # pyright: ignore[reportPrivateUsage]


class Commits:
    """Every write that a ledger tries, and what is to happen just before the first ones."""

    def __init__(self, ledger: Ledger, *before: Callable[[], object]) -> None:
        self.tried = 0
        self._before = list(before)
        recorder = recorder_of(ledger)
        self._record = recorder.record
        recorder.record = self.record  # type: ignore[method-assign]

    def record(
        self,
        events: Sequence[StoredEvent],
        receipts: Sequence[Receipt] = (),
        expected: ExpectedVersions = NOTHING_EXPECTED,
    ) -> Sequence[int]:
        """As the recorder's own."""
        self.tried += 1
        if self._before:
            self._before.pop(0)()
        return self._record(events, receipts, expected)
