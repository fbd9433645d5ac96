"""Server-sent events: what is recorded while somebody looks. The id of each is the ledger's position."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from nilometer.cli.serving.guard import problem
from nilometer.cli.serving.live import LiveLedger, NewEvent

MOST_FOLLOWERS: Final = 32
_STILL_HERE_SECONDS: Final = 15.0


class Wakeups:
    """Wakes everybody who waits for news, in the loop that answers."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self.is_ending = False

    def notify(self) -> None:
        """Says that something is new. May be called by any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def end(self) -> None:
        """Ends all streams."""
        self.is_ending = True
        self.notify()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """Waits for something new, at most so long. Gives whether there is."""
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return False
        return True


class EventStream:
    """Answers those who follow."""

    def __init__(self, live: LiveLedger, changes: Wakeups) -> None:
        self._live = live
        self._changes = changes
        self._followers = 0

    async def answer(self, request: Request) -> Response:
        """A stream of what is new: after the position that the visitor knows, or from now on."""
        if self._followers >= MOST_FOLLOWERS:
            refused = problem(503, f"{MOST_FOLLOWERS} pages follow this ledger already", "close one, or come again")
            refused.headers["retry-after"] = "30"
            return refused
        known = request.headers.get("last-event-id", request.query_params.get("after", ""))
        after = int(known) if known.isascii() and known.isdecimal() and len(known) < 16 else self._live.position
        return StreamingResponse(
            self._stream(after), media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    async def _stream(self, after: int) -> AsyncIterator[str]:
        self._followers += 1
        last_problem, generation = None, self._live.generation
        try:
            yield "retry: 2000\n\n"
            while not self._changes.is_ending:
                last = self._live.position
                for news in [news for news in list(self._live.news) if news.position > after]:
                    yield _event("recorded", news.position, _document(news))
                if last > after or self._live.generation != generation:
                    after, generation = max(after, last), self._live.generation
                    yield _event("read", last, {"position": last})
                message = None if self._live.problem is None else self._live.problem.message
                if message != last_problem:
                    last_problem = message
                    yield _event("problem", after, {"message": message})
                if not await self._changes.wait(_STILL_HERE_SECONDS):
                    yield ": still here\n\n"
        finally:
            self._followers -= 1


def _document(news: NewEvent) -> dict[str, object]:
    return {"position": news.position, "time": news.time, "subject": news.subject, "says": news.says}


def _event(kind: str, id: int, data: object) -> str:
    return f"event: {kind}\nid: {id}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
