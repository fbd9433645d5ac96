"""Commands on a ledger whose stored views were changed: decided by the events, with a warning, and mended."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from nilometer.errors import LedgerError, LedgerWarning
from nilometer.ledger.ledger import Ledger
from nilometer.views.tables import checksum
from tests.nilometer.ledger.asking import a_vm, ask, with_web01
from tests.projections.stored import stored_at


@contextmanager
def changed(url: str, *statements: str) -> Generator[Ledger]:
    """A ledger with web01, its views changed behind its back by another program, open again."""
    with Ledger.open(url, create=True, durable=False) as ledger:
        with_web01(ledger)
    with stored_at(url) as other:
        for statement in statements:
            other.execute(statement)
            if statement.endswith(KNOWS_CHECKSUMS):
                for row in other.execute("SELECT stream, kind, version, removed, state FROM view_streams"):
                    sum = checksum(*[value for value in row if isinstance(value, str | int)])
                    other.execute("UPDATE view_streams SET checksum = ? WHERE stream = ?", (sum, row[0]))
    with Ledger.open(url, durable=False) as ledger:
        yield ledger


KNOWS_CHECKSUMS = "-- by somebody who puts the checksums right"
BIGGER = f"UPDATE view_streams SET state = replace(state, '{64 * 2**30}', '{200 * 2**30}') WHERE stream = 'host/hv01'"


@pytest.mark.parametrize("change", [BIGGER, f"{BIGGER} {KNOWS_CHECKSUMS}"])
def test_a_host_that_was_made_bigger_in_the_views_gives_no_more_than_it_has(url: str, change: str) -> None:
    with changed(url, change) as ledger:
        with pytest.warns(LedgerWarning, match=r"host/hv01 (was changed|is not what its last event says); the events"):
            ask(ledger, "define-vm", **a_vm(vm="big", memory={"static": {"size": "100GiB"}}))
        assert not ask(ledger, "start", vm="big").in_full
        ledger.catch_up()
        assert ledger.views.compare().equal


def test_a_command_that_only_reads_a_changed_view_mends_it_too(url: str) -> None:
    with changed(url, BIGGER) as ledger, pytest.warns(LedgerWarning, match="host/hv01"):
        assert not ask(ledger, "add-memory", vm="web01", amount="100GiB").in_full
    with Ledger.open(url) as ledger:
        assert ledger.views.compare().equal


def test_a_version_that_the_ledger_never_had_is_refused_and_repaired(url: str) -> None:
    change = "UPDATE view_streams SET version = 9, state = replace(state, '\"version\":2', '\"version\":9') "
    with changed(url, f"{change} WHERE stream = 'vm/web01' {KNOWS_CHECKSUMS}") as ledger:
        with pytest.raises(LedgerError, match="the views have vm/web01 at version 9, and the ledger has no") as refused:
            ask(ledger, "stop", vm="web01")
        assert "nilo replay --repair" in refused.value.hint
        assert ledger.position == 4
        ledger.views.rebuild()
        assert ask(ledger, "stop", vm="web01").in_full


def test_a_damage_is_reported_once(url: str, recwarn: pytest.WarningsRecorder) -> None:
    with changed(url, BIGGER) as ledger:
        for _ in range(3):
            ledger.views.fleet()
    assert [str(warning.message) for warning in recwarn] == [
        "a stored view is damaged: what is stored of host/hv01 was changed; the events were read instead"
    ]


def test_who_may_only_read_finds_a_changed_view_and_leaves_it(url: str) -> None:
    with changed(url, BIGGER) as ledger:
        assert ledger.position == 4
    with Ledger.open(url, read_only=True) as reading:
        with pytest.warns(LedgerWarning, match="host/hv01"):
            reading.views.fleet()
        assert reading.read_only
    assert reading.warnings == []
    with Ledger.open(url) as ledger, pytest.warns(LedgerWarning, match="host/hv01"):
        ledger.views.fleet()
    with Ledger.open(url) as ledger:
        ledger.views.fleet()
        assert ledger.views.compare().equal
