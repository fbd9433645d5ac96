"""Jobs about memory that failed: who tried, and was refused, though nobody told what. All spools are synthetic."""

from __future__ import annotations

from typing import Any

import pytest

from domain.decision import Outcome
from domain.observed.events import VmChangeRequested, VmObserved, VmRequestSettled
from domain.observed.words import FAILED_JOB
from projections.timeline import entry
from tests.nilometer.importers.hyperv.synthetic import ERP, WEB, Json, Spool, Store, dynamic, imported, job, vm

ANNA, BEN = "CONTOSO\\anna", "CONTOSO\\ben"
EXCEPTION, WARNED = 10, 32768


def failed(minute: float = 0.5, owner: str | None = BEN, kind: int = 31, **more: Any) -> Json:
    """A job that ended in an exception after a second and a half."""
    return job(minute, owner, kind, **{"state": EXCEPTION, "error": 32773, **more})


def tried(store: Store, id: str = WEB) -> list[tuple[str, str, str | None]]:
    """Who tried with what, and what came of it."""
    told = [each for each in store.of(f"vm/{id}") if getattr(each.event, "label", None) == FAILED_JOB]
    return [(each.metadata.actor, each.metadata.via, getattr(each.event, "told", None)) for each in told]


def one_try(*jobs: Json, **more: Any) -> list[tuple[str, str, str | None]]:
    """What is told of jobs that are listed for some minutes."""
    spool = Spool().poll(0, vm()).poll(1, vm(), jobs=jobs).poll(2, vm(), jobs=jobs).poll(3, vm(), jobs=jobs)
    return tried(imported(spool), **more)


@pytest.mark.parametrize(("kind", "name"), [(31, "modify-resources"), (41, "add-memory"), (42, "remove-memory")])
def test_a_job_that_failed_is_told_once_with_its_owner_and_error_and_no_figure(kind: int, name: str) -> None:
    spool = Spool().poll(0, vm())
    for minute in range(1, 5):
        spool.poll(minute, vm(), jobs=[failed(kind=kind)])
    store = imported(spool)
    assert tried(store) == [(BEN, f"hyper-v job ({name})", f"job job 0.5 {BEN} ended in error 32773")]
    (told,) = [each for each in store.of(f"vm/{WEB}") if getattr(each.event, "label", None) == FAILED_JOB]
    assert told.event == VmObserved(label=FAILED_JOB, told=tried(store)[0][2], record="spool1.jsonl:2")
    assert (told.metadata.earliest, told.metadata.happened) == (
        "2026-11-23T09:00:30.000000Z",
        "2026-11-23T09:00:31.500000Z",
    )
    listed = entry(told)
    assert (listed.asked, listed.outcome, listed.requested, listed.granted) == (True, Outcome.FAILED, None, None)


def test_other_jobs_are_not_told_so() -> None:
    assert one_try(failed(kind=13)) == []
    assert one_try(job(0.5, BEN)) == []
    assert one_try(job(0.5, BEN, state=WARNED, error=32768)) == []
    assert one_try(job(0.5, BEN, state=4)) == []
    spool = Spool().poll(0, vm()).poll(1, vm(), jobs=[failed(vm=None)]).poll(2, vm())
    assert [each for each in imported(spool).stored if getattr(each.event, "label", None)] == [], "of which VM?"


def test_it_is_told_of_the_vm_that_it_was_of_also_where_that_is_not_polled() -> None:
    spool = Spool().poll(0, dynamic(2048)).poll(1, dynamic(2048), jobs=[failed()])
    store = imported(spool)
    assert [who for who, _, _ in tried(store)] == [BEN]
    assert tried(store, ERP) == []


def test_who_tried_may_be_unknown_and_the_error_too() -> None:
    assert one_try(failed(owner=None, error=0)) == [
        ("nobody we know of", "hyper-v job (modify-resources)", "job job 0.5 None ended in an exception")
    ]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"error_text": "Not enough memory"}, "Not enough memory"),
        (
            {"description": "'web01' failed: not enough memory", "summary": "Failed"},
            "'web01' failed: not enough memory",
        ),
        ({"description": None, "summary": "Failed", "status": "Job failed"}, "Failed"),
        ({"status": "Job failed"}, "Job failed"),
    ],
)
def test_the_words_of_a_job_are_kept_where_they_were_collected(said: Json, words: str) -> None:
    assert one_try(failed(**said)) == [
        (BEN, "hyper-v job (modify-resources)", f"job job 0.5 {BEN} ended in error 32773: {words}")
    ]
    warned = job(0.5, BEN, state=WARNED, error=32768, **said)
    spool = Spool().poll(0, vm()).poll(1, vm(6144, 8192), jobs=[warned]).poll(2, vm(6144, 8192), jobs=[warned])
    store = imported(spool.poll(3, vm(6144, 8192)).poll(4, vm(8192, 8192)))
    assert [settled.told for settled in store.events(VmRequestSettled)] == [words, None], "in full, it says nothing"


def test_a_job_whose_words_were_not_kept_at_first_is_told_once() -> None:
    store = Store()
    store.take(Spool().poll(0, vm()).poll(1, vm(), jobs=[failed()]).poll(2, vm()), final=True)
    again = failed(error_text="Not enough memory")
    store.take(Spool().poll(3, vm(), jobs=[again]).poll(4, vm()), final=True)
    assert len(tried(store)) == 1


def test_two_that_failed_are_two() -> None:
    assert [who for who, _, _ in one_try(failed(), failed(0.6, ANNA))] == [BEN, ANNA]


def test_of_a_request_that_is_seen_the_job_is_told_with_it() -> None:
    jobs = [failed()]
    spool = Spool().poll(0, vm()).poll(1, vm(4096, 8192), jobs=jobs).poll(2, vm(4096, 8192), jobs=jobs)
    store = imported(spool.poll(3, vm(4096, 8192), jobs=jobs))
    assert tried(store) == []
    (settled,) = store.events(VmRequestSettled)
    assert (settled.outcome, settled.told) == (Outcome.FAILED, "job error 32773")
    assert {each.metadata.actor for each in store.of(f"vm/{WEB}") if isinstance(each.event, VmRequestSettled)} == {BEN}


def test_a_failure_beside_a_request_that_is_open_leaves_it_open() -> None:
    spool = Spool().poll(0, vm()).poll(1, vm(6144, 8192), jobs=[job(0.5)]).poll(5, vm(6144, 8192), jobs=[failed(4)])
    store = imported(spool.poll(6, vm(8192, 8192)))
    assert [who for who, _, _ in tried(store)] == [BEN]
    assert [each.outcome for each in store.events(VmRequestSettled)][-1] is Outcome.COMPLETED
    assert len(store.events(VmChangeRequested)) == 1


@pytest.mark.parametrize("seen_first", [True, False])
def test_ones_own_change_that_was_refused_is_told_once(seen_first: bool) -> None:
    jobs = [failed(0.9, ANNA)]
    spool = Spool().poll(0, vm())
    if seen_first:
        spool.poll(1, vm(), jobs=jobs)
    spool.change(0.8, 1.4, 4096, 4096, None, error="Nicht genug Speicher").poll(2, vm(), jobs=jobs).poll(3, vm())
    store = imported(spool)
    assert (tried(store), len(store.events(VmChangeRequested))) == ([], 1)


def test_a_failure_before_ones_own_change_is_told_too() -> None:
    spool = Spool().poll(0, vm()).poll(2, vm(), jobs=[failed(0.5, ANNA)]).change(2.8, 3.4, 4096, 8192, 8192)
    assert [who for who, _, _ in tried(imported(spool.poll(4, vm(8192, 8192))))] == [ANNA]


def test_a_job_of_another_during_ones_own_change_is_told() -> None:
    spool = Spool().poll(0, vm()).change(0.8, 1.4, 4096, 8192, 8192).poll(2, vm(8192, 8192), jobs=[failed(1)])
    assert [who for who, _, _ in tried(imported(spool.poll(3, vm(8192, 8192))))] == [BEN]


@pytest.mark.parametrize("whole", [True, False])
def test_a_spool_that_goes_on_in_another_file_or_grows_tells_it_once(whole: bool) -> None:
    first = Spool().poll(0, vm()).poll(1, vm(), jobs=[failed()]).poll(2, vm(), jobs=[failed()])
    second = Spool().poll(3, vm(), jobs=[failed()]).poll(4, vm(), jobs=[failed()])
    store = Store()
    for final in (False, True):
        store.take(first, final=final)
    store.take(*([first, second] if whole else [second]), final=True)
    assert len(tried(store)) == 1
