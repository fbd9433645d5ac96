"""The jobs of a host: who submitted them. Nothing else records that in general, and the host forgets jobs soon."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from domain.identifiers import UtcTime
from domain.observed.words import UNKNOWN_ACTOR
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
"""A poll takes time, and lists jobs last: it may show a job that was submitted after the poll began."""
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
    """The number of the job's error, if it did."""
    words: str | None = None
    """What the job says of that."""
    reason: str | None = None
    """Why, in the words of who did it."""
    ticket: str | None = None


UNATTRIBUTED: Final = Attribution(actor=NOBODY, via=HYPER_V)


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job, and the time of the poll that listed it first."""

    listed: UtcTime
    job: JobReading


@dataclass(slots=True)
class Jobs:
    """The latest jobs of one host, each once, in its last state."""

    known: dict[str, ListedJob] = field(default_factory=dict[str, ListedJob])
    """By what identifies them, oldest first."""

    def add(self, job: JobReading, listed: UtcTime) -> bool:
        """Keeps a job that a poll of this time lists; returns whether it is new or has ended since."""
        key = f"{job.at} {job.kind} {job.job}"
        before = self.known.get(key)
        self.known[key] = ListedJob(listed if before is None else before.listed, job)
        if len(self.known) > MOST_JOBS:
            del self.known[next(iter(self.known))]
        return before is None or before.job.in_full != job.in_full

    def attribute(
        self,
        vm: str,
        earliest: UtcTime | None,
        happened: UtcTime,
        kinds: Collection[JobKind],
        slack: timedelta = SLACK,
    ) -> Attribution:
        """Who changed a VM in an interval: the owners of the jobs that can have done it.

        ``slack`` is how long after ``happened`` such a job can have been submitted: the VMs of a poll are read after it
        began, and before its jobs. A job that only a later poll lists came after the reading, unless it was submitted
        before the poll began. A job that had not ended when the interval began can have made the change too; one that
        failed only if no other can. In an interval longer than the host lists its jobs there may have been another
        one, so the change stays unattributed.
        """
        until = datetime.fromisoformat(happened)
        if earliest is not None and until - datetime.fromisoformat(earliest) > KEPT + SLACK:
            return UNATTRIBUTED
        latest = to_utc_time(until + slack) if until.year < datetime.max.year else happened
        first = earliest if earliest is not None else to_utc_time(until - BEFORE) if until.year > 1 else happened
        candidates = [
            job
            for listed, job in ((known.listed, known.job) for known in self.known.values())
            if job.kind in kinds
            and job.vm_id in (None, vm)
            and (first <= job.at or _ended_after(job, first))
            and job.at <= (latest if listed <= happened else happened)
        ]
        candidates = [job for job in candidates if job.vm_id == vm] or candidates
        candidates = [job for job in candidates if not job.failed] or candidates
        if not candidates or not all(job.owner for job in candidates):  # one without an owner may be anybody's
            return UNATTRIBUTED
        owners = list(dict.fromkeys(job.owner or NOBODY for job in candidates))
        last = candidates[-1]
        via = f"{HYPER_V} job ({last.kind})"
        if len(owners) > 1:
            return Attribution(actor=" or ".join(owners), via=via)
        return Attribution(actor=owners[0], via=via, in_full=last.in_full, error=last.error, words=last.words)


def _ended_after(job: JobReading, moment: UtcTime) -> bool:
    """Whether a job still ran at a moment, by what was last read of it."""
    return job.ended > moment if job.ended is not None else job.in_full is None
