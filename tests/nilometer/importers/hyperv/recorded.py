"""Synthetic spools of schema 2: as the collector's module writes them. Sizes are MiB."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from domain.quantities import MiB
from tests.nilometer.importers.hyperv.synthetic import WEB, Json, Spool, moment

ANNA = {"sid": "S-1-5-21-1-2-3-1001", "name": "CONTOSO\\anna"}
CARL = {"sid": "S-1-5-21-1-2-3-1003", "name": "CONTOSO\\carl"}
ADMINISTRATORS = {"sid": "S-1-5-32-544", "name": "VORDEFINIERT\\Administratoren"}
PARTS = ("host", "vms", "settings", "figures", "jobs")


def figures(assigned: int, startup: int, **more: Any) -> Json:
    """A VM's figures before or after a change."""
    plain = {"state": 2, "dynamic": False, "assigned": assigned * MiB, "startup": startup * MiB}
    return plain | {"minimum": 512 * MiB, "maximum": 1024 * 1024 * MiB, "buffer": 20, "weight": 50} | more


@dataclass
class RecordedChange:
    """The two files of a change of web01, from 4 to 8 GiB if nothing else is given."""

    number: int = 1
    since: float = 2.2
    minute: float = 2.3
    host: str = "HV01"

    @property
    def id(self) -> str:
        """Its id."""
        return str(UUID(int=self.number, version=4))

    def begun(self, **more: Any) -> Json:
        """What is about to be changed."""
        head = {"schema": 2, "kind": "change-begun", "id": self.id, "time": moment(self.since), "host": self.host}
        what = {"vm": WEB, "name": "web01", "user": "CONTOSO\\anna", "connected_user": None}
        why = {"command": "Set-VMMemory web01 -StartupBytes 8GB", "reason": None, "ticket": None}
        return head | what | why | {"before": figures(4096, 4096)} | more

    def end(self, **more: Any) -> Json:
        """How it ended."""
        head: Json = {"schema": 2, "kind": "change", "id": self.id, "time": moment(self.minute), "host": self.host}
        ended: Json = {"outcome": "returned", "after": figures(8192, 8192), "errors": []}
        return head | ended | more


class ModuleSpool(Spool):
    """A spool of the module."""

    def poll2(self, minute: float, *vms: Json, broken: str | None = None, **more: Any) -> ModuleSpool:
        """A poll; ``broken`` is the part that could not be read."""
        parts = {
            part: {"time": moment(minute), "complete": part != broken, "error": None if part != broken else "no"}
            for part in PARTS
        }
        self.poll(minute, *vms, schema=2, parts=parts, error=None if broken is None else "no", **more)
        return self

    def seen(self, minute: float, content: Json | str | None, owner: Json | None = ANNA, **more: Any) -> ModuleSpool:
        """A file that a poll took in."""
        text = content if content is None or isinstance(content, str) else json.dumps(content)
        line = {"schema": 2, "kind": "seen", "time": moment(minute), "host": self.host, "file": "f", "owner": owner}
        digest = None if text is None else sha256(text.encode()).hexdigest()
        self.add(line | {"bytes": 1, "sha256": digest, "content": text, "error": None} | more)
        return self

    def pair(self, minute: float, change: RecordedChange, owner: Json | None = ANNA, **more: Any) -> ModuleSpool:
        """Both files, taken in together; what is given belongs to the file that has it."""
        begun, end = change.begun(), change.end()
        self.seen(minute, begun | {key: more[key] for key in more if key in begun and key not in end}, owner)
        return self.seen(minute, end | {key: more[key] for key in more if key in end}, owner)
