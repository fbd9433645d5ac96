"""Nothing that is installed sends its user to a page of the repository, which is not installed with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nilometer.cli.pages import HEAD, page
from tests.paths import ROOT

PAGE = re.compile(r"docs/|README|[\w-]+\.md\b")
PACKAGES = ("nilometer", "rules", "domain", "projections")
GENERATORS = {"nilometer/cli/pages.py", "rules/pages.py"}
"""These print pages of the repository."""
OTHERS = (".psm1", ".psd1", ".ps1", ".json", ".js", ".css", ".html")


def sources() -> list[Path]:
    """The modules that are installed."""
    return [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]


def said(file: Path) -> Iterator[tuple[int, str]]:
    """The texts of a module that a program may show, with their lines: all but docstrings."""
    tree = ast.parse(file.read_text("utf-8"))
    strings = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    passed_over = {id(node) for node in strings if isinstance(node, ast.Constant)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed_over:
            yield node.lineno, node.value


def test_no_help_names_a_page() -> None:
    assert [line for line in page().removeprefix(HEAD).splitlines() if PAGE.search(line)] == []


def test_no_message_or_hint_names_a_page() -> None:
    named = [
        (str(file.relative_to(ROOT)), line, text)
        for file in sources()
        if file.relative_to(ROOT).as_posix() not in GENERATORS
        for line, text in said(file)
        if PAGE.search(text)
    ]
    assert named == []


@pytest.mark.parametrize("suffix", [*OTHERS, "verify.py"])
def test_no_other_file_that_is_installed_or_handed_over_names_a_page(suffix: str) -> None:
    files = [file for file in sorted((ROOT / "nilometer").rglob("*")) if file.name.endswith(suffix)]
    files = [file for file in files if suffix != "verify.py" or file.parent.name == "evidence"]
    named = [(file.name, found[0]) for file in files if (found := PAGE.search(file.read_text("utf-8")))]
    assert named == []
