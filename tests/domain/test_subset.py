"""Every rule stays in the subset that can also be read as a formula, and the guard refuses what is outside."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from domain import decider, decision, evolve, guests, hosts, lifecycle, quantities, resizing, settings, state
from domain.aggregates import ENTRY_CHANGES, HOST_CHANGES, VM_CHANGES
from domain.rule import RULES
from tests.domain.subset import Rule, cycles, offences

ALL = tuple(RULES)
HEADER = """\
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from domain.decision import Code, Decision, done, rejected
from domain.guests import Guest
from domain.quantities import MiB, QUANTUM
from domain.rule import rule
from domain.settings import Mode
from domain.state import Host, Power, Site, Vm

LEAST: Final = 4 * MiB
loose = 7
people = ("ada", "bob")


@dataclass
class Mutable:
    size: int


def helper(size: int) -> int:
    return size


"""


MODULES = (decision, evolve, guests, hosts, lifecycle, quantities, resizing, settings, state)
"""Where decisions are made, and nothing else is."""


def functions_of(module: ModuleType) -> Iterator[Rule]:
    """The functions and properties that a module defines."""
    for value in vars(module).values():
        if getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(value):
            yield value
        elif inspect.isclass(value):
            getters = [part.fget for part in vars(value).values() if isinstance(part, property)]
            yield from (getter for getter in getters if getter is not None)


def test_whatever_decides_is_a_rule() -> None:
    found = [function for module in MODULES for function in functions_of(module)]
    assert len(found) > 60
    assert [each.__qualname__ for each in found if each not in ALL] == []
    assert [each.__qualname__ for each in ALL if each not in found] == []


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.__qualname__)
def test_a_rule_stays_in_the_subset(rule: Rule) -> None:
    assert "\n".join(str(offence) for offence in offences(rule, ALL)) == ""


def test_no_rule_comes_to_call_itself() -> None:
    assert cycles(ALL) == []


def test_every_step_and_every_change_is_a_rule() -> None:
    used: list[Rule] = [step.rule for step in decider.STEPS.values()]
    used += [change.rule for change in VM_CHANGES.values()]
    used += [change.rule for change in HOST_CHANGES.values()]
    used += ENTRY_CHANGES.values()
    assert [each.__qualname__ for each in used if each not in ALL] == []


@pytest.fixture
def rules_as_they_were() -> Iterator[None]:
    """What a snippet marks as a rule is forgotten afterwards."""
    yield
    RULES[:] = ALL


def load(source: str, folder: Path) -> Rule:
    """The last rule of a module with this source."""
    path = folder / "snippet_of_rules.py"
    path.write_text(HEADER + source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return RULES[-1]


def a_rule(body: str, parameters: str = "site: Site, size: int", returns: str = "int") -> str:
    """The source of a rule with this body, one statement a line."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f'@rule\ndef snippet({parameters}) -> {returns}:\n    """Says something."""\n{lines}\n'


ALLOWED = (
    a_rule("return max(0, min(size, 3 * size, LEAST)) // QUANTUM * QUANTUM - -1"),
    a_rule("if site.vm.power is Power.OFF or not 0 <= size < LEAST:\n    return 0\nreturn site.host.free % 8"),
    a_rule("if size > 0:\n    more = 1\nelse:\n    more = 2\nreturn size + more"),
    a_rule("vm = site.vm\nreturn replace(vm, assigned=size, vsc=True)", returns="Vm"),
    a_rule("return rejected(Code.SAME_HOST) if size != 1 else done()", returns="Decision"),
)

REFUSED = (
    ("a loop", a_rule("for n in (1, 2):\n    size += n\nreturn size"), "no loops"),
    ("a while", a_rule("while size > 0:\n    size -= 1\nreturn size"), "no loops"),
    ("a comprehension", a_rule("return max([n for n in (1, 2)])"), "give `min` and `max` two or more"),
    ("a sum", a_rule("return sum(n for n in (1, 2))"), "'sum' is not a rule"),
    ("None", a_rule("return None"), "no None"),
    ("no value", a_rule("return"), "there is no None"),
    ("a path without return", a_rule("if size > 0:\n    return 1"), "return on every path"),
    ("a float", a_rule("return 0 if size > 0.5 else 1"), "no floats"),
    ("true division", a_rule("return size / 2"), "use `//`"),
    ("division by zero", a_rule("return size // 0"), "divide by a positive constant"),
    ("modulo by a variable", a_rule("return LEAST % size"), "divide by a positive constant"),
    ("division by a negative", a_rule("return size // -2"), "divide by a positive constant"),
    ("a product of variables", a_rule("return size * site.entry"), "multiply by a constant"),
    ("a power", a_rule("return size ** 2"), "compute with"),
    ("in", a_rule("return size in (1, 2)", returns="bool"), "no `in`"),
    ("== on enums", a_rule("return site.vm.power == Power.OFF", returns="bool"), "compare enum members with `is`"),
    ("== on booleans", a_rule("return site.vm.vsc == True", returns="bool"), "compare whole numbers, not a boolean"),
    ("== on records", a_rule("return site.vm == site.vm", returns="bool"), "compare whole numbers, not Vm"),
    ("is on numbers", a_rule("return size is 1", returns="bool"), "`is` is for enum members"),
    ("is on two enums", a_rule("return site.vm.power is Guest.LINUX", returns="bool"), "members of one enum"),
    ("is None", a_rule("return size is None", returns="bool"), "no None"),
    ("truth of a number", a_rule("if size:\n    return 1\nreturn 0"), "`if` asks a boolean"),
    ("truth of an enum", a_rule("return not site.vm.power", returns="bool"), "`not` asks a boolean"),
    ("or on numbers", a_rule("return size or 1"), "`and` and `or` join booleans"),
    ("a sum of booleans", a_rule("return size + site.vm.vsc"), "arithmetic is for whole numbers"),
    ("an f-string", a_rule('return f"{size}"'), "no texts"),
    ("a text", a_rule('return 1 if site.vm.guest is "linux" else 0'), "no texts"),
    ("try", a_rule("try:\n    return 1\nexcept ValueError:\n    return 0"), "no exceptions"),
    ("raise", a_rule("raise ValueError"), "no exceptions"),
    ("assert", a_rule("assert size > 0\nreturn 0"), "no exceptions"),
    ("a call of no rule", a_rule("return helper(size)"), "'helper' is not a rule"),
    ("a call of a builtin", a_rule("return abs(size)"), "'abs' is not a rule"),
    ("a method", a_rule("return size.bit_length()"), "'size.bit_length' is not a rule"),
    ("a property of no rule", a_rule("return size.real"), "'real' is no field"),
    ("a rule called wrongly", a_rule("return done(size)", returns="Decision"), "too many positional arguments"),
    ("a rule with another type", a_rule("return rejected(size)", returns="Decision"), "'code' is Code, not a whole"),
    ("a record with a wrong field", a_rule("return replace(site.vm, assigned=True)", returns="Vm"), "'assigned' is"),
    ("a record with no such field", a_rule("return replace(site.vm, ram=1)", returns="Vm"), "there is no field 'ram'"),
    ("a mutable record", a_rule("return 1", "thing: Mutable"), "or a frozen record"),
    ("a default", a_rule("return size", "size: int = 1"), "take no default"),
    ("any arguments", a_rule("return 1", "*sizes: int"), "take plain parameters only"),
    ("no annotation", a_rule("return 1", "size"), "say of a parameter"),
    ("an optional", a_rule("return 1", "size: int | None"), "say of a parameter"),
    ("no result type", '@rule\ndef snippet(size: int):\n    """Says."""\n    return 1\n', "return a whole number"),
    ("another result", a_rule("return size > 1"), "return a whole number, not a boolean"),
    ("two results", a_rule("return 1 if size > 1 else Power.OFF"), "both sides of an if-expression"),
    ("a tuple", a_rule("return size, 1"), "return a frozen record"),
    ("a subscript", a_rule("return people[0]"), "read a field of a record"),
    ("a constant that is not Final", a_rule("return size + loose"), "write `loose: Final = 7`"),
    ("an unknown name", a_rule("return size + nothing"), "'nothing' has no value here"),
    ("a name of one branch", a_rule("if size > 1:\n    more = 1\nreturn more"), "'more' has no value here"),
    ("a second value of a name", a_rule("size = size + 1\nreturn size"), "a name of its own"),
    ("a change in place", a_rule("size += 1\nreturn size"), "no changes in place"),
    ("a change of a record", a_rule("site.entry = 1\nreturn size"), "assign to one plain name"),
    ("a walrus", a_rule("return (n := size)"), "assign on a line of its own"),
    ("a lambda", a_rule("return (lambda: 1)()"), "is not a rule"),
    ("a match", a_rule("match size:\n    case 1:\n        return 1\nreturn 0"), "write `match` as `if x is A:`"),
    ("what is never reached", a_rule("return 1\nreturn 2"), "never reached"),
    ("no docstring", "@rule\ndef snippet(size: int) -> int:\n    return size\n", "write a docstring"),
    ("another decorator", "@staticmethod\n" + a_rule("return 1", ""), "`@rule`"),
)


@pytest.mark.usefixtures("rules_as_they_were")
@pytest.mark.parametrize("source", ALLOWED)
def test_the_guard_lets_the_subset_through(source: str, tmp_path: Path) -> None:
    rule = load(source, tmp_path)
    assert [str(offence) for offence in offences(rule, RULES)] == []


@pytest.mark.usefixtures("rules_as_they_were")
@pytest.mark.filterwarnings("ignore:.*is.* with a literal:SyntaxWarning")
@pytest.mark.filterwarnings("ignore:.*is.* with .*literal:SyntaxWarning")
@pytest.mark.parametrize(("source", "says"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_the_guard_refuses_what_is_outside(source: str, says: str, tmp_path: Path) -> None:
    rule = load(source, tmp_path)
    assert says in "\n".join(str(offence) for offence in offences(rule, RULES))


@pytest.mark.usefixtures("rules_as_they_were")
def test_a_refusal_shows_the_place(tmp_path: Path) -> None:
    rule = load(a_rule("return size / 2"), tmp_path)
    [offence] = offences(rule, RULES)
    line = (HEADER + a_rule("return size / 2")).splitlines().index("    return size / 2") + 1
    assert str(offence) == (
        f"{tmp_path / 'snippet_of_rules.py'}:{line}:12: use `//`: sizes are whole bytes\n"
        "        return size / 2\n"
        "               ^"
    )


@pytest.mark.usefixtures("rules_as_they_were")
def test_a_rule_that_calls_itself_is_found(tmp_path: Path) -> None:
    rule = load(a_rule("return snippet(site, size - 1) if size > 0 else 0"), tmp_path)
    assert offences(rule, RULES) == []
    assert cycles(RULES) == ["snippet"]
