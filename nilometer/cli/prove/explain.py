"""Prints the explanation of one obligation."""

from __future__ import annotations

from typing import Any

from nilometer.cli.output import Output
from nilometer.cli.prove.report import EXIT
from rules.obligations import Obligation
from rules.proving.explaining import Explanation, explain
from rules.solving.verdict import ProofVerdict


def show(out: Output, obligation: Obligation, budget: int) -> int:
    """Prints what an obligation says, what it may assume, and what its proof used. Returns the exit code."""
    explanation = explain(obligation, budget)
    if out.json:
        out.write_document(_document(explanation))
    else:
        _page(out, explanation)
    return EXIT[explanation.verdict]


def _page(out: Output, explanation: Explanation) -> None:
    out.write_line(f"{explanation.verdict}: {explanation.name}")
    out.write_line(f"    {explanation.says}")
    out.write_line(f"    {explanation.kind_says}")
    if explanation.source is not None:
        _section(out, f"The predicate, {explanation.place}", explanation.source.splitlines())
    if explanation.program:
        _section(out, "The code that runs", explanation.program)
    used = [assumption.says for assumption in explanation.assumes if assumption.used]
    others = [assumption.says for assumption in explanation.assumes if not assumption.used]
    if explanation.verdict is ProofVerdict.PROVED:
        _section(out, "The proof used", used or ["nothing but the formula itself"])
        if others:
            _section(out, "The proof did not use", others)
    elif others:
        _section(out, "It may assume", others)
    _section(out, "The formula, sizes in bytes", [*explanation.where, explanation.goal])


def _section(out: Output, title: str, lines: list[str] | tuple[str, ...]) -> None:
    out.write_line()
    out.write_line(f"{out.style(title, bold=True)}:")
    for line in lines:
        out.write_line(f"    {line}" if line else "")


def _document(explanation: Explanation) -> dict[str, Any]:
    return {
        "name": explanation.name,
        "kind": explanation.kind,
        "rule": explanation.rule,
        "command": explanation.command,
        "verdict": explanation.verdict.value,
        "says": explanation.says,
        "kind_says": explanation.kind_says,
        "place": explanation.place,
        "source": explanation.source,
        "program": list(explanation.program),
        "assumptions": [{"says": assumption.says, "used": assumption.used} for assumption in explanation.assumes],
        "where": list(explanation.where),
        "formula": explanation.goal,
    }
