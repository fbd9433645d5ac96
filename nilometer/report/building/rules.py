"""The page of the rules: each in plain English, whether it is proved, and how it fared in this history."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from textwrap import dedent
from typing import Final, Literal

from nilometer.audit.rules import sentence_of
from nilometer.report.building.context import counted, rule_reference
from nilometer.report.building.findings import one_unit, state_figures
from nilometer.report.data import Refutation, RuleRow, RulesPage, StatePanel
from rules.catalogue import PROPERTIES, predicate_named
from rules.concrete.counterexample import Counterexample
from rules.judging.descriptions import HISTORY_RULES
from rules.judging.findings import RuleCoverage
from rules.specification.invariants import INVARIANTS

State = Literal["fine", "warn", "bad", "muted"]
ProofState = tuple[str, Literal["proved", "refuted", "unknown", "not a theorem"]]
_NO_THEOREM: Final[ProofState] = ("judged in histories only", "not a theorem")


@dataclass(frozen=True, slots=True)
class ProofSummary:
    """What was proved, when, and by which solver."""

    verdict: Literal["proved", "refuted", "unknown"]
    at: str
    solver: str
    seconds: float | None
    obligations: int
    checks: int
    by_rule: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """Of each rule, how many of its obligations are proved, and how many there are."""
    counterexamples: tuple[Counterexample, ...] = ()
    """Of each rule that is refuted, one."""


def rules_page(coverage: Mapping[str, RuleCoverage], proof: ProofSummary | None, *, judged: bool) -> RulesPage:
    """All rules."""

    def row(name: str, source: str = "", *, is_theorem: bool = True) -> RuleRow:
        state = _proof_of(name, proof) if is_theorem else _NO_THEOREM
        return RuleRow(
            name=name,
            sentence=sentence_of(name),
            source=source,
            proved=state[0],
            proved_is=state[1],
            here=tuple(_here(coverage.get(name), judged=judged)),
        )

    invariants = tuple(row(rule.__name__, dedent(inspect.getsource(rule))) for rule in INVARIANTS)
    properties = tuple(row(property.name, _source_of(property.name)) for property in PROPERTIES)
    histories = tuple(row(name, is_theorem=False) for name in HISTORY_RULES)
    return RulesPage(
        summary=_summary(proof),
        refuted=() if proof is None else tuple(map(_refutation, proof.counterexamples)),
        groups=(
            ("Invariants: true in every reachable state", invariants),
            ("Properties: true of every change", properties),
            ("Rules about histories", histories),
        ),
    )


def _refutation(example: Counterexample) -> Refutation:
    answered = f"{example.call} is answered {example.answer}. " if example.call else ""
    states = [("before", example.before)] if example.after else [("violated", example.before)]
    states += [("violated", example.after)] if example.after else []
    paths = _paths_shown(example)
    found = [(word, {path: value for path, value in figures.items() if path in paths}) for word, figures in states]
    unit = one_unit([figures for _, figures in found])
    return Refutation(
        rule=rule_reference(example.rule),
        obligation=example.obligation,
        says=f"{answered}However, {example.rule} {example.however}: {example.says}",
        states=tuple(
            StatePanel(
                word=word,
                rest="the command" if word == "before" else "after it" if example.after else "",
                figures=tuple(state_figures(figures, unit)),
            )
            for word, figures in found
        ),
    )


def _paths_shown(example: Counterexample) -> frozenset[str]:
    """The paths of the figures that are not 0 or unset both before and after."""
    states = (example.before, example.after)
    return frozenset(path for state in states for path, value in state.items() if value not in (0, False, None))


def _summary(proof: ProofSummary | None) -> str:
    scope = (
        "Proved is said of these rules, for any number of VMs, any sizes and any length of history; "
        "it is not said of Hyper-V."
    )
    if proof is None:
        return f"Not proved for this report: nilo prove proves these rules, and so does nilo report --prove. {scope}"
    took = "" if proof.seconds is None else f" in {proof.seconds:.1f} s"
    checks = f" and {counted(proof.checks)} checks"
    what = f"{counted(proof.obligations)} obligations{checks}{took} with {proof.solver}, {proof.at}"
    return f"{proof.verdict.capitalize()}: {what}, from the code that made this report. {scope}"


def _proof_of(name: str, proof: ProofSummary | None) -> ProofState:
    if proof is None or name not in proof.by_rule:
        return "not proved here", "unknown"
    proved, count = proof.by_rule[name]
    obligations = f"{counted(count)} obligation{'' if count == 1 else 's'}"
    if proved == count:
        return obligations, "proved"
    return f"{counted(proved)} of {obligations} proved", "refuted" if proof.verdict == "refuted" else "unknown"


def _here(coverage: RuleCoverage | None, *, judged: bool) -> Iterator[tuple[str, State]]:
    if not judged:
        yield "not judged", "muted"
        return
    if coverage is None or not (coverage.applicable or coverage.remarks):
        yield "no event of its kind", "muted"
        return
    if coverage.violated:
        yield f"{counted(coverage.violated)} violated", "bad"
    if coverage.unknown:
        yield f"{counted(coverage.unknown)} unknown", "warn"
    if coverage.holds:
        yield f"{counted(coverage.holds)} hold", "fine"
    if coverage.remarks:
        yield f"{counted(coverage.remarks)} remark{'' if coverage.remarks == 1 else 's'}", "muted"


def _source_of(name: str) -> str:
    predicate = predicate_named(name)
    return "" if predicate is None else dedent(inspect.getsource(predicate))
