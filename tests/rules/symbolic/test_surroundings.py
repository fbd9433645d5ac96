"""What a rule's surroundings may do to it: its module and file, its annotations, its builtins, and who makes records.

Each case is a module with a rule that CPython runs otherwise than its source reads, or that the reader could not take
in, and an innocent neighbour.
"""

from __future__ import annotations

import builtins
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from domain import replacing
from domain.state import Host
from rules.symbolic.reader import RuleReader
from rules.symbolic.source import source_of
from tests.rules.symbolic.refusals import (
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
    refusal,
)
from tests.rules.symbolic.snippets import load

LONG = f"0x{'f' * 5000}"
LARGEST = f"0x{'f' * 64}"
ONLY_CHECKED = (
    "from typing import TYPE_CHECKING\n\nif {}TYPE_CHECKING:\n    from domain.guests import Guest as Kind\n\n"
)
OWN_BUILTINS = (
    "import builtins\n\n\nclass Names({}):\n    def __getitem__(self, name):\n"
    "        return (lambda *sizes: 7) if name == 'max' else super().__getitem__(name)\n\n\n"
    "__builtins__ = {}(vars(builtins))"
)
OWN_GLOBALS = """
import sys
from types import FunctionType, ModuleType


class Names({base}):
    def __getitem__(self, name):
        return 7 if name == "LEAST" else super().__getitem__(name)


names = {made}(globals())
again = FunctionType(snippet.__code__, names, "snippet")
again.__module__, again.__annotations__ = __name__, snippet.__annotations__
names["snippet"] = rule(again)
Module = type("Module", (ModuleType,), {{"__dict__": property(lambda self: names)}})
sys.modules[__name__] = Module(__name__)
sys.modules[__name__].__file__ = __file__
"""
TWO_WAYS = "if size > {0}:\n        n{0} = {0}\n    else:\n        n{0} = size\n    "
WRITTEN_ANEW = "from pathlib import Path\n\nPath(__file__).write_text(Path(__file__).read_text() + {!r})"
SETTER = """
class Three({base}):
    def __set__(self, record, value):
        record.__dict__["one"] = 7


"""
RULE_OF = '''
@dataclass(frozen=True)
class Pair:
    assigned: int


@rule
def twice({}) -> int:
    """Says something."""
    return vm.assigned


Pair.twice = property(twice)


@rule
def snippet(pair: Pair) -> int:
    """Says something."""
    return pair.twice
'''


def ways(branches: int) -> str:
    return plain("".join(map(TWO_WAYS.format, range(branches))) + "return n1")


def taking(parameter: str, before: str = "", after: str = "") -> str:
    return plain("return size", before, after).replace("size: int", f"size: int, {parameter}")


def an_enum_then(change: str) -> str:
    return an_enum().replace("@rule", f"{change}\n\n\n@rule")


CASES = (
    Case(
        name="a generator whose yield is never reached",
        refused=plain("if size > 1:\n        return 1\n    else:\n        return 2\n    yield 3"),
        says="answers a generator",
        innocent=plain("if size > 1:\n        return 1\n    else:\n        return 2"),
    ),
    Case(
        name="what is never reached because both branches answer",
        refused=plain("if size > 1:\n        return 1\n    else:\n        return 2\n    return 3"),
        says="a statement that is never reached",
        innocent=plain("if size > 1:\n        return 1\n    return 3"),
    ),
    Case(
        name="a number that is too long to be shown",
        refused=plain(f"return size + {LONG}"),
        says="a number that is larger than any size",
        innocent=plain(f"return size + {LARGEST}"),
    ),
    Case(
        name="a constant that is too long to be shown",
        refused=a_constant(f"BOUND: Final = {LONG}"),
        says="a number that is larger than any size",
        innocent=a_constant(f"BOUND: Final = {LARGEST}"),
    ),
    Case(
        name="a constant that is too long to be shown, and is another than is written",
        refused=a_constant("BOUND: Final = 1", f"globals()['BOUND'] = {LONG}"),
        says="'BOUND' is a number beyond 2**256, and its definition says 1",
        innocent=a_constant("BOUND: Final = 1"),
    ),
    Case(
        name="more ways through a rule than can be read",
        refused=ways(25),
        says="too many ways lead through the branches before it",
        innocent=ways(6),
    ),
    Case(
        name="a type that only a type checker sees",
        refused=taking("kind: Kind", ONLY_CHECKED.format("")),
        says="its annotations cannot be evaluated (NameError: name 'Kind' is not defined)",
        innocent=taking("kind: Kind", ONLY_CHECKED.format("not ")),
    ),
    Case(
        name="a field of a type that only a type checker sees",
        refused=ONLY_CHECKED.format("") + a_record("three: Kind").replace("(one, two)", "(one, two, 3)"),
        says="the fields of Pair have types that cannot be evaluated (NameError",
        innocent=ONLY_CHECKED.format("not ")
        + a_record("three: Kind = Kind.LINUX")
        .replace(".one\n", ".two\n")
        .replace("(one, two)", "(one, two, Kind.LINUX)")
        .replace("return Pair", "return Pair"),
    ),
    Case(
        name="a type of a module that is another since",
        refused=taking("vm: state.Vm", "from domain import state", "snippet.__annotations__['vm'] = Host"),
        says="'vm' is annotated otherwise where it runs",
        innocent=taking("vm: state.Vm", "from domain import state", "snippet.__annotations__['vm'] = Vm"),
    ),
    Case(
        name="a type of a package's module that is another since",
        refused=taking("vm: domain.state.Vm", "import domain.state", "snippet.__annotations__['vm'] = Host"),
        says="'vm' is annotated otherwise where it runs",
        innocent=taking("vm: domain.state.Vm", "import domain.state", "snippet.__annotations__['vm'] = Vm"),
    ),
    Case(
        name="a type behind an expression that is another since",
        refused=taking("vm: (lambda: Vm)()", after="snippet.__annotations__['vm'] = Host"),
        says="'vm' is annotated otherwise where it runs",
        innocent=taking("vm: (lambda: Vm)()", after="snippet.__annotations__['vm'] = Vm"),
    ),
    Case(
        name="a parameter that has got a type since",
        refused=taking("other", after="snippet.__annotations__['other'] = 'int'"),
        says="other names are annotated where it runs",
        innocent=taking("other: int"),
    ),
    Case(
        name="a property that says it takes another record",
        refused=a_method("return self.one").replace("twice(self)", "twice(self: Host)"),
        says="'twice' is a rule that takes no Pair",
        innocent=a_method("return self.one").replace("twice(self)", "twice(self: Pair)"),
    ),
    Case(
        name="a property of a rule for another record",
        refused=RULE_OF.format("vm: Vm"),
        says="'twice' is a rule that takes no Pair",
        innocent=RULE_OF.format("vm: Pair"),
    ),
    Case(
        name="a property of a rule with two parameters",
        refused=RULE_OF.format("vm: Pair, more: int"),
        says="'twice' is a rule that takes no Pair",
        innocent=RULE_OF.format("vm: Pair"),
    ),
    Case(
        name="a field that lost its type",
        refused=a_record(after="del Pair.__annotations__['one']"),
        says="Pair.one is of another type than it was made with",
        innocent=a_record(after="Pair.__annotations__['more'] = 'int'"),
    ),
    Case(
        name="a field that has got a default since",
        refused=a_record(after="Pair.__dataclass_fields__['one'].default = 3"),
        says="__init__ of its own",
        innocent=a_record(after="Pair.__dataclass_fields__['one'].repr = False"),
    ),
    Case(
        name="a field whose default decides what is stored",
        refused=SETTER.format(base="int")
        + a_record(slots=False).replace("int\n    two: int", "int = Three(3)\n    two: int = 4"),
        says="read through something else than the field",
        innocent=a_record(slots=False).replace("int\n    two: int", "int = 3\n    two: int = 4"),
    ),
    Case(
        name="a record whose constructor lost what it uses",
        refused=a_record(after="del Pair.__init__.__closure__[0].cell_contents"),
        says="__init__ of its own",
        innocent=a_record(after="del Pair.__init__.__annotations__['one']"),
    ),
    Case(
        name="a fast constructor that looks its names up elsewhere",
        refused=a_record(
            after=f"{FAST}from types import FunctionType\n\n\nclass Names(dict):\n    def __getitem__(self, name):\n"
            "        return Pair.two.__set__ if name == 'set_one' else super().__getitem__(name)\n\n\n"
            "init = Pair.__init__\nPair.__init__ = FunctionType(init.__code__, Names(init.__globals__), '__init__')"
        ),
        says="Pair does not give back what it is made of",
        innocent=a_record(
            after=f"{FAST}from types import FunctionType\n\ninit = Pair.__init__\n"
            "Pair.__init__ = FunctionType(init.__code__, {**init.__globals__}, '__init__')"
        ),
    ),
    Case(
        name="builtins that are looked up elsewhere",
        refused=plain("return max(size, 1)", OWN_BUILTINS.format("dict", "Names")),
        says="looks its names up in what is not a plain dictionary",
        innocent=plain("return max(size, 1)", OWN_BUILTINS.format("dict", "dict")),
    ),
    Case(
        name="globals that are looked up elsewhere",
        refused=plain("return size + LEAST", after=OWN_GLOBALS.format(base="dict", made="Names")),
        says="looks its names up in what is not a plain dictionary",
        innocent=plain("return size + LEAST"),
    ),
    Case(
        name="an enum that lists fewer members than it has",
        refused=an_enum_then("Colour._member_names_.remove('BLUE')"),
        says="does not list each of its members once",
        innocent=an_enum_then("Colour._member_names_.reverse()"),
    ),
    Case(
        name="an enum with a member that is none",
        refused=an_enum_then("Colour._member_map_['GREEN'] = 'green'"),
        says="lists what is none",
        innocent=an_enum_then("Colour._member_map_['CRIMSON'] = Colour.RED"),
    ),
    Case(
        name="an enum without members",
        refused=taking("none: Colour", "from enum import StrEnum\n\n\nclass Colour(StrEnum):\n    pass"),
        says="Colour has no members",
        innocent=taking("one: Colour", "from enum import StrEnum\n\n\nclass Colour(StrEnum):\n    RED = 'red'"),
    ),
    Case(
        name="an enum whose members say another value",
        refused=an_enum("value = property(lambda self: 1)"),
        says="value of its own",
        innocent=an_enum('CRIMSON = "red"'),
    ),
    Case(
        name="a constant that is imported from its own module",
        refused=a_constant(
            "import sys\n\nsys.modules['around'] = sys.modules[__name__]\nglobals()['BOUND'] = 3\n"
            "from around import BOUND"
        ),
        says="imported from where it is imported to",
        innocent=a_constant("from domain.quantities import FLOOR as BOUND"),
    ),
    Case(
        name="an object that does not answer",
        refused=plain(
            "return lazy(size)",
            "class Lazy:\n    def __getattr__(self, name):\n        raise RuntimeError(name)\n\n\nlazy = Lazy()",
        ),
        says="a call of 'lazy', which is not a rule",
        innocent=plain("return lazy(size)", OTHER.replace("other", "lazy")),
    ),
    Case(
        name="a function of no module",
        refused=f"exec({OTHER!r}, {{'rule': rule}})",
        says="is of no module that has a file",
        innocent=OTHER,
    ),
    Case(
        name="a function of a module that is not there",
        refused=plain("return size", after="snippet.__module__ = 'no.such'"),
        says="is of no module that has a file",
        innocent=plain("return size", after="snippet.__module__ = __name__"),
    ),
    Case(
        name="a file that is not Python since",
        refused=plain("return size", after=WRITTEN_ANEW.format(")(")),
        says="runs as something else than is written there",
        innocent=plain("return size", after=WRITTEN_ANEW.format("# more")),
    ),
    Case(
        name="a rule below what is nested more deeply than Python can follow",
        refused=plain("return size / 2", before="TABLE = " + "1 + " * 1100 + "1"),
        says="the operator Div",
        innocent=plain("return size", before="TABLE = " + "1 + " * 1100 + "1"),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_its_surroundings_do_to_a_rule_is_refused_with_its_place(case: Case, tmp_path: Path) -> None:
    assert_refused(case, tmp_path)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_its_innocent_neighbour_is_read_as_it_runs(case: Case, tmp_path: Path) -> None:
    assert_read_as_it_runs(case, tmp_path)


def test_a_property_that_is_another_for_all_modules_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def seven(*_: object) -> int:
        return 7

    monkeypatch.setattr(builtins, "property", type("Seven", (property,), {"__get__": seven}))
    assert "no field or rule 'twice'" in refusal(load(a_method("return self.one"), tmp_path))


def test_records_of_a_generator_that_was_changed_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assign = cast("Callable[..., str]", vars(dataclasses)["_field_assign"])

    def seven(frozen: bool, name: str, value: str, self_name: str) -> str:
        return assign(frozen, name, "7" if name == "one" else value, self_name)

    monkeypatch.setattr(dataclasses, "_field_assign", seven)
    assert "Pair does not give back what it is made of" in refusal(load(a_record(), tmp_path))


REPLACED = plain("return swapped(pair, total=7)", before="from {} import replace as swapped").replace(
    "(size: int) -> int", "(pair: Host) -> Host"
)


@pytest.fixture
def shapes_forgotten() -> Iterator[None]:
    """``replace`` keeps what it knows of a class."""
    shape = vars(replacing)["_shape"]
    shape.cache_clear()
    source_of.cache_clear()
    yield
    shape.cache_clear()
    source_of.cache_clear()


@pytest.mark.usefixtures("shapes_forgotten")
def test_a_replace_that_calls_what_was_exchanged_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = load(REPLACED.format("domain.replacing"), tmp_path)

    def backwards(kind: type[Host]) -> tuple[dataclasses.Field[Any], ...]:
        return dataclasses.fields(kind)[::-1]

    monkeypatch.setattr(replacing, "fields", backwards)
    assert "replace does not change Host as Python's does" in refusal(rule)


@pytest.mark.usefixtures("shapes_forgotten")
def test_another_function_in_the_place_of_replace_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def same(record: Host, /, **_: object) -> Host:
        return record

    monkeypatch.setattr(dataclasses, "replace", same)
    assert "a replace that is not Python's" in refusal(load(REPLACED.format("dataclasses"), tmp_path))


@pytest.mark.parametrize("module", ["domain.replacing", "dataclasses"])
def test_each_replace_is_read(module: str, tmp_path: Path) -> None:
    RuleReader().read(load(REPLACED.format(module), tmp_path))
