"""What QEMU's command line says of a VM's memory: how much it boots with, and what of it lies in files.

A host's budget (a ``pool`` record) is a file system of limited size: it backs only what is kept in files on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from domain.quantities import LARGEST
from domain.shapes import parse_size

FILE = "memory-backend-file"


@dataclass(slots=True)
class Machine:
    """The memory of one VM as QEMU was told to make it."""

    base: int | None = None
    """Bytes to boot with, by the command line."""
    base_backends: list[str] = field(default_factory=list[str])
    backends: dict[str, bool] = field(default_factory=dict[str, bool])
    """Whether each memory backend lies in a file, by its id."""
    devices: dict[str, str] = field(default_factory=dict[str, str])
    """The memory backend of each device, by the device's id."""
    modules: list[str] = field(default_factory=list[str])
    """The memory backends of plugged modules."""

    @property
    def base_in_file(self) -> bool | None:
        """Whether the memory to boot with lies in a file; ``None`` if only a part does."""
        return together(self.backends.get(backend) for backend in self.base_backends) if self.base_backends else False

    @property
    def modules_in_file(self) -> bool | None:
        """Whether the plugged modules lie in files; ``None`` if only some do, or there are none."""
        return together(self.backends.get(backend) for backend in self.modules)

    def in_file(self, device: str) -> bool | None:
        """Whether a device's memory lies in a file; ``None`` if that is unknown."""
        backend = self.devices.get(device)
        return None if backend is None else self.backends.get(backend)

    def add_backend(self, arguments: dict[str, Any]) -> None:
        """Takes note of a memory backend: of ``-object`` or QMP's ``object-add``."""
        kind, name = arguments.get("qom-type"), arguments.get("id")
        if isinstance(kind, str) and isinstance(name, str) and kind.startswith("memory-backend-"):
            self.backends[name] = kind == FILE

    def add_device(self, arguments: dict[str, Any]) -> None:
        """Takes note of a memory device: of ``-device`` or QMP's ``device_add``."""
        driver, name, backend = arguments.get("driver"), arguments.get("id"), arguments.get("memdev")
        if isinstance(name, str) and isinstance(backend, str):
            self.devices[name] = backend
        if driver == "pc-dimm" and isinstance(backend, str):
            self.modules.append(backend)


def together(answers: Iterable[bool | None]) -> bool | None:
    """What all answers agree on; ``None`` if they do not, or one is unknown."""
    different = set(answers)
    return different.pop() if len(different) == 1 else None


def read_machine(argv: Iterable[str]) -> Machine:
    """Reads a command line; what is not understood is left out."""
    machine = Machine()
    for option, value in _options(argv):
        if option == "object":
            machine.add_backend(_arguments(value, "qom-type"))
        elif option == "device":
            machine.add_device(_arguments(value, "driver"))
        elif option in ("M", "machine"):
            _add(machine.base_backends, _arguments(value, "type").get("memory-backend"))
        elif option == "numa":
            _add(machine.base_backends, _arguments(value, "type").get("memdev"))
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
