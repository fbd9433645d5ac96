"""Metrics: the figures of the view, and nothing for what is not known."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.nilometer.cli.serving.conftest import Shop
from tests.paths import EXAMPLES

pytestmark = pytest.mark.xdist_group("serving")

SAMPLE = re.compile(r'(\w+)(?:\{((?:\w+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)')


def samples(text: str) -> dict[tuple[str, str], float]:
    """Every sample, by its name and the VM or host that it is of."""
    found: dict[tuple[str, str], float] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            match = SAMPLE.fullmatch(line)
            assert match is not None, line
            label = re.search(r'(?:vm|host|verdict|version)="([^"]*)"', match[2] or "")
            found[match[1], "" if label is None else label[1]] = float(match[3])
    return found


def test_figures_are_those_of_the_view_and_the_unknown_is_left_out(shop: Shop) -> None:
    found = samples(shop.server.ask("/metrics").text)
    seen = shop.desk.call("view", "--format", "json").json
    names = ("assigned", "visible", "high_watermark", "in_use", "ballooned", "held")
    for row in seen["vms"]:
        figures = {name: found.get((f"nilometer_vm_{name}_bytes", row["vm"])) for name in names}
        assert figures == {name: row[name] for name in names}, row["vm"]
    assert any(row[name] is None for row in seen["vms"] for name in names)
    for row in seen["hosts"]:
        assert found.get(("nilometer_host_free_bytes", row["host"])) == row["free"]
    assert found["nilometer_ledger_position", ""] == seen["position"]
    assert found["nilometer_up", ""] == 1
    judged = shop.desk.process("audit", "--format", "json").json["findings"]
    verdicts = Counter(finding["verdict"] for finding in judged if finding["follows"] is None)
    assert found["nilometer_findings", "violated"] == verdicts["violated"]
    assert found["nilometer_findings", "unknown"] == verdicts["unknown"]


def test_every_metric_of_the_sample_alerts_is_served(shop: Shop) -> None:
    served = {name for name, _ in samples(shop.server.ask("/metrics").text)}
    alerts = (EXAMPLES / "nilometer-alerts.yml").read_text("utf-8")
    used = set(re.findall(r"\bnilometer_\w+", "\n".join(re.findall(r"expr: (.*)", alerts))))
    assert used
    assert used - served == set()
