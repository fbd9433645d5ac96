"""46 minutes on two hosts, as the module writes them under PowerShell 7."""

from __future__ import annotations

import json
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from domain.observed.events import VmAnnotated, VmChangeRequested, VmNotListed, VmObserved
from domain.observed.words import FAILED_JOB, OWN_CHANGE, UNKNOWN_ACTOR
from domain.quantities import MiB
from nilometer import Ledger, import_hyperv
from tests.nilometer.collector.conftest import Run
from tests.nilometer.importers.hyperv.synthetic import WEB

OTHERS: Final = "0b5c1c2e-0000-4000-8000-00000000000"
REFUSAL: Final = (
    "anna saw: Invalid memory value assigned for 'web02'. The memory value assigned ('9001' MB) is not properly "
    "aligned. Try again with a memory value that is properly aligned."
)

pytestmark = pytest.mark.xdist_group("pwsh")


def lines(run: Run, host: str) -> list[dict[str, Any]]:
    """The lines of a host's spool."""
    (file,) = (run.story / "spool").glob(f"{host}-*.jsonl")
    return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line]


def test_every_line_and_every_change_is_as_the_published_schema_says(run: Run) -> None:
    schema = json.loads(files("nilometer").joinpath("schemas", "spool-line.json").read_text("utf-8"))
    validator: Any = Draft202012Validator(schema)
    kinds: Counter[str] = Counter()
    for line in [*lines(run, "HV01"), *lines(run, "HV02")]:
        contents = [json.loads(line["content"])] if line["kind"] == "seen" else []
        for value in [line, *contents]:
            kinds[value["kind"]] += 1
            assert [error.message for error in validator.iter_errors(value)] == []
    assert kinds == {"poll": 78, "inventory": 2, "seen": 8, "change-begun": 4, "change": 4}


def test_what_whoever_called_was_told(run: Run) -> None:
    said = (run.story / "said.txt").read_text("utf-8").splitlines()
    assert [line.split(" (Virtual")[0] for line in said] == [
        REFUSAL,
        "thrown to CONTOSO\\anna: the ticket was closed",
        "thrown to CONTOSO\\anna: nothing was changed: HV01 has no VM of the name no such VM",
    ]


def test_what_is_said_of_the_story(run: Run, tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True) as ledger:
        files = import_hyperv(ledger, run.story / "spool", actor="nightly", final=True)
        rows = list(ledger.events())
    of_vm = {
        name: [row for row in rows if row.stream == f"vm/{id}"]
        for name, id in (("web", WEB), ("erp", f"{OTHERS}2"), ("db", f"{OTHERS}3"), ("idle", f"{OTHERS}4"))
    }
    requests = [
        (name, row.metadata.happened[11:16], row.metadata.actor, row.event.target // MiB, row.event.accepted)
        for name, found in of_vm.items()
        for row in found
        if isinstance(row.event, VmChangeRequested)
    ]
    assert requests == [
        ("web", "09:02", "CONTOSO\\anna", 8192, True),
        ("web", "09:15", "CONTOSO\\anna", 9001, False),
        ("web", "09:37", UNKNOWN_ACTOR, 6144, True),
        ("db", "09:06", "CONTOSO\\ben", 2048, True),
    ]
    first = next(row for row in of_vm["web"] if isinstance(row.event, VmChangeRequested))
    assert isinstance(first.event, VmChangeRequested)
    assert first.event.asked == "Set-VMMemory web01 -StartupBytes 8GB"
    assert first.metadata.reason == "month end"
    assert [row.event.ticket for row in rows if isinstance(row.event, VmAnnotated)] == ["CHG-7"]
    assert first.metadata.via == "powershell (the host saw who wrote it)"
    labelled = [
        (row.event.label, row.metadata.actor, (row.event.told or "").partition(" ")[0], (row.event.told or "")[-23:])
        for row in rows
        if isinstance(row.event, VmObserved) and row.event.label is not None
    ]
    assert sorted(labelled)[:2] == [
        (OWN_CHANGE, "CONTOSO\\anna", "Edit-StubHost", "its result is not known"),
        (OWN_CHANGE, "CONTOSO\\anna", "throw", ": the ticket was closed"),
    ]
    assert [row[:2] for row in sorted(labelled)[2:]] == [(FAILED_JOB, "CONTOSO\\carl")]
    gone = [name for name, found in of_vm.items() if any(isinstance(row.event, VmNotListed) for row in found)]
    assert gone == ["idle"]
    named = [row.event.name for row in of_vm["web"] if isinstance(row.event, VmObserved) and row.event.name]
    assert named == ["web01", "web02"]
    assert [note.partition("spool")[2].partition(": ")[2] for file in files for note in file.notes] == [
        "the collector could not read all: 'The operation failed because the object was not found: web02'",
        "the collector could not read all: 'You do not have the required permission to complete this task.'",
    ], "the figures of minute 20 are known: performance classes have no language"


def test_every_figure_of_minute_20_is_known(run: Run) -> None:
    polls = [line for line in lines(run, "HV01") if line["kind"] == "poll" and line["time"][14:16] in ("20", "21")]
    assert [(poll["error"], poll["available_mb"] is None) for poll in polls] == [(None, False)] * 2
    figures = [
        [vm["physical_mb"], vm["guest_available_mb"]] for poll in polls for vm in poll["vms"] if vm["state"] == 2
    ]
    assert len(figures) == 6
    assert all(None not in found for found in figures)
