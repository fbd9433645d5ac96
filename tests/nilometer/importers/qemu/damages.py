"""Recordings and files that were damaged in any way, as Hypothesis draws them."""

from __future__ import annotations

import codecs
import gzip
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

from hypothesis import strategies as st

from tests.nilometer.importers.qemu.reading import NAMES, lines_of

VALUES: list[Any] = [
    None, True, 0, 1, -1, 2**52, 2**53, 2**63, 2**70, 1.5, "", "x", "vm0", "a/b", "\u0000", [], {}, [[]],
    {"size": 1}, {"id": "balloon"}, "balloon", "pc-dimm", "base-memory", "2026-11-23T14:47:10Z", "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z", "complete", "guest_lost", 134217728, 4503599627370496,
]  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> list[bytes]:
    """A recording with up to six damages."""
    lines = list(lines_of(draw(st.sampled_from(NAMES))))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(lines) - 1))
        how = draw(st.sampled_from(DAMAGES))
        if how == "drop":
            del lines[at : at + draw(st.sampled_from([1, 1, 1, 5, 20]))]
        elif how == "shuffle":
            end = at + draw(st.integers(2, 8))
            lines[at:end] = draw(st.permutations(lines[at:end]))
        elif how == "delay":
            moved = lines.pop(at)
            lines.insert(min(len(lines), at + draw(st.integers(1, 20))), moved)
        elif how == "date":
            lines[at] = dated(lines[at], draw(st.sampled_from([-3600, -3, -0.002, -0.001, 0.001, 1.5, 3, 200, 10**6])))
        elif how == "event":
            lines.insert(at, happening(draw, lines[at]))
        elif not damage(draw, lines, at, how):
            lines[at] = change(draw, lines[at], how)
        if not lines:
            break
    return lines


def damage(draw: st.DrawFn, lines: list[bytes], at: int, how: str) -> bool:
    """Damages lines as any file may be, whatever is in it; ``False`` for a damage that has to know what that is."""
    if how == "double":
        lines.insert(draw(st.integers(0, len(lines))), lines[at])
    elif how == "swap":
        other = draw(st.integers(0, len(lines) - 1))
        lines[at], lines[other] = lines[other], lines[at]
    elif how == "cut":
        lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))]
    elif how == "noise":
        place = draw(st.integers(0, len(lines[at])))
        lines[at] = lines[at][:place] + draw(st.binary(min_size=1, max_size=4)) + lines[at][place:]
    else:
        return False
    return True


DAMAGES = [
    "drop", "double", "swap", "shuffle", "delay", "date", "event", "cut", "noise", "value", "value", "value", "key",
]  # fmt: skip
HAPPENINGS: list[tuple[str, Any]] = [
    ("RESET", {"guest": True, "reason": "guest-reset"}), ("SHUTDOWN", None), ("STOP", None), ("RESUME", None),
    ("GUEST_PANICKED", {"action": "run"}), ("DEVICE_DELETED", {"device": "dimm1"}), ("RTC_CHANGE", {}),
    ("MEM_UNPLUG_ERROR", {"device": "dimm1", "msg": "no"}), ("BALLOON_CHANGE", {"actual": 2**28}),
    ("ACPI_DEVICE_OST", {"info": {"device": "dimm1", "slot-type": "DIMM", "source": 3, "status": 1}}),
    ("MEMORY_DEVICE_SIZE_CHANGE", {"id": "vm0", "size": 2**27}),
    ("MEMORY_DEVICE_SIZE_CHANGE", {"id": "vm1", "size": 0}),
]  # fmt: skip


def dated(line: bytes, seconds: float) -> bytes:
    """The record, dated so much later, and a QMP event happened so much later."""
    try:
        whole = json.loads(line)
        whole["t"] = (datetime.fromisoformat(whole["t"]) + timedelta(seconds=seconds)).isoformat()
        if isinstance(whole.get("qmp"), dict) and "timestamp" in whole["qmp"]:
            whole["qmp"]["timestamp"]["seconds"] += int(seconds)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return line
    return json.dumps(whole).encode() + b"\n"


def happening(draw: st.DrawFn, line: bytes) -> bytes:
    """A QMP event at the time of a record."""
    try:
        whole = json.loads(line)
        name, data = draw(st.sampled_from(HAPPENINGS))
        event = {"event": name, "timestamp": {"seconds": -1, "microseconds": -1}, "data": data}
        common = {key: whole.get(key) for key in ("v", "scenario", "seq", "t")}
        return json.dumps({**common, "vm": whole.get("vm") or "vm0", "kind": "event", "qmp": event}).encode() + b"\n"
    except (ValueError, AttributeError):
        return line


def change(draw: st.DrawFn, line: bytes, how: str) -> bytes:
    """The line with one value changed, or one key gone."""
    try:
        whole: Any = json.loads(line)
    except ValueError:
        return line
    part: Any = whole
    while keys := keys_of(part):
        key = draw(st.sampled_from(keys))
        if not keys_of(part[key]) or draw(st.integers(0, 3)) == 0:
            if how == "key":
                del part[key]
            else:
                part[key] = draw(st.sampled_from(VALUES))
            break
        part = part[key]
    return json.dumps(whole).encode() + b"\n"


def keys_of(part: object) -> list[Any]:
    """The keys of a JSON object, the places of an array; none of anything else."""
    if isinstance(part, dict):
        return sorted(cast("dict[str, object]", part))
    return list(range(len(cast("list[object]", part)))) if isinstance(part, list) else []


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "UTF-8": lambda text: text.encode("utf-8", "surrogateescape"),
    "a mark": lambda text: codecs.BOM_UTF8 + text.encode("utf-8", "surrogateescape"),
    "UTF-16": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le", "surrogatepass"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le", "surrogatepass"),
    "UTF-16, big end first": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be", "surrogatepass"),
}
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gzip": lambda data: gzip.compress(data, 1),
    "members": lambda data: gzip.compress(data[: len(data) // 2], 1) + gzip.compress(data[len(data) // 2 :], 1),
}


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A file as it comes: any encoding and line ends, packed or not, its bytes damaged, or no recording at all."""
    if draw(st.integers(0, 4)) == 0:
        data = draw(st.binary(max_size=300) | VALUES_AS_JSON)
    else:
        ends = draw(st.sampled_from(["\n", "\r\n", "\r"]))
        text = b"".join(draw(damaged())).decode("utf-8", "surrogateescape").replace("\n", ends)
        data = ENCODINGS[draw(st.sampled_from(sorted(ENCODINGS)))](text)
    for pack in draw(st.lists(st.sampled_from(sorted(PACKINGS)), max_size=2)):
        data = PACKINGS[pack](data)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        end = at + draw(st.sampled_from([0, 1, 1, 2, 1000]))
        data = data[:at] + draw(st.binary(max_size=3)) + data[end:]
    return data


VALUES_AS_JSON = st.recursive(
    st.sampled_from(VALUES), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
).map(lambda value: json.dumps(value).encode())
