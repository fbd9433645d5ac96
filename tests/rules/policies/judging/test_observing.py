"""Policies over two VMs, a group and a change, and windows, asked of observed VMs: by moments, and three-valued."""

from __future__ import annotations

from domain.envelope import Envelope, Metadata
from domain.event import Event
from domain.identifiers import UtcTime, vm_stream
from domain.observed.events import VmNotListed, VmObserved
from domain.quantities import GiB
from domain.state import Power
from rules.judging.findings import Finding, Verdict
from rules.policies.judging.adopted import PREFIX
from rules.policies.judging.judge import PolicyJudge
from rules.policies.reading import read_policies

POLICIES = """
[together]
one = "web01"
other = "db01"
says = "They hold at most 12 GiB together."
holds = "one.held + other.held <= 12 * GiB"

[shop]
vms = ["web*", "db*"]
group = "shop"
says = "The shop holds at most 12 GiB."
holds = "group.held <= 12 * GiB"
"""
GROWTH = """
[growth]
outside = "Sat 22:00-04:00"
zone = "UTC"
says = "No VM grows outside the window."
holds = "vm.assigned <= before.assigned"

[no_moves]
says = "No VM moves."
holds = "command is not Command.MOVE_VM"
"""

Seen = tuple[str, str, Event]


def time(text: str) -> UtcTime:
    return UtcTime(f"2026-11-28T{text}:00.000000Z")


def judge(text: str, *seen: Seen, earliest: dict[int, str] | None = None) -> tuple[list[Finding], dict[str, int]]:
    """The findings about policies, each by who is seen when; and how often each came to hold."""
    judged = PolicyJudge(read_policies(text, "p.toml"))
    versions: dict[str, int] = {}
    found: list[Finding] = []
    for position, (when, id, event) in enumerate(seen, 1):
        versions[id] = versions.get(id, 0) + 1
        begun = (earliest or {}).get(position)
        metadata = Metadata(
            actor="poll",
            via="import-hyperv",
            happened=time(when),
            recorded=time("23:59"),
            correlation=f"c{position}",
            earliest=None if begun is None else time(begun),
        )
        found += judged.take(
            Envelope(stream=vm_stream(id), version=versions[id], event=event, metadata=metadata, position=position)
        )
    found += judged.finish()
    holds = {name: rule.holds for name, rule in judged.coverage.rules.items() if name.startswith(PREFIX)}
    return [finding for finding in found if finding.rule.startswith(PREFIX)], holds


def runs(gib: int, name: str | None = None) -> VmObserved:
    return VmObserved(name=name, host="hv01", power=Power.RUNNING, assigned=gib * GiB)


def verdicts(found: list[Finding]) -> list[tuple[str, Verdict, int | None]]:
    return [(finding.rule.removeprefix(PREFIX), finding.verdict, finding.at.position) for finding in found]


def test_what_moves_from_one_vm_to_the_other_in_one_poll_is_no_breach() -> None:
    found, holds = judge(
        POLICIES,
        ("10:00", "web01", runs(8, "web01")),
        ("10:00", "db01", runs(4, "db01")),
        ("10:01", "web01", runs(10)),  # db01 has less in the same poll
        ("10:01", "db01", runs(2)),
    )
    assert verdicts(found) == []
    assert holds == {f"{PREFIX}together": 2, f"{PREFIX}shop": 2}


def test_a_breach_is_found_when_the_moment_is_over_and_shown_once() -> None:
    found, _ = judge(
        POLICIES,
        ("10:00", "web01", runs(8, "web01")),
        ("10:00", "db01", runs(5, "db01")),
        ("10:01", "web01", runs(9)),
        ("10:02", "db01", VmObserved(power=Power.OFF)),
    )
    assert verdicts(found) == [("together", Verdict.VIOLATED, 2), ("shop", Verdict.VIOLATED, 2)]
    assert found[0].let["one.assigned"] == 8 * GiB
    assert found[1].let == {"group.held": 13 * GiB}


def test_a_vm_of_which_nothing_was_measured_leaves_the_sum_unknown_and_one_that_is_not_listed_holds_nothing() -> None:
    unknown = VmObserved(name="db01", host="hv01", power=Power.RUNNING)
    found, holds = judge(
        POLICIES,
        ("10:00", "web01", runs(8, "web01")),
        ("10:00", "db01", unknown),
        ("10:01", "db01", VmNotListed(host="hv01")),
        ("10:02", "web01", runs(9)),
    )
    assert verdicts(found) == [("together", Verdict.UNKNOWN, 2), ("shop", Verdict.UNKNOWN, 2)]
    assert "group.held" in found[1].why
    assert holds[f"{PREFIX}shop"] == 1


def test_a_change_is_judged_by_the_interval_in_which_it_happened() -> None:
    found, holds = judge(
        GROWTH,
        ("21:00", "web01", runs(4, "web01")),
        ("21:30", "web01", runs(5)),  # before the window
        ("22:30", "web01", runs(6)),  # between 21:30 and 22:30: perhaps in it
        ("22:40", "web01", runs(7)),
        ("22:50", "web01", VmObserved(host="hv02")),
    )
    assert verdicts(found) == [
        ("growth", Verdict.VIOLATED, 2),
        ("growth", Verdict.UNKNOWN, 3),
        ("no_moves", Verdict.VIOLATED, 5),
    ]
    assert "not known whether it happened outside Sat 22:00-04:00 UTC" in next(
        finding.why for finding in found if finding.at.position == 3
    )
    assert holds == {f"{PREFIX}growth": 2, f"{PREFIX}no_moves": 3}  # in the window, and the move that changes no size


def test_a_sum_that_the_known_ones_exceed_is_violated_whatever_the_unknown_ones_hold() -> None:
    unknown = VmObserved(name="db01", host="hv01", power=Power.RUNNING)
    found, _ = judge(
        POLICIES,
        ("10:00", "db01", unknown),
        ("10:00", "web01", runs(12, "web01")),
        ("10:01", "web01", runs(13)),
        ("10:02", "web01", runs(12)),
    )
    shop = [finding for finding in found if finding.rule == f"{PREFIX}shop"]
    assert [(finding.verdict, finding.at.position) for finding in shop] == [
        (Verdict.UNKNOWN, 2),
        (Verdict.VIOLATED, 3),
        (Verdict.UNKNOWN, 4),
    ]
    assert shop[1].why == (
        "the policy does not hold, as group.held is at least 13 GiB of what was measured: The shop holds at most 12 GiB"
    )
