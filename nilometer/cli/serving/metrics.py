"""What Prometheus reads: figures of VMs and hosts, requests that fell short, findings, when things were last seen.

A figure that is not known is left out: it is never 0. Ages are given as times, so that they can be told between two
readings as well: ``time() - nilometer_vm_seen_timestamp_seconds``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Final, Literal

from nilometer.cli.serving.live import LiveLedger
from nilometer.report.collected import Collected
from projections.view import HostRow, View, VmRow, view
from rules.judging.findings import Verdict

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]
Sample = tuple[Labels, float | int | None]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric and its samples."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    samples: Iterable[Sample]

    def lines(self) -> Iterator[str]:
        """The metric as text; nothing, if nothing of it is known."""
        known = [(labels, value) for labels, value in self.samples if value is not None]
        if known:
            yield f"# HELP {self.name} {self.help}"
            yield f"# TYPE {self.name} {self.kind}"
        for labels, value in known:
            named = ",".join(f'{name}="{_escape(text)}"' for name, text in labels.items())
            yield f"{self.name}{{{named}}} {value}" if named else f"{self.name} {value}"


_VM_FIGURES: Final = {
    "assigned": "Memory that the hypervisor has assigned to a VM.",
    "visible": "Memory that the guest sees.",
    "high_watermark": "The most that the guest has seen in its session.",
    "in_use": "Memory that the guest uses.",
    "ballooned": "Memory that the guest sees and does not have.",
    "held": "What a VM takes of its host.",
}
_HOST_FIGURES: Final = {
    "total": "Memory of a host.",
    "reserve": "What a host keeps for itself.",
    "assigned": "What the VMs of a host hold together.",
    "free": "What a host can still give.",
}

_FOUND: Final = (Verdict.VIOLATED, Verdict.UNKNOWN, Verdict.REMARK)


def format_metrics(live: LiveLedger) -> str:
    """All metrics as text."""
    with live.lock:
        collected = live.collected
        now = view(collected.fleet)
        found = list(_metrics(live, collected, now))
        return "".join(f"{line}\n" for metric in found for line in metric.lines())


def _metrics(live: LiveLedger, collected: Collected, now: View) -> Iterator[Metric]:
    yield _gauge("nilometer_info", "The program.", [({"version": version("nilometer")}, 1)])
    yield _gauge("nilometer_up", "Whether the ledger can be read.", [({}, int(live.problem is None))])
    yield Metric(name="nilometer_ledger_position", kind="counter", help="Events read.", samples=[({}, live.position)])
    yield _gauge("nilometer_ledger_unreadable_events", "Events that cannot be read.", [({}, live.unreadable)])
    yield _gauge(
        "nilometer_ledger_latest_timestamp_seconds", "When the latest event happened.", [({}, _seconds(collected.last))]
    )
    for figure, help in _VM_FIGURES.items():
        samples = [(_vm(row), getattr(row, figure)) for row in now.vms]
        yield _gauge(f"nilometer_vm_{figure}_bytes", help, samples)
    yield _gauge(
        "nilometer_vm_open_requests_missing_bytes",
        "What was requested for a VM and not granted yet.",
        [(_vm(row), _missing(row)) for row in now.vms],
    )
    yield Metric(  # a count that misses the older events would fall when they are read
        name="nilometer_vm_short_grants_total",
        kind="counter",
        help="How often a request of a VM was settled short.",
        samples=[({"vm": id}, history.fell_short) for id, history in sorted(collected.vms.items()) if not live.older],
    )
    yield _gauge(
        "nilometer_vm_seen_timestamp_seconds",
        "When a VM was last seen.",
        [(_vm(row), _seconds(_seen(row))) for row in now.vms],
    )
    for figure, help in _HOST_FIGURES.items():
        name = "held" if figure == "assigned" else figure
        values = [({"host": row.host}, getattr(row, figure)) for row in now.hosts]
        yield _gauge(f"nilometer_host_{name}_bytes", help, values)
    yield _gauge(
        "nilometer_host_seen_timestamp_seconds",
        "When a host was last seen.",
        [({"host": row.host}, _seconds(_seen(row))) for row in now.hosts],
    )
    if collected.judged:
        yield _gauge(
            "nilometer_findings",
            "What the judge found in the events that were read.",
            [({"verdict": verdict.value}, collected.audit.counts[verdict]) for verdict in _FOUND],
        )


def _gauge(name: str, help: str, samples: Iterable[Sample]) -> Metric:
    return Metric(name=name, kind="gauge", help=help, samples=samples)


def _vm(row: VmRow) -> Labels:
    return {"vm": row.vm, "name": row.name, "host": row.host or ""}


def _missing(row: VmRow) -> int | None:
    return sum(request.remaining or 0 for request in row.open_requests)


def _seen(row: VmRow | HostRow) -> str | None:
    return max(row.as_of or "", row.watched_until or "") or None


def _seconds(time: str | None) -> float | None:
    return None if time is None else datetime.fromisoformat(time).timestamp()


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
