"""Memory settings among the arguments of a refused command: they are written as people write them, in two ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from domain.settings import MemorySetting, Mode
from domain.shapes import write_memory
from nilometer.audit.expected.parts import Part, Path
from rules.symbolic import terms
from rules.symbolic.terms import ZERO, Term, constant
from rules.symbolic.values import SymbolicRecord

SETTINGS: Final[tuple[Mapping[str, Term], ...]] = (
    {"memory.mode": constant(Mode.DYNAMIC)},
    {"memory.mode": constant(Mode.STATIC)}
    | {f"memory.{name}": ZERO for name in ("minimum", "maximum", "buffer", "weight")},
)
"""What is known of a setting that is an argument, by the way in which it is written."""


def setting_as_written(setting: SymbolicRecord) -> Mapping[str, Part]:
    """A setting of a known mode as ``write_memory`` writes it."""
    return {mode: {key: setting[name] for key, name in names.items()} for mode, names in _names_in(setting).items()}


def claims_of_setting(setting: SymbolicRecord, place: Path) -> dict[str, Path]:
    """Where the figures of a setting of a known mode stand that is written in a place."""
    return {
        f"memory.{name}": (*place, mode, key)
        for mode, names in _names_in(setting).items()
        for key, name in names.items()
    }


def _names_in(setting: SymbolicRecord) -> Mapping[str, Mapping[str, str]]:
    """The figure of a setting that stands under each name, by the mode under which they stand."""
    figures = {name: number for number, name in enumerate(MemorySetting.__slots__) if name != "mode"}
    mode = cast("Mode", terms.value_of(setting.term("mode")))
    written = write_memory(MemorySetting(mode=mode, **figures))
    names = {number: name for name, number in figures.items()}
    return {mode: {key: names[number] for key, number in part.items()} for mode, part in written.items()}
