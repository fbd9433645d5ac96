"""The report of ``nilo prove``: one verdict first, then each cause of what is refuted; and each result if asked."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

from nilometer.cli.failures import say
from nilometer.cli.output import Output
from nilometer.cli.prove.bar import ProgressBar
from nilometer.times import system_clock
from rules.kinds import CHECKS, KINDS
from rules.proving.result import ProofResult

if TYPE_CHECKING:
    from rules.solving.recheck import Opinion
from rules.solving.verdict import ProofVerdict

EXIT: Final = {ProofVerdict.PROVED: 0, ProofVerdict.REFUTED: 1, ProofVerdict.UNKNOWN: 3}
"""Exit codes. Refuted outweighs unknown."""
_WORST_FIRST: Final = (ProofVerdict.REFUTED, ProofVerdict.UNKNOWN, ProofVerdict.PROVED)
_COLOURS: Final = {ProofVerdict.PROVED: "green", ProofVerdict.REFUTED: "red", ProofVerdict.UNKNOWN: "yellow"}


class Report:
    """Gathers results, and prints the verdict on all of them, what is not proved, and, with ``--all``, each of them."""

    def __init__(self, out: Output, save: Path | None = None, *, all: bool = False) -> None:
        self.out, self.save, self.all = out, save, all
        self.results: dict[str, ProofResult] = {}
        self.solver = ""
        self.opinions: list[Opinion] = []
        self.kept: datetime | None = None
        """When the results were proved, if they were not proved now."""
        self._count: Callable[[], int] = lambda: 0
        self.bar = ProgressBar("proving", 0)

    def expect(self, count: Callable[[], int]) -> None:
        """Takes what counts the obligations. That builds them all, so it is asked only if somebody sees the count."""
        self._count = count
        self.bar.begin("proving", count() if self.bar.is_on else 0)

    def add(self, result: ProofResult) -> None:
        """Adds a result."""
        self.results[result.name] = result
        self.bar.step()

    def begin_recheck(self, solver: str) -> None:
        """Begins the second part: opinions of another solver."""
        self.solver = solver
        self.bar.begin(f"asking {solver}", self._count())

    def add_opinion(self, opinion: Opinion) -> None:
        """Adds the verdict of the other solver on an obligation. If the two differ, the verdict is unknown."""
        self.opinions.append(opinion)
        result = self.results[opinion.name]
        if opinion.verdict is not result.verdict:
            because = f" ({opinion.reason})" if opinion.reason else ""
            why = f"Z3 says {result.verdict}, {self.solver} says {opinion.verdict}{because}"
            reason = "; ".join(filter(None, [result.reason, why]))
            self.results[opinion.name] = replace(result, verdict=ProofVerdict.UNKNOWN, reason=reason)
        self.bar.step()

    def finish(self, seconds: float) -> int:
        """Prints the verdict on everything. Returns the exit code."""
        self.bar.hide()
        saved = list(self._saved())
        if self.out.json:
            self.out.write_document(self._document(seconds))
        else:
            self._summary(seconds)
            self._details()
            if self.all:
                self._print_all()
            self._hints()
        for file in saved:
            say(
                "note",
                f"the history of a counterexample is in {file}",
                f"nilo run {quote(str(file))} --ledger {quote(f'sqlite:///{file.stem}.db')}",
            )
        return EXIT[self.verdict]

    @property
    def verdict(self) -> ProofVerdict:
        """The verdict on all results together: the worst one."""
        found = {result.verdict for result in self.results.values()}
        return next((verdict for verdict in _WORST_FIRST if verdict in found), ProofVerdict.PROVED)

    def progress(self) -> str:
        """How much of the work is done, in words."""
        done = sum(result.kind not in CHECKS for result in self.results.values())
        return f"{done} of {self._count()} obligations were decided"

    # Lines

    def _summary(self, seconds: float) -> None:
        out, verdict = self.out, self.verdict
        results = list(self.results.values())
        word = out.style(verdict, fg=_COLOURS[verdict], bold=True)
        when = f"in {seconds:.1f} s"
        if self.kept is not None:
            when = f"kept from {self.kept.isoformat(timespec='seconds')}: nothing that the proof reads has changed"
        if verdict is ProofVerdict.PROVED:
            out.write_line(f"{word}: {_counted(results)}, {when}")
        else:
            counts = Counter(result.verdict for result in results)
            parts = [f"{counts[part]} {part}" for part in _WORST_FIRST if counts[part]]
            out.write_line(f"{word}: of {_counted(results)}, {', '.join(parts)}, {when}")
            for result in self._not_proved():
                out.write_line(f"  {result.verdict}: {result.name}")
        if self.opinions:
            agree = sum(opinion.verdict is self.results[opinion.name].verdict for opinion in self.opinions)
            out.write_line(f"{self.solver} agrees on {agree} of {len(self.opinions)}.")

    def _not_proved(self) -> list[ProofResult]:
        return [result for result in self.results.values() if result.verdict is not ProofVerdict.PROVED]

    def _details(self) -> None:
        """What is not proved: each cause once, with the counterexample that is easiest to follow; then all others."""
        if not self._not_proved():
            return
        from rules.proving.causes import find_causes

        explained: set[str] = set()
        for cause in find_causes(self.results.values()):
            explained |= {result.name for result in cause.results}
            self.out.write_line()
            self._line(cause.results[0], says=cause.says)
        for result in self._not_proved():
            if result.name not in explained:
                self.out.write_line()
                self._line(result)

    def _print_all(self) -> None:
        self.out.write_line()
        by_kind: dict[str, list[ProofResult]] = {}
        for result in self.results.values():
            by_kind.setdefault(result.kind, []).append(result)
        for kind, group in by_kind.items():
            human = self.out.format == "human"
            if human:
                text = f"{KINDS.get(kind) or CHECKS.get(kind, '')} ({len(group)})"
                self.out.write_line(f"{self.out.style(kind, bold=True)}: {text}")
            for result in group:
                self._line(result, "  " if human else "", evidence=False)

    def _line(self, result: ProofResult, indent: str = "", says: str = "", *, evidence: bool = True) -> None:
        out = self.out
        out.write_line(f"{indent}{out.style(result.verdict, fg=_COLOURS[result.verdict])}: {result.name}")
        for line in [*says.splitlines(), *result.evidence.splitlines()] if evidence else []:
            out.write_line(f"{indent}    {line}" if line else "")

    def _hints(self) -> None:
        results = self.results.values()
        first = next((result for result in self._not_proved() if result.kind in KINDS), None)
        if first is not None:
            say("hint", f"nilo prove --explain '{first.name}' explains this obligation")
        if self.save is None and any(result.counterexample and result.counterexample.script for result in results):
            say("hint", "--save FOLDER writes the history of each counterexample, as a script for nilo run")
        if any(result.verdict is ProofVerdict.UNKNOWN and not self.opinions for result in results):
            say("hint", "unknown is not a proof: --budget STEPS lets the solver work longer")

    # Files and documents

    def _saved(self) -> list[Path]:
        """Writes the histories of counterexamples, if ``--save`` asks for it. Returns the files."""
        if self.save is None:
            return []
        written: list[Path] = []
        for result in self.results.values():
            if result.counterexample is not None and result.counterexample.script:
                self.save.mkdir(parents=True, exist_ok=True)
                name = re.sub(r"[^\w-]+", "-", result.name).strip("-")
                file = self.save / f"counterexample-{name}.jsonl"
                lines = [json.dumps(line, ensure_ascii=False) for line in result.counterexample.script]
                file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
                written.append(file)
        return written

    def _document(self, seconds: float) -> dict[str, Any]:
        from importlib.metadata import version

        from rules.judging.fingerprint import rules_digest

        recheck = None
        if self.solver:
            differ = [
                opinion.name for opinion in self.opinions if opinion.verdict is not self.results[opinion.name].verdict
            ]
            spent = round(sum(opinion.seconds for opinion in self.opinions), 3)
            recheck = {"solver": self.solver, "seconds": spent, "asked": len(self.opinions), "differ": differ}
        return {
            "verdict": self.verdict.value,
            "seconds": round(seconds, 3),
            "kept": None if self.kept is None else self.kept.isoformat(timespec="seconds"),
            "finished": (self.kept or system_clock()).isoformat(timespec="seconds"),
            "solver": "Z3",
            "solver_version": version("z3-solver"),
            "rules_sha256": rules_digest(),
            "obligations": [_result_document(result) for result in self.results.values()],
            "recheck": recheck,
        }


def _counted(results: list[ProofResult]) -> str:
    checks = sum(result.kind in CHECKS for result in results)
    obligations = len(results) - checks
    parts = [f"{obligations} obligation{'' if obligations == 1 else 's'}"] if obligations else []
    parts += [f"{checks} check{'' if checks == 1 else 's'}"] if checks else []
    return " and ".join(parts)


def _result_document(result: ProofResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "kind": result.kind,
        "rule": result.rule,
        "command": result.command,
        "verdict": result.verdict.value,
        "seconds": round(result.seconds, 6),
        "counterexample": None if result.counterexample is None else result.counterexample.document(),
        "reason": result.reason or None,
    }
