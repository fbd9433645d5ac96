"""The expressions that a rule may be written in, each with its type."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Callable
from enum import Enum
from typing import Any, get_type_hints

from tests.domain.subset_types import Function, Type, is_enum, is_final, is_record, is_value_type, type_name

Refuse = Callable[[ast.AST, str], None]


class Scope:
    """The names that are known at one place of a rule."""

    def __init__(self, function: Function, names: dict[str, Type], refuse: Refuse) -> None:
        self.function = function
        self.names = dict(names)
        self.refuse = refuse

    def branch(self) -> Scope:
        """The same names, to which a branch adds its own."""
        return Scope(self.function, self.names, self.refuse)

    def join(self, *branches: Scope) -> None:
        """Goes on with the names that every branch knows."""
        if branches:
            known = set[str].intersection(*(set(each.names) for each in branches))
            self.names = {name: branches[0].names[name] for name in branches[0].names if name in known}

    def expect(self, node: ast.expr, wanted: type[Any], why: str) -> None:
        """Refuses an expression that is not of this type."""
        found = self.type_of(node)
        if found is not None and found is not wanted:
            self.refuse(node, why)

    def type_of(self, node: ast.expr) -> Type:
        """The type of an expression; ``None`` when it was refused."""
        match node:
            case ast.Constant(value=constant):
                return self._constant(node, constant)
            case ast.Name(id=name):
                return self._name(node, name)
            case ast.Attribute():
                return self._attribute(node)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                self.expect(operand, int, "only a whole number has a negative")
                return int
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self.expect(operand, bool, "`not` asks a boolean: write the comparison out, as `x == 0`")
                return bool
            case ast.BinOp():
                return self._arithmetic(node)
            case ast.BoolOp(values=values):
                for value in values:
                    self.expect(value, bool, "`and` and `or` join booleans: write the comparison out, as `x > 0`")
                return bool
            case ast.Compare():
                return self._comparison(node)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self.expect(test, bool, "`if` asks a boolean: write the comparison out, as `x > 0` or `x is A`")
                return self._alike(node, [body, orelse], "both sides of an if-expression are of one type")
            case ast.Call():
                return self._call(node)
            case _:
                self.refuse(node, EXPRESSIONS.get(type(node), "write whole numbers, booleans, enums and records only"))
                return None

    def _constant(self, node: ast.expr, value: object) -> Type:
        match value:
            case bool():
                return bool
            case int():
                return int
            case float():
                self.refuse(node, "no floats: sizes are whole bytes")
            case None:
                self.refuse(node, "no None: use an enum member or a boolean")
            case _:
                self.refuse(node, "no texts: use an enum member")
        return None

    def _name(self, node: ast.expr, name: str) -> Type:
        if name in self.names:
            return self.names[name]
        try:
            value = self.function.look_up(name)
        except KeyError:
            self.refuse(node, f"{name!r} has no value here: assign it on every path to here, or take a parameter")
            return None
        if not isinstance(value, int):
            self.refuse(node, f"{name!r} is no constant, parameter or local name: only its members or a call may stand")
        elif not is_final(name, self.function.module):
            self.refuse(node, f"a constant must be Final: write `{name}: Final = {value}`")
        return type(value) if isinstance(value, int) else None

    def _attribute(self, node: ast.Attribute) -> Type:
        if isinstance(node.value, ast.Name) and node.value.id not in self.names:
            value = vars(self.function.module).get(node.value.id)
            if isinstance(value, type) and issubclass(value, Enum):
                if node.attr in value.__members__:
                    return value
                self.refuse(node, f"{value.__name__} has no member {node.attr}")
                return None
        owner = self.type_of(node.value)
        if owner is None:
            return None
        if is_record(owner) and node.attr in {field.name for field in dataclasses.fields(owner)}:
            return self._value_type(node, get_type_hints(owner)[node.attr])
        asked = vars(owner).get(node.attr)
        getter = asked.fget if isinstance(asked, property) else None
        if getter is not None and getter in self.function.rules:
            self.function.called.append(getter)
            return self._value_type(node, get_type_hints(getter)["return"])
        self.refuse(node, f"{node.attr!r} is no field of {type_name(owner)}, nor a property that is a `@rule`")
        return None

    def _value_type(self, node: ast.AST, given: object) -> Type:
        if isinstance(given, type) and is_value_type(given):
            return given
        self.refuse(node, "a rule reads only whole numbers, booleans, enums and frozen records")
        return None

    def _number(self, node: ast.expr) -> int | None:
        """The value of a constant whole number; ``None`` if the expression is not one."""
        if isinstance(node, ast.Constant) and type(node.value) is int:
            return node.value
        if isinstance(node, ast.Name) and node.id not in self.names:
            value = vars(self.function.module).get(node.id)
            return value if type(value) is int else None
        return None

    def _arithmetic(self, node: ast.BinOp) -> Type:
        for side in (node.left, node.right):
            self.expect(side, int, "arithmetic is for whole numbers")
        match node.op:
            case ast.Add() | ast.Sub():
                return int
            case ast.Mult() if self._number(node.left) is None and self._number(node.right) is None:
                self.refuse(node, "multiply by a constant: a product of two variables cannot be decided")
            case ast.Mult():
                return int
            case ast.FloorDiv() | ast.Mod():
                if (self._number(node.right) or 0) > 0:
                    return int
                self.refuse(node.right, "divide by a positive constant")
            case ast.Div():
                self.refuse(node, "use `//`: sizes are whole bytes")
            case _:
                self.refuse(node, "compute with + - * // % only")
        return None

    def _comparison(self, node: ast.Compare) -> Type:
        sides = [node.left, *node.comparators]
        for operator in node.ops:
            match operator:
                case ast.Is() | ast.IsNot():
                    found = self._alike(node, sides, "`is` compares members of one enum")
                    if found is not None and not is_enum(found):
                        self.refuse(node, "`is` is for enum members: compare whole numbers with `==`")
                    return bool
                case ast.In() | ast.NotIn():
                    self.refuse(node, "no `in`: write `x is A or x is B`")
                    return bool
                case _:
                    continue
        for side in sides:
            found = self.type_of(side)
            if is_enum(found):
                self.refuse(side, "compare enum members with `is`")
            elif found is not None and found is not int:
                self.refuse(side, f"compare whole numbers, not {type_name(found)}")
        return bool

    def _alike(self, node: ast.AST, sides: list[ast.expr], why: str) -> Type:
        types = [self.type_of(side) for side in sides]
        if None in types:
            return None
        if len(set(types)) > 1:
            self.refuse(node, f"{why}, not {' and '.join(type_name(each) for each in types)}")
            return None
        return types[0]

    # Calls

    def _call(self, node: ast.Call) -> Type:
        called: object = None
        if isinstance(node.func, ast.Name) and node.func.id not in self.names:
            try:
                called = self.function.look_up(node.func.id)
            except KeyError:
                called = None
        if any(isinstance(argument, ast.Starred) for argument in node.args) or None in [k.arg for k in node.keywords]:
            self.refuse(node, "write every argument out: no `*` and `**`")
            return None
        if called is min or called is max:
            return self._least_or_most(node)
        if called is dataclasses.replace:
            return self._replace(node)
        if isinstance(called, type) and is_record(called):
            self._arguments(node, called, get_type_hints(called))
            return called
        if callable(called) and called in self.function.rules:
            self.function.called.append(called)
            hints = get_type_hints(called)
            self._arguments(node, called, hints)
            return self._value_type(node, hints.get("return"))
        name = ast.unparse(node.func)
        self.refuse(node, f"{name!r} is not a rule: mark it `@rule`, or compute it before and take it as a parameter")
        return None

    def _least_or_most(self, node: ast.Call) -> Type:
        if node.keywords or len(node.args) < 2:
            self.refuse(node, "give `min` and `max` two or more whole numbers and nothing else")
        for argument in node.args:
            self.expect(argument, int, "`min` and `max` are for whole numbers")
        return int

    def _replace(self, node: ast.Call) -> Type:
        record = self.type_of(node.args[0]) if len(node.args) == 1 else None
        if record is None or not is_record(record):
            self.refuse(node, "give `replace` one record, and fields by name")
            return None
        hints = get_type_hints(record)
        for keyword in node.keywords:
            self._argument(keyword.value, str(keyword.arg), hints)
        return record

    def _arguments(self, node: ast.Call, called: Callable[..., object], hints: dict[str, Any]) -> None:
        signature = inspect.signature(called)
        try:
            bound = signature.bind(*node.args, **{str(keyword.arg): keyword.value for keyword in node.keywords})
        except TypeError as error:
            self.refuse(node, f"{called.__name__}: {error}")
            return
        if missing := signature.parameters.keys() - bound.arguments.keys():
            self.refuse(node, f"{called.__name__}: write out {', '.join(sorted(missing))}")
        for name, argument in bound.arguments.items():
            self._argument(argument, name, hints)

    def _argument(self, node: ast.expr, name: str, hints: dict[str, Any]) -> None:
        found = self.type_of(node)
        if name not in hints:
            self.refuse(node, f"there is no field {name!r}")
        elif found is not None and found is not hints[name]:
            self.refuse(node, f"{name!r} is {type_name(hints[name])}, not {type_name(found)}")


EXPRESSIONS: dict[type[ast.expr], str] = {
    ast.JoinedStr: "no texts: a sentence is made when it is shown",
    ast.ListComp: "no loops: a rule speaks of one host and one VM",
    ast.SetComp: "no loops: a rule speaks of one host and one VM",
    ast.DictComp: "no loops: a rule speaks of one host and one VM",
    ast.GeneratorExp: "no loops: a rule speaks of one host and one VM",
    ast.Lambda: "no functions in functions: write a rule beside this one",
    ast.NamedExpr: "assign on a line of its own",
    ast.Tuple: "return a frozen record",
    ast.List: "return a frozen record",
    ast.Dict: "return a frozen record",
    ast.Set: "return a frozen record",
    ast.Subscript: "read a field of a record",
    ast.Await: "a rule only computes",
    ast.Yield: "return a frozen record",
    ast.UnaryOp: "compute with + - * // % and `not` only",
}
