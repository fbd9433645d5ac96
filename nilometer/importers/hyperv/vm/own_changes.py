"""Changes that were begun, and whose end is not recorded yet: what polls show meanwhile is theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from domain.identifiers import UtcTime, seconds_between
from domain.observed.words import BASE_MEMORY
from nilometer.importers.hyperv.jobs import POWERSHELL, Attribution
from nilometer.importers.hyperv.readings import ChangeReading
from nilometer.importers.hyperv.vm.vm import HypervVm
from nilometer.importers.run import ImportCounts

PATIENCE_SECONDS: Final = 600
"""For so long a change may go on; then its end is taken for lost."""
UNENDED: Final = "its end was not recorded"
LATE: Final = "its end came late"


def attribution_of(change: ChangeReading) -> Attribution:
    """Who made a change, with which tool, why, and with which ticket."""
    return Attribution(actor=change.user, via=change.via or POWERSHELL, reason=change.reason, ticket=change.ticket)


class OwnChanges:
    """The changes of all hosts that have begun and not ended, by their ids."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[ChangeReading, ImportCounts]] = {}
        self._given_up: set[str] = set()

    @property
    def open(self) -> dict[str, ChangeReading]:
        """The changes that have begun and not ended, by their ids."""
        return {id: change for id, (change, _) in self._open.items()}

    @property
    def given_up(self) -> set[str]:
        """The ids of the changes whose end was taken for lost."""
        return self._given_up

    def go_on(self, opened: Mapping[str, ChangeReading], given_up: set[str]) -> None:
        """Goes on from what an earlier import knew. The readings of its files are counted already."""
        self._open = {id: (change, ImportCounts()) for id, change in opened.items()}
        self._given_up = given_up

    def begin(self, change: ChangeReading, counts: ImportCounts) -> None:
        """A change has begun, and its reading waits for its end."""
        if change.id is not None and change.id not in self._given_up:
            self._open[change.id] = change, counts

    def end(self, change: ChangeReading) -> bool:
        """A change has ended; returns whether its end had been taken for lost."""
        opened = self._open.pop(change.id or "", None)
        if opened is not None:
            opened[1].repeats += 1
        return change.id in self._given_up

    def give_up(
        self, at: UtcTime | None = None, is_here: Callable[[ChangeReading], bool] = lambda _: True
    ) -> Iterator[ChangeReading]:
        """The changes whose end is taken for lost at this time: as long after their beginning, or at the end of all."""
        for id, (change, counts) in list(self._open.items()):
            if is_here(change) and (at is None or seconds_between(change.since, at) >= PATIENCE_SECONDS):
                del self._open[id]
                self._given_up.add(id)
                counts.events += 1
                yield replace(change, at=max(change.at, at or change.at), remark=UNENDED)

    def waiting(self) -> Iterator[ImportCounts]:
        """For each change that is open, the counts of its file."""
        for _, counts in self._open.values():
            yield counts


def is_shown(vm: HypervVm, change: ChangeReading) -> bool:
    """Whether polls that were read before the change's end have shown all of it: it is not recorded again."""
    if change.id is None or vm.read_at is None or not change.since < vm.read_at:
        return False
    return change.before != change.after == vm.state.size(BASE_MEMORY)
