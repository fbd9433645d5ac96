"""Eight processes that give memory to VMs on their own hosts, while two others write to a group that a policy limits.

``python -m tests.nilometer.ledger.strangers URL``: tells how often the eight lost a race, and what the book came to.
"""

from __future__ import annotations

import json
import os
import sys
from functools import partial

import nilometer.storage.sqlite.recorder as _imported_before_the_forks  # noqa: F401  # pyright: ignore[reportUnusedImport]
import rules.policies.adopting as _also_imported_before  # noqa: F401  # pyright: ignore[reportUnusedImport]
from domain.aggregates import VmAggregate
from domain.policy_events import GroupEvent
from nilometer.ledger.ledger import Ledger
from tests.nilometer.ledger.adopting import request_of
from tests.nilometer.ledger.processes import fork
from tests.oracle.shapes import GIB, MIB, Line

STRANGERS, STEPS = 8, 12
POLICY = '''
@scope(vms="shop*", group="shop")
def at_most_3_gib(group: Group) -> bool:
    """The shop holds at most 3 GiB."""
    return group.held <= 3 * GiB
'''


class _Counting(Ledger):
    """A ledger that counts the races that it lost."""

    lost = 0

    @staticmethod
    def _pause(lost: int) -> None:
        _Counting.lost += 1
        Ledger._pause(lost)


def beginning() -> list[Line]:
    """A host with one VM for each writer; the last two VMs are of the group."""
    lines: list[Line] = []
    for number in range(STRANGERS + 2):
        vm = name_of(number)
        more: list[Line] = [
            {"command": "register-host", "host": f"hv{number}", "version": "2022", "total": 40 * GIB, "reserve": GIB},
            {
                "command": "define-vm",
                "vm": vm,
                "host": f"hv{number}",
                "generation": 2,
                "guest": "windows",
                "config_version": "10.0",
                "memory": {"static": {"size": GIB}},
            },
            {"command": "start", "vm": vm},
        ]
        lines += more
    return lines


def name_of(number: int) -> str:
    return f"shop{number}" if number >= STRANGERS else f"vm{number}"


def _write(url: str, number: int) -> None:
    """One writer; ends with an error if a stranger lost a race."""
    with _Counting.open(url, durable=False) as ledger:
        for _ in range(STEPS):
            ledger.execute(request_of({"command": "add-memory", "vm": name_of(number), "amount": 128 * MIB}))
        if number < STRANGERS and _Counting.lost:
            sys.exit(100 + _Counting.lost)


def main(url: str) -> None:
    """The whole of it."""
    with Ledger.open(url, create=True, durable=False) as ledger:
        for line in beginning():
            ledger.execute(request_of(line))
        assert ledger.adopt_policy(POLICY, actor="ann", via="crowd").refusal is None
    children = [fork(partial(_write, url, number)) for number in range(STRANGERS + 2)]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    with Ledger.open(url) as ledger:
        book = [one.event for one in ledger.stream("group/shop")]
        vms = [vm.subject for id, vm in ledger.views.fleet().vms.items() if id.startswith("shop")]
    assert isinstance(book[-1], GroupEvent)
    told = {
        "failed": [code for code in codes if 0 < code < 100],
        "lost": sum(code - 100 for code in codes if code > 100),
    }
    held = sum(vm.state.held for vm in vms if isinstance(vm, VmAggregate))
    print(json.dumps({**told, "recorded": len(book), "total": book[-1].after.held, "sum": held}))


if __name__ == "__main__":
    main(sys.argv[1])
