"""The jobs of a host: who submitted them. Nothing else records that in general, and the host forgets jobs soon."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.identifiers import UtcTime
from domain.observed.events import UNKNOWN_ACTOR
from nilometer.importers.hyperv.readings import JobKind, JobReading
from nilometer.times import to_utc_time

NOBODY: Final = UNKNOWN_ACTOR
"""The actor of a change that nobody recorded."""
HYPER_V: Final = "hyper-v"
"""The tool, where none is known."""
POWERSHELL: Final = "powershell"

MEMORY_JOBS: Final = frozenset({JobKind.ADD_MEMORY, JobKind.REMOVE_MEMORY, JobKind.MODIFY, JobKind.CHECKPOINT})
POWER_JOBS: Final = frozenset({JobKind.POWER, JobKind.CHECKPOINT})

MOST_JOBS: Final = 1000
"""Jobs of a host that are kept."""
SLACK: Final = timedelta(seconds=60)
"""A poll takes time: it may show a job that was submitted after the poll began."""
KEPT: Final = timedelta(minutes=5)
"""How long a host lists a job that has ended. After a longer interval without a poll, some jobs are unknown."""
BEFORE: Final = timedelta(minutes=10)
"""How long before a change its job can have been submitted, if the beginning of the interval is unknown."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who did something, with which tool, and how the job ended."""

    actor: str
    via: str
    in_full: bool | None = None
    """Whether the job completed without a warning."""
    error: str | None = None


UNATTRIBUTED: Final = Attribution(actor=NOBODY, via=HYPER_V)


class Jobs:
    """The latest jobs of one host, each once, in its last state."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[tuple[str, str, JobKind], JobReading] = OrderedDict()

    def add(self, job: JobReading) -> bool:
        """Keeps a job; returns whether it is new or has ended since."""
        key = job.job, job.at, job.kind
        before = self._jobs.get(key)
        self._jobs[key] = job
        if len(self._jobs) > MOST_JOBS:
            self._jobs.popitem(last=False)
        return before is None or before.in_full != job.in_full

    def attribute(
        self,
        vm: str,
        earliest: UtcTime | None,
        happened: UtcTime,
        kinds: Collection[JobKind],
        slack: timedelta = SLACK,
    ) -> Attribution:
        """Who changed a VM in an interval: the owner of the jobs that can have done it, if all have the same owner.

        ``slack`` is how long after ``happened`` they can have been submitted. In an interval longer than the host
        lists its jobs there may have been another one, so the change stays unattributed.
        """
        until = datetime.fromisoformat(happened)
        if earliest is not None and until - datetime.fromisoformat(earliest) > KEPT + SLACK:
            return UNATTRIBUTED
        latest = to_utc_time(until + slack) if until.year < datetime.max.year else happened
        first = earliest if earliest is not None else to_utc_time(until - BEFORE) if until.year > 1 else happened
        candidates = [
            job
            for job in self._jobs.values()
            if job.kind in kinds and job.vm_id in (None, vm) and first <= job.at <= latest
        ]
        candidates = [job for job in candidates if job.vm_id == vm] or candidates
        owners = {job.owner for job in candidates}
        if len(owners) != 1 or not all(owners):  # a job without an owner may have been anybody's
            return UNATTRIBUTED
        last = candidates[-1]
        return Attribution(
            actor=last.owner or NOBODY, via=f"{HYPER_V} job ({last.kind})", in_full=last.in_full, error=last.error
        )
