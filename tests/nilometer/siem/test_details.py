"""What an event says beyond its columns: moves, reasons, refusals, causes and annotations are told as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest

from domain.observed.words import UNKNOWN_ACTOR
from nilometer.siem.details import read_details
from tests.nilometer.history.stored_rows import row_of
from tests.nilometer.siem.test_forms import LEDGER, documents, lines, parsed_cef

LINE: Final[Mapping[str, Any]] = {
    "position": 1,
    "subject": "vm/web01",
    "version": 3,
    "time": "2026-11-23T09:00:00.000000Z",
    "recorded": "2026-11-23T09:00:01.000000Z",
    "actor": "ann",
    "via": "test",
}


def in_all_forms(kind: str, **data: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """An event of a VM in all forms."""
    line = {**LINE, "type": f"nilometer.{kind}.v1", "data": {"origin": "observed", **data}}
    (ocsf,), (ecs,) = documents("ocsf", [row_of(line)]), documents("ecs", [row_of(line)])
    return ocsf, ecs, parsed_cef(lines("cef", [row_of(line)])[0])[1]


def test_a_change_that_nobody_is_named_for_has_no_user() -> None:
    line = row_of({**LINE, "type": "nilometer.vm.memory-moved.v1", "data": {}, "actor": UNKNOWN_ACTOR})
    (ocsf,), (ecs,), (cef,) = documents("ocsf", [line]), documents("ecs", [line]), lines("cef", [line])
    assert ocsf["actor"] == {"app_name": "test"}
    assert "user" not in ecs
    assert "suser" not in parsed_cef(cef)[1]
    assert not any(UNKNOWN_ACTOR in text for text in (json.dumps(ocsf), json.dumps(ecs), cef))


def test_a_move_says_from_which_host_and_to_which() -> None:
    ocsf, ecs, cef = in_all_forms("vm.moved", command="move-vm", outcome="done", source="hv01", destination="hv02")
    assert (ocsf["unmapped"]["host_before"], ocsf["unmapped"]["host"]) == ("hv01", "hv02")
    assert ecs["related"]["hosts"] == ["hv01", "hv02", "web01"]
    assert cef["msg"] == "move-vm of web01 from hv01 to hv02 by ann: done"


def test_a_refused_command_says_what_it_was_given_and_which_policies_refused_it() -> None:
    ocsf, ecs, cef = in_all_forms(
        "vm.refused-by-policy",
        command="start",
        outcome="rejected",
        code="policy",
        arguments={"amount": 5},
        policies=[{"policy": "a"}, {"policy": "b"}],
    )
    for details in (ocsf["unmapped"], ecs["nilometer"]):
        assert (details["arguments"], details["policies"]) == ({"amount": 5}, ["a", "b"])
    assert (cef["cs6"], cef["cs6Label"]) == ("a, b", "policies")
    assert ocsf["message"] == cef["msg"] == "start of web01 by ann: rejected (policy a, b)"


def test_a_cause_that_was_concluded_is_not_told_as_one_that_was_reported() -> None:
    settled = {"outcome": "failed", "amount": 8, "granted": 0, "code": "memory-in-use", "still_open": True}
    ocsf, ecs, cef = in_all_forms("vm.request-settled", **settled, cause_is="inferred", late=False)
    for details in (ocsf["unmapped"], ecs["nilometer"]):
        assert (details["cause_is"], details["still_open"], details["late"]) == ("inferred", True, False)
    settled_as = "vm.request-settled of web01 by ann: failed, 0 of 8 bytes (memory-in-use"
    assert cef["msg"] == f"{settled_as}, inferred), still open"
    assert in_all_forms("vm.request-settled", **settled, cause_is="told")[2]["msg"] == f"{settled_as}), still open"


@pytest.mark.parametrize(
    ("kind", "size", "label"),
    [
        ("vm.memory-moved", {"size_to": 8}, "deviceSizeAfter"),
        ("vm.change-requested", {"target": 8, "accepted": True}, "deviceSizeRequested"),
    ],
)
def test_memory_that_moves_has_the_sizes_of_its_device(kind: str, size: dict[str, int], label: str) -> None:
    _, _, cef = in_all_forms(kind, device="dimm0", size_from=4, **size)
    assert (cef["flexNumber1"], cef["flexNumber1Label"]) == ("4", "deviceSizeBefore")
    assert (cef["flexNumber2"], cef["flexNumber2Label"]) == ("8", label)
    assert cef["msg"] == f"{kind} of web01 by ann: dimm0 from 4 to 8 bytes"


def test_a_request_that_a_hypervisor_did_not_accept_says_so() -> None:
    assert in_all_forms("vm.change-requested", target=8, accepted=False)[2]["msg"].endswith(
        ": memory to 8 bytes, not accepted"
    )


def test_an_annotation_says_what_it_adds_and_to_which_event() -> None:
    ocsf, ecs, cef = in_all_forms("vm.annotated", about=2, reason="month end", ticket="CHG-1", approved_by="ben")
    for details in (ocsf["unmapped"], ecs["nilometer"]):
        assert (details["about"], details["ticket"]) == (f"{LEDGER}/vm/web01/2", "CHG-1")
    assert ocsf["comment"] == ecs["event"]["reason"] == cef["reason"] == "month end"
    assert ecs["related"]["user"] == ["ann", "ben"]
    assert cef["msg"] == "vm.annotated of web01 by ann, ticket CHG-1, approved by ben"


def test_the_size_of_an_imported_file_is_no_size_of_memory() -> None:
    ocsf, ecs, _ = in_all_forms("import.begun", size=8572, file="a.jsonl", sha256="ab", format="get-vm")
    for details in (ocsf["unmapped"], ecs["nilometer"]):
        assert "size" not in details
        assert (details["file_size"], details["file"], details["sha256"]) == (8572, "a.jsonl", "ab")


def test_an_interval_is_one_in_ocsf_too() -> None:
    line = row_of(
        {**LINE, "type": "nilometer.vm.memory-moved.v1", "data": {}, "earliest": "2026-11-23T08:59:00.000000Z"}
    )
    (document,) = documents("ocsf", [line])
    assert (document["start_time"], document["end_time"]) == (document["time"] - 60_000, document["time"])


def test_a_change_of_the_policies_names_which() -> None:
    line = {**LINE, "subject": "policies/adopted", "type": "nilometer.policies.changed.v1", "data": {"policy": "half"}}
    (document,) = documents("ocsf", [row_of(line)])
    assert document["message"] == "policies.changed of half by ann"
    assert document["entity"]["type"] == "Policies"


def test_what_has_another_type_than_it_should_is_left_out() -> None:
    odd = {"source": ["no text"], "arguments": 5, "policies": [{"policy": 3}, "x", None], "about": "2"}
    assert [read_details(kind, odd, "a/1") for kind in ("vm.moved", "vm.annotated", "vm.refused-by-policy")] == [{}] * 3
    assert read_details("vm.refused-by-policy", {"policies": {"policy": "x"}}, "a/1") == {}
