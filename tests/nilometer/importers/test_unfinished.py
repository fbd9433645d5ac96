"""An import that was killed, and whose files grew before it is run again, gives the same events as two imports."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

import nilometer.importers.hyperv.importer as hyperv
import nilometer.importers.run as importing
from nilometer.ledger.ledger import Ledger
from tests.nilometer.importers.hyperv.test_any_history import Fleet
from tests.nilometer.importers.killed_import import run
from tests.paths import RECORDINGS, ROOT

QEMU = "s5_balloon_vs_virtio_mem.jsonl"


def whole_files(command: str, seed: int) -> dict[str, list[bytes]]:
    """The lines of files, by their names."""
    if command == "import-qemu":
        return {QEMU: (RECORDINGS / QEMU).read_bytes().splitlines(keepends=True)}
    fleet = Fleet(seed)
    fleet.live(30)
    return {f"{host}.jsonl": spool.data.splitlines(keepends=True) for host, spool in fleet.spools.items()}


@pytest.mark.parametrize(
    ("command", "seed", "commits"),
    [
        ("import-hyperv", 2, 1),
        ("import-hyperv", 24, 3),
        ("import-hyperv", 37, 2),
        ("import-qemu", 0, 1),
        ("import-qemu", 0, 2),
    ],
)
def test_a_killed_import_of_files_that_grew_gives_the_events_of_two_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, seed: int, commits: int
) -> None:
    for module in (hyperv, importing):
        monkeypatch.setattr(module, "BATCH", 8)  # as the killed import sets it, and as it was afterwards
    files = whole_files(command, seed)
    names = [str(tmp_path / name) for name in files]

    def write(part: float) -> None:
        for name, lines in files.items():
            (tmp_path / name).write_bytes(b"".join(lines[: round(len(lines) * part)]))

    killed, twice = (f"sqlite:///{tmp_path}/{name}.db" for name in ("killed", "twice"))
    write(0.6)
    assert run(command, names, twice) > commits
    arguments = [sys.executable, "-m", "tests.nilometer.importers.killed_import", str(commits), command, killed, *names]
    assert subprocess.run(arguments, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    assert 0 < len(recorded(killed)) < len(recorded(twice))

    write(1)
    run(command, names, twice)
    run(command, names, killed)

    assert recorded(killed) == recorded(twice)
    run(command, names, killed)  # nothing is left to do
    assert recorded(killed) == recorded(twice)


def recorded(url: str) -> list[tuple[object, ...]]:
    """All that is stored, but for when it was recorded, and by which key."""
    found: list[tuple[object, ...]] = []
    with Ledger.open(url, read_only=True) as ledger:
        for row in ledger.rows():
            body = cast("dict[str, Any]", json.loads(row.body))
            del body["recorded"], body["correlation"]
            if row.stream.startswith("import/"):
                del body["happened"]
            found.append((row.position, row.stream, row.version, row.topic, body))
    return found
