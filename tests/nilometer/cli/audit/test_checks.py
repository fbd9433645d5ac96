"""Each *unknown* of a document can be checked by any Python: its formula, on what is known and on both completions."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from domain.decision import Code, Outcome
from domain.guests import Guest
from domain.settings import HostVersion, Mode
from domain.state import Power
from tests.nilometer.cli.calling import Desk
from tests.nilometer.importers.qemu.reading import NAMES, S5
from tests.paths import EXAMPLES, RECORDINGS

ENUMS = (Power, Mode, Guest, HostVersion, Outcome, Code)


def execute(check: dict[str, Any], completion: dict[str, Any]) -> bool:
    """Runs a formula on figures by their paths."""
    names: dict[str, Any] = {kind.__name__: kind for kind in ENUMS}
    for path, value in {**check["known"], **completion}.items():
        *folders, name = path.split(".")
        if not folders:
            names[name] = read(value)
            continue
        record = names.setdefault(folders[0], SimpleNamespace())
        for folder in folders[1:]:
            if not hasattr(record, folder):
                setattr(record, folder, SimpleNamespace())
            record = getattr(record, folder)
        setattr(record, name, read(value))
    return bool(eval(check["formula"], {"__builtins__": {"min": min, "max": max}}, names))


def read(value: Any) -> Any:
    """A figure as Python has it."""
    if isinstance(value, str):
        return next(kind(value) for kind in ENUMS if value in {member.value for member in kind})
    return value


@pytest.mark.parametrize("name", [*NAMES, "a spool"])
def test_a_document_shows_of_each_unknown_figures_that_keep_and_that_break_it(desk: Desk, name: str) -> None:
    if name == "a spool":
        desk.call("import-hyperv", str(EXAMPLES / "HV01-20261123.jsonl"))
    else:
        desk.call("import-qemu", str(RECORDINGS / f"{name}.jsonl"))
    unknown = [one for one in desk.call("audit", "--format", "json").json["findings"] if one["verdict"] == "unknown"]
    assert unknown
    for finding in unknown:
        check = finding["check"]
        assert execute(check, check["keeps"]) is True, check
        assert execute(check, check["breaks"]) is False, check


def test_sarif_has_the_check_and_what_the_audit_was_about(desk: Desk) -> None:
    desk.call("import-hyperv", str(EXAMPLES / "HV01-20261123.jsonl"))
    document = desk.call("audit", "--format", "json").json
    (run,) = json.loads(desk.call("audit", "--format", "sarif").out)["runs"]
    checks = [one["properties"]["check"] for one in run["results"]]
    assert checks == [one["check"] for one in document["findings"] if one["verdict"] == "unknown"] != []
    about = run["properties"]["about"]
    assert about["rules_sha256"] == document["about"]["rules_sha256"]
    assert about["histories"] == document["about"]["histories"]


def test_text_shows_the_first_unknown_of_each_rule_and_all_of_them_on_demand(desk: Desk) -> None:
    desk.call("import-qemu", str(RECORDINGS / f"{S5}.jsonl"))
    desk.call("import-hyperv", str(EXAMPLES / "HV01-20261123.jsonl"))
    unknown = [one for one in desk.call("audit", "--format", "json").json["findings"] if one["verdict"] == "unknown"]
    assert len({one["rule"] for one in unknown}) < len(unknown)
    for options, shown in (((), len({one["rule"] for one in unknown})), (("--all",), len(unknown))):
        text = desk.call("audit", *options).out
        assert text.count("\n    kept with ") == text.count("\n    broken with ") == shown


def test_an_invariant_that_is_broken_is_shown_with_the_figures_that_break_it(desk: Desk) -> None:
    lines = desk.with_history().events.splitlines(keepends=True)
    lines[6:] = [line.replace('"total":68719476736', '"total":1073741824') for line in lines[6:]]
    findings = desk.call("audit", desk.write("small.jsonl", "".join(lines)), "--format", "json").json["findings"]
    broken = [one for one in findings if one["rule"] == "host_never_overcommitted" and one["check"] is not None]
    assert broken
    for finding in broken:
        check = finding["check"]
        assert (finding["verdict"], check["keeps"], check["breaks"]) == ("violated", None, {})
        assert execute(check, {}) is False
