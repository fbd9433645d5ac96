"""The application: which address is answered by what."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import htpy
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from nilometer.cli.serving.api import Api
from nilometer.cli.serving.guard import SIGN_IN, Guard
from nilometer.cli.serving.live import LiveLedger
from nilometer.cli.serving.metrics import CONTENT_TYPE, format_metrics
from nilometer.cli.serving.openapi import description
from nilometer.cli.serving.pages import PageMaker
from nilometer.cli.serving.stream import EventStream, Wakeups
from nilometer.report.clocks import Clock24
from nilometer.report.pages.document import asset

_TYPES: Final = {"report.css": "text/css", "report.js": "text/javascript", "live.js": "text/javascript"}
_NOT_KEPT: Final = {"cache-control": "no-store"}


class Application:
    """The application and what it answers from."""

    def __init__(
        self, live: LiveLedger, clock: Clock24, *, hosts: Iterable[str], any_address: bool = False, token: str | None
    ) -> None:
        self._live = live
        self._site = PageMaker(live, clock, {name: f"/assets/{name}?{_digest(name)}" for name in _TYPES})
        self._changes: Wakeups | None = None
        self.app = Starlette(
            routes=[
                Route("/assets/{name}", self._asset),
                Route("/api/openapi.json", self._description),
                Route("/api/{command}", self._ask),
                Route("/events", self._follow),
                Route("/metrics", self._metrics),
                Route(SIGN_IN, self._sign_in),
                Route("/", self._page),
                Route("/{name}", self._page),
            ],
            middleware=[Middleware(Guard, hosts=hosts, any_address=any_address, token=token)],
            lifespan=self._lifespan,
        )
        self.app.router.redirect_slashes = False  # else the name that a visitor gave this server is told back

    def prepare(self) -> None:
        """Makes the first page, so that the first visitor does not wait for what is loaded with it."""
        self._site.page("", {})

    def end(self) -> None:
        """Ends all streams: else they would be waited for."""
        if self._changes is not None:
            self._changes.end()

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncGenerator[None]:
        self._changes = Wakeups()
        self._events = EventStream(self._live, self._changes)
        self._api = Api(self._live.url)
        self._live.on_change = self._changes.notify
        yield
        self._live.on_change = lambda: None
        await self._api.end()

    async def _page(self, request: Request) -> Response:
        query: Mapping[str, str] = {name: request.query_params.get(name, "") for name in ("a", "b")}
        name = request.path_params.get("name", "")
        page = await run_in_threadpool(self._site.page, name, {key: value for key, value in query.items() if value})
        if page.elsewhere is not None:
            return RedirectResponse(f"/{page.elsewhere}", 302, _NOT_KEPT)
        return HTMLResponse(page.html, page.status, _NOT_KEPT)

    async def _asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _TYPES:
            return PlainTextResponse("not found", 404)
        return Response(asset(name), media_type=_TYPES[name], headers={"cache-control": "max-age=31536000, immutable"})

    async def _ask(self, request: Request) -> Response:
        return await self._api.answer(request)

    async def _follow(self, request: Request) -> Response:
        return await self._events.answer(request)

    async def _metrics(self, _: Request) -> Response:
        return Response(await run_in_threadpool(format_metrics, self._live), headers={"content-type": CONTENT_TYPE})

    async def _description(self, _: Request) -> Response:
        return JSONResponse(await run_in_threadpool(description))

    async def _sign_in(self, request: Request) -> Response:
        again = "again" in request.query_params
        page = htpy.html(lang="en")[
            htpy.head[
                htpy.meta(charset="utf-8"),
                htpy.meta(name="viewport", content="width=device-width, initial-scale=1"),
                htpy.title["Token · Nilometer"],
                htpy.link(rel="stylesheet", href="/assets/report.css"),
            ],
            htpy.body(class_="lone")[
                htpy.header[htpy.p(class_="brand")["Nilometer"]],
                htpy.main(id="main")[
                    htpy.h1["Token"],
                    htpy.p(class_="banner", role="alert")["That is not the token."] if again else None,
                    htpy.form(method="post", action=SIGN_IN)[
                        htpy.p[
                            htpy.label(for_="token")["The token that nilo serve printed, or keeps in its file"],
                            htpy.br,
                            htpy.input(id="token", name="token", type="password", autocomplete="current-password",
                                       required=True, autofocus=True),
                        ],
                        htpy.p[htpy.button(type="submit")["Open"]],
                    ],
                ],
            ],
        ]  # fmt: skip
        return HTMLResponse(str(page), 401 if again else 200, _NOT_KEPT)


def _digest(name: str) -> str:
    return hashlib.sha256(asset(name).encode()).hexdigest()[:12]
