"""What a rule may be written in: total functions over whole numbers, booleans, enum members and frozen records.

A guard, not a reader: it walks the ``ast`` of a rule, gives every expression a type, and refuses whatever it does not
know, with its place and what to write instead. Allowed are ``+ -``, ``*`` by a constant, ``// %`` by a positive
constant, comparisons of whole numbers, ``is`` on enums, ``and or not`` on booleans, ``if``, ``return``, local names,
``min``, ``max``, ``dataclasses.replace``, records, and calls of other rules.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from tests.domain.subset_expressions import Scope
from tests.domain.subset_types import Function, Type, is_value_type, type_name

Rule = Callable[..., object]


@dataclass(frozen=True)
class Offence:
    """Something in a rule that is outside the subset."""

    file: str
    line: int
    column: int
    """From 1, as editors count."""
    text: str
    why: str

    def __str__(self) -> str:
        caret = " " * (self.column - 1) + "^"
        return f"{self.file}:{self.line}:{self.column}: {self.why}\n    {self.text}\n    {caret}"


def offences(rule: Rule, rules: Collection[Rule]) -> list[Offence]:
    """Everything in ``rule`` that is outside the subset, if ``rules`` are all the rules there are."""
    return _Reader(rule, rules).read()


def cycles(rules: Collection[Rule]) -> list[str]:
    """The rules that come to call themselves: they would be loops."""
    calls = {rule: set(_Reader(rule, rules).called()) for rule in rules}
    reached = {rule: set(called) for rule, called in calls.items()}
    for _ in rules:
        reached = {rule: set().union(seen, *(calls[each] for each in seen)) for rule, seen in reached.items()}
    return sorted(rule.__qualname__ for rule, seen in reached.items() if rule in seen)


class _Reader:
    """Reads one rule: its signature and its statements. Expressions are ``subset_expressions``' business."""

    def __init__(self, rule: Rule, rules: Collection[Rule]) -> None:
        self.function = Function(rule, rules)
        lines, self.first = inspect.getsourcelines(rule)
        self.lines = lines
        self.indent = len(lines[0]) - len(lines[0].lstrip())
        [self.tree] = ast.parse(textwrap.dedent("".join(lines))).body
        self.file = inspect.getsourcefile(rule) or "?"
        self.found: list[Offence] = []

    def refuse(self, node: ast.AST, why: str) -> None:
        """Notes an offence at a node."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        text = self.lines[line - 1].rstrip("\n")
        offence = Offence(self.file, self.first + line - 1, column + self.indent + 1, text, why)
        if offence not in self.found:
            self.found.append(offence)

    def called(self) -> Iterator[Rule]:
        """The rules that this one calls, or asks as properties."""
        return iter(self.function.called if self.read() == [] else ())

    def read(self) -> list[Offence]:
        tree = self.tree
        if not isinstance(tree, ast.FunctionDef):
            self.refuse(tree, "write a rule as a plain `def`")
            return self.found
        names = [decorator.id if isinstance(decorator, ast.Name) else "" for decorator in tree.decorator_list]
        if names not in (["rule"], ["property", "rule"]):
            self.refuse(tree, "decorate it with `@rule` alone, or with `@property` above it")
        if not ast.get_docstring(tree):
            self.refuse(tree, "write a docstring that says to an operator what it decides")
        parameters = self._parameters(tree)
        self.returns = self.function.hints.get("return")
        if not is_value_type(self.returns):
            self.refuse(tree, "return a whole number, a boolean, an enum member or a frozen record, and say which")
        body = tree.body[1:] if ast.get_docstring(tree) else tree.body
        scope = Scope(self.function, parameters, self.refuse)
        if not self._block(body, scope):
            self.refuse(tree, "return on every path: a rule is total")
        return self.found

    def _parameters(self, tree: ast.FunctionDef) -> dict[str, Type]:
        arguments = tree.args
        odd = [*arguments.posonlyargs, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        for argument in odd:
            if argument is not None:
                self.refuse(argument, "take plain parameters only, without `*` and `/`")
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                self.refuse(default, "take no default: every caller says what it means")
        types: dict[str, Type] = {}
        for argument in arguments.args:
            given = self.function.owner if argument.arg == "self" else self.function.hints.get(argument.arg)
            if not is_value_type(given):
                self.refuse(argument, "say of a parameter that it is int, bool, an enum or a frozen record")
            types[argument.arg] = given
        return types

    def _block(self, statements: list[ast.stmt], scope: Scope) -> bool:
        """Reads statements; whether every path through them returns."""
        for place, statement in enumerate(statements):
            if self._statement(statement, scope):
                if place + 1 < len(statements):
                    self.refuse(statements[place + 1], "leave out what is never reached")
                return True
        return False

    def _statement(self, statement: ast.stmt, scope: Scope) -> bool:
        match statement:
            case ast.Return(value=ast.expr() as value):
                found = scope.type_of(value)
                if found is not None and self.returns is not None and found is not self.returns:
                    self.refuse(value, f"return {type_name(self.returns)}, not {type_name(found)}")
                return True
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found = scope.type_of(value)
                if name in scope.names:
                    self.refuse(statement, f"give the new value a name of its own: {name!r} has one already")
                scope.names[name] = found
                return False
            case ast.If(test=test, body=body, orelse=orelse):
                scope.expect(test, bool, "`if` asks a boolean: write the comparison out, as `x > 0` or `x is A`")
                yes, no = scope.branch(), scope.branch()
                returned = self._block(body, yes), self._block(orelse, no)
                scope.join(*(each for each, gone in zip((yes, no), returned, strict=True) if not gone))
                return all(returned)
            case _:
                self.refuse(statement, STATEMENTS.get(type(statement), "write only `if`, `return` and local names"))
                return False


STATEMENTS: dict[type[ast.stmt], str] = {
    ast.For: "no loops: a rule speaks of one host and one VM",
    ast.While: "no loops: a rule speaks of one host and one VM",
    ast.Try: "no exceptions: a rule is total, so nothing can be raised",
    ast.Raise: "no exceptions: return a decision with a code",
    ast.Assert: "no exceptions: return a decision with a code",
    ast.With: "no context managers: a rule only computes",
    ast.AugAssign: "no changes in place: give the new value a name of its own",
    ast.AnnAssign: "leave the annotation out: the type of a local name is that of its value",
    ast.Assign: "assign to one plain name; of records use `replace`",
    ast.Expr: "leave out a value that nobody uses",
    ast.Return: "return a value: there is no None",
    ast.Pass: "leave `pass` out",
    ast.Match: "write `match` as `if x is A:`",
    ast.FunctionDef: "no functions in functions: write a rule beside this one",
    ast.Import: "import at the top of the file",
    ast.ImportFrom: "import at the top of the file",
    ast.Global: "no globals: take a parameter",
    ast.Nonlocal: "no globals: take a parameter",
    ast.Delete: "no changes in place",
}
