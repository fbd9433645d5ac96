"""``nilo prove`` as people and programs call it."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from nilometer.cli.output import Output
from nilometer.cli.prove.report import Report
from nilometer.cli.prove.selection import select
from rules.catalogue import RULE_NAMES
from rules.kinds import CHECKS
from rules.proving.result import ProofResult
from rules.proving.run import obligations_named
from rules.solving.verdict import ProofVerdict
from tests.nilometer.cli.calling import NILO, Desk
from tests.nilometer.cli.test_schemas import problems
from tests.paths import ROOT


@pytest.fixture(scope="module")
def names() -> list[str]:
    """The names of all obligations."""
    return [entry.name for entry in obligations_named()]


def test_the_verdict_comes_first_and_each_obligation_has_a_line_if_asked(desk: Desk, names: list[str]) -> None:
    result = desk.process("prove", "--command", "move-vm", "--all")
    assert result.code == 0, result.out[-2000:]
    assert result.err == ""
    of_moves = {name for name in names if re.search(r"/move-vm( \((source|destination)\))?/", name)}
    verdict, empty, *lines = result.out.splitlines()
    assert re.fullmatch(rf"proved: {len(of_moves)} obligations( and \d+ checks)?, in \d+\.\d s", verdict)
    assert empty == ""
    assert set(lines) >= {f"proved: {name}" for name in of_moves}


def test_without_details_the_verdict_is_all(desk: Desk) -> None:
    for form in ("plain", "human"):
        result = desk.call("prove", "whole_quanta", "--command", "grow", "--format", form)
        assert re.fullmatch(r"proved: 2 obligations and 2 checks, in \d+\.\d s\n", result.out)


def test_programs_read_one_document_and_processes_may_share_the_work(desk: Desk, names: list[str]) -> None:
    result = desk.process("prove", "--cores", "2", "--format", "json")
    assert result.code == 0
    assert problems("prove", result.json) == []
    assert result.json["verdict"] == "proved"
    assert result.json["recheck"] is None
    found = result.json["obligations"]
    assert {entry["name"] for entry in found if entry["kind"] not in CHECKS} == set(names)
    for entry in found:
        assert entry["verdict"] == "proved"
        assert entry["counterexample"] is None


def test_on_a_terminal_obligations_of_a_kind_stand_together(desk: Desk) -> None:
    result = desk.call("prove", "whole_quanta", "book_agrees", "--command", "grow", "--all", "--format", "human")
    assert result.code == 0
    blocks = re.findall(r"^(\w[\w-]*): .* \((\d+)\)\n((?:  .*\n)+)", result.out, re.MULTILINE)
    obligations = [(kind, int(count)) for kind, count, _ in blocks if kind not in CHECKS]
    assert obligations == [("keeps", 2), ("bystander", 2)]
    for kind, count, lines in blocks:
        assert len(lines.splitlines()) == int(count)
        assert all(line.startswith(f"  proved: {kind}/") for line in lines.splitlines())
    assert result.out.startswith("proved: 4 obligations and ")


def test_every_rule_of_the_model_can_be_asked_for() -> None:
    chosen = {name: select([name], []) for name in RULE_NAMES}
    assert all(choice.rules and choice.obligations for choice in chosen.values())
    found = [entry.name for choice in chosen.values() for entry in choice.obligations]
    assert sorted(found) == sorted(entry.name for entry in obligations_named())


def found_by(desk: Desk, *args: str) -> list[dict[str, str]]:
    """The obligations, without the checks, that are proved by a call."""
    all = desk.call("prove", *args, "--format", "json").json["obligations"]
    return [entry for entry in all if entry["kind"] not in CHECKS]


def test_rules_can_be_named_either_way_and_by_a_predicate(desk: Desk) -> None:
    def found(*args: str) -> list[str]:
        return [entry["name"] for entry in found_by(desk, *args)]

    assert found("maximal") == found("--rule", "maximal")
    assert set(found("giving_is_maximal")) == {"maximal/add-memory/giving_is_maximal", "maximal/grow/giving_is_maximal"}
    assert set(found("giving_is_maximal")) < set(found("maximal"))


def test_a_command_means_all_that_it_does(desk: Desk) -> None:
    found = found_by(desk, "host_is_real", "--command", "move-vm")
    assert {entry["command"] for entry in found} == {"move-vm", "move-vm (source)", "move-vm (destination)"}


@pytest.mark.parametrize(
    ("args", "error", "hint"),
    [
        (["whole_qanta"], "there is no rule 'whole_qanta'", "did you mean whole_quanta?"),
        (["--rule", "seen_bye"], "there is no rule 'seen_bye'", "did you mean seen_by?"),
        (["zzz"], "there is no rule 'zzz'", "the rules are host_is_real, host_never_overcommitted, "),
        (["--command", "grw"], "there is nothing to prove about a command 'grw'", "did you mean grow?"),
        (
            ["grant_is_applied", "--command", "stop"],
            "about grant_is_applied and stop",
            "it is proved of add-memory, grow",
        ),
        (["definitions", "--command", "stop"], "about definitions and stop", "leave --command out"),
        (
            ["--explain", "keeps/grow/whole"],
            "no obligation 'keeps/grow/whole'",
            "did you mean keeps/grow/whole_quanta?",
        ),
        (["--explain", "keeps/grow/whole_quanta", "--recheck"], "no other options", "nilo prove --explain NAME"),
        (["--cores", "0"], "'--cores'", "nilo prove --help"),
    ],
)
def test_an_unknown_name_is_refused_with_a_hint(desk: Desk, args: list[str], error: str, hint: str) -> None:
    result = desk.call("prove", *args)
    assert result.code == 2
    assert result.out == ""
    assert error in result.err
    assert hint in result.err


def test_a_solver_that_gives_up_has_proved_nothing(desk: Desk) -> None:
    result = desk.process("prove", "within_bounds", "--command", "grow", "--budget", "1")
    assert result.code == 3
    assert "unknown: keeps/grow/within_bounds\n    nothing is claimed: " in result.out
    assert re.search("^unknown: of 2 obligations and 2 checks, 4 unknown, in ", result.out, re.MULTILINE)
    assert "--budget STEPS" in result.err
    answer = desk.call("prove", "within_bounds", "--command", "grow", "--budget", "1", "--format", "json")
    assert answer.code == 3
    assert answer.json["verdict"] == "unknown"
    assert all(entry["verdict"] == "unknown" and entry["reason"] for entry in answer.json["obligations"])
    assert desk.call("prove", "--explain", "keeps/grow/within_bounds", "--budget", "1").code == 3


# Explanations


def test_an_explanation_shows_predicate_code_assumptions_and_formula(desk: Desk) -> None:
    name = "keeps/add-memory/host_never_overcommitted"
    result = desk.call("prove", "--explain", name)
    assert result.code == 0
    assert result.out.startswith(f"proved: {name}\n    A host never promises more than it has")
    for part in (
        "    def host_never_overcommitted(site: Site) -> bool:\n",
        "    return site.host.reserve + site.host.held <= site.host.total\n",
        "add_memory decides it\n",
        "memory_added says what it changes\n",
        "The proof used:\n    host_never_overcommitted\n\nThe proof did not use:\n",
        "The formula, sizes in bytes:\n",
        "site.host.total - site.host.reserve",
    ):
        assert part in result.out
    place = re.search(r"The predicate, (rules/\S+):(\d+):", result.out)
    assert place is not None
    lines = (ROOT / place[1]).read_text(encoding="utf-8").splitlines()
    assert lines[int(place[2]) - 1].startswith("def host_never_overcommitted(")


def test_programs_read_an_explanation_too(desk: Desk, names: list[str]) -> None:
    kinds = {name.partition("/")[0]: name for name in names}
    for name in kinds.values():
        result = desk.call("prove", "--explain", name, "--format", "json")
        assert result.code == 0
        assert problems("prove-explain", result.json) == []
        assert result.json["name"] == name


# Files for other solvers, and another solver


def test_obligations_are_written_for_other_solvers(desk: Desk) -> None:
    result = desk.call("prove", "whole_quanta", "--command", "move-vm", "--smt2", str(desk.folder / "out"))
    assert result.code == 0
    assert "3 obligations were written to" in result.err
    files = sorted((desk.folder / "out").iterdir())
    assert [file.name for file in files] == [
        "bystander__move-vm-destination-__whole_quanta.smt2",
        "bystander__move-vm-source-__whole_quanta.smt2",
        "keeps__move-vm__whole_quanta.smt2",
    ]
    for file in files:
        text = file.read_text(encoding="utf-8")
        comments, rest = text.split("(set-logic QF_LIA)\n")
        assert all(line.startswith("; ") for line in comments.splitlines())
        assert "Memory moves in steps of 2 MiB" in comments
        assert "unsat means proved" in comments
        assert rest.rstrip().endswith("(check-sat)")


def test_a_file_stands_for_itself(desk: Desk) -> None:
    desk.call("prove", "whole_quanta", "--command", "grow", "--smt2", str(desk.folder))
    read = "import z3, sys; s = z3.Solver(); s.from_file(sys.argv[1]); print(s.check())"
    for file in desk.folder.glob("*.smt2"):
        ran = subprocess.run([sys.executable, "-c", read, file], capture_output=True, text=True, check=True, cwd="/")
        assert ran.stdout == "unsat\n"


def test_another_solver_agrees(desk: Desk) -> None:
    result = desk.call("prove", "conserved", "--recheck", "--format", "json")
    assert result.code == 0
    assert problems("prove", result.json) == []
    again = result.json["recheck"]
    assert again["solver"].startswith("cvc5 ")
    assert again["asked"] == sum(entry["kind"] not in CHECKS for entry in result.json["obligations"])
    assert again["differ"] == []
    answer = desk.call("prove", "whole_quanta", "--command", "grow", "--recheck")
    assert answer.code == 0
    assert re.search(r"^cvc5 \S+ agrees on 2 of 2\.$", answer.out, re.MULTILINE)


def test_without_the_other_solver_nothing_is_begun(desk: Desk) -> None:
    (desk.folder / "cvc5.py").write_text("raise ImportError('as if it were not installed')\n", encoding="utf-8")
    result = desk.process("prove", "--recheck", env={"PYTHONPATH": str(desk.folder)})
    assert result.code == 2
    assert result.out == ""
    assert "cvc5 is not installed" in result.err
    assert "hint: pip install 'nilometer[recheck]'; in a checkout" in result.err


def test_solvers_that_differ_have_proved_nothing(desk: Desk) -> None:
    """A second solver that always says sat, as a module of that name."""
    (desk.folder / "cvc5.py").write_text(
        "class TermManager: pass\n"
        "class Solver:\n    def __init__(self, tm=None): pass\n    def setOption(self, *a): pass\n"
        "class InputLanguage:\n    SMT_LIB_2_6 = None\n"
        "class Command:\n    def __init__(self, last): self.last = last\n"
        "    def isNull(self): return self.last\n    def invoke(self, *a): return 'sat\\n'\n"
        "class InputParser:\n    def __init__(self, s): self.n = 0\n    def setStringInput(self, *a): pass\n"
        "    def getSymbolManager(self): return None\n"
        "    def nextCommand(self):\n        self.n += 1\n        return Command(self.n > 1)\n",
        encoding="utf-8",
    )
    only = ["prove", "whole_quanta", "--command", "grow", "--recheck"]
    result = desk.process(*only, env={"PYTHONPATH": str(desk.folder)})
    assert result.code == 3
    assert "unknown: keeps/grow/whole_quanta\n    nothing is claimed: Z3 says proved, cvc5 " in result.out
    assert "agrees on 0 of 2." in result.out
    answer = desk.process(*only, "--format", "json", env={"PYTHONPATH": str(desk.folder)})
    assert answer.code == 3
    assert set(json.loads(answer.out)["recheck"]["differ"]) == {
        "keeps/grow/whole_quanta",
        "bystander/grow/whole_quanta",
    }


def test_help_loads_no_solver() -> None:
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", NILO, "prove", "--help"], capture_output=True, text=True, check=True
    )
    assert "Prove that no command can break the rules" in ran.stdout
    assert "z3" not in ran.stderr


def test_what_is_refuted_counts_more_than_what_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    def finish(*verdicts: ProofVerdict) -> int:
        report = Report(Output("plain"))
        for number, verdict in enumerate(verdicts):
            report.add(
                ProofResult(
                    name=f"keeps/stop/{number}",
                    kind="keeps",
                    rule=str(number),
                    command="stop",
                    verdict=verdict,
                    seconds=0.1,
                    counterexample=None,
                    reason="so it is",
                )
            )
        return report.finish(1.0)

    proved, refuted, unknown = ProofVerdict.PROVED, ProofVerdict.REFUTED, ProofVerdict.UNKNOWN
    assert finish(proved, proved) == 0
    assert finish(proved, unknown) == 3
    assert finish(unknown, refuted, proved) == finish(refuted, unknown) == 1
    last = capsys.readouterr().out.splitlines()[-9:]
    assert last == [
        "refuted: of 2 obligations, 1 refuted, 1 unknown, in 1.0 s",
        "  refuted: keeps/stop/0",
        "  unknown: keeps/stop/1",
        "",
        "refuted: keeps/stop/0",
        "    so it is",
        "",
        "unknown: keeps/stop/1",
        "    nothing is claimed: so it is",
    ]
