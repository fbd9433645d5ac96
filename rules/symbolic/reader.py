"""The reader: compiles the source of a rule, applied to symbolic arguments, to terms.

It reads the small subset of Python in which rules are written. Anything else raises ``UnreadableRule``, with the
location, the line and what to write instead; the reader never guesses. It first compares the source with the loaded
code, and raises if the two differ.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import difflib
from collections.abc import Callable, Mapping, Sequence
from enum import EnumMeta, StrEnum
from types import BuiltinFunctionType, FunctionType
from typing import Any, Final, TypeGuard, cast

from domain.replacing import replace
from domain.rule import Rule, is_rule
from rules.symbolic import terms
from rules.symbolic.definition import definition_of, local_names, parameter_types, types_of
from rules.symbolic.names import constant_problem, is_long, is_property, rebinding_problem, shown
from rules.symbolic.plain import enum_problem, record_problem
from rules.symbolic.replacing import replace_problem
from rules.symbolic.source import RuleSource, refusing
from rules.symbolic.terms import Term
from rules.symbolic.values import SymbolicRecord, Value, choose, field_types, is_record, symbolic

_STATEMENTS: Final = "a rule is made of assignments to new names, if, and return"
_MOST_STATEMENTS: Final = 2**16
"""Statements that are read of one rule and of those that it calls: each once on every way to it."""
_REPLACES: Final = (replace.__module__, dataclasses.__name__)
_COMPARE: Final[dict[type[ast.cmpop], Callable[[Term, Term], Term]]] = {
    ast.Lt: terms.less,
    ast.LtE: terms.at_most,
    ast.Gt: lambda left, right: terms.less(right, left),
    ast.GtE: lambda left, right: terms.at_most(right, left),
    ast.Eq: terms.equal,
    ast.NotEq: lambda left, right: terms.negation(terms.equal(left, right)),
}


class RuleReader:
    """Reads rules, and the rules that they call. Results are cached by rule and arguments.

    ``readable`` says which functions may be called: the rules of the program by default. ``definitions`` replace the
    source of some rules. The terms are then those of a program that does not run, so they prove nothing about the one
    that does. These definitions are not compared with the loaded code; all other rules are.

    ``most_statements`` bounds all that is read, for a text that is a user's own; without it, each rule that is asked
    for is bounded. What follows an ``if`` is read once on each way to it, so that twenty of them in a row are a million
    ways.
    """

    def __init__(
        self,
        readable: Callable[[Rule], bool] = is_rule,
        definitions: Mapping[Rule, ast.FunctionDef] | None = None,
        *,
        most_statements: int | None = None,
    ) -> None:
        self._most_statements = most_statements
        self._statements_left = most_statements or _MOST_STATEMENTS
        self.readable = readable
        self._definitions = definitions or {}
        self.reached: dict[str, Rule] = {}
        """Every function that was read, by its qualified name."""
        self._sources: dict[Rule, RuleSource] = {}
        self._results: dict[tuple[object, ...], Value] = {}
        self._stack: list[Rule] = []
        """The rules that are being read, each called by the one before it."""

    def read(self, rule: Rule) -> Value:
        """The result of a rule for unknown arguments: a variable for each parameter, named after it."""
        kinds = parameter_types(rule)
        with refusing(definition_of(rule)):
            arguments = [symbolic(name, kind) for name, kind in kinds.items()]
        return self.call(rule, arguments)

    def count_statement(self) -> bool:
        """Counts a statement that is read; returns whether it still may be."""
        self._statements_left -= 1
        return self._statements_left >= 0

    def call(self, rule: Rule, arguments: Sequence[Value]) -> Value:
        """The result of a rule for these arguments. Raises ``UnreadableRule``."""
        key = (rule, *[argument.key for argument in arguments])
        result = self._results.get(key)
        if result is None:
            source = self._sources.get(rule) or self._source_of(rule)
            if rule in self._stack:
                raise source.error(source.tree, f"{rule.__qualname__} comes to call itself", "a rule that ends")
            if not self._stack and self._most_statements is None:
                self._statements_left = _MOST_STATEMENTS
            self._stack.append(rule)
            try:
                with refusing(source):
                    result = _Function(self, source, types_of(rule)["return"]).apply(arguments)
            finally:
                self._stack.pop()
            self._results[key] = result
        return result

    def _source_of(self, rule: Rule) -> RuleSource:
        source = definition_of(rule)
        if not self.readable(rule):
            raise source.error(source.tree, f"{rule.__qualname__} is not a rule", "mark it @rule if it is one")
        if rule in self._definitions:
            source = dataclasses.replace(source, tree=self._definitions[rule])
        self.reached[f"{rule.__module__}.{rule.__qualname__}"] = rule
        self._sources[rule] = source
        return source


class _Function:
    """One function that is read, for one list of arguments."""

    def __init__(self, reader: RuleReader, source: RuleSource, result_type: type) -> None:
        self._reader = reader
        self._result_type = result_type
        self._source = source
        self._error = source.error
        self._globals = source.names
        self._local = local_names(source.tree)

    def apply(self, arguments: Sequence[Value]) -> Value:
        tree = self._source.tree
        spec = tree.args
        if spec.vararg or spec.kwarg or spec.kwonlyargs or spec.defaults or spec.posonlyargs:
            raise self._error(tree, "a parameter with a default, a star or a mark", "plain parameters")
        if ast.get_docstring(tree, clean=False) is None:
            raise self._error(tree, f"{tree.name} does not say what it means", "a docstring for an operator")
        names = [parameter.arg for parameter in spec.args]
        return self._block(tree.body[1:], dict(zip(names, arguments, strict=True)), tree)

    # Statements

    def _block(self, body: Sequence[ast.stmt], known: Mapping[str, Value], end: ast.AST) -> Value:
        if not body:
            raise self._error(end, "a way through the rule that returns nothing", "return an answer on every way")
        first, rest = body[0], body[1:]
        if not self._reader.count_statement():
            raise self._error(
                first, "too many ways lead through the branches before it", "several smaller rules or policies"
            )
        match first:
            case ast.Return(value=ast.expr() as value):
                if rest:
                    raise self._error(rest[0], "a statement that is never reached", "take it out")
                result = self._value(value, known)
                if _type(result) is not self._result_type:
                    raise self._error(
                        value, f"an answer that is no {self._result_type.__name__}", "what it says it answers"
                    )
                return result
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if name in known:
                    raise self._error(first, f"{name!r} is given a second value", "another name for another thing")
                return self._block(rest, {**known, name: self._value(value, known)}, end)
            case ast.If(test=test, body=then, orelse=otherwise):
                condition = self._truth(test, known)
                if rest and _returns([first]):
                    raise self._error(rest[0], "a statement that is never reached", "take it out")
                yes = self._block([*then, *([] if _returns(then) else rest)], known, first)
                no = self._block([*otherwise, *([] if _returns(otherwise) else rest)], known, first)
                return self._join(first, condition, yes, no)
            case _:
                raise self._error(first, f"a statement that rules do not have ({type(first).__name__})", _STATEMENTS)

    def _join(self, node: ast.AST, condition: Term, yes: Value, no: Value) -> Value:
        joined = choose(condition, yes, no)
        if joined is None:
            raise self._error(
                node, "the two ways answer different kinds of things", "answer the same kind on every way"
            )
        return joined

    # Expressions

    def _value(self, node: ast.expr, known: Mapping[str, Value]) -> Value:
        match node:
            case ast.Constant(value=bool() | int() as value):
                return terms.constant(value)
            case ast.Name(id=name) if name in self._local:
                if name not in known:
                    raise self._error(node, f"{name!r} has no value on this way", "give it one on every way")
                return known[name]
            case ast.Name(id=name):
                return self._constant(node, name)
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
                raise self._error(node, f"the value {node.value!r}", "whole numbers, True, False and enum members")
            case _:
                what = f"an expression that rules do not have ({type(node).__name__})"
                raise self._error(node, what, "arithmetic, comparisons, and/or/not, if-expressions, calls of rules")

    def _constant(self, node: ast.Name, name: str) -> Term:
        value = self._globals.get(name)
        if isinstance(value, int):
            problem = constant_problem(self._source.module, name)
            if problem is not None:
                raise self._error(node, problem, f"{name}: Final = {shown(value)} where it is defined, there only")
            return terms.constant(value)
        raise self._error(node, f"the name {name!r} is not a parameter, local name or constant", "a Final whole number")

    def _attribute(self, node: ast.Attribute, known: Mapping[str, Value]) -> Value:
        if isinstance(node.value, ast.Name) and node.value.id not in self._local:
            kind = self._global(node.value)
            if isinstance(kind, EnumMeta) and issubclass(kind, StrEnum) and node.attr in kind.__members__:
                member = kind.__members__[node.attr]
                self._require_plain(node, enum_problem(kind))
                if getattr(kind, node.attr) is member:
                    return terms.constant(member)
            raise self._error(node, f"{ast.unparse(node)} is not a member of an enum", "a member or a field")
        record = self._value(node.value, known)
        if isinstance(record, Term):
            raise self._error(node, f"{ast.unparse(node.value)} is not a record", "a field of a record")
        if node.attr in record.fields:
            return record[node.attr]
        attribute = vars(record.kind).get(node.attr)
        if is_property(attribute) and attribute.fget is not None and self._reader.readable(attribute.fget):
            if [*parameter_types(attribute.fget).values()] != [record.kind]:
                raise self._error(node, f"{node.attr!r} is a rule that takes no {record.kind.__name__}", "a rule of it")
            return self._reader.call(attribute.fget, [record])
        raise self._error(
            node, f"{record.kind.__name__} has no field or rule {node.attr!r}", self._fields_like(record, node.attr)
        )

    def _fields_like(self, record: SymbolicRecord, name: str) -> str:
        """What to write instead of a field that there is not."""
        rules = (
            attribute
            for attribute, value in vars(record.kind).items()
            if is_property(value) and value.fget is not None and self._reader.readable(value.fget)
        )
        near = difflib.get_close_matches(name, [*record.fields, *rules], 1)
        return f"did you mean {near[0]!r}?" if near else "a field, or a property that is a rule"

    def _arithmetic(self, node: ast.BinOp, known: Mapping[str, Value]) -> Term:
        left, right = self._number(node.left, known), self._number(node.right, known)
        match node.op:
            case ast.Add():
                return terms.add(left, right)
            case ast.Sub():
                return terms.subtract(left, right)
            case ast.Mult():
                if terms.value_of(left) is None and terms.value_of(right) is None:
                    raise self._error(node, "a product of two things that vary", "multiply by a constant")
                product = terms.multiply(left, right)
                value = terms.value_of(product)
                if isinstance(value, int) and is_long(value):
                    raise self._error(node, "a product that is larger than any size", "sizes of at most 2**52 bytes")
                return product
            case ast.FloorDiv() | ast.Mod():
                by = terms.value_of(right)
                if not isinstance(by, int) or by <= 0:
                    raise self._error(node.right, "a divisor that is not a positive constant", "a positive constant")
                return (terms.divide if isinstance(node.op, ast.FloorDiv) else terms.remainder)(left, right)
            case _:
                raise self._error(node, f"the operator {type(node.op).__name__}", "+ - * // % on whole numbers")

    def _comparison(self, node: ast.Compare, known: Mapping[str, Value]) -> Term:
        comparisons: list[Term] = []
        left_node, left = node.left, self._value(node.left, known)
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = self._value(right_node, known)
            if isinstance(op, ast.Is | ast.IsNot):
                same = terms.equal(*self._members(node, left, right))
                comparisons.append(same if isinstance(op, ast.Is) else terms.negation(same))
            elif type(op) in _COMPARE:
                pair = self._as_number(left_node, left), self._as_number(right_node, right)
                comparisons.append(_COMPARE[type(op)](*pair))
            else:
                raise self._error(
                    node, f"the comparison {type(op).__name__}", "< <= == != >= > of numbers, is of members"
                )
            left_node, left = right_node, right
        return terms.both(*comparisons)

    def _members(self, node: ast.AST, left: Value, right: Value) -> tuple[Term, Term]:
        if _is_member(left) and _is_member(right) and left.sort is right.sort:
            return left, right
        raise self._error(node, "'is' between what are not members of one enum", "compare numbers with ==")

    def _call(self, node: ast.Call, known: Mapping[str, Value]) -> Value:
        if not isinstance(node.func, ast.Name) or node.func.id in self._local:
            raise self._error(node, f"a call of {ast.unparse(node.func)}", "a rule, record, min, max or replace")
        called = self._global(node.func)
        if _is_builtin(called, "min") or _is_builtin(called, "max"):
            if len(node.args) < 2 or node.keywords:
                raise self._error(node, f"{node.func.id} of a collection", "min and max of two or more numbers")
            first, *others = [self._number(argument, known) for argument in node.args]
            fold = terms.least if called.__name__ == "min" else terms.most
            for other in others:
                first = fold(first, other)
            return first
        if called is replace or called is dataclasses.replace:
            return self._replaced(node, called, known)
        if is_record(called):
            self._require_plain(node, record_problem(cast("type", called)))
            names = list(field_types(cast("type", called)))
            return self._record(node, cast("type", called), self._arguments(node, names, known))
        if callable(called) and self._reader.readable(called):
            if not _is_function(called):
                what = f"a call of {node.func.id!r}, which is a callable object, and no function"
                raise self._error(node, what, "a function of its module")
            kinds = parameter_types(called)
            arguments = self._arguments(node, list(kinds), known)
            for name, kind in kinds.items():
                if _type(arguments[name]) is not kind:
                    raise self._error(node, f"{name!r} is not given a {kind.__name__}", "what the rule takes")
            return self._reader.call(called, [arguments[name] for name in kinds])
        raise self._error(
            node, f"a call of {node.func.id!r}, which is not a rule", "rules only; mark it @rule if it is one"
        )

    def _arguments(self, node: ast.Call, names: Sequence[str], known: Mapping[str, Value]) -> dict[str, Value]:
        if any(isinstance(argument, ast.Starred) for argument in node.args) or len(node.args) > len(names):
            raise self._error(node, "arguments that match no parameters", "give each by its place or its name")
        given = {name: self._value(argument, known) for name, argument in zip(names, node.args, strict=False)}
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg not in names or keyword.arg in given:
                raise self._error(keyword, "an argument of no place, or twice given", f"one each of {', '.join(names)}")
            given[keyword.arg] = self._value(keyword.value, known)
        missing = [name for name in names if name not in given]
        if missing:
            raise self._error(node, f"{missing[0]!r} is left to a default", "give every argument")
        return given

    def _record(self, node: ast.AST, kind: type, given: Mapping[str, Value]) -> SymbolicRecord:
        for name, expected in field_types(kind).items():
            value = given[name]
            if _type(value) is not expected:
                raise self._error(
                    node, f"{kind.__name__}.{name} is not given a {expected.__name__}", "what it declares"
                )
        return SymbolicRecord(kind, {name: given[name] for name in field_types(kind)})

    def _replaced(self, node: ast.Call, called: object, known: Mapping[str, Value]) -> SymbolicRecord:
        record = self._value(node.args[0], known) if len(node.args) == 1 else None
        if not isinstance(record, SymbolicRecord):
            raise self._error(node, "replace of what is not a record", "replace(record, field=value)")
        if not isinstance(called, FunctionType) or called.__module__ not in _REPLACES:
            raise self._error(node, "a replace that is not Python's", "replace of dataclasses or domain.replacing")
        self._require_plain(node, replace_problem(called, record.kind))
        changes: dict[str, Value] = {}
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg not in record.fields:
                raise self._error(keyword, f"{record.kind.__name__} has no field {keyword.arg!r}", "its own fields")
            changes[keyword.arg] = self._value(keyword.value, known)
        return self._record(node, record.kind, {**record.fields, **changes})

    # Names

    def _global(self, node: ast.Name) -> object:
        """What a global name or a builtin stands for. Raises ``UnreadableRule`` if it may come to be something else."""
        self._require_plain(node, rebinding_problem(self._source.module, node.id))
        if node.id in self._globals:
            return self._globals[node.id]
        called = cast("Any", self._source.function).__builtins__.get(node.id)
        return called if _is_builtin(called, "min") or _is_builtin(called, "max") else None

    def _require_plain(self, node: ast.AST, problem: str | None) -> None:
        if problem is not None:
            raise self._error(node, problem, "what Python makes of it, unchanged")

    # Types

    def _number(self, node: ast.expr, known: Mapping[str, Value]) -> Term:
        return self._as_number(node, self._value(node, known))

    def _as_number(self, node: ast.expr, value: Value) -> Term:
        if isinstance(value, Term) and value.sort is int:
            return value
        raise self._error(node, f"{ast.unparse(node)} is not a whole number", "numbers; members with 'is'")

    def _truth(self, node: ast.expr, known: Mapping[str, Value]) -> Term:
        value = self._value(node, known)
        if isinstance(value, Term) and value.sort is bool:
            return value
        raise self._error(node, f"{ast.unparse(node)} is not True or False", "a comparison")


def read_definition(reader: RuleReader, source: RuleSource, result: type, arguments: Sequence[Value]) -> Value:
    """The result of a definition that no code runs, such as a policy, for these arguments. Raises ``UnreadableRule``.

    It may use the names that ``source`` has, and call the rules that the reader may call.
    """
    return _Function(reader, source, result).apply(arguments)


def _type(value: Value) -> type:
    return value.sort if isinstance(value, Term) else value.kind


def _is_builtin(called: object, name: str) -> TypeGuard[BuiltinFunctionType]:
    """Whether an object is Python's own function of this name, whatever the name stands for now."""
    return type(called) is BuiltinFunctionType and called.__self__ is builtins and called.__name__ == name


def _is_function(called: object) -> bool:
    return type(called) is FunctionType


def _is_member(value: Value) -> TypeGuard[Term]:
    return isinstance(value, Term) and issubclass(value.sort, StrEnum)


def _returns(body: Sequence[ast.stmt]) -> bool:
    """Whether every path through a block returns."""
    if not body:
        return False
    last = body[-1]
    return isinstance(last, ast.Return) or (isinstance(last, ast.If) and _returns(last.body) and _returns(last.orelse))
