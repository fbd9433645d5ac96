"""``docs/cli.md`` says what ``--help`` says."""

from __future__ import annotations

from pathlib import Path

from nilometer.cli.pages import page


def test_the_page_of_the_command_line_is_fresh() -> None:
    committed = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    assert page() == committed, "write it anew: python -m nilometer.cli.pages > docs/cli.md"
