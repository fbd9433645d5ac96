"""A kind of file: its name in plain English, and the one line that leads on from it."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import Final

from domain.errors import InputError


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file."""

    description: str
    """What such a file is: completes the sentence "this is …"."""
    way_out: str
    """What to type or to do with it. ``FILE`` stands for the file's name."""
    read_by: str = ""
    """The command that reads it, if there is one."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a command reads."""

    command: str
    reads: str
    """What it reads, in words."""
    kind: FileKind | None = None
    """The kind that it reads; ``None`` for a command that knows the kinds of text that it reads itself."""
    from_a_list: str = ""
    """Writes the objects of a JSON list, or of indented JSON, one on a line; ``{items}`` selects them."""


AT_A_TIME: Final = "--at 2026-11-23T09:00:00Z --on HOST"
COLLECT_VMS: Final = (
    "make JSON of it on the host: Get-VM | ConvertTo-Json | Set-Content -Encoding utf8 vms.json; "
    f"then: nilo import-hyperv vms.json {AT_A_TIME}"
)
COLLECT_COUNTERS: Final = (
    r"collect the counters as CSV: typeperf -f CSV -o counters.csv '\Hyper-V Dynamic Memory VM(*)\Physical Memory'; "
    "then: nilo import-hyperv counters.csv --zone Europe/Berlin"
)
COLLECT_EVENTS: Final = (
    "export the events as XML: Get-WinEvent -LogName Microsoft-Windows-Hyper-V-Worker-Admin | "
    "ForEach-Object { $_.ToXml() } | Set-Content -Encoding utf8 events.xml; then: nilo import-hyperv events.xml"
)
ASK_PROMETHEUS: Final = (
    "ask for the history, a document a metric: curl -o answer.json 'http://PROMETHEUS:9090/api/v1/query_range"
    "?query=windows_hyperv_dynamic_memory_vm_physical_bytes&start=…&end=…&step=60'; "
    "then: nilo import-hyperv answer.json"
)
RECORD_BY_HAND: Final = (
    "nilo import-qemu reads the log of a monitor with times, and what virsh dommemstat prints again and again; "
    "one change can be recorded by hand: "
    "nilo record web01 --asked 8GiB --before 4GiB --after 6GiB --via qemu"
)
EXPORT_A_HISTORY: Final = "a history is what nilo export writes: nilo export -o history.jsonl"

SCRIPT: Final = FileKind("a script of commands", "nilo run FILE decides and records its commands; then: nilo audit")
HISTORY: Final = FileKind(
    "a history that nilo export wrote",
    "nilo audit FILE judges it; nilo import FILE --ledger sqlite:///new.db takes it into a ledger of its own",
)
RECORDING: Final = FileKind("a recording of a QEMU driver", "nilo import-qemu FILE; then: nilo audit")
EMPTY: Final = FileKind("an empty file", "is it the file you meant, and is it complete?")
FOLDER: Final = FileKind("a folder", "name the files in it: FILE/*.jsonl")

RUN: Final = Expected(
    command="nilo run",
    reads="scripts, one command as a JSON object a line",
    kind=SCRIPT,
    from_a_list="jq -c '{items}' FILE > script.jsonl",
)
IMPORT: Final = Expected(
    command="nilo import",
    reads="histories that nilo export wrote",
    kind=HISTORY,
    from_a_list="jq -cS '{items}' FILE > history.jsonl",
)
AUDIT: Final = Expected(
    command="nilo audit",
    reads="histories that nilo export wrote",
    kind=HISTORY,
    from_a_list="jq -c '{items}' FILE > history.jsonl",
)
IMPORT_QEMU: Final = Expected(
    command="nilo import-qemu",
    reads="recordings of a QEMU driver, logs of its monitor, and what virsh dommemstat prints",
    kind=RECORDING,
    from_a_list="jq -c '{items}' FILE > recording.jsonl",
)
RECORD: Final = Expected(command="nilo record", reads="reports of changes, one as a JSON object a line")
IMPORT_HYPERV: Final = Expected(
    command="nilo import-hyperv", reads="spools of the collector, JSON of Get-VM, counters and event logs"
)


def hyperv_file(description: str, beside: str = "") -> FileKind:
    """A kind that ``nilo import-hyperv`` reads; ``beside`` are the options that it needs."""
    call = f"nilo import-hyperv FILE {beside}".rstrip()
    return FileKind(description, f"{call}; then: nilo audit", read_by=IMPORT_HYPERV.command)


def qemu_file(description: str, beside: str = "") -> FileKind:
    """A kind that ``nilo import-qemu`` reads; ``beside`` are the options that it needs."""
    call = f"nilo import-qemu FILE {beside}".rstrip()
    return FileKind(description, f"{call}; then: nilo audit", read_by=IMPORT_QEMU.command)


def wrong_file(name: str, kind: FileKind, expected: Expected | None = None) -> InputError:
    """The error of a file that is of another kind than a command reads."""
    why = "" if expected is None else f"; {expected.command} reads {expected.reads}"
    file = "FILE" if name in ("-", "stdin") else quote(name)
    return InputError(f"{name}: this is {kind.description}{why}", hint=kind.way_out.replace("FILE", file))


def empty_file(name: str, why: str, hint: str = EMPTY.way_out) -> InputError:
    """The error of a file in which nothing stands; ``why`` says why that is an error."""
    return InputError(f"{name}: this is {EMPTY.description}: {why}", hint=hint)
