"""Synthetic spools: made up after the documented types, minute by minute. Sizes are MiB, uptimes minutes."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from domain.envelope import Envelope, Metadata
from domain.events import Event
from domain.observed.events import Observed, VmObserved
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm
from domain.observed.words import FAILED_JOB
from domain.quantities import MiB
from nilometer.importers.hyperv.hyperv_file import HypervFile
from nilometer.importers.hyperv.importer import HypervImporter
from nilometer.importers.hyperv.sources.spool.change_pairs import ChangePairs
from nilometer.importers.run import DigestedStream, SkippedRecords
from nilometer.ledger.requests import Fact, Observation
from nilometer.times import parse_time
from rules.judging.findings import Finding, Verdict
from rules.judging.judge import Judge

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
WEB, ERP = "d9e0eb0a-5b37-508e-9173-67e9ade83acf", "0b5c1c2e-0000-4000-8000-000000000002"

Json = dict[str, Any]
E = TypeVar("E", bound=Observed)


def moment(minute: float) -> str:
    """A minute of the spool, as PowerShell writes it."""
    return (START + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def vm(assigned: int = 4096, startup: int = 4096, **more: Any) -> Json:
    """A static VM that runs; ``free`` is what its guest has available."""
    free = more.pop("free", 1000)
    told: Json = {
        "id": WEB,
        "name": "web01",
        "generation": 2,
        "version": "10.0",
        "state": 2,
        "state_name": "Running",
        "uptime": None,
        "dynamic": False,
        "startup": startup * MiB,
        "minimum": 512 * MiB,
        "maximum": 1024 * 1024 * MiB,
        "buffer": 20,
        "weight": 50,
        "assigned": assigned * MiB,
        "physical_mb": assigned,
        "visible_mb": assigned,
        "guest_available_mb": free,
        "added_mb": 0,
        "removed_mb": 0,
    }
    return told | more


def dynamic(assigned: int, startup: int = 2048, **more: Any) -> Json:
    """A VM under Dynamic Memory, 512 to 8192 MiB."""
    own = {"dynamic": True, "minimum": 512 * MiB, "maximum": 8192 * MiB, "id": ERP, "name": "erp01"}
    return vm(assigned, startup, free=more.pop("free", 1000)) | {"uptime": None} | own | more


def off(startup: int = 4096, **more: Any) -> Json:
    """A VM that is off."""
    own = {"state": 3, "state_name": "Off", "uptime": 0, "physical_mb": None, "guest_available_mb": None}
    return vm(0, startup) | own | more


def job(minute: float, owner: str | None = "CONTOSO\\anna", kind: int = 31, state: int = 7, **more: Any) -> Json:
    """A job of the host."""
    told = {"id": f"job {minute} {owner}", "type": kind, "state": state, "vm": WEB.upper(), "owner": owner}
    return told | {"submitted": moment(minute), "error": 0, "elapsed": 1.5} | more


@dataclass
class Spool:
    """A spool that grows. The uptime of VMs that do not say it is that since an hour before the start."""

    host: str = "HV01"
    lines: list[bytes] = field(default_factory=list[bytes])

    def poll(self, minute: float, *vms: Json, jobs: Sequence[Json] = (), **more: Any) -> Spool:
        """A poll of the host."""
        running = [
            {**each, "uptime": round(3600 + minute * 60) if each["uptime"] is None else each["uptime"]} for each in vms
        ]
        record: Json = {
            "schema": 1,
            "kind": "poll",
            "time": moment(minute),
            "host": self.host,
            "build": 20348,
            "capacity": 65536 * MiB,
            "available_mb": 40000,
            "vms": running,
            "jobs": list(jobs),
        }
        return self.add(record | more)

    def change(self, since: float, minute: float, before: int, after: int, asked: int | None, **more: Any) -> Spool:
        """One's own change."""
        record: Json = {
            "schema": 1,
            "kind": "change",
            "time": moment(minute),
            "since": moment(since),
            "host": self.host,
            "vm": WEB,
            "name": "web01",
            "user": "CONTOSO\\anna",
            "command": "Set-VMMemory web01 -StartupBytes 8GB",
            "before": before * MiB,
            "after": after * MiB,
            "asked": None if asked is None else asked * MiB,
            "error": None,
        }
        return self.add(record | more)

    def add(self, record: Json) -> Spool:
        """Any line."""
        self.lines.append(json.dumps(record).encode() + b"\n")
        return self

    @property
    def data(self) -> bytes:
        """The file."""
        return b"".join(self.lines)


@dataclass
class Store:
    """Keeps observations as a ledger does: each once by its key, and folds what is there."""

    stored: list[Envelope[Event]] = field(default_factory=list[Envelope[Event]])
    keys: set[str] = field(default_factory=set[str])

    def known(self, keys: Sequence[str]) -> set[str]:
        """Those that are there."""
        return self.keys & set(keys)

    def record(self, given: Sequence[Observation]) -> list[tuple[int, ...]]:
        """The positions of each; none if it was there."""
        positions: list[tuple[int, ...]] = []
        for each in given:
            new = each.facts if each.key not in self.keys else ()
            self.keys.add(each.key)
            begin = len(self.stored)
            for fact in new:
                self._store(fact, each)
            positions.append(tuple(range(begin + 1, len(self.stored) + 1)))
        return positions

    def _store(self, fact: Fact, of: Observation) -> None:
        version = sum(1 for each in self.stored if each.stream == fact.stream) + 1
        said = Metadata(
            of.actor or "importer", of.via or "import-hyperv", fact.happened, parse_time(moment(9999)),
            of.correlation or "-", fact.earliest, of.reason,
        )  # fmt: skip
        self.stored.append(Envelope(fact.stream, version, fact.event, said, len(self.stored) + 1))

    def vm(self, id: str) -> ObservedVm:
        """A VM as it is known."""
        fold = ObservedVm.begin(id)
        for each in self.of(f"vm/{id}"):
            assert isinstance(each.event, Observed)
            fold.apply(each.event, each.metadata.happened, each.metadata.earliest)
        return fold

    def host(self, id: str) -> ObservedHost:
        """A host as it is known."""
        fold = ObservedHost.begin(id)
        for each in self.of(f"host/{id}"):
            assert isinstance(each.event, Observed)
            fold.apply(each.event, each.metadata.happened)
        return fold

    def failed_jobs(self, vm: str) -> list[str]:
        """What was told of jobs that failed."""
        told = [each.event for each in self.of(f"vm/{vm}")]
        return [each.told for each in told if isinstance(each, VmObserved) and each.label == FAILED_JOB and each.told]

    def names(self) -> list[tuple[str, str, str | None]]:
        """The VMs with their names and hosts."""
        vms = [self.vm(id) for id in sorted({each.stream[3:] for each in self.stored if each.stream[:3] == "vm/"})]
        return [(each.id, each.name, each.host) for each in vms]

    def of(self, stream: str) -> list[Envelope[Event]]:
        """The events of a stream."""
        return [each for each in self.stored if each.stream == stream]

    def take(
        self,
        *spools: Spool | bytes,
        final: bool = False,
        keep_going: bool = False,
        prefix: str | None = None,
        at: str | None = None,
        reserves: dict[str, int] | None = None,
        service_accounts: Sequence[str] = (),
    ) -> list[HypervFile]:
        """Imports spools together."""
        files: list[HypervFile] = []
        changes = ChangePairs()
        for number, spool in enumerate(spools, 1):
            data = spool.data if isinstance(spool, Spool) else spool
            file = HypervFile(
                f"spool{number}.jsonl",
                DigestedStream(io.BytesIO(data)),
                skipped=SkippedRecords(keep_going),
                at=parse_time(at) if at else None,
                changes=changes,
            )
            file.open()
            files.append(file)
        importer = HypervImporter(
            prefix, self, self.known, self.record, reserves=reserves, service_accounts=service_accounts
        )
        importer.run(files, final=final)
        for file in files:
            counts = file.counts
            assert counts.records == counts.events + counts.repeats + sum(counts.not_needed.values())
        return files

    def findings(self) -> list[Finding]:
        """What the judge says of all of it."""
        judge = Judge()
        found = [finding for each in self.stored for finding in judge.take(each)]
        return found + judge.finish()

    def violations(self) -> list[Finding]:
        """What the judge finds violated."""
        return [finding for finding in self.findings() if finding.verdict is Verdict.VIOLATED]

    def envelopes(self, kind: type[Event], vm: str = WEB) -> list[Envelope[Event]]:
        """The events of one kind of a VM, with who and when."""
        return [each for each in self.of(f"vm/{vm}") if isinstance(each.event, kind)]

    def events(self, kind: type[E], vm: str = WEB, stream: str | None = None) -> list[E]:
        """The events of one kind of a VM, or of another stream."""
        return [each.event for each in self.of(stream or f"vm/{vm}") if isinstance(each.event, kind)]


CASES: Final = Path(__file__).parent / "cases"


def case(name: str) -> bytes:
    """A file of what happens on every fleet."""
    data = (CASES / name).read_bytes()
    return gzip.decompress(data) if name.endswith(".gz") else data


def imported(*spools: Spool | bytes, final: bool = True) -> Store:
    """A store with these spools in it; the judge finds nothing violated."""
    store = Store()
    store.take(*spools, final=final)
    assert store.violations() == []
    return store
