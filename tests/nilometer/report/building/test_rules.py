"""A rule that is refuted: its counterexample as two states side by side."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from nilometer.report.building.rules import ProofSummary, rules_page
from nilometer.report.pages.findings import show_rules
from rules.concrete.counterexample import Counterexample

MIB: Final = 1 << 20
EXAMPLE: Final = Counterexample(
    obligation="preserves/add-memory/host_never_overcommitted",
    rule="host_never_overcommitted",
    place="rules/specification/invariants.py:36",
    says="a host's VMs never hold more than it has",
    decided_by="add_memory",
    command="add-memory",
    arguments={"amount": 512 * MIB},
    before={"host.total": 2048 * MIB, "vm.held": 1024 * MIB, "vm.session": 0},
    decision={
        "outcome": "completed", "code": "none", "granted": 512 * MIB, "hot_added": 0, "unballooned": 0, "paged": 0
    },
    after={"host.total": 2048 * MIB, "vm.held": 1536 * MIB, "vm.session": 0},
    however="does not hold",
)  # fmt: skip
PROOF: Final = ProofSummary(
    verdict="refuted",
    at="2026-11-29 12:00:00 UTC",
    solver="Z3 4",
    seconds=1.0,
    obligations=2,
    checks=0,
    by_rule={"host_never_overcommitted": (1, 2)},
    counterexamples=(EXAMPLE,),
)


def test_a_refuted_rule_has_the_state_before_and_the_one_that_breaks_it() -> None:
    # given a proof that refuted a rule
    # when the rules are shown
    html = str(show_rules(rules_page({}, PROOF, judged=True)))
    before, after = html.split('class="two"')[1].split('class="panel bad"')[:2]

    # then the command and its answer stand there, and two states, in which figures that are 0 in both are left out
    assert "add-memory (amount 512 MiB) is answered completed, granted 512 MiB." in html
    assert "However, host_never_overcommitted does not hold" in html
    assert [re.findall(r"<dt>([^<]*)</dt>", panel)[:2] for panel in (before, after)] == [["host.total", "vm.held"]] * 2
    # and both have bars of one scale; what changed is marked
    assert [re.findall(r' width="([\d.]+%)" height="8"', panel)[:2] for panel in (before, after)] == [
        ["98%", "49%"],
        ["98%", "73.5%"],
    ]
    assert re.findall(r'class="differs"><dt>([^<]*)', html) == ["vm.held", "vm.held"]


def test_a_state_that_breaks_a_rule_without_a_command_stands_alone() -> None:
    alone = replace(EXAMPLE, command=None, arguments={}, decision={}, after={})
    html = str(show_rules(rules_page({}, replace(PROOF, counterexamples=(alone,)), judged=True)))
    assert html.count('class="panel bad"') == html.count('class="pairs bars"') == 1
    assert "is answered" not in html


def test_without_a_refutation_there_is_no_such_part() -> None:
    assert "Refuted" not in str(show_rules(rules_page({}, None, judged=True)))
