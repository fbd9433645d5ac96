"""A real finding that is unknown: two states that agree with all that was measured, side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nilometer.audit.reading import read_ledger
from nilometer.history.cloudevents import source_uri
from nilometer.ledger.reader import open_reader
from nilometer.messages.sizes import format_sizes
from nilometer.report.building.findings import one_unit
from nilometer.report.building.report import Making, Origin, build_report
from nilometer.report.clocks import Clock24, read_zone
from nilometer.report.collecting import collect
from nilometer.report.pages.findings import show_findings
from nilometer.times import current_time
from rules.judging.judge import Judge
from rules.judging.unknowns import certain, complete, holds_with
from tests.nilometer.cli.calling import Desk
from tests.paths import EXAMPLES, RECORDINGS

MIB = 1 << 20


@pytest.mark.parametrize(
    ("command", "file", "rule"),
    [
        ("import-hyperv", EXAMPLES / "get-vm-HV02.json", "host_never_overcommitted"),
        ("import-qemu", RECORDINGS / "s7_three_vms_one_budget.jsonl", "within_bounds"),
    ],
)
def test_what_is_unknown_is_shown_as_a_state_that_keeps_the_rule_and_one_that_breaks_it(
    command: str, file: Path, rule: str, tmp_path: Path
) -> None:
    # given what was imported, with figures that nobody measured
    desk = Desk(tmp_path)
    options = ("--at", "2026-11-23T09:00:00Z") if command == "import-hyperv" else ("--as", "lab")
    desk.call(command, str(file), *options)
    with open_reader(desk.url) as ledger:
        collected = collect(read_ledger(ledger), source_uri(ledger.id), Judge())
    # when it is judged and shown
    report = build_report(collected, Origin("x"), Making(made=current_time(), clock=Clock24(*read_zone("UTC"))))
    item = next(item for item in report.findings if item.rule.words == rule and item.states)
    kept, broken = item.states
    # then both states have what was measured, and what is assumed besides is what decides
    assert [(panel.word, panel.rest) for panel in item.states] == [("holds", "with"), ("violated", "with")]
    measured, assumed = ([figure for figure in kept.figures if figure.is_assumed is of] for of in (False, True))
    assert measured == [figure for figure in broken.figures if not figure.is_assumed]
    assert measured
    assert assumed
    # and running the rule on them says so
    about = next(found.finding.about for found in collected.audit.findings if found.finding.rule == rule)
    assert about is not None
    question, completions = certain(about), complete(about)
    for panel, completion, holds in ((kept, completions.keeps, True), (broken, completions.breaks, False)):
        assert completion is not None
        assert holds_with(question, completion) is holds
        shown = {figure.path: figure.size for figure in panel.figures if figure.is_assumed}
        assert shown.keys() == {path.removeprefix("site.") for path in completion}
        assert all(size is None or size in completion.values() for size in shown.values())
    # and the page has a bar for each size, of one unit, hollow where it was assumed
    html = str(show_findings(report)).split(f'id="{item.anchor}"')[1].split("</section>")[0]
    bars = [figure for panel in item.states for figure in panel.figures if figure.size is not None]
    assert len({figure.words.partition("\N{NO-BREAK SPACE}")[2] for figure in bars}) == 1
    assert len(re.findall(r'height="12" aria-hidden', html)) == len(bars)
    assert html.count("stroke-dasharray") == sum(figure.is_assumed and bool(figure.size) for figure in bars)


SIZES = st.one_of(
    st.none(),
    st.integers(0, 1 << 50),
    st.integers(0, 1 << 20).map(lambda count: count * MIB),
    st.integers(0, 9).map(lambda more: 4096 * MIB + more),
)


@given(st.lists(st.fixed_dictionaries({"host.total": SIZES, "vm.held": SIZES}), min_size=1, max_size=2))
def test_states_side_by_side_have_one_unit_in_which_what_differs_looks_different(
    states: list[Mapping[str, int | None]],
) -> None:
    unit = one_unit(states)
    for path in ("host.total", "vm.held"):
        values = [state[path] for state in states]
        assert len(set(format_sizes(values, unit))) == len(set(values))
