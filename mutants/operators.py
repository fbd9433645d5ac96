"""Mutation operators: the changes that can be made to one expression of a rule, as an author might get it wrong."""

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

Mutation = tuple[str, ast.expr]
"""The kind of a mutation, and the expression that replaces another."""

ORDERS: Final = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
ARITHMETIC: Final[dict[type[ast.operator], tuple[type[ast.operator], ...]]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.FloorDiv, ast.Add),
    ast.FloorDiv: (ast.Mod, ast.Mult),
    ast.Mod: (ast.FloorDiv,),
}


def changes(node: ast.expr, scope: Scope) -> Iterator[Mutation]:
    """Every mutation of one expression, without those of its parts."""
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
            yield from _if_expression(node)
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


def guards(test: ast.expr) -> Iterator[Mutation]:
    """Mutations of the condition of an ``if``: it is never true, or always."""
    yield "dropped guard", ast.Constant(False)
    yield "guard that always holds", ast.Constant(True)


def offsets(node: ast.expr, scope: Scope) -> Iterator[Mutation]:
    """A number that is off by one byte, or by one quantum."""
    if scope.kind(node) is int:
        for size in (QUANTUM,) if isinstance(node, ast.Constant) else (1, QUANTUM):
            yield "off by one", ast.BinOp(node, ast.Add(), ast.Constant(size))
            yield "off by one", ast.BinOp(node, ast.Sub(), ast.Constant(size))


def _is_single(node: ast.expr) -> bool:
    return isinstance(node, ast.Compare) and len(node.ops) == 1


def _comparison(node: ast.Compare) -> Iterator[Mutation]:
    for index, op in enumerate(node.ops):
        others = [other for other in ORDERS if other is not type(op)] if isinstance(op, ORDERS) else [_opposite(op)]
        for other in others:
            ops = [*node.ops[:index], other(), *node.ops[index + 1 :]]
            yield "comparison", ast.Compare(node.left, ops, node.comparators)
    if len(node.ops) > 1:
        yield "dropped condition", ast.Compare(node.comparators[0], node.ops[1:], node.comparators[1:])
        yield "dropped condition", ast.Compare(node.left, node.ops[:-1], node.comparators[:-1])


def _opposite(op: ast.cmpop) -> type[ast.cmpop]:
    return ast.IsNot if isinstance(op, ast.Is) else ast.Is


def _condition(node: ast.BoolOp) -> Iterator[Mutation]:
    yield "and for or", ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    for index in range(len(node.values)):
        rest = [*node.values[:index], *node.values[index + 1 :]]
        yield "dropped condition", rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)


def _arithmetic(node: ast.BinOp) -> Iterator[Mutation]:
    for op in ARITHMETIC[type(node.op)]:
        yield "arithmetic", ast.BinOp(node.left, op(), node.right)
    if isinstance(node.op, ast.Sub):
        yield "swapped arguments", ast.BinOp(node.right, node.op, node.left)
    yield "dropped part", node.left
    yield "dropped part", node.right


def _if_expression(node: ast.IfExp) -> Iterator[Mutation]:
    yield "other way", ast.IfExp(node.test, node.orelse, node.body)
    yield "dropped guard", node.orelse
    yield "guard that always holds", node.body


def _attribute(node: ast.Attribute, scope: Scope) -> Iterator[Mutation]:
    kind = scope.kind(node)
    is_member = isinstance(node.value, ast.Name) and scope.names.get(node.value.id) is kind
    if is_member and kind is not None and issubclass(kind, StrEnum):
        for name in kind.__members__:
            if name != node.attr:
                yield f"wrong {kind.__name__}", ast.Attribute(node.value, name)
        return
    for name, other_kind in fields_and_rules(scope.kind(node.value)).items():
        if other_kind is kind and name != node.attr:
            yield "wrong field", ast.Attribute(node.value, name)


def _name(node: ast.Name, scope: Scope) -> Iterator[Mutation]:
    known, kind = scope.known_at(node), scope.kind(node)
    if kind is None:
        return
    for name, other_kind in known.items():
        if other_kind is kind and name != node.id:
            yield "wrong name", ast.Name(name)
    if node.id not in known:
        for name, value in scope.constants.items():
            if value != scope.constants.get(node.id):
                yield "wrong constant", ast.Name(name)


def _call(node: ast.Call, scope: Scope) -> Iterator[Mutation]:
    called = scope.called(node)
    name = cast("ast.Name", node.func).id
    if name in ("min", "max"):
        yield "min for max", ast.Call(ast.Name("max" if name == "min" else "min"), node.args, [])
        for index in range(len(node.args)):
            rest = [*node.args[:index], *node.args[index + 1 :]]
            yield "dropped bound", rest[0] if len(rest) == 1 else ast.Call(node.func, rest, [])
    elif name == "replace":
        yield from _replaced(node, scope)
    elif scope.takes(called) or called in scope.marked:
        yield from _arguments(node, scope)
        if is_dataclass(called):
            yield from _forgotten(node, [field.name for field in fields(called)])
        else:
            yield from _other_rules(node, scope)


def _arguments(node: ast.Call, scope: Scope) -> Iterator[Mutation]:
    """Two arguments of one type swapped; an argument in place of the call."""
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    kinds = [scope.kind(argument) for argument in given]
    for one, other in combinations(range(len(given)), 2):
        if kinds[one] is kinds[other] and not _same_source(given[one], given[other]):
            arguments = list(given)
            arguments[one], arguments[other] = arguments[other], arguments[one]
            named = arguments[len(node.args) :]
            keywords = [ast.keyword(word.arg, value) for word, value in zip(node.keywords, named, strict=True)]
            yield "swapped arguments", ast.Call(node.func, arguments[: len(node.args)], keywords)
    answer = scope.kind(node)
    for argument, kind in zip(given, kinds, strict=True):
        if kind is answer:
            yield "lost call", argument


def _forgotten(node: ast.Call, names: Sequence[str]) -> Iterator[Mutation]:
    """A record built without one of its fields."""
    given = [ast.keyword(name, value) for name, value in zip(names, node.args, strict=False)] + node.keywords
    for index in range(len(given)):
        yield "forgotten field", ast.Call(node.func, [], [*given[:index], *given[index + 1 :]])


def _replaced(node: ast.Call, scope: Scope) -> Iterator[Mutation]:
    kinds = fields_and_rules(scope.kind(node.args[0]))
    given = [keyword.arg for keyword in node.keywords]
    for index, keyword in enumerate(node.keywords):
        rest = [*node.keywords[:index], *node.keywords[index + 1 :]]
        yield "forgotten field", ast.Call(node.func, node.args, rest) if rest else node.args[0]
        for name, kind in kinds.items():
            if name not in given and kind is kinds.get(keyword.arg or ""):
                keywords = [*node.keywords[:index], ast.keyword(name, keyword.value), *node.keywords[index + 1 :]]
                yield "wrong field", ast.Call(node.func, node.args, keywords)
    for other in changed_figures(node.args[0], scope, but=given):
        yield "field too much", ast.Call(node.func, node.args, [*node.keywords, other])


def passed_on(node: ast.expr, scope: Scope) -> Iterator[Mutation]:
    """A record that is passed on: with one of its figures changed."""
    if isinstance(node, ast.Name | ast.Attribute):
        for other in changed_figures(node, scope):
            yield "field too much", ast.Call(ast.Name("replace"), [node], [other])


def changed_figures(record: ast.expr, scope: Scope, but: Sequence[str | None] = ()) -> Iterator[ast.keyword]:
    """A wrong value for each figure of a record and of the records in it, if the module imports ``replace``."""
    kind = scope.kind(record)
    if kind is None or not is_record(kind) or "replace" not in scope.names:
        return
    for name, field_kind in field_types(kind).items():
        part = ast.Attribute(record, name)
        if name in but:
            continue
        if field_kind is bool:
            yield ast.keyword(name, ast.UnaryOp(ast.Not(), part))
        elif field_kind is int:
            yield ast.keyword(name, ast.BinOp(part, ast.Add(), ast.Constant(QUANTUM)))
        elif is_record(field_kind):
            for inner in changed_figures(part, scope):
                yield ast.keyword(name, ast.Call(ast.Name("replace"), [part], [inner]))
        elif scope.names.get(field_kind.__name__) is field_kind:
            for member in cast("type[StrEnum]", field_kind).__members__:
                yield ast.keyword(name, ast.Attribute(ast.Name(field_kind.__name__), member))


def _other_rules(node: ast.Call, scope: Scope) -> Iterator[Mutation]:
    """A call of another rule with the same types of parameters and result."""
    called = scope.called(node)
    takes, answers = list(scope.takes(called).values()), scope.kind(node)
    for name, other in scope.names.items():
        if other in scope.marked and other is not called and list(scope.takes(other).values()) == takes:
            changed = ast.Call(ast.Name(name), node.args, node.keywords)
            if scope.kind(changed) is answers:
                yield "wrong rule", changed


def _same_source(one: ast.expr, other: ast.expr) -> bool:
    return ast.dump(one) == ast.dump(other)


def placed(new: ast.expr, old: ast.expr) -> ast.expr:
    """A copy of a new expression, at the location of the one that it replaces; its new names are read, not written."""
    copy = deepcopy(new)
    for part in ast.walk(copy):
        if isinstance(part, ast.expr | ast.keyword) and not hasattr(part, "lineno"):
            ast.copy_location(part, old)
        if isinstance(part, ast.Name | ast.Attribute) and not hasattr(part, "ctx"):
            part.ctx = ast.Load()
    return copy
