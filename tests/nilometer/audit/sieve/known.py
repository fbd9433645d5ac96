"""Histories of commands of which the sieve knows every form: it clears all of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

from detection.histories import Line
from domain.events import VmDefined, VmRemoved
from nilometer import Ledger, Request
from nilometer.history.cloudevents import to_cloudevent
from nilometer.ledger.typed_commands import parse_command
from nilometer.storage.bodies import topic_of

PAIR: Final = ("hv@0", "hv@2")
"""Hosts between which VMs move: a group of both, and of one that is removed."""
REMOVED: Final = "hv@3"
HOSTS: Final = ("hv@0", "hv@1")
"""Those on which VMs are defined. Of all VMs that are not of the pair there is one more group.

Every name has an ``@``, and nothing else has one: a copy of a history under other names is made of its text.
"""
SETTINGS: Final = (
    ("windows", {"static": {"size": 2**32}}),
    ("linux-legacy", {"static": {"size": 2**31}}),
    ("windows-legacy", {"dynamic": {"minimum": 2**29, "startup": 2**30, "maximum": 2**33, "buffer": 20, "weight": 50}}),
)
AMOUNTS: Final = (2**21, 2**28, 3 * 2**30, 2**20, 2**40)
MEMORIES: Final = (
    {"static": {"size": 2**31}},
    {"static": {"size": 9001}},
    {"dynamic": {"minimum": 2**28, "startup": 2**30, "maximum": 2**34, "buffer": 20, "weight": 50}},
    {"dynamic": {"minimum": 2**30, "startup": 2**30, "maximum": 2**31, "buffer": 1, "weight": 50}},
)
LARGE: Final = {"dynamic": {"minimum": 2**29, "startup": 2**30, "maximum": 2**44, "buffer": 20, "weight": 50}}
"""Too large for a host of the first release."""
GUESTS: Final = (("windows", "10.0"), ("linux", "9.0"), ("unenlightened", "11.0"))


def first_commands() -> Iterator[Line]:
    """Two hosts with three VMs on each of them, and a small one of the first release."""
    small = {"version": "2016", "total": 3 * 2**31, "reserve": 2**31}
    yield {"command": "register-host", "host": PAIR[1], **small}
    for number, host in enumerate(HOSTS):
        yield {"command": "register-host", "host": host, "version": "2022", "total": 2**36, "reserve": 2**31}
        for place, (guest, memory) in enumerate(SETTINGS):
            vm = {"vm": f"vm@{number}{place}", "host": host, "generation": 2, "guest": guest}
            yield {"command": "define-vm", **vm, "config_version": "10.0", "memory": memory}


def first_moves() -> Iterator[Line]:
    """One that runs moves, and one that is off; then there is no room, one is there already, and one is too large."""
    for command, vm in (("start", "vm@00"), ("move-vm", "vm@00"), ("move-vm", "vm@01"), ("start", "vm@02")):
        yield {"command": command, "vm": vm} | ({"to": PAIR[1]} if command == "move-vm" else {})
    for vm, to in (("vm@02", PAIR[1]), ("vm@00", PAIR[1]), ("vm@00", PAIR[0])):
        yield {"command": "move-vm", "vm": vm, "to": to}
    yield {"command": "configure-memory", "vm": "vm@02", "memory": LARGE}
    yield {"command": "move-vm", "vm": "vm@02", "to": PAIR[1]}
    yield {"command": "register-host", "host": REMOVED, "version": "2025", "total": 2**36, "reserve": 2**31}
    for to in (REMOVED, PAIR[0]):
        yield {"command": "move-vm", "vm": "vm@01", "to": to}
        yield {"command": "remove-host", "host": REMOVED}


def on_vm(random: Random, vm: str, number: int) -> Line:
    """A command on a VM."""
    amount = random.choice(AMOUNTS)
    guest, version = random.choice(GUESTS)
    plain = ("start", "stop", "pause", "resume", "save", "restore", "reboot-guest")
    choices: list[Line] = [
        *[{"command": name} for name in plain],
        *[{"command": "start"}] * 3,
        *[{"command": "report-in-use", "in_use": amount // 4}] * 3,
        *[{"command": name, "amount": amount} for name in ("add-memory", "remove-memory", "grow", "reclaim")] * 2,
        *[{"command": "set-memory", "size": amount}] * 2,
        *[{"command": "configure-memory", "memory": random.choice(MEMORIES)}] * 2,
        {"command": "configure-guest", "guest": guest, "config_version": version},
    ]
    return {**random.choice(choices), "vm": vm}


def moving(random: Random, vm: str, number: int) -> Line:
    """A move, also to the host that the VM is on."""
    return {"command": "move-vm", "vm": vm, "to": random.choice(PAIR)}


def on_host(random: Random, vm: str, number: int) -> Line:
    """A command on a host, the definition of a VM on it, or the removal of one."""
    host = random.choice(HOSTS)
    guest, version = random.choice(GUESTS)
    defined: Line = {"vm": f"new @{number}", "generation": random.choice((1, 2, 2)), "guest": guest}
    defined |= {"config_version": version, "memory": random.choice(MEMORIES)}
    if random.random() < 0.5:
        defined["name"] = f'the "{number}"'
    choices: list[Line] = [
        {"command": "resize-host", "host": host, "total": random.choice((2**36, 2**35, 2**31, 0))},
        {"command": "set-reserve", "host": host, "reserve": random.choice((2**31, 2**32, 2**37))},
        *[{"command": "define-vm", "host": host, **defined}] * 2,
        {"command": "remove-vm", "vm": vm},
        {"command": "remove-host", "host": "hv@1"},
    ]
    return random.choice(choices)


@cache
def known_history(seed: int, commands: int) -> list[Line]:
    """What a ledger recorded of such commands: a group of two hosts between which VMs move, and one of one host."""
    random, home_of = Random(seed), dict[str, str]()
    with TemporaryDirectory() as folder, Ledger.open(f"sqlite:///{folder}/l.db", create=True, durable=False) as ledger:

        def execute(line: Line) -> None:
            given = {key: value for key, value in line.items() if key != "command"}
            before = ledger.position
            ledger.execute(Request(parse_command(line["command"], given), "anna", "detection", reason="a test"))
            for row in ledger.rows(before):
                if row.topic == topic_of(VmDefined):
                    home_of[row.stream.removeprefix("vm/")] = line["host"]
                elif row.topic == topic_of(VmRemoved):
                    del home_of[row.stream.removeprefix("vm/")]

        for line in (*first_commands(), *first_moves()):
            execute(line)
        for number in range(commands):
            vm = random.choice([*home_of])
            choices = [*[on_vm] * 9, *[on_host] * 3, moving]
            line = random.choice(choices)(random, vm, number)
            if line["command"] == "move-vm" and home_of[vm] not in PAIR:
                line |= {"to": home_of[vm]}
            execute(line)
        return [to_cloudevent(stored, ledger.id) for stored in ledger.rows()]
