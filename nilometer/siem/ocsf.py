"""Events as OCSF: class 3004, Entity Management. What OCSF has no attribute for is in ``unmapped``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from nilometer.siem.facts import PRODUCT, PRODUCT_VERSION, VENDOR, Activity, EventFacts

OCSF_VERSION: Final = "1.8.0"
CATEGORY: Final = 3
CLASS: Final = 3004
OTHER: Final = 99
_ACTIVITIES: Final[Mapping[Activity, tuple[int, str]]] = {
    Activity.CREATE: (1, "Create"),
    Activity.READ: (2, "Read"),
    Activity.UPDATE: (3, "Update"),
    Activity.DELETE: (4, "Delete"),
    Activity.MOVE: (5, "Move"),
    Activity.ACTIVATE: (10, "Activate"),
    Activity.DEACTIVATE: (11, "Deactivate"),
    Activity.SUSPEND: (12, "Suspend"),
    Activity.RESUME: (13, "Resume"),
}
_ELSEWHERE: Final = frozenset(
    ("happened", "recorded", "position", "actor", "via", "reason", "correlation", "code", "kind")
)
"""Columns that have an attribute of their own; of an event of a VM, so has its name."""


def to_ocsf(event: EventFacts) -> dict[str, Any]:
    """An event as OCSF has it."""
    activity, activity_name = _ACTIVITIES.get(event.activity, (OTHER, event.text("kind") or "Other"))
    status, status_name = _status(event)
    before, after = event.figures("before"), event.figures("after")
    document: dict[str, Any] = {
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": CATEGORY,
        "category_name": "Identity & Access Management",
        "class_uid": CLASS,
        "class_name": "Entity Management",
        "type_uid": CLASS * 100 + activity,
        "type_name": f"Entity Management: {activity_name}",
        "severity_id": 2 if event.is_failed or event.is_partial else 1,
        "severity": "Low" if event.is_failed or event.is_partial else "Informational",
        "time": event.milliseconds("happened") or event.milliseconds("recorded") or 0,
        "start_time": event.milliseconds("earliest"),
        "end_time": event.milliseconds("happened") if "earliest" in event.columns else None,
        "timezone_offset": 0,
        "message": event.message,
        "status_id": status,
        "status": status_name,
        "status_code": event.text("code"),
        "comment": event.text("reason"),
        "actor": _actor(event),
        "entity": _entity(event, before),
        "entity_result": None if event.is_failed or not after else _entity(event, after),
        "metadata": {
            "version": OCSF_VERSION,
            "product": {"name": PRODUCT, "vendor_name": VENDOR, "version": PRODUCT_VERSION},
            "uid": event.id,
            "event_code": event.text("kind"),
            "logged_time": event.milliseconds("recorded"),
            "original_time": event.text("happened"),
            "sequence": event.columns["position"],
            "correlation_uid": event.text("correlation"),
            "log_name": event.ledger,
        },
        "unmapped": _unmapped(event),
    }
    return {name: _without_nulls(value) for name, value in document.items() if value is not None}


def _status(event: EventFacts) -> tuple[int, str]:
    if event.is_partial:
        return OTHER, "Partial"
    if event.is_failed:
        return 2, "Failure"
    return (1, "Success") if event.outcome is not None else (0, "Unknown")


def _actor(event: EventFacts) -> dict[str, Any] | None:
    """Who asked, and with which tool; ``None`` if neither is known."""
    actor, via = event.text("actor"), event.text("via")
    if actor is None:
        return None if via is None else {"app_name": via}
    return {"user": {"name": actor}, "app_name": via}


def _entity(event: EventFacts, figures: Mapping[str, object]) -> dict[str, Any]:
    name = event.text("vm_name") if event.is_of_vm else None
    return {
        "name": name or event.entity_id,
        "uid": event.entity_id,
        "type_id": OTHER,
        "type": event.entity,
        "data": dict(figures) or None,
    }


def _unmapped(event: EventFacts) -> dict[str, Any]:
    elsewhere = {*_ELSEWHERE, "vm_name"} if event.is_of_vm else _ELSEWHERE
    return {name: value for name, value in event.details().items() if name not in elsewhere}


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return {name: _without_nulls(inner) for name, inner in fields.items() if inner is not None}
    return value
