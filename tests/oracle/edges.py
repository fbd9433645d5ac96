"""Further vectors, in the same form: ties, the order of the checks, and what is easily misread."""

from __future__ import annotations

from tests.oracle.shapes import FLOOR, MIB, TIB, Line
from tests.oracle.vectors import Vector, do, dynamic, host, running, static, told, vm

HV01, HV02 = "host/hv01", "host/hv02"
A = "vm/a"


def _at(size: int, in_use: int | None, guest: str = "windows", config_version: str = "10.0") -> tuple[Line, ...]:
    return (host(65536), *running(vm("a", static(size), guest=guest, config_version=config_version), in_use))


def _used(in_use: int) -> tuple[Line, ...]:
    """A windows VM of 4096 MiB with so many bytes in use."""
    return (*_at(4096, None), {"command": "report-in-use", "vm": "a", "in_use": in_use})


def _rejected(name: str, given: tuple[Line, ...], when: Line, code: str, granted: int | None = 0) -> Vector:
    return Vector(name, given, when, "rejected", code, granted, streams=(A,))


def _balanced(guest: str, in_use: int | None = None) -> tuple[Line, ...]:
    return (host(65536), *running(vm("a", dynamic(512, 2048, 4096), guest=guest), in_use))


def _big(size: int) -> Line:
    return {**vm("a", static(0)), "memory": {"static": {"size": size}}}


_SHRUNK = (*_at(4096, 0), do("remove-memory", amount=2048))
_SMALL = (
    host(4096, 0),
    *running(vm("a", dynamic(512, 2048, 4096), guest="linux"), 0),
    do("reclaim", amount=1024),
)
_CROWDED = (*_SMALL, *running(vm("b", static(2050))))
_TWO_HOSTS = (*_at(4096, 0), host(2048, 0, "hv02"))
_TO_HV02: Line = {"command": "move-vm", "vm": "a", "to": "hv02"}
_HUGE = (host(16 * TIB // MIB, 0), host(16 * TIB // MIB, 0, "hv02", "2016"))
_WATERMARK = (
    *_HUGE,
    {**_big(12 * TIB + 2 * MIB), "guest": "linux"},
    do("start"),
    do("report-in-use", in_use=0),
    do("remove-memory", amount=2),
)

EDGES: tuple[Vector, ...] = (
    Vector(
        "in use is blamed before the floor on a tie",
        _used(FLOOR),
        do("remove-memory", amount=4096),
        "partially-completed",
        "memory-in-use",
        4064 * MIB,
        streams=(A, HV01),
    ),
    Vector(
        "one byte less in use and the floor is to blame",
        _used(FLOOR - 1),
        do("remove-memory", amount=4096),
        "partially-completed",
        "minimum-reached",
        4064 * MIB,
    ),
    Vector(
        "bounds are compared before rounding",
        _used(FLOOR + 1),
        do("remove-memory", amount=4096),
        "partially-completed",
        "memory-in-use",
        4062 * MIB,
    ),
    Vector(
        "the host is blamed before the cap on a tie",
        (host(TIB // MIB, 0), *running({**_big(TIB - 2 * MIB), "generation": 1})),
        do("add-memory", amount=4),
        "partially-completed",
        "insufficient-host-memory",
        2 * MIB,
    ),
    _rejected(
        "6.1 cannot resize",
        _at(4096, 0, config_version="6.1"),
        do("add-memory", amount=2),
        "configuration-version",
    ),
    Vector(
        "6.2 can resize",
        _at(4096, 0, config_version="6.2"),
        do("add-memory", amount=2),
        "completed",
        None,
        2 * MIB,
    ),
    _rejected(
        "power comes first",
        (*_balanced("windows"), do("pause")),
        do("add-memory", amount=1),
        "wrong-power-state",
    ),
    _rejected("then the mode", _balanced("unenlightened"), do("add-memory", amount=1), "dynamic-memory-enabled"),
    _rejected(
        "then the guest",
        _at(4096, None, "windows-legacy", "5.0"),
        do("add-memory", amount=1),
        "guest-cannot-resize",
    ),
    _rejected(
        "then the configuration version",
        _at(4096, None, "linux", "5.0"),
        do("remove-memory", amount=1),
        "configuration-version",
    ),
    _rejected("then the amount, then the report", _at(4096, None), do("remove-memory", amount=1), "invalid-amount"),
    _rejected("reclaim needs a report", _balanced("linux"), do("reclaim", amount=2), "in-use-not-reported"),
    Vector(
        "reclaim from windows-legacy needs none",
        _balanced("windows-legacy"),
        do("reclaim", amount=2048),
        "partially-completed",
        "minimum-reached",
        1536 * MIB,
        {"a": told(assigned=512, visible=2048)},
        streams=(A, HV01),
    ),
    Vector(
        "setting the size that it has records nothing",
        _at(4096, 0),
        do("set-memory", size=4096),
        "completed",
        None,
        0,
        streams=(),
    ),
    Vector(
        "a paused VM that has the size already needs nothing either",
        (*_at(4096, 0), do("pause")),
        do("set-memory", size=4096),
        "completed",
        None,
        0,
        streams=(),
    ),
    Vector(
        "set-memory takes no less than remove-memory would",
        _at(4096, 0),
        do("set-memory", size=0),
        "partially-completed",
        "minimum-reached",
        4064 * MIB,
        {"a": told(assigned=32, startup=32)},
    ),
    Vector(
        "set-memory configures a VM that is off",
        (host(65536), vm("a", static(4096))),
        do("set-memory", size=2048),
        "done",
        vms={"a": told(startup=2048, assigned=0)},
        streams=(A,),
    ),
    Vector(
        "a restart keeps the size",
        (*_SHRUNK, do("stop")),
        do("start"),
        "done",
        vms={"a": told(session=2, assigned=2048, startup=2048, high_watermark=2048)},
        streams=(A, HV01),
    ),
    Vector("a saved VM has nothing to give back", (*_at(4096, 0), do("save")), do("stop"), "done", streams=(A,)),
    Vector(
        "a reboot at startup leaves the host alone",
        _at(4096, 100),
        do("reboot-guest"),
        "done",
        vms={"a": told(session=2, in_use=0, in_use_reported=False)},
        streams=(A,),
    ),
    Vector(
        "a reboot takes what startup needs more",
        _SMALL,
        do("reboot-guest"),
        "done",
        vms={"a": told(session=2, assigned=2048, ballooned=0)},
        hosts={"hv01": told(free=2048)},
        streams=(A, HV01),
    ),
    Vector(
        "a reboot without room fails",
        _CROWDED,
        do("reboot-guest"),
        "failed",
        "insufficient-host-memory",
        vms={"a": told(session=1, assigned=1024, ballooned=1024)},
        streams=(A,),
    ),
    Vector(
        "a saved VM moves to any host",
        (*_TWO_HOSTS, do("save")),
        _TO_HV02,
        "done",
        vms={"a": told(host="hv02", power="saved", assigned=4096, held=0)},
        hosts={"hv01": told(free=65536 - 2304), "hv02": told(free=2048)},
        streams=(A, HV01, HV02),
    ),
    Vector(
        "a paused one needs its room there",
        (*_TWO_HOSTS, do("pause")),
        _TO_HV02,
        "failed",
        "insufficient-host-memory",
        vms={"a": told(host="hv01")},
        streams=(A,),
    ),
    Vector(
        "a saved one is not restored without room",
        (*_TWO_HOSTS, do("save"), _TO_HV02),
        do("restore"),
        "failed",
        "insufficient-host-memory",
        streams=(A,),
    ),
    _rejected(
        "a setting may be too large there",
        (*_HUGE, _big(12 * TIB + 2 * MIB)),
        _TO_HV02,
        "invalid-setting",
        None,
    ),
    _rejected("a watermark may be too high there", _WATERMARK, _TO_HV02, "invalid-setting", None),
    Vector(
        "resizing to the same size records nothing",
        (host(65536),),
        {"command": "resize-host", "host": "hv01", "total": 65536 * MIB},
        "done",
        hosts={"hv01": told(total=65536)},
        streams=(),
    ),
    Vector(
        "a refused definition is recorded on the host",
        (host(65536),),
        vm("a", dynamic(512, 256, 1024)),
        "rejected",
        "invalid-setting",
        streams=(HV01,),
    ),
    Vector(
        "a VM moves to another host with equal figures",
        (*_at(4096, 0), host(65536, id="hv02"), {**vm("b", static(4096)), "host": "hv02"}, do("start", "b")),
        _TO_HV02,
        "done",
        vms={"a": {"host": "hv02"} | told(assigned=4096)},
        hosts={"hv01": told(free=65536 - 2304), "hv02": told(free=65536 - 2304 - 2 * 4096)},
        streams=(A, HV01, HV02),
    ),
    Vector(
        "an id is never used again",
        (host(65536), vm("a", static(64)), do("remove-vm")),
        vm("a", static(64)),
        "input-error",
        streams=(),
    ),
    Vector(
        "a wider setting fits while paused",
        (*_balanced("windows"), do("pause")),
        {"command": "configure-memory", "vm": "a", "memory": dynamic(256, 2048, 8192, 30, 70)},
        "done",
        vms={"a": told(minimum=256, maximum=8192, assigned=2048)},
        streams=(A,),
    ),
    Vector(
        "static goes before the figures while it runs, the figures' validity before both",
        _at(4096, 0),
        {"command": "configure-memory", "vm": "a", "memory": static(4097)},
        "rejected",
        "invalid-setting",
        streams=(A,),
    ),
)
