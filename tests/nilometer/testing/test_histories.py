"""``pytest --nilo-history FILE``: a test item a rule on a recorded history, in a project of somebody else."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.nilometer.test_pytest_plugin import said_in
from tests.paths import HISTORY_GOLDENS

HISTORY = (HISTORY_GOLDENS / "version-1.jsonl").read_bytes()
JUDGING = '''
"""A judge that finds what these tests need."""

import rules.judging.judge
from rules.judging.findings import At, Finding, Verdict


class Judge(rules.judging.judge.Judge):
    def take(self, envelope, place="", source=""):
        self.coverage.events += 1
        for rule in ("book_agrees", "maximal", "in_use_never_removed"):
            self.coverage.count(rule, Verdict.HOLDS)
        at = At(envelope.stream, envelope.position, envelope.metadata.happened, place)
        match envelope.position:
            case 3:
                self.coverage.count("maximal", Verdict.VIOLATED)
                return [Finding("maximal", Verdict.VIOLATED, at, "more could be given", {"granted": 4 << 20})]
            case 5:
                self.coverage.count("in_use_never_removed", Verdict.UNKNOWN)
                return [Finding("in_use_never_removed", Verdict.UNKNOWN, at, "it was not measured")]
            case 6:
                return [Finding("effects", Verdict.VIOLATED, at, "it is not so", follows=3)]
        return []

    def finish(self):
        return []


rules.judging.judge.Judge = Judge
'''


UNKNOWN = re.compile(r"unknown: 9 of 10 \w+ could be checked.*: it was not measured")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Somebody's project with a test and a history of its own."""
    (tmp_path / "test_mine.py").write_text("def test_mine() -> None:\n    pass\n", encoding="utf-8")
    (tmp_path / "history.jsonl").write_bytes(HISTORY)
    return tmp_path


@pytest.fixture
def violated(project: Path) -> Path:
    """The same, where the judge finds something."""
    (project / "conftest.py").write_text(JUDGING, encoding="utf-8")
    return project


def test_a_history_is_an_item_and_its_events_are_counted(project: Path) -> None:
    code, said = said_in(project, "--nilo-history", "history.jsonl", "-v", "--junit-xml=report.xml")
    assert code == 0, said
    assert "nilo::history.jsonl::can_be_read PASSED" in said
    assert "test_mine.py::test_mine PASSED" in said
    (case,) = (
        case
        for case in ElementTree.parse(project / "report.xml").getroot().iter("testcase")
        if case.get("name") == "can_be_read"
    )
    counted = case.find("properties/property[@name='events']")
    assert counted is not None
    assert counted.get("value") == "9"


def test_each_rule_is_an_item_that_passes_fails_or_is_skipped(violated: Path) -> None:
    code, said = said_in(violated, "--nilo-history", "history.jsonl", "-v", "-rs", "--junit-xml=report.xml")
    assert code == 1, said
    assert "nilo::history.jsonl::book_agrees PASSED" in said
    assert "nilo::history.jsonl::maximal FAILED" in said
    assert "nilo::history.jsonl::effects SKIPPED" in said  # its finding only follows from the other
    assert "violated, which follows from #3 (maximal)" in said
    assert "1 failed" in said
    assert "nilo::history.jsonl::in_use_never_removed SKIPPED" in said
    assert UNKNOWN.search(said)
    assert "5 passed" not in said
    root = ElementTree.parse(violated / "report.xml").getroot()
    counts = {
        str(each.get("name")): each.get("value")
        for case in root.iter("testcase")
        if case.get("name") == "maximal"
        for each in case.iter("property")
    }
    assert counts == {"holds": "9", "violated": "1", "unknown": "0", "remarks": "0"}


def test_a_history_that_was_edited_fails(project: Path) -> None:
    lines = HISTORY.splitlines(keepends=True)
    (project / "gap.jsonl").write_bytes(b"".join(lines[:5] + lines[6:]))
    code, said = said_in(project, "--nilo-history", "history.jsonl", "--nilo-history", "gap.jsonl", "-v", "-m", "nilo")
    assert code == 1
    assert "nilo::history.jsonl::history_is_whole PASSED" in said
    assert "nilo::gap.jsonl::history_is_whole FAILED" in said
    assert " (history_is_whole)\n  at #" in said


def test_a_violation_is_told_in_words_without_a_traceback(violated: Path) -> None:
    said = said_in(violated, "--nilo-history", "history.jsonl", "-k", "maximal or effects")[1]
    assert "violated: A partial grant is the largest possible" in said
    assert " (maximal)\n  at #3, " in said
    assert ", history.jsonl:3\n  More could be given\n    granted: expected 4 MiB\n" in said
    assert "1 later finding follows from this" in said
    assert "Traceback" not in said
    assert ".py:" not in said


def test_unknown_fails_where_that_was_asked_for(violated: Path) -> None:
    code, said = said_in(violated, "--nilo-history", "history.jsonl", "--nilo-strict", "-k", "in_use", "-v")
    assert code == 1
    assert "nilo::history.jsonl::in_use_never_removed FAILED" in said
    assert UNKNOWN.search(said)


def test_a_file_that_cannot_be_read_is_an_error_with_place_and_hint(project: Path) -> None:
    (project / "cut.jsonl").write_bytes(HISTORY[:2000])
    (project / "script.jsonl").write_text('{"command": "start", "vm": "web01"}\n', encoding="utf-8")
    files = [option for name in ("cut", "script", "none") for option in ("--nilo-history", f"{name}.jsonl")]
    code, said = said_in(project, *files, "-v", "-m", "nilo")
    assert code == 1
    assert said.count("::can_be_read ERROR") == 3
    assert re.search(r"\ncut.jsonl:\d: is not JSON: .*\nhint: the line may have been cut off: ", said)
    assert (
        "script.jsonl: this is a script of commands; nilo audit reads histories that nilo export wrote\nhint: nilo run"
        in said
    )
    assert "\nnone.jsonl: No such file or directory\nhint: name a file" in said
    assert "3 errors" in said


def test_histories_are_judged_beside_the_proofs_and_chosen_as_tests_are(violated: Path) -> None:
    (violated / "sub").mkdir()
    (violated / "sub" / "other.jsonl").write_bytes(HISTORY)
    both = ["--nilo-history", "history.jsonl", "--nilo-history", "sub/other.jsonl", "--nilo"]
    code, said = said_in(violated, *both, "-m", "nilo", "-k", "book_agrees", "-v", "-n", "2")
    assert code == 0, said
    for item in ("nilo::book_agrees", "nilo::history.jsonl::book_agrees", "nilo::sub/other.jsonl::book_agrees"):
        assert f"PASSED {item}" in said
    assert "3 passed" in said


def test_without_a_history_no_judge_is_loaded(project: Path) -> None:
    (project / "conftest.py").write_text(
        "import sys\n\ndef pytest_sessionfinish() -> None:\n"
        "    print('loaded:', {'rules', 'pydantic', 'z3'} & sys.modules.keys())\n",
        encoding="utf-8",
    )
    code, said = said_in(project, "-s")
    assert code == 0
    assert "loaded: set()" in said
