"""Scripts of which the ledger records histories, for lies to be spliced of; and the histories changed in one event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

from detection.corruptions import with_leaf
from detection.histories import Line
from domain.identifiers import UtcTime
from nilometer import Ledger, Request
from nilometer.history.cloudevents import to_cloudevent
from nilometer.ledger.typed_commands import parse_command

GiB: Final = 2**30
BEGINNING: Final = datetime(2026, 1, 1)
Script: TypeAlias = list[Line]


def host(name: str, version: str = "2019", reserve: int = 2 * GiB, total: int = 64 * GiB) -> Line:
    return {"command": "register-host", "host": name, "version": version, "total": total, "reserve": reserve}


def vm(name: str, host: str) -> Line:
    settings = {"generation": 2, "guest": "windows", "config_version": "9.0", "memory": {"static": {"size": 4 * GiB}}}
    return {"command": "define-vm", "vm": name, "host": host, **settings}


def do(command: str, vm: str = "a", **arguments: int) -> Line:
    return {"command": command, "vm": vm, **arguments}


def move(to: str = "two") -> Line:
    return {"command": "move-vm", "vm": "a", "to": to}


def remove(host: str) -> Line:
    return {"command": "remove-host", "host": host}


def resize(size: int, host: str) -> Line:
    return {"command": "resize-host", "host": host, "total": size}


def reserve(size: int, host: str = "one") -> Line:
    return {"command": "set-reserve", "host": host, "reserve": size}


def script(
    *,
    release: str = "2019",
    other: str = "2019",
    home: str = "one",
    first: Sequence[Line] = (),
    last: Sequence[Line] = (),
) -> Script:
    """A host with a VM and one without, and a host and a VM of their own, which are always clean."""
    begins = [host("one", release), host("two", other), host("clean"), vm("a", home), vm("c", "clean")]
    others = [do("start", "c"), do("report-in-use", "c", in_use=GiB), do("add-memory", "c", amount=GiB)]
    return [*begins, do("start"), *first, *others, do("pause"), do("resume"), *last]


class Recorder:
    """Records scripts, each in a ledger of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ledgers = 0

    def lines(self, script: Script) -> list[Line]:
        self._ledgers += 1
        url = f"sqlite:///{self._folder / f'{self._ledgers}.db'}"
        with Ledger.open(url, create=True, durable=False) as ledger:
            for number, line in enumerate(script):
                given = {key: value for key, value in line.items() if key != "command"}
                at = UtcTime(f"{(BEGINNING + timedelta(seconds=number)).isoformat(timespec='microseconds')}Z")
                ledger.execute(Request(parse_command(line["command"], given), "anna", "lies", at=at, reason="a test"))
            return [to_cloudevent(stored, ledger.id) for stored in ledger.rows()]

    def spliced(self, one: Script, other: Script, cut: str) -> list[Line]:
        """What was recorded of one up to an event, and what was recorded of the other after it."""
        before, after = self.lines(one), self.lines(other)
        index = place(before, cut) + 1
        assert before[index - 1]["id"] == after[index - 1]["id"]
        return [*before[:index], *({**line, "source": before[0]["source"]} for line in after[index:])]


def place(lines: Sequence[Line], event: str) -> int:
    """Where an event stands, by its id."""
    return next(index for index, line in enumerate(lines) if line["id"] == event)


def numbered(lines: Sequence[Line]) -> list[Line]:
    """Lines at the positions that they then have; their versions stay."""
    return [{**line, "position": position} for position, line in enumerate(lines, start=1)]


def without(lines: Sequence[Line], *ids: str) -> list[Line]:
    return numbered([line for line in lines if line["id"] not in ids])


def changed(lines: Sequence[Line], event: str, **values: str) -> list[Line]:
    return [{**line, **values} if line["id"] == event else line for line in lines]


def renamed(lines: Sequence[Line], event: str, other: str) -> list[Line]:
    """The same event as another version of its stream, or as one of another stream."""
    stream, _, version = other.rpartition("/")
    values = {"subject": stream, "version": int(version), "id": other}
    return [{**line, **values} if line["id"] == event else line for line in lines]


def with_data(lines: Sequence[Line], event: str, value: int, *paths: str) -> list[Line]:
    """Another figure in some places of the data of an event."""
    lies, index = list(lines), place(lines, event)
    for path in paths:
        lies = with_leaf(lies, index, ("data", *path.split(".")), value)
    return lies


Lie: TypeAlias = Callable[[Recorder], list[Line]]

GROWN: Final = script(last=[do("add-memory", amount=GiB)])
"""The last change is granted: the last two events are its halves, ``vm/a/5`` and ``host/one/3``."""
REFUSED: Final = script(last=[do("add-memory", amount=2**20)])
"""The last command is rejected, in ``vm/a/5``, and changes nothing."""
PAUSED: Final = script(last=[do("pause"), do("pause")])
"""The second time, in ``vm/a/6``, it is refused."""
MOVED: Final = script(last=[move()])
"""The last three events are its parts, ``vm/a/5``, ``host/one/3`` and ``host/two/2``."""
NO_ROOM: Final = script(last=[resize(4 * GiB, "two"), reserve(3 * GiB, "two"), reserve(2 * GiB, "two"), move()])
"""The move is refused in ``vm/a/5``."""
TO_ITSELF: Final = script(last=[resize(8 * GiB, "one"), move("one")])
"""The move is refused in ``vm/a/5``. The host would have no room for a second such VM."""
REMOVED: Final = script(last=[move(), resize(4 * GiB, "one"), remove("one")])
"""The host ``one`` has no VM any more, and is removed in ``host/one/5``."""
NOT_REMOVED: Final = script(last=[remove("one")])
"""The host ``one`` has a VM, and is not removed: that is refused in ``host/one/3``."""
RESERVED: Final = script(last=[reserve(3 * GiB, "two")])
"""The last event is ``host/two/2``."""


WITHOUT_A_LIE: Final = {
    "grown": GROWN,
    "refused": REFUSED,
    "paused": PAUSED,
    "reserved": RESERVED,
    "moved": MOVED,
    "no room": NO_ROOM,
    "to itself": TO_ITSELF,
    "removed": REMOVED,
    "not removed": NOT_REMOVED,
}
