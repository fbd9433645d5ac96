"""What ``docs/can.md`` and ``docs/plan.md`` show of observed hosts is what is printed, at the time that they show."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from tests.docs.test_examples import matches
from tests.nilometer.cli.calling import Desk
from tests.nilometer.importers.hyperv.synthetic import START, WEB, Json, Spool, dynamic, vm
from tests.paths import DOCS

GIB = 1024
"""MiB, in which spools have sizes."""
DB = {"id": "d9e0eb0a-5b37-508e-9173-000000000001", "name": "db02"}
ERP: Json = vm(24 * GIB, 24 * GIB, free=11 * GIB, id="0b5c1c2e-0000-4000-8000-000000000002", name="erp01")
NOON = 302
"""14:02, in minutes of the spool."""


def desk_of(folder: Path, spool: Spool, minute: float) -> Desk:
    """A desk with what a spool has, at a minute of it."""
    desk = Desk(folder, clock=lambda: START + timedelta(minutes=minute))
    assert desk.call("import-hyperv", desk.write("s.jsonl", spool.data), "--final").code == 0
    return desk


ADD, REMOVE = ("add-memory", "db02", "16GiB"), ("remove-memory", "db02", "6GiB")


def asked(desk: Desk, command: tuple[str, ...]) -> list[str]:
    return desk.call("can", *command).out.splitlines()


def day(free: dict[float, float], *vms: Json) -> Spool:
    """Polls with what the host had free, by minute, in GiB. Until the last one, guests have 1 GiB less available."""
    spool = Spool()
    for minute, gib in free.items():
        less = GIB if minute < NOON else 0
        guests = [one | {"guest_available_mb": one["guest_available_mb"] - less} for one in vms]
        spool.poll(minute, *guests, available_mb=gib * GIB, capacity=128 * GIB * 2**20)
    return spool


def answers(folder: Path) -> list[str]:
    """The lines of the page, in its order: yes, partly twice, unknown, and no."""
    db, dynamic_db = (
        vm(20 * GIB, 20 * GIB, free=2 * GIB, **DB),
        dynamic(20 * GIB, 4 * GIB, free=2 * GIB, maximum=32 * GIB * 2**20, **DB),
    )
    cases = (
        (ADD, day({0: 29, 100: 44, 299: 41, NOON: 41}, db), NOON + 1, 1),
        (ADD, day({NOON: 9}, db, ERP), NOON + 1, 3),
        (REMOVE, day({NOON: 9}, vm(8 * GIB, 8 * GIB, free=5 * GIB, **DB)), NOON + 1, 1),
        (ADD, day({0: 4, 60: 22, 115: 9}, db), NOON, 1),
        (ADD, day({299: 41, NOON: 41}, dynamic_db), NOON + 1, 1),
    )
    lines: list[str] = []
    for number, (command, spool, minute, shown) in enumerate(cases):
        where = folder / str(number)
        where.mkdir()
        lines += asked(desk_of(where, spool, minute), command)[:shown]
    return lines


def test_the_answers_about_observed_hosts(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```\n(yes: .*?)^```$", (DOCS / "can.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for shown, printed in zip(block.splitlines(), answers(tmp_path), strict=True):
        assert matches(shown, printed), printed


def test_the_plan_for_an_observed_vm(tmp_path: Path) -> None:
    (block,) = re.findall(
        r"^```\n\$ nilo plan .*?\n(.*?)^```$", (DOCS / "plan.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    web = vm(4 * GIB, 4 * GIB, free=2 * GIB, id=WEB)
    erp = ERP | {"assigned": 8 * GIB * 2**20, "startup": 8 * GIB * 2**20, "physical_mb": 8 * GIB, "visible_mb": 8 * GIB}
    desk = desk_of(tmp_path, day({299: 1, NOON: 1}, web, erp | {"guest_available_mb": 6 * GIB}), NOON + 1)
    printed = desk.call("plan", "web01 >= 8GiB", "-o", str(tmp_path / "plan.json")).out.splitlines()
    assert printed[: len(block.splitlines())] == block.splitlines()
