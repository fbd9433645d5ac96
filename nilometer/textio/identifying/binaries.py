"""Kinds of files that are no text, by the bytes they begin with."""

from __future__ import annotations

from pathlib import PurePath
from typing import Final

from nilometer.textio.identifying.kind import COLLECT_COUNTERS, COLLECT_VMS, FileKind

_XML_OF_LOG: Final = (
    "export it as XML: Get-WinEvent -Path FILE | ForEach-Object { $_.ToXml() } | "
    "Set-Content -Encoding utf8 events.xml; then: nilo import-hyperv events.xml"
)
_EVTX: Final = FileKind("a binary event log (.evtx)", _XML_OF_LOG)
_EVT: Final = FileKind(
    "a binary event log of old Windows (.evt)",
    f"convert it: wevtutil epl FILE events.evtx /lf:true; then {_XML_OF_LOG.replace('FILE', 'events.evtx')}",
)
_BLG: Final = FileKind(
    "a binary log of performance counters (.blg)",
    "make CSV of it: relog FILE -f CSV -o counters.csv; then: nilo import-hyperv counters.csv",
)
_ETL: Final = FileKind("a binary trace of Windows (.etl)", f"it holds no sizes of VMs; {COLLECT_COUNTERS}")
_SQLITE: Final = FileKind(
    "a SQLite database",
    "if it is a ledger: nilo audit --ledger sqlite:///FILE judges it, nilo view --ledger sqlite:///FILE shows it",
)
_SQLITE_LOG: Final = FileKind(
    "the journal of a SQLite database", "name the database itself, without -wal: nilo view --ledger sqlite:///FILE"
)
_PG_DUMP: Final = FileKind(
    "a dump of a PostgreSQL database (pg_dump -F c)",
    "restore it, and name the database: pg_restore -d DATABASE FILE; nilo view --ledger postgresql://USER@HOST/DATABASE",
)
_PARQUET: Final = FileKind(
    "a Parquet file",
    "nilo audit FILE judges what nilo export --as parquet wrote; other data: export them as JSON Lines or CSV",
)
_VM: Final = "it holds a machine, not its history; " + COLLECT_VMS
_DUMP: Final = "Nilometer reads no memory dumps; name the file that you meant"


def _packed(name: str, unpack: str) -> FileKind:
    return FileKind(f"packed with {name}", f"unpack it first: {unpack}; what is packed with gzip is read as it is")


_MAGIC: Final[tuple[tuple[int, bytes, FileKind], ...]] = (
    (0, b"ElfFile\0", _EVTX),
    (4, b"LfLe", _EVT),
    (0, b"\x01\x02\xff\xfePerf", _BLG),
    (0, b"SQLite format 3\0", _SQLITE),
    (0, b"\x37\x7f\x06\x82", _SQLITE_LOG),
    (0, b"\x37\x7f\x06\x83", _SQLITE_LOG),
    (0, b"PGDMP", _PG_DUMP),
    (0, b"PAR1\x15", _PARQUET),
    (0, b"ARROW1\0\0", _PARQUET),
    (0, b"7z\xbc\xaf\x27\x1c", _packed("7-Zip", "7z x FILE")),
    (0, b"Rar!\x1a\x07", _packed("RAR", "7z x FILE")),
    (0, b"MSCF\0\0\0\0", _packed("cab", "expand FILE -F:* .")),
    (0, b"\xfd7zXZ\0", _packed("xz", "unxz FILE")),
    (0, b"\x28\xb5\x2f\xfd", _packed("zstd", "zstd -d FILE")),
    (0, b"\x04\x22\x4d\x18", _packed("LZ4", "lz4 -d FILE")),
    (0, b"\x1f\x9d", _packed("compress", "uncompress FILE")),
    (257, b"ustar", FileKind("a tar archive", "unpack it first: tar -xf FILE; then name the files in it")),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileKind("a document of old Office (.xls, .doc, .msg)", COLLECT_VMS)),
    (0, b"L\0\0\0\x01\x14\x02\0", FileKind("a shortcut of Windows (.lnk)", "name the file that it points to")),
    (0, b"%PDF-", FileKind("a PDF", f"figures cannot be read from a PDF; {COLLECT_VMS}")),
    (0, b"\x89PNG\r\n", FileKind("a picture (PNG)", f"figures cannot be read from a picture; {COLLECT_VMS}")),
    (0, b"\xff\xd8\xff", FileKind("a picture (JPEG)", f"figures cannot be read from a picture; {COLLECT_VMS}")),
    (0, b"GIF89a", FileKind("a picture (GIF)", f"figures cannot be read from a picture; {COLLECT_VMS}")),
    (0, b"vhdxfile", FileKind("a virtual disk (VHDX)", _VM)),
    (0, b"conectix", FileKind("a virtual disk (VHD)", _VM)),
    (0, b"KDMV\x01\0\0\0", FileKind("a virtual disk (VMDK)", _VM)),
    (0, b"QFI\xfb", FileKind("a virtual disk of QEMU (qcow2)", _VM)),
    (0, b"QEVM\0\0\0\x03", FileKind("the saved state of a VM of QEMU", _VM)),
    (0, b"MDMP\x93\xa7", FileKind("a memory dump of Windows", _DUMP)),
    (0, b"PAGEDU64", FileKind("a memory dump of Windows", _DUMP)),
    (0, b"\x7fELF", FileKind("a program or memory dump (ELF)", _DUMP)),
    (0, b"MZ\x90\0", FileKind("a program of Windows (.exe, .dll)", "name the file that you meant")),
    (0, b"regf", FileKind("a hive of the Windows registry", "it holds no history of memory; " + COLLECT_VMS)),
)  # fmt: skip
_BZIP2: Final = (b"BZh", b"1AY&SY")
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_OFFICE: Final = (b"[Content_Types].xml", b"_rels/.rels", b"xl/", b"docProps/")
_FIRST_NAME_AT: Final = 30
"""Where the name of the first file stands in a zip archive."""

_SUFFIXES: Final = {".evtx": _EVTX, ".evt": _EVT, ".blg": _BLG, ".etl": _ETL, ".sqlite": _SQLITE, ".db": _SQLITE} | {
    suffix: FileKind(f"the configuration or state of a VM of Hyper-V ({suffix})", _VM)
    for suffix in (".vmcx", ".vmrs", ".vmgs", ".vsv")
}
_UNKNOWN: Final = FileKind(
    "a binary file, of a kind that is not known here",
    "export it as text with the program that wrote it; saving it in another encoding would destroy it",
)

_CONTROLS: Final = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\b\x1b")
_LOOKED_AT: Final = 4096
"""Bytes at the beginning of a file that show whether it is text."""
_FEW: Final = 3
"""Up to so many control characters may stand in damaged text."""


def identify_bytes(data: bytes) -> FileKind | None:
    """The kind of a file that is no text, by its first bytes; ``None`` where they show none."""
    for offset, magic, kind in _MAGIC:
        if data.startswith(magic, offset):
            return kind
    if data.startswith(_BZIP2[0]) and data.startswith(_BZIP2[1], 4):
        return _packed("bzip2", "bunzip2 FILE")
    if data.startswith(_ZIP):
        if data.startswith(_OFFICE, _FIRST_NAME_AT):
            return FileKind("a workbook or document of Office (.xlsx, .docx)", f"Nilometer reads none; {COLLECT_VMS}")
        return FileKind(
            "a zip archive", "unpack it first: unzip FILE (or Expand-Archive FILE); then name the files in it"
        )
    return None


def identify_binary(text: bytes, name: str) -> FileKind | None:
    """The kind of a file whose beginning is no text, which its name may tell; ``None`` if it is text."""
    begin = text[:_LOOKED_AT]
    controls = sum(byte in _CONTROLS for byte in begin)
    if controls <= _FEW or controls * 50 < len(begin):
        return None
    return _SUFFIXES.get(PurePath(name.lower()).suffix, _UNKNOWN)
