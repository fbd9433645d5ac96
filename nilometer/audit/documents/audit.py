"""An audit that was made before, read from what ``nilo audit --format json`` printed."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from domain.errors import InputError
from nilometer.audit.documents.finding import Json, read_coverage, read_finding
from nilometer.audit.documents.schema import find_problem, published_schema
from nilometer.audit.result import Audit
from nilometer.audit.wording import format_message
from rules.judging.findings import Finding

_HINT = "it is what this prints: nilo audit --all --format json"


@dataclass(frozen=True, slots=True)
class ReadAudit:
    """An audit, and how far it judged its history."""

    audit: Audit
    source: str
    """The ledger that it is of."""
    last: int
    """The position of the last event that it judged."""


def read_audit(file: str) -> ReadAudit:
    """Reads an audit of one history. Raises ``InputError`` for what is none, and for one of several histories."""
    try:
        document = cast("Json", json.loads(Path(file).read_text("utf-8")))
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}", hint=_HINT) from None
    except (ValueError, RecursionError):
        raise InputError(f"{file}: it is not an audit", hint=_HINT) from None
    problem = find_problem(document, published_schema("audit"))
    if problem is not None:
        raise InputError(f"{file}: it is not an audit: {problem}", hint=_HINT)
    histories: list[Json] = document["about"]["histories"]
    if len(histories) != 1:
        raise InputError(f"{file}: it is an audit of {len(histories)} histories", hint="audit each for itself")
    source = cast("str", histories[0]["ledger"])
    audit = Audit(minor=True)
    for found in document["findings"]:
        audit.add(_read_finding(found), source)
    for checked in document["checked"]:
        audit.coverage.rules[checked["rule"]] = read_coverage(checked)
    audit.coverage.events = document["events"]
    return ReadAudit(audit, source, histories[0]["last"]["position"])


def _read_finding(found: Json) -> Finding:
    finding = read_finding(found, "" if found["file"] is None else f"{found['file']}:{found['line']}")
    return replace(finding, why=cast("str", found["message"]).removesuffix(format_message(finding)))
