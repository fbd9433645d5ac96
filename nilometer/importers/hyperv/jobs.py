"""The jobs of a host: who gave them. They are the only general source of that, and the host forgets them soon."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.observed.events import UNKNOWN_ACTOR
from nilometer.importers.hyperv.readings import JobKind, JobReading
from nilometer.times import inside

NOBODY: Final = UNKNOWN_ACTOR
"""Who did what nobody recorded."""
HYPER_V: Final = "hyper-v"
"""The tool, where none is known."""
POWERSHELL: Final = "powershell"

MEMORY_JOBS: Final = frozenset({JobKind.ADD_MEMORY, JobKind.REMOVE_MEMORY, JobKind.MODIFY, JobKind.CHECKPOINT})
POWER_JOBS: Final = frozenset({JobKind.POWER, JobKind.CHECKPOINT})

REMEMBERED: Final = 1000
SLACK: Final = timedelta(seconds=60)
"""A poll takes its time: a job may be given after the poll began and be seen in it."""
KEPT: Final = timedelta(minutes=5)
"""So long a host remembers a job that has ended: of a longer interval without a poll, nobody knows all of them."""
BEFORE: Final = timedelta(minutes=10)
"""So long before a change its job can have been given, if it is not known since when it can have happened."""


@dataclass(frozen=True, slots=True)
class Who:
    """Who did something, and with what."""

    actor: str
    via: str
    in_full: bool | None = None
    """Whether the host called it completed."""
    error: str | None = None


UNKNOWN: Final = Who(NOBODY, HYPER_V)


class Jobs:
    """The latest jobs of one host, each once, as it was last told."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[tuple[str, str, JobKind], JobReading] = OrderedDict()

    def take(self, job: JobReading) -> bool:
        """Takes note of a job; whether that is news."""
        key = job.job, job.at, job.kind
        before = self._jobs.get(key)
        self._jobs[key] = job
        if len(self._jobs) > REMEMBERED:
            self._jobs.popitem(last=False)
        return before is None or before.in_full != job.in_full

    def who(
        self, vm: str, earliest: str | None, happened: str, kinds: Collection[JobKind], slack: timedelta = SLACK
    ) -> Who:
        """Who changed a VM in an interval: the owner of the jobs that can have done it, if they are all of one.

        ``slack`` is how long after ``happened`` they can have been given. Of an interval that is longer than a host
        remembers its jobs, another may have been forgotten.
        """
        until = datetime.fromisoformat(happened)
        if earliest is not None and until - datetime.fromisoformat(earliest) > KEPT + SLACK:
            return UNKNOWN
        latest = inside(until + slack) if until.year < datetime.max.year else happened
        first = earliest if earliest is not None else inside(until - BEFORE) if until.year > 1 else happened
        can = [
            job
            for job in self._jobs.values()
            if job.kind in kinds and job.vm_id in (None, vm) and first <= job.at <= latest
        ]
        of_the_vm = [job for job in can if job.vm_id == vm]
        can = of_the_vm or can
        owners = {job.owner for job in can}
        if len(owners) != 1 or not all(owners):  # one without an owner may have been anybody's
            return UNKNOWN
        last = can[-1]
        return Who(last.owner or NOBODY, f"{HYPER_V} job ({last.kind})", last.in_full, last.error)
