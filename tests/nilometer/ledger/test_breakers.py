"""Who breaks a policy that is to be adopted, and what adopting and retiring write: without a proof."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from domain.aggregates import HostAggregate, VmAggregate
from domain.deciding.enforced import EnforcedPolicy, JointFigures, NamedVm
from domain.envelope import Envelope, Metadata
from domain.errors import InputError
from domain.event import Event
from domain.identifiers import POLICIES, StreamName, UtcTime
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm
from domain.policy_events import PoliciesChanged, PolicyAdopted, PolicyRetired
from domain.quantities import GiB
from domain.settings import HostVersion
from domain.state import Group, Host, Vm
from nilometer.errors import UnreadableEvent
from nilometer.ledger.adopting import (
    AdoptionRefusal,
    FoundBreaker,
    PreparedAdoption,
    ask_adoption,
    find_breakers,
    policy_metadata,
    retirements,
    write_change,
)
from nilometer.ledger.books import BookChanges
from nilometer.ledger.policies import AdoptedPolicy, PolicySet
from projections.fleet import Fleet
from projections.tracked import Tracked
from tests.domain.deciding.test_policies import KEEPS, TENTH, enforced, world
from tests.domain.given import HOST, START, WEB

EARLY, NOW, LATE = (UtcTime(f"2026-11-23T{hour}:00:00.000000Z") for hour in ("08", "09", "10"))
METADATA = Metadata(
    actor="ann", via="test", happened=LATE, recorded=NOW, correlation="c1", reason="CHG-1", causation="other"
)
ADOPTED = PolicyAdopted(
    text="the text",
    digest="a digest",
    file="a file",
    sentence="A sentence.",
    over=("vm",),
    vms=("*",),
    hosts=("*",),
    monotone=(),
    beside=(),
    from_now=False,
    broken=(),
)


def fleet() -> Fleet:
    """Two VMs on two hosts, one of which runs with 4 GiB; and a VM and a host that are observed."""
    running, off = (world(HOST, WEB, *lines).vm("web01").state for lines in ([START], []))
    made = Fleet()
    for id, name, host, state in (("7f3a", "Web", "hv01", running), ("9c11", "Data", "hv02", off)):
        made.vms[id] = Tracked(VmAggregate(id=id, name=name, host=host, state=state), NOW)
        account = Host(total=64 * GiB, reserve=0, version=HostVersion.V2022, held=state.held)
        made.hosts[host] = Tracked(HostAggregate(id=host, state=account), NOW)
    made.vms["seen"] = Tracked(ObservedVm.begin("seen"), NOW)
    made.hosts["seen"] = Tracked(ObservedHost.begin("seen"), NOW)
    return made


def of_vms(*vms: str) -> EnforcedPolicy:
    """Broken by each VM that is named by id, name and what its host holds, as far as it has memory."""

    def has_vm(id: str, name: str) -> bool:
        return f"{id} {name}" in vms

    def measure(vm: Vm | None, host: Host) -> int:
        return 0 if vm is None else vm.held + host.held

    def figures(vm: Vm | None, host: Host) -> Mapping[str, int | bool | str]:
        return {"vm.held": 0 if vm is None else vm.held, "host.held": host.held}

    return replace(enforced(KEEPS), name="keeps", has_vm=has_vm, measure=measure, figures=figures)


def is_second(host: str) -> bool:
    return host == "hv02"


def is_decided(host: str) -> bool:
    return host in ("hv01", "hv02")


def of_hosts(most: int) -> EnforcedPolicy:
    def measure(vm: Vm | None, host: Host) -> int:
        return max(0, host.held - most)

    return replace(enforced(TENTH), name="tenth", measure=measure, has_host=is_decided)


BOTH = of_vms("7f3a Web", "9c11 Data")


def find(policy: EnforcedPolicy) -> list[FoundBreaker]:
    return list(find_breakers(policy, fleet()))


def test_vms_are_asked_by_id_and_name_on_their_hosts() -> None:
    figures = {"vm.held": 4 * GiB, "host.held": 4 * GiB}
    assert find(BOTH) == [FoundBreaker(StreamName("vm/7f3a"), 8 * GiB, figures)]
    assert find(of_vms("9c11 Data")) == []
    assert find(replace(BOTH, has_host=is_second)) == []
    assert find(replace(BOTH, has_host=is_decided)) == find(BOTH)


def test_hosts_are_asked_alone_where_a_policy_is_over_no_vm() -> None:
    (breaker,) = find(of_hosts(GiB))
    assert (breaker.subject, breaker.distance) == ("host/hv01", 3 * GiB)
    assert (breaker.recorded.subject, breaker.recorded.distance) == ("host/hv01", 3 * GiB)


def test_a_group_is_asked_of_what_its_vms_hold_together() -> None:
    def most(group: Group) -> JointFigures:
        return JointFigures(max(0, group.held - GiB), {"group.held": group.held})

    of_group = replace(BOTH, name="most", group="shop", of_group=most)
    assert find(of_group) == [FoundBreaker(StreamName("group/shop"), 3 * GiB, {"group.held": 4 * GiB})]
    assert find(replace(of_group, has_vm=of_vms("9c11 Data").has_vm)) == []


def test_two_vms_are_asked_together_by_their_ids_and_names() -> None:
    def joint(vms: Mapping[str, NamedVm]) -> Mapping[StreamName, JointFigures]:
        named = {StreamName(f"pair/{id}/{name}"): JointFigures(vm.held, {}) for id, (name, vm) in vms.items()}
        assert len(named) == 2
        return named

    assert find(replace(BOTH, joint=joint)) == [FoundBreaker(StreamName("pair/7f3a/Web"), 4 * GiB, {})]


def test_nobody_breaks_a_policy_over_a_change_by_being_as_they_are() -> None:
    def change(before: Vm, after: Vm, host: Host, command: str) -> int:
        return 1

    assert find(replace(BOTH, change=change)) == []


def test_who_breaks_a_policy_is_not_known_while_somebody_cannot_be_read() -> None:
    there = fleet()
    there.ended[StreamName("vm/web02")] = UnreadableEvent("it ends here")
    with pytest.raises(UnreadableEvent, match="it ends here"):
        list(find_breakers(of_vms(), there))


def prepared(*policies: EnforcedPolicy, refusal: AdoptionRefusal | None = None) -> PreparedAdoption:
    return PreparedAdoption(
        policies=(),
        events=(),
        enforced=policies,
        books=BookChanges(),
        checked=None,
        refusal=refusal,
        unchanged=("same",),
    )


@pytest.mark.parametrize(
    ("given", "from_now", "refusal", "names"),
    [
        (prepared(BOTH, of_hosts(64 * GiB)), False, AdoptionRefusal.BROKEN, ["keeps"]),
        (prepared(BOTH), True, None, ["keeps"]),
        (prepared(of_hosts(64 * GiB)), False, None, []),
        (prepared(BOTH, refusal=AdoptionRefusal.WRONG), False, AdoptionRefusal.WRONG, ["keeps"]),
        (prepared(refusal=AdoptionRefusal.NOT_PROVED), True, AdoptionRefusal.NOT_PROVED, []),
    ],
    ids=["broken", "from now", "kept", "wrong", "not proved"],
)
def test_what_somebody_breaks_is_not_adopted_unless_it_is_from_now_on(
    given: PreparedAdoption, refusal: AdoptionRefusal | None, names: list[str], *, from_now: bool
) -> None:
    adoption = ask_adoption(given, fleet(), from_now=from_now)
    assert (adoption.refusal, sorted(adoption.broken), adoption.unchanged) == (refusal, names, ("same",))


# What is written


def adopted(**happened: UtcTime) -> PolicySet:
    policies = [
        AdoptedPolicy(
            name,
            Envelope[Any](StreamName(f"policy/{name}"), 1, ADOPTED, replace(METADATA, happened=time, recorded=EARLY)),
        )
        for name, time in happened.items()
    ]
    return PolicySet(version=7, adopted=tuple(policies), enforced=())


def test_a_change_stands_on_the_streams_of_the_policies_and_on_the_common_one() -> None:
    told: list[tuple[int, Metadata]] = []

    def books(head: int, metadata: Metadata) -> Iterable[Envelope[Event]]:
        told.append((head, metadata))
        return [Envelope(StreamName("group/shop"), 1, PolicyRetired(digest="book"), metadata)]

    retired = PolicyRetired(digest="a digest")
    change = write_change([("new", ADOPTED), ("old", retired)], adopted(), {"new": 0, "old": 3}, METADATA, None, books)
    assert [(one.stream, one.version, one.event) for one in change.envelopes[:4]] == [
        ("policy/new", 1, ADOPTED),
        (POLICIES, 8, PoliciesChanged(policy="new", version=1, adopted=True)),
        ("policy/old", 4, retired),
        (POLICIES, 9, PoliciesChanged(policy="old", version=4, adopted=False)),
    ]
    first, *others = [one.metadata for one in change.envelopes]
    assert first == replace(METADATA, causation=None)
    assert others == [replace(METADATA, causation="policy/new/1")] * 4
    assert told == [(9, others[0])]
    assert change.expected.streams == {POLICIES: 7}


def test_books_alone_have_no_cause() -> None:
    told: list[Metadata] = []

    def books(head: int, metadata: Metadata) -> Iterable[Envelope[Event]]:
        told.append(metadata)
        return []

    assert write_change([], adopted(), {}, METADATA, None, books).envelopes == ()
    assert told == [replace(METADATA, causation=None)]


def test_policies_change_not_before_they_were_changed_last() -> None:
    said: dict[str, Any] = {"actor": "bob", "via": "tool", "reason": "why", "now": NOW}
    metadata = policy_metadata(adopted(one=EARLY, two=LATE), correlation="c9", **said)
    assert (metadata.happened, metadata.recorded, metadata.correlation) == (LATE, NOW, "c9")
    assert (metadata.actor, metadata.via, metadata.reason, metadata.causation) == ("bob", "tool", "why", None)
    for before in (adopted(), adopted(one=EARLY)):
        first, second = (policy_metadata(before, correlation=None, **said) for _ in range(2))
        assert first.happened == NOW
        assert first.correlation
        assert first.correlation != second.correlation


def test_each_policy_is_retired_once_with_the_digest_of_its_text() -> None:
    assert retirements(["one", "one"], adopted(one=EARLY, two=EARLY)) == [("one", PolicyRetired(digest="a digest"))]
    for known, hint in (
        (adopted(one=EARLY), "did you mean one?"),
        (adopted(), "nilo policy list shows the policies that are adopted"),
    ):
        with pytest.raises(InputError, match=r"no policy 'onee' is adopted") as raised:
            retirements(["onee"], known)
        assert raised.value.hint == hint
