"""What each rule speaks of when a history is judged, and what to collect so that observed hosts can be checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rules.judging.completeness import WHOLE
from rules.judging.decided.records import FORWARD, HALVES
from rules.judging.findings import Speaks

OF_HISTORIES: Final[Mapping[str, str]] = {
    WHOLE: "A history has every event once, in its order: none is missing, and none stands there twice.",
    HALVES: "Both halves of a change are there, by one hand and of one time: else it has half happened, or was edited.",
    FORWARD: "Nothing happens before the last event of its stream: else somebody dated it back.",
}
"""What a history must be, beside what the rules of the model say of its events."""

_HOST: Final = "the host's memory and its root reserve, of which no counter of Hyper-V tells"
_LEFT: Final = "Hyper-V Dynamic Memory Balancer\\Available Memory"
_SETTING: Final = "the memory setting, generation and host release (Get-VM, Get-VMMemory, Get-VMHost)"

SPEAKS: Final[Mapping[str, Speaks]] = {
    "host_is_real": Speaks("states", _HOST),
    "host_never_overcommitted": Speaks("states", _HOST),
    "book_agrees": Speaks("accounts", f"{_HOST}, and {_LEFT}"),
    "in_use_is_assigned": Speaks("measures", "Guest Available Memory with Physical Memory"),
    "off_means_nothing": Speaks("states", "the host's free memory after a VM stopped"),
    "settings_valid": Speaks("settings", _SETTING),
    "within_bounds": Speaks("states", _SETTING),
    "watermark_is_visible": Speaks("measures", "Guest Visible Physical Memory"),
    "current_is_visible": Speaks("measures", "Guest Visible Physical Memory"),
    "outcome_is_honest": Speaks("answers"),
    "grant_is_applied": Speaks("grants", "the assigned memory before and after each request"),
    "effects": Speaks("changes"),
    "maximal": Speaks("grants", "what is free on the host and in use in the guest when a request is made"),
    "no_effect_without_grant": Speaks("refusals", "the assigned memory after each refusal"),
    "in_use_never_removed": Speaks("resizes", "Guest Available Memory after each removal"),
    "only_balloon_pages_out": Speaks("changes"),
    "conserved": Speaks("changes", f"{_LEFT} after each change; while the root reserve varies, that does not tell"),
    "watermark_monotone": Speaks("changes"),
    "visible_moves_as_said": Speaks("resizes", "Guest Visible Physical Memory after each change"),
    "removed_was_hot_pluggable": Speaks("removals"),
    "events_where_due": Speaks("changes"),
    "event_tells_all": Speaks("events"),
    WHOLE: Speaks("events"),
    HALVES: Speaks("changes"),
    FORWARD: Speaks("events"),
}
"""What each rule speaks of, in the plural; a rule that is not named here speaks of states."""


def speaks(rule: str) -> Speaks:
    """What a rule speaks of."""
    return SPEAKS.get(rule, Speaks("states"))
