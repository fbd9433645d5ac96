"""``pytest --nilo``: a test item a rule, in a project of somebody else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rules.catalogue import RULE_NAMES


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Somebody's project with a test of its own."""
    (tmp_path / "test_mine.py").write_text("def test_mine() -> None:\n    pass\n", encoding="utf-8")
    return tmp_path


def said_in(project: Path, *args: str) -> tuple[int, str]:
    """What pytest says in a project, and its exit code."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "NILO_"))}
    call = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--strict-markers", *args]
    ran = subprocess.run(call, cwd=project, env=clean, capture_output=True, text=True, timeout=120, check=False)
    return ran.returncode, ran.stdout + ran.stderr


def test_each_rule_is_an_item_beside_the_projects_own(project: Path) -> None:
    code, said = said_in(project, "--nilo", "-v", "--junit-xml=report.xml")
    assert code == 0, said
    for name in (*RULE_NAMES, "checks"):
        assert f"nilo::{name} PASSED" in said
    assert "test_mine.py::test_mine PASSED" in said
    cases = ElementTree.parse(project / "report.xml").getroot().iter("testcase")
    rules = {str(case.get("name")): case for case in cases if case.get("classname") == "nilo"}
    assert rules.keys() >= set(RULE_NAMES)
    counted = rules["host_never_overcommitted"].find("properties/property[@name='obligations']")
    assert counted is not None
    assert int(str(counted.get("value"))) > 30


def test_without_the_option_nothing_is_added_and_no_solver_is_loaded(project: Path) -> None:
    (project / "conftest.py").write_text(
        "import sys\n\ndef pytest_sessionfinish() -> None:\n    print('z3 is loaded:', 'z3' in sys.modules)\n",
        encoding="utf-8",
    )
    code, said = said_in(project, "-v", "-s")
    assert code == 0
    assert "nilo::" not in said
    assert "1 passed" in said
    assert "z3 is loaded: False" in said


def test_rules_are_chosen_as_tests_are(project: Path) -> None:
    code, said = said_in(project, "--nilo", "-m", "nilo", "-k", "whole_quanta or book_agrees", "-v")
    assert code == 0
    assert "2 passed" in said
    assert "test_mine" not in said
    assert "1 passed" in said_in(project, "--nilo", "-m", "not nilo")[1]


def test_rules_are_shared_among_workers(project: Path) -> None:
    code, said = said_in(project, "--nilo", "-m", "nilo", "-k", "watermark", "-n", "2")
    assert code == 0
    assert "2 passed" in said
