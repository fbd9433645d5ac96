"""Jobs about memory that failed: somebody tried something, and was refused. What, a job does not say."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from domain.observed.events import BASE_MEMORY, FAILED_JOB, VmObserved
from nilometer.importers.hyperv.jobs import HYPER_V, NOBODY, SLACK, Who
from nilometer.importers.hyperv.known import Past, Vm
from nilometer.importers.hyperv.readings import JobKind, JobReading
from nilometer.times import inside

KINDS: Final = frozenset({JobKind.ADD_MEMORY, JobKind.REMOVE_MEMORY, JobKind.MODIFY})
"""The last may have been about anything that a VM has."""


def is_failed(job: JobReading) -> bool:
    """Whether a job is one of a VM that failed."""
    return job.failed and job.vm_id is not None and job.kind in KINDS


def failed_told(vm: Vm, job: JobReading, past: Past) -> None:
    """Tells that a job failed, if nothing else tells of the same: a request that was seen, or one's own change."""
    told = f"job {job.job} ended in {'an exception' if job.error is None else f'error {job.error}'}"
    if _is_seen(vm, job) or told in past.failed_jobs(vm.track.id):
        return
    event = VmObserved(label=FAILED_JOB, told=told, record=job.record)
    who = Who(job.owner or NOBODY, f"{HYPER_V} job ({job.kind})")
    vm.track.tell(event, job.ended or job.at, job.at, who=who)


def _is_seen(vm: Vm, job: JobReading) -> bool:
    """Whether a request that is told can be the job's."""
    if any(each.since <= job.at <= each.at and job.owner in (None, each.user) for each in vm.changed):
        return True
    request = vm.track.fold.requests.get(BASE_MEMORY)
    if request is None or _who(vm, request.number) not in (None, NOBODY, job.owner):
        return False
    latest = inside(datetime.fromisoformat(request.asked_at) + SLACK)
    return (request.asked_after or request.asked_at) <= job.at <= latest


def _who(vm: Vm, request: int) -> str | None:
    who = vm.track.who.get(request)
    return None if who is None else who.actor
