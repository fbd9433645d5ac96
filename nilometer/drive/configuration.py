"""``drive.toml``: the VMs that can be driven and watched, and where each one's monitor is."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from domain.errors import InputError
from domain.observed.words import Means
from nilometer.suggesting import did_you_mean
from nilometer.textio.files import read_small_file

NAME: Final = "drive.toml"
_KEYS: Final = ("qmp", "watch", "device", "means", "host")
_MEANS: Final = (Means.VIRTIO_MEM, Means.PC_DIMM, Means.BALLOON)
_EXAMPLE: Final = '[vm."hv01.web01"] with qmp = "/run/web01.qmp"'


@dataclass(frozen=True, slots=True, kw_only=True)
class DrivenVm:
    """One VM of the file."""

    vm: str
    qmp: str
    """The socket of the monitor that changes go through."""
    watch: str
    """The socket of the monitor that is watched: a monitor serves one program at a time."""
    device: str | None = None
    means: Means | None = None
    host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveConfiguration:
    """What a ``drive.toml`` says."""

    vms: dict[str, DrivenVm]
    evidence: Path | None = None

    def find(self, word: str) -> DrivenVm:
        """The VM of a name. Raises ``InputError`` if there is none."""
        found = self.vms.get(word)
        if found is None:
            raise InputError(f"{word} is not in the file of driven VMs", hint=did_you_mean(word, self.vms))
        return found


def read_configuration(path: Path) -> DriveConfiguration:
    """Reads the file. Raises ``InputError`` with what is wrong in it."""
    try:
        raw = read_small_file(str(path), "a file of driven VMs", f"write {_EXAMPLE} into a file, and name it")
        document = tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: this is not TOML: {error}", hint=f"write {_EXAMPLE}") from None
    unknown = document.keys() - {"vm", "evidence"}
    if unknown:
        name = min(unknown)
        raise InputError(f"{path}: {name} means nothing here", hint=did_you_mean(name, ("vm", "evidence")))
    vms: object = document.get("vm")
    if not isinstance(vms, dict) or not vms:
        raise InputError(f"{path}: there is no VM in it", hint=f"write {_EXAMPLE}")
    evidence = document.get("evidence")
    if not isinstance(evidence, str | None):
        why = f"{path}: evidence: {evidence!r} is not a folder"
        raise InputError(why, hint='write evidence = "/var/lib/nilometer"')
    found = {name: _read_vm(path, name, fields) for name, fields in cast("dict[str, object]", vms).items()}
    return DriveConfiguration(vms=found, evidence=None if evidence is None else path.parent / evidence)


def _read_vm(path: Path, name: str, fields: object) -> DrivenVm:
    place = f"{path}: {name}"
    if not isinstance(fields, dict):
        raise InputError(f"{place}: this is not a table", hint=f"write {_EXAMPLE}")
    given = cast("dict[str, object]", fields)
    texts: dict[str, str] = {}
    for key, value in given.items():
        if key not in _KEYS:
            raise InputError(f"{place}: {key} means nothing here", hint=did_you_mean(key, _KEYS))
        if not isinstance(value, str) or not value:
            raise InputError(f"{place}: {key}: {value!r} is not a text", hint=f'write {key} = "…"')
        texts[key] = value
    if "qmp" not in texts:
        raise InputError(f"{place}: qmp is missing", hint=f"write {_EXAMPLE}")
    means = texts.get("means")
    if means is not None and means not in _MEANS:
        raise InputError(f"{place}: means: there is no {means}", hint=did_you_mean(means, _MEANS))
    return DrivenVm(
        vm=name,
        qmp=texts["qmp"],
        watch=texts.get("watch", texts["qmp"]),
        device=texts.get("device"),
        means=None if means is None else Means(means),
        host=texts.get("host"),
    )
