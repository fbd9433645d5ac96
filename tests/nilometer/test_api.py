"""The Python API: what ``from nilometer import …`` gives, frozen, and loaded only when it is used."""

from __future__ import annotations

import builtins
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Final, NewType

import nilometer

GOLDEN: Final = Path(__file__).parent / "goldens" / "api.txt"
PUBLIC: Final = sorted(name for name in dir(nilometer) if not name.startswith("_"))
KNOWN: Final = {*PUBLIC, *dir(builtins), "Iterator", "Literal", "Sequence", "datetime"}
HEAVY: Final = ("pydantic", "eventsourcing", "sqlite3", "psycopg", "z3", "rich", "click")


def test_what_the_package_gives_stays() -> None:
    """``NILO_GOLDENS=write pytest …`` writes the golden anew: each change of it is one that users notice."""
    text = "\n".join(line for name in PUBLIC for line in describe(name, getattr(nilometer, name))) + "\n"
    if os.environ.get("NILO_GOLDENS") == "write":
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def describe(name: str, value: object) -> Iterator[str]:
    """A public name and what can be done with it, a line each."""
    if isinstance(value, type) and issubclass(value, Enum):
        yield f"{name}: {', '.join(str(member.value) for member in value)}"
    elif isinstance(value, type):
        bases = [base.__name__ for base in value.__mro__[1:] if base.__name__ in KNOWN and base is not object]
        yield f"{name}{signature(value)}" + (f" is {', '.join(bases)}" if bases else "")
        unlisted = [
            base for base in value.__mro__ if base.__module__.startswith("nilometer.") and base.__name__ not in KNOWN
        ]
        members = {name: held for part in (*reversed(unlisted), value) for name, held in vars(part).items()}
        for attribute, held in sorted(members.items()):
            if attribute.startswith("_"):
                continue
            if isinstance(held, property):
                assert held.fget is not None
                yield f"    {attribute}: {returned(held.fget)}"
            elif isinstance(held, classmethod | staticmethod) or callable(held):
                yield f"    {attribute}{signature(getattr(value, attribute))}"
    elif isinstance(value, NewType):
        yield f"{name}: {value.__supertype__.__name__}"
    elif callable(value):
        yield f"{name}{signature(value)}"
    else:  # a union
        yield f"{name}: {', '.join(sorted(member.__name__ for member in getattr(value, '__args__', ())))}"


def signature(function: Callable[..., object]) -> str:
    """The signature of a callable, as text. A type that is not public is shown as ``…``."""
    shown = inspect.signature(function)
    parameters = [
        parameter
        if parameter.annotation is inspect.Parameter.empty
        else parameter.replace(annotation=Text(public(parameter.annotation)), default=named(parameter.default))
        for parameter in shown.parameters.values()
    ]
    shown = inspect.Signature(parameters)
    return str(shown) if isinstance(function, type) else f"{shown} -> {returned(function)}"


class Text(str):
    """A text that stands in a signature without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def named(default: object) -> object:
    """A default as it is written: a function by its name."""
    return Text(default.__name__) if inspect.isfunction(default) else default


def returned(function: Callable[..., object]) -> str:
    """The type that a callable gives back."""
    return public(inspect.signature(function).return_annotation)


def public(annotation: str) -> str:
    """A type as it is written."""
    return re.sub(r"[A-Za-z_]+", lambda word: word[0] if word[0] in KNOWN else "…", annotation)


def test_all_names_come_with_a_star_and_stand_in_dir() -> None:
    names: dict[str, object] = {}
    exec("from nilometer import *", names)
    names.pop("__builtins__")
    assert sorted(names) == PUBLIC


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(nilometer, "Ledgre")


def test_importing_the_package_loads_no_library() -> None:
    code = f"import sys, nilometer; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
