"""Imports from Python: the account of each file, what cannot be read, and the same as the command line does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from domain.observed.events import VmObserved
from nilometer import ImportedFile, ImportStopped, InputError, Ledger, import_hyperv, import_qemu
from tests.nilometer.cli.calling import Desk
from tests.nilometer.importers.hyperv.synthetic import WEB, Spool, vm
from tests.paths import EXAMPLES, RECORDINGS

DAY = EXAMPLES / "HV01-20261123.jsonl"
GET_VM = DAY.with_name("get-vm-HV02.json")
COUNTERS = r"""
"(PDH-CSV 4.0)","\Hyper-V Dynamic Memory VM(db01)\Physical Memory"
"11/23/2026 09:00:00.000","2048"
"""
S7 = RECORDINGS / "s7_three_vms_one_budget.jsonl"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True) as ledger:
        yield ledger


def bad(folder: Path) -> Path:
    """A spool whose third line cannot be read."""
    file = folder / "bad.jsonl"
    rest = Spool().poll(2, vm(8192, 8192)).data
    file.write_bytes(Spool().poll(0, vm()).poll(1, vm()).data + b'{"schema": 9}\n' + rest)
    return file


def test_a_spool_is_recorded_once_and_its_account_adds_up(ledger: Ledger) -> None:
    (first,) = import_hyperv(ledger, [DAY], actor="nightly.py")
    assert (first.file, first.format, first.prefix) == (str(DAY), "hyperv-spool", None)
    assert (first.records, first.events, first.repeats, first.recorded) == (27, 16, 9, 28)
    assert first.not_needed == {"job": 2}
    assert first.records == first.events + first.repeats + sum(first.not_needed.values())
    (again,) = import_hyperv(ledger, [str(DAY)], actor="nightly.py")
    assert (again.recorded, again.records, again.not_needed) == (0, 27, {"read before": 27})
    (whole,) = import_hyperv(ledger, [DAY], actor="nightly.py", final=True)
    assert whole.recorded == 0


def test_one_file_need_not_stand_in_a_list(ledger: Ledger) -> None:
    (first,) = import_hyperv(ledger, str(DAY), actor="nightly.py")
    (again,) = import_hyperv(ledger, DAY, actor="nightly.py")
    assert (first.recorded, again.recorded, again.file) == (28, 0, str(DAY))
    (first,) = import_qemu(ledger, str(S7), actor="nightly.py")
    (again,) = import_qemu(ledger, S7, actor="nightly.py")
    assert first.recorded > again.recorded == 0
    assert again.file == str(S7)


def test_when_a_file_was_made_may_be_a_datetime_with_a_zone(ledger: Ledger) -> None:
    berlin = datetime(2026, 11, 23, 11, tzinfo=timezone(timedelta(hours=1)))
    import_hyperv(ledger, GET_VM, actor="ops", at=berlin)
    assert {item.metadata.happened for item in ledger.events()} >= {"2026-11-23T10:00:00.000000Z"}
    with pytest.raises(InputError, match="does not say its time zone"):
        import_hyperv(ledger, GET_VM, actor="ops", at=berlin.replace(tzinfo=None))


def test_who_imports_is_in_the_trail_and_who_changed_something_beside_the_change(ledger: Ledger) -> None:
    import_hyperv(ledger, [DAY], actor="nightly.py", via="cron")
    metadata = {item.event.KIND: item.metadata for item in ledger.events()}
    assert (metadata["import.recorded"].actor, metadata["import.recorded"].via) == ("nightly.py", "cron")
    assert metadata["vm.change-requested"].actor == "nobody we know of"


def test_what_a_file_does_not_say_is_said_beside_it(ledger: Ledger, tmp_path: Path) -> None:
    (counters := tmp_path / "counters.csv").write_text(COUNTERS)
    import_hyperv(ledger, [counters], actor="ops", host="HV09", zone="+01:00")
    sampled = next(ledger.stream("vm/db01"))
    assert isinstance(sampled.event, VmObserved)
    assert (sampled.event.host, sampled.metadata.happened) == ("hv09", "2026-11-23T08:00:00.000000Z")
    (imported,) = import_hyperv(ledger, [GET_VM], actor="ops", at="2026-11-23T11:00:00+01:00", prefix="lab")
    assert (imported.format, imported.prefix, imported.recorded) == ("hyperv-json", "lab", 1)
    (vm_event,) = [item for item in ledger.events() if item.stream.startswith("vm/lab.")]
    assert vm_event.metadata.happened == "2026-11-23T10:00:00.000000Z"
    with pytest.raises(InputError, match="does not say its time zone"):
        import_hyperv(ledger, [GET_VM], actor="ops", at="2026-11-23 10:00")
    with pytest.raises(InputError, match="there is no time zone 'Mars'"):
        import_hyperv(ledger, [DAY], actor="ops", zone="Mars")


def test_what_ends_an_import_says_what_was_recorded_before_it(ledger: Ledger, tmp_path: Path) -> None:
    file = bad(tmp_path)
    with pytest.raises(ImportStopped, match=r"bad\.jsonl:3: the spool's schema is 9") as stopped:
        import_hyperv(ledger, [file], actor="ops")
    assert "newer collector" in stopped.value.hint
    (imported,) = stopped.value.files
    assert (imported.file, imported.records, imported.recorded) == (str(file), 4, ledger.position - 1)
    assert ledger.position > 0
    assert isinstance(stopped.value, InputError)


def test_a_file_that_is_none_of_the_known_ends_an_import_before_anything_is_recorded(
    ledger: Ledger, tmp_path: Path
) -> None:
    (strange := tmp_path / "strange.txt").write_text("hello\n")
    for files in ([DAY, strange], [DAY, tmp_path / "missing.jsonl"]):
        with pytest.raises(InputError):
            import_hyperv(ledger, files, actor="ops")
    assert ledger.position == 0


def test_who_keeps_going_gets_an_account_of_every_file_in_their_order(ledger: Ledger, tmp_path: Path) -> None:
    (strange := tmp_path / "strange.txt").write_text("hello\n")
    missing = tmp_path / "missing.jsonl"
    files = import_hyperv(ledger, [strange, bad(tmp_path), missing], actor="ops", keep_going=True)
    assert [(Path(item.file).name, item.format, item.records, len(item.errors)) for item in files] == [
        ("strange.txt", None, 0, 1),
        ("bad.jsonl", "hyperv-spool", 6, 1),
        ("missing.jsonl", None, 0, 1),
    ]
    assert files[2].errors[0].message.endswith("missing.jsonl: No such file or directory")
    assert list(ledger.stream(f"vm/{WEB}"))


def test_progress_counts_the_records_of_all_files(ledger: Ledger, tmp_path: Path) -> None:
    (other := tmp_path / "HV02.jsonl").write_bytes(Spool("HV02").poll(0, vm()).poll(2).data)
    counted: list[int] = []
    files = import_hyperv(ledger, [DAY, other], actor="ops", progress=counted.append)
    assert counted == sorted(counted)
    assert counted[-1] == sum(item.records for item in files) == 30
    counted.clear()
    qemu = import_qemu(
        ledger, [S7, S7.with_name("s2_shrink_in_use_partial.jsonl")], actor="ops", progress=counted.append
    )
    assert counted == sorted(counted)
    assert counted[-1] == sum(item.records for item in qemu)


def test_a_recording_is_recorded_under_its_scenario_or_a_name_of_ones_own(ledger: Ledger) -> None:
    (imported,) = import_qemu(ledger, [S7], actor="ops")
    assert (imported.format, imported.prefix, imported.records, imported.recorded) == (
        "qemu",
        "s7_three_vms_one_budget",
        53,
        58,
    )
    (other,) = import_qemu(ledger, [S7], actor="ops", prefix="lab")
    assert (other.prefix, other.recorded) == ("lab", 58)


def test_a_recording_that_cannot_be_read_ends_the_import_or_is_passed_over(ledger: Ledger, tmp_path: Path) -> None:
    (cut := tmp_path / "cut.jsonl").write_bytes(S7.read_bytes()[:5000] + b"\n")
    missing = tmp_path / "missing.jsonl"
    with pytest.raises(ImportStopped, match=r"cut\.jsonl:\d+: ") as stopped:
        import_qemu(ledger, [S7, cut], actor="ops", prefix="lab")
    assert [item.recorded for item in stopped.value.files] == [58, 0]
    files = import_qemu(ledger, [cut, missing, S7], actor="ops", prefix="lab", keep_going=True)
    assert [(item.format, len(item.errors)) for item in files] == [("qemu", 1), (None, 1), ("qemu", 0)]


def test_the_command_line_records_the_same(ledger: Ledger, tmp_path: Path) -> None:
    (imported,) = import_hyperv(ledger, [DAY], actor="ann")
    (folder := tmp_path / "desk").mkdir()
    answer = Desk(folder).call("import-hyperv", str(DAY), "--format", "json").json
    assert answer["files"] == [figures(imported)]
    (imported,) = import_qemu(ledger, [S7], actor="ann")
    answer = Desk(folder).call("import-qemu", str(S7), "--format", "json").json
    assert answer["files"] == [figures(imported)]
    with Ledger.open(f"sqlite:///{folder}/ledger.db", read_only=True) as other:
        assert [item.event for item in other.events()] == [item.event for item in ledger.events()]


def figures(file: ImportedFile) -> dict[str, object]:
    """What the command line's document has of it."""
    names = ("file", "format", "prefix", "records", "events", "repeats", "not_needed", "recorded", "remarks")
    return {name: getattr(file, name) for name in names}
