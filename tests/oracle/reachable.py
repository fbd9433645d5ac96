"""Every (command, outcome, code) that some history from an empty host reaches. All others are dead.

Dead by design, among others: set-reserve with invalid-setting, move-vm and configure-memory with
wrong-power-state, and a completed or done change with a code.
"""

from __future__ import annotations

Reached = tuple[str, str, str | None]

HOST = "insufficient-host-memory"
POWER = "wrong-power-state"
STATIC_ONLY = (
    POWER,
    "dynamic-memory-enabled",
    "guest-cannot-resize",
    "configuration-version",
    "invalid-amount",
)
DYNAMIC_ONLY = (POWER, "dynamic-memory-disabled", "guest-cannot-resize", "invalid-amount")
UNREPORTED = "in-use-not-reported"
GIVING = (HOST, "size-limit")
TAKING = ("memory-in-use", "minimum-reached")

REJECTIONS: dict[str, tuple[str, ...]] = {
    "register-host": ("invalid-setting",),
    "resize-host": ("invalid-setting", "host-would-be-overcommitted"),
    "set-reserve": ("host-would-be-overcommitted",),
    "remove-host": ("host-not-empty",),
    "define-vm": ("invalid-setting",),
    "configure-memory": ("invalid-setting", "static-while-running", "not-while-running"),
    "configure-guest": (POWER, "invalid-setting"),
    "start": (POWER,),
    "stop": (POWER,),
    "pause": (POWER,),
    "resume": (POWER,),
    "save": (POWER,),
    "restore": (POWER,),
    "reboot-guest": (POWER,),
    "report-in-use": (POWER, "implausible"),
    "add-memory": STATIC_ONLY,
    "remove-memory": (*STATIC_ONLY, UNREPORTED),
    "set-memory": (*STATIC_ONLY, UNREPORTED, "invalid-setting"),
    "grow": DYNAMIC_ONLY,
    "reclaim": (*DYNAMIC_ONLY, UNREPORTED),
    "move-vm": ("same-host", "invalid-setting"),
    "remove-vm": (POWER,),
}
SHORT: dict[str, tuple[str, ...]] = {
    "add-memory": GIVING,
    "grow": GIVING,
    "remove-memory": TAKING,
    "reclaim": TAKING,
    "set-memory": (*GIVING, *TAKING),
}
"""The bounds that can make a grant short, down to none."""
NO_ROOM = ("start", "restore", "reboot-guest", "move-vm")


def _reachable() -> frozenset[Reached]:
    found: set[Reached] = set()
    for command, codes in REJECTIONS.items():
        found |= {(command, "rejected", code) for code in codes}
        found.add((command, "completed" if command in SHORT else "done", None))
    for command, codes in SHORT.items():
        found |= {(command, outcome, code) for code in codes for outcome in ("failed", "partially-completed")}
    found |= {(command, "failed", HOST) for command in NO_ROOM}
    found.add(("set-memory", "done", None))
    return frozenset(found)


REACHABLE = _reachable()
