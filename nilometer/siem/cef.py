"""Events as CEF, the Common Event Format: a line of a header and of keys with values.

In the header a backslash and a pipe are escaped; in a value a backslash, an equals sign and line breaks are. A value
is cut to the length that the format's dictionary has for its key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nilometer.siem.facts import PRODUCT, PRODUCT_VERSION, VENDOR, EventFacts

LENGTHS: Final[Mapping[str, int]] = {
    "act": 63,
    "cat": 1023,
    "cs1": 4000,
    "cs2": 4000,
    "cs3": 4000,
    "cs4": 4000,
    "cs5": 4000,
    "cs6": 4000,
    "dhost": 1023,
    "dvchost": 100,
    "externalId": 40,
    "msg": 1023,
    "outcome": 63,
    "reason": 1023,
    "requestClientApplication": 1023,
    "suser": 1023,
}
"""The most characters of a text, by its key. All other keys have numbers or labels."""
_NAME_LENGTH: Final = 512
LABELS: Final[Mapping[str, str]] = {
    "cs1": "eventId",
    "cs2": "ledger",
    "cs3": "vmId",
    "cs4": "code",
    "cs5": "correlation",
    "cs6": "policies",
    "cn1": "requestedBytes",
    "cn2": "grantedBytes",
    "cn3": "position",
    "flexNumber1": "assignedBefore",
    "flexNumber2": "assignedAfter",
}
_LABELS_OF_DEVICES: Final[Mapping[str, str]] = {"flexNumber1": "deviceSizeBefore", "flexNumber2": "deviceSizeAfter"}
"""Of an event about a memory device, whose VM may have others."""
_LABELS_OF_REQUESTS: Final[Mapping[str, str]] = {**_LABELS_OF_DEVICES, "flexNumber2": "deviceSizeRequested"}
_IN_HEADER: Final = str.maketrans({"\\": "\\\\", "|": "\\|", "\n": " ", "\r": " "})
_IN_VALUE: Final = str.maketrans({"\\": "\\\\", "=": "\\=", "\n": "\\n", "\r": "\\r"})


def to_cef(event: EventFacts) -> str:
    """An event as CEF, without the end of its line."""
    kind = event.text("kind") or ""
    command = event.text("command") or kind
    before, after, labels = _sizes(event)
    policies = event.beyond.get("policies")
    header = ("CEF:0", VENDOR, PRODUCT, PRODUCT_VERSION, kind, _name(command), str(_severity(event)))
    values: dict[str, object] = {
        "rt": event.milliseconds("recorded"),
        "start": event.milliseconds("earliest") if "earliest" in event.columns else event.milliseconds("happened"),
        "end": event.milliseconds("happened"),
        "externalId": event.columns["position"],
        "act": event.text("command"),
        "outcome": event.outcome,
        "suser": event.text("actor"),
        "requestClientApplication": event.text("via"),
        "dvchost": event.text("host"),
        "dhost": event.text("vm_name") or event.text("vm"),
        "cat": event.text("origin"),
        "cs1": event.id,
        "cs2": event.ledger,
        "cs3": event.text("vm"),
        "cs4": event.text("code"),
        "cs5": event.text("correlation"),
        "reason": event.text("reason"),
        "cn1": event.columns.get("requested"),
        "cn2": event.columns.get("granted"),
        "cn3": event.columns["position"],
        "cs6": ", ".join(policies) if isinstance(policies, list) else None,
        "flexNumber1": before,
        "flexNumber2": after,
        "msg": event.message,
    }
    extension: list[str] = []
    for key, value in values.items():
        if value is None:
            continue
        extension.append(f"{key}={str(value)[: LENGTHS.get(key)].translate(_IN_VALUE)}")
        if key in labels:
            extension.append(f"{key}Label={labels[key]}")
    return f"{'|'.join(part.translate(_IN_HEADER) for part in header)}|{' '.join(extension)}"


def _sizes(event: EventFacts) -> tuple[object, object, Mapping[str, str]]:
    """The sizes before and after an event, and what all labels are: of the device that it is about, or the VM."""
    columns = event.columns
    if "size_to" not in columns:
        return columns.get("before_assigned"), columns.get("after_assigned"), LABELS
    own = _LABELS_OF_REQUESTS if event.text("kind") == "vm.change-requested" else _LABELS_OF_DEVICES
    return columns.get("size_from"), columns["size_to"], {**LABELS, **own}


def _name(command: str) -> str:
    return command[:_NAME_LENGTH]


def _severity(event: EventFacts) -> int:
    """From 0 to 10."""
    return 4 if event.is_failed else 3 if event.is_partial else 1
