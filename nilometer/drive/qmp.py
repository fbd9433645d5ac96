"""The driver of QEMU: QMP over a socket, by the library that QEMU's own project makes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, cast

from qemu.qmp import ConnectError, EventListener, ExecInterruptedError, ExecuteError, QMPClient, QMPError, StateError

from domain.identifiers import UtcTime
from domain.observed.words import Means
from nilometer.drive.driver import (
    CannotBeAsked,
    Capabilities,
    DriverAnswer,
    LineBroken,
    MemoryReading,
    Message,
    PluggedDevice,
)
from nilometer.drive.processes import name_process
from nilometer.importers.qemu.logs.answers import as_size, read_guest
from nilometer.importers.qemu.records import as_object
from nilometer.times import Clock, current_time, system_clock

GREETING_SECONDS: Final = 5.0
"""QEMU greets at once; where it does not, somebody else holds the socket."""
POLLING_SECONDS: Final = 1
"""How often the guest's balloon driver is asked to report, while a driver is attached."""
_PERIPHERALS: Final = ("/machine/peripheral", "/machine/peripheral-anon")
_BALLOON: Final = "child<virtio-balloon"
_INTERVAL: Final = "guest-stats-polling-interval"
_BROKEN: Final = (ExecInterruptedError, StateError, EOFError, OSError)
_KINDS: Final = {"virtio-mem": Means.VIRTIO_MEM, "dimm": Means.PC_DIMM}


class QmpDriver:
    """Drives the VM whose QMP monitor has this socket. It needs the monitor for itself."""

    def __init__(self, socket: str, *, clock: Clock = system_clock, greeting: float = GREETING_SECONDS) -> None:
        self.socket = socket
        self._greeting = greeting
        self._clock = clock
        self._client = QMPClient("nilo")
        self._listener = EventListener()
        self._client.register_listener(self._listener)
        self._balloon: str | None = None
        """The path of the balloon."""
        self._interval_before: int | None = None
        """How often the guest was asked to report before, if that was changed."""
        self._reports = False

    async def capabilities(self) -> Capabilities:
        """Attaches, and says to what. Raises ``CannotBeAsked`` where nobody answers."""
        await self._connect()
        version = as_object(await self._ask("query-version"))
        status = as_object(await self._ask("query-status"))
        uuid = as_object(await self._ask("query-uuid", or_none=True)).get("UUID")
        name = as_object(await self._ask("query-name", or_none=True)).get("name")
        vcpus = await self._ask("query-cpus-fast", or_none=True)
        migrated = as_object(await self._ask("query-migrate", or_none=True)).get("status") == "completed"
        await self._find_balloon()
        state = str(status.get("status", "unknown"))
        return Capabilities(
            name=name if isinstance(name, str) else None,
            uuid=uuid if isinstance(uuid, str) and uuid.strip("0-") else None,
            process=name_process(_read_threads(vcpus)),
            status=state,
            incoming=migrated and state != "postmigrate",
            version=version,
            deflate_on_oom=await self._read_deflates(),
            reports=self._reports,
        )

    async def observe(self, since: UtcTime | None = None, *, sizes_only: bool = False) -> MemoryReading:
        """Reads what there is now. A guest's figure that is not newer than ``since`` is left out."""
        summary = as_object(await self._ask("query-memory-size-summary"))
        listed = await self._ask("query-memory-devices", or_none=True)
        found = cast("list[object]", listed) if isinstance(listed, list) else []
        devices = [as_object(device) for device in found]
        balloon = None
        if self._balloon is not None:
            balloon = as_size(as_object(await self._ask("query-balloon", or_none=True)).get("actual"))
        stats = None
        if self._reports and not sizes_only:
            arguments = {"path": self._balloon, "property": "guest-stats"}
            stats = as_object(await self._ask("qom-get", arguments, or_none=True))
        at = current_time(self._clock)
        guest = None if stats is None else _read_stats(stats, at, since)
        measure: Message = {"device": {"size_summary": summary, "memory_devices": devices}}
        if balloon is not None:
            measure["device"]["balloon_actual"] = balloon
        if stats is not None:
            measure["device"]["balloon_guest_stats"] = stats
        if guest is not None:
            measure = {"guest": guest, **measure}
        return MemoryReading(
            at=at,
            base=as_size(summary.get("base-memory")) or 0,
            devices=tuple(device for message in devices if (device := _read_device(message)) is not None),
            balloon=balloon,
            available=None if guest is None else guest.get("mem_available"),
            measure=measure,
        )

    async def request(self, message: Mapping[str, Any]) -> DriverAnswer:
        """Sends one message of a change, and waits for its answer. It alone never raises ``LineBroken``."""
        try:
            value = await self._client.execute(str(message["execute"]), message.get("arguments"))
        except ExecuteError as error:
            received = cast("Message", dict(error.received))
            received.pop("id", None)
            return DriverAnswer(accepted=False, reply=received, error=str(error))
        except (QMPError, *_BROKEN) as error:
            return DriverAnswer(accepted=None, error=str(error) or type(error).__name__)
        return DriverAnswer(accepted=True, reply={"return": value})

    async def event(self, seconds: float) -> Message | None:
        """The next event, word for word; ``None`` if none comes in this time."""
        if not self._listener.empty():
            return dict(await self._listener.get())
        waiting = asyncio.ensure_future(self._listener.get())
        broken = asyncio.ensure_future(self._wait_for_end())
        done, _ = await asyncio.wait({waiting, broken}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in (waiting, broken):
            task.cancel()
        if waiting in done:
            return dict(waiting.result())
        if broken in done:
            raise LineBroken(f"{self.socket}: the line to QEMU broke")
        return None

    async def close(self) -> None:
        """Lets go of the VM, as it was found."""
        if self._interval_before is not None and self._is_running:
            with suppress(LineBroken):
                await self._set_interval(self._interval_before)
        with suppress(Exception):  # how the line ended is known already
            await self._client.disconnect()

    # The line

    async def _connect(self) -> None:
        hint = "is the VM running, and is this its QMP socket? QEMU makes one by -qmp unix:SOCKET,server=on,wait=off"
        try:
            await asyncio.wait_for(self._client.connect(self.socket), self._greeting)
        except TimeoutError:
            raise CannotBeAsked(
                f"{self.socket}: QEMU does not greet: another program holds this monitor",
                hint="a monitor serves one program at a time; give it a second: -qmp unix:SOCKET,server=on,wait=off",
            ) from None
        except ConnectError as error:
            raise CannotBeAsked(f"{self.socket}: {_describe(error.exc)}", hint=hint) from None

    @property
    def _is_running(self) -> bool:
        return self._client.runstate.name == "RUNNING"

    async def _wait_for_end(self) -> None:
        while self._is_running:
            await self._client.runstate_changed()

    async def _ask(self, name: str, arguments: Message | None = None, *, or_none: bool = False) -> object:
        try:
            return await self._client.execute(name, arguments)
        except ExecuteError as error:
            if or_none:
                return None
            raise CannotBeAsked(f"{self.socket}: QEMU refuses {name}: {error}", hint="is it old?") from None
        except (QMPError, *_BROKEN) as error:
            raise LineBroken(f"{self.socket}: the line to QEMU broke: {_describe(error)}") from None

    # The balloon, which also reports what the guest has available

    async def _find_balloon(self) -> None:
        if as_object(await self._ask("query-balloon", or_none=True)).get("actual") is None:
            return
        for folder in _PERIPHERALS:
            listed = await self._ask("qom-list", {"path": folder}, or_none=True)
            for child in map(as_object, cast("list[object]", listed) if isinstance(listed, list) else []):
                if str(child.get("type")).startswith(_BALLOON) and self._balloon is None:
                    self._balloon = f"{folder}/{child['name']}"
        if self._balloon is None:
            return
        interval = await self._ask("qom-get", {"path": self._balloon, "property": _INTERVAL}, or_none=True)
        if isinstance(interval, int) and interval != POLLING_SECONDS:
            self._reports = await self._set_interval(POLLING_SECONDS)
            self._interval_before = interval if self._reports else None
        else:
            self._reports = isinstance(interval, int)

    async def _set_interval(self, seconds: int) -> bool:
        arguments = {"path": self._balloon, "property": _INTERVAL, "value": seconds}
        return await self._ask("qom-set", arguments, or_none=True) is not None

    async def _read_deflates(self) -> bool | None:
        if self._balloon is None:
            return None
        value = await self._ask("qom-get", {"path": self._balloon, "property": "deflate-on-oom"}, or_none=True)
        return value if isinstance(value, bool) else False


def _read_threads(vcpus: object) -> list[int]:
    listed = cast("list[object]", vcpus) if isinstance(vcpus, list) else []
    threads = (as_object(vcpu).get("thread-id") for vcpu in listed)
    return [thread for thread in threads if isinstance(thread, int)]


def _read_device(message: Message) -> PluggedDevice | None:
    data, means = as_object(message.get("data")), _KINDS.get(str(message.get("type")))
    size, id = as_size(data.get("size")), data.get("id")
    if means is None or size is None:
        return None
    return PluggedDevice(
        id=id if isinstance(id, str) else None,
        means=means,
        size=size,
        maximum=as_size(data.get("max-size")),
        block=as_size(data.get("block-size")),
        target=as_size(data.get("requested-size")),
    )


def _read_stats(answer: Message, at: UtcTime, since: UtcTime | None) -> Message | None:
    """What the guest reported after its memory last changed."""
    stats = as_object(answer.get("stats"))
    total, available = stats.get("stat-total-memory"), stats.get("stat-available-memory")
    return read_guest(total, available, answer.get("last-update"), at, since)


def _describe(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) else None
    return text or str(error) or type(error).__name__
