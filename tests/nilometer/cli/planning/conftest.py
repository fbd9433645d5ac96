"""A desk with decided hosts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.planning.asking import SIZES


@pytest.fixture
def full(desk: Desk) -> Desk:
    """A desk whose host hv01 has 6 GiB left."""
    lines: list[dict[str, Any]] = [
        {"command": "register-host", "host": host, "version": "2022", "total": total, "reserve": "2GiB"}
        for host, total in (("hv01", "64GiB"), ("hv02", "32GiB"))
    ]
    for id, size in SIZES.items():
        lines += [
            {"command": "define-vm", "vm": id, "host": "hv01", "generation": 2, "guest": "windows",
             "config_version": "10.0", "memory": {"static": {"size": f"{size}GiB"}}},
            {"command": "start", "vm": id},
            {"command": "report-in-use", "vm": id, "in_use": f"{size // 2}GiB"},
        ]  # fmt: skip
    assert desk.call("run", desk.write("fill.jsonl", "\n".join(map(json.dumps, lines)))).code == 0
    return desk
