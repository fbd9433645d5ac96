"""Who is answered, and what a browser may do with the answer.

Only what reads is allowed. A page of another site cannot ask in the name of who visits it: the name in the address has
to be one that this server goes by. On an address that others reach, a token is asked for.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections import deque
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qs

import anyio
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
SIGN_IN: Final = "/sign-in"
COOKIE: Final = "nilo"
_OPEN: Final = (SIGN_IN, "/assets/report.css")
_MOST_BODY: Final = 4096
_MOST_SESSIONS: Final = 256
_PENALTY_SECONDS: Final = 1.0


class Guard:
    """Stands before the application."""

    def __init__(
        self, app: ASGIApp, *, hosts: Iterable[str], any_address: bool = False, token: str | None = None
    ) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._any_address = any_address
        self._token = None if token is None else _digest(token)
        self._sessions: deque[bytes] = deque(maxlen=_MOST_SESSIONS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        refusal = await self._refuse(request)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS]
            await send(message)

        await (refusal or self._app)(scope, receive, send_guarded)

    async def _refuse(self, request: Request) -> Response | None:
        """The answer to a request that goes no further; ``None`` lets it through."""
        if not self._knows(request.headers):
            return problem(421, "this server goes by another name", "open the address that nilo serve printed")
        if "token" in request.query_params:
            return problem(400, "a token does not belong into an address", "send it in the Authorization header")
        is_signing_in = self._token is not None and request.url.path == SIGN_IN
        if request.method not in ("GET", "HEAD") and not (request.method == "POST" and is_signing_in):
            return problem(405, "this server only shows", "nothing is recorded through it: see nilo do, nilo record")
        if is_signing_in and request.method == "POST":
            return await self._sign_in(request)
        if self._token is None or request.url.path in _OPEN or self._is_known(request.headers):
            return None
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(SIGN_IN, 303)
        refused = problem(401, "a token is needed", "send it as: Authorization: Bearer TOKEN")
        refused.headers["www-authenticate"] = "Bearer"
        return refused

    def _knows(self, headers: Headers) -> bool:
        given = headers.getlist("host")
        if len(given) != 1:
            return False
        name = _without_port(given[0]).lower()
        return name in self._hosts or (self._any_address and _is_address(name))

    def _is_known(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._is_token(given.strip())
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        session = _digest("" if morsel is None else morsel.value)
        return any(hmac.compare_digest(session, known) for known in self._sessions)

    def _is_token(self, given: str) -> bool:
        return self._token is not None and hmac.compare_digest(_digest(given), self._token)

    async def _sign_in(self, request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_BODY:
                return problem(413, "that is not a token", "")
        given = parse_qs(body.decode("ascii", "replace")).get("token", [""])[0]
        if not self._is_token(given.strip()):
            await anyio.sleep(_PENALTY_SECONDS)
            return RedirectResponse(f"{SIGN_IN}?again", 303)
        session = secrets.token_urlsafe(32)
        self._sessions.append(_digest(session))
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, session, max_age=12 * 3600, httponly=True, samesite="strict")
        return answer


def problem(status: int, message: str, hint: str) -> Response:
    """An error for programs, in the form of all errors of the API."""
    return JSONResponse({"error": {"message": message, "hint": hint}}, status)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
