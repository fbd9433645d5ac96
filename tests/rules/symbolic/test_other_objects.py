"""What else than functions, plain classes and modules with files a rule may meet: each is refused, with its place.

Each case is a module with a rule that uses such an object, or whose library functions were changed so that they do
something else with numbers only, and an innocent neighbour.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import InternalError
from rules.symbolic import terms
from rules.symbolic.reader import RuleReader
from rules.symbolic.source import UnreadableRule
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
)
from tests.rules.symbolic.snippets import load

CALLED = "called = rule({})"
UNHASHABLE = "class Called:\n    __hash__ = None\n\n    def __call__(self, size: int) -> int:\n        return 7\n\n\n"
SECRETIVE = (
    "class Called:\n    def __getattribute__(self, name):\n        raise RuntimeError(name)\n\n"
    "    def __call__(self, size: int) -> int:\n        return 7\n\n\n"
)
FAKE = """
class Fake:
    __dataclass_params__ = {}

    def __init__(self, one: int) -> None:
        self.one = 7


"""
META = "class Meta({}):\n    __hash__ = None\n\n\n"
MEMBER = """
member = str.__new__(Colour, {0!r})
member._name_, member._value_ = "GREEN", {0!r}
Colour._member_map_["GREEN"] = member
Colour._member_names_.append("GREEN")
type.__setattr__(Colour, "GREEN", member)
"""
CHANGING = """
class Changing:
    asked = 0

    def __get__(self, member: object, kind: type) -> object:
        Changing.asked += 1
        return Colour.BLUE if Changing.asked > 2 else kind._member_map_["RED"]


type.__setattr__(Colour, "RED", {})
"""
ONE = "@dataclass(frozen=True, slots=True)\nclass One:\n    one: int\n    two: int"
ONLY_NUMBERS = (
    "import dataclasses\n\nassign = dataclasses._field_assign\n\n\ndef only_numbers(frozen, name, value, self_name):\n"
    "    return assign(frozen, name, {!r}.format(value), self_name)\n\n\n"
    "dataclasses._field_assign = only_numbers\n\n\n"
)
SHAPES = (
    "from domain import replacing\nfrom domain.replacing import replace as swapped\n\nshape = replacing._shape\n\n\n"
    "def only_numbers(kind):\n    values_of, indexes = shape(kind)\n"
    "    return lambda record: [{}], indexes\n\n\nreplacing._shape = {}\n\n\n" + ONE
)
NUMBERS_ONLY = "7 if type(value) is int else value for value in values_of(record)"
LAZILY = "def lazily(numbers=({} for number in (7, 8))) -> int:\n    return next(numbers)"
OWN_MODULE = (
    "import sys\nfrom types import {0}\n\nsys.modules['lazy'] = {1}\nsys.modules['lazy'].BOUND = 1\n\n"
    "from lazy import BOUND"
)
RELATIVE = "__package__, __spec__ = 'domain', None\n\nfrom .quantities import FLOOR as BOUND\n\n__package__ = {!r}\n"
TWO_OF = "@dataclass(frozen=True)\nclass R{}:\n    one: {}\n    two: {}\n\n\n"
TWICE = '@rule\ndef f{}(size: int) -> int:\n    """Says something."""\n    return {}\n\n\n'


def two_of_two(records: int) -> str:
    """A rule that takes a record of two records, of which each is of two, and so on."""
    kinds = ["int", *[f"R{number}" for number in range(records)]]
    made = "".join(TWO_OF.format(number, kinds[number], kinds[number]) for number in range(records))
    return plain("return size", made).replace("size: int", f"size: int, record: {kinds[-1]}")


def in_each_other(records: int) -> str:
    kinds = ["int", *[f"R{number}" for number in range(records)]]
    made = "".join(f"@dataclass(frozen=True)\nclass R{n}:\n    one: {kinds[n]}\n\n\n" for n in range(records))
    return plain("return size", made).replace("size: int", f"size: int, record: {kinds[-1]}")


def twice_each(rules: int) -> str:
    """A rule that calls another one twice, which calls another one twice, and so on."""
    made = [TWICE.format(0, "size")]
    made += [TWICE.format(n, f"f{n - 1}(size + 1) + f{n - 1}(2 * size)") for n in range(1, rules)]
    return plain(f"return f{rules - 1}(size)", "".join(made))


def replaced(before: str) -> str:
    return plain("return swapped(One(1, 2), one=size).two", before)


CASES = (
    Case(
        name="a callable object that has no hash",
        refused=plain("return called(size)", UNHASHABLE + CALLED.format("Called()")),
        says="a call of 'called', which is a callable object, and no function",
        innocent=plain("return called(size)", OTHER.replace("other", "called")),
    ),
    Case(
        name="a callable object that lets nobody look at it",
        refused=plain("return called(size)", SECRETIVE + CALLED.format("Called()")),
        says="a call of 'called', which is a callable object, and no function",
        innocent=plain("return called(size)", SECRETIVE + OTHER.replace("other", "called")),
    ),
    Case(
        name="a rule with one argument given",
        refused=plain(
            "return called(size)",
            f"from functools import partial\n\n\n{OTHER}\n\n\n" + CALLED.format("partial(other, 1)"),
        ),
        says="a call of 'called', which is a callable object, and no function",
        innocent=plain("return called(size)", OTHER + "\n\n\ncalled = other"),
    ),
    Case(
        name="a callable object that is asked about first",
        refused=plain("return size", after=UNHASHABLE + CALLED.format("Called()")),
        says="called is a callable object, and no function",
        innocent=plain("return size", after=UNHASHABLE + "called = Called()"),
    ),
    Case(
        name="a callable object without a name",
        refused=plain("return size", after=UNHASHABLE + "rule(Called())"),
        says="one of type Called is a callable object, and no function",
        innocent=plain("return size", after=UNHASHABLE + "Called()"),
    ),
    Case(
        name="a builtin among the rules",
        refused=plain("return size", after="rule(abs)"),
        says="one of type builtin_function_or_method is a callable object, and no function",
        innocent=plain("return size", after="abs"),
    ),
    Case(
        name="a class that says that it is a dataclass",
        refused=plain("return Fake(size).one", FAKE.format("type('Params', (), {'frozen': True})")),
        says="a call of 'Fake', which is not a rule",
        innocent=plain("return Fake(size).one", "@dataclass(frozen=True)\nclass Fake:\n    one: int"),
    ),
    Case(
        name="a class that says that it is a dataclass as another is",
        refused=plain("return Fake(size).one", FAKE.format("Host.__dataclass_params__")),
        says="Fake is not a frozen dataclass",
        innocent=plain("return Fake(size).one", "@dataclass(frozen=True)\nclass Fake:\n    one: int"),
    ),
    Case(
        name="a record that has lost its fields",
        refused=a_record(after="Pair.__dataclass_fields__ = None"),
        says="Pair is not a frozen dataclass",
        innocent=a_record(after="Pair.__dataclass_fields__ = {**Pair.__dataclass_fields__}"),
    ),
    Case(
        name="a record with a field called self, and a constructor of its own",
        refused=a_record(after="Pair.__init__ = lambda record, first, second: None").replace("one", "self"),
        says="__init__ of its own",
        innocent=a_record().replace("    one: int", "    self: int").replace(").one", ").self"),
    ),
    Case(
        name="a record with a metaclass that has no hash",
        refused=META.format("type") + a_record().replace("class Pair:", "class Pair(metaclass=Meta):"),
        says="a metaclass of its own",
        innocent=META.format("type") + a_record(),
    ),
    Case(
        name="an enum with a metaclass that has no hash",
        refused="from enum import EnumMeta\n\n\n" + META.format("EnumMeta") + an_enum(bases=", metaclass=Meta"),
        says="not a plain StrEnum",
        innocent=an_enum(),
    ),
    Case(
        name="an enum with two members that are equal",
        refused=an_enum().replace("@rule", MEMBER.format("red") + "\n\n@rule"),
        says="Colour has two members that are equal",
        innocent=an_enum('CRIMSON = "red"'),
    ),
    Case(
        name="a member that is another each time",
        refused=an_enum().replace("@rule", CHANGING.format("Changing()") + "\n\n@rule"),
        says="Colour.RED is read through something else than the member",
        innocent=an_enum().replace("@rule", CHANGING.format("Colour.RED") + "\n\n@rule"),
    ),
    Case(
        name="an enum with a static method of its own",
        refused=an_enum().replace("@rule", "Colour._generate_next_value_ = staticmethod(max)\n\n\n@rule"),
        says="Colour has a _generate_next_value_ of its own",
        innocent="from enum import auto\n\n\n" + an_enum("GREEN = auto()"),
    ),
    Case(
        name="a record whose constructor is generated otherwise for numbers",
        refused=ONLY_NUMBERS.format("7 if type({0}) is int else {0}") + a_record(),
        says="__init__ of its own",
        innocent=ONLY_NUMBERS.format("{0}") + a_record(),
    ),
    Case(
        name="a record whose constructor makes the default of what it is given",
        refused="from dataclasses import field\n\n\n"
        + a_record(
            "three: int = field(default_factory=lambda: 7)",
            after="missing = Pair.__init__.__defaults__[0]\nfor cell in Pair.__init__.__closure__:\n"
            "    cell.cell_contents = 3 if cell.cell_contents is missing else cell.cell_contents",
        ).replace("(one, two).one", "(one, two, 3).three"),
        says="__init__ of its own",
        innocent="from dataclasses import field\n\n\n"
        + a_record("three: int = field(default_factory=lambda: 7)").replace("(one, two).one", "(one, two, 3).three"),
    ),
    Case(
        name="a fast constructor that looks at what it sets",
        refused=a_record(
            after=f"{FAST}import sys\nfrom types import FunctionType\n\n\nclass Names(dict):\n"
            "    def __getitem__(self, name):\n"
            "        other = type(sys._getframe(1).f_locals['one']) is int and name == 'set_one'\n"
            "        return Pair.two.__set__ if other else super().__getitem__(name)\n\n\n"
            "init = Pair.__init__\nPair.__init__ = FunctionType(init.__code__, Names(init.__globals__), '__init__')"
        ),
        says="__init__ of its own",
        innocent=a_record(after=FAST),
    ),
    Case(
        name="a replace that changes numbers otherwise",
        refused=replaced(SHAPES.format(NUMBERS_ONLY, "only_numbers")),
        says="replace does not change One as Python's does",
        innocent=replaced(SHAPES.format(NUMBERS_ONLY, "shape")),
    ),
    Case(
        name="a replace that finds another function where Python has its own",
        refused=plain(
            "return replace(One(1, 2), one=size).two",
            "import dataclasses\n\ndataclasses.getattr = lambda *given: getattr(*given)\n\n\n" + ONE,
        ),
        says="'getattr' gets its value in no place of dataclasses",
        innocent=plain("return replace(One(1, 2), one=size).two", ONE),
    ),
    Case(
        name="a number of a module without a file",
        refused=a_constant("from sys import maxsize as BOUND"),
        says="'BOUND' comes from a module that has no file",
        innocent=a_constant("from domain.quantities import FLOOR as BOUND"),
    ),
    Case(
        name="a number of what is no module",
        refused=a_constant(OWN_MODULE.format("SimpleNamespace", "SimpleNamespace()")),
        says="'BOUND' comes from a module that has no file",
        innocent=a_constant(
            OWN_MODULE.format("ModuleType", "ModuleType('lazy')").replace("from lazy import BOUND", "BOUND: Final = 1")
        ),
    ),
    Case(
        name="a number that was imported into another package",
        refused=a_constant(RELATIVE.format(None)),
        says="'BOUND' comes from a module that has no file, or is not loaded",
        innocent=a_constant(RELATIVE.format("domain")),
    ),
    Case(
        name="a constant that is made of itself",
        refused=a_constant("globals()['BOUND'] = 1\nBOUND: Final = BOUND"),
        says="'BOUND' is not written as a whole number",
        innocent=a_constant("OTHER: Final = 1\nBOUND: Final = OTHER"),
    ),
    Case(
        name="a constant that a default changes later",
        refused=a_constant("BOUND: Final = 1", LAZILY.format("(BOUND := number)")),
        says="'BOUND' is given a value in 2 places",
        innocent=a_constant("BOUND: Final = 1", LAZILY.format("(number + BOUND)")),
    ),
    Case(
        name="a builtin that a function may exchange",
        refused=plain("return max(size, 1)", after="def exchange() -> None:\n    global max\n    max = min"),
        says="'max' is given another value by a function (global max)",
        innocent=plain("return max(size, 1)", after="def exchange() -> object:\n    max = min\n    return max"),
    ),
    Case(
        name="a rule among the builtins",
        refused=plain("return seven(size)", f"import builtins\n\n\n{OTHER}\n\n\nbuiltins.seven = other"),
        says="a call of 'seven', which is not a rule",
        innocent=plain("return seven(size)", f"{OTHER}\n\n\nseven = other"),
    ),
    Case(
        name="a rule of a number",
        refused=plain("return size", after="BOUND: Final = 1\nsnippet.__qualname__ = 'BOUND.snippet'"),
        says="the name BOUND.snippet stands for something else than this function",
        innocent=plain("return size", after="BOUND: Final = 1\nsnippet.__qualname__ = 'snippet'"),
    ),
    Case(
        name="a module that has no name",
        refused=plain("return size", after="snippet.__module__ = []"),
        says="is of no module that has a file",
        innocent=plain("return size", after="__name__ = 'nowhere'"),
    ),
    Case(
        name="annotations that let nobody look at them",
        refused=plain(
            "return size",
            after="class Names(dict):\n    def get(self, name):\n        raise RuntimeError(name)\n\n\n"
            "snippet.__annotations__ = Names(snippet.__annotations__)",
        ),
        says="something that it uses raises RuntimeError when it is looked at",
        innocent=plain("return size", after="snippet.__annotations__ = dict(snippet.__annotations__)"),
    ),
    Case(
        name="annotations that need more memory than there is",
        refused=plain(
            "return size",
            after="class Names(dict):\n    def get(self, name):\n        return [name] * 2**60\n\n\n"
            "snippet.__annotations__ = Names(snippet.__annotations__)",
        ),
        says="there is not enough memory while it is read",
        innocent=plain("return size", after="snippet.__annotations__ = {**snippet.__annotations__}"),
    ),
    Case(
        name="a type that needs more memory than there is",
        refused=plain("return size").replace("size: int", "size: [int] * 2**60"),
        says="there is not enough memory while it is read",
        innocent=plain("return size").replace("size: int", "size: ([int] * 2**6)[0]"),
    ),
    Case(
        name="a record that is as deep when it is made as Python goes",
        refused=a_record(after="Pair.__init__ = lambda record, one, two: Pair.__init__(record, one, two)"),
        says="nested too deeply",
        innocent=a_record(),
    ),
    Case(
        name="a type that ends the program",
        refused=plain("return size").replace("size: int", "size: exit(0)"),
        says="something that it uses raises SystemExit when it is looked at",
        innocent=plain("return size").replace("size: int", "size: (exit, int)[1]"),
    ),
    Case(
        name="a record with more figures than can be read",
        refused=two_of_two(25),
        says="has more than 4096 figures",
        innocent=two_of_two(5),
    ),
    Case(
        name="records in each other without end",
        refused=in_each_other(400),
        says="nested too deeply",
        innocent=in_each_other(20),
    ),
    Case(
        name="a rule that comes to more calls than can be read",
        refused=twice_each(25),
        says="too many ways lead through the branches before it",
        innocent=twice_each(6),
    ),
    Case(
        name="a property of something else than a class",
        refused=a_method("return self.one").replace(
            "@rule\ndef snippet", "vars(Pair)['twice'].fget.__qualname__ = 'LEAST.twice'\n\n\n@rule\ndef snippet"
        ),
        says="the name LEAST.twice stands for something else than this function",
        innocent=a_method("return self.one"),
    ),
)


@pytest.fixture(autouse=True)
def libraries_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a case changes in a library is put back."""
    import builtins
    import dataclasses
    import sys

    from domain import replacing

    monkeypatch.setattr(dataclasses, "_field_assign", vars(dataclasses)["_field_assign"])
    monkeypatch.setattr(dataclasses, "getattr", None, raising=False)
    monkeypatch.delattr(dataclasses, "getattr")
    monkeypatch.setattr(replacing, "_shape", vars(replacing)["_shape"])
    monkeypatch.setattr(builtins, "seven", None, raising=False)
    monkeypatch.delattr(builtins, "seven")
    monkeypatch.setitem(sys.modules, "lazy", None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_no_plain_object_is_refused_with_its_place(case: Case, tmp_path: Path) -> None:
    assert_refused(case, tmp_path)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_its_innocent_neighbour_is_read_as_it_runs(case: Case, tmp_path: Path) -> None:
    assert_read_as_it_runs(case, tmp_path)


def test_a_bug_of_the_reader_is_no_refusal_and_has_the_place_of_the_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = load(plain("return size + 1"), tmp_path)
    monkeypatch.setattr(terms, "add", None)  # as if the reader called what it should not
    with pytest.raises(InternalError, match=r"^the reader of rules failed at snippet\d+\.py:\d+, snippet: TypeError: "):
        RuleReader().read(rule)


def test_the_place_of_a_callable_object_is_where_its_name_gets_its_value(tmp_path: Path) -> None:
    rule = load(plain("return size", after=UNHASHABLE + CALLED.format("Called()")), tmp_path)
    with pytest.raises(UnreadableRule) as refused:
        RuleReader().read(rule)
    assert "\n  called = rule(Called())\n  ^" in str(refused.value)
