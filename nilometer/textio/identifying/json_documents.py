"""Kinds of JSON, by the keys of the first object: of one that is cut off too, in one line or in many."""

from __future__ import annotations

import json
import re
from typing import Final

from nilometer.textio.identifying.kind import (
    ASK_PROMETHEUS,
    AT_A_TIME,
    COLLECT_COUNTERS,
    COLLECT_EVENTS,
    COLLECT_VMS,
    EXPORT_A_HISTORY,
    HISTORY,
    RECORDING,
    SCRIPT,
    Expected,
    FileKind,
    hyperv_file,
    qemu_file,
)

_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}:,]', re.DOTALL)
_WHOLE_OBJECT: Final = re.compile(rb"\s*+\{[^\r\n]*\}[ \t]*+(?:[\r\n]|\Z)")


def _answer(command: str) -> FileKind:
    return FileKind(f"an answer of {command}, as JSON", EXPORT_A_HISTORY)


_QMP: Final = qemu_file("a log of a QEMU monitor (QMP)")
_VMS: Final = hyperv_file("output of Get-VM, Get-VMMemory or Get-VMHost, as JSON", AT_A_TIME)
_SAMPLES: Final = hyperv_file("output of Get-Counter, as JSON")
_PROMETHEUS: Final = hyperv_file("an answer of Prometheus")
_BEAT: Final = hyperv_file("a file of events from Winlogbeat")
_AZURE: Final = FileKind("a list of counters from Azure Monitor (Log Analytics)", COLLECT_COUNTERS)
_INVENTORY: Final = FileKind("a list of VMs as JSON, from another tool than Get-VM", COLLECT_VMS)
_WMI: Final = hyperv_file("a sample of counters read over WMI, as JSON", AT_A_TIME)
_SCVMM: Final = hyperv_file("a list of VMs from System Center VMM", AT_A_TIME)
_METRICS: Final = FileKind("a file of metrics from Telegraf or InfluxDB, as JSON", COLLECT_COUNTERS)
_WINDOWS_EVENTS: Final = FileKind("output of Get-WinEvent as JSON, which leaves out what is needed", COLLECT_EVENTS)
_CLOUDEVENT: Final = FileKind("a CloudEvent of another program", EXPORT_A_HISTORY)

_BY_KEYS: Final[tuple[tuple[frozenset[str], FileKind], ...]] = tuple(
    (frozenset(keys.split()), kind)
    for keys, kind in (
        ("command outcome positions", _answer("nilo run")),
        ("command", SCRIPT),
        ("scenario seq", RECORDING),
        ("verdict findings", _answer("nilo audit")),
        ("verdict obligations", _answer("nilo prove")),
        ("position hosts vms", _answer("nilo view")),
        ("events projections", _answer("nilo replay")),
        ("from to changes", _answer("nilo diff")),
        ("records not_needed", _answer("nilo import-hyperv or import-qemu")),
        ("nilometer ledger", _answer("nilo info")),
        ("$schema runs", FileKind("an answer of nilo audit or of another checker (SARIF)", EXPORT_A_HISTORY)),
        ("version runs", FileKind("an answer of nilo audit or of another checker (SARIF)", EXPORT_A_HISTORY)),
        ("schema kind", hyperv_file("a spool of nilo collector")),
        ("execute", _QMP),
        ("QMP", _QMP),
        ("return", _QMP),
        ("event timestamp", _QMP),
        ("metric values timestamps", FileKind("an export of VictoriaMetrics", ASK_PROMETHEUS)),
        ("winlog", _BEAT),
        ("@timestamp event", _BEAT),
        ("@timestamp", FileKind("a file of events from Elastic or Logstash", COLLECT_EVENTS)),
        ("hits took", FileKind("an answer of Elasticsearch", COLLECT_EVENTS)),
        ("TimeGenerated", _AZURE),
        ("tables", _AZURE),
        ("VMMServer", _SCVMM),
        ("MemoryAssignedMB", _SCVMM),
        ("DynamicMemoryMaximumMB", _SCVMM),
        ("AvgRAM", FileKind("output of Measure-VM as JSON: averages, without times", COLLECT_VMS)),
        ("AverageMemoryUsage", FileKind("output of Measure-VM as JSON: averages, without times", COLLECT_VMS)),
        ("ProviderName TimeCreated", _WINDOWS_EVENTS),
        ("fields name tags", _METRICS),
        ("metrics", _METRICS),
        ("results", _METRICS),
    )
)
_BY_WORDS: Final = (
    (re.compile(rb'"resultType"'), _PROMETHEUS),
    (re.compile(rb'"(?:CounterSamples|CookedValue)"'), _SAMPLES),
    (re.compile(rb'"(?:MemoryAssigned|MemoryCapacity|MaximumPerNumaNode|IntegrationServicesState|'
                rb'SmartPagingFileInUse|ParentSnapshotId)"'), _VMS),
    (re.compile(rb'"(?:GuestVisiblePhysicalMemory|CurrentPressure)"|hyperv_counters'), _WMI),
    (re.compile(rb"virtual_?machine|memory_?assigned|assigned_?memory|memory_?startup|startup_?memory|dynamic_?memory",
                re.IGNORECASE), _INVENTORY),
)  # fmt: skip
"""Words anywhere in the beginning of a file, where the keys of its first object say nothing."""


def identify_json(begin: bytes, expected: Expected | None) -> FileKind | None:
    """The kind of JSON that begins so; ``None`` if that is no JSON, or of no known kind.

    What is expected one JSON object a line is of another kind as one long list, or indented over several lines.
    """
    if begin.lstrip()[:1] not in (b"{", b"["):
        return None
    keys = read_keys(begin)
    kind = _kind_of(keys, begin)
    wanted = None if expected is None else expected.kind
    if expected is not None and wanted is not None and kind in (wanted, None) and not _WHOLE_OBJECT.match(begin):
        return _as_lines(begin, expected)
    return kind


def _kind_of(keys: dict[str, str], begin: bytes) -> FileKind | None:
    if {"specversion", "type"} <= keys.keys():
        return HISTORY if keys["type"].startswith("nilometer.") else _CLOUDEVENT
    for needed, kind in _BY_KEYS:
        if needed <= keys.keys():
            return kind
    return next((kind for words, kind in _BY_WORDS if words.search(begin)), None)


def _as_lines(begin: bytes, expected: Expected) -> FileKind | None:
    """A list, or an object that does not end on its line; ``None`` for a line that is cut off or damaged."""
    text = begin.strip()
    if text.startswith(b"["):
        items = ".[]"
    elif re.match(rb"\{\s*[\r\n]", text) or text == b"{":
        items = "."
    else:
        return None
    return FileKind(
        "JSON, but not one JSON object a line",
        "write each object on one line: " + expected.from_a_list.replace("{items}", items),
    )


def _unquoted(text: bytes) -> str:
    try:
        return str(json.loads(text))
    except ValueError:  # cut off, or no UTF-8
        return text.strip(b'"').decode("utf-8", "replace")


def read_keys(begin: bytes) -> dict[str, str]:
    """The keys of the first object, or of the first in a list, with the values that are texts; else they are empty."""
    found: dict[str, str] = {}
    depth, level, key, before = 0, 0, "", b""
    for token in _TOKEN.finditer(begin):
        text = token[0]
        if text in (b"{", b"["):
            depth += 1
            if text == b"{" and not level:
                level = depth
        elif text in (b"}", b"]"):
            depth -= 1
            if depth < level or depth < 1:
                break
        elif depth == level and text.startswith(b'"'):
            word = _unquoted(text)
            if before in (b"{", b","):
                key = word
                found[key] = ""
            elif before == b":" and key:
                found[key] = word
        before = text
    return found
