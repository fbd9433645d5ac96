"""What QEMU's command line says of a VM's memory: how much it boots with, and what of it lies in files.

A host's budget (a ``pool`` record) is a file system of limited size: it backs only what is kept in files on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from domain.guests import Mechanism
from domain.observed.events import Means
from domain.quantities import LARGEST
from domain.shapes import parse_size

FILE = "memory-backend-file"
EVERYTHING = "-mem-prealloc"
"""Stands for all backends, where that option fills them."""
BALLOON = "virtio-balloon"
"""What the names of all balloon devices begin with."""
_GIVES_WAY = "deflate-on-oom"
_YES = ("on", "yes", "true", "y", True)
"""How people write that an option is on; the option's name alone will do."""


@dataclass(slots=True)
class Machine:
    """The memory of one VM as QEMU was told to make it."""

    base: int | None = None
    """Bytes to boot with, by the command line."""
    base_backends: list[str] = field(default_factory=list[str])
    backends: dict[str, bool] = field(default_factory=dict[str, bool])
    """Whether each memory backend lies in a file, by its id."""
    filled: set[str] = field(default_factory=set[str])
    """Backends, and devices, whose memory is taken at once and not only when the guest touches it."""
    devices: dict[str, str] = field(default_factory=dict[str, str])
    """The memory backend of each device, by the device's id."""
    virtio: list[str] = field(default_factory=list[str])
    """The virtio-mem devices."""
    modules: list[str] = field(default_factory=list[str])
    """The memory backends of plugged modules."""
    gives_way: bool | None = None
    """Whether the balloon lets go when the guest runs out of memory; ``None`` if no balloon was told of."""
    gives_way_by_default: bool = False

    @property
    def base_in_file(self) -> bool | None:
        """Whether the memory to boot with lies in a file; ``None`` if only a part does."""
        return together(self._takes(backend) for backend in self.base_backends) if self.base_backends else False

    @property
    def modules_in_file(self) -> bool | None:
        """Whether the plugged modules lie in files; ``None`` if only some do, or there are none."""
        return together(self._takes(backend) for backend in self.modules)

    def in_file(self, device: str) -> bool | None:
        """Whether a device's memory lies in a file; ``None`` if that is unknown."""
        backend = self.devices.get(device)
        return None if backend is None else self._takes(backend, device)

    def _takes(self, backend: str, device: str | None = None) -> bool | None:
        """Whether memory is taken of a budget of files; ``None`` of a file that fills only as its guest touches it."""
        in_file = self.backends.get(backend)
        return None if in_file and not self.filled & {backend, device, EVERYTHING} else in_file

    def add_backend(self, arguments: dict[str, Any]) -> None:
        """Takes note of a memory backend: of ``-object`` or QMP's ``object-add``."""
        kind, name = arguments.get("qom-type"), arguments.get("id")
        if isinstance(kind, str) and isinstance(name, str) and kind.startswith("memory-backend-"):
            self.backends[name] = kind == FILE
            self._note_filled(name, arguments)

    def add_device(self, arguments: dict[str, Any]) -> None:
        """Takes note of a memory device: of ``-device`` or QMP's ``device_add``."""
        driver, name, backend = arguments.get("driver"), arguments.get("id"), arguments.get("memdev")
        if isinstance(name, str) and isinstance(backend, str):
            self.devices[name] = backend
            self._note_filled(name, arguments)
        if isinstance(name, str) and isinstance(driver, str) and driver.startswith("virtio-mem"):
            self.virtio.append(name)
        if driver == "pc-dimm" and isinstance(backend, str):
            self.modules.append(backend)
        if isinstance(driver, str) and driver.startswith(BALLOON):
            told = arguments.get(_GIVES_WAY)
            self.gives_way = self.gives_way_by_default if told is None else told in _YES

    def _note_filled(self, name: str, arguments: dict[str, Any]) -> None:
        if arguments.get("prealloc") in _YES:
            self.filled.add(name)

    def add_default(self, arguments: dict[str, Any]) -> None:
        """Takes note of ``-global``: ``DRIVER.PROPERTY=VALUE``, or the three by their names."""
        driver, told = arguments.get("driver"), arguments.get("property")
        if isinstance(driver, str) and driver.startswith(BALLOON) and told == _GIVES_WAY:
            self.gives_way_by_default = arguments.get("value") in _YES
        for key, value in arguments.items():
            if key.startswith(BALLOON) and key.endswith(f".{_GIVES_WAY}"):
                self.gives_way_by_default = value in _YES

    def delete_device(self, name: object) -> None:
        """Takes note that a device is gone."""
        backend = self.devices.pop(name, None) if isinstance(name, str) else None
        if backend in self.modules:
            self.modules.remove(backend)

    def mechanism(self, means: Means) -> Mechanism | None:
        """How a Linux guest's own total follows a device.

        What is plugged and unplugged comes and goes with its memory blocks. A balloon's pages are taken out of the
        total, but for a balloon that gives way: those pages can come back any time, so Linux goes on counting them.
        """
        if means is Means.BOOT:
            return Mechanism.NONE
        if means is not Means.BALLOON:
            return Mechanism.HOT_REMOVE
        if self.gives_way is None:
            return None
        return Mechanism.BALLOON if self.gives_way else Mechanism.BALLOON_ADJUSTED


def together(answers: Iterable[bool | None]) -> bool | None:
    """What all answers agree on; ``None`` if they do not, or one is unknown."""
    different = set(answers)
    return different.pop() if len(different) == 1 else None


def read_machine(argv: Iterable[str]) -> Machine:
    """Reads a command line; what is not understood is left out."""
    machine, words = Machine(), list(argv)
    options = list(_options(words))
    if EVERYTHING in words:
        machine.filled.add(EVERYTHING)
    for option, value in options:
        if option == "global":  # it is for all devices, those before it too
            machine.add_default(_arguments(value, "driver"))
    for option, value in options:
        if option == "object":
            machine.add_backend(_arguments(value, "qom-type"))
        elif option == "device":
            machine.add_device(_arguments(value, "driver"))
        elif option in ("M", "machine"):
            _add(machine.base_backends, _arguments(value, "type").get("memory-backend"))
        elif option == "numa":
            _add(machine.base_backends, _arguments(value, "type").get("memdev"))
        elif option == "mem-path":  # what it boots with, where no backend is named for that
            machine.add_backend({"qom-type": FILE, "id": value})
            machine.base_backends.append(value)
        elif option == "m":
            machine.base = _boot_size(_arguments(value, "size").get("size"))
    return machine


def _options(argv: Iterable[str]) -> Iterator[tuple[str, str]]:
    option = ""
    for word in argv:
        if word.startswith("-"):
            option = word.lstrip("-")  # one without a value is forgotten at the next
        elif option:
            yield option, word
            option = ""


def _arguments(text: str, first: str) -> dict[str, Any]:
    """``kind,key=value,…`` or JSON; a first word without a key is the value of ``first``."""
    if text.startswith("{"):
        try:
            read = json.loads(text)
        except (ValueError, RecursionError):
            return {}
        return cast("dict[str, Any]", read) if isinstance(read, dict) else {}
    arguments: dict[str, Any] = {}
    for index, part in enumerate(text.split(",")):
        key, equals, value = part.partition("=")
        if equals:
            arguments[key] = value
        elif index == 0:
            arguments[first] = part
        elif part:
            arguments[part] = "on"
    return arguments


def _add(names: list[str], name: object) -> None:
    if isinstance(name, str):
        names.append(name)


def _boot_size(text: object) -> int | None:
    """QEMU's own way of writing sizes: a number and K, M, G or T; without a letter MiB."""
    if not isinstance(text, str) or not text:
        return None
    number, unit = (text[:-1], text[-1].upper()) if text[-1].isalpha() else (text, "M")
    try:
        size = parse_size(f"{number}{unit}iB")
    except ValueError:
        return None
    return size if size <= LARGEST else None
