"""What a file is: each kind that people have is named, whatever it is packed in, and wherever it is cut off."""

from __future__ import annotations

import gzip
import io
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InputError
from nilometer.textio.identifying.identify import identify
from nilometer.textio.identifying.kind import AUDIT, IMPORT, IMPORT_QEMU, RUN, Expected
from nilometer.textio.texts import read_lines
from tests.nilometer.importers.hyperv.sources.test_encodings import FILES as HYPERV
from tests.paths import EXAMPLES, HISTORY_GOLDENS, RECORDINGS

FILES = Path(__file__).parent / "files"
SAMPLES = Path(__file__).parents[2] / "importers" / "hyperv" / "samples"

DESCRIBED = {
    "clixml.xml": "a file of Export-Clixml",
    "dom.xml": "XML of libvirt",
    "export.csv": "output of Get-VM as CSV",
    "fl.txt": "a list of Get-VM or Get-VMMemory (Format-List), printed as text",
    "grafana.csv": "a table (CSV) as Grafana exports it",
    "hmp.txt": "output of the QEMU monitor (HMP)",
    "inventory.json": "a list of VMs as JSON, from another tool",
    "like-evtx.bin": "a binary event log (.evtx)",
    "log.blg": "a binary log of performance counters (.blg)",
    "loganalytics.json": "a list of counters from Azure Monitor",
    "metrics.prom": "a scrape of metrics (Prometheus",
    "prom-cluster.json": "an answer of Prometheus",
    "prom-sum.json": "an answer of Prometheus",
    "qmp.jsonl": "a log of a QEMU monitor (QMP)",
    "scvmm.json": "a list of VMs from System Center VMM",
    "table.txt": "a table of Get-VM or Get-VMMemory, printed as text",
    "telegraf.lp": "a file of metrics from Telegraf",
    "vm-export.jsonl": "an export of VictoriaMetrics",
    "winlogbeat.jsonl": "a file of events from Winlogbeat",
    "wmiperf.json": "a sample of counters read over WMI",
}
OTHERS: dict[str, tuple[bytes, str]] = {
    "SQLite": (b"SQLite format 3\0\x10\0", "a SQLite database"),
    "pg_dump": (b"PGDMP\x01\x0e\0", "a dump of a PostgreSQL database (pg_dump -F c)"),
    "pg_dump as SQL": (b"--\n-- PostgreSQL database dump\n--\n\nSET x = 0;\n", "a dump of a PostgreSQL database"),
    "SQLite as SQL": (b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", "a dump of a SQLite database, as SQL"),
    "zip": (b"PK\x03\x04\x14\0\0\0\x08\0" + bytes(20) + b"HV01.jsonl", "a zip archive"),
    "xlsx": (b"PK\x03\x04\x14\0\x06\0\x08\0" + bytes(20) + b"[Content_Types].xml", "a workbook or document of Office"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(40), "a document of old Office"),
    "evt": (b"\x30\0\0\0LfLe\x01\0\0\0", "a binary event log of old Windows"),
    "HTML": (b"<!DOCTYPE html>\n<html><head>", "an HTML page"),
    "HTML alone": (b"\n<HTML>\n<body>", "an HTML page"),
    "SARIF": (b'{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": []}', "SARIF"),
    "audit": (b'{\n  "events": 9,\n  "verdict": "holds",\n  "findings": []}', "an answer of nilo audit"),
    "view": (b'{"position": 9, "at": null, "hosts": [], "vms": []}', "an answer of nilo view"),
    "run": (b'{"line": 1, "command": "start", "outcome": "done", "positions": [1]}', "an answer of nilo run"),
    "virsh list": (b" Id   Name    State\n-----------------------\n 1    web01   running\n", "output of the QEMU"),
    "Get-VMMemory": (
        b"\nVMName DynamicMemoryEnabled Startup(M)\n------ -------------------- ----------\nweb01  False 512\n",
        "a table of Get-VM or Get-VMMemory",
    ),
    "Get-VM with the prompt": (
        b"PS C:\\> Get-VM\r\n\r\nName  State   MemoryAssigned(M)\r\n----  -----   -----------------\r\nweb01 Off 0\r\n",
        "a table of Get-VM",
    ),
    "another table": (b"\nHandles NPM(K) Name\n------- ------ ----\n  100  10 svchost\n", "a table that PowerShell"),
    "Get-Counter": (
        b"\nTimestamp           CounterSamples\n---------           --------------\n23.11.2026 \\\\hv01\\x\n",
        "output of Get-Counter, printed as text",
    ),
    "Get-WinEvent": (
        b"\n\n   ProviderName: Microsoft-Windows-Hyper-V-Worker\n\nTimeCreated  Id LevelDisplayName Message\n",
        "a Windows event log, printed as text",
    ),
    "wevtutil": (b"Event[0]:\n  Log Name: Microsoft-Windows-Hyper-V-Worker-Admin\n", "a Windows event log, printed"),
    "Get-WinEvent as JSON": (b'[{"Id": 1, "ProviderName": "x", "TimeCreated": "y"}]', "output of Get-WinEvent as JSON"),
    "XML of something": (b"<?xml version='1.0'?>\n<!-- made by hand -->\n<note/>", "XML of a kind that is not known"),
    "event log": (b"<?xml version='1.0' encoding='utf-8'?>\n<Events><Event xmlns='x'>", "a Windows event log as XML"),
    "ConvertTo-Xml": (b'<?xml version="1.0"?><Objects><Object Type="x">', "a file of ConvertTo-Xml"),
    "CSV of something": (b"vm;memory;owner\nweb01;4096;anna\n", "a table (CSV) of a kind that is not known here"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS"),
    "tar": (b"HV01.jsonl".ljust(257, b"\0") + b"ustar\0", "a tar archive"),
    "unknown binary": (bytes(range(256)) * 4, "a binary file, of a kind that is not known here"),
    "picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a picture (PNG)"),
    "Elasticsearch": (b'{"took": 3, "hits": {"total": 1}}', "an answer of Elasticsearch"),
}  # fmt: skip
OUR_OWN: dict[str, tuple[Path, str]] = {
    "script": (EXAMPLES / "month-end.jsonl", "a script of commands"),
    "history": (HISTORY_GOLDENS / "version-1.jsonl", "a history that nilo export wrote"),
    "recording": (RECORDINGS / "s1_idle_grow_shrink.jsonl", "a recording of a QEMU driver"),
    "spool": (EXAMPLES / "HV01-20261123.jsonl", "a spool of nilo collector"),
}
BINARY = ("like-evtx.bin", "log.blg")


def described(begin: bytes, name: str = "file") -> str:
    """What a file is, in words; nothing where it is not known."""
    kind = identify(begin, name)
    return "" if kind is None else kind.description


def refusal(data: bytes, expected: Expected) -> InputError:
    """What is said of a file that is given to a command."""
    with pytest.raises(InputError) as caught:
        read_lines(io.BytesIO(data), "file", expected)
    return caught.value


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_a_format_that_people_have_is_named(name: str) -> None:
    assert described((FILES / name).read_bytes()).startswith(DESCRIBED[name])


def test_every_file_of_the_list_is_described() -> None:
    assert {path.name for path in FILES.iterdir()} - {"README.md"} == DESCRIBED.keys()


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("expected", [RUN, IMPORT, AUDIT, IMPORT_QEMU], ids=lambda expected: expected.command)
def test_every_other_kind_is_named_to_every_command(name: str, packed: bool, expected: Expected) -> None:
    data, description = OTHERS[name]
    error = refusal(gzip.compress(data) if packed else data, expected)
    assert error.message.startswith("file: this is ")
    assert description in error.message
    assert error.message.endswith(f"; {expected.command} reads {expected.reads}")
    assert error.hint


@pytest.mark.parametrize("name", sorted({"table.txt", "fl.txt", "export.csv", "clixml.xml", "scvmm.json", "hmp.txt"}))
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_a_kind_of_text_is_named_in_every_encoding_and_with_every_line_end(name: str, encoding: str) -> None:
    text = (FILES / name).read_text().replace("\n", "\r\n")
    assert DESCRIBED[name] in refusal(text.encode(encoding), AUDIT).message
    assert DESCRIBED[name] in refusal(text.replace("\r\n", "\r").encode(encoding), AUDIT).message


def test_text_in_an_old_encoding_of_windows_is_named_before_anything_is_said_of_its_bytes() -> None:
    table = (FILES / "table.txt").read_text().replace("Operating normally", "Betrieb läuft").encode("cp1252")
    assert "a table of Get-VM" in refusal(table, AUDIT).message


@pytest.mark.parametrize("name", BINARY)
def test_it_is_never_advised_to_re_encode_a_binary(name: str) -> None:
    for expected in (RUN, IMPORT, AUDIT, IMPORT_QEMU):
        for data in ((FILES / name).read_bytes(), bytes(range(256)) * 20, b"\x07\0\x01\0" * 500):
            hint = refusal(data, expected).hint
            assert "Get-Content" not in hint
            assert "UTF-8" not in hint


def test_a_binary_line_in_a_text_is_not_to_be_re_encoded_either() -> None:
    lines = read_lines(io.BytesIO(b"a\n" + bytes(range(11, 256)) + b"\n" + "Zürich\n".encode("latin-1")), "file")
    hints: list[str] = []
    for _ in range(3):
        try:
            next(lines)
        except InputError as error:
            hints.append(error.hint)
    assert ["save it as UTF-8" in hint for hint in hints] == [False, True]


@pytest.mark.parametrize("name", OUR_OWN)
def test_our_own_files_are_named_to_a_command_that_reads_others(name: str) -> None:
    path, description = OUR_OWN[name]
    data = path.read_bytes()
    assert described(data) == description
    for expected in (RUN, IMPORT, AUDIT, IMPORT_QEMU):
        if expected.kind is not None and expected.kind.description == description:
            assert next(read_lines(io.BytesIO(data), "file", expected))[0] == 1
        else:
            assert description in refusal(data, expected).message


LOGS = {
    "virsh domstats": (b"Domain: 'web01'\n  balloon.current=4194304\n", "what virsh dommemstat or domstats prints"),
    "virsh dommemstat": (b"actual 4194304\nswap_in 0\n", "what virsh dommemstat or domstats prints"),
    "QMP": (b'{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"}', "a log of a QEMU monitor (QMP)"),
    "libvirt": (b"2026-11-23 09:00:00.088+0000: 4107: info : qemuMonitorSend:914 : x", "a log of libvirt"),
}


@pytest.mark.parametrize("name", LOGS)
def test_logs_of_qemu_and_libvirt_are_named_to_every_command_but_the_one_that_reads_them(name: str) -> None:
    data, description = LOGS[name]
    for expected in (RUN, IMPORT, AUDIT):
        error = refusal(data, expected)
        assert f"this is {description}; {expected.command}" in error.message
        assert error.hint.startswith("nilo import-qemu file")
    assert next(read_lines(io.BytesIO(data), "file", IMPORT_QEMU)) == (1, data.partition(b"\n")[0])


@pytest.mark.parametrize("index", range(len(HYPERV)))
def test_what_import_hyperv_reads_is_named_as_such(index: int) -> None:
    kind = identify(HYPERV[index][1].encode(), "file")
    assert kind is not None
    assert kind.read_by == "nilo import-hyperv"
    assert "nilo import-hyperv FILE" in kind.way_out


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (b'[\n{"command": "start", "vm": "a"}\n]', "jq -c '.[]' FILE > script.jsonl"),
        (b'[{"command": "start", "vm": "a"}]', "jq -c '.[]' FILE > script.jsonl"),
        (b'{\n  "command": "start",\n  "vm": "a"\n}\n', "jq -c '.' FILE > script.jsonl"),
    ],
)
def test_one_long_list_is_to_be_written_one_object_a_line(data: bytes, hint: str) -> None:
    error = refusal(data, RUN)
    assert "this is JSON, but not one JSON object a line" in error.message
    assert hint.replace("FILE", "file") in error.hint


@pytest.mark.parametrize(
    "data",
    [
        b'{"command": "sta',
        b'{"vm": "web01"}\n',
        b"start web01\n",
        b"# my script\nstart web01\n",
        b"what?\x01\x02\n",
        b"",
        b"\n\n",
        "Zürich\n".encode("latin-1"),
        b"Dear all,\nplease find attached\nthe script.\n",
    ],
)
def test_what_may_be_a_damaged_file_of_the_right_kind_is_left_to_its_reader(data: bytes) -> None:
    read_lines(io.BytesIO(data), "file", RUN)


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.glob("get-vm*.txt")))
def test_real_output_of_get_vm_is_named(name: str) -> None:
    assert "printed as text" in described((SAMPLES / name).read_bytes())


@pytest.mark.parametrize(
    "begin",
    [
        b"A" + b" " * 2**16,
        b"A : " * 2**14,
        b"{" * 2**16,
        b'{"a' + b"\\" * 2**16,
        b"<!--" + b"-" * 2**16,
        b"a,a=" + b"a" * 2**16,
        b"a,a=a" * 2**13,
        b"a{" + b'="' * 2**15,
        b"x\n" + b"- " * 2**15 + b"x",
        b"<" * 2**16,
        b'"' * 2**16,
        b"," * 2**16,
        b"\n" * 2**16,
        b"memory" * 2**13,
    ],
)
def test_no_beginning_takes_long_to_look_at(begin: bytes) -> None:
    start = time.process_time()
    identify(begin, "file")
    assert time.process_time() - start < 2


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))))
def test_any_bytes_are_of_some_kind_or_of_none(begin: bytes) -> None:
    for expected in (None, RUN):
        kind = identify(begin, "file", expected)
        assert kind is None or (kind.description and kind.way_out)


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_a_file_that_is_cut_off_anywhere_is_never_taken_for_our_own(name: str) -> None:
    data = (FILES / name).read_bytes()
    own = {description for _, description in OUR_OWN.values()}
    assert not own & {described(data[:end]) for end in range(0, min(len(data), 600), 7)}
