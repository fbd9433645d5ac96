"""The vectors of the memory model as data: given these lines, when this one, then exactly this.

Whatever runs script lines can be held to them. No given line is failed, rejected or an input error. Sizes are
bytes; unless a row says otherwise the VM is of generation 2, the host a 2022 one, and in use is reported.
Of the figures, mode, startup, minimum, maximum, buffer and weight are those of the setting.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.oracle.shapes import MIB, QUANTUM, TIB, Line

Figures = dict[str, object]


def _no_figures() -> dict[str, Figures]:
    return {}


@dataclass(frozen=True)
class Vector:
    """One row. ``vms`` and ``hosts`` hold the figures afterwards, by id; a host also tells ``free``.

    ``streams``, where given, are those that get an event.
    """

    name: str
    given: tuple[Line, ...]
    when: Line
    outcome: str
    code: str | None = None
    granted: int | None = None
    vms: dict[str, Figures] = field(default_factory=_no_figures)
    hosts: dict[str, Figures] = field(default_factory=_no_figures)
    streams: tuple[str, ...] | None = None


def host(total: int, reserve: int = 2304, id: str = "hv01", version: str = "2022") -> Line:
    """A host with so many MiB."""
    return {
        "command": "register-host",
        "host": id,
        "version": version,
        "total": total * MIB,
        "reserve": reserve * MIB,
    }


def static(size: int) -> Line:
    """A static setting of so many MiB."""
    return {"static": {"size": size * MIB}}


def dynamic(minimum: int, startup: int, maximum: int, buffer: int = 20, weight: int = 50) -> Line:
    """A dynamic setting in MiB."""
    sizes = {"minimum": minimum * MIB, "startup": startup * MIB, "maximum": maximum * MIB}
    return {"dynamic": {**sizes, "buffer": buffer, "weight": weight}}


def vm(id: str, memory: Line, guest: str = "windows", generation: int = 2, config_version: str = "10.0") -> Line:
    """The definition of a VM on hv01."""
    return {
        "command": "define-vm",
        "vm": id,
        "host": "hv01",
        "generation": generation,
        "guest": guest,
        "config_version": config_version,
        "memory": memory,
    }


def do(command: str, id: str = "a", **sizes: int) -> Line:
    """A command on a VM, its sizes in MiB."""
    return {"command": command, "vm": id, **{key: size * MIB for key, size in sizes.items()}}


def running(definition: Line, in_use: int | None = 0) -> tuple[Line, ...]:
    """The lines that define a VM, start it, and (unless None) report what is in use."""
    id = str(definition["vm"])
    started = (definition, do("start", id))
    return started if in_use is None else (*started, do("report-in-use", id, in_use=in_use))


def told(**figures: int | str | bool) -> Figures:
    """Figures in MiB, but for session, power and yes or no."""
    return {
        key: value * MIB if isinstance(value, int) and not isinstance(value, bool) and key != "session" else value
        for key, value in figures.items()
    }


def _two_on(total: int) -> tuple[Line, ...]:
    return (host(total), *running(vm("a", static(16384))), *running(vm("b", static(32768))))


def _windows(size: int, in_use: int | None, generation: int = 2) -> tuple[Line, ...]:
    return (host(65536), *running(vm("a", static(size), generation=generation), in_use))


_SHRUNK = (*_windows(8192, 5001), do("remove-memory", amount=4096), do("report-in-use", in_use=3000))
_LEGACY = (host(65536), *running(vm("a", dynamic(512, 2048, 4096), guest="windows-legacy"), 600))
_RECLAIMED = (*_LEGACY, do("reclaim", amount=1408))
_GROWN = (*_RECLAIMED, do("grow", amount=3456), do("report-in-use", in_use=1500))
_PAGED = (*_GROWN, do("reclaim", amount=3072))
_DYNAMIC = (host(65536), *running(vm("a", dynamic(512, 2048, 4096))))
_STATIC_PAUSED = (*_windows(4096, 500), do("pause"))
_AT_CAP = (host(2097152), *running(vm("a", static(1048576), generation=1)))


def _configure(memory: Line) -> Line:
    return {"command": "configure-memory", "vm": "a", "memory": memory}


def _unchanged(size: int, **more: int) -> dict[str, Figures]:
    return {"a": told(assigned=size, visible=size, startup=size, **more)}


def _removed_2048(generation: int) -> Vector:
    return Vector(
        f"a windows guest of generation {generation} hot-removes what is free",
        _windows(8192, 5001, generation),
        do("remove-memory", amount=2048),
        "completed",
        granted=2048 * MIB,
        vms={"a": told(assigned=6144, visible=6144, ballooned=0, high_watermark=8192, in_use=5001)},
        hosts={"hv01": told(free=65536 - 2304 - 6144)},
    )


def _refused_configuration(name: str, memory: Line) -> Vector:
    return Vector(
        f"a running dynamic VM refuses {name}",
        _DYNAMIC,
        _configure(memory),
        "rejected",
        "not-while-running",
        vms={"a": told(minimum=512, startup=2048, maximum=4096, mode="dynamic")},
    )


VECTORS: tuple[Vector, ...] = (
    Vector(
        "a host gives what it has left",
        _two_on(65536),
        do("add-memory", amount=16384),
        "partially-completed",
        "insufficient-host-memory",
        14080 * MIB,
        {"a": told(assigned=30464, visible=30464, startup=30464), "b": told(assigned=32768)},
        {"hv01": told(free=0)},
    ),
    Vector(
        "less than a quantum stays with the host",
        _two_on(65537),
        do("add-memory", amount=16384),
        "partially-completed",
        "insufficient-host-memory",
        14080 * MIB,
        {"a": told(assigned=30464, visible=30464), "b": told(assigned=32768)},
        {"hv01": told(free=1)},
    ),
    Vector(
        "a host with less than a quantum gives nothing",
        _two_on(16384 + 32768 + 2304 + 1),
        do("add-memory", amount=2),
        "failed",
        "insufficient-host-memory",
        0,
        _unchanged(16384, high_watermark=16384),
        {"hv01": told(free=1)},
    ),
    Vector(
        "a windows guest keeps what is in use",
        _windows(8192, 5001),
        do("remove-memory", amount=4096),
        "partially-completed",
        "memory-in-use",
        3190 * MIB,
        _unchanged(5002, in_use=5001, hot_pluggable=5002, ballooned=0),
        {"hv01": told(free=65536 - 2304 - 5002)},
    ),
    Vector(
        "with memory freed in the guest the rest can go",
        _SHRUNK,
        do("remove-memory", amount=906),
        "completed",
        None,
        906 * MIB,
        _unchanged(4096, in_use=3000, hot_pluggable=4096),
        {"hv01": told(free=65536 - 2304 - 4096)},
    ),
    _removed_2048(1),
    _removed_2048(2),
    Vector(
        "nothing can go when all but one MiB is in use",
        _windows(4096, 4095),
        do("remove-memory", amount=2048),
        "failed",
        "memory-in-use",
        0,
        _unchanged(4096, in_use=4095),
        {"hv01": told(free=65536 - 2304 - 4096)},
    ),
    Vector(
        "a VM keeps its floor",
        _windows(4096, 31),
        do("remove-memory", amount=4096),
        "partially-completed",
        "minimum-reached",
        4064 * MIB,
        _unchanged(32, in_use=31),
    ),
    Vector(
        "nothing is taken before the guest has reported",
        _windows(4096, None),
        do("remove-memory", amount=2048),
        "rejected",
        "in-use-not-reported",
        0,
        _unchanged(4096),
    ),
    Vector(
        "a windows-legacy guest balloons and goes on seeing its watermark",
        _LEGACY,
        do("reclaim", amount=1408),
        "completed",
        None,
        1408 * MIB,
        {"a": told(assigned=640, ballooned=1408, visible=2048, high_watermark=2048, in_use=600, paged_out=0)},
    ),
    Vector(
        "the balloon is let down before memory is hot-added",
        _RECLAIMED,
        do("grow", amount=3456),
        "completed",
        None,
        3456 * MIB,
        {"a": told(assigned=4096, ballooned=0, visible=4096, high_watermark=4096, in_use=600)},
    ),
    Vector(
        "what no longer fits is paged out",
        _GROWN,
        do("reclaim", amount=3072),
        "completed",
        None,
        3072 * MIB,
        {"a": told(assigned=1024, ballooned=3072, visible=4096, high_watermark=4096, in_use=1024, paged_out=476)},
    ),
    Vector(
        "a reboot begins a new session at startup",
        _PAGED,
        do("reboot-guest"),
        "done",
        vms={
            "a": told(
                session=2,
                assigned=2048,
                visible=2048,
                high_watermark=2048,
                ballooned=0,
                in_use=0,
                in_use_reported=False,
                paged_out=0,
            )
        },
        hosts={"hv01": told(free=65536 - 2304 - 2048)},
    ),
    Vector(
        "a linux guest balloons and sees less",
        (host(65536), *running(vm("a", static(4096), guest="linux"), 500)),
        do("remove-memory", amount=2048),
        "completed",
        None,
        2048 * MIB,
        {"a": told(assigned=2048, ballooned=2048, visible=2048, high_watermark=4096, startup=2048)},
    ),
    Vector(
        "a linux-legacy guest balloons and sees its watermark",
        (host(65536), *running(vm("a", static(4096), guest="linux-legacy"), 500)),
        do("remove-memory", amount=2048),
        "completed",
        None,
        2048 * MIB,
        {"a": told(assigned=2048, ballooned=2048, visible=4096, high_watermark=4096, startup=2048)},
    ),
    _refused_configuration("a lower maximum", dynamic(512, 2048, 4094)),
    _refused_configuration("a higher minimum", dynamic(514, 2048, 4096)),
    _refused_configuration("a static setting", static(2048)),
    Vector(
        "a paused static VM is not configured",
        _STATIC_PAUSED,
        _configure(static(2048)),
        "rejected",
        "static-while-running",
        vms={"a": told(assigned=4096, startup=4096, mode="static", power="paused")},
    ),
    Vector(
        "generation 1 stops at its cap",
        _AT_CAP,
        do("add-memory", amount=QUANTUM // MIB),
        "failed",
        "size-limit",
        0,
        _unchanged(TIB // MIB),
        {"hv01": told(free=2097152 - 2304 - 1048576)},
    ),
    Vector(
        "a size that is no whole quantum is no setting",
        (host(65536),),
        vm("a", static(9001)),
        "rejected",
        "invalid-setting",
        hosts={"hv01": told(free=65536 - 2304)},
    ),
)
