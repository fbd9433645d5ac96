"""The reader: takes a rule's source and returns, for given arguments, what the rule answers, as terms.

It reads the small subset of Python in which rules are written and refuses everything else, with the place, the line and
what to write instead; it never guesses. What it reads is first compared with what runs: a source that is not the one
that was loaded is refused.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from enum import EnumMeta, StrEnum
from functools import cache
from inspect import signature
from types import FunctionType
from typing import Final, TypeGuard, cast, get_type_hints

from domain.replacing import replace
from domain.rule import Rule, is_rule
from rules.symbolic import terms
from rules.symbolic.source import RuleSource, defined_as_final, source_of
from rules.symbolic.terms import Sort, Term
from rules.symbolic.values import SymbolicRecord, Value, anything, choose, fields_of, is_record, is_sort

_STATEMENTS = "a rule is made of assignments to new names, if, and return"
_COMPARE: Final[dict[type[ast.cmpop], Callable[[Term, Term], Term]]] = {
    ast.Lt: terms.less,
    ast.LtE: terms.at_most,
    ast.Gt: lambda left, right: terms.less(right, left),
    ast.GtE: lambda left, right: terms.at_most(right, left),
    ast.Eq: terms.equal,
    ast.NotEq: lambda left, right: terms.negation(terms.equal(left, right)),
}
_FOLDED: Final = {min: terms.least, max: terms.most}


def read(rule: Rule, arguments: Sequence[Value], readable: Callable[[Rule], bool] | None = None) -> Value:
    """What ``rule`` answers to ``arguments``, in the order of its parameters.

    ``readable`` says which functions it may call: rules of the program, unless said otherwise. Raises ``Refusal``.
    """
    return RuleReader(readable or is_rule).call(rule, arguments)


class RuleReader:
    """Reads rules that call one another; what was read once for the same arguments is not read again.

    ``definitions`` are read in place of what those rules say in their files: the answer is then that of a program that
    does not run, so such a reader proves nothing about the one that does. Only these definitions are not compared with
    the loaded code; every other rule is, as ever.
    """

    def __init__(
        self, readable: Callable[[Rule], bool] = is_rule, definitions: Mapping[Rule, ast.FunctionDef] | None = None
    ) -> None:
        self.readable = readable
        self._definitions = definitions or {}
        self.reached: dict[str, Rule] = {}
        """Every function that was read, by its name and place."""
        self._known: dict[tuple[object, ...], Value] = {}
        self._open: list[Rule] = []
        """The rules that are being read, each called by the one before it."""

    def read(self, rule: Rule, *, called: str = "") -> Value:
        """What a rule answers to anything: its parameters are variables of their names, after a prefix."""
        return self.call(rule, [anything(f"{called}{name}", kind) for name, kind in sorts_of(rule).items()])

    def call(self, rule: Rule, arguments: Sequence[Value]) -> Value:
        """What a rule answers to arguments."""
        key = (rule, *[argument.key for argument in arguments])
        answer = self._known.get(key)
        if answer is None:
            source = source_of(cast("FunctionType", rule))
            if rule in self._definitions:
                source = dataclasses.replace(source, tree=self._definitions[rule])
            if rule in self._open:
                raise source.refusal(source.tree, f"{rule.__qualname__} comes to call itself", "a rule that ends")
            self.reached[f"{rule.__module__}.{rule.__qualname__}"] = rule
            self._open.append(rule)
            answer = self._known[key] = _Function(self, source, _kinds(rule)["return"]).answer(arguments)
            self._open.pop()
        return answer


class _Function:
    """One function being read for one list of arguments."""

    def __init__(self, reader: RuleReader, source: RuleSource, answers: type) -> None:
        self._reader = reader
        self._answers = answers
        self._source = source
        self._refusal = source.refusal
        self._globals = source.names

    def answer(self, arguments: Sequence[Value]) -> Value:
        tree = self._source.tree
        spec = tree.args
        if spec.vararg or spec.kwarg or spec.kwonlyargs or spec.defaults or spec.posonlyargs:
            raise self._refusal(tree, "a parameter with a default, a star or a mark", "plain parameters")
        for decorator in tree.decorator_list:
            if not isinstance(decorator, ast.Name) or decorator.id not in _DECORATORS:
                raise self._refusal(decorator, "a decorator that may change what the rule does", "@rule, and @property")
        if ast.get_docstring(tree) is None:
            raise self._refusal(tree, f"{tree.name} does not say what it means", "a docstring for an operator")
        names = [parameter.arg for parameter in spec.args]
        return self._block(tree.body[1:], dict(zip(names, arguments, strict=True)), tree)

    # Statements

    def _block(self, body: Sequence[ast.stmt], known: Mapping[str, Value], end: ast.AST) -> Value:
        if not body:
            raise self._refusal(end, "a way through the rule that returns nothing", "return an answer on every way")
        first, rest = body[0], body[1:]
        match first:
            case ast.Return(value=ast.expr() as value):
                if rest:
                    raise self._refusal(rest[0], "a statement that is never reached", "take it out")
                answer = self._value(value, known)
                if _kind(answer) is not self._answers:
                    raise self._refusal(
                        value, f"an answer that is no {self._answers.__name__}", "what it says it answers"
                    )
                return answer
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if name in known:
                    raise self._refusal(first, f"{name!r} is given a second value", "another name for another thing")
                return self._block(rest, {**known, name: self._value(value, known)}, end)
            case ast.If(test=test, body=then, orelse=otherwise):
                condition = self._truth(test, known)
                yes = self._block([*then, *([] if _returns(then) else rest)], known, first)
                no = self._block([*otherwise, *([] if _returns(otherwise) else rest)], known, first)
                return self._join(first, condition, yes, no)
            case _:
                raise self._refusal(first, f"a statement that rules do not have ({type(first).__name__})", _STATEMENTS)

    def _join(self, node: ast.AST, condition: Term, yes: Value, no: Value) -> Value:
        joined = choose(condition, yes, no)
        if joined is None:
            raise self._refusal(
                node, "the two ways answer different kinds of things", "answer the same kind on every way"
            )
        return joined

    # Expressions

    def _value(self, node: ast.expr, known: Mapping[str, Value]) -> Value:
        match node:
            case ast.Constant(value=bool() | int() as value):
                return terms.constant(value)
            case ast.Name(id=name):
                return known[name] if name in known else self._constant(node, name)
            case ast.Attribute():
                return self._attribute(node, known)
            case ast.BinOp():
                return self._arithmetic(node, known)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return terms.negate(self._number(operand, known))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return terms.negation(self._truth(operand, known))
            case ast.BoolOp(op=op, values=values):
                join = terms.both if isinstance(op, ast.And) else terms.either
                return join(*[self._truth(value, known) for value in values])
            case ast.Compare():
                return self._comparison(node, known)
            case ast.IfExp(test=test, body=then, orelse=otherwise):
                condition = self._truth(test, known)
                return self._join(node, condition, self._value(then, known), self._value(otherwise, known))
            case ast.Call():
                return self._call(node, known)
            case ast.Constant():
                raise self._refusal(node, f"the value {node.value!r}", "whole numbers, True, False and enum members")
            case _:
                what = f"an expression that rules do not have ({type(node).__name__})"
                raise self._refusal(node, what, "arithmetic, comparisons, and/or/not, if-expressions, calls of rules")

    def _constant(self, node: ast.Name, name: str) -> Term:
        value = self._globals.get(name)
        if isinstance(value, int):
            if not defined_as_final(self._source.module, name):
                raise self._refusal(
                    node, f"{name!r} is not Final, so it may change", f"{name}: Final = {value} where it is defined"
                )
            return terms.constant(value)
        raise self._refusal(node, f"the name {name!r} is no parameter, local name or constant", "a Final whole number")

    def _attribute(self, node: ast.Attribute, known: Mapping[str, Value]) -> Value:
        if isinstance(node.value, ast.Name) and node.value.id not in known:
            kind = self._globals.get(node.value.id)
            if isinstance(kind, EnumMeta) and issubclass(kind, StrEnum) and node.attr in kind.__members__:
                return terms.constant(kind.__members__[node.attr])
            raise self._refusal(node, f"{ast.unparse(node)} is no member of an enum", "a member or a field")
        whole = self._value(node.value, known)
        if isinstance(whole, Term):
            raise self._refusal(node, f"{ast.unparse(node.value)} is no record", "a field of a record")
        if node.attr in whole.fields:
            return whole[node.attr]
        found = getattr(whole.kind, node.attr, None)
        if isinstance(found, property) and found.fget is not None and self._reader.readable(found.fget):
            return self._reader.call(found.fget, [whole])
        raise self._refusal(
            node, f"{whole.kind.__name__} has no field or rule {node.attr!r}", "a field, or a property that is a rule"
        )

    def _arithmetic(self, node: ast.BinOp, known: Mapping[str, Value]) -> Term:
        left, right = self._number(node.left, known), self._number(node.right, known)
        match node.op:
            case ast.Add():
                return terms.add(left, right)
            case ast.Sub():
                return terms.subtract(left, right)
            case ast.Mult():
                if terms.value_of(left) is None and terms.value_of(right) is None:
                    raise self._refusal(node, "a product of two things that vary", "multiply by a constant")
                return terms.multiply(left, right)
            case ast.FloorDiv() | ast.Mod():
                by = terms.value_of(right)
                if not isinstance(by, int) or by <= 0:
                    raise self._refusal(node.right, "a divisor that is no positive constant", "a positive constant")
                return (terms.divide if isinstance(node.op, ast.FloorDiv) else terms.remainder)(left, right)
            case _:
                raise self._refusal(node, f"the operator {type(node.op).__name__}", "+ - * // % on whole numbers")

    def _comparison(self, node: ast.Compare, known: Mapping[str, Value]) -> Term:
        found: list[Term] = []
        left_node, left = node.left, self._value(node.left, known)
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = self._value(right_node, known)
            if isinstance(op, ast.Is | ast.IsNot):
                same = terms.equal(*self._members(node, left, right))
                found.append(same if isinstance(op, ast.Is) else terms.negation(same))
            elif type(op) in _COMPARE:
                pair = self._as_number(left_node, left), self._as_number(right_node, right)
                found.append(_COMPARE[type(op)](*pair))
            else:
                raise self._refusal(
                    node, f"the comparison {type(op).__name__}", "< <= == != >= > of numbers, is of members"
                )
            left_node, left = right_node, right
        return terms.both(*found)

    def _members(self, node: ast.AST, left: Value, right: Value) -> tuple[Term, Term]:
        if _is_member(left) and _is_member(right) and left.sort is right.sort:
            return left, right
        raise self._refusal(node, "'is' between what are not members of one enum", "compare numbers with ==")

    def _call(self, node: ast.Call, known: Mapping[str, Value]) -> Value:
        if not isinstance(node.func, ast.Name) or node.func.id in known:
            raise self._refusal(node, f"a call of {ast.unparse(node.func)}", "a rule, record, min, max or replace")
        called = self._globals.get(node.func.id, _BUILTINS.get(node.func.id))
        if called is min or called is max:
            if len(node.args) < 2 or node.keywords:
                raise self._refusal(node, f"{node.func.id} of a collection", "min and max of two or more numbers")
            first, *others = [self._number(argument, known) for argument in node.args]
            for other in others:
                first = _FOLDED[called](first, other)
            return first
        if called is replace or called is dataclasses.replace:
            return self._replaced(node, known)
        if is_record(called):
            names = list(fields_of(cast("type", called)))
            return self._record(node, cast("type", called), self._arguments(node, names, known))
        if callable(called) and self._reader.readable(called):
            kinds = sorts_of(called)
            arguments = self._arguments(node, list(kinds), known)
            for name, kind in kinds.items():
                if _kind(arguments[name]) is not kind:
                    raise self._refusal(node, f"{name!r} is not given a {kind.__name__}", "what the rule takes")
            return self._reader.call(called, [arguments[name] for name in kinds])
        raise self._refusal(
            node, f"a call of {node.func.id!r}, which is no rule", "rules only; mark it @rule if it is one"
        )

    def _arguments(self, node: ast.Call, names: Sequence[str], known: Mapping[str, Value]) -> dict[str, Value]:
        if any(isinstance(argument, ast.Starred) for argument in node.args) or len(node.args) > len(names):
            raise self._refusal(node, "arguments that cannot be told apart", "give each by its place or its name")
        given = {name: self._value(argument, known) for name, argument in zip(names, node.args, strict=False)}
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg not in names or keyword.arg in given:
                raise self._refusal(
                    keyword, "an argument of no place, or twice given", f"one each of {', '.join(names)}"
                )
            given[keyword.arg] = self._value(keyword.value, known)
        missing = [name for name in names if name not in given]
        if missing:
            raise self._refusal(node, f"{missing[0]!r} is left to a default", "give every argument")
        return given

    def _record(self, node: ast.AST, kind: type, given: Mapping[str, Value]) -> SymbolicRecord:
        for name, expected in fields_of(kind).items():
            value = given[name]
            if _kind(value) is not expected:
                raise self._refusal(
                    node, f"{kind.__name__}.{name} is not given a {expected.__name__}", "what it declares"
                )
        return SymbolicRecord(kind, {name: given[name] for name in fields_of(kind)})

    def _replaced(self, node: ast.Call, known: Mapping[str, Value]) -> SymbolicRecord:
        whole = self._value(node.args[0], known) if len(node.args) == 1 else None
        if not isinstance(whole, SymbolicRecord):
            raise self._refusal(node, "replace of what is no record", "replace(record, field=value)")
        changes: dict[str, Value] = {}
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg not in whole.fields:
                raise self._refusal(keyword, f"{whole.kind.__name__} has no field {keyword.arg!r}", "its own fields")
            changes[keyword.arg] = self._value(keyword.value, known)
        return self._record(node, whole.kind, {**whole.fields, **changes})

    # Kinds

    def _number(self, node: ast.expr, known: Mapping[str, Value]) -> Term:
        return self._as_number(node, self._value(node, known))

    def _as_number(self, node: ast.expr, value: Value) -> Term:
        if isinstance(value, Term) and value.sort is int:
            return value
        raise self._refusal(node, f"{ast.unparse(node)} is not a whole number", "numbers; members with 'is'")

    def _truth(self, node: ast.expr, known: Mapping[str, Value]) -> Term:
        value = self._value(node, known)
        if isinstance(value, Term) and value.sort is bool:
            return value
        raise self._refusal(node, f"{ast.unparse(node)} is not True or False", "a comparison")


def _kind(value: Value) -> type:
    return value.sort if isinstance(value, Term) else value.kind


def _is_member(value: Value) -> TypeGuard[Term]:
    return isinstance(value, Term) and issubclass(value.sort, StrEnum)


_DECORATORS: Final = ("rule", "property", "predicate")
_BUILTINS: Final = {"min": min, "max": max}


def _returns(body: Sequence[ast.stmt]) -> bool:
    """Every way through a block returns."""
    if not body:
        return False
    last = body[-1]
    return isinstance(last, ast.Return) or (isinstance(last, ast.If) and _returns(last.body) and _returns(last.orelse))


def sorts_of(rule: Rule) -> dict[str, type]:
    """The parameters of a rule and their types. Raises ``Refusal`` for a type that rules do not have."""
    return {name: kind for name, kind in _kinds(rule).items() if name != "return"}


@cache
def _kinds(rule: Rule) -> dict[str, type]:
    """The types of a rule's parameters and, as ``return``, of its answer."""
    source = source_of(cast("FunctionType", rule))
    hints = get_type_hints(rule)
    owner = rule.__qualname__.rpartition(".")[0]
    if owner:
        hints["self"] = getattr(source.module, owner, None)
    kinds = {name: hints.get(name) for name in [*signature(rule).parameters, "return"]}
    for name, kind in kinds.items():
        if not (is_record(kind) or is_sort(kind)):
            what = "answer" if name == "return" else f"parameter {name!r}"
            raise source.refusal(
                source.tree,
                f"the {what} is of a type that rules do not have",
                "int, bool, a StrEnum or a frozen record",
            )
    return cast("dict[str, type]", kinds)


__all__ = ["Rule", "RuleReader", "Sort", "is_rule", "read", "sorts_of"]
