"""A sentence for a list of events: what, of which VM or host, by whom, with which outcome. Sizes are bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.observed.words import CauseIs
from nilometer.siem.details import Detail

_NAMED: Final = ("policy", "group")
"""What a change of the policies that are adopted is about: its stream is the same for all."""


def message(kind: str, id: str, columns: Mapping[str, str | int | bool], beyond: Mapping[str, Detail]) -> str:
    """The sentence of an event, of its columns and of what is in none."""
    parts = [f"{columns.get('command', kind)} of {_subject(kind, id, columns, beyond)}"]
    if "host_before" in beyond:
        parts.append(f" from {beyond['host_before']} to {columns.get('host')}")
    if "actor" in columns:
        parts.append(f" by {columns['actor']}")
    words = [*_outcome(columns), *_sizes(columns)]
    parts.append(f": {', '.join(words)}" if words else "")
    if why := _why(columns, beyond):
        parts.append(f" ({', '.join(why)})")
    parts += [f", {phrase}" for name, phrase in _STATES.items() if beyond.get(name) is True]
    parts += [f", {phrase} {beyond[name]}" for name, phrase in _ADDED.items() if name in beyond]
    return "".join(parts)


_STATES: Final = {"still_open": "still open", "late": "late"}
_ADDED: Final = {"ticket": "ticket", "approved_by": "approved by"}


def _subject(kind: str, id: str, columns: Mapping[str, object], beyond: Mapping[str, Detail]) -> str:
    vm = columns.get("vm")
    if vm is None:
        about = [str(beyond[name]) for name in _NAMED if name in beyond]
        return about[0] if about and kind.startswith("policies.") else id
    name = columns.get("vm_name", vm)
    subject = str(vm) if name == vm else f"{name} ({vm})"
    return f"{subject} on {id}" if kind.startswith("host.") else subject


def _outcome(columns: Mapping[str, object]) -> list[str]:
    words = [str(columns["outcome"])] if "outcome" in columns else []
    if "requested" in columns and "granted" in columns:
        words.append(f"{columns['granted']} of {columns['requested']} bytes")
    return words


def _sizes(columns: Mapping[str, object]) -> list[str]:
    """From which size to which a device moved, or was asked to."""
    if "size_to" not in columns:
        return []
    before = f"from {columns['size_from']} " if "size_from" in columns else ""
    answer = "" if columns.get("accepted") is not False else ", not accepted"
    return [f"{columns.get('device', 'memory')} {before}to {columns['size_to']} bytes{answer}"]


def _why(columns: Mapping[str, object], beyond: Mapping[str, Detail]) -> list[str]:
    """The code, with the policies that it names, and whether somebody concluded it."""
    if "code" not in columns:
        return []
    policies = beyond.get("policies")
    code = f"{columns['code']} {', '.join(policies)}" if isinstance(policies, list) else str(columns["code"])
    cause = beyond.get("cause_is")
    return [code, str(cause)] if cause in (CauseIs.INFERRED, CauseIs.UNKNOWN) else [code]
