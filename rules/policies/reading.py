"""Reads a file of policies: functions in the subset of Python in which rules are written. Nothing of it is run.

    @scope(vms="db*")
    def db_keeps_8_gib(vm: Vm) -> bool:
        \"\"\"A db VM never has less than 8 GiB, unless it is off.\"\"\"
        return vm.power is Power.OFF or vm.assigned >= 8 * GiB

Anything outside the subset is an error with its place, never skipped.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType
from typing import Final, cast

from domain.errors import InputError
from domain.state import Host, Vm
from rules.policies import vocabulary
from rules.policies.compiling import compile_condition, compile_measure
from rules.policies.policy import ALL, Policy, PolicyScope
from rules.symbolic.reader import RuleReader, read_definition
from rules.symbolic.source import RuleSource, UnreadableRule
from rules.symbolic.values import SymbolicRecord, as_term
from rules.transitions.vm_commands import SITE

LONGEST: Final = 2**20
"""Bytes of a file of policies at most."""
_TYPES: Final = {"Vm": ("vm", Vm), "Host": ("host", Host)}
_MODULE: Final = "nilometer.policy"
"""What a file may import from, for an editor: the names are there without it."""
_EXAMPLE: Final = "def tenth_stays_free(host: Host) -> bool:, with a docstring and a return"
_SCOPES: Final = ("vms", "hosts")


@dataclass(frozen=True, slots=True)
class PolicyText(RuleSource):
    """The definition of a policy in a text, which is no module."""

    lines: tuple[str, ...] = ()

    @property
    def location(self) -> str:
        """File and line."""
        return f"{self.file}:{self.tree.lineno}"

    def error(self, node: ast.AST, why: str, instead: str) -> UnreadableRule:
        """The error for a node of the text, with its line and a caret under it."""
        return _error(self.file, self.lines, node, why, instead)


def read_policies(text: str, source: str) -> tuple[Policy, ...]:
    """The policies of a file. Raises ``InputError``, or ``UnreadableRule`` with place, reason and what to write."""
    if len(text) > LONGEST:
        raise InputError(f"{source}: over {LONGEST} characters are no file of policies", hint="keep it shorter")
    lines = tuple(text.splitlines())
    try:
        tree = ast.parse(text, source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        row = getattr(error, "lineno", None) or 1
        what = error.msg if isinstance(error, SyntaxError) else str(error)
        raise InputError(f"{source}:{row}: this is no Python: {what}", hint=f"write a function: {_EXAMPLE}") from None
    reader = RuleReader()
    policies: list[Policy] = []
    for node in _definitions(tree, source, lines):
        try:
            policy = _read(reader, node, source, lines)
            compile_condition(policy.term)
            compile_measure(policy.term)
        except (RecursionError, MemoryError):
            raise _error(source, lines, node, "a policy that is nested too deeply", "several smaller ones") from None
        if any(other.name == policy.name for other in policies):
            raise _error(source, lines, node, f"a second policy {policy.name!r}", "another name for another policy")
        policies.append(policy)
    if not policies:
        raise InputError(f"{source}: there is no policy", hint=f"write a function: {_EXAMPLE}")
    return tuple(policies)


def _definitions(tree: ast.Module, source: str, lines: tuple[str, ...]) -> Iterator[ast.FunctionDef]:
    """The functions of a file. A docstring and an import of the names that are there already are passed over."""
    for number, node in enumerate(tree.body):
        match node:
            case ast.FunctionDef():
                yield node
            case ast.Expr(value=ast.Constant(value=str())) if number == 0:
                pass
            case ast.ImportFrom(module="__future__", names=[ast.alias(name="annotations")], level=0):
                pass
            case ast.ImportFrom(module=module, names=names, level=0) if module == _MODULE:
                for alias in names:
                    if alias.asname is not None or alias.name not in (*vocabulary.__all__, "scope"):
                        raise _error(source, lines, node, f"{alias.name!r} is no name of policies", "names as they are")
            case _:
                what = f"a statement that a file of policies does not have ({type(node).__name__})"
                raise _error(source, lines, node, what, f"functions only: {_EXAMPLE}")


def _read(reader: RuleReader, node: ast.FunctionDef, source: str, lines: tuple[str, ...]) -> Policy:
    written = PolicyText(
        function=cast("FunctionType", vocabulary.stands_for_policies),
        tree=node,
        file=source,
        names=vars(vocabulary),
        lines=lines,
    )
    over: list[str] = []
    for argument in node.args.args:
        kind = argument.annotation.id if isinstance(argument.annotation, ast.Name) else ""
        if kind not in _TYPES or _TYPES[kind][0] in over:
            raise written.error(argument, "a parameter that is no VM and no host", "vm: Vm, host: Host, or one of each")
        over.append(_TYPES[kind][0])
    if not over:
        raise written.error(node, "a policy that speaks of nothing", "a parameter: vm: Vm, or host: Host")
    if not (isinstance(node.returns, ast.Name) and node.returns.id == "bool"):
        raise written.error(node, "a policy that does not answer True or False", "-> bool")
    scope = _read_scope(written, over)
    if any(
        isinstance(part, ast.Name | ast.Attribute | ast.arg | ast.keyword) and _named(part).startswith("__")
        for part in ast.walk(node)
    ):
        raise written.error(node, "a name with __ before it", "another name")
    arguments: list[SymbolicRecord] = [cast("SymbolicRecord", SITE[name]) for name in over]
    value = read_definition(reader, written, bool, arguments)
    begin = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return Policy(
        name=node.name,
        sentence=" ".join((ast.get_docstring(node) or "").split()),
        scope=scope,
        over=frozenset(over),
        term=as_term(value),
        text="\n".join(lines[begin - 1 : node.end_lineno]) + "\n",
        place=f"{source}:{node.lineno}",
    )


def _named(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
            return name
        case _:
            return ""


def _read_scope(written: PolicyText, over: list[str]) -> PolicyScope:
    """What ``@scope(vms="db*", hosts="hv*")`` says; without it, all."""
    node = written.tree
    if not node.decorator_list:
        return PolicyScope()
    first, *more = node.decorator_list
    instead = 'one @scope(vms="db*"), with texts'
    if more or not (isinstance(first, ast.Call) and isinstance(first.func, ast.Name) and first.func.id == "scope"):
        raise written.error(node.decorator_list[-1], "a decorator that is no scope", instead)
    if first.args or not first.keywords:
        raise written.error(first, "a scope that names nothing", instead)
    given: dict[str, tuple[str, ...]] = {"vms": (ALL,), "hosts": (ALL,)}
    for keyword in first.keywords:
        if keyword.arg not in _SCOPES or (keyword.arg == "vms" and "vm" not in over):
            raise written.error(keyword, "a scope that this policy does not have", "vms of a policy over a VM; hosts")
        given[keyword.arg] = tuple(_read_patterns(written, keyword.value))
    return PolicyScope(vms=given["vms"], hosts=given["hosts"])


def _read_patterns(written: PolicyText, node: ast.expr) -> Iterator[str]:
    parts = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
    if not parts:
        raise written.error(node, "a scope that names nothing", 'a text, as "db*"')
    for part in parts:
        if not (isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value.strip()):
            raise written.error(part, "a pattern that is no text", '"db*", or ("db*", "sql*")')
        yield part.value


def _error(source: str, lines: tuple[str, ...], node: ast.AST, why: str, instead: str) -> UnreadableRule:
    row, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
    line = lines[row - 1] if row <= len(lines) else ""
    indent = line.encode()[:column].decode(errors="replace")
    return UnreadableRule(f"{source}:{row}:{column + 1}: {why}\n  {line}\n  {' ' * len(indent)}^", hint=instead)
