"""A ledger and its export as commit 3ea5c87 wrote them: decided, refused, imported, annotated, retired.

``goldens/3ea5c87.db`` was made by that commit's ``nilo run``, ``do``, ``import-hyperv``, ``import-qemu``, ``record``
and ``annotate``, and by ``retire`` from Python; ``goldens/3ea5c87.jsonl`` by its ``nilo export``. Neither ever changes.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator
from io import BytesIO
from pathlib import Path

import pytest

from nilometer.history.checked import read_history
from nilometer.history.cloudevents import write_lines
from nilometer.history.restoring import restore
from nilometer.ledger.ledger import Ledger
from projections.view import view
from tests.nilometer.ledger.asking import ask, request, stored

LEDGER = Path(__file__).with_name("goldens") / "3ea5c87.db"
EXPORT = LEDGER.with_suffix(".jsonl")
EVENTS = 139


@pytest.fixture
def golden(tmp_path: Path) -> Generator[Ledger]:
    with Ledger.open(f"sqlite:///{shutil.copy(LEDGER, tmp_path / 'ledger.db')}") as ledger:
        yield ledger


def test_every_event_is_read_and_exported_byte_for_byte(golden: Ledger) -> None:
    assert len(list(golden.events())) == EVENTS
    assert b"".join(write_lines(golden.rows(), golden.id)) == EXPORT.read_bytes()


def test_views_made_now_are_what_its_events_come_to(golden: Ledger) -> None:
    before = view(golden.views.fleet())
    golden.views.rebuild()
    replay = golden.views.compare()
    assert (replay.events, [comparison.difference for comparison in replay.projections]) == (EVENTS, [None] * 3)
    assert view(golden.views.fleet()) == before


def test_its_export_makes_the_same_ledger(golden: Ledger, ledger: Ledger) -> None:
    assert restore(ledger, read_history(BytesIO(EXPORT.read_bytes()), EXPORT.name)) == EVENTS
    assert (ledger.id, stored(ledger)) == (golden.id, stored(golden))
    assert view(ledger.views.fleet()) == view(golden.views.fleet())


def test_what_was_recorded_under_a_key_is_repeated_and_it_is_written_to(golden: Ledger) -> None:
    again = golden.execute(request("stop", key="golden-2", vm="erp01"))
    assert (again.repeated, len(again.positions)) == (True, 2)
    assert golden.position == EVENTS
    assert ask(golden, "stop", at="2026-11-25T09:00:00.000000Z", vm="erp01").positions == (140, 141)
