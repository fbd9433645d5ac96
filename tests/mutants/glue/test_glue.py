"""The glue between a command and its stored event is changed as people slip, and somebody notices."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from mutants.glue.changes import wrong_files
from mutants.glue.judging import all_wrong_files, judge_files
from mutants.glue.kept import keep, read_kept
from mutants.glue.noticed import NEAREST, Noticed
from mutants.glue.survivors import REASONS
from mutants.glue.turns import find_quick_tests, judge_in_turns
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


def test_each_has_a_key_of_its_own_and_reasons_are_given_for_changes_that_there_are() -> None:
    keys = [wrong.key for wrong in all_wrong_files()]
    assert len(set(keys)) == len(keys)
    assert REASONS.keys() - set(keys) == set()


def test_the_tests_that_are_asked_can_be_collected_as_they_are_asked() -> None:
    tests = sorted({test for tests in NEAREST.values() for test in tests})
    asked = f"from mutants.glue.serving import run_pytest; raise SystemExit(run_pytest(['--collect-only', *{tests!r}]))"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_each_file_has_quick_tests_that_are_there() -> None:
    quick = {test for file in NEAREST for test in find_quick_tests(file)}
    assert [test for test in sorted(quick) if not (ROOT / test).exists()] == []


def test_who_is_noticed_by_no_quick_test_has_not_survived_yet() -> None:
    wrong = next(wrong for wrong in all_wrong_files() if "guard that never holds: if (event.code or" in wrong.name)
    nearest = "tests/domain/deciding/test_redecide.py"
    quick = {wrong.file: ["tests/domain/deciding/test_ids.py"]}
    found = [*judge_in_turns([wrong], quick=quick, nearest={wrong.file: [nearest]})]
    assert [noticed for _, noticed, _ in found] == [Noticed.TESTS]
    assert found[0][2].startswith(nearest)


def test_who_survives_quick_tests_for_a_reason_is_not_asked_about_again() -> None:
    known = next(
        wrong
        for wrong in all_wrong_files()
        if wrong.key.startswith("domain/deciding/redecide.py") and (wrong.key in REASONS and wrong.function)
    )
    quick = {known.file: ["tests/domain/deciding/test_ids.py"]}
    found = [*judge_in_turns([known], quick=quick, nearest={known.file: ["tests/that_are_not_there.py"]})]
    assert [(wrong.key, noticed) for wrong, noticed, _ in found] == [(known.key, Noticed.NOBODY)]


def judged(test: str, *texts: str) -> list[tuple[Noticed, str]]:
    """Who notices the first wrong files whose names have these texts, by what, if only one file of tests is asked."""
    wrongs = [next(wrong for wrong in all_wrong_files() if text in wrong.name) for text in texts]
    found = {
        wrong.name: (noticed, by)
        for wrong, noticed, by in judge_files(wrongs, nearest={wrong.file: [test] for wrong in wrongs})
    }
    return [found[wrong.name] for wrong in wrongs]


def test_a_special_case_on_an_id_is_noticed_by_a_lint() -> None:
    assert judged("", "special case on an id") == [(Noticed.LINT, "'db-prod'")]


def test_a_change_in_a_function_is_noticed_by_a_test_that_comes_to_it_or_survives() -> None:
    test = "tests/domain/deciding/test_redecide.py"
    wrong, equivalent = judged(
        test,
        "guard that never holds: if (event.code or",
        "dropped condition: decision is None or not isinstance(event, Decided) → decision is None",
    )
    assert wrong[0] is Noticed.TESTS
    assert wrong[1].startswith(f"{test}::test_what_an_event_records_otherwise_than_decided_is_named")
    assert equivalent[0] is Noticed.NOBODY
    assert equivalent[1].endswith(" tests come to it")


def test_a_change_that_no_test_comes_to_survives() -> None:
    assert judged("tests/domain/deciding/test_ids.py", "left out: self._known.clear() → nothing") == [
        (Noticed.NOBODY, "no test comes to it")
    ]


def test_tests_that_cannot_be_collected_are_no_tests_that_notice_nothing() -> None:
    with pytest.raises(RuntimeError, match="1 wrong files were not judged: their tests cannot be collected"):
        judged("tests/nilometer/ledger/test_of_another_name.py", "left out: self._known.clear() → nothing")


def test_a_change_in_a_table_is_noticed_where_the_module_is_loaded_with_it() -> None:
    test = "tests/rules/judging/decided/test_sizes.py"
    assert judged(test, "steps.py:72: wrong member") == [(Noticed.TESTS, test)]


def test_what_was_noticed_is_kept_and_survivors_are_asked_about_again(tmp_path: Path) -> None:
    file = tmp_path / "kept.jsonl"
    first, second, third = all_wrong_files()[:3]
    assert read_kept(file, [first]) == ([], [first]), "nothing is kept yet"
    judged = [(first, Noticed.TESTS, "tests/one.py"), (second, Noticed.NOBODY, "")]
    assert [*keep(file, judged)] == judged
    assert read_kept(file, [first, second, third]) == ([(first, Noticed.TESTS, "tests/one.py")], [second, third])


def test_who_survives_for_a_reason_is_not_asked_about_again(tmp_path: Path) -> None:
    file = tmp_path / "kept.jsonl"
    known = next(wrong for wrong in all_wrong_files() if wrong.key in REASONS)
    assert read_kept(file, [known]) == ([], [known]), "nobody was asked yet"
    assert [*keep(file, [(known, Noticed.NOBODY, "3 tests come to it")])]
    assert read_kept(file, [known]) == ([(known, Noticed.NOBODY, "3 tests come to it")], [])


def test_what_is_kept_of_another_text_of_the_file_counts_for_nothing(tmp_path: Path) -> None:
    file = tmp_path / "kept.jsonl"
    wrong = all_wrong_files()[0]
    assert [*keep(file, [(wrong, Noticed.LINT, "an id")])]
    file.write_text(file.read_text().replace('"text": "', '"text": "0'))
    assert read_kept(file, [wrong]) == ([], [wrong])
