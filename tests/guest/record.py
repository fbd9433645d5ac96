"""Makes the recording tests/recordings/d1_driven.jsonl anew, on a real guest: `python -m tests.guest.record FILE`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from tests.guest.cutting import cut_line
from tests.guest.machine import Machine
from tests.guest.operator import Operator
from tests.guest.waiting import wait_until


def record(target: Path) -> None:
    """Resizes a guest in every way that ends differently, and copies the evidence."""
    with tempfile.TemporaryDirectory() as folder, Machine(Path(folder, "vm")) as machine:
        operator = Operator(Path(folder))
        machine.agent.memory()
        operator.drive(machine.qmp, "768MiB", "--reason", "month end", "--correlation", "CHG-7")
        machine.agent.hold("much", 450)
        operator.drive(machine.qmp, "256MiB", "--reason", "for the other team")
        machine.agent.free("much")
        wait_until(lambda: machine.monitor.plugged() == 0, "the guest gives back the rest")
        operator.drive(machine.qmp, "256MiB")  # nothing to send: it closes what was open
        operator.drive(machine.qmp, "6GiB", "--pc-dimm")
        with cut_line(machine.qmp, "requested-size", passes_it_on=True) as line:
            operator.drive(line, "512MiB")
        operator.drive(machine.qmp, "768MiB")
        with cut_line(machine.qmp, "requested-size", passes_it_on=False) as line:
            operator.drive(line, "512MiB")
        machine.agent.hold("much", 450)
        killed = operator.start_drive(machine.qmp, "256MiB", "--settle", "60s")
        asked = len(operator.records())
        wait_until(lambda: "command" in [row["kind"] for row in operator.records()[asked:]], "the request is sent")
        killed.kill()
        killed.communicate()
        machine.restart_guest()
        operator.drive(machine.qmp, "384MiB")
        operator.check()
        shutil.copyfile(operator.evidence, target)


if __name__ == "__main__":
    record(Path(sys.argv[1]))
