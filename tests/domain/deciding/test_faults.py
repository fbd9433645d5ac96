"""Break the decider or the evolution in one place at a time: the checks must notice, and the right one first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from domain import evolve, hosts, lifecycle, quantities, resizing
from domain.commands import Command
from domain.deciding import decider
from domain.deciding.answer import Answer
from domain.deciding.reads import Reads
from domain.events import Event
from domain.state import Host, Vm
from tests.domain import broken_rules as broken
from tests.domain.breaking import rebind
from tests.domain.checking import simulate

RULES: tuple[tuple[str, Callable[..., object], Callable[..., object]], ...] = (
    ("host_is_real", resizing.most, broken.most_is_the_greatest),
    ("settings_valid", quantities.down, broken.not_rounded),
    ("in_use_is_assigned", resizing.take, broken.take_ignores_in_use),
    ("balloon_is_the_rest", resizing.give, broken.balloon_stays_blown_up),
    ("outcome_is_honest", resizing.short_because, broken.codes_are_swapped),
    ("outcome_is_honest", resizing.short_because, broken.a_tie_blames_the_other),
    ("outcome_is_honest", resizing.resize_refusal, broken.version_is_asked_before_guest),
    ("outcome_is_honest", resizing.remove_memory, broken.removes_before_the_report),
    ("host_never_overcommitted", lifecycle.move_vm, broken.moves_wherever),
    ("host_never_overcommitted", hosts.resize_host, broken.shrinks_to_anything),
    ("within_bounds", evolve.memory_added, broken.watermark_is_not_raised),
    ("in_use_is_assigned", evolve.memory_removed, broken.paged_memory_stays_in_use),
    ("size_is_assigned", evolve.startup_follows, broken.startup_stays_behind),
    ("effects", evolve.booted, broken.reboot_is_no_new_session),
    ("effects", evolve.stopped, broken.session_is_forgotten),
    ("book_agrees", evolve.entry_granted, broken.entry_is_forgotten),
    ("book_adds_up", evolve.granted_to_vm, broken.total_is_forgotten),
)
"""The check that must be the first to notice, a rule, and the rule with one thing wrong."""

FIGURES: tuple[tuple[str, type[Host] | type[Vm], str, Callable[[Any], int]], ...] = (
    ("host_never_overcommitted", Host, "free", broken.reserve_is_promised_too),
    ("book_agrees", Vm, "held", broken.saved_is_held),
)
"""The check, a derived figure, and the figure with one thing wrong."""

RECORDED: tuple[tuple[str, Callable[[Event], Event | None]], ...] = (
    ("book_agrees", broken.without_the_host_half),
    ("book_agrees", broken.moved_but_still_booked),
    ("events_where_due", broken.without_refusals),
    ("figures_are_told", broken.with_figures_of_before),
)
"""The check, and what becomes of each event before it is recorded."""


def name(part: object) -> str:
    """What a test is called by."""
    return str(getattr(part, "__name__", part))


def first_noticed() -> str:
    """The check that breaks first, in histories of any commands."""
    run = simulate(range(80), 120)
    assert run.broken, "nobody noticed"
    return run.broken[0].check


@pytest.mark.parametrize(("check", "rule", "wrong"), RULES, ids=name)
def test_a_broken_rule_is_noticed(
    check: str, rule: Callable[..., object], wrong: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    rebind(monkeypatch, rule, wrong)
    assert first_noticed() == check


@pytest.mark.parametrize(("check", "cls", "figure", "wrong"), FIGURES, ids=name)
def test_a_broken_figure_is_noticed(
    check: str,
    cls: type[object],
    figure: str,
    wrong: Callable[[Any], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cls, figure, property(wrong))
    assert first_noticed() == check


@pytest.mark.parametrize(("check", "change"), RECORDED, ids=name)
def test_a_half_recorded_decision_is_noticed(
    check: str, change: Callable[[Event], Event | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = decider.decide

    def decides_and_forgets(command: Command, reads: Reads) -> Answer:
        answer = decide(command, reads)
        changed = [(stream, change(event)) for stream, event in answer.events]
        return replace(answer, events=tuple((stream, event) for stream, event in changed if event is not None))

    monkeypatch.setattr(decider, "decide", decides_and_forgets)
    assert first_noticed() == check


def test_nothing_is_noticed_when_nothing_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    rebind(monkeypatch, resizing.most, resizing.most)
    assert simulate(range(10), 120).broken == ()
