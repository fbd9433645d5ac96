"""Desks to ask ``nilo can`` at: with what a spool has, with hosts in clusters; and what it answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.nilometer.cli.calling import Desk
from tests.nilometer.importers.hyperv.synthetic import START, Spool, moment

SIZES = {"db02": 16, "web01": 12, "erp01": 20, "dev07": 8}
"""GiB of the VMs on hv01, which has 64 and a reserve of 2; hv02 has 32 and holds nothing."""


def observed(desk: Desk, spool: Spool, hours: int = 3) -> Desk:
    """A desk with what a spool has, some hours after its beginning."""
    desk = replace(desk, clock=lambda: START + timedelta(hours=hours))
    assert desk.call("import-hyperv", desk.write("s.jsonl", spool.data), "--final").code == 0
    return desk


def in_cluster(desk: Desk, clusters: dict[str, str | None]) -> Desk:
    """A desk with observed hosts, each with what it reports as its cluster."""
    for host, cluster in clusters.items():
        spool = Spool(host).poll(0, available_mb=8192).poll(1, available_mb=8192)
        booted = "2026-11-20T09:00:00.0000000Z"
        spool.add({
            "schema": 2, "kind": "inventory", "time": moment(1), "host": host, "boot": booted, "cluster": cluster
        })  # fmt: skip
        assert desk.call("import-hyperv", desk.write(f"{host}.jsonl", spool.data), "--final").code == 0
    return replace(desk, clock=lambda: START + timedelta(minutes=3))


def lines_of(desk: Desk, *args: str) -> tuple[int, list[str]]:
    """What a question gives: the exit code and the lines."""
    result = desk.call("can", *args)
    return result.code, result.out.splitlines()


def fill(desk: Desk, other: str, sizes: Mapping[str, int] = SIZES) -> Desk:
    """Fills a desk's host hv01 with VMs of so many GiB; ``other`` is what hv02 has, 2 GiB of it for itself."""
    lines: list[dict[str, Any]] = [
        {"command": "register-host", "host": host, "version": "2022", "total": total, "reserve": "2GiB"}
        for host, total in (("hv01", "64GiB"), ("hv02", other))
    ]
    for id, size in sizes.items():
        lines += [
            {"command": "define-vm", "vm": id, "host": "hv01", "generation": 2, "guest": "windows",
             "config_version": "10.0", "memory": {"static": {"size": f"{size}GiB"}}},
            {"command": "start", "vm": id},
            {"command": "report-in-use", "vm": id, "in_use": f"{size // 2}GiB"},
        ]  # fmt: skip
    assert desk.call("run", desk.write("fill.jsonl", "\n".join(map(json.dumps, lines)))).code == 0
    return desk
