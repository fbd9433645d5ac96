"""What runs, as a hash: of the code, constants and classes that are in memory, and of the files that they come from.

No time stamp counts. Code that somebody changed while it runs, in its file, or in what Python compiled of it, has
another hash. It is the same in every process that runs the same code from the same files.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import Enum
from hashlib import sha256
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Final, cast

from domain.rule import rule

PROGRAM: Final = (rule.__module__.removesuffix("rule"), __name__.removesuffix("symbolic.running"))
"""What the names of the program's modules begin with, here and as installed."""

_NO_MEANING: Final = frozenset(("__dict__", "__weakref__", "__doc__", "__builtins__", "__spec__", "__loader__"))
"""Attributes that change nothing of what a class or module does."""


def hash_running(roots: Iterable[str]) -> str:
    """The SHA-256 of modules that are loaded, and of all of the program that their names lead to."""
    hashed = sha256(sys.version.encode())
    for name in _reached(roots):
        module = sys.modules[name]
        for line in (f"module {name}", *_lines_of_module(module)):
            hashed.update(f"\n{line}".encode())
        for file in (module.__file__, module.__cached__):
            with suppress(OSError, TypeError):
                hashed.update(sha256(Path(file or "").read_bytes()).digest())
    return hashed.hexdigest()


def _reached(roots: Iterable[str]) -> list[str]:
    """The modules of the program that the names in modules lead to, and the names in these, and so on."""
    found = set(roots)
    waiting = [*found]
    while waiting:
        for value in vars(sys.modules[waiting.pop()]).values():
            name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            if isinstance(name, str) and name.startswith(PROGRAM) and name not in found and name in sys.modules:
                found.add(name)
                waiting.append(name)
    return sorted(found)


def _lines_of_module(module: ModuleType) -> Iterator[str]:
    for name, value in sorted(vars(module).items()):
        if name in _NO_MEANING:
            continue
        yield f"{name} {_describe(value)}"
        if getattr(value, "__module__", None) != module.__name__:
            continue  # it is hashed where it is defined
        if isinstance(value, type):
            yield from _lines_of_class(value)
        else:
            yield from map(_describe_code, _functions_of(value))


def _lines_of_class(kind: type) -> Iterator[str]:
    yield f"bases {_describe(kind.__mro__)}"
    for name, value in vars(kind).items():  # in the order in which fields and members are defined
        if name not in _NO_MEANING and not name.startswith("_abc_"):
            yield f"  {name} {_describe(value)}"
            yield from map(_describe_code, _functions_of(value))


def _functions_of(value: object) -> Iterable[FunctionType]:
    """The functions in which the code of a function, a method or a property is."""
    inner = getattr(value, "__wrapped__", None)  # of a cache, and of a static or class method
    if isinstance(value, property):
        return [one for one in (value.fget, value.fset, value.fdel) if isinstance(one, FunctionType)]
    if isinstance(value, FunctionType):
        return [value]
    return [inner] if isinstance(inner, FunctionType) else []


def _describe_code(function: FunctionType) -> str:
    return f"code {_describe(function.__defaults__)} {_describe(function.__code__)}"


def _describe(value: object) -> str:
    """A value by what does not change while the program runs: no address in memory, and no state of a container."""
    match value:
        case bool() | int() | str() | bytes() | float() | None if not isinstance(value, Enum):
            return f"{type(value).__name__} {value!r}"
        case Enum():
            return f"member {type(value).__qualname__}.{value.name} {value.value!r}"
        case FunctionType() | type():
            return f"{type(value).__name__} {value.__module__}.{value.__qualname__}"
        case CodeType():
            return str(_parts_of_code(value))
        case tuple():
            return f"tuple {[_describe(item) for item in cast('tuple[object, ...]', value)]}"
        case frozenset():
            return f"frozenset {sorted(_describe(item) for item in cast('frozenset[object]', value))}"
        case _:
            return f"{type(value).__module__}.{type(value).__qualname__}"


def _parts_of_code(code: CodeType) -> list[object]:
    return [
        code.co_qualname,
        code.co_code.hex(),
        code.co_exceptiontable.hex(),
        [_describe(constant) for constant in code.co_consts],
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags),
    ]
