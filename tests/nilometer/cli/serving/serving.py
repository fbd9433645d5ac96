"""``nilo serve`` as a real process, asked through a real socket."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.nilometer.cli.calling import NILO, Desk


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    url: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def ask(
        self, path: str, *, method: str = "GET", body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Asks once, and follows nothing."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def end(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        """Ends it as Ctrl-C does. Gives its exit code, and what it said."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@contextmanager
def serving(desk: Desk, *options: str) -> Generator[Server]:
    """A server for the ledger of a desk, on a free port."""
    process = subprocess.Popen(
        [NILO, "serve", "--port", "0", "--format", "json", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=desk.folder,
        env={**desk.environment(), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, process.communicate()[1]
        yield Server(json.loads(first)["url"], process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def add_memory(desk: Desk) -> int:
    """Records one more command. Gives the position of its last event."""
    called = desk.call("do", "add-memory", "web01", "64MiB", "--at", "2026-11-23T09:10:00Z", "--format", "json")
    positions: list[int] = called.json["positions"]
    return positions[-1]
