"""An audit that has nothing to check says so: unknown, never holds."""

from __future__ import annotations

import pytest

from tests.nilometer.cli.audit.test_formats import sarif_problems
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import S7, problems

NOTHING = "unknown: Nothing to check: no event matches. ("
LATER = ["--since", "2027-01-01T00:00:00Z"]


@pytest.mark.parametrize("asked", [LATER, ["--until", "2020-01-01T00:00:00Z"], ["--rule", "book_agrees", *LATER]])
@pytest.mark.parametrize("of_file", [True, False])
def test_a_window_without_events_is_unknown(desk: Desk, history: str, asked: list[str], of_file: bool) -> None:
    files = [history] if of_file else []
    for options, code in (([], 0), (["--strict"], 3), (["--require", "history_is_whole"], 3)):
        result = desk.call("audit", *files, *asked, *options)
        assert result.code == code
        assert result.out.startswith(NOTHING)
    document = desk.call("audit", *files, *asked, "--format", "json").json
    assert (document["verdict"], document["events"], problems("audit", document)) == ("unknown", 0, [])
    assert sarif_problems(desk.call("audit", *files, *asked, "--format", "sarif").json) == []
    assert "::warning title=nothing to check::" in desk.call("audit", *files, *asked, "--format", "github").out


def test_a_rule_that_meets_no_event_is_unknown_beside_one_that_holds(desk: Desk, history: str) -> None:
    """The history has no move and no refusal."""
    result = desk.call("audit", history, "--rule", "no_effect_without_grant", "--rule", "history_is_whole")
    assert result.code == 0
    assert result.out.startswith("unknown: Nothing to check for no_effect_without_grant: no event matches. (")
    assert desk.call("audit", history, "--require", "no_effect_without_grant").code == 3
    assert desk.call("audit", history, "--require", "history_is_whole").code == 0
    alone = desk.call("audit", history, "--rule", "no_effect_without_grant", "--strict")
    assert (alone.code, alone.out.startswith(NOTHING)) == (3, True)


def test_a_vm_that_meets_no_event_in_the_window_is_unknown_beside_one_that_does(desk: Desk, history: str) -> None:
    window = ["--host", "hv01", "--vm", "web01", "--until", "2026-11-23T09:00:00Z"]
    document = desk.call("audit", history, *window, "--format", "json").json
    assert (document["verdict"], document["unmatched"]) == ("unknown", ["VM web01"])


def test_an_empty_ledger_does_not_hold(desk: Desk) -> None:
    from nilometer import Ledger

    Ledger.open(desk.url, create=True).close()
    assert desk.call("audit").out.startswith(NOTHING)
    assert desk.call("audit", "--strict").code == 3
    assert desk.call("audit", desk.write("empty.jsonl", "")).code == 2


def test_a_verdict_names_only_what_was_checked(desk: Desk, history: str) -> None:
    assert ": 1 rule of 38 holds (" in desk.call("audit", history, "--rule", "history_is_whole").out.splitlines()[0]
    assert "every rule" not in desk.call("audit", history).out


@pytest.mark.parametrize("command", ["import", "import-qemu", "import-hyperv"])
@pytest.mark.parametrize("content", ['{"a": 1}\n', "", "no JSON\n"])
def test_an_import_that_records_nothing_leaves_no_ledger(desk: Desk, command: str, content: str) -> None:
    result = desk.call(command, desk.write("bad.jsonl", content))
    assert result.code == 2
    assert [path.name for path in desk.folder.iterdir()] == ["bad.jsonl"]
    if command != "import":
        assert desk.call(command, "bad.jsonl", "--keep-going").code == 2
        assert [path.name for path in desk.folder.iterdir()] == ["bad.jsonl"]


def test_a_ledger_that_was_there_or_has_events_stays(desk: Desk) -> None:
    from nilometer import Ledger

    bad = desk.write("bad.jsonl", '{"a": 1}\n')
    Ledger.open(desk.url, create=True).close()
    assert desk.call("import-qemu", bad).code == 2
    assert (desk.folder / "ledger.db").exists()
    (desk.folder / "ledger.db").unlink()
    assert desk.call("import-qemu", S7, bad, "--as", "lab").code == 2
    assert desk.events.count("\n") > 10
