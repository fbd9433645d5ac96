"""Which change of which device brings a VM to a size, and whether a hypervisor can be asked for it at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.observed.words import Means
from domain.quantities import MiB
from nilometer.drive.driver import CannotBeAsked, DeviceChange, MemoryReading, Message, PluggedDevice
from nilometer.messages.sizes import format_rounded, format_typed
from nilometer.suggesting import did_you_mean

PAGE: Final = 4096
"""A balloon moves in pages."""
MODULE_BLOCK: Final = 128 * MiB
"""Linux on x86-64 puts no smaller piece of a module online: a guest never sees the rest."""
_MODULE: Final = "nilo-dimm"


def find_change(
    reading: MemoryReading, size: int, *, means: Means = Means.VIRTIO_MEM, device: str | None = None
) -> DeviceChange:
    """The change after which the VM has ``size``. Raises ``CannotBeAsked``, with the nearest size that can be."""
    if means is Means.BALLOON:
        return _find_balloon_change(reading, size)
    if means is Means.PC_DIMM:
        return _find_module_change(reading, size, device)
    found = _find_virtio(reading, device)
    rest = reading.assigned - found.size
    target = size - rest
    most = found.maximum
    if target < 0:
        raise CannotBeAsked(
            f"{format_rounded(rest)} of the VM are not in {found.id}, and {format_rounded(size)} is less",
            hint=f"the least is {format_typed(rest)}",
        )
    if most is not None and target > most:
        raise CannotBeAsked(
            f"{found.id} can have {format_rounded(most)}, and {format_rounded(size)} would need more",
            hint=f"the most is {format_typed(rest + most)}",
        )
    _check_block(size, target, found.block or 2 * MiB, f"a block of {found.id}", None if most is None else rest + most)
    message: Message = {
        "execute": "qom-set",
        "arguments": {"path": f"/machine/peripheral/{found.id}", "property": "requested-size", "value": target},
    }
    return DeviceChange(
        means=means, device=found.id, size_from=found.size, target=target, messages=(message,), told=found.target
    )


def _find_virtio(reading: MemoryReading, device: str | None) -> PluggedDevice:
    found = [plugged for plugged in reading.devices if plugged.means is Means.VIRTIO_MEM and plugged.id is not None]
    names = [plugged.id for plugged in found if plugged.id is not None]
    if device is not None:
        for named in found:
            if named.id == device:
                return named
        known = did_you_mean(device, names) or "there is no virtio-mem with an id"
        raise CannotBeAsked(f"the VM has no virtio-mem {device}", hint=known)
    if not found:
        other = "it has a balloon: --balloon" if reading.balloon is not None else "modules can be plugged: --pc-dimm"
        raise CannotBeAsked("the VM has no virtio-mem that has an id", hint=other)
    if len(found) > 1:
        raise CannotBeAsked(f"the VM has {len(found)} virtio-mem devices", hint=f"name one: --device {names[0]}")
    return found[0]


def _check_block(size: int, target: int, block: int, name: str, most: int | None = None) -> None:
    over = target % block
    if not over:
        return
    nearest = [size - over, size - over + block]
    shown = [format_typed(near) for near in nearest if most is None or near <= most]
    raise CannotBeAsked(
        f"{format_rounded(size)} is not a size that it can have: {name} is {format_rounded(block)}",
        hint=f"the nearest: {' or '.join(shown)}",
    )


def _find_balloon_change(reading: MemoryReading, size: int) -> DeviceChange:
    if reading.balloon is None:
        raise CannotBeAsked("the VM has no balloon", hint="leave --balloon out")
    target, most = size - reading.virtio, reading.base + reading.modules
    if target > most:
        raise CannotBeAsked(
            f"a balloon only gives back what it took, and {format_rounded(size)} is more than the VM can have with it",
            hint=f"the most is {format_typed(most + reading.virtio)}",
        )
    if target <= 0:
        raise CannotBeAsked(
            f"{format_rounded(size)} leaves nothing of what the VM boots with", hint="write a larger size"
        )
    _check_block(size, target, PAGE, "a page")
    message: Message = {"execute": "balloon", "arguments": {"value": target}}
    return DeviceChange(means=Means.BALLOON, device=None, size_from=reading.balloon, target=target, messages=(message,))


def _find_module_change(reading: MemoryReading, size: int, device: str | None) -> DeviceChange:
    """A module of just what is missing is plugged, or one of just what is too much is unplugged."""
    amount, plugged = size - reading.assigned, reading.modules + reading.virtio
    modules = [module for module in reading.devices if module.means is Means.PC_DIMM and module.id is not None]
    if amount < 0:
        fitting = [module for module in modules if module.size == -amount and device in (None, module.id)]
        if not fitting:
            raise CannotBeAsked(
                f"no module{'' if device is None else f' {device}'} has just the {format_rounded(-amount)} too much",
                hint=_describe_modules(reading, modules),
            )
        unplugged = fitting[-1].id
        messages: tuple[Message, ...] = ({"execute": "device_del", "arguments": {"id": unplugged}},)
        is_ours = str(unplugged).startswith(_MODULE)
        return DeviceChange(
            means=Means.PC_DIMM,
            device=unplugged,
            size_from=plugged,
            target=plugged + amount,
            messages=messages,
            tidy=(_delete_backend(str(unplugged)),) if is_ours else (),
        )
    _check_block(size, amount, MODULE_BLOCK, "the smallest module that a guest sees")
    name = device or _name_module(modules)
    backend = _name_backend(name)
    messages = (
        {"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": backend, "size": amount}},
        {"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": name, "memdev": backend}},
    )
    return DeviceChange(
        means=Means.PC_DIMM,
        device=name,
        size_from=plugged,
        target=plugged + amount,
        messages=messages,
        undo=(_delete_backend(name),),
    )


def _name_backend(module: str) -> str:
    return f"{module}-memory"


def _delete_backend(module: str) -> Message:
    return {"execute": "object-del", "arguments": {"id": _name_backend(module)}}


def _name_module(modules: Sequence[PluggedDevice]) -> str:
    taken = {module.id for module in modules}
    return next(name for number in range(len(taken) + 1) if (name := f"{_MODULE}{number}") not in taken)


def _describe_modules(reading: MemoryReading, modules: Sequence[PluggedDevice]) -> str:
    if not modules:
        return "it has no module with an id"
    sizes = sorted({reading.assigned - module.size for module in modules})
    return f"without one of its modules it has {' or '.join(format_typed(size) for size in sizes)}"
