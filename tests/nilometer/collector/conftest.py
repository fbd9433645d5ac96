"""One PowerShell process for all tests of the collector: a start costs seconds, a check some milliseconds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from nilometer.collector.module import MANIFEST, read_files

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Run:
    """What one run of ``checks.ps1`` left."""

    wrong: dict[str, str | None]
    """What each check found wrong."""
    said: str
    story: Path
    """The folder of the story's spool."""
    module: Path


def find_pwsh() -> str:
    """PowerShell 7, by ``NILO_PWSH`` or on the path; without it a test is skipped, or fails if ``NILO_PWSH`` is set."""
    named = os.environ.get("NILO_PWSH")
    found = shutil.which(named or "pwsh")
    if found is None:
        if named is not None:
            pytest.fail(f"NILO_PWSH names {named}, which cannot be run")
        pytest.skip("there is no PowerShell 7: put pwsh on the path, or name it with NILO_PWSH")
    return found


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """All checks and the story, once."""
    pwsh = find_pwsh()
    out = tmp_path_factory.mktemp("collector")
    module = out / "module"
    for name, content in read_files().items():
        (module / name).parent.mkdir(parents=True, exist_ok=True)
        (module / name).write_bytes(content)
    arguments = ["-Module", str(module / MANIFEST), "-Out", str(out), "-Pwsh", pwsh]
    environment = {
        **os.environ,
        "POWERSHELL_TELEMETRY_OPTOUT": "1",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "DOTNET_TieredPGO": "0",
    }
    ran = subprocess.run(
        [pwsh, "-NoProfile", "-NonInteractive", "-File", str(HERE / "checks.ps1"), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        timeout=500,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    lines = [json.loads(line) for line in (out / "checks.jsonl").read_text("utf-8").splitlines()]
    return Run(
        wrong={line["check"]: line["wrong"] for line in lines}, said=ran.stdout, story=out / "story", module=module
    )
