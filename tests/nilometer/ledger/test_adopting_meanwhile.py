"""Policies that are adopted while others write: asked anew of what these left. What others adopt is not proved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.decision import Code
from domain.errors import InputError
from domain.policy_events import PolicyAdopted, PolicyBreaker
from nilometer.ledger.adopting import AdoptionRefusal
from nilometer.ledger.ledger import Ledger
from tests.nilometer.ledger.asking import ask, ledger_with_web01
from tests.nilometer.ledger.test_written import recorded
from tests.nilometer.ledger.unproved import adopt_unproved
from tests.nilometer.storage.meanwhile import Commits

SMALL = '''
@scope(vms="web*")
def small(vm: Vm) -> bool:
    """A web VM starts with at most 8 GiB."""
    return vm.memory.startup <= 8 * GiB
'''
OTHER = SMALL.replace("web*", "db*").replace("small", "other").replace("A web", "A data")


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A ledger with a VM of 4 GiB, which runs."""
    return ledger_with_web01(tmp_path)


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """The same, open again."""
    with Ledger.open(url, durable=False) as opened:
        yield opened


@pytest.fixture
def other(url: str) -> Iterator[Ledger]:
    """The same, open to another program."""
    with Ledger.open(url, durable=False) as opened:
        yield opened


def grow(ledger: Ledger) -> None:
    """The VM breaks the policy from now on."""
    assert ask(ledger, "set-memory", vm="web01", size="10GiB").in_full


def test_who_breaks_it_just_before_it_is_written_keeps_it_from_being_adopted(ledger: Ledger, other: Ledger) -> None:
    commits = Commits(ledger, lambda: grow(other))
    assert ledger.adopt_policy(SMALL, actor="ann", via="test").refusal is AdoptionRefusal.BROKEN
    assert (commits.tried, recorded(ledger), ledger.policy_set().adopted) == (1, False, ())


def test_what_is_adopted_anew_beside_what_another_adopted_names_who_breaks_it_by_then(
    ledger: Ledger, other: Ledger
) -> None:
    def adopt_and_grow() -> None:
        adopt_unproved(other, OTHER)
        grow(other)

    commits = Commits(ledger, adopt_and_grow)
    adoption = ledger.adopt_policy(SMALL, actor="ann", via="test", from_now=True)
    assert (commits.tried, adoption.refusal) == (2, None)
    assert [one.name for one in ledger.policy_set().adopted] == ["other", "small"]
    (envelope,) = ledger.stream("policy/small")
    assert isinstance(envelope.event, PolicyAdopted)
    assert envelope.event.broken == (PolicyBreaker("vm/web01", 2 * 2**30),)


def test_who_adopts_and_retires_decides_by_it_at_once(ledger: Ledger) -> None:
    commits = Commits(ledger)
    ask(ledger, "add-memory", vm="web01", amount="1GiB")
    assert ledger.adopt_policy(SMALL, actor="ann", via="test").refusal is None
    assert ask(ledger, "set-memory", vm="web01", size="10GiB").code is Code.POLICY
    ledger.retire_policy("small", actor="ann", via="test")
    assert ask(ledger, "set-memory", vm="web01", size="10GiB").code is not Code.POLICY
    assert commits.tried == 5, "each of them once"


def test_who_retires_while_another_adopts_does_so_after_it(ledger: Ledger, other: Ledger) -> None:
    adopt_unproved(other, SMALL)
    commits = Commits(ledger, lambda: adopt_unproved(other, OTHER))
    (retired, changed) = ledger.retire_policy("small", actor="ann", via="test")
    assert (commits.tried, [one.name for one in ledger.policy_set().adopted]) == (2, ["other"])
    assert (retired, changed, ledger.position) == (9, 10, 10), "after the events of both adoptions"


def test_who_adopts_has_recorded_something_but_not_the_second_time(ledger: Ledger, url: str) -> None:
    assert not recorded(ledger)
    assert ledger.adopt_policy(SMALL, actor="ann", via="test").refusal is None
    assert recorded(ledger)
    with Ledger.open(url, durable=False) as again:
        commits = Commits(again)
        assert again.adopt_policy(SMALL, actor="ann", via="test").unchanged == ("small",)
        assert (commits.tried, recorded(again)) == (0, False)


def test_nobody_adopts_or_retires_without_a_name(ledger: Ledger) -> None:
    adopt_unproved(ledger, SMALL)
    with pytest.raises(InputError, match="actor: '' is empty"):
        ledger.adopt_policy(OTHER, actor="", via="test")
    with pytest.raises(InputError, match="actor: '' is empty"):
        ledger.retire_policy("small", actor="", via="test")
    assert [one.name for one in ledger.policy_set().adopted] == ["small"]
