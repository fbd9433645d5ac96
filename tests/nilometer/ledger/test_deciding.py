"""What a ledger decides on when others write to it too, and when things happen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from domain.aggregates import HostAggregate
from domain.decision import Code, Outcome
from domain.errors import InputError, UnknownHost, UnknownVm
from domain.identifiers import UtcTime, host_stream, vm_stream
from domain.observed.events import HostObserved, VmLost, VmObserved
from domain.state import Power
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Fact, Observation, Result
from tests.nilometer.ledger.asking import a_host, a_vm, ask, request, stored, vm, with_web01
from tests.nilometer.storage.meanwhile import Commits

GIB = 2**30
NINE, TEN, ELEVEN = (UtcTime(f"2026-11-23T{hour}:00:00.000000Z") for hour in ("09", "10", "11"))

LAB = vm_stream("lab.vm0")


@pytest.fixture
def other(ledger: Ledger) -> Iterator[Ledger]:
    """Another program that has the same ledger open."""
    with Ledger.open(f"{ledger.url}") as opened:
        yield opened


class TestWhatOthersRecordedMeanwhile:
    def test_a_failure_on_remembered_memory_is_decided_anew_before_it_is_believed(
        self, ledger: Ledger, other: Ledger
    ) -> None:
        with_web01(ledger, memory={"static": {"size": "40GiB"}})
        ask(ledger, "define-vm", **a_vm(vm="db01", memory={"static": {"size": "40GiB"}}))
        assert ask(ledger, "start", vm="db01").code is Code.INSUFFICIENT_HOST_MEMORY
        ask(other, "stop", vm="web01")
        assert ask(ledger, "start", vm="db01").outcome is Outcome.DONE

    def test_a_rejection_on_a_remembered_state_is_decided_anew_before_it_is_believed(
        self, ledger: Ledger, other: Ledger
    ) -> None:
        with_web01(ledger)
        assert ask(ledger, "resume", vm="web01").code is Code.WRONG_POWER_STATE
        ask(other, "pause", vm="web01")
        assert ask(ledger, "resume", vm="web01").outcome is Outcome.DONE

    def test_a_success_that_writes_nothing_is_decided_anew_before_it_is_believed(
        self, ledger: Ledger, other: Ledger
    ) -> None:
        with_web01(ledger)
        ask(other, "add-memory", vm="web01", amount="2GiB")
        result = ask(ledger, "set-memory", vm="web01", size="4GiB")  # as it remembers it, that is no difference
        assert (result.command, result.code) == ("set-memory", Code.IN_USE_NOT_REPORTED)

    def test_an_input_error_on_a_remembered_state_is_decided_anew_before_it_is_believed(
        self, ledger: Ledger, other: Ledger
    ) -> None:
        with_web01(ledger)
        ask(ledger, "stop", vm="web01")
        ask(other, "remove-vm", vm="web01")
        with pytest.raises(UnknownVm) as error:
            ask(ledger, "start", vm="web01")
        assert error.value.hint == "it was removed; its history stays: nilo log --vm web01"

    def test_a_grant_on_remembered_memory_is_decided_anew_when_it_cannot_be_recorded(
        self, ledger: Ledger, other: Ledger
    ) -> None:
        with_web01(ledger)
        ask(ledger, "define-vm", **a_vm(vm="db01"))
        commits = Commits(ledger)
        ask(other, "add-memory", vm="web01", amount="32GiB")
        ask(other, "start", vm="db01")
        granted = ask(ledger, "add-memory", vm="web01", amount="32GiB")
        assert granted.outcome is Outcome.PARTIALLY_COMPLETED
        assert granted.granted == (65536 - 2304 - 4096 - 32768 - 4096) * 2**20
        assert commits.tried == 2

    def test_who_loses_a_race_again_and_again_still_wins_in_the_end(self, ledger: Ledger, other: Ledger) -> None:
        with_web01(ledger)
        lost = [lambda: ask(other, "add-memory", vm="web01", amount="1GiB")] * 5
        commits = Commits(ledger, *lost)
        assert ask(ledger, "add-memory", vm="web01", amount="1GiB").outcome is Outcome.COMPLETED
        assert commits.tried == 6
        assert vm(ledger).assigned == 10 * GIB

    def test_a_vm_is_not_defined_on_a_host_that_is_removed_just_then(self, ledger: Ledger, other: Ledger) -> None:
        ask(ledger, "register-host", **a_host())
        Commits(ledger, lambda: ask(other, "remove-host", host="hv01"))
        with pytest.raises(UnknownHost):
            ask(ledger, "define-vm", **a_vm())
        assert [topic for _, _, topic, _ in stored(ledger)] == ["host.registered/1", "host.removed/1"]

    def test_a_host_is_not_removed_when_a_vm_is_defined_on_it_just_then(self, ledger: Ledger, other: Ledger) -> None:
        ask(ledger, "register-host", **a_host())
        Commits(ledger, lambda: ask(other, "define-vm", **a_vm()))
        result = ask(ledger, "remove-host", host="hv01")
        assert (result.outcome, result.code) == (Outcome.REJECTED, Code.HOST_NOT_EMPTY)

    def test_a_host_is_not_removed_when_a_vm_moves_to_it_just_then(self, ledger: Ledger, other: Ledger) -> None:
        with_web01(ledger)
        ask(ledger, "register-host", **a_host(host="hv02"))
        Commits(ledger, lambda: ask(other, "move-vm", vm="web01", to="hv02"))
        assert ask(ledger, "remove-host", host="hv02").code is Code.HOST_NOT_EMPTY

    def test_an_id_that_two_define_at_once_belongs_to_the_first(self, ledger: Ledger, other: Ledger) -> None:
        ask(ledger, "register-host", **a_host())
        Commits(ledger, lambda: ask(other, "define-vm", **a_vm()))
        with pytest.raises(InputError, match="web01"):
            ask(ledger, "define-vm", **a_vm())
        assert ledger.position == 2

    def test_who_loses_an_id_to_another_knows_the_vm_as_the_other_defined_it(
        self, ledger: Ledger, other: Ledger
    ) -> None:
        ask(ledger, "register-host", **a_host())
        Commits(ledger, lambda: ask(other, "define-vm", **a_vm(memory={"static": {"size": "8GiB"}})))
        with pytest.raises(InputError, match="web01"):
            ask(ledger, "define-vm", **a_vm())
        assert ask(ledger, "start", vm="web01").outcome is Outcome.DONE
        assert vm(ledger).assigned == 8 * GIB
        host = ledger.views.fleet().hosts["hv01"].subject
        assert isinstance(host, HostAggregate)
        assert host.book == {"web01": 8 * GIB}

    def test_what_a_batch_has_committed_is_not_done_again_when_its_next_commit_is_lost(
        self, ledger: Ledger, other: Ledger
    ) -> None:
        with_web01(ledger)
        ask(ledger, "register-host", **a_host(host="hv02"))
        batch = [request("add-memory", vm="web01", amount="1GiB"), request("remove-host", host="hv02")]
        Commits(ledger, lambda: None, lambda: ask(other, "pause", vm="web01"))
        added, removed = ledger.execute_all(batch)
        assert isinstance(added, Result)
        assert isinstance(removed, Result)
        assert (added.positions, added.repeated) == ((6, 7), False)
        assert removed.outcome is Outcome.DONE
        assert vm(ledger).assigned == 5 * GIB


class TestWhoAsked:
    def test_each_event_says_who_asked_with_what_tool_why_and_to_what_it_belongs(self, ledger: Ledger) -> None:
        with_web01(ledger)
        given = replace(request("stop", vm="web01"), reason="CHG-1", correlation="night", key="k1")
        positions = ledger.execute(given).positions
        told = [envelope.metadata for envelope in ledger.events() if envelope.position in positions]
        assert {(each.actor, each.via, each.reason, each.correlation) for each in told} == {
            ("ann", "test", "CHG-1", "night")
        }
        assert [each.causation for each in told] == [None, "vm/web01/3"]

    def test_all_other_events_of_a_command_are_because_of_its_first(self, ledger: Ledger) -> None:
        with_web01(ledger)
        ask(ledger, "register-host", **a_host(host="hv02"))
        positions = ask(ledger, "move-vm", vm="web01", to="hv02").positions
        told = [envelope.metadata for envelope in ledger.events() if envelope.position in positions]
        assert [each.causation for each in told] == [None, "vm/web01/3", "vm/web01/3"]


class TestBatches:
    def test_a_batch_is_one_commit(self, ledger: Ledger) -> None:
        with_web01(ledger)
        commits = Commits(ledger)
        answers = ledger.execute_all([request("add-memory", vm="web01", amount="1GiB") for _ in range(20)])
        assert [answer.positions for answer in answers if isinstance(answer, Result)] == [
            (n, n + 1) for n in range(5, 45, 2)
        ]
        assert commits.tried == 1

    def test_each_command_of_a_batch_is_decided_on_what_those_before_it_left(self, ledger: Ledger) -> None:
        with_web01(ledger)
        batch = [
            request("add-memory", vm="web01", amount="60GiB"),
            request("stop", vm="web01"),
            request("remove-vm", vm="web01"),
            request("remove-host", host="hv01"),
            request("define-vm", **a_vm(vm="db01")),
        ]
        answers = ledger.execute_all(batch, keep_going=True)
        assert [answer.outcome for answer in answers if isinstance(answer, Result)] == [
            Outcome.PARTIALLY_COMPLETED,
            Outcome.DONE,
            Outcome.DONE,
            Outcome.DONE,
        ]
        assert isinstance(answers[-1], UnknownHost)

    def test_an_input_error_ends_a_batch_and_what_came_before_it_is_recorded(self, ledger: Ledger) -> None:
        with_web01(ledger)
        batch = [
            request("add-memory", vm="web01", amount="1GiB"),
            request("start", vm="nobody"),
            request("add-memory", vm="web01", amount="1GiB"),
        ]
        added, unknown = ledger.execute_all(batch)
        assert isinstance(added, Result)
        assert isinstance(unknown, UnknownVm)
        assert vm(ledger).assigned == 5 * GIB

    def test_a_batch_that_keeps_going_leaves_out_its_input_errors_alone(self, ledger: Ledger) -> None:
        with_web01(ledger)
        batch = [
            request("start", vm="nobody"),
            request("add-memory", vm="web01", amount="1GiB"),
            request("define-vm", **a_vm()),
            request("add-memory", vm="web01", amount="1GiB"),
        ]
        kinds = [type(answer) for answer in ledger.execute_all(batch, keep_going=True)]
        assert kinds == [UnknownVm, Result, InputError, Result]
        assert vm(ledger).assigned == 6 * GIB

    def test_a_batch_that_loses_its_race_is_decided_anew_as_a_whole(self, ledger: Ledger, other: Ledger) -> None:
        with_web01(ledger)
        Commits(ledger, lambda: ask(other, "pause", vm="web01"))
        batch = [request("add-memory", vm="web01", amount="1GiB"), request("resume", vm="web01")]
        refused, resumed = ledger.execute_all(batch)
        assert isinstance(refused, Result)
        assert isinstance(resumed, Result)
        assert (refused.code, resumed.outcome) == (Code.WRONG_POWER_STATE, Outcome.DONE)


class TestWhenThingsHappened:
    def test_a_history_goes_forward(self, ledger: Ledger) -> None:
        ask(ledger, "register-host", at=TEN, **a_host())
        before = stored(ledger)
        with pytest.raises(InputError, match="before the last event of host/hv01") as error:
            ask(ledger, "set-reserve", at=NINE, host="hv01", reserve="2GiB")
        assert "leave 'at' out" in error.value.hint
        assert stored(ledger) == before

    def test_two_things_may_happen_at_the_same_moment(self, ledger: Ledger) -> None:
        ask(ledger, "register-host", at=TEN, **a_host())
        ask(ledger, "set-reserve", at=TEN, host="hv01", reserve="2GiB")
        assert [envelope.metadata.happened for envelope in ledger.events()] == [TEN, TEN]

    def test_a_vm_and_its_host_go_forward_together(self, ledger: Ledger) -> None:
        ask(ledger, "register-host", at=NINE, **a_host())
        ask(ledger, "define-vm", at=NINE, **a_vm())
        ask(ledger, "set-reserve", at=ELEVEN, host="hv01", reserve="2GiB")
        with pytest.raises(InputError, match="host/hv01"):
            ask(ledger, "start", at=TEN, vm="web01")

    def test_a_vm_goes_forward_also_where_its_host_is_not_written(self, ledger: Ledger) -> None:
        ask(ledger, "register-host", at=NINE, **a_host())
        ask(ledger, "define-vm", at=NINE, **a_vm())
        ask(ledger, "start", at=NINE, vm="web01")
        ask(ledger, "pause", at=ELEVEN, vm="web01")
        with pytest.raises(InputError, match="before the last event of vm/web01"):
            ask(ledger, "resume", at=TEN, vm="web01")

    def test_streams_that_a_command_does_not_touch_may_be_ahead(self, ledger: Ledger) -> None:
        ask(ledger, "register-host", at=ELEVEN, **a_host())
        ask(ledger, "register-host", at=NINE, **a_host(host="hv02"))
        assert ledger.position == 2

    def test_now_is_never_before_the_last_event(self, ledger: Ledger) -> None:
        late = "2999-01-01T00:00:00.000000Z"
        ledger.execute(replace(request("register-host", at=late, **a_host()), at_ahead=True))
        ledger.execute(replace(request("set-reserve", host="hv01", reserve="2GiB"), at_ahead=True))
        *_, last = ledger.events()
        assert last.metadata.happened == late
        assert last.metadata.recorded < late

    def test_an_earlier_at_is_found_out_though_another_wrote_the_later_event(
        self, ledger: Ledger, other: Ledger
    ) -> None:
        ask(ledger, "register-host", at=NINE, **a_host())
        ask(other, "set-reserve", at=ELEVEN, host="hv01", reserve="2GiB")
        with pytest.raises(InputError, match="before the last event"):
            ask(ledger, "set-reserve", at=TEN, host="hv01", reserve="1GiB")


class TestDecidedAndObserved:
    def test_what_is_decided_cannot_be_observed_and_nothing_of_the_batch_is_recorded(self, ledger: Ledger) -> None:
        with_web01(ledger)
        before = stored(ledger)
        batch = [
            Observation("o1", (Fact(LAB, VmLost(), TEN),)),
            Observation("o2", (Fact(vm_stream("web01"), VmLost(), TEN),)),
        ]
        with pytest.raises(InputError, match="'web01' is decided") as error:
            ledger.record(batch, actor="ann", via="test")
        assert "--as PREFIX" in error.value.hint
        assert stored(ledger) == before

    def test_nothing_is_commanded_of_what_is_observed(self, ledger: Ledger) -> None:
        ledger.record(
            [Observation("o1", (Fact(LAB, VmObserved(power=Power.RUNNING), TEN),))],
            actor="ann",
            via="test",
        )
        before = stored(ledger)
        with pytest.raises(InputError, match=r"'lab\.vm0' is observed") as error:
            ask(ledger, "pause", vm="lab.vm0")
        assert "nilo record" in error.value.hint
        ask(ledger, "register-host", **a_host())
        with pytest.raises(InputError, match=r"lab\.vm0"):
            ask(ledger, "define-vm", **a_vm(vm="lab.vm0"))
        assert stored(ledger)[:-1] == before

    @pytest.mark.parametrize(
        ("command", "given"),
        [
            ("resize-host", {"host": "lab", "total": "64GiB"}),
            ("set-reserve", {"host": "lab", "reserve": "1GiB"}),
            ("remove-host", {"host": "lab"}),
            ("define-vm", a_vm(vm="new", host="lab")),
            ("move-vm", {"vm": "web01", "to": "lab"}),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_nothing_is_commanded_of_an_observed_host(
        self, ledger: Ledger, command: str, given: dict[str, Any]
    ) -> None:
        with_web01(ledger)
        seen = Fact(host_stream("lab"), HostObserved(total=GIB), TEN)
        ledger.record([Observation("o1", (seen,))], actor="ann", via="test")
        before = stored(ledger)
        with pytest.raises(InputError, match="the host 'lab' is observed") as error:
            ask(ledger, command, **given)
        assert "nilo record" in error.value.hint
        assert stored(ledger) == before

    def test_observations_that_lose_a_race_are_recorded_after_the_winners(self, ledger: Ledger, other: Ledger) -> None:
        def observe(which: Ledger, key: str) -> list[tuple[int, ...]]:
            return which.record([Observation(key, (Fact(LAB, VmLost(), TEN),))], actor="ann", via="test")

        observe(ledger, "o1")
        Commits(ledger, lambda: observe(other, "o2"))
        assert observe(ledger, "o3") == [(3,)]
        assert [envelope.version for envelope in ledger.events()] == [1, 2, 3]
