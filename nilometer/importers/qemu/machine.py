"""The memory of a VM by QEMU's command line: how much it boots with, and which parts lie in files.

A host's budget (a ``pool`` record) is a file system of limited size: it backs only what is kept in files on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from domain.guests import Mechanism
from domain.observed.words import Means
from domain.quantities import LARGEST
from domain.shapes import parse_size

FILE = "memory-backend-file"
EVERYTHING = "-mem-prealloc"
"""Stands for all backends, where that option fills them."""
BALLOON = "virtio-balloon"
"""The beginning of the names of all balloon devices."""
_DEFLATE_ON_OOM = "deflate-on-oom"
_YES = ("on", "yes", "true", "y", True)
"""The values that switch an option on; the option's name alone does, too."""


@dataclass(slots=True)
class Machine:
    """The memory of one VM, as QEMU's command line and commands describe it."""

    base: int | None = None
    """The boot memory in bytes."""
    base_backends: list[str] = field(default_factory=list[str])
    backends: dict[str, bool] = field(default_factory=dict[str, bool])
    """Whether each memory backend lies in a file, by its id."""
    filled: set[str] = field(default_factory=set[str])
    """Backends and devices whose memory is taken at once, and not only when the guest touches it."""
    devices: dict[str, str] = field(default_factory=dict[str, str])
    """The memory backend of each device, by the device's id."""
    virtio: list[str] = field(default_factory=list[str])
    """The virtio-mem devices."""
    modules: list[str] = field(default_factory=list[str])
    """The memory backends of plugged modules."""
    deflates_on_oom: bool | None = None
    """Whether the balloon deflates when the guest runs out of memory; ``None`` if there is no balloon."""
    deflates_by_default: bool = False

    @property
    def base_in_file(self) -> bool | None:
        """Whether the boot memory lies in a file; ``None`` if only a part does."""
        return agree_on(self._is_backed(backend) for backend in self.base_backends) if self.base_backends else False

    @property
    def modules_in_file(self) -> bool | None:
        """Whether the plugged modules lie in files; ``None`` if only some do, or there are none."""
        return agree_on(self._is_backed(backend) for backend in self.modules)

    def in_file(self, device: str) -> bool | None:
        """Whether a device's memory lies in a file; ``None`` if that is unknown."""
        backend = self.devices.get(device)
        return None if backend is None else self._is_backed(backend, device)

    def _is_backed(self, backend: str, device: str | None = None) -> bool | None:
        """Whether a budget of files backs memory; ``None`` for a file that fills only as its guest touches it."""
        in_file = self.backends.get(backend)
        return None if in_file and not self.filled & {backend, device, EVERYTHING} else in_file

    def add_backend(self, arguments: dict[str, Any]) -> None:
        """Adds a memory backend: from ``-object``, or QMP's ``object-add``."""
        kind, name = arguments.get("qom-type"), arguments.get("id")
        if isinstance(kind, str) and isinstance(name, str) and kind.startswith("memory-backend-"):
            self.backends[name] = kind == FILE
            self._note_filled(name, arguments)

    def add_device(self, arguments: dict[str, Any]) -> None:
        """Adds a memory device: from ``-device``, or QMP's ``device_add``."""
        driver, name, backend = arguments.get("driver"), arguments.get("id"), arguments.get("memdev")
        if isinstance(name, str) and isinstance(backend, str):
            self.devices[name] = backend
            self._note_filled(name, arguments)
        if isinstance(name, str) and isinstance(driver, str) and driver.startswith("virtio-mem"):
            self.virtio.append(name)
        if driver == "pc-dimm" and isinstance(backend, str):
            self.modules.append(backend)
        if isinstance(driver, str) and driver.startswith(BALLOON):
            value = arguments.get(_DEFLATE_ON_OOM)
            self.deflates_on_oom = self.deflates_by_default if value is None else value in _YES

    def _note_filled(self, name: str, arguments: dict[str, Any]) -> None:
        if arguments.get("prealloc") in _YES:
            self.filled.add(name)

    def add_default(self, arguments: dict[str, Any]) -> None:
        """Adds a default from ``-global``: ``DRIVER.PROPERTY=VALUE``, or the three by their names."""
        driver, name = arguments.get("driver"), arguments.get("property")
        if isinstance(driver, str) and driver.startswith(BALLOON) and name == _DEFLATE_ON_OOM:
            self.deflates_by_default = arguments.get("value") in _YES
        for key, value in arguments.items():
            if key.startswith(BALLOON) and key.endswith(f".{_DEFLATE_ON_OOM}"):
                self.deflates_by_default = value in _YES

    def delete_device(self, name: object) -> None:
        """Removes a device."""
        backend = self.devices.pop(name, None) if isinstance(name, str) else None
        if backend in self.modules:
            self.modules.remove(backend)

    def mechanism(self, means: Means) -> Mechanism | None:
        """How a Linux guest's own total follows a device.

        What is plugged and unplugged comes and goes with its memory blocks. Linux leaves the pages of a balloon out,
        unless the balloon deflates on its own: those pages can come back any time, so Linux goes on counting them.
        """
        if means is Means.BOOT:
            return Mechanism.NONE
        if means is not Means.BALLOON:
            return Mechanism.HOT_REMOVE
        if self.deflates_on_oom is None:
            return None
        return Mechanism.BALLOON if self.deflates_on_oom else Mechanism.BALLOON_ADJUSTED


def agree_on(answers: Iterable[bool | None]) -> bool | None:
    """The answer that all agree on; ``None`` if they do not, or one is unknown."""
    distinct = set(answers)
    return distinct.pop() if len(distinct) == 1 else None


def read_machine(argv: Iterable[str]) -> Machine:
    """Reads a command line; what is unknown is left out."""
    machine, words = Machine(), list(argv)
    options = list(_options(words))
    if EVERYTHING in words:
        machine.filled.add(EVERYTHING)
    for option, value in options:
        if option == "global":  # it holds for all devices, also for those before it
            machine.add_default(_read_arguments(value, "driver"))
    for option, value in options:
        if option == "object":
            machine.add_backend(_read_arguments(value, "qom-type"))
        elif option == "device":
            machine.add_device(_read_arguments(value, "driver"))
        elif option in ("M", "machine"):
            _add(machine.base_backends, _read_arguments(value, "type").get("memory-backend"))
        elif option == "numa":
            _add(machine.base_backends, _read_arguments(value, "type").get("memdev"))
        elif option == "mem-path":  # the boot memory, where no backend is named for it
            machine.add_backend({"qom-type": FILE, "id": value})
            machine.base_backends.append(value)
        elif option == "m":
            machine.base = _read_size(_read_arguments(value, "size").get("size"))
    return machine


def _options(argv: Iterable[str]) -> Iterator[tuple[str, str]]:
    option = ""
    for word in argv:
        if word.startswith("-"):
            option = word.lstrip("-")  # an option without a value is dropped at the next one
        elif option:
            yield option, word
            option = ""


def _read_arguments(text: str, first: str) -> dict[str, Any]:
    """Reads ``kind,key=value,…`` or JSON; a first word without a key is the value of ``first``."""
    if text.startswith("{"):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return {}
        return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
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


def _read_size(text: object) -> int | None:
    """Reads a size as QEMU writes it: a number and K, M, G or T; without a letter it is MiB."""
    if not isinstance(text, str) or not text:
        return None
    number, unit = (text[:-1], text[-1].upper()) if text[-1].isalpha() else (text, "M")
    try:
        size = parse_size(f"{number}{unit}iB")
    except ValueError:
        return None
    return size if size <= LARGEST else None
