"""Calling ``nilo``: in this process where many small things are asked, as a real process where that matters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from nilometer.cli.app import nilo
from nilometer.cli.session import Session
from nilometer.times import Clock, system_clock

NILO = Path(sys.executable).with_name("nilo")
SCRIPT = """\
{"command": "register-host", "host": "hv01", "version": "2022", "total": "64GiB", "reserve": "2304MiB", "at": "2026-11-23T09:00:00Z"}
{"command": "define-vm", "vm": "web01", "host": "hv01", "generation": 2, "guest": "windows", "config_version": "10.0", "memory": {"static": {"size": "8GiB"}}, "at": "2026-11-23T09:00:01Z"}
{"command": "start", "vm": "web01", "at": "2026-11-23T09:00:02Z", "actor": "CONTOSO\\\\ops", "via": "powershell", "reason": "month end"}
{"command": "report-in-use", "vm": "web01", "in_use": "5001MiB", "at": "2026-11-23T09:00:03Z"}
{"command": "remove-memory", "vm": "web01", "amount": "4GiB", "at": "2026-11-23T09:00:04Z", "correlation": "CHG-7"}
{"command": "add-memory", "vm": "web01", "amount": "2GiB", "at": "2026-11-23T09:00:05Z", "correlation": "CHG-7"}
"""  # noqa: E501
"""Six commands, eight events; the fifth is granted in part."""


@dataclass(frozen=True)
class CallResult:
    """What a call said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The JSON Lines on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Desk:
    """A folder to call ``nilo`` in, with a ledger of its own."""

    folder: Path
    clock: Clock = system_clock
    """What calls in this process take for the time now."""

    @property
    def url(self) -> str:
        """The ledger."""
        return f"sqlite:///{self.folder}/ledger.db"

    def environment(self) -> dict[str, str]:
        """What a call sees of the shell."""
        return {"NILO_LEDGER": self.url, "NILO_ACTOR": "ann", "TZ": "UTC", "COLUMNS": "100"}

    def call(
        self, *args: str, stdin: str | bytes | None = None, env: Mapping[str, str | None] | None = None
    ) -> CallResult:
        """Calls ``nilo`` in this process."""
        clean: dict[str, str | None] = {"NILO_FORMAT": None, "NO_COLOR": None, **self.environment(), **(env or {})}
        session = Session(clock=self.clock)
        result = CliRunner().invoke(
            nilo, [str(arg) for arg in args], input=stdin, env=clean, prog_name="nilo", obj=session
        )
        return CallResult(result.exit_code, result.stdout, result.stderr)

    def process(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> CallResult:
        """Calls ``nilo`` as a process."""
        ran = subprocess.run(
            [NILO, *args],
            input=stdin,
            capture_output=True,
            cwd=self.folder,
            env={**os.environ, **self.environment(), **(env or {})},
            timeout=60,
            check=False,
        )
        return CallResult(ran.returncode, ran.stdout.decode(), ran.stderr.decode())

    def terminal(self, *args: str, env: Mapping[str, str] | None = None) -> CallResult:
        """Calls ``nilo`` as a process on a POSIX terminal, which shows stdout and stderr alike."""
        import pty

        leader, follower = pty.openpty()
        environment = {**os.environ, **self.environment(), "TERM": "xterm"}
        environment.pop("NO_COLOR", None)
        running = subprocess.Popen([NILO, *args], stdout=follower, stderr=follower, env={**environment, **(env or {})})
        os.close(follower)
        shown = b""
        try:
            while part := os.read(leader, 65536):
                shown += part
        except OSError:  # how Linux says that the other side is closed
            pass
        os.close(leader)
        return CallResult(running.wait(timeout=60), shown.decode(), "")

    def write(self, name: str, text: str | bytes) -> str:
        """A file in the folder."""
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def with_history(self) -> Desk:
        """The same desk after the script."""
        assert self.call("run", self.write("script.jsonl", SCRIPT)).code == 1
        return self

    @property
    def events(self) -> str:
        """The whole history, as text; empty if there is no ledger."""
        answer = self.call("export")
        return answer.out if answer.code == 0 else ""
