"""Runs the application until Ctrl-C, which ends it in less than two seconds, whoever is connected."""

from __future__ import annotations

import signal
import socket
from contextlib import suppress
from types import FrameType

import uvicorn

from nilometer.cli.serving.app import Application
from nilometer.cli.serving.protocol import BoundedProtocol


def run(application: Application, listener: socket.socket, *, most_connections: int) -> None:
    """Answers on a socket until the process is told to end."""
    server = _Server(
        uvicorn.Config(
            application.app,
            http=BoundedProtocol,
            ws="none",
            lifespan="on",
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=most_connections,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=1 << 14,
        ),
        application,
    )
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # uvicorn sends both to itself again when it has ended
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """Ends the streams of those who follow as soon as it is told to end."""

    def __init__(self, config: uvicorn.Config, application: Application) -> None:
        super().__init__(config)
        self._served = application

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._served.end()
