"""Changes that the collector's module recorded in two files: told once, by whom, and how they ended."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.decision import Outcome
from domain.events import Event
from domain.observed.events import (
    VmAnnotated,
    VmChangeRequested,
    VmMemoryMoved,
    VmObserved,
    VmRequestSettled,
)
from domain.observed.words import OWN_CHANGE, UNKNOWN_ACTOR
from domain.quantities import GiB
from nilometer.importers.run import PENDING
from nilometer.times import parse_time
from rules.judging.findings import Verdict
from tests.nilometer.importers.hyperv.recorded import (
    ADMINISTRATORS,
    ANNA,
    CARL,
    ModuleSpool,
    RecordedChange,
    figures,
)
from tests.nilometer.importers.hyperv.synthetic import WEB, Json, Store, imported, job, moment, vm

CHANGE = RecordedChange()
SYSTEM = {"sid": "S-1-5-18", "name": "NT-AUTORITÄT\\SYSTEM"}
HOST = {"sid": "S-1-5-21-9", "name": "CONTOSO\\HV01$"}
SEEN = "powershell (the host saw who wrote it)"


def quiet(upto: int, start: int = 0, spool: ModuleSpool | None = None, size: int = 4096) -> ModuleSpool:
    """Polls of a VM to which nothing happens."""
    spool = spool or ModuleSpool()
    for minute in range(start, upto):
        spool.poll2(minute, vm(size, size))
    return spool


def changed(**more: Any) -> ModuleSpool:
    """anna changes web01 from 4 to 8 GiB before the poll of minute 3, which takes both files in."""
    spool = quiet(3).poll2(3, vm(8192, 8192))
    return quiet(6, 4, spool.pair(3.01, CHANGE, **more), 8192)


def who(store: Store) -> list[tuple[str, str]]:
    """By whom and with which tool the requests were made."""
    found = [each.metadata for each in store.of(f"vm/{WEB}") if isinstance(each.event, VmChangeRequested)]
    return [(each.actor, each.via) for each in found]


def notes(store: Store) -> list[tuple[str, str | None]]:
    """Who recorded a command without a request, and its words."""
    return [
        (each.metadata.actor, each.event.told)
        for each in store.of(f"vm/{WEB}")
        if isinstance(each.event, VmObserved) and each.event.label == OWN_CHANGE
    ]


def tickets(store: Store) -> list[tuple[type[Event], str | None]]:
    """The tickets that are recorded, and of what kind of event each is."""
    events = {each.version: each for each in store.of(f"vm/{WEB}")}
    return [
        (type(events[each.event.about].event), each.event.ticket)
        for each in events.values()
        if isinstance(each.event, VmAnnotated)
        and each.metadata.correlation == events[each.event.about].metadata.correlation
    ]


def remarks(spool: ModuleSpool) -> list[str]:
    """What the import remarks."""
    (file,) = Store().take(spool, final=True)
    return file.counts.notes


# What is told


def test_a_change_is_told_once_by_whoever_made_it() -> None:
    store = imported(changed(reason="month end", ticket="CHG-7"))
    (request,) = store.events(VmChangeRequested)
    assert (request.size_from, request.target, request.accepted) == (4 * GiB, 8 * GiB, True)
    assert request.asked == "Set-VMMemory web01 -StartupBytes 8GB"
    reasons = {each.metadata.reason for each in store.of(f"vm/{WEB}") if each.metadata.actor == "CONTOSO\\anna"}
    assert reasons == {"month end"}
    assert tickets(store) == [(VmChangeRequested, "CHG-7")]
    assert who(store) == [("CONTOSO\\anna", SEEN)]
    (settled,) = store.events(VmRequestSettled)
    assert settled.outcome is Outcome.COMPLETED
    assert len(store.events(VmMemoryMoved)) == 1
    assert notes(store) == []


def test_a_command_without_a_size_has_its_ticket_too() -> None:
    spool = quiet(4).pair(3.01, CHANGE, ticket="CHG-8", command="Set-VMMemory web01 -Priority 80", after=None)
    assert tickets(imported(spool)) == [(VmObserved, "CHG-8")]


def test_the_job_of_the_same_change_is_not_told_again() -> None:
    spool = quiet(3).poll2(3, vm(8192, 8192), jobs=[job(2.25)]).pair(3.01, CHANGE)
    store = imported(quiet(6, 4, spool, 8192))
    assert who(store) == [("CONTOSO\\anna", SEEN)]


def test_a_refused_change_is_told_with_its_errors() -> None:
    errors = [{"message": text, "id": "x", "category": "y"} for text in ("not aligned", "not aligned", "and more")]
    spool = quiet(4).pair(3.01, CHANGE, outcome="failed", after=figures(4096, 4096), errors=errors)
    store = imported(quiet(6, 4, spool))
    (request,) = store.events(VmChangeRequested)
    assert (request.accepted, request.answer, request.target) == (False, "not aligned; and more", 8 * GiB)


def test_an_interrupted_change_is_told_with_what_it_did() -> None:
    store = imported(changed(outcome="interrupted"))
    assert [each.target for each in store.events(VmChangeRequested)] == [8 * GiB]
    assert notes(store) == [("CONTOSO\\anna", "Set-VMMemory web01 -StartupBytes 8GB: interrupted")]
    spool = quiet(4).pair(3.01, CHANGE, outcome="interrupted", after=figures(4096, 4096))
    store = imported(quiet(6, 4, spool))
    assert store.events(VmChangeRequested) == []
    assert notes(store) == [("CONTOSO\\anna", "Set-VMMemory web01 -StartupBytes 8GB: interrupted")]


def test_a_command_that_threw_is_told_as_failed() -> None:
    errors = [{"message": "the ticket was closed", "id": "x", "category": "y"}]
    command = "throw 'the ticket was closed'"
    after = figures(4096, 4096)
    spool = quiet(4).pair(3.01, CHANGE, command=command, outcome="failed", after=after, errors=errors)
    store = imported(quiet(6, 4, spool))
    assert notes(store) == [("CONTOSO\\anna", f"{command}: failed: the ticket was closed")]
    assert store.events(VmChangeRequested) == []


def test_a_vm_that_was_gone_by_the_end_has_no_known_result() -> None:
    told = notes(imported(quiet(3).poll2(3).pair(3.01, CHANGE, after=None)))
    assert told == [("CONTOSO\\anna", "Set-VMMemory web01 -StartupBytes 8GB: its result is not known")]


def test_a_vm_that_moved_while_the_command_ran_is_unknown_here_and_moved_there() -> None:
    migration = job(2.25, "CONTOSO\\cluster$", 300, destination="HV02")
    spool = quiet(3).poll2(3, jobs=[migration]).pair(3.01, CHANGE, after=None)
    assert notes(imported(spool)) == [("CONTOSO\\anna", "Set-VMMemory web01 -StartupBytes 8GB: moved to HV02")]


# Who wrote it


@pytest.mark.parametrize(
    ("owner", "more", "actor", "via"),
    [
        (ANNA | {"name": "contoso\\ANNA"}, {}, "CONTOSO\\anna", SEEN),
        (ADMINISTRATORS, {}, "CONTOSO\\anna", "powershell (written by an administrator)"),
        (None, {}, "CONTOSO\\anna", "powershell (who wrote it is not known)"),
        (ANNA | {"name": None}, {}, "CONTOSO\\anna", f"powershell (written by {ANNA['sid']})"),
        (CARL, {}, "CONTOSO\\anna (as told, written by CONTOSO\\carl)", "powershell"),
        (SYSTEM, {}, "CONTOSO\\anna", "powershell through NT-AUTORITÄT\\SYSTEM, as told"),
        (HOST, {"user": "CONTOSO\\HV01$"}, UNKNOWN_ACTOR, "powershell through CONTOSO\\HV01$"),
        (ANNA, {"connected_user": "CONTOSO\\ben"}, "CONTOSO\\anna", f"{SEEN}, connected as CONTOSO\\ben"),
        (ANNA, {"connected_user": "contoso\\anna"}, "CONTOSO\\anna", SEEN),
    ],
)  # fmt: skip
def test_who_made_it_is_told_with_who_wrote_it(owner: Json | None, more: Json, actor: str, via: str) -> None:
    assert who(imported(changed(owner=owner, **more))) == [(actor, via)]


def test_a_file_that_another_wrote_is_a_remark() -> None:
    (remark,) = remarks(changed(owner=CARL))
    assert remark.endswith(": a change of web01 is told as made by CONTOSO\\anna, and was written by CONTOSO\\carl"), (
        remark
    )
    assert remarks(changed()) == remarks(changed(owner=ADMINISTRATORS)) == []


def test_a_file_that_another_wrote_is_a_finding() -> None:
    words = "a change of web01 is told as made by CONTOSO\\anna, and was written by CONTOSO\\carl"
    found = [each for each in imported(changed(owner=CARL)).findings() if each.why == words]
    assert [(each.verdict, each.rule) for each in found] == [(Verdict.REMARK, "event_tells_all")]
    assert not [each for each in imported(changed()).findings() if "CONTOSO" in each.why]


def test_a_job_of_another_is_a_second_witness() -> None:
    spool = quiet(3).poll2(3, vm(8192, 8192), jobs=[job(2.25, "CONTOSO\\carl")]).pair(3.01, CHANGE)
    (remark,) = remarks(quiet(6, 4, spool, 8192))
    assert remark.endswith("is told as made by CONTOSO\\anna, and the host's job names CONTOSO\\carl")
    for owner in ("contoso\\anna", "CONTOSO\\HV01$", None):
        spool = quiet(3).poll2(3, vm(8192, 8192), jobs=[job(2.25, owner)]).pair(3.01, CHANGE)
        assert remarks(quiet(6, 4, spool, 8192)) == []


# A beginning without an end


def begun(upto: int, end_at: int | None = None, **end: Any) -> ModuleSpool:
    """anna began, and polls show 8 GiB from minute 3 on; its end is taken in with poll ``end_at``."""
    spool = quiet(3).poll2(3, vm(8192, 8192)).seen(3.01, CHANGE.begun())
    for minute in range(4, upto):
        spool.poll2(minute, vm(8192, 8192))
        if minute == end_at:
            late = RecordedChange(minute=minute - 0.5)
            spool.seen(minute + 0.01, late.end(**end))
    return spool


def test_what_polls_show_of_a_change_that_did_not_end_is_still_of_whoever_began_it() -> None:
    store = imported(begun(14))
    assert who(store) == [("CONTOSO\\anna", SEEN)]
    assert notes(store) == [("CONTOSO\\anna", "Set-VMMemory web01 -StartupBytes 8GB: its end was not recorded")]


def test_a_beginning_is_pending_for_ten_minutes_or_until_nothing_follows() -> None:
    store = Store()
    (file,) = store.take(begun(12))
    assert file.counts.not_needed[PENDING] == 1
    assert notes(store) == []
    (file,) = store.take(begun(14))
    assert PENDING not in file.counts.not_needed
    assert [text for _, text in notes(store)] == ["Set-VMMemory web01 -StartupBytes 8GB: its end was not recorded"]
    store.take(begun(15), final=True)
    assert len(notes(store)) == 1
    assert len(notes(imported(begun(5)))) == 1, "with --final"


def test_a_job_of_another_names_its_owner_while_a_change_is_open() -> None:
    spool = quiet(3).seen(2.5, CHANGE.begun()).poll2(3, vm(8192, 8192), jobs=[job(2.8, "CONTOSO\\ben")])
    assert [actor for actor, _ in who(imported(quiet(14, 4, spool, 8192)))] == ["CONTOSO\\ben"]


def test_an_end_that_polls_were_quicker_to_show_adds_no_second_request() -> None:
    store = imported(begun(14, end_at=6))
    assert who(store) == [("CONTOSO\\anna", SEEN)]
    assert [text for _, text in notes(store)] == ["Set-VMMemory web01 -StartupBytes 8GB"]
    assert len(store.events(VmMemoryMoved)) == 1


def test_an_end_that_comes_late_is_told_as_that() -> None:
    store = imported(begun(18, end_at=15))
    assert who(store) == [("CONTOSO\\anna", SEEN)]
    assert [text for _, text in notes(store)] == [
        "Set-VMMemory web01 -StartupBytes 8GB: its end was not recorded",
        "Set-VMMemory web01 -StartupBytes 8GB: its end came late",
    ]


def test_files_that_wait_long_are_told_when_they_come() -> None:
    spool = quiet(3).poll2(3, vm(8192, 8192))
    spool = quiet(9, 4, spool, 8192).pair(8.01, CHANGE)
    store = imported(quiet(12, 9, spool, 8192))
    assert who(store) == [(UNKNOWN_ACTOR, "hyper-v")], "nobody knew when the polls were read"
    assert [text for _, text in notes(store)] == ["Set-VMMemory web01 -StartupBytes 8GB: its end came late"]
    assert len(store.events(VmMemoryMoved)) == 1


@pytest.mark.parametrize(
    "build", [changed, lambda: begun(14, end_at=6), lambda: begun(18, end_at=15), lambda: begun(14)]
)
def test_a_spool_that_grows_line_by_line_tells_the_same(build: Any) -> None:
    spool, store, once = build(), Store(), imported(build())
    for count in range(1, len(spool.lines)):
        store.take(b"".join(spool.lines[:count]))
    store.take(spool, final=True)
    assert [actor for actor, _ in who(store)] == [actor for actor, _ in who(once)]
    assert len(store.events(VmMemoryMoved)) == len(once.events(VmMemoryMoved))
    assert [outcome.outcome for outcome in store.events(VmRequestSettled)][-1:] == [Outcome.COMPLETED]


def test_a_day_may_end_between_the_two_files() -> None:
    first, second = quiet(3).poll2(3, vm(8192, 8192)).seen(3.01, CHANGE.begun()), ModuleSpool()
    second.poll2(4, vm(8192, 8192)).seen(4.01, CHANGE.end())
    quiet(6, 5, second, 8192)
    for files in ((first, second), (second, first)):
        store = Store()
        counted = store.take(*files, final=True)
        assert who(store) == [("CONTOSO\\anna", SEEN)]
        assert [note for file in counted for note in file.counts.notes] == []


# What is not taken


def test_an_end_alone_is_a_remark() -> None:
    (remark,) = remarks(quiet(3).seen(2.5, CHANGE.end()))
    assert remark == "spool1.jsonl:4: the end of a change whose beginning is in none of the files"


def test_a_file_that_was_told_twice_is_read_once_and_another_with_its_id_not_at_all() -> None:
    spool = changed()
    again = json.loads(spool.lines[-3])
    spool.add(again)
    assert who(imported(spool)) == [("CONTOSO\\anna", SEEN)]
    assert remarks(spool) == []
    spool.seen(6, CHANGE.end(outcome="failed"))
    assert len(remarks(spool)) == 1
    assert "the id" in remarks(spool)[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "was not a change's: it is a link"),
        ("no json", "the file is passed over"),
        ({"schema": 2, "kind": "poll", "id": CHANGE.id}, "is a 'poll', and no change"),
        (CHANGE.begun(host="HV02"), "is a change of HV02, in the spool of HV01"),
        (CHANGE.begun(vm="x"), "vm is 'x'"),
        (CHANGE.begun(user=None), "lacks its VM or user"),
        (CHANGE.begun(user="anna\0"), "user is 'anna\\x00', and no name"),
        (CHANGE.begun(user="anna\n"), "and no name"),
        (CHANGE.begun(user=" "), "and no name"),
        (CHANGE.begun(name="\u202ewebo1"), "and no name"),
        (CHANGE.begun(connected_user="x" * 300), "and no name"),
        (CHANGE.begun(id=None), "lacks its id"),
        (CHANGE.end(time="yesterday"), "time"),
        ([CHANGE.begun()], "is not a JSON object"),
    ],
)
def test_what_is_no_change_is_a_remark_and_ends_nothing(content: Any, words: str) -> None:
    text = content if content is None or isinstance(content, str) else json.dumps(content)
    spool = quiet(3).seen(2.1, text, error="it is a link")
    store = Store()
    (file,) = store.take(quiet(5, 3, spool))
    assert [note for note in file.counts.notes if words in note], file.counts.notes
    assert notes(store) == []


def test_a_change_that_says_it_was_made_ages_ago_ends_nothing() -> None:
    for begin, end in (("0001-01-01T00:00:00Z", "0001-01-01T00:00:01Z"), ("0001-01-01T00:00:00Z", moment(2.3))):
        spool = quiet(3).poll2(3, vm(8192, 8192))
        spool.seen(3.01, CHANGE.begun(time=begin)).seen(3.01, CHANGE.end(time=end))
        store = imported(quiet(6, 4, spool, 8192))
        assert len(store.events(VmMemoryMoved)) == 1


def test_a_change_that_says_it_was_made_after_the_host_saw_it_is_of_when_the_host_saw_it() -> None:
    store = imported(changed(time=moment(60 * 24 * 400)))
    (request,) = [each for each in store.of(f"vm/{WEB}") if isinstance(each.event, VmChangeRequested)]
    assert request.metadata.happened <= parse_time(moment(3.01))


@pytest.mark.parametrize(
    "value", [None, "x", "x\0" * 9000, [], {"message": 3}, {"assigned": "x", "startup": -1}, 10**30]
)
@pytest.mark.parametrize("key", ["before", "after", "errors", "outcome", "command", "reason", "name", "connected_user"])
def test_whatever_else_is_wrong_in_its_files_a_change_ends_no_import(key: str, value: Any) -> None:
    store = Store()
    store.take(changed(**{key: value}), final=True)
    assert store.vm(WEB).assigned == 8 * GiB
    assert len(store.events(VmMemoryMoved)) == 1
