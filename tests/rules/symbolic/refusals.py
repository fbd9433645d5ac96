"""Modules with a rule that CPython would run otherwise than its source reads, each beside an innocent neighbour."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.rule import Rule
from rules.symbolic.definition import parameter_types
from rules.symbolic.reader import RuleReader
from rules.symbolic.source import UnreadableRule
from rules.symbolic.terms import Literal
from rules.symbolic.values import concretize, constants, leaves
from tests.rules.symbolic.snippets import load
from tests.rules.symbolic.values import anything_of

RECORD = '''
@dataclass(frozen=True{slots})
class Pair:
    one: int
    two: int
{more}

@rule
def snippet(one: int, two: int) -> int:
    """Says something."""
    return Pair(one, two).one
'''


def a_record(more: str = "", *, slots: bool = True, after: str = "") -> str:
    """A rule that makes a record and reads it; ``more`` stands in the class, ``after`` behind it."""
    indented = "".join(f"    {line}\n" for line in more.splitlines())
    text = RECORD.format(slots=", slots=True" if slots else "", more=indented)
    before, rule, rest = text.partition("@rule")
    return f"{before}{after}\n\n{rule}{rest}"


FAST = "from domain.record import fast_init\n\nfast_init(Pair)\n"

ENUM = '''
from enum import StrEnum


class Colour(StrEnum{bases}):
    RED = "red"
    BLUE = "blue"
{more}

@rule
def snippet(colour: Colour) -> bool:
    """Says something."""
    return colour is Colour.RED
'''


def an_enum(more: str = "", bases: str = "") -> str:
    return ENUM.format(more="".join(f"    {line}\n" for line in more.splitlines()), bases=bases)


def a_constant(definition: str, after: str = "") -> str:
    return plain("return size + BOUND", before=definition, after=after)


def a_method(body: str, decorator: str = "property", name: str = "twice") -> str:
    return f'''
@dataclass(frozen=True)
class Pair:
    one: int
    two: int

    @{decorator}
    @rule
    def {name}(self) -> int:
        """Says something."""
        {body}


@rule
def snippet(pair: Pair) -> int:
    """Says something."""
    return pair.{name}
'''


CHANGED = "code = snippet.__code__\nsnippet.__code__ = code.replace({})"
OTHER = '@rule\ndef other(size: int) -> int:\n    """Says something."""\n    return size'
PLAIN = '@rule\ndef snippet(size: int) -> int:\n    """Says something."""\n    {body}\n'


def plain(body: str, before: str = "", after: str = "") -> str:
    return f"{before}\n\n\n{PLAIN.format(body=body)}\n\n{after}"


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of what is refused, what is said, and its innocent neighbour."""

    name: str
    refused: str
    says: str
    innocent: str


def assert_refused(case: Case, folder: Path) -> None:
    """The rule is refused, for this reason, with its place, and it is said what to write instead."""
    rule = load(case.refused, folder)
    with pytest.raises(UnreadableRule) as refused:
        RuleReader().read(rule)
    assert case.says in str(refused.value)
    assert re.match(r"[^\n:]+:\d+:\d+: ", str(refused.value))
    assert refused.value.hint


def assert_read_as_it_runs(case: Case, folder: Path) -> None:
    """The neighbour is read, and its terms give what CPython computes."""
    rule = load(case.innocent, folder)
    answer = RuleReader().read(rule)

    @settings(max_examples=20, deadline=None)
    @given(st.fixed_dictionaries({name: anything_of(kind) for name, kind in parameter_types(rule).items()}))
    def agrees(arguments: dict[str, object]) -> None:
        values = {
            path: cast("Literal", term.leaf)
            for name, value in arguments.items()
            for path, term in leaves(constants(value), name)
        }
        assert concretize(answer, values) == rule(**arguments)

    agrees()


def refusal(rule: Rule) -> str:
    """What the reader says of a rule that it refuses."""
    with pytest.raises(UnreadableRule) as refused:
        RuleReader().read(rule)
    return str(refused.value)
