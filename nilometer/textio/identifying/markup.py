"""Kinds of XML and HTML, by their first element."""

from __future__ import annotations

import re
from typing import Final

from nilometer.textio.identifying.kind import AT_A_TIME, COLLECT_VMS, RECORD_BY_HAND, FileKind, hyperv_file

_PROLOG: Final = re.compile(rb"(?:\s++|<\?[^>]*+>|<!--(?:[^-]|-(?!->))*+-->|#<\s*CLIXML\s)*+")
_DOCTYPE: Final = re.compile(rb"<!DOCTYPE\s+([A-Za-z]+)[^>]*>\s*", re.IGNORECASE)
_ELEMENT: Final = re.compile(rb"<([A-Za-z_][\w.:-]*)")

_HTML: Final = FileKind(
    "an HTML page", "was a page saved in place of the file, such as one to sign in? fetch the file itself"
)
_CLIXML: Final = hyperv_file("a file of Export-Clixml, with objects of PowerShell", AT_A_TIME)
_LIBVIRT: Final = FileKind(
    "XML of libvirt (virsh dumpxml)", f"it says what a VM is set to, not what it has: {RECORD_BY_HAND}"
)
_EVENTS: Final = hyperv_file("a Windows event log as XML")
_XML: Final = FileKind("XML of a kind that is not known here", f"of XML, Windows event logs are read; {COLLECT_VMS}")

_KINDS: Final[dict[bytes, FileKind]] = {
    b"html": _HTML,
    b"head": _HTML,
    b"body": _HTML,
    b"table": _HTML,
    b"objs": _CLIXML,
    b"objects": FileKind("a file of ConvertTo-Xml, with objects of PowerShell", COLLECT_VMS),
    b"events": _EVENTS,
    b"event": _EVENTS,
    b"testsuites": FileKind("a report of tests (JUnit)", "it holds no history; name the file that you meant"),
    b"workbook": FileKind("a workbook of Excel as XML", f"Nilometer reads no workbooks; {COLLECT_VMS}"),
    b"datacollectorset": FileKind(
        "the settings of a data collector set, not what it collected",
        "name its log (.blg) after: relog LOG.blg -f CSV -o counters.csv; then: nilo import-hyperv counters.csv",
    ),
} | dict.fromkeys(
    (b"domain", b"domains", b"domainstatus", b"domstatus", b"domainsnapshot", b"memory", b"currentmemory", b"maxmemory",
     b"capabilities", b"domaincapabilities", b"memballoon", b"domainbackup"),
    _LIBVIRT,
)  # fmt: skip


def identify_markup(begin: bytes) -> FileKind | None:
    """The kind of XML or HTML that begins so; ``None`` if it is neither."""
    prolog = _PROLOG.match(begin)
    position = prolog.end() if prolog is not None else 0
    doctype = _DOCTYPE.match(begin, position)
    if doctype is not None and doctype[1].lower() == b"html":
        return _HTML
    element = _ELEMENT.match(begin, position if doctype is None else doctype.end())
    if element is None:
        return _XML if begin.lstrip().startswith(b"<?xml") else None
    return _KINDS.get(element[1].rpartition(b":")[2].lower(), _XML)
