"""A ledger and its export as commit 4e669ca wrote them: every command, QEMU, Hyper-V and a change recorded by hand.

``goldens/4e669ca.db`` was made by that commit's ``nilo run``, ``import-qemu``, ``import-hyperv`` and ``record``, and
``goldens/4e669ca.jsonl`` by its ``nilo export``. What is stored is never written anew, so neither ever changes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator
from io import BytesIO
from pathlib import Path

import pytest

from domain.kinds import DECIDED
from nilometer.history.checked import read_history
from nilometer.history.cloudevents import write_lines
from nilometer.history.restoring import restore
from nilometer.ledger.ledger import Ledger
from nilometer.storage.bodies import encode
from projections.view import view
from tests.nilometer.ledger.asking import ask, stored

LEDGER = Path(__file__).with_name("goldens") / "4e669ca.db"
EXPORT = LEDGER.with_suffix(".jsonl")


@pytest.fixture
def golden(tmp_path: Path) -> Generator[Ledger]:
    with Ledger.open(f"sqlite:///{shutil.copy(LEDGER, tmp_path / 'ledger.db')}", read_only=True) as ledger:
        yield ledger


def test_it_has_an_event_of_every_command(golden: Ledger) -> None:
    assert {event.KIND for event in DECIDED} <= {row.topic.partition("/")[0] for row in golden.rows()}


def test_its_export_is_the_one_of_then_byte_for_byte(golden: Ledger) -> None:
    assert b"".join(write_lines(golden.rows(), golden.id)) == EXPORT.read_bytes()


def test_each_event_would_be_stored_as_it_is(golden: Ledger) -> None:
    now = [
        (envelope.stream, envelope.version, *encode(envelope.event, envelope.metadata)) for envelope in golden.events()
    ]
    then = stored(golden)
    assert [new for new, old in zip(now, then, strict=True) if new[2] == old[2]] == [
        old for new, old in zip(now, then, strict=True) if new[2] == old[2]
    ]
    assert {old[2] for new, old in zip(now, then, strict=True) if new[2] != old[2]} == {
        "host.observed/1",
        "vm.change-requested/1",
        "vm.command-refused/1",
        "vm.memory-added/1",
        "vm.memory-configured/1",
        "vm.memory-moved/2",
        "vm.memory-removed/1",
        "vm.observed/2",
    }


def test_its_stored_views_are_what_its_events_come_to(golden: Ledger) -> None:
    replay = golden.views.compare()
    assert (replay.events, [comparison.difference for comparison in replay.projections]) == (138, [None] * 3)


def test_its_export_makes_the_same_ledger(golden: Ledger, ledger: Ledger) -> None:
    assert restore(ledger, read_history(BytesIO(EXPORT.read_bytes()), EXPORT.name)) == 138
    assert (ledger.id, stored(ledger)) == (golden.id, stored(golden))
    assert view(ledger.views.fleet()) == view(golden.views.fleet())


def test_it_can_be_written_to(tmp_path: Path) -> None:
    path = Path(shutil.copy(LEDGER, tmp_path / "ledger.db"))
    with Ledger.open(f"sqlite:///{path}") as ledger:
        before = stored(ledger)
        positions = ask(ledger, "set-reserve", at="2026-11-25T09:00:00.000000Z", host="hv02", reserve="3GiB").positions
        assert (positions, stored(ledger)[:-1]) == ((139,), before)
        topic, body = stored(ledger)[-1][2:]
        assert (topic, json.loads(body)["happened"]) == ("host.reserve-set/1", "2026-11-25T09:00:00.000000Z")


def test_the_same_ledger_of_format_2_exports_the_same_and_can_be_written_to(tmp_path: Path) -> None:
    """``goldens/format2.db`` was made of the other by ``nilo backup``, when format 2 was new."""
    path = Path(shutil.copy(LEDGER.with_name("format2.db"), tmp_path / "ledger.db"))
    with Ledger.open(f"sqlite:///{path}") as ledger:
        assert b"".join(write_lines(ledger.rows(), ledger.id)) == EXPORT.read_bytes()
        assert ledger.views.compare().equal
        at = "2026-11-25T09:00:00.000000Z"
        assert ask(ledger, "set-reserve", at=at, host="hv02", reserve="3GiB").positions == (139,)
