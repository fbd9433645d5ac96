"""Eight processes that give memory to VMs on two hosts while another adopts a policy on what the hosts keep free.

``python -m tests.nilometer.ledger.adopting URL``: tells what the history came to, by an independent reading of it.
"""

from __future__ import annotations

import json
import os
import sys
from functools import partial

import nilometer.storage.sqlite.recorder as _imported_before_the_forks  # noqa: F401  # pyright: ignore[reportUnusedImport]
import rules.policies.adopting as _also_imported_before  # noqa: F401  # pyright: ignore[reportUnusedImport]
from domain.events import HostEvent
from domain.identifiers import POLICIES
from domain.policy_events import BY_POLICY, PoliciesChanged
from nilometer.ledger.adopting import AdoptionRefusal
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Request
from nilometer.ledger.typed_commands import parse_command
from rules.obligations.builder import running_rules
from tests.nilometer.ledger.processes import fork
from tests.oracle.shapes import GIB, Line

WRITERS, STEPS, MOST = 8, 25, 1500
POLICY = '''
def two_gib_stay_free(host: Host) -> bool:
    """2 GiB of each host stay free."""
    return host.free >= 2 * GiB
'''


def request_of(line: Line) -> Request:
    """A line as a request."""
    given = {key: value for key, value in line.items() if key != "command"}
    return Request(parse_command(str(line["command"]), given), "ann", "crowd")


def beginning() -> list[Line]:
    """Two hosts with the VMs of all writers."""
    lines: list[Line] = [
        {"command": "register-host", "host": host, "version": "2022", "total": 40 * GIB, "reserve": GIB}
        for host in ("hv01", "hv02")
    ]
    for number in range(WRITERS):
        defined: Line = {
            "command": "define-vm",
            "vm": f"vm{number}",
            "host": f"hv{1 + number % 2:02}",
            "generation": 2,
            "guest": "windows",
            "config_version": "10.0",
            "memory": {"static": {"size": GIB}},
        }
        start: Line = {"command": "start", "vm": f"vm{number}"}
        report: Line = {"command": "report-in-use", "vm": f"vm{number}", "in_use": GIB // 2}
        lines += [defined, start, report]
    return lines


def _write(url: str, number: int) -> None:
    """One writer: gives its VM memory, and takes it back; every third one is moved to and fro.

    It goes on for some steps after the policy was adopted.
    """
    with Ledger.open(url, durable=False) as ledger:
        step = left = 0
        while left < STEPS and step < MOST:
            step += 1
            left += ledger.version(POLICIES) > 0
            vm = f"vm{number}"
            ledger.execute(request_of({"command": "add-memory", "vm": vm, "amount": GIB}))
            if step % 5 == 4:
                amount = (2 if left else 5) * GIB  # until it is adopted, what is given is taken back
                ledger.execute(request_of({"command": "remove-memory", "vm": vm, "amount": amount}))
            if number % 3 == 0 and step % 7 == 6:
                to = f"hv{1 + step % 2:02}"
                ledger.execute(request_of({"command": "move-vm", "vm": vm, "to": to}))


def _adopt(url: str) -> None:
    """Adopts the policy once it is not broken: it may be, as long as the others may break it."""
    with Ledger.open(url, durable=False) as ledger:
        while True:
            adoption = ledger.adopt_policy(POLICY, actor="ann", via="crowd", from_now=False)
            if adoption.refusal is None:
                return
            assert adoption.refusal is AdoptionRefusal.BROKEN


def main(url: str) -> None:
    """The whole of it."""
    with Ledger.open(url, create=True, durable=False) as ledger:
        for line in beginning():
            ledger.execute(request_of(line))
        before = ledger.position
    running_rules()  # read once, before the forks
    children = [fork(partial(_write, url, number)) for number in range(WRITERS)]
    children.append(fork(partial(_adopt, url)))
    failed = [child for child in children if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0]
    with Ledger.open(url) as ledger:
        history = list(ledger.events())
    adopted = next((one.position for one in history if isinstance(one.event, PoliciesChanged)), 0)
    # Read independently: the figures that each event of a host carries, against the bound that the sentence names.
    breaches = [
        one.position
        for one in history
        if adopted and one.position > adopted and isinstance(one.event, HostEvent) and one.event.after.free < 2 * GIB
    ]
    kept = sum(isinstance(one.event, BY_POLICY) for one in history)
    told = {"failed": failed, "adopted": adopted, "before": adopted - before, "events": len(history) - before}
    print(json.dumps({**told, "breaches": breaches, "kept_by_policy": kept}))


if __name__ == "__main__":
    main(sys.argv[1])
