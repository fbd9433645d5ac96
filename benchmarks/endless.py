"""Prints a synthetic history of any length: ``python -m benchmarks.endless EVENTS``.

One VM is given 256 MiB and gives them back, over and over. What is printed is what a ledger would export, but it was
never in one: only places and times change from round to round, so it is printed faster than it can be judged.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.workload import BEGINNING, Size, prepare, recorded, requests, resizes
from nilometer import Ledger
from nilometer.history.cloudevents import to_cloudevent

Line = dict[str, Any]


def main() -> None:
    """Prints so many events, and as many more as end a round."""
    wanted = int(sys.argv[1])
    beginning, round = _lived()
    for line in beginning:
        sys.stdout.buffer.write(_spelled(line) + b"\n")
    for event in _rounds(beginning, round, wanted):
        sys.stdout.buffer.write(event)


def _lived() -> tuple[list[Line], list[Line]]:
    """A VM that starts, and one round of its life: it is given memory and gives it back."""
    size = Size(hosts=1, vms=1)
    with (
        tempfile.TemporaryDirectory() as folder,
        Ledger.open(f"sqlite:///{Path(folder) / 'round.db'}", create=True, durable=False) as ledger,
    ):
        prepare(ledger, size)
        for second in (1000, 1010):  # the first round raises the high watermark, and so is not like the others
            begun = ledger.position
            recorded(ledger.execute_all(requests(resizes(size), 2, second=second)))
        lines = [to_cloudevent(stored, ledger.id) for stored in ledger.rows()]
        return lines[:begun], lines[begun:]


def _rounds(beginning: list[Line], round: list[Line], wanted: int) -> Iterator[bytes]:
    """The same round again and again, each event in its new place."""
    templates = [(line["subject"], _template(line)) for line in round]
    versions = {line["subject"]: line["version"] for line in beginning}
    position, root, read, at = len(beginning), "", 0, ""
    while position < wanted:
        for stream, template in templates:
            position, version = position + 1, versions[stream] + 1
            if stream.startswith("vm/"):  # a change begins: its host's half follows
                root, read = f"{stream}/{version}", versions["host/hv00"]
                moment = BEGINNING + timedelta(milliseconds=2_000_000 + position)
                at = f"{moment.isoformat(timespec='microseconds')}Z"
            versions[stream] = version
            values = {"position": position, "version": version, "root": root, "read": read, "at": at}
            yield (template % values).encode()


def _template(line: Line) -> str:
    """A line in which what changes from round to round is still to be filled in."""
    changed = line | {
        "position": "<position>",
        "version": "<version>",
        "id": f"{line['subject']}/<in id>",
        "correlation": "<at>",
        "time": "<at>",
        "recorded": "<at>",
    }
    if "causation" in line:
        changed["causation"] = "<root>"
    host = line["data"].get("evidence", {}).get("host")
    if host is not None:
        evidence = line["data"]["evidence"] | {"host": host | {"stream_version": "<read>"}}
        changed["data"] = line["data"] | {"evidence": evidence}
    text = _spelled(changed).decode().replace("%", "%%")
    for number in ("position", "version", "read"):
        text = text.replace(f'"<{number}>"', f"%({number})d")
    for word in ("at", "root"):
        text = text.replace(f"<{word}>", f"%({word})s")
    return text.replace("<in id>", "%(version)d") + "\n"


def _spelled(line: Line) -> bytes:
    return json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


if __name__ == "__main__":
    main()
