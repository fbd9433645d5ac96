"""Calls of other servers over HTTP, and the words for what went wrong: a time stamp authority, a witness."""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.error
import urllib.request


class CallFailed(Exception):
    """No answer came; its text completes the sentence "… cannot be asked: …"."""


def call_http(request: urllib.request.Request, seconds: float, largest: int) -> tuple[int, bytes]:
    """The status and the body of an answer, of which no more than so many bytes are read. Raises ``CallFailed``."""
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            status: int = answer.status
            return status, answer.read(largest)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(largest)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise CallFailed(_explain(error, seconds)) from None


def _explain(error: Exception, seconds: float) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    match cause:
        case ConnectionRefusedError():
            return "nothing listens there (connection refused)"
        case socket.gaierror():
            return "no such host is known"
        case TimeoutError():
            return f"no answer came within {seconds:g} s"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted here: {cause.verify_message}"
        case ssl.SSLError():
            return "it does not speak TLS; is the URL one of http?"
        case ConnectionError() | http.client.RemoteDisconnected() | http.client.IncompleteRead():
            return "it broke off the connection"
        case http.client.InvalidURL() | UnicodeError():
            return "its URL cannot be read"
        case http.client.HTTPException():
            return "what answers does not speak HTTP"
        case OSError() if cause.strerror:
            return cause.strerror
        case _:
            return str(cause)
