"""How often one command goes to the database: counted in what SQLite is asked to run."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from domain.commands import AddMemory, Command, Pause, RemoveHost, ResizeHost
from domain.quantities import GiB
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.repository import Repository
from nilometer.storage.application import LedgerApplication
from tests.nilometer.ledger.asking import a_host, ask, with_web01


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All statements that are run from now on."""
    found: list[str] = []
    connect = sqlite3.connect

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_trace_callback(found.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    return found


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A ledger on two hosts, on one of which a VM runs; its views are caught up."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger.open(url, create=True) as ledger:
        with_web01(ledger)
        ask(ledger, "register-host", **a_host(host="hv02"))
    return url


@pytest.mark.parametrize(
    ("command", "given"),
    [
        ("add-memory", {"vm": "web01", "amount": "1GiB"}),
        ("add-memory", {"vm": "web01", "amount": "1000TiB"}),  # granted in part
        ("resume", {"vm": "web01"}),  # refused
        ("move-vm", {"vm": "web01", "to": "hv02"}),
        ("set-reserve", {"host": "hv02", "reserve": "1GiB"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_command_is_loaded_written_and_caught_up_in_five_transactions(
    url: str, statements: list[str], command: str, given: dict[str, Any]
) -> None:
    with Ledger.open(url) as ledger:
        ask(ledger, command, **given)
    # What the ledger is; load; write; and of the views the new events, and the update.
    assert sum(statement.startswith("BEGIN") for statement in statements) == 5
    # Whether there are tables of a ledger, and of views; whether its triggers are those that it was made with, and
    # whether the tables of views have all indexes.
    assert sum("sqlite_master" in statement for statement in statements) == 4


def test_what_is_remembered_is_not_loaded_again(url: str, statements: list[str]) -> None:
    with Ledger.open(url) as ledger:
        ask(ledger, "pause", vm="web01")
        statements.clear()
        ask(ledger, "resume", vm="web01")
        assert sum(statement.startswith("BEGIN") for statement in statements) == 1


def test_views_that_are_up_to_date_are_not_brought_there_again(url: str, statements: list[str]) -> None:
    with Ledger.open(url) as ledger:
        ask(ledger, "pause", vm="web01")
        ledger.catch_up()
        statements.clear()
        ledger.catch_up()
        assert statements == []


HALF = '''
def at_most_half(vm: Vm, host: Host) -> bool:
    """No VM is set to more than half of its host."""
    return vm.memory.startup * 2 <= host.total
'''
GROUP = '''
@scope(vms="web*", group="shop")
def shop(group: Group) -> bool:
    """The shop holds at most 20 GiB."""
    return group.held <= 20 * GiB
'''


PAIR = '''
@scope(one="web01", other="db01")
def together(one: Vm, other: Vm) -> bool:
    """They hold at most 20 GiB together."""
    return one.held + other.held <= 20 * GiB
'''


@pytest.mark.parametrize(
    ("policy", "command"),
    [
        ("", RemoveHost("hv02")),
        (HALF, ResizeHost("hv01", 32 * GiB)),
        (PAIR, AddMemory("web01", GiB)),
    ],
    ids=["the VMs that are on it", "a policy about those on it", "a policy about all"],
)
def test_no_transaction_is_idle_while_the_views_are_read(
    url: str, statements: list[str], policy: str, command: Command
) -> None:
    """However long it takes to read all VMs: a server ends a transaction that is idle for too long."""
    with Ledger.open(url) as ledger:
        if policy:
            assert ledger.adopt_policy(policy, actor="ann", via="test").refusal is None
        loading = Repository(ledger.recorder, LedgerApplication(ledger.recorder), ledger.views)
        statements.clear()
        loading.load(command)
        asked = [statement for statement in statements if not statement.startswith("PRAGMA")]
        ends = [place for place, statement in enumerate(asked) if statement in ("BEGIN", "COMMIT", "ROLLBACK")]
        assert len(ends) >= 4, "at least what it names, and the views"
        assert {asked[place] for place in ends[::2]} == {"BEGIN"}, "each begins when the one before it has ended"
        between = [
            range(end + 1, begin) for end, begin in zip([-1, *ends[1::2]], [*ends[::2], len(asked)], strict=True)
        ]
        assert [asked[place] for places in between for place in places] == [], "nothing is read outside of them"


def test_a_command_on_a_vm_of_a_group_reads_its_book_and_no_other_vm(url: str, statements: list[str]) -> None:
    with Ledger.open(url) as ledger:
        assert ledger.adopt_policy(GROUP, actor="ann", via="test").refusal is None
        loading = Repository(ledger.recorder, LedgerApplication(ledger.recorder), ledger.views)
        statements.clear()
        (group,) = loading.load(AddMemory("web01", GiB)).groups
        assert (group.id, group.version) == ("shop", 1)
        assert sum(statement.startswith("BEGIN") for statement in statements) == 1


def test_to_load_a_command_and_to_learn_the_policies_keeps_nobody_from_writing(url: str, statements: list[str]) -> None:
    with Ledger.open(url) as ledger:
        loading = Repository(ledger.recorder, LedgerApplication(ledger.recorder), ledger.views)
        statements.clear()
        loading.policy_set()
        loading.forget_policies()
        streams = loading.load(Pause("web01")).streams
        loading.begin()
        loading.refresh(streams)
        loading.refresh(streams)  # they were all read just now
        assert [statement for statement in statements if statement.startswith("BEGIN")] == ["BEGIN"] * 3
