"""The changes that can be made at one place of a rule: what somebody who writes it might get wrong."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import fields, is_dataclass
from enum import StrEnum
from itertools import combinations
from typing import Final, cast

from domain.quantities import QUANTUM
from mutants.scope import Scope, fields_and_rules
from rules.symbolic.values import field_types, is_record

Change = tuple[str, ast.expr]
"""What kind of a change it is, and what stands there instead."""

ORDERS: Final = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
ARITHMETIC: Final[dict[type[ast.operator], tuple[type[ast.operator], ...]]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.FloorDiv, ast.Add),
    ast.FloorDiv: (ast.Mod, ast.Mult),
    ast.Mod: (ast.FloorDiv,),
}


def changes(node: ast.expr, scope: Scope) -> Iterator[Change]:
    """Every change of one expression, its parts left as they are."""
    match node:
        case ast.Compare():
            yield from _comparison(node)
        case ast.BoolOp():
            yield from _condition(node)
        case ast.UnaryOp(operand=operand):
            yield "lost sign" if isinstance(node.op, ast.USub) else "negated condition", operand
        case ast.BinOp():
            yield from _arithmetic(node)
        case ast.IfExp():
            yield from _way(node)
        case ast.Call():
            yield from _call(node, scope)
        case ast.Attribute():
            yield from _attribute(node, scope)
        case ast.Name():
            yield from _name(node, scope)
        case ast.Constant(value=bool() as value):
            yield "constant", ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield "constant", ast.Constant(value + 1)
            yield "constant", ast.Constant(value - 1)
        case _:
            pass
    if scope.kind(node) is bool and not isinstance(node, ast.UnaryOp | ast.Constant) and not _is_single(node):
        yield "negated condition", ast.UnaryOp(ast.Not(), node)


def guards(test: ast.expr) -> Iterator[Change]:
    """Changes of the condition of an ``if``: it is dropped, or takes its way always."""
    yield "dropped guard", ast.Constant(False)
    yield "guard that always holds", ast.Constant(True)


def offsets(node: ast.expr, scope: Scope) -> Iterator[Change]:
    """A number that is off by one byte, or by one quantum."""
    if scope.kind(node) is int:
        for size in (QUANTUM,) if isinstance(node, ast.Constant) else (1, QUANTUM):
            yield "off by one", ast.BinOp(node, ast.Add(), ast.Constant(size))
            yield "off by one", ast.BinOp(node, ast.Sub(), ast.Constant(size))


def _is_single(node: ast.expr) -> bool:
    return isinstance(node, ast.Compare) and len(node.ops) == 1


def _comparison(node: ast.Compare) -> Iterator[Change]:
    for place, op in enumerate(node.ops):
        others = [other for other in ORDERS if other is not type(op)] if isinstance(op, ORDERS) else [_opposite(op)]
        for other in others:
            ops = [*node.ops[:place], other(), *node.ops[place + 1 :]]
            yield "comparison", ast.Compare(node.left, ops, node.comparators)
    if len(node.ops) > 1:
        yield "dropped condition", ast.Compare(node.comparators[0], node.ops[1:], node.comparators[1:])
        yield "dropped condition", ast.Compare(node.left, node.ops[:-1], node.comparators[:-1])


def _opposite(op: ast.cmpop) -> type[ast.cmpop]:
    return ast.IsNot if isinstance(op, ast.Is) else ast.Is


def _condition(node: ast.BoolOp) -> Iterator[Change]:
    yield "and for or", ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    for place in range(len(node.values)):
        rest = [*node.values[:place], *node.values[place + 1 :]]
        yield "dropped condition", rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)


def _arithmetic(node: ast.BinOp) -> Iterator[Change]:
    for op in ARITHMETIC[type(node.op)]:
        yield "arithmetic", ast.BinOp(node.left, op(), node.right)
    if isinstance(node.op, ast.Sub):
        yield "swapped arguments", ast.BinOp(node.right, node.op, node.left)
    yield "dropped part", node.left
    yield "dropped part", node.right


def _way(node: ast.IfExp) -> Iterator[Change]:
    yield "other way", ast.IfExp(node.test, node.orelse, node.body)
    yield "dropped guard", node.orelse
    yield "guard that always holds", node.body


def _attribute(node: ast.Attribute, scope: Scope) -> Iterator[Change]:
    kind = scope.kind(node)
    is_member = isinstance(node.value, ast.Name) and scope.names.get(node.value.id) is kind
    if is_member and kind is not None and issubclass(kind, StrEnum):
        for name in kind.__members__:
            if name != node.attr:
                yield f"wrong {kind.__name__}", ast.Attribute(node.value, name)
        return
    for name, of in fields_and_rules(scope.kind(node.value)).items():
        if of is kind and name != node.attr:
            yield "wrong field", ast.Attribute(node.value, name)


def _name(node: ast.Name, scope: Scope) -> Iterator[Change]:
    known, kind = scope.known_at(node), scope.kind(node)
    if kind is None:
        return
    for name, of in known.items():
        if of is kind and name != node.id:
            yield "wrong name", ast.Name(name)
    if node.id not in known:
        for name, value in scope.constants.items():
            if value != scope.constants.get(node.id):
                yield "wrong constant", ast.Name(name)


def _call(node: ast.Call, scope: Scope) -> Iterator[Change]:
    called = scope.called(node)
    name = cast("ast.Name", node.func).id
    if name in ("min", "max"):
        yield "min for max", ast.Call(ast.Name("max" if name == "min" else "min"), node.args, [])
        for place in range(len(node.args)):
            rest = [*node.args[:place], *node.args[place + 1 :]]
            yield "dropped bound", rest[0] if len(rest) == 1 else ast.Call(node.func, rest, [])
    elif name == "replace":
        yield from _replaced(node, scope)
    elif scope.takes(called) or called in scope.marked:
        yield from _arguments(node, scope)
        if is_dataclass(called):
            yield from _forgotten(node, [field.name for field in fields(called)])
        else:
            yield from _other_rules(node, scope)


def _arguments(node: ast.Call, scope: Scope) -> Iterator[Change]:
    """Arguments of one type swapped; an argument in place of what is made of it."""
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    kinds = [scope.kind(argument) for argument in given]
    for one, other in combinations(range(len(given)), 2):
        if kinds[one] is kinds[other] and not _alike(given[one], given[other]):
            arguments = list(given)
            arguments[one], arguments[other] = arguments[other], arguments[one]
            named = arguments[len(node.args) :]
            keywords = [ast.keyword(word.arg, value) for word, value in zip(node.keywords, named, strict=True)]
            yield "swapped arguments", ast.Call(node.func, arguments[: len(node.args)], keywords)
    answer = scope.kind(node)
    for argument, kind in zip(given, kinds, strict=True):
        if kind is answer:
            yield "lost call", argument


def _forgotten(node: ast.Call, names: Sequence[str]) -> Iterator[Change]:
    """A record made without one of its fields."""
    given = [ast.keyword(name, value) for name, value in zip(names, node.args, strict=False)] + node.keywords
    for place in range(len(given)):
        yield "forgotten field", ast.Call(node.func, [], [*given[:place], *given[place + 1 :]])


def _replaced(node: ast.Call, scope: Scope) -> Iterator[Change]:
    kinds = fields_and_rules(scope.kind(node.args[0]))
    given = [keyword.arg for keyword in node.keywords]
    for place, keyword in enumerate(node.keywords):
        rest = [*node.keywords[:place], *node.keywords[place + 1 :]]
        yield "forgotten field", ast.Call(node.func, node.args, rest) if rest else node.args[0]
        for name, kind in kinds.items():
            if name not in given and kind is kinds.get(keyword.arg or ""):
                keywords = [*node.keywords[:place], ast.keyword(name, keyword.value), *node.keywords[place + 1 :]]
                yield "wrong field", ast.Call(node.func, node.args, keywords)
    for other in otherwise(node.args[0], scope, but=given):
        yield "field too much", ast.Call(node.func, node.args, [*node.keywords, other])


def passed_on(node: ast.expr, scope: Scope) -> Iterator[Change]:
    """A record that is given on as it is: with one of its figures otherwise."""
    if isinstance(node, ast.Name | ast.Attribute):
        for other in otherwise(node, scope):
            yield "field too much", ast.Call(ast.Name("replace"), [node], [other])


def otherwise(whole: ast.expr, scope: Scope, but: Sequence[str | None] = ()) -> Iterator[ast.keyword]:
    """Each figure of a record, and of the records in it, as it is not; where the module has ``replace`` at all."""
    kind = scope.kind(whole)
    if kind is None or not is_record(kind) or "replace" not in scope.names:
        return
    for name, of in field_types(kind).items():
        part = ast.Attribute(whole, name)
        if name in but:
            continue
        if of is bool:
            yield ast.keyword(name, ast.UnaryOp(ast.Not(), part))
        elif of is int:
            yield ast.keyword(name, ast.BinOp(part, ast.Add(), ast.Constant(QUANTUM)))
        elif is_record(of):
            for inner in otherwise(part, scope):
                yield ast.keyword(name, ast.Call(ast.Name("replace"), [part], [inner]))
        elif scope.names.get(of.__name__) is of:
            for member in cast("type[StrEnum]", of).__members__:
                yield ast.keyword(name, ast.Attribute(ast.Name(of.__name__), member))


def _other_rules(node: ast.Call, scope: Scope) -> Iterator[Change]:
    """A call of another rule that takes and answers the same."""
    called = scope.called(node)
    takes, answers = list(scope.takes(called).values()), scope.kind(node)
    for name, other in scope.names.items():
        if other in scope.marked and other is not called and list(scope.takes(other).values()) == takes:
            changed = ast.Call(ast.Name(name), node.args, node.keywords)
            if scope.kind(changed) is answers:
                yield "wrong rule", changed


def _alike(one: ast.expr, other: ast.expr) -> bool:
    return ast.dump(one) == ast.dump(other)


def placed(new: ast.expr, old: ast.expr) -> ast.expr:
    """A change with the place of what it replaces, its parts copied."""
    made = deepcopy(new)
    for part in ast.walk(made):
        if isinstance(part, ast.expr | ast.keyword) and not hasattr(part, "lineno"):
            ast.copy_location(part, old)
    return made
