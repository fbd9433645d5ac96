"""What is prepared of policies that are to be adopted: proved, and beside those that are adopted already."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.envelope import Envelope
from domain.identifiers import StreamName
from domain.policy_events import PolicyAdopted
from nilometer.ledger.adopting import AdoptionRefusal, prepare_adoption, refusal_of
from nilometer.ledger.books import BookChanges
from nilometer.ledger.policies import NO_POLICIES, AdoptedPolicy, PolicySet
from rules.policies.checking import Kept, PolicyCheck, PolicyReport
from rules.policies.enforcing import digest_of, enforced_policy
from rules.policies.policy import Policy
from rules.policies.reading import read_policies
from tests.domain.deciding.test_policies import KEEPS
from tests.nilometer.ledger.test_adopting import NEVER_OFF
from tests.nilometer.ledger.test_breakers import ADOPTED, METADATA

HALF = '''
@scope(vms="web*", hosts=("hv01", "hv02"))
def half(vm: Vm, host: Host) -> bool:
    """No web VM holds more than half of its host."""
    return vm.held * 2 <= host.total
'''
SHOP = '''
@scope(vms=("web*", "db*"), group="shop")
def shop(group: Group) -> bool:
    """The shop holds at most 20 GiB."""
    return group.held <= 20 * GiB
'''


def read(text: str) -> Policy:
    (policy,) = read_policies(text, "file.py")
    return policy


def adopted(policy: Policy) -> PolicySet:
    """What has adopted one policy, without a book."""
    event = replace(
        ADOPTED, text=policy.text, digest=digest_of(policy.text), vms=policy.scope.vms, over=tuple(sorted(policy.over))
    )
    envelope = Envelope[PolicyAdopted](StreamName(f"policy/{policy.name}"), 3, event, METADATA)
    enforced = enforced_policy(policy.name, 3, event)
    return PolicySet(version=1, adopted=(AdoptedPolicy(policy.name, envelope),), enforced=(enforced,))


def test_what_is_recorded_of_a_policy_is_what_it_says_and_what_was_proved_of_it() -> None:
    policy = read(HALF)
    prepared = prepare_adoption([policy], NO_POLICIES, from_now=True)
    (event,) = prepared.events
    assert event == (
        "half",
        PolicyAdopted(
            text=policy.text,
            digest=digest_of(policy.text),
            file="file.py",
            sentence="No web VM holds more than half of its host.",
            over=("host", "vm"),
            vms=("web*",),
            hosts=("hv01", "hv02"),
            monotone=("add-memory", "grow", "reclaim", "remove-memory"),
            beside=("resize-host",),
            from_now=True,
            broken=(),
        ),
    )
    (enforced,) = prepared.enforced
    assert (enforced.name, enforced.version, prepared.refusal, prepared.books) == ("half", 0, None, BookChanges())
    assert (prepared.policies, prepared.unchanged) == ((policy,), ())
    assert prepared.checked is not None


def test_what_is_adopted_already_with_the_same_text_is_not_proved_again() -> None:
    policy = read(HALF)
    prepared = prepare_adoption([policy], adopted(policy), from_now=False)
    assert (prepared.policies, prepared.unchanged) == ((policy,), ("half",))
    assert (prepared.events, prepared.enforced, prepared.checked) == ((), (), None)
    assert (prepared.books, prepared.refusal) == (BookChanges(), None)


def test_another_text_takes_the_place_of_the_first_and_a_group_has_its_book_opened() -> None:
    policy, less = read(SHOP), read(SHOP.replace("20", "10"))
    prepared = prepare_adoption([less], adopted(policy), from_now=False)
    assert (prepared.unchanged, [name for name, _ in prepared.events]) == ((), ["shop"])
    assert prepared.books == BookChanges(opened=prepared.enforced)
    assert prepared.events[0][1].text == less.text


def test_beside_one_that_is_adopted_another_is_prepared_alone() -> None:
    policy, shop = read(HALF), read(SHOP)
    prepared = prepare_adoption([shop, policy], adopted(policy), from_now=False)
    assert (prepared.policies, prepared.unchanged) == ((shop, policy), ("half",))
    assert [name for name, _ in prepared.events] == ["shop"]


def test_of_a_wrong_policy_nothing_is_to_be_recorded() -> None:
    prepared = prepare_adoption([read(NEVER_OFF)], NO_POLICIES, from_now=True)
    assert (prepared.refusal, prepared.events, prepared.enforced) == (AdoptionRefusal.WRONG, (), ())


def test_a_policy_conflicts_with_another_that_is_adopted_and_not_with_the_text_that_it_replaces() -> None:
    small = KEEPS.replace(">= 2 * GiB", "<= 1 * GiB")
    beside = read(small.replace("web_keeps_2_gib", "small"))
    assert prepare_adoption([beside], adopted(read(KEEPS)), from_now=True).refusal is AdoptionRefusal.WRONG
    assert prepare_adoption([read(small)], adopted(read(KEEPS)), from_now=True).refusal is None


def report(**found: Any) -> PolicyReport:
    known: dict[str, Any] = {"policy": read(HALF), "possible": True, "possible_running": True, "commands": {}}
    known |= {"implied_by_rules": False, "refuses_every": (), "blocks": {}, "example": None, "examples": {}}
    return PolicyReport(**{**known, **found})


@pytest.mark.parametrize(
    ("found", "wrong", "refusal"),
    [
        (report(), (), None),
        (report(possible=None), (), AdoptionRefusal.NOT_PROVED),
        (report(commands={"start": Kept.UNKNOWN}), (), AdoptionRefusal.NOT_PROVED),
        (report(), ("half",), AdoptionRefusal.WRONG),
        (report(possible=None), ("half",), AdoptionRefusal.WRONG),
    ],
)
def test_what_the_solver_gives_up_on_is_not_adopted(
    found: PolicyReport, wrong: tuple[str, ...], refusal: AdoptionRefusal | None
) -> None:
    assert refusal_of(PolicyCheck(reports=(report(), found), conflicts=(), obligations=1, wrong=wrong)) is refusal
