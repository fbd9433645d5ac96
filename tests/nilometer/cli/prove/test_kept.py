"""``nilo prove --kept``: a proof counts for what was proved, and for nothing that differs from it in one byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nilometer.cli.prove.kept import read_by_z3
from tests.nilometer.cli.broken_program import BrokenProgram
from tests.nilometer.cli.calling import NILO, Desk
from tests.nilometer.cli.test_schemas import problems

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the folder of kept proofs is set by XDG_CACHE_HOME")

ONLY = ("prove", "--kept", "whole_quanta", "--command", "grow")
KEPT = "kept from "


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where proofs are kept."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


def test_a_proof_is_kept_and_said_again_without_a_solver(desk: Desk) -> None:
    first = desk.call(*ONLY, "--format", "json").json
    assert problems("prove", first) == []
    assert first["kept"] is None
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", NILO, *ONLY],
        env={**os.environ, **desk.environment()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.startswith("proved: 2 obligations and 2 checks, kept from 20")
    assert "nilometer.cli.prove.kept" in ran.stderr
    assert not [line for line in ran.stderr.splitlines() if "z3" in line or "rules.symbolic" in line]
    again = desk.call(*ONLY, "--format", "json").json
    assert problems("prove", again) == []
    assert again["kept"] is not None
    assert again["obligations"] == first["obligations"]
    assert "proved: keeps/grow/whole_quanta\n" in desk.call(*ONLY, "--all").out


def test_other_options_are_another_proof(desk: Desk) -> None:
    """A smaller budget, another rule, another command."""
    assert desk.call(*ONLY).code == 0
    assert KEPT in desk.call(*ONLY).out
    smaller = desk.call(*ONLY, "--budget", "1")
    assert smaller.code == 3
    assert smaller.out.startswith("unknown: ")
    assert KEPT not in desk.call(*ONLY, "--budget", "1").out, "what is unknown is not kept"
    assert KEPT not in desk.call("prove", "--kept", "book_agrees", "--command", "grow").out
    assert KEPT not in desk.call("prove", "--kept", "whole_quanta", "--command", "stop").out


def test_it_asks_no_solver_for_what_only_a_solver_can_say(desk: Desk) -> None:
    for option in (["--recheck"], ["--smt2", "folder"]):
        assert desk.call(*ONLY, *option).code == 2


def as_nothing(file: Path) -> None:
    file.write_text("", encoding="utf-8")


def as_more(file: Path) -> None:
    """A proof of one more obligation than was proved."""
    document = json.loads(file.read_text(encoding="utf-8"))
    name, *rest = document["proof"]["results"][0]
    document["proof"]["results"].append([f"{name}/too", *rest])
    file.write_text(json.dumps(document), encoding="utf-8")


def as_later(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"at": "20', '"at": "21'), encoding="utf-8")


def as_none_but_nothing(file: Path) -> None:
    document = json.loads(file.read_text(encoding="utf-8"))
    document["proof"]["results"] = []
    file.write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize("edit", [as_nothing, as_more, as_later, as_none_but_nothing])
def test_an_edited_store_is_no_proof(edit: Callable[[Path], None], desk: Desk, cache: Path) -> None:
    assert desk.call(*ONLY).code == 0
    [file] = (cache / "nilometer").iterdir()
    edit(file)
    again = desk.call(*ONLY)
    assert again.out.startswith("proved: 2 obligations and 2 checks, in ")
    assert KEPT in desk.call(*ONLY).out, "it is proved anew, and kept"


def test_a_proof_under_another_name_is_none(desk: Desk, cache: Path) -> None:
    """The proof of one rule, put where that of another would be."""
    other = ("prove", "--kept", "book_agrees", "--command", "grow")
    assert desk.call(*ONLY).code == 0
    [file] = (cache / "nilometer").iterdir()
    assert desk.call(*other).code == 0
    [place] = [found for found in (cache / "nilometer").iterdir() if found != file]
    place.write_bytes(file.read_bytes())
    assert KEPT not in desk.call(*other).out


# What is part of the key, in a copy of the program

KEY = "from nilometer.cli.prove.kept import proof_key; print(proof_key({}))"
LOADS = (
    "from nilometer.cli.prove.kept import keep_proof, proof_key, read_proof\n"
    "from rules.proving.result import ProofResult\n"
    "from rules.solving.verdict import ProofVerdict\n"
    "key = proof_key({})\n"
    "proved = ProofResult(name='a', kind='keeps', rule='a', command=None, verdict=ProofVerdict.PROVED, seconds=0.1)\n"
)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> BrokenProgram:
    """A copy of the program that is right."""
    line = "return take(amount, vm.available, vm.assigned - FLOOR)"
    return BrokenProgram.copied(tmp_path_factory.mktemp("program"), "domain/resizing.py", line, line)


def output(program: BrokenProgram, *args: str) -> str:
    result = program.python(*args)
    assert result.code == 0, result.err
    return result.out


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("domain/resizing.py", "vm.assigned - FLOOR)", "vm.assigned + FLOOR)"),
        ("rules/specification/invariants.py", "<=", "< "),
        ("rules/search/histories.jsonl", '"total": 1', '"total": 2'),
        ("nilometer/cli/prove/report.py", "PROVED: 0", "PROVED: 1"),
    ],
)
def test_other_code_under_the_same_time_stamp_is_another_program(
    name: str, old: str, new: str, program: BrokenProgram
) -> None:
    file = program.folder / name
    key, before, stamps = output(program, "-c", KEY), file.read_text(encoding="utf-8"), file.stat()
    try:
        file.write_text(before.replace(old, new, 1), encoding="utf-8")
        os.utime(file, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))
        assert file.stat().st_size == stamps.st_size
        assert output(program, "-c", KEY) != key
    finally:
        file.write_text(before, encoding="utf-8")
        os.utime(file, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))
    assert output(program, "-c", KEY) == key


def test_a_file_more_and_another_python_start_or_z3_are_another_program(
    program: BrokenProgram,
) -> None:
    key = output(program, "-c", KEY)
    assert output(program, "-O", "-c", KEY) != key
    for name in ("libz3.so", "z3/__init__.py", "domain/more.py", "sitecustomize.py", "more.pth"):
        file = program.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("", encoding="utf-8")
        try:
            assert output(program, "-c", KEY) != key, name
        finally:
            file.unlink()
            if name.startswith("z3/"):
                file.parent.rmdir()
    assert output(program, "-c", KEY) == key


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the library has one name")
def test_of_two_libraries_of_z3_the_one_that_it_loads_is_looked_at(tmp_path: Path) -> None:
    core, library, other, plain = (tmp_path / n for n in ("z3core.py", "libz3.so.5.4", "libz3.so.9", "libz3.so"))
    core.write_text("import os\n_sover = '5.4'\n", encoding="utf-8")
    assert read_by_z3([core, library, other, plain]) == [core, library, other]
    assert read_by_z3([core, other, plain]) == [core, other, plain], "it loads libz3.so then"
    core.write_text("_sover = None\n", encoding="utf-8")
    assert read_by_z3([core, library, plain]) == [core, library, plain]


def test_what_python_loads_instead_of_the_source_is_looked_at(program: BrokenProgram) -> None:
    """Python loads what it compiled before if only time stamp and size of the source are as they were then."""
    output(program, "-m", "compileall", "-q", "domain/resizing.py")
    assert output(program, "-c", f"{LOADS}keep_proof(key, [proved]); print(read_proof(key) is not None)") == "True\n"
    [compiled] = (program.folder / "domain" / "__pycache__").glob("resizing.cpython-*[0-9].pyc")
    before = compiled.read_bytes()
    try:
        compiled.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
        assert output(program, "-c", f"{LOADS}print(read_proof(key) is not None)") == "False\n"
    finally:
        compiled.write_bytes(before)
    assert output(program, "-c", f"{LOADS}print(read_proof(key) is not None)") == "True\n"
