"""The glue between a command and its stored event is changed as people slip, and somebody notices."""

from __future__ import annotations

import ast
from functools import cache

import pytest

from mutants.glue.changes import WrongFile, wrong_files
from mutants.glue.judging import NEAREST, Noticed, all_wrong_files, judge_file
from tests.paths import ROOT


@cache
def names() -> list[str]:
    return [wrong.name for wrong in all_wrong_files()]


@pytest.mark.parametrize(
    "change",
    [
        "vms.py: another field: recorded.after_figures → recorded.before_figures",
        "vms.py: another name: host → destination",
        "vms.py: wrong member: VmCommandName.ADD_MEMORY → VmCommandName.REMOVE_MEMORY",
        "hosts.py: another name: host_stream → vm_stream",
        "vms.py: special case on an id: granted",
        "evidence.py: another field: recorded.free → recorded.cap",
        "changes.py: left out: vm.version += 1 → nothing",
        "upcasters.py: constant: 1 → 2",
        "bodies.py: another field: read.happened → read.recorded",
        "advancing.py: left out",
        "repository.py: guard that never holds",
    ],
)
def test_people_slip_so(change: str) -> None:
    file, kind, what = change.split(": ", 2) if change.count(": ") > 1 else (*change.split(": "), "")
    assert [name for name in names() if f"{file}:" in name and f": {kind}: " in name and what in name]


def test_each_is_another_program_and_no_two_of_a_file_are_the_same() -> None:
    file = "domain/deciding/reads.py"
    sources = [wrong.source for wrong in wrong_files(file)]
    assert len({*sources, ast.unparse(ast.parse((ROOT / file).read_bytes()))}) == len(sources) + 1


def test_the_tests_that_are_asked_exist() -> None:
    assert [test for tests in NEAREST.values() for test in tests if not (ROOT / test).exists()] == []


def test_a_special_case_on_an_id_is_noticed_by_a_process_of_its_own() -> None:
    index = next(index for index, name in enumerate(names()) if "special case on an id" in name)
    wrong, noticed, by = judge_file(index)
    assert isinstance(wrong, WrongFile)
    assert (noticed, by) == (Noticed.LINT, "'db-prod'")
