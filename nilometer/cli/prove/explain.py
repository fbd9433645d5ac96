"""One obligation, explained."""

from __future__ import annotations

from typing import Any

from nilometer.cli.output import Output
from nilometer.cli.prove.report import EXIT
from rules.obligations import Obligation
from rules.proving.explaining import Explanation, explain
from rules.solving.prover import ProofVerdict


def show(out: Output, obligation: Obligation, budget: int) -> int:
    """Shows what an obligation says, what may be assumed, and what its proof used. Returns the exit code."""
    told = explain(obligation, budget)
    if out.json:
        out.write_document(_document(told))
    else:
        _page(out, told)
    return EXIT[told.verdict]


def _page(out: Output, told: Explanation) -> None:
    out.write_line(f"{told.verdict}: {told.name}")
    out.write_line(f"    {told.says}")
    out.write_line(f"    {told.kind_says}")
    if told.source is not None:
        _section(out, f"The sentence, {told.place}", told.source.splitlines())
    if told.program:
        _section(out, "The code that runs", told.program)
    used = [each.says for each in told.assumes if each.used]
    others = [each.says for each in told.assumes if not each.used]
    if told.verdict is ProofVerdict.PROVED:
        _section(out, "The proof used", used or ["nothing but the formula itself"])
        if others:
            _section(out, "It might have used", others)
    elif others:
        _section(out, "It may assume", others)
    _section(out, "The formula, sizes in bytes", [*told.where, told.goal])


def _section(out: Output, title: str, lines: list[str] | tuple[str, ...]) -> None:
    out.write_line()
    out.write_line(f"{out.style(title, bold=True)}:")
    for line in lines:
        out.write_line(f"    {line}" if line else "")


def _document(told: Explanation) -> dict[str, Any]:
    return {
        "name": told.name,
        "kind": told.kind,
        "rule": told.rule,
        "command": told.command,
        "verdict": told.verdict.value,
        "says": told.says,
        "kind_says": told.kind_says,
        "place": told.place,
        "source": told.source,
        "program": list(told.program),
        "assumptions": [{"says": each.says, "used": each.used} for each in told.assumes],
        "where": list(told.where),
        "formula": told.goal,
    }
