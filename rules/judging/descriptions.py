"""The names of the judge's own rules, what each rule is about, and what to collect so that it can be checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

HISTORY_IS_WHOLE: Final = "history_is_whole"
HALVES_AGREE: Final = "halves_agree"
TIME_GOES_FORWARD: Final = "time_goes_forward"
EVENT_TELLS_ALL: Final = "event_tells_all"
EVENTS_WHERE_DUE: Final = "events_where_due"
OUTCOME_IS_HONEST: Final = "outcome_is_honest"

HISTORY_RULES: Final[Mapping[str, str]] = {
    HISTORY_IS_WHOLE: "A history contains every event exactly once and in order: otherwise some were lost or edited.",
    HALVES_AGREE: "The VM's event and the host's event of one change agree: otherwise one was lost or edited.",
    TIME_GOES_FORWARD: "No event happens before the previous event of its stream: otherwise it was backdated.",
}
"""What a history itself must satisfy, in addition to the rules of the model."""


@dataclass(frozen=True, slots=True)
class RuleSubject:
    """What a rule is about: the events that it judges, and what to collect where they cannot be judged."""

    events: str
    """In the plural: ``removals``."""
    collect: str = ""
    """What to collect so that the rule can be checked on observed hosts, by its name in Hyper-V."""


_HOST: Final = "the host's memory and its root reserve (Hyper-V has no counter for the reserve)"
_LEFT: Final = "Hyper-V Dynamic Memory Balancer\\Available Memory"
_SETTING: Final = "the memory setting, generation and host release (Get-VM, Get-VMMemory, Get-VMHost)"

SUBJECTS: Final[Mapping[str, RuleSubject]] = {
    "host_is_real": RuleSubject("states", _HOST),
    "host_never_overcommitted": RuleSubject("states", _HOST),
    "book_agrees": RuleSubject("accounts", f"{_HOST}, and {_LEFT}"),
    "in_use_is_assigned": RuleSubject("measurements", "Guest Available Memory together with Physical Memory"),
    "off_means_nothing": RuleSubject("states", "the host's free memory after a VM stopped"),
    "settings_valid": RuleSubject("settings", _SETTING),
    "within_bounds": RuleSubject("states", _SETTING),
    "watermark_is_visible": RuleSubject("measurements", "Guest Visible Physical Memory"),
    "current_is_visible": RuleSubject("measurements", "Guest Visible Physical Memory"),
    "outcome_is_honest": RuleSubject("answers"),
    "grant_is_applied": RuleSubject("grants", "the assigned memory before and after each request"),
    "effects": RuleSubject("changes"),
    "maximal": RuleSubject("grants", "the host's free memory and the guest's memory in use at each request"),
    "no_effect_without_grant": RuleSubject("refusals", "the assigned memory after each refusal"),
    "in_use_never_removed": RuleSubject("resizes", "Guest Available Memory each minute"),
    "only_balloon_pages_out": RuleSubject("changes"),
    "conserved": RuleSubject("changes", f"{_LEFT} after each change; inconclusive while the root reserve changes"),
    "watermark_monotone": RuleSubject("changes"),
    "visible_moves_as_said": RuleSubject("resizes", "Guest Visible Physical Memory after each change"),
    "removed_was_hot_pluggable": RuleSubject("removals"),
    "events_where_due": RuleSubject("changes"),
    "event_tells_all": RuleSubject("events"),
    HISTORY_IS_WHOLE: RuleSubject("events"),
    HALVES_AGREE: RuleSubject("changes"),
    TIME_GOES_FORWARD: RuleSubject("events"),
}
"""What each rule is about; a rule that is not named here is about states."""


def subject_of(rule: str) -> RuleSubject:
    """What a rule is about."""
    return SUBJECTS.get(rule, RuleSubject("states"))
