"""A scripted QEMU: QMP on a real socket, in a thread of its own. It moves memory as a test says, and never else."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from domain.quantities import MiB

Json = dict[str, Any]
Cut = Literal["before", "after", "answered"]

GREETING: Json = {
    "QMP": {"version": {"qemu": {"major": 7, "minor": 2, "micro": 22}, "package": ""}, "capabilities": []}
}
BASE = 256 * MiB
MAXIMUM = 1024 * MiB
BALLOON_PATH = "/machine/peripheral/bal0"


@dataclass(frozen=True)
class Move:
    """The guest moves memory: the device has this size now, in MiB."""

    size: int
    told: bool = True
    """An event says so; else only a poll can."""
    early: bool = False
    """The event comes before the answer."""


@dataclass(frozen=True)
class Reaction:
    """What comes of one request."""

    moves: tuple[Move, ...] = ()
    error: str | None = None
    cut: Cut | None = None
    """The line breaks: before QEMU carried it out, after that but before its answer, or after the answer."""
    events: tuple[Json, ...] = ()
    """Other events, after the answer."""


@dataclass
class Peer:
    """One VM: 256 MiB to boot with, one virtio-mem of up to 1024 MiB, and a balloon if ``balloon`` is a size."""

    path: str
    virtio: dict[str, int] = field(default_factory=lambda: {"vm0": 0})
    """The sizes of its virtio-mem devices, in bytes; none if there is none."""
    targets: dict[str, int] = field(default_factory=lambda: {"vm0": 0})
    modules: dict[str, int] = field(default_factory=dict[str, int])
    balloon: int | None = None
    available: int | None = None
    """What the guest reports, in MiB; it does not if this is ``None``."""
    report_age: int = -1
    """How many seconds ago the guest reported: it is ahead, so that nobody has to wait for the next report."""
    deflates: bool = False
    uuid: str = "00000000-0000-0000-0000-000000000000"
    threads: tuple[int, ...] = (2**30 + 1,)
    """Threads that no process has: they stand for a process of QEMU themselves."""
    status: str = "running"
    migrated: bool = False
    reactions: list[Reaction] = field(default_factory=list[Reaction])
    """What comes of the next requests; a request without one is accepted, and the guest follows at once."""
    received: list[Json] = field(default_factory=list[Json])
    """All that was sent to it, but for questions."""
    interval: int = 0
    greets: bool = True
    on_request: Callable[[Json], None] = lambda message: None
    """Called when a request has come, before anything comes of it."""
    on_look: Callable[[], None] = lambda: None
    """Called before each question about sizes that comes after a request."""
    backends: dict[str, int] = field(default_factory=dict[str, int])
    _writers: list[asyncio.StreamWriter] = field(default_factory=list[asyncio.StreamWriter])
    loop: asyncio.AbstractEventLoop | None = None

    # From a test's thread

    def move(self, size: int, device: str = "vm0", *, told: bool = True) -> None:
        """The guest moves memory by itself."""
        self._call(self._move_now(Move(size, told=told), device))

    def tell(self, name: str, data: Json | None = None) -> None:
        """Sends an event."""

        async def send() -> None:
            self._send_event(name, data)

        self._call(send())

    def cut(self) -> None:
        """Breaks all lines."""

        async def close() -> None:
            self.cut_all()

        self._call(close())

    def _call(self, coroutine: Coroutine[Any, Any, None]) -> None:
        assert self.loop is not None
        asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout=10)

    # In the server's thread

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one client."""
        self._writers.append(writer)
        if not self.greets:
            await reader.read()
            return
        self._send(writer, GREETING)
        try:
            buffer = ""
            while part := await reader.read(65536):
                buffer += part.decode()  # messages need no end of a line
                while buffer.strip():
                    try:
                        message, end = json.JSONDecoder().raw_decode(buffer.lstrip())
                    except ValueError:  # the rest of it is still to come
                        break
                    buffer = buffer.lstrip()[end:]
                    self._answer(writer, message)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            if writer in self._writers:
                self._writers.remove(writer)
            writer.close()

    def _answer(self, writer: asyncio.StreamWriter, message: Json) -> None:
        name, arguments = message["execute"], message.get("arguments", {})
        id = message.get("id")
        is_request = name in ("balloon", "device_add", "device_del", "object-add", "object-del") or (
            name == "qom-set" and arguments["property"] == "requested-size"
        )
        if is_request:
            self._take_request(writer, message)
            return
        if self.received and name == "query-memory-devices":
            self.on_look()
        answer = self._look(name, arguments)
        self._send(writer, {"id": id, **answer})

    def _take_request(self, writer: asyncio.StreamWriter, message: Json) -> None:
        self.received.append({key: value for key, value in message.items() if key != "id"})
        self.on_request(message)
        device, target = self._read_request(message)
        default = Reaction(moves=() if device is None else (Move(target // MiB),))
        reaction = self.reactions.pop(0) if self.reactions else default
        if reaction.cut == "before":
            self.cut_all()
            return
        if reaction.error is not None:
            self._send(writer, {"id": message["id"], "error": {"class": "GenericError", "desc": reaction.error}})
            return
        if device in self.targets:
            self.targets[device] = target
        early = [move for move in reaction.moves if move.early]
        for move in early:
            self._move_to(move, device or "")
        if reaction.cut == "after":
            for move in reaction.moves[len(early) :]:
                self._move_to(move, device or "")
            self.cut_all()
            return
        self._send(writer, {"id": message["id"], "return": {}})
        for move in reaction.moves[len(early) :]:
            self._move_to(move, device or "")
        for event in reaction.events:
            self._send_event(event["event"], event.get("data"))
        if reaction.cut == "answered":
            self.cut_all()

    def _read_request(self, message: Json) -> tuple[str | None, int]:
        name, arguments = message["execute"], message["arguments"]
        if name == "balloon":
            return "balloon", arguments["value"]
        if name == "object-add":
            self.backends[arguments["id"]] = arguments["size"]
            return None, 0
        if name == "object-del":
            del self.backends[arguments["id"]]
            return None, 0
        if name == "device_add":
            return arguments["id"], self.backends[arguments["memdev"]]
        if name == "device_del":
            return arguments["id"], 0
        return arguments["path"].rpartition("/")[2], arguments["value"]

    async def _move_now(self, move: Move, device: str) -> None:
        self._move_to(move, device)

    def _move_to(self, move: Move, device: str) -> None:
        size = move.size * MiB
        if device == "balloon":
            self.balloon = size
            if move.told:
                self._send_event("BALLOON_CHANGE", {"actual": size})
        elif device in self.virtio:
            self.virtio[device] = size
            if move.told:
                path = f"/machine/peripheral/{device}"
                self._send_event("MEMORY_DEVICE_SIZE_CHANGE", {"id": device, "size": size, "qom-path": path})
        elif size:
            self.modules[device] = size
        else:
            self.modules.pop(device, None)

    def _send_event(self, name: str, data: Json | None) -> None:
        now = datetime.now(UTC)
        stamp = {"seconds": int(now.timestamp()), "microseconds": now.microsecond}
        for writer in self._writers:
            self._send(writer, {"event": name, "timestamp": stamp, **({} if data is None else {"data": data})})

    @staticmethod
    def _send(writer: asyncio.StreamWriter, message: Json) -> None:
        writer.write(json.dumps(message).encode() + b"\r\n")

    def cut_all(self) -> None:
        """Breaks all lines."""
        for writer in self._writers:
            writer.close()

    def _look(self, name: str, arguments: Json) -> Json:
        """The answer to a question."""
        missing: Json = {"error": {"class": "GenericError", "desc": "there is none"}}
        match name:
            case "qmp_capabilities":
                return {"return": {}}
            case "query-version":
                return {"return": GREETING["QMP"]["version"]}
            case "query-status":
                return {"return": {"status": self.status, "running": self.status == "running"}}
            case "query-uuid":
                return {"return": {"UUID": self.uuid}}
            case "query-cpus-fast":
                return {"return": [{"cpu-index": n, "thread-id": id} for n, id in enumerate(self.threads)]}
            case "query-migrate":
                return {"return": {"status": "completed"} if self.migrated else {}}
            case "query-memory-size-summary":
                plugged = sum(self.virtio.values()) + sum(self.modules.values())
                return {"return": {"base-memory": BASE, "plugged-memory": plugged}}
            case "query-memory-devices":
                return {"return": [*map(self._virtio, self.virtio), *map(self._module, self.modules)]}
            case "query-balloon" if self.balloon is not None:
                return {"return": {"actual": self.balloon}}
            case "qom-list" if self.balloon is not None and arguments["path"] == "/machine/peripheral":
                return {"return": [{"name": "bal0", "type": "child<virtio-balloon-pci>"}]}
            case "qom-get" if arguments["property"] == "deflate-on-oom":
                return {"return": self.deflates}
            case "qom-get" if arguments["property"] == "guest-stats-polling-interval" and self.available is not None:
                return {"return": self.interval}
            case "qom-get" if arguments["property"] == "guest-stats" and self.interval:
                return {"return": self._report()}
            case "qom-set" if arguments["property"] == "guest-stats-polling-interval" and self.available is not None:
                self.interval = arguments["value"]
                return {"return": {}}
            case _:
                return missing

    def _report(self) -> Json:
        """What the guest reported last."""
        reported = int((datetime.now(UTC) - timedelta(seconds=self.report_age)).timestamp())
        assert self.available is not None
        total = BASE + sum(self.virtio.values()) - 40 * MiB
        stats = {"stat-total-memory": total, "stat-available-memory": self.available * MiB}
        return {"stats": stats, "last-update": reported}

    def _virtio(self, id: str) -> Json:
        data = {
            "id": id,
            "memdev": f"/objects/{id}",
            "size": self.virtio[id],
            "requested-size": self.targets[id],
            "max-size": MAXIMUM,
            "block-size": 2 * MiB,
        }
        return {"type": "virtio-mem", "data": data}

    def _module(self, id: str) -> Json:
        return {"type": "dimm", "data": {"id": id, "size": self.modules[id], "hotplugged": True}}


@contextmanager
def served(peer: Peer) -> Generator[Peer]:
    """Serves QMP on the peer's socket, in a thread."""
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    peer.loop = loop

    async def begin() -> asyncio.Server:
        Path(peer.path).unlink(missing_ok=True)
        return await asyncio.start_unix_server(peer.serve, peer.path)

    def run() -> None:
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(begin())
        ready.set()
        loop.run_forever()
        server.close()
        peer.cut_all()
        loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(loop)))
        loop.close()

    thread = threading.Thread(target=run, name="peer", daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield peer
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


@contextmanager
def guest(**fields: Any) -> Generator[Peer]:
    """A guest on a socket with a short name: such names have at most 107 bytes."""
    with TemporaryDirectory(prefix="nilo-") as folder, served(Peer(f"{folder}/qmp", **fields)) as peer:
        yield peer
