"""The source of a rule, after a check that it is the source of the code that runs."""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
import traceback
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, NamedTuple, TypeGuard, cast

from domain.errors import InternalError, NilometerError
from domain.rule import Rule

_LONGEST_SHOWN: Final = 160
"""Characters of a line that are shown at most."""
_OWN: Final = ("rules.symbolic.", "rules.policies.")
"""The modules of the reader: what they raise, no rule raised."""


class UnreadableRule(NilometerError):
    """A rule is outside the subset that can be read. The message has location and line, the hint what to write."""


@dataclass(frozen=True, slots=True)
class RuleSource:
    """The definition of a function, with the file that it is in."""

    function: FunctionType
    tree: ast.FunctionDef
    file: str
    names: Mapping[str, Any]
    """The global names of the running function, and their values."""

    @property
    def location(self) -> str:
        """File and line of the definition, as ``domain/resizing.py:118``: the same wherever it is installed."""
        return f"{self.function.__module__.replace('.', '/')}.py:{self.tree.lineno}"

    @property
    def module(self) -> ModuleType:
        """The module that defines the function."""
        return sys.modules[self.function.__module__]

    def error(self, node: ast.AST, why: str, instead: str) -> UnreadableRule:
        """The error for a node of the source, with its line and a caret under it."""
        return error_at(self.file, getattr(node, "lineno", 1), why, instead, getattr(node, "col_offset", 0))


@contextmanager
def refusing(source: RuleSource) -> Generator[None]:
    """While objects of a program are looked at that may do anything then: if they raise, the rule is refused.

    So is one that is too much for CPython. Anything else that is raised says nothing about the rule: raises
    ``InternalError`` with its place.
    """
    try:
        yield
    except (UnreadableRule, InternalError):
        raise
    except RecursionError:
        raise source.error(source.tree, "this is nested too deeply to be read", "several smaller ones") from None
    except MemoryError:
        why = "there is not enough memory while it is read"
        raise source.error(source.tree, why, "several smaller ones, or read it where there is more memory") from None
    except (Exception, SystemExit) as error:
        if not _is_raised_outside(error):
            what = f"the reader of rules failed at {source.location}, {source.tree.name}: {type(error).__name__}"
            raise InternalError(f"{what}: {error}") from error
        what = f"something that it uses raises {type(error).__name__} when it is looked at"
        raise source.error(source.tree, what, "plain functions, records and enums") from error


def _is_raised_outside(error: BaseException) -> bool:
    """Whether code of the program that is read took part in an exception: neither Python's library nor the reader."""
    frames = (str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith(_OWN) for name in frames)


def error_at(file: str, row: int, why: str, instead: str, column: int = 0) -> UnreadableRule:
    """The error for a place in a file, with its line and a caret under it."""
    line = linecache.getline(file, row).rstrip("\n")
    indent = len(line.encode()[:column].decode(errors="replace"))
    return UnreadableRule(f"{file}:{row}:{column + 1}: {why}\n{point_at(line, indent)}", hint=instead)


def point_at(line: str, indent: int) -> str:
    """A line, and under it a caret at what is wrong; of a long one, only what is near."""
    if len(line) > _LONGEST_SHOWN:
        begin = max(0, indent - _LONGEST_SHOWN // 2)
        before, after = "…" if begin else "", "…" if begin + _LONGEST_SHOWN < len(line) else ""
        line, indent = f"{before}{line[begin : begin + _LONGEST_SHOWN]}{after}", indent - begin + len(before)
    return f"  {line}\n  {' ' * indent}^"


class _Module(NamedTuple):
    """A module as it is written."""

    file: str
    tree: ast.Module
    codes: dict[tuple[str, int], CodeType]
    """The code of each function, by its qualified name and first line."""
    functions: dict[tuple[str, int], ast.FunctionDef]
    """The definition of each function, by its name and first line, which may be that of a decorator."""


@cache
def _module(file: str) -> _Module:
    text = "".join(linecache.getlines(file))
    try:
        tree = ast.parse(text, file)
    except (SyntaxError, ValueError):  # it was changed since it was loaded, so nothing in it is what runs
        text, tree = "", ast.Module(body=[], type_ignores=[])
    codes: dict[tuple[str, int], CodeType] = {}

    def collect(code: CodeType) -> None:
        for inner in code.co_consts:
            if isinstance(inner, CodeType):
                codes[inner.co_qualname, inner.co_firstlineno] = inner
                collect(inner)

    collect(compile(text, file, "exec", dont_inherit=True))
    functions = {
        (node.name, min([node.lineno, *[decorator.lineno for decorator in node.decorator_list]])): node
        for node in statements(tree)
        if isinstance(node, ast.FunctionDef)
    }
    return _Module(file=file, tree=tree, codes=codes, functions=functions)


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Every statement inside a node, and the nodes that have statements as their parts, but no expressions."""
    waiting = [node]  # no recursion: a module that rules stand in may be nested more deeply than Python can follow
    while waiting:
        for part in ast.iter_child_nodes(waiting.pop()):
            if not isinstance(part, ast.expr):
                yield part
                waiting.append(part)


def tree_of(module: ModuleType) -> ast.Module:
    """The syntax tree of the file of a module that has one."""
    return _module(file_of(module)).tree


def file_of(module: ModuleType) -> str:
    """The file in which a module that has one is written."""
    return inspect.getsourcefile(module) or cast("str", module.__file__)


def has_file(module: object) -> TypeGuard[ModuleType]:
    """Whether something is a module that comes from a file."""
    return issubclass(type(module), ModuleType) and isinstance(vars(module).get("__file__"), str)


def loaded_module(name: object) -> object:
    """What is loaded under the name of a module; ``None`` if nothing is."""
    return sys.modules.get(name) if isinstance(name, str) else None


@cache
def source_of(rule: Rule) -> RuleSource:
    """The definition of a function. Raises ``UnreadableRule`` if the file differs from the loaded code."""
    function = cast("FunctionType", rule)
    code = function.__code__
    name, row, loaded = function.__qualname__, code.co_firstlineno, loaded_module(function.__module__)
    if not has_file(loaded):
        what = f"{name} is of no module that has a file"
        raise error_at(code.co_filename, row, what, "a function that is written in the file of its module")
    module = _module(file_of(loaded))
    if code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        raise error_at(module.file, row, f"{name} answers a coroutine", "def instead of async def")
    if code.co_flags & inspect.CO_GENERATOR:
        raise error_at(module.file, row, f"{name} answers a generator", "return instead of yield")
    written = module.codes.get((code.co_qualname, row))
    node = module.functions.get((function.__name__, row))
    if written is None or node is None or not same_code(written, code):
        again = "start again, so that what is written is loaded; if it was patched at run time, it cannot be read"
        raise error_at(module.file, row, f"{name} runs as something else than is written there", again)
    return RuleSource(function=function, tree=node, file=module.file, names=function.__globals__)


def same_code(one: CodeType, other: CodeType) -> bool:
    """Whether two pieces of code do the same: they are equal but for their line numbers."""
    return (
        one.co_code == other.co_code
        and one.co_exceptiontable == other.co_exceptiontable
        and _same_constants(one.co_consts, other.co_consts)
        and one.co_names == other.co_names
        and one.co_varnames == other.co_varnames
        and one.co_freevars == other.co_freevars
        and one.co_cellvars == other.co_cellvars
        and one.co_argcount == other.co_argcount
        and one.co_posonlyargcount == other.co_posonlyargcount
        and one.co_kwonlyargcount == other.co_kwonlyargcount
        and one.co_flags == other.co_flags
    )


def _same_constants(one: object, other: object) -> bool:
    """Whether constants are equal and of the same types: ``1``, ``1.0`` and ``True`` are equal, but differ."""
    if type(one) is not type(other):
        return False
    match one, other:
        case CodeType(), CodeType():
            return same_code(one, other)
        case int(), int():  # one that is long has no text
            return one == other
        case tuple(), tuple():
            items, others = cast("tuple[object, ...]", one), cast("tuple[object, ...]", other)
            return len(items) == len(others) and all(map(_same_constants, items, others))
        case frozenset(), frozenset():
            members = cast("frozenset[object]", one), cast("frozenset[object]", other)
            return sorted(map(repr, members[0])) == sorted(map(repr, members[1]))
        case _:
            return repr(one) == repr(other)
