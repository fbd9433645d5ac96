"""The reader reads every rule, and refuses what is outside its subset with the place and what to write instead."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.deciding import decider, redecide
from domain.rule import RULES
from domain.settings import MemorySetting
from rules.symbolic.reader import RuleReader
from rules.symbolic.source import UnreadableRule, source_of
from rules.symbolic.values import symbolic
from tests.rules.symbolic.snippets import ALLOWED, HEADER, REFUSED, a_rule, load

assert redecide  # with these two all rules are loaded
assert decider

ALL = tuple(RULES)


@pytest.fixture
def rules_as_they_were() -> Iterator[None]:
    """What a snippet marks as a rule is forgotten afterwards."""
    yield
    RULES[:] = ALL


def test_every_rule_can_be_read() -> None:
    reader = RuleReader()
    for rule in ALL:
        reader.read(rule)
    assert len(reader.reached) == len(ALL)


@pytest.mark.usefixtures("rules_as_they_were")
@pytest.mark.parametrize("source", ALLOWED)
def test_the_subset_is_let_through(source: str, tmp_path: Path) -> None:
    RuleReader().read(load(source, tmp_path))


@pytest.mark.usefixtures("rules_as_they_were")
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@pytest.mark.parametrize(("source", "says"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_what_is_outside_is_refused_at_its_place(source: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableRule) as refused:
        RuleReader().read(load(source, tmp_path))
    assert says in str(refused.value)
    assert re.match(rf"{re.escape(str(tmp_path))}/snippet\d+\.py:\d+:\d+: ", str(refused.value))
    assert refused.value.hint


@pytest.mark.usefixtures("rules_as_they_were")
def test_a_refusal_shows_the_line_and_a_caret(tmp_path: Path) -> None:
    rule = load(a_rule("return size / 2"), tmp_path)
    with pytest.raises(UnreadableRule) as refused:
        RuleReader().read(rule)
    line = (HEADER + a_rule("return size / 2")).splitlines().index("    return size / 2") + 1
    file = sys.modules[rule.__module__].__file__
    assert str(refused.value) == f"{file}:{line}:12: the operator Div\n      return size / 2\n             ^"


@pytest.mark.usefixtures("rules_as_they_were")
def test_a_rule_that_comes_to_call_itself_is_refused(tmp_path: Path) -> None:
    rule = load(a_rule("return snippet(site, size - 1) if size > 0 else 0"), tmp_path)
    with pytest.raises(UnreadableRule, match="comes to call itself"):
        RuleReader().read(rule)


@pytest.mark.usefixtures("rules_as_they_were")
def test_a_file_that_changed_after_it_was_loaded_is_refused(tmp_path: Path) -> None:
    rule = load(a_rule("return size"), tmp_path)
    file = Path(sys.modules[rule.__module__].__file__ or "")
    file.write_text(file.read_text(encoding="utf-8").replace("return size", "return size + 1"), encoding="utf-8")
    with pytest.raises(UnreadableRule, match="runs as something else than is written"):
        RuleReader().read(rule)


@pytest.mark.usefixtures("rules_as_they_were")
def test_a_rule_patched_at_run_time_is_refused(tmp_path: Path) -> None:
    rule, other = load(a_rule("return size"), tmp_path), load(a_rule("return size + 1"), tmp_path)
    rule.__code__ = other.__code__  # pyright: ignore[reportFunctionMemberAccess]
    with pytest.raises(UnreadableRule, match="runs as something else than is written"):
        source_of(rule)


def test_any_record_has_a_variable_for_each_field() -> None:
    assert repr(symbolic("setting", MemorySetting)).count("setting.") == 6
