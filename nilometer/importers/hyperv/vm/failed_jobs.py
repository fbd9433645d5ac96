"""Failed jobs about memory: somebody tried something and was refused. A job does not record what it was."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from domain.observed.events import VmObserved
from domain.observed.words import BASE_MEMORY, FAILED_JOB
from nilometer.importers.hyperv.jobs import HYPER_V, NOBODY, SLACK, Attribution
from nilometer.importers.hyperv.readings import JobKind, JobReading
from nilometer.importers.hyperv.state import Emission, Past
from nilometer.importers.hyperv.vm.vm import HypervVm
from nilometer.times import to_utc_time

KINDS: Final = frozenset({JobKind.ADD_MEMORY, JobKind.REMOVE_MEMORY, JobKind.MODIFY})
"""The last may have been about anything that a VM has."""


def is_failed(job: JobReading) -> bool:
    """Whether a job is a failed one about a VM."""
    return job.failed and job.vm_id is not None and job.kind in KINDS


def take_failed_job(vm: HypervVm, job: JobReading, past: Past) -> list[Emission]:
    """The failure as an event, unless another event records it: a request that was seen, or a refused change."""
    text = f"job {job.job} ended in {'an exception' if job.error is None else f'error {job.error}'}"
    if _is_recorded(vm, job) or any(recorded.startswith(text) for recorded in past.failed_jobs(vm.id)):
        return []
    event = VmObserved(label=FAILED_JOB, told=text if job.words is None else f"{text}: {job.words}", record=job.record)
    who = Attribution(actor=job.owner or NOBODY, via=f"{HYPER_V} job ({job.kind})")
    return [vm.emit(event, job.ended or job.at, job.at, who=who)]


def _is_recorded(vm: HypervVm, job: JobReading) -> bool:
    """Whether a recorded request can be the job's."""
    changes = vm.queue.own_changes
    if any(change.since <= job.at <= change.at and job.owner in (None, change.user) for change in changes):
        return True
    request = vm.state.requests.get(BASE_MEMORY)
    if request is None:
        return False
    who = vm.authors.requesters.get(request.number)
    if who is not None and who.actor not in (NOBODY, job.owner):
        return False
    latest = to_utc_time(datetime.fromisoformat(request.asked_at) + SLACK)
    return (request.asked_after or request.asked_at) <= job.at <= latest
