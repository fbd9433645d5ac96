"""What may be given to the functions that record observations from Python: anything else is an ``InputError``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from domain.errors import InputError
from domain.identifiers import StreamName
from nilometer.importers.importing import import_hyperv, import_qemu
from nilometer.importers.manual import ReportedChange
from nilometer.importers.reporting import record_change, retire
from nilometer.ledger.ledger import Ledger

GOOD: dict[str, Any] = {
    "vm": "web01",
    "asked": 2**33,
    "before": 2**32,
    "after": 2**33,
    "happened": "2026-11-20T00:00:00.000000Z",
}
NO_SIZES: list[Any] = [None, "8GiB", 1.5, True, -1, 2**60, float("nan"), []]
NO_TEXTS: list[Any] = [5, b"web01", "", "\ud800", [], datetime(2026, 11, 20)]
WRONG: list[tuple[str, Any]] = [
    *((field, value) for field in ("asked", "before", "after") for value in NO_SIZES),
    *(("in_use", value) for value in NO_SIZES if value is not None),
    *((field, value) for field in ("vm", "happened", "error", "host") for value in NO_TEXTS),
]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True, durable=False)


def test_a_report_has_only_values_that_can_be_stored(ledger: Ledger) -> None:
    with ledger:
        for field, value in WRONG:
            with pytest.raises(InputError, match=rf"^{field}: "):
                record_change(ledger, ReportedChange(**{**GOOD, field: value}), actor="ann", via="test", new=True)
        for change in (None, {}, GOOD, "web01"):
            with pytest.raises(InputError, match="is not a ReportedChange"):
                record_change(ledger, change, actor="ann", via="test")  # type: ignore[arg-type]
        assert ledger.position == 0
        assert record_change(ledger, ReportedChange(**GOOD), actor="ann", via="test", new=True).positions


@pytest.mark.parametrize("stream", [None, 5, b"vm/web01", "web01", "vm/", "\ud800", [], "import/x" + "\0"])
def test_what_is_retired_is_a_vm_or_host(ledger: Ledger, stream: Any) -> None:
    with ledger, pytest.raises(InputError):
        retire(ledger, stream, actor="ann", via="test")


def test_when_it_was_retired_is_a_time(ledger: Ledger) -> None:
    with ledger:
        record_change(ledger, ReportedChange(**GOOD), actor="ann", via="test", new=True)
        for happened in (5, "yesterday", datetime(2026, 11, 21)):
            with pytest.raises(InputError, match=r"^happened: "):
                retire(ledger, StreamName("vm/web01"), actor="ann", via="test", happened=happened)  # type: ignore[arg-type]


@pytest.mark.parametrize("files", [None, 5, b"file", [5], [None], [b"file"], "a\0b"])
def test_files_are_named(ledger: Ledger, files: Any) -> None:
    with ledger:
        for run in (import_hyperv, import_qemu):
            with pytest.raises(InputError, match="is not the name of a file"):
                run(ledger, files, actor="ann")


def test_a_name_that_no_file_can_have_is_an_input_error(ledger: Ledger) -> None:
    with ledger:
        for run in (import_hyperv, import_qemu):
            with pytest.raises(InputError, match="the name has 5000 characters, too many for a file"):
                run(ledger, "x" * 5000, actor="ann")


@pytest.mark.parametrize(("name", "value"), [("at", 5), ("zone", 5), ("host", b"hv01"), ("prefix", 5), ("prefix", "")])
def test_what_is_said_of_files_is_text(ledger: Ledger, name: str, value: Any) -> None:
    with ledger, pytest.raises(InputError, match=rf"^{name}: "):
        import_hyperv(ledger, [], actor="ann", **{name: value})
