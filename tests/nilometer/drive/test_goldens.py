"""The evidence of several runs, with every kind of record, event for event; it was read by hand.

``goldens/evidence.jsonl`` was written by ``nilo drive`` on a scripted QEMU; a killed driver's intent was put behind it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from nilometer.importers.importing import import_qemu
from nilometer.ledger.ledger import Ledger
from nilometer.queries import audit_history
from rules.judging.findings import Verdict
from tests.nilometer.importers.qemu.readable import line
from tests.nilometer.importers.qemu.reading import facts

GOLDENS = Path(__file__).parent / "goldens"
EVIDENCE = GOLDENS / "evidence.jsonl"


def test_evidence_gives_these_events_in_this_order() -> None:
    found = [line(fact) for fact in facts(EVIDENCE.read_bytes().splitlines(keepends=True))]
    golden = GOLDENS / "evidence.txt"
    if os.environ.get("NILO_GOLDENS") == "write":
        golden.write_text("".join(f"{shown}\n" for shown in found), encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8").splitlines()


def test_the_golden_has_every_kind_that_a_driver_writes() -> None:
    records = [json.loads(record) for record in EVIDENCE.read_bytes().splitlines()]
    kinds = {record["kind"] for record in records}
    assert kinds == {"attach", "intent", "command", "event", "size", "step", "lost", "meta"}
    assert {record["accepted"] for record in records if record["kind"] == "command"} == {True, False, None}


def test_it_violates_no_rule_and_every_beginning_of_it_gives_the_same_events(tmp_path: Path) -> None:
    lines = EVIDENCE.read_bytes().splitlines(keepends=True)
    grown = tmp_path / "grown.jsonl"
    with Ledger.open(f"sqlite:///{tmp_path}/grown.db", create=True, durable=False) as ledger:
        for count in range(1, len(lines) + 1):
            grown.write_bytes(b"".join(lines[:count]))
            import_qemu(ledger, grown, actor="ann")
        events = [envelope.event for envelope in ledger.events() if envelope.stream == "vm/lab.vm0"]
        violated = [finding for finding in audit_history(ledger).findings if finding.verdict is Verdict.VIOLATED]
    assert violated == []
    assert events == [fact.event for fact in facts(lines)]
