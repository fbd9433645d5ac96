"""An audit that was made before, read from what ``nilo audit --format json`` printed."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from domain.errors import InputError
from nilometer.audit.result import Audit
from nilometer.audit.wording import format_message
from rules.judging.findings import At, Figure, Finding, RuleCoverage, Verdict

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
    """Reads an audit of one history. Raises ``InputError`` for what is none, or is of several histories."""
    try:
        document: dict[str, Any] = json.loads(Path(file).read_text("utf-8"))
        histories: list[dict[str, Any]] = document["about"]["histories"]
        if len(histories) != 1:
            raise InputError(f"{file}: it is an audit of {len(histories)} histories", hint="audit each for itself")
        source = cast("str", histories[0]["ledger"])
        audit = Audit(minor=True)
        for found in document["findings"]:
            audit.add(_finding(found), source)
        for checked in document["checked"]:
            audit.coverage.rules[checked["rule"]] = RuleCoverage(
                holds=checked["holds"],
                violated=checked["violated"],
                unknown=checked["unknown"],
                remarks=checked["remarks"],
            )
        audit.coverage.events = document["events"]
        return ReadAudit(audit, source, histories[0]["last"]["position"])
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}", hint=_HINT) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{file}: it is no audit", hint=_HINT) from None


def _finding(found: dict[str, Any]) -> Finding:
    place = "" if found["file"] is None else f"{found['file']}:{found['line']}"
    finding = Finding(
        rule=found["rule"],
        verdict=Verdict(found["verdict"]),
        at=At(
            stream=found["subject"],
            position=found["position"],
            happened=found["time"],
            place=place,
            record=found["record"],
        ),
        why="",
        expected=cast("dict[str, Figure]", found["expected"]),
        found=cast("dict[str, Figure]", found["found"]),
        let=cast("dict[str, Figure]", found["let"]),
        then=found["then"],
        follows=found["follows"],
        count=found["count"],
        positions=tuple(found["positions"]),
    )
    return replace(finding, why=cast("str", found["message"]).removesuffix(format_message(finding)))
