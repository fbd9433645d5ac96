"""Memory modules that are plugged and unplugged beside virtio-mem, and guests that refuse them."""

from __future__ import annotations

import pytest

from domain.decision import Outcome
from domain.observed.events import VmMemoryMoved, VmObserved, VmRequestSettled
from domain.observed.words import CauseIs, ObservedCode
from domain.quantities import MiB
from tests.nilometer.importers.qemu.modules import AROUND, UNPLUG, moves, plugged
from tests.nilometer.importers.qemu.reading import events, observations
from tests.nilometer.importers.qemu.synthetic import Json, Recording


def unplugging(made: Recording, at: float = 10) -> Recording:
    fields: Json = {"mechanism": "pc-dimm", "requested": 256 * MiB, "qmp": UNPLUG, "reply": {"return": {}}}
    return made.add(at, "command", accepted=True, **fields)


def ost(source: int, status: int, device: str = "d1", slot_type: str = "DIMM") -> Json:
    return {"info": {"device": device, "slot": "0", "slot-type": slot_type, "source": source, "status": status}}


def last_settled(made: Recording) -> VmRequestSettled:
    return events(made.lines, VmRequestSettled)[-1]


def test_a_module_is_plugged_and_unplugged_beside_virtio_mem() -> None:
    made = unplugging(plugged()).qmp(10.5, "DEVICE_DELETED", {"device": "d1", "path": "/machine/peripheral/d1"})
    made.poll(10.6, 256, "pc-dimm")
    made.step(11, 256, 384, 256, "complete", "pc-dimm", before=AROUND["after"], after=AROUND["before"]).end(20)
    assert moves(made) == [("vm0", 0, 256, None), ("pc-dimm", 0, 128, 1), ("pc-dimm", 128, 0, 2)]
    assert [one.outcome for one in events(made.lines, VmRequestSettled)] == [Outcome.COMPLETED] * 2
    assert [one.told for one in events(made.lines, VmObserved) if one.label == "DEVICE_DELETED"]
    assert observations(made.lines)[1].not_needed == {"meta": 1, "prepared": 1}


def test_a_module_that_is_gone_backs_nothing_any_more() -> None:
    backend = {"qom-type": "memory-backend-file", "id": "m2", "prealloc": True}
    files = {"execute": "object-add", "arguments": backend}
    other = {"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d2", "memdev": "m2"}}
    backed: list[bool | None] = []
    for gone in (False, True):
        made = unplugging(plugged().add(0, "pool", None, capacity=4096 * MiB, free=4096 * MiB))
        if gone:
            made.qmp(10.5, "DEVICE_DELETED", {"device": "d1"})
        made.poll(10.6, 256, "pc-dimm")
        made.add(12, "command", mechanism="pc-dimm", requested=None, qmp=files, reply={}, accepted=True)
        made.add(13, "command", mechanism="pc-dimm", requested=384 * MiB, qmp=other, reply={}, accepted=True)
        made.poll(14, 384, "pc-dimm").end(20)
        backed.append(events(made.lines, VmMemoryMoved)[-1].backed)
    assert backed == [None, True], "some of the modules in files, or all"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("MEM_UNPLUG_ERROR", {"device": "d1", "msg": "acpi: device unplug request for unsupported device"}),
        ("DEVICE_UNPLUG_GUEST_ERROR", {"device": "d1", "path": "/machine/peripheral/d1"}),
        ("DEVICE_UNPLUG_GUEST_ERROR", {"path": "/machine/peripheral/d1"}),
        ("ACPI_DEVICE_OST", ost(3, 0x81)),
        ("ACPI_DEVICE_OST", ost(0x103, 1)),
    ],
)
def test_a_guest_that_keeps_its_module_has_refused(name: str, data: Json) -> None:
    without_a_step = unplugging(plugged()).qmp(10.5, name, data).end(20)
    with_a_step = unplugging(plugged()).qmp(10.5, name, data)
    with_a_step.step(70, 256, 384, 384, "unchanged", "pc-dimm", before=AROUND["after"], after=AROUND["after"]).end(80)
    for made in (without_a_step, with_a_step):
        settled = last_settled(made)
        assert (settled.outcome, settled.code, settled.cause_is, settled.still_open) == (
            Outcome.FAILED,
            ObservedCode.REFUSED_BY_GUEST,
            CauseIs.REPORTED,
            False,
        )
        assert str(next(iter(data))) in (settled.told or "")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("MEM_UNPLUG_ERROR", {"device": "d7", "msg": "no"}),
        ("ACPI_DEVICE_OST", ost(3, 0)),
        ("ACPI_DEVICE_OST", ost(3, 0x84)),
        ("ACPI_DEVICE_OST", ost(0x200, 0x80)),
        ("ACPI_DEVICE_OST", ost(3, 0x81, "d1", "CPU")),
        ("ACPI_DEVICE_OST", {"info": None}),
        ("ACPI_DEVICE_OST", {"info": {"status": [1], "source": []}}),
        ("ACPI_DEVICE_OST", None),
    ],
)
def test_what_is_said_of_something_else_or_is_not_yet_over_refuses_nothing(name: str, data: Json | None) -> None:
    made = unplugging(plugged()).qmp(10.5, name, data).poll(12, 256, "pc-dimm").end(20)
    assert last_settled(made).outcome is Outcome.COMPLETED
    assert name in [one.label for one in events(made.lines, VmObserved)], "its words are kept"


def test_an_event_of_a_refusal_without_a_request_is_kept_and_refuses_nothing() -> None:
    made = plugged().qmp(9, "MEM_UNPLUG_ERROR", {"device": "d1", "msg": "no"}).end(20)
    assert [one.outcome for one in events(made.lines, VmRequestSettled)] == [Outcome.COMPLETED]
