"""Who changed a VM, and who asked for it, as far as records that were read say so."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from domain.identifiers import UtcTime, seconds_between
from nilometer.importers.hyperv.hosts import GAP_SECONDS, HypervHost
from nilometer.importers.hyperv.jobs import UNATTRIBUTED, Attribution
from nilometer.importers.hyperv.readings import JobKind


@dataclass(slots=True)
class Authors:
    """Those who changed one VM, or have begun to."""

    changed_by: Attribution | None = None
    """Who changed something since the last reading, which the next may show."""
    open_changes: dict[str, Attribution] = field(default_factory=dict[str, Attribution])
    """Who has begun a change that has not ended, by its id."""
    requesters: dict[int, Attribution] = field(default_factory=dict[int, Attribution])
    """Who asked, by the number of the request."""

    def attribute(
        self,
        vm_id: str,
        host: HypervHost | None,
        happened: UtcTime,
        earliest: UtcTime | None,
        kinds: Collection[JobKind],
    ) -> Attribution:
        """Who made a change that a reading shows, by the jobs of the host."""
        who = UNATTRIBUTED if host is None else host.jobs.attribute(vm_id, earliest, happened, kinds)
        is_watched = earliest is not None and seconds_between(earliest, happened) <= GAP_SECONDS
        if who is UNATTRIBUTED and is_watched and self.open_changes:
            return next(reversed(self.open_changes.values()))
        return who

    def begin_change(self, id: str, who: Attribution) -> None:
        """Somebody has begun a change: what readings show until its end, and no job explains, is theirs."""
        self.open_changes[id] = who

    def end_change(self, id: str) -> None:
        """A change has ended, or its end is taken for lost."""
        self.open_changes.pop(id, None)

    def expect_change(self, who: Attribution | None) -> None:
        """Somebody changed something that the next reading may show."""
        self.changed_by = who

    def add_requester(self, number: int, who: Attribution, *, replaces: bool) -> None:
        """Somebody asked; an accepted request ``replaces`` those before."""
        self.requesters = {number: who} if replaces else {**self.requesters, number: who}
