"""A program with a mistake: ``nilo prove`` finds it, shows it, and writes the history that shows it to anybody."""

from __future__ import annotations

import json
import re
from typing import Final

import pytest

from rules.kinds import CHECKS, KINDS
from tests.nilometer.cli.broken_program import BrokenProgram
from tests.nilometer.cli.calling import CallResult
from tests.nilometer.cli.test_schemas import problems

IN_USE_IGNORED: Final = (
    "domain/resizing.py",
    "return take(amount, vm.available, vm.assigned - FLOOR)",
    "return take(amount, vm.assigned, vm.assigned - FLOOR)",
)
REFUTED: Final = "in-use/remove-memory/in_use_never_removed"
ONLY: Final = ("in_use_never_removed", "--command", "remove-memory")


pytestmark = pytest.mark.xdist_group("refuted")  # one broken program, and its answers, serve all of these


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> BrokenProgram:
    """A program that takes memory which is in use."""
    return BrokenProgram.copied(tmp_path_factory.mktemp("broken"), *IN_USE_IGNORED)


@pytest.fixture(scope="module")
def saved(broken: BrokenProgram) -> CallResult:
    """What is said of the one rule, and its histories are saved in a folder."""
    return broken.nilo("prove", *ONLY, "--save", "found")


@pytest.fixture(scope="module")
def document(broken: BrokenProgram) -> CallResult:
    """The same for programs, asked of the other solver too."""
    return broken.nilo("prove", *ONLY, "--recheck", "--format", "json")


def test_a_mistake_is_refuted_wherever_it_shows_and_nothing_else_is(broken: BrokenProgram) -> None:
    result = broken.nilo("prove")
    assert result.code == 1, result.err
    verdict, *lines = result.out.splitlines()
    assert re.match(r"refuted: of \d+ obligations and \d+ checks, \d+ refuted, \d+ proved, in ", verdict)
    refuted = {line.removeprefix("  refuted: ") for line in lines if line.startswith("  refuted: ")}
    assert REFUTED in refuted
    assert "keeps/remove-memory/in_use_is_assigned" in refuted
    assert all("/remove-memory/" in name or "/set-memory/" in name for name in refuted)
    obligations = [name for name in refuted if name.partition("/")[0] in KINDS]
    assert len(obligations) > 4
    assert result.out.count("\n    Let\n") == 1, "they have one cause, and it is shown once"
    assert re.search(
        rf"All {len(obligations)} that are refuted come of remove_memory \(domain/resizing.py:\d+\)", result.out
    )
    assert "hint: nilo prove --explain '" in result.err
    assert "--save FOLDER" in result.err


def test_a_refuted_rule_is_shown_as_what_happens(saved: CallResult) -> None:
    assert saved.code == 1
    shown = saved.out.partition(f"\nrefuted: {REFUTED}\n")[2]
    assert re.match(
        r" +It is decided by remove_memory \(domain/resizing.py:\d+\), memory_removed \(domain/evolve.py:\d+\); "
        r"a proof of all commands says which rule is wrong\.\n",
        shown,
    )
    for part in (
        "    Let\n",
        "Then remove-memory (",
        "However\n",
        "in_use_never_removed",
        "(rules/specification/changes.py:",
    ):
        assert part in shown
    assert f"{REFUTED}: refuted" not in shown


def test_the_history_of_a_counterexample_can_be_run(broken: BrokenProgram, saved: CallResult) -> None:
    assert saved.code == 1
    file = broken.folder / "found" / "counterexample-in-use-remove-memory-in_use_never_removed.jsonl"
    assert f"is in {file.relative_to(broken.folder)}" in saved.err
    ran = broken.nilo("run", str(file), "--format", "json")
    assert ran.code in (0, 1), ran.err
    last = json.loads(ran.out.splitlines()[-1])
    assert (last["command"], last["outcome"]) == ("remove-memory", "completed")
    [vm] = json.loads(broken.nilo("view", "--format", "json").out)["vms"]
    assert vm["in_use"] > vm["assigned"]


def test_programs_read_the_counterexample(document: CallResult) -> None:
    assert document.code == 1
    assert problems("prove", document.json) == []
    assert document.json["verdict"] == "refuted"
    found = {entry["name"]: entry for entry in document.json["obligations"] if entry["kind"] not in CHECKS}
    counterexample = found[REFUTED]["counterexample"]
    assert counterexample["command"] == "remove-memory"
    assert counterexample["place"].startswith("rules/specification/changes.py:")
    assert counterexample["script"][-1]["command"] == "remove-memory"


def test_a_refuted_obligation_is_explained_without_claiming_a_proof(broken: BrokenProgram) -> None:
    result = broken.nilo("prove", "--explain", REFUTED)
    assert result.code == 1
    assert result.out.startswith(f"refuted: {REFUTED}\n")
    assert "It may assume:" in result.out
    assert "The proof used" not in result.out


def test_the_other_solver_refutes_it_too(document: CallResult) -> None:
    assert document.json["recheck"]["asked"] > 0
    assert document.json["recheck"]["differ"] == []


def test_pytest_fails_for_the_broken_rules_alone_and_shows_why(broken: BrokenProgram) -> None:
    chosen = "in_use_never_removed or removed_was_hot_pluggable"
    result = broken.python("-m", "pytest", "--nilo", "-m", "nilo", "-k", chosen, "-p", "no:cacheprovider", "-v")
    assert result.code == 1
    assert "nilo::in_use_never_removed FAILED" in result.out
    assert "nilo::removed_was_hot_pluggable PASSED" in result.out
    assert f"refuted: {REFUTED}\nLet\n" in result.out
    assert "Traceback" not in result.out


def test_a_rule_outside_the_subset_is_an_error_and_no_verdict(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("unreadable")
    line = "    return take(amount, vm.available, vm.assigned - FLOOR)"
    broken = BrokenProgram.copied(folder, IN_USE_IGNORED[0], line, f"    abs(amount)\n{line}")
    for args in (["prove"], ["prove", "--explain", REFUTED], ["prove", *ONLY, "--format", "json"]):
        result = broken.nilo(*args)
        assert result.code == 2
        assert "domain/resizing.py:" in result.err
        assert "^" in result.err
        assert "proved" not in result.out
    tested = broken.python("-m", "pytest", "--nilo", "-m", "nilo", "-k", "whole_quanta", "-p", "no:cacheprovider")
    assert tested.code == 1
    assert "a statement that rules do not have" in tested.out
    assert "Traceback" not in tested.out


FIGURE: Final = r"<dt>([^<]*)</dt>(?:(?!<dt>).)*?<span class=\"words\">~?([\d.]+)\N{NO-BREAK SPACE}?([KMGT]iB|bytes?)"

SHOW: Final = """
from nilometer.cli.reading.report_proof import summarize_proof
from nilometer.report.building.rules import rules_page
from nilometer.report.pages.findings import show_rules
from rules.proving.run import prove

results = list(prove(["in_use_never_removed"], ["remove-memory"]))
print(show_rules(rules_page({}, summarize_proof(results, 1.0, "today"), judged=False)))
"""


def test_a_report_shows_the_counterexample_as_two_states(broken: BrokenProgram) -> None:
    # given the program with the mistake, when it is proved for a report
    shown = broken.python("-c", SHOW)
    assert shown.code == 0, shown.err
    # then the rule is refuted, and the command and its answer stand there
    refuted = shown.out.partition("<article")[2].partition("</article>")[0]
    assert "in_use_never_removed" in refuted
    assert re.search(r"remove-memory \(vm web01, amount [^)]*\) is answered completed, granted", refuted)
    # and beside it the state before and the one after it, in one unit, with what is in use and not assigned any more
    before, after = (
        {path: (float(figure), unit) for path, figure, unit in re.findall(FIGURE, panel) if unit}
        for panel in refuted.split('class="two"')[1].split('class="panel bad"')[:2]
    )
    assert before["web01.assigned"] > after["web01.assigned"]
    assert after["web01.assigned"] < after["web01.in_use"]
    assert len({unit for state in (before, after) for _, unit in state.values()}) == 1
    assert '<div class="differs"><dt>web01.assigned</dt>' in refuted
