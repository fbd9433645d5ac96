"""The house: folders that say what they are, names that are used once, records built by keyword, tests that mirror."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.paths import ROOT

PACKAGES: Final = ("domain", "rules", "projections", "nilometer")
MODULES: Final = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
FEW: Final = 3
"""A record of no more fields than these may be built by position."""
NOT_NOUNS: Final = frozenset(("told", "each", "fine", "said", "of"))
"""Words that say nothing of what they name."""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), path)


def place(path: Path, node: ast.AST | None = None) -> str:
    line = f":{node.lineno}" if isinstance(node, ast.stmt | ast.expr | ast.arg) else ""
    return f"{path.relative_to(ROOT).as_posix()}{line}"


@pytest.mark.parametrize("package", [path for path in MODULES if path.name == "__init__.py"], ids=place)
def test_a_folder_says_what_it_is_what_it_may_import_and_where_to_begin(package: Path) -> None:
    text = ast.get_docstring(tree(package)) or ""
    assert len(text.splitlines()) >= 3, place(package)
    if package.parent.parent != ROOT:
        assert "May import" in text, place(package)
        assert "Begin with" in text, place(package)


def test_no_two_classes_of_the_product_have_the_same_public_name() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in MODULES:
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(place(path, node))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_no_import_renames_what_it_imports_to_avoid_a_collision() -> None:
    renamed = [
        f"{place(path, node)}: {alias.name} as {alias.asname}"
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in PACKAGES
        for alias in node.names
        if alias.asname not in (None, alias.name)
    ]
    assert renamed == []


def test_records_of_more_than_three_fields_are_built_by_keyword() -> None:
    fields = {name: count for name, count in counted_fields().items() if count > FEW}
    by_position = [
        f"{place(path, node)}: {node.func.id}"
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in fields
        if len([argument for argument in node.args if not isinstance(argument, ast.Starred)]) > 1
        if not is_hot(path, node)
    ]
    assert by_position == []


def counted_fields() -> dict[str, int]:
    """The number of fields of every dataclass, with those that it inherits."""
    own: dict[str, tuple[int, list[str]]] = {}
    for path in MODULES:
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(each) for each in node.decorator_list):
                fields = [
                    item
                    for item in node.body
                    if isinstance(item, ast.AnnAssign) and "ClassVar" not in ast.unparse(item.annotation)
                ]
                own[node.name] = len(fields), [ast.unparse(base) for base in node.bases]

    def count(name: str) -> int:
        fields, bases = own.get(name, (0, []))
        return fields + sum(count(base) for base in bases)

    return {name: count(name) for name in own}


def is_hot(path: Path, node: ast.Call) -> bool:
    """Whether a comment at the call, or above it, says that keywords cost too much there."""
    lines = path.read_text(encoding="utf-8").splitlines()[max(0, node.lineno - 15) : node.end_lineno]
    return any("by position" in line for line in lines)


def test_no_name_is_a_word_that_says_nothing() -> None:
    found = [f"{place(path, node)}: {name}" for path in MODULES for node, name in names_given(tree(path))]
    assert [name for name in found if name.rpartition(" ")[2] in NOT_NOUNS] == []


def names_given(module: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Every name that a module gives to a function, a class, a parameter or a variable; not its records' fields."""
    for node in ast.walk(module):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                yield node, name.lstrip("_")
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.For(target=ast.Name(id=name)):
                yield node, name.lstrip("_")
            case ast.comprehension(target=ast.Name(id=name)):
                yield node.target, name.lstrip("_")
            case _:
                pass


def test_streams_are_named_and_cut_in_one_place() -> None:
    cut = [
        f"{place(path)}:{number}: {line.strip()}"
        for path in MODULES
        if path != ROOT / "domain" / "identifiers.py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if any(sign in line for sign in ('removeprefix("vm/")', 'startswith("vm/")', 'f"vm/{', 'f"host/{'))
    ]
    assert cut == []


@pytest.mark.parametrize("package", PACKAGES)
def test_tests_stand_where_what_they_test_stands(package: str) -> None:
    tests = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests" / package).rglob("test_*.py")}
    folders = {path.parent.relative_to(ROOT) for path in MODULES}
    assert tests <= folders
