"""Puts a wrong file in the place of the right one in a process that has loaded it: its functions get other code."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Final

from mutants.glue.changes import WrongFile
from mutants.places import ROOT

OURS: Final = ("domain", "rules", "projections", "nilometer", "tests")


@lru_cache
def _forgettable() -> None:
    """Has the type of all functions that keep their results."""


class Loaded:
    """What is loaded now, and what a wrong file takes the place of: found once, used in each fork."""

    def __init__(self, files: Collection[str]) -> None:
        paths = {str(ROOT / file): file for file in files}
        self.functions: dict[str, list[FunctionType]] = {file: [] for file in files}
        """The functions of each file: those of modules and classes, and those that other functions made."""
        self.forget: list[Callable[[], None]] = []
        """Makes functions of the program and its tests forget the results that they keep."""
        gc.unfreeze()  # else what was loaded before somebody froze it would not be listed
        for found in gc.get_objects():
            if isinstance(found, FunctionType) and found.__code__.co_filename in paths:
                self.functions[paths[found.__code__.co_filename]].append(found)
            elif isinstance(found, type(_forgettable)) and found.__module__.partition(".")[0] in OURS:
                self.forget.append(found.cache_clear)


def put_in_place(wrong: WrongFile, loaded: Loaded) -> bool:
    """Gives functions the code of a wrong file. Returns whether that is all the change: what has run already is not.

    Forgets what functions of the program keep of their results, for the right ones may have made them.
    """
    right, changed = (
        compile(tree, str(ROOT / wrong.file), "exec", dont_inherit=True) for tree in (wrong.right, wrong.tree)
    )
    if [*_run_at_import(right)] != [*_run_at_import(changed)]:
        return False
    codes = {(code.co_qualname, code.co_firstlineno): code for code in _functions(changed)}
    if len(codes) != len([*_functions(changed)]):
        return False  # two functions of one name begin in one line
    found = 0
    for function in loaded.functions[wrong.file]:
        code = codes.get((function.__code__.co_qualname, function.__code__.co_firstlineno))
        if code is None or code.co_freevars != function.__code__.co_freevars:
            return False
        if code != function.__code__:
            function.__code__ = code
            found += 1
    for forget in loaded.forget:
        forget()
    return found > 0


def _run_at_import(code: CodeType) -> Iterator[tuple[object, ...]]:
    """What a module and its classes run when they are loaded, without the functions that they define."""
    plain = tuple(each for each in code.co_consts if not isinstance(each, CodeType))
    yield code.co_name, code.co_code, plain, code.co_names
    for each in code.co_consts:
        if isinstance(each, CodeType) and not each.co_flags & inspect.CO_OPTIMIZED:
            yield from _run_at_import(each)


def _functions(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            if each.co_flags & inspect.CO_OPTIMIZED:
                yield each
            yield from _functions(each)
