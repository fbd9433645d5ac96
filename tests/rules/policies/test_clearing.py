"""One question about many policies clears pairs of them: what is found is what is found pair by pair."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from rules.policies import clearing
from rules.policies.checking import check_policies
from rules.policies.clearing import ClearedPairs
from rules.policies.policy import Policy
from rules.policies.reading import read_policies
from rules.symbolic import terms
from rules.symbolic.terms import Term


def file_of(*conditions: str, scope: str = "") -> str:
    return "".join(
        f'{scope}def p{number}(vm: Vm, host: Host) -> bool:\n    """p{number}"""\n    return {condition}\n\n\n'
        for number, condition in enumerate(conditions)
    )


CONDITIONS = (
    "vm.power is Power.OFF or vm.assigned >= 4 * GiB",
    "vm.power is Power.OFF or vm.assigned <= 2 * GiB",
    "host.free * 10 >= host.total",
    "host.free * 20 >= host.total",
    "vm.held <= 64 * GiB",
    "host.total >= 32 * GiB",
)
TEXT = file_of(*CONDITIONS)


def test_what_many_policies_come_to_is_what_their_pairs_come_to(monkeypatch: pytest.MonkeyPatch) -> None:
    policies = read_policies(TEXT, "p.py")
    cleared = check_policies(policies)
    monkeypatch.setattr(clearing, "LEAST", 10**9)
    by_pairs = check_policies(policies)
    assert cleared == by_pairs
    assert [(conflict.one, conflict.other) for conflict in cleared.conflicts] == [("p0", "p1")]
    assert {report.policy.name: report.implied_by for report in cleared.reports if report.implied_by} == {
        "p3": ("p2",),
        "p4": ("p1",),
    }


class Asked:
    """Answers as if just some policies conflict, and counts the questions."""

    def __init__(self, *conflicting: str) -> None:
        self.conflicting, self.count = {*conflicting}, 0

    def __call__(self, policies: Sequence[Policy], conditions: Iterable[Term]) -> bool:
        self.count += 1
        assert list(conditions)
        return not self.conflicting <= {policy.name for policy in policies}


def many(count: int) -> tuple[Policy, ...]:
    return read_policies(file_of(*[f"vm.held <= {number} * GiB" for number in range(1, count + 1)]), "p.py")


def test_of_a_hundred_policies_two_that_conflict_are_found_with_few_questions() -> None:
    policies, asked = many(100), Asked("p17", "p80")
    cleared = ClearedPairs(asked)
    cleared.put(policies, terms.constant(True))
    unclear = [
        (one.name, other.name)
        for place, one in enumerate(policies)
        for other in policies[place + 1 :]
        if not cleared.are_compatible(one, other)
    ]
    assert asked.count < 20
    assert ("p17", "p80") in unclear
    assert len(unclear) == 99, "all with one of the two"


def test_of_a_hundred_policies_one_that_is_implied_is_found_with_few_questions() -> None:
    policies, asked = many(100), Asked("p17", "p80")
    cleared = ClearedPairs(Asked("nobody"))
    cleared.put(policies, terms.constant(True))
    cleared.is_possible = asked
    found = cleared.find_unimplied_by(policies[17])
    assert asked.count < 20
    assert "p80" not in found
    assert len(found) > 90, "few are left to be asked one by one"


def test_policies_of_other_scopes_and_pairs_are_not_cleared() -> None:
    text = (
        '@scope(one="a", other="b")\ndef r(one: Vm, other: Vm) -> bool:\n    """r"""\n    return one.held <= GiB\n\n\n'
    )
    plain, other = many(3), read_policies(file_of("vm.held <= GiB", scope='@scope(vms="db*")\n'), "p.py")
    (pair,) = read_policies(text, "p.py")
    cleared = ClearedPairs(Asked("nobody"))
    cleared.put([*plain, pair], terms.constant(True))
    assert cleared.are_compatible(plain[0], plain[1])
    assert not cleared.are_compatible(plain[0], pair)
    assert not cleared.are_compatible(plain[0], other[0])
    assert cleared.find_unimplied_by(pair) == frozenset()


def test_it_is_told_how_far_the_check_came() -> None:
    checked, compared = list[int](), list[int]()
    check_policies(many(3), on_checked=checked.append, on_compared=compared.append)
    assert checked == [1, 2, 3]
    assert compared == sorted(compared)
    assert max(compared) == 5
