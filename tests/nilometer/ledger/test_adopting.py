"""Policies that a ledger adopts: refused while somebody breaks them, kept by every command afterwards, and retired."""

from __future__ import annotations

import pytest

from domain.decision import Code, Outcome
from domain.errors import InputError
from domain.identifiers import POLICIES
from domain.policy_events import GroupOpened, PoliciesChanged, PolicyAdopted, VmMemoryAddedWithinPolicy
from domain.quantities import GiB as GIB
from nilometer.ledger.adopting import Adoption, AdoptionRefusal
from nilometer.ledger.dry_run import DryRun
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Request, Result
from tests.domain.deciding.test_policies import KEEPS, TENTH, parse
from tests.domain.given import HOST, START, WEB, do
from tests.nilometer.ledger import processes
from tests.nilometer.storage.meanwhile import Commits
from tests.oracle.shapes import Line

LARGE = KEEPS.replace("2 * GiB", "8 * GiB").replace("web_keeps_2_gib", "large")
NEVER_OFF = '''
def never_off(vm: Vm) -> bool:
    """A VM that was started never stops."""
    return vm.session == 0 or vm.power is not Power.OFF
'''
SHOP = '''
@scope(vms="web*", group="shop")
def shop(group: Group) -> bool:
    """The shop holds at most 20 GiB."""
    return group.held <= 20 * GiB
'''


def request(line: Line) -> Request:
    return Request(parse(line), "ann", "test")


def execute(ledger: Ledger, *lines: Line) -> Result:
    """The result of the last of some lines."""
    return [ledger.execute(request(line)) for line in lines][-1]


def adopt(ledger: Ledger, text: str, *, from_now: bool = False) -> Adoption:
    return ledger.adopt_policy(text, actor="ann", via="test", reason="CHG-1", from_now=from_now)


def test_what_is_adopted_is_kept_by_every_command_and_not_after_it_is_retired(ledger: Ledger) -> None:
    execute(ledger, HOST, WEB, START)
    adoption = adopt(ledger, TENTH)
    assert (adoption.refusal, adoption.broken) == (None, {})
    result = execute(ledger, do("add-memory", amount="60GiB"))
    assert (result.outcome, result.code) == (Outcome.PARTIALLY_COMPLETED, Code.POLICY)
    assert isinstance(result.events[0], VmMemoryAddedWithinPolicy)
    retired = ledger.retire_policy("tenth_stays_free", actor="ann", via="test")
    assert len(retired) == 2
    assert ledger.policy_set().adopted == ()
    again = execute(ledger, do("add-memory", amount="60GiB"))
    assert again.code is Code.INSUFFICIENT_HOST_MEMORY


def test_the_events_carry_the_text_its_digest_and_what_was_proved(ledger: Ledger) -> None:
    execute(ledger, HOST)
    first, second = adopt(ledger, TENTH).positions
    adopted, changed = ledger.events(first - 1, second)
    assert isinstance(adopted.event, PolicyAdopted)
    assert adopted.event.text in TENTH
    assert (adopted.id, adopted.event.monotone) == (
        "policy/tenth_stays_free/1",
        ("add-memory", "grow", "reclaim", "remove-memory"),
    )
    assert (changed.id, changed.metadata.causation) == (f"{POLICIES}/1", adopted.id)
    assert changed.event == PoliciesChanged(policy="tenth_stays_free", version=1, adopted=True)


def test_it_is_refused_while_somebody_breaks_it_and_then_only_steps_are_allowed_that_are_no_worse(
    ledger: Ledger,
) -> None:
    execute(ledger, HOST, WEB, START)
    position = ledger.position
    refused = adopt(ledger, LARGE)
    assert refused.refusal is AdoptionRefusal.BROKEN
    assert [breaker.subject for breaker in refused.broken["large"]] == ["vm/web01"]
    assert ledger.position == position
    assert adopt(ledger, LARGE, from_now=True).refusal is None
    assert execute(ledger, do("report-in-use", in_use="1GiB"), do("add-memory", amount="1GiB")).code is None
    assert execute(ledger, do("remove-memory", amount="1GiB")).code is Code.POLICY
    assert execute(ledger, do("stop")).code is None
    assert execute(ledger, do("start")).code is Code.POLICY


def test_a_policy_that_somebody_breaks_just_before_it_is_written_is_not_adopted(ledger: Ledger) -> None:
    execute(ledger, HOST, WEB, START)
    with Ledger.open(ledger.url) as other:
        Commits(ledger, lambda: execute(other, do("add-memory", amount="58GiB")))
        assert adopt(ledger, TENTH).refusal is AdoptionRefusal.BROKEN
        Commits(ledger, lambda: execute(other, do("remove-memory", amount="2MiB")))
        assert adopt(ledger, TENTH, from_now=True).refusal is None
    (envelope,) = ledger.stream("policy/tenth_stays_free")
    assert isinstance(envelope.event, PolicyAdopted)
    (breaker,) = envelope.event.broken
    assert (breaker.subject, envelope.event.from_now) == ("host/hv01", True)


def test_a_policy_that_would_refuse_a_stop_is_not_adopted(ledger: Ledger) -> None:
    execute(ledger, HOST)
    refused = adopt(ledger, NEVER_OFF, from_now=True)
    assert refused.refusal is AdoptionRefusal.WRONG
    assert ledger.policy_set().adopted == ()


def test_a_policy_that_conflicts_with_an_adopted_one_is_not_adopted(ledger: Ledger) -> None:
    execute(ledger, HOST)
    adopt(ledger, TENTH)
    none_free = TENTH.replace("tenth_stays_free", "none_free").replace(">=", "<").replace("10 %", "Less than 10 %")
    refused = adopt(ledger, none_free, from_now=True)
    assert refused.refusal is AdoptionRefusal.WRONG
    assert refused.checked is not None
    assert [(one.one, one.other) for one in refused.checked.conflicts] == [("none_free", "tenth_stays_free")]


def test_the_same_text_is_adopted_once_and_another_text_replaces_it(ledger: Ledger) -> None:
    execute(ledger, HOST)
    adopt(ledger, TENTH)
    position = ledger.position
    assert adopt(ledger, TENTH).unchanged == ("tenth_stays_free",)
    assert ledger.position == position
    adopt(ledger, TENTH.replace("10 %", "Ten percent"))
    (adopted,) = ledger.policy_set().adopted
    assert (adopted.envelope.version, adopted.envelope.event.sentence) == (2, "Ten percent of each host stay free.")


def test_a_name_that_is_not_adopted_is_not_retired(ledger: Ledger) -> None:
    execute(ledger, HOST)
    adopt(ledger, TENTH)
    with pytest.raises(InputError, match="no policy 'tenth_stay_free' is adopted") as error:
        ledger.retire_policy("tenth_stay_free", actor="ann", via="test")
    assert error.value.hint == "did you mean tenth_stays_free?"


def test_who_remembers_no_policy_meets_one_that_somebody_else_adopted(ledger: Ledger) -> None:
    execute(ledger, HOST, WEB, START)
    with Ledger.open(ledger.url) as other:
        adopt(other, TENTH)
    assert execute(ledger, do("add-memory", amount="60GiB")).code is Code.POLICY
    with Ledger.open(ledger.url) as other:
        other.retire_policy("tenth_stays_free", actor="ann", via="test")
    assert execute(ledger, do("add-memory", amount="60GiB")).code is Code.INSUFFICIENT_HOST_MEMORY


def test_a_host_whose_registration_was_refused_may_be_registered_when_the_policy_is_retired(ledger: Ledger) -> None:
    full: Line = {**HOST, "host": "hv02", "reserve": "64GiB"}
    execute(ledger, HOST)
    adopt(ledger, TENTH)
    assert execute(ledger, full).code is Code.POLICY
    with Ledger.open(ledger.url) as other:
        other.retire_policy("tenth_stays_free", actor="ann", via="test")
    assert execute(ledger, full).code is None


def test_a_dry_run_keeps_them_too(ledger: Ledger) -> None:
    execute(ledger, HOST, WEB, START)
    adopt(ledger, TENTH)
    (answer,) = DryRun(ledger).execute_all([request(do("add-memory", amount="60GiB"))])
    assert isinstance(answer, Result)
    assert answer.code is Code.POLICY
    assert (answer.granted or 0) < 60 * GIB


def test_a_host_is_not_shrunk_below_what_a_policy_leaves_a_vm_that_was_defined_meanwhile(ledger: Ledger) -> None:
    half = '''
def at_most_half(vm: Vm, host: Host) -> bool:
    """No VM is set to more than half of its host."""
    return vm.memory.startup * 2 <= host.total
'''
    execute(ledger, HOST)
    adopt(ledger, half)
    with Ledger.open(ledger.url) as other:
        execute(other, WEB)
    shrunk = execute(ledger, {"command": "resize-host", "host": "hv01", "total": "7GiB"})
    assert (shrunk.outcome, shrunk.code) == (Outcome.REJECTED, Code.POLICY)
    assert execute(ledger, {"command": "resize-host", "host": "hv01", "total": "8GiB"}).code is None


@pytest.mark.xdist_group("processes")
def test_eight_processes_that_grow_while_a_policy_is_adopted_leave_no_breach(url: str) -> None:
    told = processes.run("adopting", url)
    assert told["failed"] == []
    assert told["adopted"] > 0  # at a position in the midst of what the others wrote
    assert 0 < told["before"] < told["events"]
    assert told["breaches"] == []
    assert told["kept_by_policy"] > 0


def test_a_book_is_opened_with_what_a_group_holds_when_it_is_written(ledger: Ledger) -> None:
    execute(ledger, HOST, WEB, START)
    with Ledger.open(ledger.url) as other:
        meanwhile = Commits(ledger, lambda: execute(other, do("add-memory", amount="1GiB")))
        assert adopt(ledger, SHOP).refusal is None
    assert meanwhile.tried == 2, "it was written anew"
    (opened,) = ledger.stream("group/shop")
    assert isinstance(opened.event, GroupOpened)
    assert opened.event.after.held == 5 * GIB
