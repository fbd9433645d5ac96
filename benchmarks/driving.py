"""``nilo drive`` on scripted guests: the processor's time of a resize, and of a watch, beside plain sockets."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from domain.quantities import MiB
from nilometer.drive.bringing_in import drive
from nilometer.drive.driving import DriveRequest
from nilometer.drive.evidence_file import format_moment
from nilometer.drive.places import VmPlace
from nilometer.drive.qmp import QmpDriver
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.making import removed_if_empty
from nilometer.times import to_utc_time

QUESTIONS: Final = (
    {"execute": "query-memory-size-summary"},
    {"execute": "query-memory-devices"},
    {"execute": "query-balloon"},
    {"execute": "qom-get", "arguments": {"path": "/machine/peripheral/bal0", "property": "guest-stats"}},
)
"""What a reading asks."""


@dataclass(frozen=True, slots=True)
class DriveCost:
    """What a resize takes, and a watch. Seconds of the processor."""

    resize: float
    long: float
    """A resize of a VM whose evidence is long already."""
    records: int
    """So many records that has."""
    watch: float
    """Of each second of the clock."""
    floor: float
    """The same for plain sockets that ask the same questions, and do nothing with the answers."""
    vms: int


def measure(folder: Path, *, resizes: int, records: int, vms: int, every: float) -> DriveCost:
    """Resizes one guest again and again; watches many, read ``every`` so many seconds; asks the same without it."""
    with guests(vms) as sockets:
        resize = median(_resize(folder, sockets, number) for number in range(resizes))
        _lengthen(folder, records)
        long = median(_resize(folder, sockets, number) for number in range(resizes, 2 * resizes))
        floor = median(_ask(sockets) for _ in range(3)) / every
        watch = _watch(folder, sockets, vms, every)
    return DriveCost(resize=resize, long=long, records=records, watch=watch, floor=floor, vms=vms)


@contextmanager
def guests(count: int) -> Generator[Path]:
    """Scripted guests, and the folder of their sockets."""
    with TemporaryDirectory(prefix="nilo-") as folder:
        command = [sys.executable, "-m", "benchmarks.driven_guests", folder, str(count)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            yield Path(folder)
            process.communicate()


def _lengthen(folder: Path, records: int) -> None:
    """Gives the driven VM as much evidence, as if it had been resized all along; it is not in the ledger yet.

    The last two runs are put before all others again and again, each time earlier.
    """
    path = _place(folder).open_evidence().path
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    ends = [place for place, record in enumerate(lines) if record["kind"] == "meta"]
    pair = lines[ends[-3] + 1 if len(ends) > 2 else 0 :]
    begun, ended = (datetime.fromisoformat(record["t"]) for record in (pair[0], pair[-1]))
    took = ended - begun + timedelta(seconds=20)
    count = records // len(pair)
    with path.open("w", encoding="utf-8") as file:
        for turn in range(count):
            earlier = took * (count - 1 - turn)
            for place, record in enumerate(pair):
                at = datetime.fromisoformat(record["t"]) - earlier
                moved = {**record, "seq": turn * len(pair) + place + 1, "t": format_moment(to_utc_time(at))}
                if record["kind"] == "event":
                    stamp = record["qmp"]["timestamp"]
                    seconds = stamp["seconds"] - round(earlier.total_seconds())
                    moved["qmp"] = {**record["qmp"], "timestamp": {**stamp, "seconds": seconds}}
                file.write(json.dumps(moved) + "\n")
    (folder / "driven.db").unlink()


def _place(folder: Path) -> VmPlace:
    return VmPlace(host="lab", name="vm0", folder=folder / "driven")


def _resize(folder: Path, sockets: Path, number: int) -> float:
    url, place = f"sqlite:///{folder}/driven.db", _place(folder)
    request = DriveRequest(size=(512 if number % 2 else 768) * MiB, actor="bench", settle=1)
    with removed_if_empty(url), Ledger.open(url, create=True) as ledger:
        begun = time.process_time()
        assert drive(ledger, place, request, QmpDriver(str(sockets / "0"))).came.granted
        return time.process_time() - begun


def _ask(sockets: Path) -> float:
    """One reading of each guest."""
    taken = 0.0
    for path in sockets.iterdir():
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(path))
            read = line.makefile("rb")
            read.readline()
            line.sendall(json.dumps({"execute": "qmp_capabilities"}).encode())
            read.readline()
            begun = time.process_time()
            for question in QUESTIONS:
                line.sendall(json.dumps(question).encode())
                json.loads(read.readline())
            taken += time.process_time() - begun
    return taken


def _watch(folder: Path, sockets: Path, vms: int, every: float) -> float:
    """Watches all guests, and returns how much of a processor that takes once it has begun."""
    file = folder / "drive.toml"
    file.write_text("".join(f'[vm."lab.w{number}"]\nqmp = "{sockets / str(number)}"\n' for number in range(vms)))
    command = [sys.executable, "-c", "import nilometer.cli; nilometer.cli.main()", "drive", "--watch"]
    options = ["--config", str(file), "--every", f"{every}s", "--format", "json"]
    environment = {**os.environ, "NILO_LEDGER": f"sqlite:///{folder}/watched.db", "NILO_ACTOR": "bench"}
    with subprocess.Popen([*command, *options], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        seen = set[str]()
        while len(seen) < vms:
            seen.add(json.loads(process.stdout.readline())["subject"])
        threading.Thread(target=process.stdout.read, daemon=True).start()  # else it waits for a reader
        time.sleep(every)  # what waited to be decided is decided by then
        begun, before = time.perf_counter(), _processor_seconds(process.pid)
        time.sleep(2 * every)
        share = (_processor_seconds(process.pid) - before) / (time.perf_counter() - begun)
        process.send_signal(signal.SIGINT)
        process.wait()
    return share


def _processor_seconds(pid: int) -> float:
    """What a process took of a processor so far, by Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
