"""Pieces of source: rules that can be read, and all kinds of what cannot."""

from __future__ import annotations

import importlib.util
import sys
from itertools import count
from pathlib import Path

from domain.rule import RULES, Rule

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


_NUMBERS = count(1)


def load(source: str, folder: Path) -> Rule:
    """The last rule of a new module with this source."""
    path = folder / f"snippet{next(_NUMBERS)}.py"
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
    ("a loop", a_rule("for n in (1, 2):\n    size += n\nreturn size"), "a statement that rules do not have (For)"),
    ("a while", a_rule("while size > 0:\n    size -= 1\nreturn size"), "a statement that rules do not have (While)"),
    ("a comprehension", a_rule("return max([n for n in (1, 2)])"), "max of a collection"),
    ("a sum", a_rule("return sum(n for n in (1, 2))"), "a call of 'sum', which is not a rule"),
    ("None", a_rule("return None"), "the value None"),
    ("no value", a_rule("return"), "a statement that rules do not have (Return)"),
    ("a path without return", a_rule("if size > 0:\n    return 1"), "a way through the rule that returns nothing"),
    ("a float", a_rule("return 0 if size > 0.5 else 1"), "the value 0.5"),
    ("true division", a_rule("return size / 2"), "the operator Div"),
    ("division by zero", a_rule("return size // 0"), "a divisor that is not a positive constant"),
    ("modulo by a variable", a_rule("return LEAST % size"), "a divisor that is not a positive constant"),
    ("division by a negative", a_rule("return size // -2"), "a divisor that is not a positive constant"),
    ("a product of variables", a_rule("return size * site.entry"), "a product of two things that vary"),
    ("a power", a_rule("return size ** 2"), "the operator Pow"),
    ("in", a_rule("return size in (1, 2)", returns="bool"), "an expression that rules do not have (Tuple)"),
    ("== on enums", a_rule("return site.vm.power == Power.OFF", returns="bool"), "site.vm.power is not a whole number"),
    ("== on booleans", a_rule("return site.vm.vsc == True", returns="bool"), "site.vm.vsc is not a whole number"),
    ("== on records", a_rule("return site.vm == site.vm", returns="bool"), "site.vm is not a whole number"),
    ("is on numbers", a_rule("return size is 1", returns="bool"), "'is' between what are not members of one enum"),
    (
        "is on two enums",
        a_rule("return site.vm.power is Guest.LINUX", returns="bool"),
        "'is' between what are not members of one enum",
    ),
    ("is None", a_rule("return size is None", returns="bool"), "the value None"),
    ("truth of a number", a_rule("if size:\n    return 1\nreturn 0"), "size is not True or False"),
    ("truth of an enum", a_rule("return not site.vm.power", returns="bool"), "site.vm.power is not True or False"),
    ("or on numbers", a_rule("return size or 1"), "size is not True or False"),
    ("a sum of booleans", a_rule("return size + site.vm.vsc"), "site.vm.vsc is not a whole number"),
    ("an f-string", a_rule('return f"{size}"'), "an expression that rules do not have (JoinedStr)"),
    ("a text", a_rule('return 1 if site.vm.guest is "linux" else 0'), "the value 'linux'"),
    ("try", a_rule("try:\n    return 1\nexcept ValueError:\n    return 0"), "a statement that rules do not have (Try)"),
    ("raise", a_rule("raise ValueError"), "a statement that rules do not have (Raise)"),
    ("assert", a_rule("assert size > 0\nreturn 0"), "a statement that rules do not have (Assert)"),
    ("a call of no rule", a_rule("return helper(size)"), "a call of 'helper', which is not a rule"),
    ("a call of a builtin", a_rule("return abs(size)"), "a call of 'abs', which is not a rule"),
    ("a method", a_rule("return size.bit_length()"), "a call of size.bit_length"),
    ("a property of no rule", a_rule("return size.real"), "size is not a record"),
    (
        "a rule called wrongly",
        a_rule("return done(size)", returns="Decision"),
        "arguments that match no parameters",
    ),
    ("a rule with another type", a_rule("return rejected(size)", returns="Decision"), "'code' is not given a Code"),
    (
        "a record with a wrong field",
        a_rule("return replace(site.vm, assigned=True)", returns="Vm"),
        "Vm.assigned is not given a int",
    ),
    ("a record with no such field", a_rule("return replace(site.vm, ram=1)", returns="Vm"), "Vm has no field 'ram'"),
    (
        "a mutable record",
        a_rule("return 1", "thing: Mutable"),
        "the parameter 'thing' is of a type that rules do not have",
    ),
    ("a default", a_rule("return size", "size: int = 1"), "a parameter with a default, a star or a mark"),
    ("any arguments", a_rule("return 1", "*sizes: int"), "a parameter with a default, a star or a mark"),
    ("no annotation", a_rule("return 1", "size"), "the parameter 'size' is of a type that rules do not have"),
    ("an optional", a_rule("return 1", "size: int | None"), "the parameter 'size' is of a type that rules do not have"),
    (
        "no result type",
        '@rule\ndef snippet(size: int):\n    """Says."""\n    return 1\n',
        "the answer is of a type that rules do not have",
    ),
    ("another result", a_rule("return size > 1"), "an answer that is no int"),
    ("two results", a_rule("return 1 if size > 1 else Power.OFF"), "the two ways answer different kinds of things"),
    ("a tuple", a_rule("return size, 1"), "an expression that rules do not have (Tuple)"),
    ("a subscript", a_rule("return people[0]"), "an expression that rules do not have (Subscript)"),
    ("a constant that is not Final", a_rule("return size + loose"), "'loose' is not Final, so it may change"),
    (
        "an unknown name",
        a_rule("return size + nothing"),
        "the name 'nothing' is not a parameter, local name or constant",
    ),
    (
        "a name of one branch",
        a_rule("if size > 1:\n    more = 1\nreturn more"),
        "'more' has no value on this way",
    ),
    ("a second value of a name", a_rule("size = size + 1\nreturn size"), "'size' is given a second value"),
    ("a change in place", a_rule("size += 1\nreturn size"), "a statement that rules do not have (AugAssign)"),
    ("a change of a record", a_rule("site.entry = 1\nreturn size"), "a statement that rules do not have (Assign)"),
    ("a walrus", a_rule("return (n := size)"), "an expression that rules do not have (NamedExpr)"),
    ("a lambda", a_rule("return (lambda: 1)()"), "a call of lambda: 1"),
    (
        "a match",
        a_rule("match size:\n    case 1:\n        return 1\nreturn 0"),
        "a statement that rules do not have (Match)",
    ),
    ("what is never reached", a_rule("return 1\nreturn 2"), "a statement that is never reached"),
    ("no docstring", "@rule\ndef snippet(size: int) -> int:\n    return size\n", "snippet does not say what it means"),
    ("another decorator", "@staticmethod\n" + a_rule("return 1", ""), "a decorator that may change what the rule does"),
)
