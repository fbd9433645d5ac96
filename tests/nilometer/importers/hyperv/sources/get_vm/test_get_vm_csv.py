"""``Get-VM`` and its like through Export-Csv: the same objects as in JSON, as texts."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.state import Power
from nilometer.importers.hyperv.sources.get_vm import converted_json, exported_csv
from tests.nilometer.importers.hyperv.sources.files import read, read_on, vms
from tests.nilometer.importers.hyperv.sources.get_vm.test_get_vm import SYNTHETIC_HOST, SYNTHETIC_MEMORY, SYNTHETIC_VM

TYPE = "#TYPE Microsoft.HyperV.PowerShell.VirtualMachine\r\n"


def exported(*objects: dict[str, Any], delimiter: str = ",") -> str:
    """A synthetic table, every cell quoted, as Windows PowerShell writes it."""
    out = io.StringIO()
    writer = csv.DictWriter(out, objects[0], quoting=csv.QUOTE_ALL, delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(objects)
    return out.getvalue()


VM = SYNTHETIC_VM | {"State": "Running", "Uptime": "10:20:36.5000000", "Notes": 'two\r\nlines, "quoted"'}


@pytest.mark.parametrize("begin", ["", TYPE])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("properties", [VM, SYNTHETIC_MEMORY, SYNTHETIC_HOST])
def test_a_table_is_read_as_the_same_objects_in_json(begin: str, delimiter: str, properties: dict[str, Any]) -> None:
    text = begin + exported(properties, delimiter=delimiter)
    assert exported_csv.recognises(text.encode())
    (found,), (same,) = read(exported_csv, text), read(converted_json, json.dumps(properties))
    assert repr(found).replace(found.record, "") == repr(same).replace(same.record, "")


def test_a_row_that_cannot_be_read_does_not_hide_the_others() -> None:
    other = VM | {"VMId": SYNTHETIC_MEMORY["VMId"][:-1] + "7", "Name": "web02", "Notes": ""}
    lines = exported(VM | {"Notes": ""}, VM | {"MemoryAssigned": "2 GB", "Notes": ""}, other).splitlines()
    readings, errors = read_on(exported_csv, "\n".join([*lines[:3], "cut,off", lines[3]]))
    assert [(each.listing.name, each.listing.power) for each in vms(readings)] == [
        ("web01", Power.RUNNING), ("web02", Power.RUNNING),
    ]  # fmt: skip
    assert errors == [
        "file:3: MemoryAssigned '2 GB' is a text with a unit, not a size in bytes",
        f"file:4: has 2 columns, and the head has {len(VM)}",
    ]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 400), st.integers(0, 60))
def test_damage_is_told_or_harmless(junk: bytes, at: int, length: int) -> None:
    data = exported(VM).encode()
    read_on(exported_csv, data[:at] + junk + data[at + length :])
