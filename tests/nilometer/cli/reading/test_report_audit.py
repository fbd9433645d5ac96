"""``nilo report --audit`` with an audit in which a value is wrong: it is refused with the place of the value."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.nilometer.cli.calling import Desk
from tests.paths import DOCS

WRONG: dict[str, tuple[list[str | int], object]] = {
    "events is not a whole number": (["events"], "x"),
    "events is under 0": (["events"], -1),
    "checked[0].rule is not a text": (["checked", 0, "rule"], 7),
    "checked[0].holds is over 9,223,372,036,854,775,807": (["checked", 0, "holds"], 10**90),
    "about.histories[0].last.position is not a whole number": (["about", "histories", 0, "last", "position"], "x"),
    "findings is not a list": (["findings"], {}),
    "findings[0].time is not a time such as 2026-11-23T09:00:00.000000Z": (["findings", 0, "time"], "zzz"),
    "findings[0].positions[0] is not a whole number": (["findings", 0, "positions"], [None]),
}


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, dict[str, Any]]:
    desk = Desk(tmp_path_factory.mktemp("audited"))
    desk.call("import-hyperv", str(DOCS / "examples" / "HV01-20261123.jsonl"))
    return desk, desk.call("audit", "--all", "--format", "json").json


@pytest.mark.parametrize("why", WRONG)
def test_an_audit_with_a_wrong_value_is_refused_with_its_place(audited: tuple[Desk, dict[str, Any]], why: str) -> None:
    desk, document = audited
    changed = json.loads(json.dumps(document))
    (*path, last), value = WRONG[why]
    part = changed
    for key in path:
        part = part[key]
    part[last] = value
    file, page = desk.write("audit.json", json.dumps(changed)), desk.folder / "report.html"
    found = desk.call("report", "--audit", file, "-o", str(page))
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith(f"error: {file}: it is not an audit: {why}\nhint: ")
    assert not page.exists()
