"""Judging by policies: decided commands by an independent reading, observed figures three-valued."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.commands import AddMemory, DefineVm, RegisterHost, RemoveMemory, ReportInUse, Start, Stop
from domain.deciding.world import World
from domain.decision import accepted
from domain.envelope import Envelope, Metadata
from domain.errors import InputError
from domain.event import Event
from domain.guests import Guest
from domain.identifiers import StreamName, UtcTime, host_stream, vm_stream
from domain.observed.events import HostObserved, VmObserved
from domain.observed.settings import NOT_RECORDED
from domain.quantities import GiB
from domain.settings import ConfigVersion, HostVersion, MemorySetting, Mode
from domain.state import Host, Power, Vm
from rules.judging.findings import Finding, Verdict
from rules.policies.judging.adopted import PREFIX
from rules.policies.judging.judge import PolicyJudge
from rules.policies.judging.partial import FREE, HELD, VISIBLE, evaluate_known
from rules.policies.policy import Policy
from rules.policies.reading import read_policies
from rules.symbolic import terms
from rules.symbolic.values import constants, leaves
from tests.rules.policies.test_checking import TEXT, a_command, states_of
from tests.rules.policies.test_reading import HOSTS, TRUTHS, VMS, file_of

NOON = UtcTime("2026-11-23T12:00:00.000000Z")


def envelopes(events: list[tuple[StreamName, Event]]) -> list[Envelope[Event]]:
    """A history of these events."""
    versions: dict[str, int] = {}
    found: list[Envelope[Event]] = []
    for position, (stream, event) in enumerate(events, 1):
        versions[stream] = versions.get(stream, 0) + 1
        metadata = Metadata(actor="ops", via="nilo", happened=NOON, recorded=NOON, correlation=f"c{position}")
        found.append(
            Envelope(stream=stream, version=versions[stream], event=event, metadata=metadata, position=position)
        )
    return found


def judge(policies: tuple[Policy, ...], events: list[tuple[StreamName, Event]]) -> tuple[PolicyJudge, list[Finding]]:
    """The findings about policies."""
    judged = PolicyJudge(policies)
    found = [finding for envelope in envelopes(events) for finding in judged.take(envelope)]
    found += judged.finish()
    return judged, [finding for finding in found if finding.rule.startswith(PREFIX)]


def test_what_is_found_is_what_asking_after_each_command_finds() -> None:
    policies = tuple(replace(policy, scope=type(policy.scope)()) for policy in read_policies(TEXT, "policies.py"))
    total = 0
    for seed in range(12):
        chance, world = random.Random(seed), World()
        events: list[tuple[StreamName, Event]] = []
        expected: list[tuple[str, str, int]] = []
        was: dict[str, dict[tuple[str, str], bool]] = {policy.name: {} for policy in policies}
        for number in range(80):
            try:
                answer = world.execute(a_command(world, chance, number))
            except InputError:
                continue
            position = len(events) + 1
            events += answer.events
            for policy in policies:
                now = states_of(policy, world)
                before = was[policy.name]
                broken = [id for (kind, id), holds in now.items() if not holds and before.get((kind, id), True)]
                if accepted(answer.decision):
                    expected += [(policy.name, id, position) for id in broken]
                was[policy.name] = now
        _, found = judge(policies, events)
        first = [
            (finding.rule.removeprefix(PREFIX), finding.why.split(" of ")[1].split(":")[0], finding.at.position)
            for finding in found
            if "less than before" not in finding.why
        ]
        assert sorted(first) == sorted(expected), seed
        total += len(expected)
    assert total > 100


# Three values


@settings(max_examples=150, deadline=None)
@given(TRUTHS, VMS, HOSTS, st.data())
def test_what_the_known_figures_decide_is_so_whatever_the_others_are(
    expression: str, vm: Vm, host: Host, data: st.DataObject
) -> None:
    (policy,) = read_policies(file_of(expression), "policies.py")
    values = {**dict(leaves(constants(vm), "site.vm")), **dict(leaves(constants(host), "site.host"))}
    all_known = {name: terms.value_of(term) for name, term in values.items()}
    kept = data.draw(st.sets(st.sampled_from(sorted(all_known))))
    known = {name: value for name, value in all_known.items() if name in kept and value is not None}
    measured = {FREE: host.free, HELD: vm.held, VISIBLE: vm.visible} if data.draw(st.booleans()) else {}
    complete = {name: value for name, value in all_known.items() if value is not None}
    truth = terms.evaluate(policy.term, complete)
    assert evaluate_known(policy.term, known, measured) in (None, truth)
    assert evaluate_known(policy.term, complete, {}) is truth


@pytest.mark.parametrize(
    ("expression", "known", "expected"),
    [
        ("(vm.assigned if vm.power is Power.RUNNING else vm.in_use) > 3", {"assigned": 5, "in_use": 1}, None),
        ("(vm.assigned if vm.power is Power.RUNNING else vm.in_use) > 3", {"assigned": 5, "in_use": 5}, True),
        ("(vm.assigned if vm.power is Power.RUNNING else vm.in_use) > 3", {"power": Power.OFF, "in_use": 1}, False),
        ("vm.assigned > 3 and vm.in_use > 3", {"assigned": 3}, False),
        ("vm.assigned > 3 and vm.in_use > 3", {"assigned": 4}, None),
        ("vm.assigned > 3 or vm.in_use > 3", {"assigned": 4}, True),
        ("vm.assigned > 3 or vm.in_use > 3", {"assigned": 3}, None),
        ("min(vm.assigned, vm.in_use) > 3", {"assigned": 3}, None),
    ],
)
def test_an_answer_needs_the_figures_that_it_depends_on(
    expression: str, known: dict[str, int | Power], expected: bool | None
) -> None:
    (policy,) = read_policies(file_of(expression), "policies.py")
    assert evaluate_known(policy.term, {f"site.vm.{name}": value for name, value in known.items()}, {}) is expected


def test_a_breach_that_is_made_worse_is_found_and_one_that_gets_better_is_not() -> None:
    world = World()
    answers = [
        world.execute(command)
        for command in (
            RegisterHost("hv01", HostVersion.V2022, 64 * GiB, 60 * GiB),  # the new host breaks it already
            DefineVm(
                vm="web01",
                host="hv01",
                generation=2,
                guest=Guest.WINDOWS,
                config_version=ConfigVersion(10, 0),
                memory=MemorySetting.static(2 * GiB),
            ),
            Start("web01"),
            ReportInUse("web01", 0),
            RemoveMemory("web01", GiB),
            AddMemory("web01", GiB),
            Stop("web01"),
        )
    ]
    (policy, *_) = read_policies(TEXT, "policies.py")
    _, found = judge((policy,), [pair for answer in answers for pair in answer.events])
    assert [(finding.at.position, finding.why.partition(":")[0]) for finding in found] == [
        (1, "the policy does not hold of hv01"),
        (3, "the policy does not hold of hv01, less than before"),
        (8, "the policy does not hold of hv01, less than before"),
    ]


HOST = host_stream("hv01")
VM = vm_stream("db01")


@pytest.mark.parametrize(
    ("free", "total", "verdict"),
    [(8 * GiB, 64 * GiB, Verdict.HOLDS), (6 * GiB, 64 * GiB, Verdict.VIOLATED), (8 * GiB, None, Verdict.UNKNOWN)],
)
def test_an_observed_host_is_asked_by_what_was_measured(free: int, total: int | None, verdict: Verdict) -> None:
    (policy, *_) = read_policies(TEXT, "policies.py")
    judged, found = judge((policy,), [(HOST, HostObserved(name="hv01", total=total, free=free))])
    assert [finding.verdict for finding in found] == ([] if verdict is Verdict.HOLDS else [verdict])
    coverage = judged.coverage.rules[PREFIX + policy.name]
    assert (coverage.holds, coverage.violated, coverage.unknown) == tuple(
        int(verdict is one) for one in (Verdict.HOLDS, Verdict.VIOLATED, Verdict.UNKNOWN)
    )


def test_an_observed_vm_is_asked_and_a_breach_is_shown_once() -> None:
    policies = [policy for policy in read_policies(TEXT, "policies.py") if policy.name == "db_keeps_8_gib"]
    unknown = MemorySetting(
        mode=Mode.STATIC, startup=NOT_RECORDED, minimum=NOT_RECORDED, maximum=NOT_RECORDED, buffer=NOT_RECORDED,
        weight=NOT_RECORDED,
    )  # fmt: skip
    seen = [
        VmObserved(name="db01", host="hv01", memory=unknown),
        VmObserved(power=Power.RUNNING, assigned=16 * GiB),
        VmObserved(assigned=6 * GiB),
        VmObserved(assigned=5 * GiB),
        VmObserved(power=Power.OFF),
        VmObserved(power=Power.RUNNING, assigned=4 * GiB),
    ]
    judged, found = judge(tuple(policies), [(VM, event) for event in seen])
    assert [(finding.verdict, finding.at.position) for finding in found] == [
        (Verdict.UNKNOWN, 1),
        (Verdict.VIOLATED, 3),
        (Verdict.VIOLATED, 6),
    ]
    assert "(vm.assigned, vm.power)" in found[0].why
    coverage = judged.coverage.rules[f"{PREFIX}db_keeps_8_gib"]
    assert (coverage.holds, coverage.violated, coverage.unknown) == (2, 3, 1)


def test_a_vm_out_of_scope_is_not_asked() -> None:
    policies = [policy for policy in read_policies(TEXT, "policies.py") if policy.name == "db_keeps_8_gib"]
    seen = VmObserved(name="web01", host="hv01", power=Power.RUNNING, assigned=GiB)
    _, found = judge(tuple(policies), [(vm_stream("web01"), seen)])
    assert found == []


def test_after_an_event_that_does_not_follow_nothing_is_known() -> None:
    world, chance = World(), random.Random(1)
    events: list[tuple[StreamName, Event]] = []
    for number in range(40):
        try:
            events += world.execute(a_command(world, chance, number)).events
        except InputError:
            continue
    (policy, *_) = read_policies(TEXT, "policies.py")
    first = next(stream for stream, _ in events if stream.startswith("vm/"))
    _, found = judge((policy,), [pair for number, pair in enumerate(events) if pair[0] != first or number > 4])
    assert [finding.verdict for finding in found if finding.at.position is None] == [Verdict.UNKNOWN]
