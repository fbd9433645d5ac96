"""The distributions of this checkout, and a clean environment with its wheel beside PyPI's `rules`."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.paths import ROOT

DJANGO_RULES = "rules==3.5"


def run(*args: str | Path, cwd: Path, stdin: str = "", env: Mapping[str, str] | None = None, code: int = 0) -> str:
    """The stdout of a program that ends with `code`; it is told nothing of this Python or of a ledger."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "NILO_"))}
    done = subprocess.run(
        [str(arg) for arg in args],
        cwd=cwd,
        env={**inherited, "UV_PYTHON_DOWNLOADS": "never", **(env or {})},
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    line = " ".join(str(arg) for arg in args)
    assert done.returncode == code, f"{line}\nexit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}"
    return done.stdout


def uv(*args: str | Path, cwd: Path) -> None:
    run(find_uv_bin(), *args, cwd=cwd)


@dataclass(frozen=True, slots=True)
class Distributions:
    sdist: Path
    wheel: Path


@dataclass(frozen=True, slots=True)
class CleanEnvironment:
    """A virtual environment that knows the wheel, and an empty folder to work in."""

    venv: Path
    folder: Path
    rules_before: dict[str, bytes]

    def program(self, name: str) -> Path:
        return self.venv / ("Scripts" if sys.platform == "win32" else "bin") / name

    def installed(self, package: str) -> dict[str, bytes]:
        """The files of an installed package by their path."""
        return files_of(self.program("python"), package, self.folder)


def files_of(python: Path, package: str, folder: Path) -> dict[str, bytes]:
    purelib = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    found = sorted((purelib / package).rglob("*"))
    return {
        p.relative_to(purelib).as_posix(): p.read_bytes() for p in found if p.is_file() and "__pycache__" not in p.parts
    }


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """The sdist of this checkout, and the wheel that is built from nothing but it."""
    out = tmp_path_factory.mktemp("dist")
    uv("build", "--no-build-isolation", "--python", sys.executable, "--out-dir", out, ROOT, cwd=out)
    (sdist,) = out.glob("*.tar.gz")
    (wheel,) = out.glob("*.whl")
    return Distributions(sdist, wheel)


@pytest.fixture(scope="session")
def clean(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> CleanEnvironment:
    """As a user installs it: django-rules is there first. Needs PyPI, or uv's cache of it."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv = tmp_path_factory.mktemp("clean") / "venv"
    environment = CleanEnvironment(venv, folder, {})
    python = environment.program("python")
    uv("venv", "--python", sys.executable, venv, cwd=folder)
    uv("pip", "install", "--python", python, "--no-deps", DJANGO_RULES, cwd=folder)
    before = environment.installed("rules")
    lock = ROOT / "requirements.lock"
    uv("pip", "install", "--python", python, "--constraint", lock, distributions.wheel, cwd=folder)
    return CleanEnvironment(venv, folder, before)
