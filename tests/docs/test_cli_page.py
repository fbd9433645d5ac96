"""``docs/cli.md`` says what ``--help`` says."""

from __future__ import annotations

from nilometer.cli.pages import page
from tests.paths import DOCS


def test_the_page_of_the_command_line_is_fresh() -> None:
    committed = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert page() == committed, "write it anew: python -m nilometer.cli.pages > docs/cli.md"
