"""``docs/source.md`` names obligations, rules and events that there are. Its commands run with those of all pages."""

from __future__ import annotations

import re
from typing import Final

from domain.kinds import EVENTS
from rules.proving.run import obligations_named
from tests.paths import DOCS

PAGE: Final = (DOCS / "source.md").read_text(encoding="utf-8")
STATEMENTS: Final = re.split(r"^## (?=\d)", PAGE, flags=re.MULTILINE)[1:]


def names_in(label: str, statement: str) -> list[str]:
    """The names in one line of a statement, as ``- **Proof**: `a`, `b``."""
    line = next(line for line in statement.splitlines() if line.startswith(f"- **{label}**"))
    return re.findall(r"`([^`]+)`", line)


def test_every_statement_has_a_proof_that_there_is() -> None:
    obligations = {obligation.name for obligation in obligations_named()}
    assert len(STATEMENTS) == 16
    for statement in STATEMENTS:
        proofs = names_in("Proof", statement)
        assert [name for name in proofs if "/" in name], statement
        assert {name for name in proofs if "/" in name} <= obligations
        assert "```console" in statement


def test_every_statement_names_its_events_and_rules_as_they_are() -> None:
    rules = {obligation.rule for obligation in obligations_named()} | {"event_tells_all"}
    kinds = {kind for kind, _ in EVENTS}
    for statement in STATEMENTS:
        assert {name for name in names_in("Event", statement) if re.fullmatch(r"(vm|host)\.[a-z-]+", name)} <= kinds
        assert {name for name in names_in("Rule", statement) if "_" in name} <= rules
