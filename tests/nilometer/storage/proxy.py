"""A proxy before a PostgreSQL server that loses a commit, or its answer, on the way."""

from __future__ import annotations

import enum
import select
import socket
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread

_READY = b"Z\x00\x00\x00\x05I"
"""The server's answer when a transaction is over: ready, idle."""


class Lose(enum.Enum):
    """What is lost, once."""

    NOTHING = "nothing"
    COMMIT = "the commit: the server never hears of it"
    ANSWER = "the answer to it: the server has committed"


class Proxy:
    """Forwards bytes between clients and the server, until it is told to lose a commit."""

    def __init__(self, server: Path) -> None:
        self._server = server
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.lose = Lose.NOTHING
        self.lost = 0
        self.after: Callable[[], object] = lambda: None
        """Is done when a commit or its answer was lost, before the client hears of that."""

    def serve(self) -> None:
        """Serves clients, each in a thread, until the proxy is closed."""
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        with closing(client), closing(socket.socket(socket.AF_UNIX)) as server:
            server.connect(str(self._server))
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    if source is client and b"COMMIT" in data and self.lose is not Lose.NOTHING:
                        losing, self.lose = self.lose, Lose.NOTHING
                        self.lost += 1
                        if losing is Lose.ANSWER:
                            server.sendall(data)
                            _await_commit(client, server)
                        self.after()
                        return
                    (server if source is client else client).sendall(data)

    def close(self) -> None:
        """Takes no more clients."""
        if self._listening.fileno() >= 0:
            self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()


def _await_commit(client: socket.socket, server: socket.socket) -> None:
    """Until the server has told that the transaction is over; the client hears nothing of it."""
    told = b""
    while _READY not in told:
        for source in select.select([client, server], [], [])[0]:
            data = source.recv(65536)
            assert data, "somebody hung up"
            if source is client:
                server.sendall(data)
            else:
                told += data


@contextmanager
def proxy_to(server: Path) -> Generator[Proxy]:
    """A proxy before the server on this socket."""
    proxy = Proxy(server)
    serving = Thread(target=proxy.serve, daemon=True)
    serving.start()
    try:
        yield proxy
    finally:
        proxy.close()
        serving.join()
