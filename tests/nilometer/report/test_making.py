"""A report: the verdict first, one file that loads nothing, every event an anchor, and every text a text."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.commands import AddMemory, DefineVm, RegisterHost, Start
from domain.guests import Guest
from domain.identifiers import UtcTime
from domain.settings import ConfigVersion, HostVersion, MemorySetting, Mode
from nilometer.audit.reading import read_ledger
from nilometer.history.cloudevents import source_uri
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Request
from nilometer.report.building.report import Making, Origin, build_report
from nilometer.report.clocks import Clock24, read_zone
from nilometer.report.collected import MOST_ROWS
from nilometer.report.collecting import collect
from nilometer.report.making import report_of_ledger, write_document
from nilometer.times import current_time
from tests.domain.given import HOST, START, WEB
from tests.nilometer.cli.calling import Desk
from tests.nilometer.report.parsing import Parsed, parse
from tests.oracle.shapes import Line
from tests.paths import RECORDINGS, ROOT

S7: Final = str(RECORDINGS / "s7_three_vms_one_budget.jsonl")
MONTH_END: Final = str(ROOT / "docs" / "examples" / "month-end.jsonl")
HV01: Final = str(ROOT / "docs" / "examples" / "HV01-20261123.jsonl")
BEFORE_THE_SHUTDOWN: Final = "2026-11-23T14:53:56.7Z"
GIB: Final = 2**30


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def lab(desk: Desk) -> Callable[..., Parsed]:
    """The report of three real VMs on one memory budget."""
    desk.call("import-qemu", S7, "--as", "lab", "--actor", "lab-driver", "--via", "qmp")
    return lambda *options: report_of(desk, *options)


def report_of(desk: Desk, *options: str) -> Parsed:
    file = desk.folder / "report.html"
    made = desk.call("report", "-o", str(file), *options)
    assert (made.code, made.out) == (0, ""), made.err
    return parse(file.read_text("utf-8"))


def test_the_verdict_comes_first_with_what_it_covers(lab: Callable[..., Parsed]) -> None:
    text = lab().text
    verdict = text.index("No rule is violated. 1 finding could not be decided")
    assert verdict < text.index("hosts heard of in the last hour") < text.index("VM lab.vm0")
    assert "60 events, 2026-11-23 14:52:40 to 14:53:57 UTC" in text
    assert "within_bounds" in text[verdict : verdict + 400]
    assert "s7_three_vms_one_budget.jsonl" in text
    assert "SHA-256" in text


def test_it_is_one_file_that_loads_nothing(lab: Callable[..., Parsed]) -> None:
    parsed = lab()
    sources = [attributes.get("src") for _, attributes in parsed.elements]
    links = [attributes["href"] for attributes in parsed.named("a")]
    assert set(sources) == {None}
    assert parsed.named("link") == []
    assert [href for href in links if not href.startswith(("#", "data:text/csv"))] == []
    policy = next(one["content"] for one in parsed.named("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_every_event_is_an_anchor_and_every_link_leads_somewhere(lab: Callable[..., Parsed], desk: Desk) -> None:
    parsed = lab()
    assert len(parsed.ids) == len(set(parsed.ids))
    assert parsed.anchors <= set(parsed.ids)
    history = [event for event in desk.call("log", "--format", "json").lines if "import" not in event["type"]]
    assert {f"e{event['position']}" for event in history} <= set(parsed.ids)
    assert {"fleet", "host-lab", "vm-lab.vm0", "findings", "rules", "compare", "f1", "r-within_bounds"} <= set(
        parsed.ids
    )


def test_a_moment_that_is_asked_for_ends_the_report(lab: Callable[..., Parsed]) -> None:
    text = lab("--at", BEFORE_THE_SHUTDOWN).text
    assert "as it was at 2026-11-23 14:53:56 UTC" in text
    assert "1280\N{NO-BREAK SPACE}MiB = 0\N{NO-BREAK SPACE}MiB reserve + 1216\N{NO-BREAK SPACE}MiB held by VMs" in text
    assert "off" not in re.findall(r"Power.*?Together", text, re.S)[0]


def test_what_was_measured_before_the_last_move_is_unknown_in_the_table(lab: Callable[..., Parsed]) -> None:
    rows = lab().text
    moved = rows.index("vm0 0 MiB -> 128 MiB, for request 1")
    assert rows[moved : moved + 90].count("unknown") == 2  # guest visible, and in use


def test_a_decided_history_holds_and_names_who_asked(desk: Desk) -> None:
    desk.call("run", MONTH_END)
    text = report_of(desk).text
    assert "Every rule that applies to an event holds." in text
    assert "CONTOSO\\anna via powershell, because" in text
    assert "51.75\N{NO-BREAK SPACE}GiB" in text or "51.75 GiB of 64 GiB" in text


def test_an_export_gives_the_report_of_its_ledger(desk: Desk) -> None:
    desk.call("run", MONTH_END)
    desk.call("export", "-o", f"{desk.folder}/history.jsonl")
    ledger, export = report_of(desk), report_of(desk, f"{desk.folder}/history.jsonl")
    assert ledger.ids == export.ids
    assert "history.jsonl" in export.text


def test_a_host_that_is_silent_is_named_with_the_time_since_when(desk: Desk) -> None:
    for host, hour in (("hv01", 8), ("hv02", 12)):
        sizes = ("--version", "2022", "--total", "64GiB", "--reserve", "2GiB")
        assert desk.call("do", "register-host", host, *sizes, "--at", f"2026-11-23T{hour:02}:00:00Z").code == 0
    text = report_of(desk, "--zone", "UTC").text
    assert "1 of 2silent: hv01 since 08:00:00" in text


# What is not there


def test_a_ledger_without_events_says_so(desk: Desk) -> None:
    Ledger.open(desk.url, create=True).close()
    text = report_of(desk).text
    assert (desk.folder / "report.html").stat().st_size < 200_000  # what every report has, whatever its data
    assert "There is nothing to judge: no event is recorded." in text
    assert "No host is recorded." in text


def test_what_nobody_measured_is_unknown_and_never_0(desk: Desk) -> None:
    # given a VM of which only is known what was requested, and what it had before and after
    sizes = ("--asked", "8GiB", "--before", "4GiB", "--after", "6GiB")
    desk.call("record", "web07", "--new", "--host", "hv07", *sizes, "--happened", "2026-11-23T09:00:00Z")
    # when it is reported
    text = report_of(desk).text
    # then all else is unknown, with what would tell it
    assert "not measurable: its capacity was never recorded" in text
    assert "in use never recorded." in text
    assert "Collect the counter Guest Available Memory" in text
    # and no 0 stands there, but where two states are made up
    assert " 0\N{NO-BREAK SPACE}MiB" not in text.replace("0\N{NO-BREAK SPACE}MiB assumed", "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "/nowhere/at/all/report.html"], "/nowhere/at/all/report.html: No such file or directory"),
        (["--zone", "Mars/Olympus"], "there is no time zone 'Mars/Olympus'"),
        (["nothing.jsonl"], "nothing.jsonl"),
    ],
)
def test_what_cannot_be_is_an_error_with_a_hint(desk: Desk, options: list[str], message: str) -> None:
    desk.call("run", MONTH_END)
    made = desk.call("report", *options)
    assert made.code == 2
    assert message in made.err
    assert "hint: " in made.err


def test_a_report_that_cannot_be_made_leaves_the_old_one(desk: Desk) -> None:
    file = desk.folder / "report.html"
    file.write_text("the old one")
    assert desk.call("report", "-o", str(file)).code == 2  # there is no ledger
    assert file.read_text() == "the old one"


@pytest.mark.parametrize("option", ["--judge", "--no-judge"])
def test_an_event_that_cannot_be_read_is_named_and_the_rest_is_shown(desk: Desk, option: str) -> None:
    desk.call("run", MONTH_END)
    with closing(sqlite3.connect(desk.folder / "ledger.db")) as database, database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute("UPDATE stored_events SET state = '{}' WHERE position = 13")
    text = report_of(desk, option).text
    assert "1 event could not be read" in text
    assert "CONTOSO\\anna via powershell" in text


# Times


def test_days_begin_in_the_zone_that_is_named(desk: Desk) -> None:
    desk.call("run", MONTH_END)
    text = report_of(desk, "--zone", "Asia/Tokyo").text
    assert "2026-11-23 17:00:00 to 2026-11-24 03:10:00 Asia/Tokyo" in text
    assert "Who changed what on 2026-11-24" in text


def test_a_typed_time_is_of_the_zone_that_is_named(desk: Desk) -> None:
    # given a report in Tokyo's time until a day's end, and a digest since a day's beginning
    desk.call("run", MONTH_END)
    made = desk.call("report", "--at", "2026-11-23", "--zone", "Asia/Tokyo", "-o", f"{desk.folder}/report.html")
    digest = ("report", "--digest", "--since", "2026-11-24", "--zone", "Asia/Tokyo")
    assert desk.call(*digest, "-o", f"{desk.folder}/digest.html").code == 0
    # then the day ends and begins at midnight in Tokyo, which is 15:00 UTC: between the morning and the evening
    assert "note: 2026-11-23 is read as 2026-11-23 23:59:59+09:00" in made.err
    text = parse((desk.folder / "report.html").read_text("utf-8")).text
    assert "2026-11-23 17:00:00 to" in text
    assert "03:10:00" not in text
    digested = (desk.folder / "digest.txt").read_text("utf-8")
    assert "(#11)" in digested  # at 03:00
    assert "(#8)" not in digested  # at 18:00 of the day before


@pytest.mark.parametrize(("count", "how"), [(100_000, "nilo audit judges it."), (100_001, "--judge, or nilo audit.")])
def test_a_ledger_that_was_not_judged_says_so_first_and_what_to_do(desk: Desk, count: int, how: str) -> None:
    desk.call("run", MONTH_END)
    with Ledger.open(desk.url, read_only=True) as ledger:
        collected = collect(read_ledger(ledger), source_uri(ledger.id), None)
    collected.events = count
    making = Making(made=current_time(), clock=CLOCK)
    verdict = build_report(collected, Origin("ledger"), making).verdict
    assert (verdict.word, verdict.sentence) == (
        "not judged",
        "No rule was asked: this page only shows what is recorded.",
    )
    assert verdict.more.endswith(how)


# Texts


CLOCK: Final = Clock24(*read_zone("UTC"))
NASTY: Final = st.text(
    st.one_of(
        st.sampled_from("<>&\"'/=;`\\ \N{RIGHT-TO-LEFT OVERRIDE}\x01\x1b\x7f"),
        st.characters(exclude_categories=["Cs"]),
    ),
    min_size=1,
    max_size=30,
)
MARKUP: Final = st.sampled_from(
    (
        "</script><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "'-alert(1)-'",
        "<!--",
        "]]>",
        "</style><style>*{display:none}",
        "javascript:alert(1)",
        "\N{RIGHT-TO-LEFT OVERRIDE}lmth.troper",
    )
)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], str]:
    """The report of a small history in which a VM and a reason have given texts."""
    folder = tmp_path_factory.mktemp("texts")
    count = 0

    def make(name: str, reason: str) -> str:
        nonlocal count
        count += 1
        return page_of(folder / f"{count}.db", name, reason)

    return make


@pytest.fixture(scope="module")
def tame(plain: Callable[[str, str], str]) -> Parsed:
    """The same with texts that nobody would take for markup."""
    return parse(plain("name", "reason"))


def page_of(file: Path, name: str, reason: str) -> str:
    setting = MemorySetting(mode=Mode.STATIC, startup=4 * GIB, minimum=0, maximum=0, buffer=0, weight=0)
    with Ledger.open(f"sqlite:///{file}", create=True) as ledger:
        for command in (
            RegisterHost(host="hv01", total=8 * GIB, reserve=0, version=HostVersion.V2022),
            DefineVm(
                vm="web01",
                host="hv01",
                generation=2,
                guest=Guest.WINDOWS,
                config_version=ConfigVersion(10, 0),
                memory=setting,
                name=name,
            ),
            Start("web01"),
            AddMemory("web01", 8 * GIB),
        ):
            request = Request(command, actor="ann", via="test", reason=reason, at="2026-11-23T09:00:00Z")
            ledger.execute(request)
        report = report_of_ledger(ledger, Making(made=UtcTime("2026-11-23T10:00:00.000000Z"), clock=CLOCK))
        return b"".join(write_document([report], CLOCK)).decode()


@given(st.one_of(NASTY, MARKUP), st.one_of(NASTY, MARKUP))
@settings(max_examples=20, deadline=None)
def test_no_text_of_a_history_is_markup(plain: Callable[[str, str], str], tame: Parsed, name: str, reason: str) -> None:
    try:
        html = plain(name, reason)
    except ValueError:  # no name that a VM can have, or no reason: refused when it is recorded
        return
    parsed = parse(html)
    # the page has the same elements, with the same names of attributes, whatever the texts are
    assert [(tag, list(attributes)) for tag, attributes in parsed.elements] == [
        (tag, list(attributes)) for tag, attributes in tame.elements
    ]
    assert reason.split()[:1] == [] or reason.split()[0] in parsed.text


# Several histories, and what is new


def test_several_histories_stand_in_one_report_and_no_anchor_is_there_twice(desk: Desk) -> None:
    # given the exports of two ledgers
    files: list[str] = []
    for name, command in (("one", ["run", MONTH_END]), ("other", ["import-qemu", S7, "--as", "lab"])):
        ledger, file = f"sqlite:///{desk.folder}/{name}.db", f"{desk.folder}/{name}.jsonl"
        desk.call(*command, "--ledger", ledger)
        desk.call("export", "-o", file, "--ledger", ledger)
        files.append(file)
    # when one report is made of both
    parsed = report_of(desk, *files)
    # then the verdicts on both come first, each event has an anchor of its own, and all links lead somewhere
    assert parsed.text.index("Every rule that applies") < parsed.text.index("1 finding could not be") < 1000
    assert {"h1-e16", "h2-e16", "h1-vm-web01", "h2-vm-lab.vm0"} <= set(parsed.ids)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert parsed.anchors <= set(parsed.ids)


def test_a_digest_is_a_short_page_and_a_plain_text(desk: Desk) -> None:
    desk.call("run", MONTH_END)
    file = desk.folder / "digest.html"
    assert desk.call("report", "--digest", "--since", "2026-11-23T17:00:00Z", "-o", str(file)).code == 0
    parsed, text = parse(file.read_text("utf-8")), file.with_suffix(".txt").read_text("utf-8")
    assert text.startswith("HOLDS: Every rule that applies to an event holds.\n")
    assert "remove-memory" not in text
    assert "erp01 \N{MINUS SIGN}128\N{NO-BREAK SPACE}MiB: rejected" in text
    assert "51.75" not in text  # that was in the morning
    assert parsed.anchors <= set(parsed.ids)
    assert "rejected" in parsed.text
    assert len(file.read_bytes()) < 60_000


def test_of_more_requests_than_are_kept_no_number_is_given_as_if_they_were_all(desk: Desk) -> None:
    # given a day with more requests than are kept, of which the first fell short
    taken: Line = {"command": "remove-memory", "vm": "web01", "amount": "2MiB"}
    commands: list[Line] = [
        HOST,
        WEB,
        START,
        {"command": "add-memory", "vm": "web01", "amount": "1TiB"},
        {"command": "report-in-use", "vm": "web01", "in_use": "1GiB"},
        *(taken for _ in range(MOST_ROWS)),
    ]
    lines = (json.dumps({**command, "at": "2026-11-23T09:00:00Z"}) for command in commands)
    desk.call("run", desk.write("many.jsonl", "\n".join(lines)))
    # when it is read, and when it is skimmed
    for option in ("--judge", "--no-judge"):
        text = report_of(desk, option).text
        # then what is not kept is not said not to be there
        assert "requests of 24 h not granted in full\N{GREATER-THAN OR EQUAL TO}\N{NARROW NO-BREAK SPACE}0" in text
        assert "among the newest 500" in text
        assert "of more than 500 requests." in text
    digest = ("report", "--digest", "--since", "2026-11-23T00:00:00Z", "-o", f"{desk.folder}/digest.html")
    assert desk.call(*digest).code == 0
    assert "Of this history the newest 500 requests are kept: there were more." in (
        desk.folder / "digest.txt"
    ).read_text("utf-8")


def test_what_is_proved_stands_beside_each_rule(desk: Desk) -> None:
    desk.call("run", MONTH_END)
    assert "not proved here" in report_of(desk).text
    proved = report_of(desk, "--prove").text
    assert "\N{CHECK MARK} proved" in proved
    assert re.search(r"Proved: \d+ obligations and \d+ checks in [\d.]+ s with Z3 [\d.]+, 20", proved)


def test_an_audit_that_was_made_before_is_shown_as_if_the_report_had_judged(desk: Desk) -> None:
    # given an audit of a ledger
    desk.call("import-qemu", S7, "--as", "lab")
    audit = desk.folder / "audit.json"
    audit.write_text(desk.call("audit", "--all", "--format", "json").out)
    # when it is given to the report
    judged, audited = report_of(desk), report_of(desk, "--audit", str(audit))
    # then the verdict and the findings are the same
    assert "1 finding could not be decided" in audited.text
    assert [id for id in audited.ids if re.fullmatch(r"f\d+", id)] == [
        id for id in judged.ids if re.match(r"f\d+$", id)
    ]
    messages = re.findall(r"the request fell short[^)]*\)", judged.text)
    assert messages == re.findall(r"the request fell short[^)]*\)", audited.text)
    assert len(messages) == 3
    # and it is refused where it is no audit, or one of another ledger
    Ledger.open(f"{desk.url}2", create=True).close()
    for file, ledger, message in (
        (audit, f"{desk.url}2", "not of this ledger"),
        (Path(S7), desk.url, "it is not an audit"),
    ):
        made = desk.call("report", "--audit", str(file), "--ledger", ledger, "-o", f"{desk.folder}/no.html")
        assert (made.code, message in made.err) == (2, True)
