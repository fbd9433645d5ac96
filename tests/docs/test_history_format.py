"""``docs/history-format.md`` names every kind of event and every code; ``docs/cli.md`` every schema."""

from __future__ import annotations

import re
from typing import Final

from domain.decision import Code
from domain.kinds import EVENTS
from domain.observed.words import ObservedCode
from tests.paths import ROOT

PAGE: Final = (ROOT / "docs" / "history-format.md").read_text(encoding="utf-8")


def test_every_kind_of_event_is_in_a_table() -> None:
    rows = " ".join(line for line in PAGE.splitlines() if line.startswith("|"))
    named = set(re.findall(r"`((?:vm|host|policy|policies|group|import)\.[a-z-]+)`", rows))
    assert named == {kind for kind, _ in EVENTS}


def test_every_code_is_in_the_section_about_codes() -> None:
    section = PAGE.split("\n## Codes\n")[1].split("\n## ")[0]
    for code in (*Code, *ObservedCode):
        assert f"`{code}`" in section, code


def test_every_schema_is_named_where_the_commands_are() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for schema in (ROOT / "nilometer" / "schemas").glob("*.json"):
        assert f"`{schema.stem}`" in page, schema.name
