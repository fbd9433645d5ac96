"""Events as the Elastic Common Schema. What ECS has no field for is under ``nilometer``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from nilometer.siem.facts import Activity, EventFacts

ECS_VERSION: Final = "9.4.0"
_TYPES: Final[Mapping[Activity, str]] = {
    Activity.CREATE: "creation",
    Activity.READ: "info",
    Activity.DELETE: "deletion",
    Activity.OTHER: "info",
}
_ELSEWHERE: Final = frozenset(("happened", "earliest", "recorded", "position", "actor", "reason", "host"))
"""Columns that have a field of their own."""


def to_ecs(event: EventFacts) -> dict[str, Any]:
    """An event as ECS has it."""
    actor, host, vm = event.text("actor"), event.text("host"), event.text("vm_name") or event.text("vm")
    figures = {moment: found for moment in ("before", "after") if (found := event.figures(moment))}
    details = {name: value for name, value in event.details().items() if name not in _ELSEWHERE}
    fields: dict[str, Any] = {
        "kind": "event",
        "category": ["configuration"],
        "type": [_TYPES.get(event.activity, "change")],
        "outcome": _outcome(event),
        "action": event.text("command") or event.text("kind"),
        "code": event.text("kind"),
        "id": event.id,
        "sequence": event.columns["position"],
        "created": event.text("recorded"),
        "start": event.text("earliest"),
        "end": event.text("happened") if "earliest" in event.columns else None,
        "reason": event.text("reason"),
        "module": "nilometer",
        "dataset": "nilometer.events",
        "provider": event.text("via"),
    }
    document: dict[str, Any] = {
        "@timestamp": event.text("happened") or event.text("recorded") or "1970-01-01T00:00:00.000000Z",
        "message": event.message,
        "ecs": {"version": ECS_VERSION},
        "event": {name: value for name, value in fields.items() if value is not None},
        "nilometer": {"ledger": event.ledger, **details, **figures},
    }
    if event.is_partial:
        document["tags"] = ["partially-completed"]
    if actor is not None:
        document["user"] = {"name": actor}
    if host is not None:
        document["host"] = {"id": host, "name": host}
    related = {
        "hosts": _different(event.beyond.get("host_before"), host, vm),
        "user": _different(actor, event.beyond.get("approved_by")),
    }
    document["related"] = {name: values for name, values in related.items() if values}
    return document


def _different(*names: object) -> list[str]:
    """The names that are known, each once."""
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


def _outcome(event: EventFacts) -> str | None:
    """Success or failure. A change that was granted in part is neither."""
    if event.is_partial or event.outcome is None:
        return None
    return "failure" if event.is_failed else "success"
