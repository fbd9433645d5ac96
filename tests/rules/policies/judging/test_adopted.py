"""The judge decides again what adopted policies refused or granted less of, and finds what they had to refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pydantic import ValidationError

from domain.commands import COMMANDS
from domain.envelope import Envelope
from domain.errors import InputError
from domain.event import Event
from domain.events import VmDefined, VmStarted
from domain.identifiers import POLICIES, policy_stream
from domain.policy_events import BY_POLICY, PoliciesChanged, PolicyAdopted, VmMemoryAddedWithinPolicy, VmRefusedByPolicy
from domain.quantities import QUANTUM
from rules.judging.descriptions import HALVES_AGREE
from rules.judging.findings import Finding, Verdict
from rules.judging.scope import EVERYTHING, Scope
from rules.policies.enforcing import digest_of, enforced_policy
from rules.policies.judging.adopted import AdoptedJudge
from rules.policies.judging.history import PolicyHistory
from rules.policies.reading import read_policies
from tests.domain.deciding.test_policies import TENTH
from tests.domain.given import HOST, START, WEB
from tests.domain.world import World
from tests.oracle.strategies import Seeded, next_line
from tests.projections.histories import Recorder

RESIZES = ("add-memory", "grow", "reclaim", "remove-memory")


def adoption(text: str, *, beside: tuple[str, ...] = (), from_now: bool = True) -> PolicyAdopted:
    (policy,) = read_policies(text.lstrip(), "policies.py")
    return PolicyAdopted(
        text=text.lstrip(),
        digest=digest_of(text.lstrip()),
        file="policies.py",
        sentence=policy.sentence,
        over=tuple(sorted(policy.over)),
        vms=policy.scope.vms,
        hosts=policy.scope.hosts,
        monotone=RESIZES,
        beside=beside,
        from_now=from_now,
        broken=(),
    )


def adopt(recorder: Recorder, name: str, event: PolicyAdopted, *, is_kept: bool = True) -> None:
    """Adopts a policy in a history; without ``is_kept`` the decider is not told."""
    recorder.append(policy_stream(name), event, 10**6, "adopt")
    recorder.append(POLICIES, PoliciesChanged(policy=name, version=1, adopted=True), 10**6, "adopt")
    if is_kept:
        recorder.policies = tuple(
            sorted((*recorder.policies, enforced_policy(name, 1, event)), key=lambda one: one.name)
        )


def judged(history: list[Envelope[Event]], scope: Scope = EVERYTHING) -> tuple[list[Finding], AdoptedJudge]:
    judge = AdoptedJudge(scope)
    found = [finding for envelope in history for finding in judge.take(envelope)]
    found += judge.finish()
    return [finding for finding in found if finding.rule != HALVES_AGREE], judge  # the recorder names no cause


def recorded(*, is_kept: bool = True) -> Recorder:
    """A host, a VM, an adopted policy, and a request for more than it allows."""
    recorder = Recorder()
    for line in (HOST, WEB, START):
        recorder.run(line)
    adopt(recorder, "tenth_stays_free", adoption(TENTH), is_kept=is_kept)
    recorder.run({"command": "add-memory", "vm": "web01", "amount": "60GiB"})
    recorder.run({"command": "add-memory", "vm": "web01", "amount": "2GiB"})
    return recorder


def test_what_the_policy_refused_holds() -> None:
    found, judge = judged(recorded().history)
    assert found == []
    assert judge.coverage.rules["policy/tenth_stays_free"].holds == 3


def test_what_it_should_have_refused_is_found() -> None:
    found, _ = judged(recorded(is_kept=False).history)
    assert [finding.rule for finding in found] == ["policy/tenth_stays_free"]
    assert "the adopted policy does not hold of hv01" in found[0].why


@pytest.mark.parametrize(
    ("scope", "count"),
    [
        (Scope(vms=frozenset({"web01"})), 1),
        (Scope(hosts=frozenset({"hv01"})), 1),
        (Scope(rules=frozenset({"policy/tenth_stays_free"})), 1),
        (Scope(vms=frozenset({"erp01"})), 0),
        (Scope(rules=frozenset({"whole_quanta"})), 0),
        (Scope(rules=frozenset({"policy/another"})), 0),
        (Scope(until="2000-01-01T00:00:00.000000Z"), 0),
    ],
    ids=str,
)
def test_what_is_out_of_scope_is_no_finding(scope: Scope, count: int) -> None:
    found, judge = judged(recorded(is_kept=False).history, scope)
    policies = [finding for finding in found if finding.rule.startswith("policy/")]
    assert len(policies) == count
    assert judge.coverage.rules["policy/tenth_stays_free"].violated == count


Change = Callable[[Envelope[Event]], Event | None]


def _grant_less(envelope: Envelope[Event]) -> Event | None:
    event = envelope.event
    if isinstance(event, VmMemoryAddedWithinPolicy):
        return replace(event, granted=(event.granted or 0) - QUANTUM, hot_added=event.hot_added - QUANTUM)
    return None


def _refuse_without_need(envelope: Envelope[Event]) -> Event | None:
    event = envelope.event
    if isinstance(event, VmRefusedByPolicy):
        (read,) = event.policies
        return replace(event, policies=(replace(read, after=read.after + 1),))
    return None


def _name_another_version(envelope: Envelope[Event]) -> Event | None:
    event = envelope.event
    if isinstance(event, VmRefusedByPolicy):
        (read,) = event.policies
        return replace(event, policies=(replace(read, version=2),))
    return None


def _change_the_text(envelope: Envelope[Event]) -> Event | None:
    event = envelope.event
    return replace(event, text=event.text.replace("10", "20")) if isinstance(event, PolicyAdopted) else None


@pytest.mark.parametrize("change", [_grant_less, _refuse_without_need, _name_another_version, _change_the_text])
def test_a_changed_event_is_found(change: Change) -> None:
    history = [
        envelope if (event := change(envelope)) is None else replace(envelope, event=event)
        for envelope in recorded().history
    ]
    found, _ = judged(history)
    assert any(finding.verdict is Verdict.VIOLATED and finding.rule.startswith("policy/") for finding in found)


HALF = '''
def at_most_half(vm: Vm, host: Host) -> bool:
    """No VM holds more than half of its host, and its maximum is no more than the host has."""
    return vm.held * 2 <= host.total and vm.memory.maximum <= host.total
'''
FLOOR = '''
def not_too_small(vm: Vm) -> bool:
    """A VM that runs has 128 MiB."""
    return vm.power is not Power.RUNNING or vm.assigned >= 128 * MiB
'''


def _keeps(recorder: Recorder) -> dict[str, int]:
    """How far each VM and host is from keeping the three policies: read independently, from the sentences."""
    far: dict[str, int] = {}
    for id in recorder.fleet.hosts:
        host = recorder.host(id).state
        far[f"tenth {id}"] = max(0, host.total - 10 * host.free)
    for id in recorder.fleet.vms:
        vm = recorder.vm(id)
        host = recorder.host(vm.host).state
        half = max(0, 2 * vm.state.held - host.total) + max(0, vm.state.memory.maximum - host.total)
        far[f"half {id}"] = half
        small = max(0, 128 * 2**20 - vm.state.assigned) if vm.state.power.value == "running" else 0
        far[f"floor {id}"] = small
    return far


@pytest.mark.parametrize("seed", range(6))
def test_any_history_keeps_the_adopted_policies_by_an_independent_reading(seed: int) -> None:
    recorder, chooser, world = Recorder(), Seeded(seed), World()
    for name, text in (("tenth_stays_free", TENTH), ("at_most_half", HALF), ("not_too_small", FLOOR)):
        beside = ("resize-host", "set-reserve") if name == "at_most_half" else ()
        adopt(recorder, name, adoption(text, beside=beside))
    refused = 0
    for _ in range(150):
        before, count = _keeps(recorder), len(recorder.history)
        line = next_line(chooser, world.snapshot())
        if line["command"] not in COMMANDS:
            continue
        try:
            recorder.run(line)
        except (InputError, ValidationError):
            continue
        new = recorder.history[count:]
        world.record([(envelope.stream, envelope.event) for envelope in new])
        refused += any(isinstance(envelope.event, BY_POLICY) for envelope in new)
        after = _keeps(recorder)
        if line["command"] not in ("stop", "remove-vm"):
            worse = [name for name, distance in after.items() if distance > before.get(name, 0)]
            assert worse == [], line
    assert refused > 0
    found, _ = judged(recorder.history)
    assert found == []


CLAIMS: list[tuple[Callable[[PolicyAdopted], PolicyAdopted], str]] = [
    (lambda event: replace(event, sentence="All of it may be used."), "the adoption names the sentence as"),
    (lambda event: replace(event, over=("vm",)), "the adoption names its subjects as vm, and its text as host, vm"),
    (lambda event: replace(event, vms=("db*",)), "the adoption names the VMs as db*, and its text as"),
    (
        lambda event: replace(event, monotone=("add-memory", "remove-memory", "start")),
        "that less of start keeps it",
    ),
    (
        lambda event: replace(event, beside=("set-reserve",)),
        "that resize-host breaks it of no other VM is not proved",
    ),
]


@pytest.mark.parametrize(("claim", "why"), CLAIMS)
def test_what_an_adoption_says_beyond_its_text_is_found(
    claim: Callable[[PolicyAdopted], PolicyAdopted], why: str
) -> None:
    recorder = Recorder()
    honest = adoption(HALF, beside=("resize-host", "set-reserve"))
    adopt(recorder, "at_most_half", honest, is_kept=False)
    assert judged(recorder.history)[0] == []
    recorder = Recorder()
    adopt(recorder, "at_most_half", claim(honest), is_kept=False)
    (finding,) = judged(recorder.history)[0]
    assert (finding.rule, finding.verdict) == ("policy/at_most_half", Verdict.VIOLATED)
    assert why in finding.why


@pytest.mark.parametrize(("version", "is_kept"), [(1, True), (2, False)])
def test_a_change_that_names_another_adoption_than_the_last_is_found(version: int, is_kept: bool) -> None:
    recorder = Recorder()
    adopt(recorder, "tenth_stays_free", adoption(TENTH), is_kept=False)
    recorder.append(policy_stream("tenth_stays_free"), adoption(TENTH), 10**6, "adopt")
    changed = PoliciesChanged(policy="tenth_stays_free", version=version, adopted=is_kept)
    recorder.append(POLICIES, changed, 10**6, "adopt")
    (finding,) = judged(recorder.history)[0]
    assert (finding.rule, finding.verdict) == ("policy/tenth_stays_free", Verdict.VIOLATED)
    assert "the policy was adopted last, at version 2" in finding.why


DOUBLING = '''
def never_doubles(before: Vm, vm: Vm) -> bool:
    """No VM doubles at once."""
    return vm.assigned <= 2 * before.assigned + 8 * GiB
'''


def _define_again(history: list[Envelope[Event]]) -> Envelope[Event]:
    defined = next(envelope for envelope in history if isinstance(envelope.event, VmDefined))
    return replace(history[-1], stream=defined.stream, event=defined.event, version=9)


def _name_no_command(history: list[Envelope[Event]]) -> Envelope[Event]:
    stream, event = next(
        (envelope.stream, envelope.event) for envelope in history if isinstance(envelope.event, VmStarted)
    )
    return replace(history[-1], stream=stream, event=replace(event, command="frobnicate"), version=9)


@pytest.mark.parametrize("forge", [_define_again, _name_no_command])
@pytest.mark.parametrize("is_adopted", [True, False])
def test_what_no_command_did_to_a_vm_is_judged_without_its_policies_over_changes(
    forge: Callable[[list[Envelope[Event]]], Envelope[Event]], is_adopted: bool
) -> None:
    recorder = Recorder()
    for line in (HOST, WEB, START):
        recorder.run(line)
    if is_adopted:
        adopt(recorder, "never_doubles", adoption(DOUBLING))
    recorder.run({"command": "add-memory", "vm": "web01", "amount": "2GiB"})
    history = list(recorder.history)
    history.append(forge(history))
    if is_adopted:
        found, _ = judged(history)
        assert found
    else:
        asked = PolicyHistory(read_policies(DOUBLING.lstrip(), "policies.py"))
        assert [breach for envelope in history for breach in asked.take(envelope)] + asked.finish() == []
