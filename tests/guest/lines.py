"""Lines over a Unix socket: what the guest's agent and QEMU's monitor speak alike."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path

ANSWERS_WITHIN_SECONDS = 120  # an emulated guest on a busy machine is slow; a lost one answers never


class LineSocket:
    """A connected Unix socket, read and written by lines."""

    def __init__(self, path: Path) -> None:
        self._socket = _connected(path)
        self._lines = self._socket.makefile("r", encoding="utf-8")

    def read_line(self) -> str:
        """Waits for the next line. Raises EOFError where the other end is gone."""
        line = self._lines.readline()
        if not line:
            raise EOFError
        return line.rstrip("\n")

    def write_line(self, line: str) -> None:
        """Sends one line."""
        self._socket.sendall(line.encode() + b"\n")

    def close(self) -> None:
        """Closes the connection; the other end goes on."""
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Agent(LineSocket):
    """The one program of the guest (init), through its virtio port."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._number = 0
        while not self.read_line().startswith("ready "):
            pass  # what the port held from before a reboot

    def ask(self, request: str) -> dict[str, int]:
        """Sends a request and returns the figures of its answer, in bytes."""
        self._number += 1
        self.write_line(f"{self._number} {request}")
        while True:
            number, outcome, *words = self.read_line().split(" ")
            if number != str(self._number):
                continue
            if outcome != "ok":
                raise ValueError(" ".join(words))
            return {name: int(value) for name, _, value in (word.partition("=") for word in words)}

    def memory(self) -> dict[str, int]:
        """What the guest's kernel has (`total`) and could still give (`available`), in bytes."""
        return self.ask("memory")

    def hold(self, name: str, mebibytes: int) -> dict[str, int]:
        """Fills memory of the guest; `held` is what it got, in bytes."""
        return self.ask(f"hold {name} {mebibytes}")

    def free(self, name: str) -> dict[str, int]:
        """Gives back what was held under the name."""
        return self.ask(f"free {name}")


class Monitor(LineSocket):
    """QEMU's own word of its devices: a QMP connection beside the one that is tested."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.read_line()  # the greeting
        self.execute("qmp_capabilities")

    def execute(self, command: str, **arguments: Any) -> Any:
        """Runs a QMP command and returns what it answers; events before the answer are dropped."""
        self.write_line(json.dumps({"execute": command, "arguments": arguments}))
        while True:
            answer = json.loads(self.read_line())
            if "error" in answer:
                raise ValueError(answer["error"]["desc"])
            if "return" in answer:
                return answer["return"]

    def request(self, size: int, device: str = "vm0") -> None:
        """Asks a virtio-mem device for a size in bytes, as an operator does."""
        self.execute("qom-set", path=f"/machine/peripheral/{device}", property="requested-size", value=size)

    def plugged(self) -> int:
        """How much memory the virtio-mem device has given the guest, in bytes."""
        (device,) = (each for each in self.execute("query-memory-devices") if each["type"] == "virtio-mem")
        return int(device["data"]["size"])


def _connected(path: Path) -> socket.socket:
    """Connects as soon as somebody listens."""
    deadline = time.monotonic() + ANSWERS_WITHIN_SECONDS
    while True:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(ANSWERS_WITHIN_SECONDS)
        try:
            connection.connect(str(path))
        except OSError:
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return connection
