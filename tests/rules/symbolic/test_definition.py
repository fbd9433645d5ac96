"""What a definition says must hold where it runs: annotations, builtins, ``replace``, records; and it must end."""

from __future__ import annotations

import builtins
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import cast

import pytest

from domain import replacing
from rules.symbolic.reader import RuleReader
from rules.symbolic.source import UnreadableRule, source_of
from tests.rules.symbolic.refusals import (
    Case,
    a_record,
    an_enum,
    assert_read_as_it_runs,
    assert_refused,
    plain,
    refusal,
)
from tests.rules.symbolic.snippets import load

DELETED = "def __del__(self) -> None:\n    globals()['LEAST'] = 7"
NODE = """
@dataclass(frozen=True, slots=True)
class Node:
    one: int
    inner: {inner}


@rule
def snippet(size: int) -> int:
    \"\"\"Says something.\"\"\"
    return {made}.one
"""
CASES = (
    Case(
        name="a record that changes something when it goes",
        refused=a_record(DELETED).replace(".one\n", ".one + LEAST\n"),
        says="__del__ of its own",
        innocent=a_record(DELETED.replace("__del__", "delete")).replace(".one\n", ".one + LEAST\n"),
    ),
    Case(
        name="a record that says it is another",
        refused=a_record("__class__ = property(lambda self: Host)", slots=False),
        says="__class__ of its own",
        innocent=a_record("of_class = property(lambda self: Host)", slots=False),
    ),
    Case(
        name="a record of itself",
        refused=NODE.format(inner="Node", made="Node(size, Node(1, 2))"),
        says="a field of its own kind",
        innocent=NODE.format(inner="int", made="Node(size, 2)"),
    ),
    Case(
        name="a record of a record of itself",
        refused="@dataclass(frozen=True, slots=True)\nclass Other:\n    node: Node\n\n"
        + NODE.format(inner="Other", made="Node(size, Other(1))"),
        says="a field of its own kind",
        innocent="@dataclass(frozen=True, slots=True)\nclass Other:\n    node: int\n\n"
        + NODE.format(inner="Other", made="Node(size, Other(1))"),
    ),
    Case(
        name="a field that is of another type since",
        refused=a_record(after="Pair.__annotations__['one'] = 'bool'"),
        says="Pair.one is of another type than it was made with",
        innocent=a_record(after="Pair.__annotations__['one'] = 'int'"),
    ),
    Case(
        name="a parameter that is of another type since",
        refused=plain("return size", after="snippet.__annotations__ |= {'size': 'bool', 'return': 'bool'}"),
        says="'size' is annotated otherwise where it runs",
        innocent=plain("return size", after="snippet.__annotations__ |= {'size': 'int', 'return': int}"),
    ),
    Case(
        name="a result that is of another type since",
        refused=an_enum().rstrip() + "\n\n\nsnippet.__annotations__['return'] = int\n",
        says="'return' is annotated otherwise where it runs",
        innocent=an_enum().rstrip() + "\n\n\nsnippet.__annotations__['return'] = bool\n",
    ),
    Case(
        name="a rule that is nested without end",
        refused=plain("return size" + " + 1" * 900),
        says="nested too deeply",
        innocent=plain("return size" + " + 1" * 90),
    ),
    Case(
        name="a function in a rule",
        refused=plain("def inner() -> int:\n        return 1\n    return inner()"),
        says="a statement that rules do not have (FunctionDef)",
        innocent=plain("inner = 1\n    return inner"),
    ),
    Case(
        name="an import in a rule",
        refused=plain("from domain.quantities import FLOOR\n    return size + FLOOR"),
        says="a statement that rules do not have (ImportFrom)",
        innocent=plain("return size + FLOOR", before="from domain.quantities import FLOOR"),
    ),
    Case(
        name="a name of a pattern",
        refused=plain("match size:\n        case n if n > 1:\n            return n\n    return 0"),
        says="a statement that rules do not have (Match)",
        innocent=plain("n = size\n    return n if n > 1 else 0"),
    ),
    Case(
        name="a coroutine",
        refused=plain("return size").replace("def snippet", "async def snippet"),
        says="a coroutine",
        innocent=plain("return size"),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_runs_otherwise_than_it_is_defined_is_refused_with_its_place(case: Case, tmp_path: Path) -> None:
    assert_refused(case, tmp_path)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_its_innocent_neighbour_is_read_as_it_runs(case: Case, tmp_path: Path) -> None:
    assert_read_as_it_runs(case, tmp_path)


def test_a_builtin_that_was_exchanged_for_all_modules_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = load(plain("return max(size, 1)"), tmp_path)

    def seven(size: int, other: int) -> int:
        return 7

    monkeypatch.setattr(builtins, "max", seven)
    assert rule(5) == 7
    assert "a call of 'max', which is not a rule" in refusal(rule)


@pytest.fixture
def sources_forgotten() -> Iterator[None]:
    """A function is compared with its file when it is first read: here it is first read once more."""
    source_of.cache_clear()
    yield
    source_of.cache_clear()


@pytest.mark.usefixtures("sources_forgotten")
@pytest.mark.parametrize("module", [replacing, dataclasses], ids=lambda module: module.__name__)
def test_a_patched_replace_is_refused(module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = plain("return swapped(pair, one=7)", before=f"from {module.__name__} import replace as swapped")
    rule = load(source.replace("(size: int) -> int", "(pair: Host) -> Host").replace("one=", "total="), tmp_path)

    def same(record: object, /, **changes: object) -> object:
        return record

    monkeypatch.setattr(cast("FunctionType", vars(module)["replace"]), "__code__", same.__code__)
    assert "replace runs as something else than is written there" in refusal(rule)


def test_a_reader_that_refused_a_rule_reads_it_no_other_way_the_second_time(tmp_path: Path) -> None:
    rule = load(plain("return size.real"), tmp_path)
    reader = RuleReader()
    for _ in range(2):
        with pytest.raises(UnreadableRule, match="size is not a record"):
            reader.read(rule)
