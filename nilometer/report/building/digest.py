"""The digest: what is new since a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from domain.decision import Outcome
from domain.identifiers import UtcTime
from domain.observed.words import UNKNOWN_ACTOR
from nilometer.messages.sizes import plural
from nilometer.report.building.context import Context
from nilometer.report.building.fleet import asked_item, lacks_older
from nilometer.report.collected import Collected
from nilometer.report.data import AskedItem, Digest, FindingItem, Reference
from projections.requests import RequestCourse

MOST_REQUESTS: Final = 40
MOST_FINDINGS: Final = 20


def digest_since(context: Context, since: UtcTime, findings: Sequence[tuple[FindingItem, str | None]]) -> Digest:
    """What is new since a time; ``findings`` come with the time of their events."""
    recent = [course for course in context.collected.requests if since <= course.asked.metadata.happened <= context.at]
    remarkable = [course for course in reversed(recent) if _is_remarkable(course)]
    new = [item for item, happened in findings if item.verdict != "remark" and (happened or "") >= since]
    return Digest(
        span=context.clock.span(since, context.at),
        requests=tuple(_unlinked(asked_item(context, course)) for course in remarkable[:MOST_REQUESTS]),
        requests_count=len(recent),
        newest_only=_newest_only(context.collected, since),
        left_out=max(0, len(remarkable) - MOST_REQUESTS),
        findings=tuple(new[:MOST_FINDINGS]),
    )


def _newest_only(collected: Collected, since: UtcTime) -> str:
    if not lacks_older(collected, since):
        return ""
    return f"Of this history the newest {plural(len(collected.requests), 'request')} are kept: there were more."


def _unlinked(item: AskedItem) -> AskedItem:
    """A row whose words lead nowhere: the pages of the report are not in the digest."""
    return replace(item, vm=Reference(item.vm.words), event=Reference(item.event.words))


def _is_remarkable(course: RequestCourse) -> bool:
    return course.outcome is not Outcome.COMPLETED or course.asked.metadata.actor == UNKNOWN_ACTOR
