"""Reads reports of changes, on each line one JSON object, with the names of the options of ``nilo record``.

``{"vm": "web07", "asked": "8GiB", "before": "4GiB", "after": "6GiB", "actor": "CONTOSO\\\\ops", "via": "powershell"}``
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from itertools import count
from typing import Any, Final, cast

from pydantic_core import SchemaValidator, ValidationError

from domain.errors import InputError
from domain.identifiers import UtcTime
from domain.quantities import MiB
from domain.shapes import Id, TypedSize
from nilometer.importers.manual import ReportedChange
from nilometer.ledger.typed_commands import describe_error
from nilometer.ledger.values import check_text
from nilometer.storage.schemas import SchemaBuilder
from nilometer.suggesting import did_you_mean
from nilometer.textio.identifying.kind import RECORD
from nilometer.textio.strict_json import parse_strict_json
from nilometer.textio.texts import ByteStream, read_lines
from nilometer.times import parse_time

EXAMPLE: Final = (
    'write one JSON object a line, such as {"vm": "web07", "asked": "8GiB", "before": "4GiB", "after": "6GiB"}'
)
_SIZES: Final = ("asked", "before", "after", "in_use")
_TEXTS: Final = ("actor", "via", "reason", "correlation", "key")


@dataclass(frozen=True, slots=True)
class TypedReport:
    """A report as it is typed. Sizes are bytes; what is ``None`` was not said."""

    vm: Id
    asked: TypedSize
    before: TypedSize
    after: TypedSize
    host: Id | None = None
    in_use: TypedSize | None = None
    error: str | None = None
    happened: str | None = None
    """As typed: with its zone."""
    actor: str | None = None
    via: str | None = None
    reason: str | None = None
    correlation: str | None = None
    key: str | None = None
    new: bool = False
    """Whether the VM may be one that the ledger does not know."""

    def to_change(self, now: UtcTime) -> ReportedChange:
        """Returns the change that is reported, as happening now if the report says nothing else."""
        return ReportedChange(
            vm=self.vm,
            asked=self.asked,
            before=self.before,
            after=self.after,
            happened=now if self.happened is None else parse_time(self.happened),
            error=self.error,
            in_use=self.in_use,
            host=self.host,
        )


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One line that is not blank: a report, or why there is none."""

    number: int
    report: TypedReport | None
    error: InputError | None


def read_reports(stream: ByteStream, source: str) -> Iterator[ReportLine]:
    """Reads the lines as they come. One that cannot be read has its error, with ``source:number``."""
    lines = read_lines(stream, source, RECORD)
    for number in count(1):
        try:
            _, content = next(lines)
        except StopIteration:
            return
        except InputError as error:
            yield ReportLine(number, None, error)
            continue
        if not content.strip():
            continue
        try:
            yield ReportLine(number, parse_report(_parse_object(content)), None)
        except InputError as error:
            wrong = InputError(f"{source}:{number}: {error.message}", hint=error.hint)
            yield ReportLine(number, None, wrong)


def _parse_object(content: bytes) -> dict[str, Any]:
    try:
        value = parse_strict_json(content, "")
    except InputError as error:
        raise InputError(error.message.removeprefix(": "), hint=EXAMPLE) from None
    if not isinstance(value, dict):
        raise InputError("is not a JSON object", hint=EXAMPLE)
    return cast("dict[str, Any]", value)


def parse_report(given: dict[str, Any]) -> TypedReport:
    """Reads a report from its keys as people type them.

    Raises ``InputError`` with the key and what to write instead.
    """
    known = [field.name for field in fields(TypedReport)]
    for key in given:
        if key not in known:
            raise InputError(
                f"{key!r} is not a key of a report", hint=did_you_mean(key, known, f"known: {', '.join(known)}")
            )
    for key in _TEXTS:
        if isinstance(given.get(key), str):
            try:
                check_text(given[key])
            except InputError as error:
                raise InputError(f"{key}: {error.message}", hint=error.hint) from None
    if not isinstance(given.get("new", False), bool):
        raise InputError(f"new: {given['new']!r} is neither true nor false", hint="write true, or leave it out")
    try:
        report = cast("TypedReport", _validator().validate_python(given))
    except ValidationError as error:
        what, hint = describe_error("a report", error.errors(include_url=False)[0])
        raise InputError(what, hint=hint) from None
    if report.error is not None and not report.error.strip():  # word for word: it may have many lines
        raise InputError("error: is empty", hint="give the message of the tool, or leave it out")
    for key in _SIZES:
        check_unit(key, given.get(key), getattr(report, key))
    if report.happened is not None:
        try:
            parse_time(report.happened)
        except InputError as error:
            raise InputError(f"happened: {error.message}", hint=error.hint) from None
    return report


def check_unit(name: str, typed: object, size: int | None) -> None:
    """Raises ``InputError`` for a size that is too small for bytes of memory: its unit is missing."""
    if size is not None and 0 < size < MiB and str(typed).isdecimal():
        raise InputError(f"{name}: {typed!r} has no unit, and is {size} bytes", hint=f"write {size}GiB or {size}MiB")


@cache
def _validator() -> SchemaValidator:
    return SchemaValidator(SchemaBuilder().build(TypedReport))
