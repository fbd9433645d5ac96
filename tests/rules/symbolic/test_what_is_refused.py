"""What Python lets a program change under a rule is refused; what looks like it, and changes nothing, is read.

Each case is a module: a rule that CPython would run otherwise than its source reads, and an innocent neighbour. Where
both run, the neighbour's answer as terms is what CPython computes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from domain.replacing import replace
from rules.symbolic.reader import RuleReader
from rules.symbolic.source import UnreadableRule
from tests.rules.symbolic.refusals import (
    CHANGED,
    FAST,
    OTHER,
    Case,
    a_constant,
    a_method,
    a_record,
    an_enum,
    assert_read_as_it_runs,
    assert_refused,
    plain,
)
from tests.rules.symbolic.snippets import load

CASES = (
    Case(
        name="a record that changes itself when it is made",
        refused=a_record('def __post_init__(self) -> None:\n    object.__setattr__(self, "one", 7)'),
        says="__post_init__ of its own",
        innocent=a_record('def shown(self) -> str:\n    return f"{self.one}"'),
    ),
    Case(
        name="a record with a constructor of its own",
        refused=a_record('def __init__(self, one: int, two: int) -> None:\n    object.__setattr__(self, "one", two)'),
        says="__init__ of its own",
        innocent=a_record("def __str__(self) -> str:\n    return 'a pair'"),
    ),
    Case(
        name="a record whose constructor was exchanged",
        refused=a_record(
            after='def swapped(self, one, two):\n    object.__setattr__(self, "one", two)\n\n\nPair.__init__ = swapped'
        ),
        says="__init__ of its own",
        innocent=a_record(after='Pair.__doc__ = "Two."'),
    ),
    Case(
        name="a record whose fast constructor sets another field",
        refused=a_record(after=f"{FAST}Pair.__init__.__globals__['set_one'] = Pair.two.__set__"),
        says="__init__ of its own",
        innocent=a_record(after=FAST),
    ),
    Case(
        name="a record whose fast constructor sets fields by a function of somebody's own",
        refused=a_record(
            after=f"{FAST}def set_one(pair, one):\n    Pair.one.__set__(pair, 7)\n\n\n"
            "Pair.__init__.__globals__['set_one'] = set_one"
        ),
        says="__init__ of its own",
        innocent=a_record(after=f"{FAST}Pair.__init__.__globals__['set_one'] = Pair.one.__set__"),
    ),
    Case(
        name="a record whose fast constructor has a default",
        refused=a_record(after=f"{FAST}Pair.__init__.__defaults__ = (7,)").replace("Pair(one, two)", "Pair(one)"),
        says="__init__ of its own",
        innocent=a_record(after=f"{FAST}Pair.__init__.__defaults__ = None"),
    ),
    Case(
        name="a record with a __new__ of its own",
        refused=a_record("def __new__(cls, *given):\n    return object.__new__(cls)"),
        says="__new__ of its own",
        innocent=a_record("def new(self) -> int:\n    return 1"),
    ),
    Case(
        name="a record that is read otherwise",
        refused=a_record("def __getattribute__(self, name):\n    return 7"),
        says="__getattribute__ of its own",
        innocent=a_record("def get(self, name: str) -> int:\n    return 7"),
    ),
    Case(
        name="a record with a metaclass",
        refused="class Meta(type):\n    def __call__(cls, one, two):\n        return super().__call__(two, one)\n\n\n"
        + a_record().replace("class Pair:", "class Pair(metaclass=Meta):"),
        says="a metaclass of its own",
        innocent=a_record().replace("class Pair:", "class Pair(metaclass=type):"),
    ),
    Case(
        name="a record with a field that is something else",
        refused=a_record(after="Pair.one = property(lambda self: 7)"),
        says="read through something else than the field",
        innocent=a_record("three: int = 3", after="").replace("Pair(one, two)", "Pair(one, two, 3)"),
    ),
    Case(
        name="a record with a field in its dictionary that is something else",
        refused=a_record(slots=False, after="Pair.one = property(lambda self: 7, lambda self, value: None)"),
        says="read through something else than the field",
        innocent=a_record(slots=False),
    ),
    Case(
        name="a field by name only",
        refused="from dataclasses import KW_ONLY\n\n\n"
        + a_record().replace("    two: int", "    _: KW_ONLY\n    two: int"),
        says="by name only",
        innocent=a_record().replace("Pair(one, two)", "Pair(one=one, two=two)"),
    ),
    Case(
        name="a field that is not given",
        refused="from dataclasses import field\n\n\n" + a_record("three: int = field(init=False, default=3)"),
        says="not an argument of the constructor",
        innocent="from dataclasses import field\n\n\n"
        + a_record("three: int = field(default=3)").replace("Pair(one, two)", "Pair(one, two, 3)"),
    ),
    Case(
        name="a record that inherits from something",
        refused="class Base:\n    def __init_subclass__(cls, **given):\n        pass\n\n\n"
        + a_record().replace("class Pair:", "class Pair(Base):"),
        says="inherits from what is not a record",
        innocent="@dataclass(frozen=True, slots=True)\nclass Base:\n    zero: int\n\n\n"
        + a_record().replace("class Pair:", "class Pair(Base):").replace("Pair(one, two)", "Pair(one, two, 3)"),
    ),
    Case(
        name="a name that has no value on one way, and is a constant of the module",
        refused=plain("if size > 1:\n        LEAST = 1\n    return LEAST"),
        says="'LEAST' has no value on this way",
        innocent=plain("if size > 1:\n        least = 1\n    else:\n        least = LEAST\n    return least"),
    ),
    Case(
        name="a name that has no value on one way, and is a rule",
        refused=plain(
            "if size > 1:\n        other = 1\n        return other\n    return other(size)",
            before=OTHER,
        ),
        says="a call of other",
        innocent=plain(
            "if size > 1:\n        more = 1\n        return more\n    return other(size)",
            before=OTHER,
        ),
    ),
    Case(
        name="a name that has no value on one way, and is a builtin",
        refused=plain("if size > 1:\n        max = 1\n        return max\n    return max(size, 1)"),
        says="a call of max",
        innocent=plain("if size > 1:\n        most = 1\n        return most\n    return max(size, 1)"),
    ),
    Case(
        name="a name that has no value on one way, and is an enum",
        refused=plain(
            "if size > 1:\n        Power = 1\n        return Power\n    return 1 if Power.OFF is Power.OFF else 2"
        ),
        says="'Power' has no value on this way",
        innocent=plain(
            "if size > 1:\n        power = 1\n        return power\n    return 1 if Power.OFF is Power.OFF else 2"
        ),
    ),
    Case(
        name="a builtin that the module has exchanged",
        refused=plain("return max(size, 1)", before="def max(left, right):\n    return 7"),
        says="a call of 'max', which is not a rule",
        innocent=plain("return max(size, 1)", before="most = max"),
    ),
    Case(
        name="a variable of a closure",
        refused='def made(bound: int):\n    @rule\n    def snippet(size: int) -> int:\n        """Says something."""\n'
        "        return size + bound\n\n    return snippet\n\n\nbound: Final = 1\nsnippet = made(7)",
        says="uses a variable of the function around it",
        innocent=plain("return size + bound", before="bound: Final = 1"),
    ),
    Case(
        name="a rule that stands in a function",
        refused="def made():\n    @rule\n    def snippet(size: int) -> int:\n"
        '        """Says something."""\n        return size\n\n'
        "    return snippet\n\n\nsnippet = made()",
        says="stands for something else than this function",
        innocent=plain("return size"),
    ),
    Case(
        name="a name that is another one in a class",
        refused="__bound: Final = 1\n_Pair__bound: Final = 7\n" + a_method("return self.one + __bound"),
        says="a name that Python reads as another one",
        innocent="_bound: Final = 1\n" + a_method("return self.one + _bound"),
    ),
    Case(
        name="a constant that a function changes",
        refused=a_constant("BOUND: Final = 1", "def change() -> None:\n    global BOUND\n    BOUND = 7"),
        says="given another value by a function (global BOUND)",
        innocent=a_constant("BOUND: Final = 1", "def change() -> int:\n    BOUND = 7\n    return BOUND"),
    ),
    Case(
        name="a constant with a second value",
        refused=a_constant("BOUND: Final = 1", "for BOUND in (7,):\n    pass"),
        says="is given a value in 2 places",
        innocent=a_constant("BOUND: Final = 1", "OTHERS = [BOUND for BOUND in (7,)]"),
    ),
    Case(
        name="a constant that anything may have changed",
        refused=a_constant("BOUND: Final = 1", "from os.path import *"),
        says="is given a value in 2 places",
        innocent=a_constant("BOUND: Final = 1", "from os.path import join"),
    ),
    Case(
        name="a constant of the environment",
        refused=a_constant('import os\n\nBOUND: Final = int(os.environ.get("NO_SUCH_BOUND", "7"))'),
        says="is not written as a whole number",
        innocent=a_constant("BOUND: Final[int] = 2 * LEAST - 3 % 2"),
    ),
    Case(
        name="a constant that is Final by a class of that name",
        refused=a_constant("class Final:\n    pass\n\n\nBOUND: Final = 1"),
        says="'BOUND' is not Final",
        innocent=a_constant("import typing\n\nBOUND: typing.Final = 1"),
    ),
    Case(
        name="a constant with another value than is written",
        refused=a_constant("BOUND: Final = 1", 'globals()["BOUND"] = 7'),
        says="'BOUND' is 7, and its definition says 1",
        innocent=a_constant("BOUND: Final = 1", 'globals()["BOUND"] = 1'),
    ),
    Case(
        name="a constant of a number with operations of its own",
        refused=a_constant(
            "class Odd(int):\n    def __radd__(self, other):\n        return 7\n\n\nBOUND: Final = 1",
            'globals()["BOUND"] = Odd(1)',
        ),
        says="'BOUND' is 1, and its definition says 1",
        innocent=a_constant("class Odd(int):\n    pass\n\n\nBOUND: Final = 1"),
    ),
    Case(
        name="a property that is another",
        refused="class late(property):\n    def __get__(self, *given):\n        return 7\n\n\n"
        + a_method("return self.one")
        .replace("@property", "@property  # a late one")
        .replace("@rule\ndef snippet", "Pair.twice = late(vars(Pair)['twice'].fget)\n\n\n@rule\ndef snippet"),
        says="no field or rule 'twice'",
        innocent=a_method("return self.one"),
    ),
    Case(
        name="a property by another name",
        refused="def lazily(function):\n    return property(lambda self: 7)\n\n\n"
        + a_method("return self.one", "lazily"),
        says="no field or rule 'twice'",
        innocent=a_method("return 2 * self.one"),
    ),
    Case(
        name="an enum with an equality of its own",
        refused=an_enum("def __eq__(self, other: object) -> bool:\n    return True\n\n__hash__ = StrEnum.__hash__"),
        says="of its own",
        innocent=an_enum("def __str__(self) -> str:\n    return 'x'").replace(
            "    def __str__(self) -> str:\n        return 'x'\n", ""
        ),
    ),
    Case(
        name="an enum with a hash of its own",
        refused=an_enum("def __hash__(self) -> int:\n    return 1"),
        says="__hash__ of its own",
        innocent=an_enum('"""Colours."""'),
    ),
    Case(
        name="an enum that is made otherwise",
        refused=an_enum(
            "def __new__(cls, value: str):\n    made = str.__new__(cls, 'x')\n    made._value_ = value\n    return made"
        ),
        says="of its own",
        innocent=an_enum('GREEN = "green"'),
    ),
    Case(
        name="an enum that is not a parameter",
        refused=an_enum("def __hash__(self) -> int:\n    return 1")
        .replace("snippet(colour: Colour) -> bool", "snippet(size: int) -> int")
        .replace("colour is Colour.RED", "size if Colour.BLUE is Colour.RED else 1"),
        says="__hash__ of its own",
        innocent=an_enum()
        .replace("snippet(colour: Colour) -> bool", "snippet(size: int) -> int")
        .replace("colour is Colour.RED", "size if Colour.BLUE is Colour.RED else 1"),
    ),
    Case(
        name="a record that is a parameter alone",
        refused=a_method("return self.one").replace(
            "    two: int\n", "    two: int\n\n    def __getattribute__(self, name):\n        return 7\n"
        ),
        says="__getattribute__ of its own",
        innocent=a_method("return self.two - self.one"),
    ),
    Case(
        name="an enum with a metaclass",
        refused="from enum import EnumMeta\n\n\nclass Meta(EnumMeta):\n    pass\n\n"
        + an_enum(bases=", metaclass=Meta"),
        says="not a plain StrEnum",
        innocent=an_enum(),
    ),
    Case(
        name="a number that is another when it runs",
        refused=plain(
            "return size + 1",
            after=CHANGED.format("co_consts=tuple(1.0 if value == 1 else value for value in code.co_consts)"),
        ),
        says="runs as something else than is written there",
        innocent=plain("return size + 1", after=CHANGED.format("co_filename='elsewhere'")),
    ),
    Case(
        name="a wrapper bound over a rule's name",
        refused=plain(
            "return size + 1",
            after="from functools import wraps\n\n\nbare = snippet\n\n\n@wraps(bare)\ndef snippet(size):\n    return 7",
        ),
        says="stands for something else than this function",
        innocent=plain("return size + 1", after="also = snippet"),
    ),
    Case(
        name="a wrapper bound over the name of a rule that is called",
        refused=plain(
            "return other(size)",
            before=OTHER + "\n\n\nbare = other\n\n\ndef other(size):\n    return 7",
        ),
        says="'other' is given a value in 2 places",
        innocent=plain(
            "return other(size)",
            before=OTHER + "\n\n\nbare = other",
        ),
    ),
    Case(
        name="a callable object among the rules",
        refused="class Called:\n    __name__ = 'called'\n\n"
        "    def __call__(self, size: int) -> int:\n        return 7\n\n\n"
        + plain("return called(size)", before="called = rule(Called())"),
        says="is a callable object, and no function",
        innocent=plain(
            "return called(size)",
            before=OTHER.replace("other", "called"),
        ),
    ),
    Case(
        name="names of another module",
        refused=plain(
            "return size + LEAST",
            after="from types import FunctionType\n\nglobals_ = {**globals(), 'LEAST': 7}\n"
            "snippet = rule(FunctionType(snippet.__code__, globals_, 'snippet'))\n"
            "snippet.__annotations__ = {'size': 'int', 'return': 'int'}",
        ),
        says="does not see the names of its module",
        innocent=plain("return size + LEAST"),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_cpython_would_run_otherwise_is_refused_with_its_place(case: Case, tmp_path: Path) -> None:
    assert_refused(case, tmp_path)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_its_innocent_neighbour_is_read_as_it_runs(case: Case, tmp_path: Path) -> None:
    assert_read_as_it_runs(case, tmp_path)


def test_what_is_asked_for_first_must_be_a_rule_too(tmp_path: Path) -> None:
    rule = load(OTHER.replace("@rule\n", "") + "\n\n\n" + plain("return size"), tmp_path)
    bare = vars(sys.modules[rule.__module__])["other"]
    with pytest.raises(UnreadableRule, match="other is not a rule"):
        RuleReader().read(bare)


def test_replace_of_a_record_with_one_field_is_a_record_with_one_field() -> None:
    assert replace(One(1), field=2) == One(2)


@dataclass(frozen=True, slots=True)
class One:
    field: int
