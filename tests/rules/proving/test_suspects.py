"""Which rules can be the only wrong one, by what they could have answered in the state of a counterexample."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.rules.proving.seeded import BUGS, broken

NARROW = """\
import json, sys
from domain.rule import RULES
from rules.proving.run import prove
from rules.proving.suspects import Suspects
rules, commands, names = json.loads(sys.argv[1])
refuted = [result for result in prove(rules, commands, cores=1) if result.counterexample]
candidates = [rule for rule in RULES if rule.__qualname__ in names]
assert refuted and len(candidates) == len(names)
print(json.dumps([rule.__qualname__ for rule in Suspects().narrow(candidates, refuted)]))
"""


@dataclass(frozen=True)
class Case:
    """A planted bug, the rule and commands that are asked about, and the rules that can be wrong or cannot."""

    bug: str
    rule: str
    commands: tuple[str, ...]
    can: frozenset[str]
    cannot: frozenset[str]


CASES = (
    Case(
        bug="min for max",
        rule="host_never_overcommitted",
        commands=("add-memory", "grow"),
        can=frozenset(("most", "give")),
        cannot=frozenset(("short_because", "startup_follows", "vm_figures", "add_memory")),
    ),
    Case(
        bug="paged memory stays in use",
        rule="in_use_is_assigned",
        commands=("reclaim",),
        can=frozenset(("memory_removed",)),
        cannot=frozenset(("take_by_paging", "pages_out", "reclaim", "record_reclaim")),
    ),
    Case(
        bug="figures before for those after",
        rule="figures_are_recorded",
        commands=("start", "stop"),
        can=frozenset(("record",)),
        cannot=frozenset(("booted", "start", "stopped", "record_start")),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.bug)
def test_a_rule_that_could_answer_what_it_wants_is_no_suspect(case: Case, tmp_path: Path) -> None:
    bug = next(bug for bug in BUGS if bug.name == case.bug)
    folder = broken(bug, tmp_path / "program")
    done = subprocess.run(
        [sys.executable, "-c", NARROW, json.dumps([[case.rule], case.commands, [*case.can, *case.cannot]])],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert frozenset(json.loads(done.stdout)) == case.can
