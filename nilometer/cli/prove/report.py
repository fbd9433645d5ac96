"""What became of obligations: a line each, by kind on a terminal, and all of them in one verdict."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from nilometer.cli.failures import say
from nilometer.cli.output import Output
from nilometer.cli.prove.bar import ProgressBar
from rules.catalogue import CHECKS, KINDS
from rules.proving.run import ProofResult
from rules.solving.prover import ProofVerdict
from rules.solving.recheck import Opinion

EXIT: Final = {ProofVerdict.PROVED: 0, ProofVerdict.REFUTED: 1, ProofVerdict.UNKNOWN: 3}
"""Exit codes; what is refuted counts more than what is unknown."""
_WORST_FIRST: Final = (ProofVerdict.REFUTED, ProofVerdict.UNKNOWN, ProofVerdict.PROVED)
_COLOURS: Final = {ProofVerdict.PROVED: "green", ProofVerdict.REFUTED: "red", ProofVerdict.UNKNOWN: "yellow"}


class Report:
    """Shows results as they come; on a terminal those of one kind together, as soon as the kind is complete."""

    def __init__(self, out: Output, kinds: Iterable[str], save: Path | None) -> None:
        self.out, self.save = out, save
        self.results: dict[str, ProofResult] = {}
        self.solver = ""
        self.opinions: list[Opinion] = []
        self._expected = Counter(kinds)
        self._waiting: dict[str, list[ProofResult]] = {}
        self.bar = ProgressBar("proving", self._expected.total())

    def add(self, result: ProofResult) -> None:
        """One more result."""
        self.results[result.name] = result
        if self.out.format == "plain":
            self._line(result)
            self.out.flush()
        elif self.out.format == "human":
            if result.kind in CHECKS:  # how many there are is not known, but those of a kind come together
                self._rest(but=result.kind)
            group = self._waiting.setdefault(result.kind, [])
            group.append(result)
            if len(group) == self._expected[result.kind]:
                self._group(result.kind)
        self.bar.step()

    def begin_recheck(self, solver: str) -> None:
        """From now on, what another solver says."""
        self._rest()
        self.solver = solver
        self.bar.begin(f"asking {solver}", self._expected.total())

    def add_opinion(self, opinion: Opinion) -> None:
        """What the other solver says of an obligation. If the two differ, the verdict is unknown."""
        self.opinions.append(opinion)
        result = self.results[opinion.name]
        if opinion.verdict is not result.verdict:
            because = f" ({opinion.reason})" if opinion.reason else ""
            why = f"Z3 says {result.verdict}, {self.solver} says {opinion.verdict}{because}"
            reason = "; ".join(filter(None, [result.reason, why]))
            self.results[opinion.name] = replace(result, verdict=ProofVerdict.UNKNOWN, reason=reason)
            if not self.out.json:
                self._line(self.results[opinion.name])
        self.bar.step()

    def finish(self, seconds: float) -> int:
        """The verdict on everything, and the exit code."""
        self.bar.hide()
        self._rest()
        saved = list(self._saved())
        if self.out.json:
            self.out.write_document(self._document(seconds))
        else:
            self._summary(seconds)
        for file in saved:
            say(
                "note",
                f"the history of a counterexample is in {file}",
                f"nilo run {file} --ledger sqlite:///{file.stem}.db",
            )
        return EXIT[self.verdict]

    @property
    def verdict(self) -> ProofVerdict:
        """The verdict on all together."""
        found = {result.verdict for result in self.results.values()}
        return next((each for each in _WORST_FIRST if each in found), ProofVerdict.PROVED)

    def so_far(self) -> str:
        """How far the work came."""
        self._rest()
        judged = sum(result.kind not in CHECKS for result in self.results.values())
        return f"{judged} of {self._expected.total()} obligations were judged"

    # Lines

    def _rest(self, but: str = "") -> None:
        for kind in list(self._waiting):
            if kind != but:
                self._group(kind)

    def _group(self, kind: str) -> None:
        group = self._waiting.pop(kind)
        self.bar.hide()
        self.out.write_line(
            f"{self.out.style(kind, bold=True)}: {KINDS.get(kind) or CHECKS.get(kind, '')} ({len(group)})"
        )
        for result in group:
            self._line(result, "  ")
        self.out.flush()

    def _line(self, result: ProofResult, indent: str = "") -> None:
        out = self.out
        self.bar.hide()
        out.write_line(f"{indent}{out.style(result.verdict, fg=_COLOURS[result.verdict])}: {result.name}")
        for line in result.evidence.splitlines():
            out.write_line(f"{indent}    {line}" if line else "")

    def _summary(self, seconds: float) -> None:
        out, verdict = self.out, self.verdict
        all = list(self.results.values())
        if out.format == "human":
            out.write_line()
        word = out.style(verdict, fg=_COLOURS[verdict], bold=True)
        if verdict is ProofVerdict.PROVED:
            out.write_line(f"{word}: {_counted(all)}, in {seconds:.1f} s")
        else:
            counted = Counter(result.verdict for result in all)
            told = [f"{counted[each]} {each}" for each in _WORST_FIRST if counted[each]]
            out.write_line(f"{word}: of {_counted(all)}, {', '.join(told)}, in {seconds:.1f} s")
            for result in all:
                if result.verdict is not ProofVerdict.PROVED:
                    out.write_line(f"  {result.verdict}: {result.name}")
        if self.opinions:
            agree = sum(opinion.verdict is self.results[opinion.name].verdict for opinion in self.opinions)
            out.write_line(f"{self.solver} agrees on {agree} of {len(self.opinions)}.")
        self._hints()

    def _hints(self) -> None:
        found = self.results.values()
        first = next((each for each in found if each.verdict is not ProofVerdict.PROVED and each.kind in KINDS), None)
        if first is not None:
            say("hint", f"nilo prove --explain '{first.name}' shows all that it says")
        if self.save is None and any(each.counterexample and each.counterexample.script for each in found):
            say("hint", "with --save FOLDER the history of each counterexample is written, as a script for nilo run")
        if any(each.verdict is ProofVerdict.UNKNOWN and not self.opinions for each in found):
            say("hint", "unknown is no proof: --budget STEPS lets the solver work longer")

    # Files and documents

    def _saved(self) -> list[Path]:
        """Writes the histories of counterexamples, where that was asked for."""
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
        again = None
        if self.solver:
            differ = [each.name for each in self.opinions if each.verdict is not self.results[each.name].verdict]
            spent = round(sum(each.seconds for each in self.opinions), 3)
            again = {"solver": self.solver, "seconds": spent, "asked": len(self.opinions), "differ": differ}
        return {
            "verdict": self.verdict.value,
            "seconds": round(seconds, 3),
            "obligations": [_result_document(each) for each in self.results.values()],
            "recheck": again,
        }


def _counted(results: list[ProofResult]) -> str:
    checks = sum(result.kind in CHECKS for result in results)
    obligations = len(results) - checks
    told = [f"{obligations} obligation{'' if obligations == 1 else 's'}"] if obligations else []
    told += [f"{checks} check{'' if checks == 1 else 's'}"] if checks else []
    return " and ".join(told)


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
