"""Eight processes that give memory to VMs of one group on two hosts, up to what a policy lets them hold together.

``python -m tests.nilometer.ledger.grouping URL``: tells what the history came to, by an independent reading of it.
"""

from __future__ import annotations

import json
import os
import sys
from functools import partial

import nilometer.storage.sqlite.recorder as _imported_before_the_forks  # noqa: F401  # pyright: ignore[reportUnusedImport]
import rules.policies.adopting as _also_imported_before  # noqa: F401  # pyright: ignore[reportUnusedImport]
from domain.events import VmEvent
from domain.policy_events import VmMemoryAddedWithinPolicy, VmRefusedByPolicy
from domain.state import Power
from nilometer.ledger.ledger import Ledger
from tests.nilometer.ledger.adopting import WRITERS, beginning, request_of
from tests.nilometer.ledger.processes import fork
from tests.oracle.shapes import GIB

STEPS, MOST = 15, 20 * GIB
POLICY = '''
@scope(vms="vm*", group="crowd")
def at_most_20_gib(group: Group) -> bool:
    """All VMs hold at most 20 GiB together."""
    return group.held <= 20 * GiB
'''


def _write(url: str, number: int) -> None:
    """One writer: gives its VM memory, takes some back, and moves it to and fro."""
    with Ledger.open(url, durable=False) as ledger:
        for step in range(STEPS):
            vm = f"vm{number}"
            ledger.execute(request_of({"command": "add-memory", "vm": vm, "amount": GIB}))
            if step % 4 == 3:
                ledger.execute(request_of({"command": "remove-memory", "vm": vm, "amount": 2 * GIB}))
            if number % 3 == 0 and step % 5 == 4:
                ledger.execute(request_of({"command": "move-vm", "vm": vm, "to": f"hv{1 + step % 2:02}"}))


def main(url: str) -> None:
    """The whole of it."""
    with Ledger.open(url, create=True, durable=False) as ledger:
        for line in beginning():
            ledger.execute(request_of(line))
        assert ledger.adopt_policy(POLICY, actor="ann", via="crowd", from_now=False).refusal is None
    children = [fork(partial(_write, url, number)) for number in range(WRITERS)]
    failed = [child for child in children if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0]
    with Ledger.open(url) as ledger:
        history = list(ledger.events())
    # Read independently: what each VM holds by its own events, summed after each of them.
    held: dict[str, int] = {}
    sums: list[int] = []
    for one in history:
        if isinstance(one.event, VmEvent):
            after = one.event.after
            held[one.stream] = after.assigned if after.power in (Power.RUNNING, Power.PAUSED) else 0
            sums.append(sum(held.values()))
    less = sum(isinstance(one.event, VmMemoryAddedWithinPolicy | VmRefusedByPolicy) for one in history)
    told = {"failed": failed, "events": len(history), "most": max(sums), "breaches": sum(one > MOST for one in sums)}
    print(json.dumps({**told, "kept_from": less}))


if __name__ == "__main__":
    main(sys.argv[1])
