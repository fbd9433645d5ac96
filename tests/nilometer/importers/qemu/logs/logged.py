"""Logs of a QEMU monitor, made of recordings: the same messages, without what the driver knew beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]
Form = Callable[[str, str, Json], list[str]]

QUERIES = {
    "size_summary": "query-memory-size-summary",
    "memory_devices": "query-memory-devices",
    "balloon_actual": "query-balloon",
}


def stamped(at: str, _: str, message: Json) -> list[str]:
    """As ``ts`` writes it."""
    return [f"{at} {json.dumps(message)}"]


def with_arrows(at: str, kind: str, message: Json) -> list[str]:
    """As some libraries log it."""
    return [f"[{at.replace('Z', '+00:00')}] {'->' if kind == 'SEND_MSG' else '<-'} {json.dumps(message)}"]


def by_libvirt(at: str, kind: str, message: Json) -> list[str]:
    """As libvirt logs it, among other lines."""
    part = {"SEND_MSG": "msg", "RECV_REPLY": "reply", "RECV_EVENT": "event"}[kind]
    begin = f"{at.replace('T', ' ').replace('Z', '+0000')}: 4107: "
    text = json.dumps(message)
    return [
        f"{begin}debug : virEventPollInterruptLocked:726 : Skip interrupt, 1 140331",
        f"{begin}info : qemuMonitorIOProcess:432 : QEMU_MONITOR_IO_PROCESS: mon=0x7f8b buf={text} len={len(text)}",
        f"{begin}info : qemuMonitorSend:914 : QEMU_MONITOR_{kind}: mon=0x7f8b {part}={text}",
        *([" fd=-1"] if kind == "SEND_MSG" else []),
    ]


def logged(records: list[Json], form: Form = stamped) -> list[bytes]:
    """The log of the only VM of a recording."""
    return [f"{line}\n".encode() for record in records for line in _lines(record, form)]


def _lines(record: Json, form: Form) -> Iterator[str]:
    at, kind = record["t"], record["kind"]
    if kind == "command":
        yield from form(at, "SEND_MSG", record["qmp"])
        yield from form(at, "RECV_REPLY", record["reply"])
    elif kind == "event":
        yield from form(at, "RECV_EVENT", record["qmp"])
    measured = {"observation": record, "boot": record.get("observation"), "step": record.get("after")}.get(kind)
    device: Json = (measured or {}).get("device") or {}
    for part, query in QUERIES.items():
        if device.get(part) is not None:
            id = f"libvirt-{record['seq']}-{part}"
            answer = {"actual": device[part]} if part == "balloon_actual" else device[part]
            yield from form(at, "SEND_MSG", {"execute": query, "id": id})
            yield from form(at, "RECV_REPLY", {"return": answer, "id": id})
