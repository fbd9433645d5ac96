"""The hash of the rules: the same in every process, another for another rule."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any, cast

import pytest

import domain.quantities
import domain.state
import rules.specification.figures
import rules.symbolic.reader
from domain.quantities import QUANTUM, down
from rules.judging import fingerprint
from rules.judging.fingerprint import hash_lines, hash_term, rules_digest, running_key
from rules.specification.invariants import INVARIANTS
from rules.symbolic.terms import at_most, constant, less, variable
from tests.paths import ROOT

ALL = """
import importlib, pkgutil, domain, rules
for package in (domain, rules):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
"""
PRINT = "from rules.judging.fingerprint import rules_digest; print(rules_digest())"


def test_it_is_the_same_whatever_is_loaded_and_however_sets_are_ordered() -> None:
    digests = {
        subprocess.check_output(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, text=True
        ).strip()
        for program, seed in ((PRINT, "0"), (ALL + PRINT, "7"))
    }
    assert digests == {rules_digest()}


def test_another_term_gives_another_hash() -> None:
    one, other = variable("host.total", int), variable("host.held", int)
    terms = [less(one, other), less(other, one), at_most(one, other), less(one, constant(1)), less(one, constant(2))]
    assert len({hash_term(term, {}) for term in terms}) == len(terms)
    assert hash_term(constant(1), {}) != hash_term(constant(True), {})


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Where the hash is kept, and nothing is there yet."""
    file = tmp_path / "rules.sha256"
    monkeypatch.setattr(fingerprint, "kept_file", lambda: file)
    rules_digest.cache_clear()
    yield file
    rules_digest.cache_clear()


def again() -> str:
    """The hash as another process would get it."""
    rules_digest.cache_clear()
    return rules_digest()


def test_it_is_kept_and_what_does_not_fit_or_is_damaged_is_computed_anew(kept: Path) -> None:
    digest = rules_digest()
    key, found, check = kept.read_text(encoding="ascii").split()
    assert found == digest
    other = "0" * 64
    forged = hash_lines([key, other])
    kept.write_text(f"{key} {other} {forged}\n", encoding="ascii")
    assert again() == other  # what is kept is read
    wrong_key = hash_lines([other, other])
    for damaged in ("", "\n", f"{key} {other} {check}", f"{key} {other}", f"{other} {other} {wrong_key}", "\u00e9" * 9):
        kept.write_text(damaged, encoding="utf-8")
        assert again() == digest
        assert kept.read_text(encoding="ascii").split() == [key, digest, check]


def test_where_nothing_can_be_written_it_is_computed(monkeypatch: pytest.MonkeyPatch, kept: Path) -> None:
    digest = rules_digest()
    for place in (kept / "under a file", kept.parent):
        monkeypatch.setattr(fingerprint, "kept_file", lambda place=place: place)
        assert again() == digest
    assert sorted(kept.parent.iterdir()) == [kept]


def other_code(function: object, name: str = "co_consts") -> Any:
    """The code of a function with one part changed."""
    code: Any = cast("FunctionType", function).__code__
    return code.replace(**{name: (*getattr(code, name), "another")})


def nothing(*_: object) -> None:
    """Stands in the place of another function."""


CHANGES: list[tuple[object, str, object]] = [
    (domain.quantities, "QUANTUM", 2 * QUANTUM),
    (rules.specification.figures, "FLOOR", True),
    (down, "__code__", other_code(down)),
    (INVARIANTS[0], "__code__", other_code(INVARIANTS[0], "co_names")),
    (domain.state.Vm, "__init__", nothing),
    (domain.state.Power.OFF, "_name_", "ELSE"),
    (domain.state.Vm, "mechanism", property(nothing)),
    (rules.symbolic.reader.RuleReader, "read", nothing),
    (rules_digest.__wrapped__, "__code__", other_code(rules_digest.__wrapped__)),
    (rules.symbolic.reader, "symbolic", hash_term),
    (fingerprint.hash_term, "__code__", other_code(hash_term)),
]


@pytest.mark.parametrize(("place", "name", "value"), CHANGES, ids=range(len(CHANGES)))
def test_whatever_runs_otherwise_has_another_key(
    monkeypatch: pytest.MonkeyPatch, place: object, name: str, value: object
) -> None:
    before = running_key()
    with monkeypatch.context() as patch:
        patch.setattr(place, name, value)
        assert running_key() != before
    assert running_key() == before


# Files

MORE = "QUANTUM: Final = 2 * MiB"
LESS = "QUANTUM: Final = 4 * MiB"


class Copy:
    """A copy of the program that keeps its hash."""

    def __init__(self, folder: Path) -> None:
        for layer in ("domain", "rules"):
            shutil.copytree(ROOT / layer, folder / layer, ignore=shutil.ignore_patterns("__pycache__"))
        self.folder, self.file = folder, folder / "domain" / "quantities.py"

    def digest(self) -> str:
        """What a new process says; its last line of errors if it fails."""
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        ran = subprocess.run(
            [sys.executable, "-c", PRINT], cwd=self.folder, env=clean, capture_output=True, text=True, check=False
        )
        return ran.stdout.strip() or ran.stderr

    def edit(self) -> None:
        """Another constant, of the same length, under the same time stamp."""
        times = self.file.stat()
        text = self.file.read_text(encoding="utf-8")
        assert text.count(MORE) == 1
        self.file.write_text(text.replace(MORE, LESS), encoding="utf-8")
        os.utime(self.file, ns=(times.st_atime_ns, times.st_mtime_ns))

    def forget_compiled(self) -> None:
        """Removes what Python compiled of the file."""
        for compiled in (self.folder / "domain" / "__pycache__").glob("quantities.*"):
            compiled.unlink()


def test_no_time_stamp_and_no_compiled_file_makes_it_stale(tmp_path: Path) -> None:
    copy, other = Copy(tmp_path / "one"), Copy(tmp_path / "other")
    digest = copy.digest()
    assert len(digest) == 64
    assert copy.digest() == digest  # kept
    other.edit()
    changed = other.digest()
    assert len(changed) == 64
    assert changed != digest
    (compiled,) = (copy.folder / "domain" / "__pycache__").glob("quantities.*.pyc")
    before = compiled.read_bytes()
    copy.edit()  # Python runs what it compiled before, which is not what is written
    assert "its definition says 4194304" in copy.digest()
    copy.forget_compiled()
    assert copy.digest() == changed
    compiled.write_bytes(compiled.read_bytes()[:16] + before[16:])  # it looks compiled from what is written
    assert "its definition says 4194304" in copy.digest()
