"""Pages on a real socket of this machine, with the headers that a site gives them."""

from __future__ import annotations

import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

JENKINS = "sandbox; default-src 'none'; img-src 'self'; style-src 'self'"
"""What Jenkins says of every page that a build keeps."""


@dataclass(frozen=True)
class Answer:
    """A page, and the policy that its site has for it."""

    body: bytes
    policy: str | None = None


@contextmanager
def serve(answers: Mapping[str, Answer]) -> Generator[str]:
    """Serves pages by their paths. Gives the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path)
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            if answer is not None and answer.policy is not None:
                self.send_header("Content-Security-Policy", answer.policy)
            self.end_headers()
            self.wfile.write(b"" if answer is None else answer.body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
