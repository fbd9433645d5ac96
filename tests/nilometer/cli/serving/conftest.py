"""One server for all tests that only read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.serving.serving import Server, serving
from tests.paths import EXAMPLES, RECORDINGS


@dataclass(frozen=True)
class Shop:
    """A ledger of decided and observed VMs, and the server that shows it."""

    desk: Desk
    server: Server


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    desk = Desk(tmp_path_factory.mktemp("serving"))
    desk.call("run", str(EXAMPLES / "month-end.jsonl"))
    desk.call("import-qemu", str(RECORDINGS / "s7_three_vms_one_budget.jsonl"), "--as", "lab")
    desk.call("import-hyperv", str(EXAMPLES / "get-vm-HV02.json"), "--at", "2026-11-23T09:00:00Z")
    with serving(desk) as server:
        yield Shop(desk, server)
