"""An operator at a terminal: the real `nilo` as a process of its own, with a ledger and the evidence beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

VM = "lab.guest"
NILO = [sys.executable, "-c", "from nilometer.cli import main; main()"]


@dataclass(frozen=True)
class Answer:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document that it printed."""
        return json.loads(self.out)


class Operator:
    """Runs `nilo` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.evidence = folder / "ledger.drive" / f"{VM}.jsonl"

    def start(self, *arguments: str, ledger: str = "ledger") -> subprocess.Popen[str]:
        """Starts `nilo` and goes on."""
        return subprocess.Popen(
            [*NILO, *arguments, "--ledger", f"sqlite:///{self.folder}/{ledger}.db"],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def nilo(self, *arguments: str, ledger: str = "ledger") -> Answer:
        """Runs `nilo` to its end."""
        process = self.start(*arguments, ledger=ledger)
        out, err = process.communicate(timeout=300)
        return Answer(process.returncode, out, err)

    def start_drive(self, socket: Path, size: str, *options: str) -> subprocess.Popen[str]:
        """Starts to resize the guest and goes on."""
        return self.start("drive", VM, size, "--qmp", str(socket), "--actor", "ann", "--format", "json", *options)

    def drive(self, socket: Path, size: str, *options: str) -> Answer:
        """Resizes the guest."""
        process = self.start_drive(socket, size, *options)
        out, err = process.communicate(timeout=300)
        return Answer(process.returncode, out, err)

    def records(self) -> list[dict[str, Any]]:
        """The evidence, a record a line."""
        return [json.loads(line) for line in self.evidence.read_text().splitlines()] if self.evidence.exists() else []

    def history(self, ledger: str = "ledger") -> list[tuple[Any, ...]]:
        """What a ledger has of hosts and VMs: kind, stream, time and figures."""
        events = map(json.loads, self.nilo("export", ledger=ledger).out.splitlines())
        return [
            (event["type"], event["subject"], event["time"], event["data"])
            for event in events
            if not event["subject"].startswith("import/")
        ]

    def settlements(self) -> list[dict[str, Any]]:
        """How each request ended, in order."""
        return [data for kind, _, _, data in self.history() if "request" in kind and "settled" in kind]

    def check(self) -> None:
        """The history holds, and is what the evidence alone comes to."""
        audit = self.nilo("audit")
        assert audit.code == 0, audit.out + audit.err
        imported = self.nilo("import-qemu", str(self.evidence), ledger="again")
        assert imported.code == 0, imported.err
        assert self.history() == self.history("again")
