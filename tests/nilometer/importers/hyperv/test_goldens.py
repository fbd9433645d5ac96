"""Histories, event for event and key for key: what an import records does not change unseen.

``NILO_GOLDENS=write pytest …`` writes them anew. If a record's key changes, a record that was imported before is
imported again: that must not happen.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from domain.identifiers import UtcTime
from domain.observed.events import Observed
from domain.observed.imports import ImportRecorded
from nilometer.importers.hyperv.hyperv_file import HypervFile
from nilometer.importers.hyperv.importer import HypervImporter
from nilometer.importers.run import DigestedStream
from nilometer.ledger.requests import Fact, Observation
from tests.nilometer.importers.hyperv.sources.counters.test_counters import synthetic_set
from tests.nilometer.importers.hyperv.sources.counters.test_prometheus import NEW, NINE, answer, series
from tests.nilometer.importers.hyperv.sources.damaged_files import EVENTS, TABLE
from tests.nilometer.importers.hyperv.sources.get_vm.test_get_vm import SYNTHETIC_HOST, SYNTHETIC_MEMORY, SYNTHETIC_VM
from tests.nilometer.importers.hyperv.synthetic import Spool, Store, job, vm
from tests.nilometer.importers.hyperv.test_any_history import Fleet

GOLDENS = Path(__file__).parent / "goldens"
AT = UtcTime("2026-11-23T09:00:00.000000Z")


def history(*files: bytes, final: bool = True) -> str:
    """What an import of these files records, an observation or an event a line; times without date."""
    store, lines = Store(), list[str]()

    def record(observations: Sequence[Observation]) -> list[tuple[int, ...]]:
        for observation in observations:
            by = f" by {observation.actor} via {observation.via}" if observation.actor else ""
            story = f" of {observation.correlation}" if observation.correlation else ""
            if not observation.key.startswith("import/"):
                lines.append(f"{observation.key}{story}{by}")
            lines.extend(event_line(fact) for fact in observation.facts)
        return store.record(observations)

    opened = [
        HypervFile(f"file{number}", DigestedStream(io.BytesIO(data)), at=AT, host="hv01", zone="UTC")
        for number, data in enumerate(files, 1)
    ]
    for file in opened:
        file.open()
    HypervImporter(None, store, store.known, record).run(opened, final=final)
    return "".join(f"{line}\n" for line in lines)


def event_line(fact: Fact) -> str:
    """An event without its figures that nobody measured."""
    event = fact.event
    assert isinstance(event, Observed)
    figures = {name: value for name, value in asdict(event).items() if value not in (None, (), "observed")}
    if isinstance(event, ImportRecorded):
        return f"    {event.KIND} {json.dumps(figures)}"
    interval = fact.happened[11:-1] if fact.earliest is None else f"{fact.earliest[11:-1]}..{fact.happened[11:-1]}"
    return f"    {interval} {fact.stream} {event.KIND} {json.dumps(figures)}"


def assert_history(name: str, text: str) -> None:
    golden = GOLDENS / f"{name}.txt"
    if os.environ.get("NILO_GOLDENS") == "write":
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_the_spools_of_two_hosts_whose_vms_do_all_that_vms_do() -> None:
    fleet = Fleet(3)
    fleet.live(60)
    assert_history("two-hosts", history(*(spool.data for spool in fleet.spools.values())))


def test_requests_that_are_granted_late_refused_or_superseded() -> None:
    spool = Spool().poll(0, vm(4096)).poll(1, vm(4096, 8192), jobs=[job(0.9)])
    spool.poll(2, vm(6000, 8192)).poll(3, vm(6000, 8192)).poll(4, vm(8192, 8192)).poll(5, vm(8192, 8192))
    spool.change(5.2, 5.4, 8192, 8192, 16384, error="Not enough memory in the system")
    spool.change(5.6, 5.8, 8192, 6144, 4096).poll(6, vm(6144, 4096)).poll(7, vm(6144, 12288), jobs=[job(6.9, None)])
    spool.poll(8, vm(6144, 12288), jobs=[job(7.9, kind=41, state=10, error=32784)]).poll(9, vm(6144, 12288))
    assert_history("requests", history(spool.data))


def test_exports_of_all_kinds() -> None:
    prometheus = answer(series(f"{NEW}vm_physical_bytes", (NINE, "1073741824"), (NINE + 60, "2147483648")))
    get_vm = json.dumps([SYNTHETIC_VM, SYNTHETIC_MEMORY, SYNTHETIC_HOST])
    texts = (get_vm, TABLE, json.dumps(synthetic_set()), prometheus, EVENTS)
    assert_history("exports", "\n".join(history(text.encode()) for text in texts))
