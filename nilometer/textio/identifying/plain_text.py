"""Kinds of plain text: what commands print for people, tables in CSV, metrics and dumps, by their first lines."""

from __future__ import annotations

import csv
import re
from typing import Final

from nilometer.textio.identifying.kind import (
    ASK_PROMETHEUS,
    AT_A_TIME,
    COLLECT_COUNTERS,
    COLLECT_EVENTS,
    COLLECT_VMS,
    RECORD_BY_HAND,
    FileKind,
    hyperv_file,
    qemu_file,
)

_COUNTERS: Final = hyperv_file("a table (CSV) of performance counters")
_STATS: Final = qemu_file("what virsh dommemstat or domstats prints", "--vm web01 --at 2026-11-23T09:00:00Z")
_LIBVIRT: Final = qemu_file("a log of libvirt")
_HMP: Final = FileKind("output of the QEMU monitor (HMP) or of virsh", RECORD_BY_HAND)
_VM_TABLE: Final = FileKind("a table of Get-VM or Get-VMMemory, printed as text", COLLECT_VMS)
_VM_LIST: Final = FileKind("a list of Get-VM or Get-VMMemory (Format-List), printed as text", COLLECT_VMS)
_VM_CSV: Final = hyperv_file("output of Get-VM as CSV (Export-Csv)", AT_A_TIME)
_COUNTERS_PRINTED: Final = FileKind("output of Get-Counter, printed as text", COLLECT_COUNTERS)
_EVENTS_PRINTED: Final = FileKind("a Windows event log, printed as text", COLLECT_EVENTS)
_AZURE_CSV: Final = FileKind("a table (CSV) of counters from Azure Monitor (Log Analytics)", COLLECT_COUNTERS)
_GRAFANA_CSV: Final = FileKind(
    "a table (CSV) as Grafana exports it", f"ask the source of the panel; of Prometheus {ASK_PROMETHEUS}"
)
_CSV: Final = FileKind(
    "a table (CSV) of a kind that is not known here",
    r"of tables, performance counters are read, as typeperf -f CSV writes them; " + COLLECT_COUNTERS,
)
_TABLE: Final = FileKind(
    "a table that PowerShell printed as text", "write it as JSON: … | ConvertTo-Json | Set-Content NEW"
)

_BEGINNINGS: Final[tuple[tuple[re.Pattern[bytes], FileKind], ...]] = tuple(
    (re.compile(rb"\s*+(?:" + pattern + rb")", re.MULTILINE | re.IGNORECASE), kind)
    for pattern, kind in (
        (rb'"?\(PDH-[CT]SV', _COUNTERS),
        (rb"--[\s-]*PostgreSQL database", FileKind(
            "a dump of a PostgreSQL database, as SQL",
            "restore it, and name the database: psql -d DATABASE -f FILE; "
            "nilo view --ledger postgresql://USER@HOST/DATABASE")),
        (rb"PRAGMA foreign_keys|BEGIN TRANSACTION;\s*CREATE TABLE", FileKind(
            "a dump of a SQLite database, as SQL",
            "restore it, and name the database: sqlite3 ledger.db < FILE; nilo view --ledger sqlite:///ledger.db")),
        (rb"-- (?:MySQL|MariaDB) dump|CREATE TABLE\b|INSERT INTO\b", FileKind(
            "SQL of another database", "name the file that you meant")),
        (rb"version https://git-lfs", FileKind("a pointer of Git LFS, not the file itself", "fetch it: git lfs pull")),
        (rb"-----BEGIN PGP MESSAGE", FileKind("a file encrypted with PGP", "decrypt it first: gpg -o NEW -d FILE")),
        (rb"%!PS|\{\\rtf", FileKind("a document to be printed", COLLECT_VMS)),
        (rb"# HELP \w|# TYPE \w|[a-z_:][\w:]*+\{[^}\n]*+\} [\d.eE+-]+(?:\s|\Z)", hyperv_file(
            "a scrape of metrics (Prometheus exposition), of one moment", AT_A_TIME)),
        (rb"#(?:datatype|group|default),", FileKind("an answer of InfluxDB (annotated CSV)", COLLECT_COUNTERS)),
        (rb"[\w.]+(?:,[\w.]+=(?:\\.|[^\s,\\])+)+ [^\s=,]+=(?:\"[^\"\n]*\"|\S)[^\n]* \d{10,19}\s*$", FileKind(
            "a file of metrics from Telegraf or InfluxDB (line protocol)", COLLECT_COUNTERS)),
        (rb"\(qemu\)|QEMU \d[\w.]* monitor|balloon: actual=|VM status: ", _HMP),
        (rb"Domain: '|actual \d+\s+(?:swap_in|last_update|rss)", _STATS),
        (rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+\d{4}: \d+: (?:debug|info) : ", _LIBVIRT),
        (rb"Id\s+Name\s+State\s*\n-{10,}", _HMP),
        (rb"ProviderName: |Event\[\d+\]:?\s", _EVENTS_PRINTED),
    )
)  # fmt: skip
_HEAD: Final = re.compile(rb"^([^\r\n]+)\r?\n[ \t]*-+(?:[ \t]+-+)+[ \t]*\r?$", re.MULTILINE)
"""A head of several columns with dashes under each."""
_ITEM: Final = re.compile(rb"^[ \t]*+([A-Za-z][\w()%./-]*+(?: [\w()%./-]++)*+)[ \t]*+:(?:[ \t]|\r?$)", re.MULTILINE)
"""A property of an object and its value."""
_HEAD_WITHIN: Final = 6
"""Lines in which a head stands: a prompt or a comment may come before it."""
_VM_WORDS: Final = re.compile(
    rb"Memory(?:Assigned|Demand|Startup|Minimum|Maximum|Status)|VMName|VMId|CPUUsage|DynamicMemory|"
    rb"\bReplicationState\b|\bVirtualMachine\b|(?:Minimum|Startup|Maximum)Memory|\bStartup\(M\)",
    re.IGNORECASE,
)
_EVENT_WORDS: Final = re.compile(rb"TimeCreated|EntryType|LevelDisplayName|LogName|Log Name", re.IGNORECASE)
_COUNTER_WORDS: Final = re.compile(rb"CounterSamples|CookedValue|Readings\b", re.IGNORECASE)


def identify_text(begin: bytes) -> FileKind | None:
    """The kind of plain text that begins so; ``None`` if it is of no known kind."""
    for pattern, kind in _BEGINNINGS:
        if pattern.match(begin):
            return kind
    return _printed(begin) or _table(begin)


def _printed(begin: bytes) -> FileKind | None:
    """What PowerShell prints: a list of properties, or a table with dashes under its head."""
    lines = [line for line in begin.splitlines()[:40] if line.strip()]
    first = b"\n".join(lines[:_HEAD_WITHIN])
    items = [item[1] for item in map(_ITEM.match, lines) if item is not None]
    if len(items) > 1 and _ITEM.search(first):
        kind = _by_words(b" ".join(items), _VM_LIST)
        if kind is not None:
            return kind
    head = _HEAD.search(first)
    if head is not None:
        return _by_words(head[1], _VM_TABLE) or _TABLE
    if lines and b"," not in lines[0] and len(lines[0].split()) > 2:
        return _by_words(lines[0], _VM_TABLE)
    return None


def _by_words(text: bytes, vms: FileKind) -> FileKind | None:
    if _COUNTER_WORDS.search(text):
        return _COUNTERS_PRINTED
    if _EVENT_WORDS.search(text):
        return _EVENTS_PRINTED
    return vms if _VM_WORDS.search(text) else None


def _table(begin: bytes) -> FileKind | None:
    """A table of at least two columns, whose first lines have as many as its head."""
    powershell = begin.lstrip().startswith(b"#TYPE ")
    text = begin.decode("utf-8", "replace").lstrip()
    lines = [line for line in text.splitlines()[:6] if line.strip() and not line.startswith("#TYPE ")]
    if text and not text.endswith(("\n", "\r")) and len(lines) > 2:
        lines = lines[:-1]  # the last may be cut off
    for delimiter in ",;\t":
        try:
            rows = list(csv.reader(lines, delimiter=delimiter))
        except csv.Error:  # a field longer than any in a table
            continue
        if rows and len(rows[0]) > 1 and (len(rows) > 1 or powershell) and len({len(row) for row in rows}) == 1:
            return _kind_of_table([cell.strip().lower() for cell in rows[0]], powershell=powershell)
    return None


def _kind_of_table(head: list[str], *, powershell: bool) -> FileKind | None:
    words = " ".join(head).encode()
    if {"timegenerated", "countervalue"} <= set(head) or {"timegenerated", "countername"} <= set(head):
        return _AZURE_CSV
    if _VM_WORDS.search(words) and not head[0].startswith(("time", "date")):
        return _VM_CSV
    if _EVENT_WORDS.search(words):
        return FileKind("a Windows event log as CSV", COLLECT_EVENTS)
    if head[0] == "time" or head[:2] == ["series", "time"]:
        return _GRAFANA_CSV
    return FileKind(f"{_CSV.description}, of PowerShell", _CSV.way_out) if powershell else _CSV
