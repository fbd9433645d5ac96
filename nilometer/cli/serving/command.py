"""``nilo serve``: the report, live, in a browser."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from typing import Final

import click

from domain.errors import InputError
from nilometer.cli.failures import OK, Mistyped, say
from nilometer.cli.options import common_options
from nilometer.cli.output import Output, Progress
from nilometer.cli.session import current_session
from nilometer.errors import LedgerError, install_hint
from nilometer.textio.files import read_small_file

PORT: Final = 8642
MOST_CONNECTIONS: Final = 128
_LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")
_SHORTEST_TOKEN: Final = 16


@click.command("serve")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes a free one.")
@click.option("--listen", metavar="ADDRESS", default="127.0.0.1", show_default=True,
              help="An address of this machine; on all but 127.0.0.1 a token is needed.")  # fmt: skip
@click.option("--token-file", metavar="FILE", help="The token lies in this file; default: one is made and shown once.")
@click.option("--name", "names", metavar="HOST", multiple=True, help="A name that this machine is reached by, too.")
@click.option("--zone", metavar="ZONE", help="The time zone, such as Europe/Berlin; default that of this machine.")
@click.option("--judge/--no-judge", "judged", default=None, help="Whether events are judged; default up to 100,000.")
@common_options
def command(
    port: int, listen: str, token_file: str | None, names: tuple[str, ...], zone: str | None, judged: bool | None
) -> int:
    """Show the report live in a browser, until Ctrl-C. It only reads: nothing can be recorded through it.

    What is recorded meanwhile appears at once. /api/ has the JSON of the commands (/api/openapi.json describes it),
    /metrics is for Prometheus.

    \b
    Examples:
      nilo serve
      nilo serve --listen 0.0.0.0 --token-file token.txt --name nilo.example.com
    """
    try:
        from nilometer.cli.serving.app import Application
        from nilometer.cli.serving.live import LiveLedger
        from nilometer.cli.serving.server import run
    except ImportError as error:
        raise LedgerError(f"nilo serve needs more: {error}", hint=install_hint("serve")) from error
    from nilometer.report.clocks import Clock24, read_zone

    session = current_session()
    out = Output(session.format)
    address = _read_address(listen)
    token = None if address.is_loopback and token_file is None else _read_token(token_file)
    clock = Clock24(*read_zone(zone))
    with _listen(address, port) as listener:
        live = LiveLedger(session.url, judged=judged)
        with Progress("reading", unit="events") as progress:
            live.start(lambda read, _: progress.update(read))
        try:
            hosts = [*_LOCAL_NAMES, str(address), *names]
            application = Application(live, clock, hosts=hosts, any_address=not address.is_loopback, token=token)
            application.prepare()
            url = _address(listener, address, names)
            if out.json:
                out.write_event({"url": url, "ledger": session.url})
            else:
                out.write_line(f"{url} shows {session.url} (Ctrl-C ends)")
            out.flush()
            if token is not None and token_file is None:
                say("note", f"the token is {token}", "it is shown this once; --token-file FILE keeps one")
            if live.older:
                say("note", f"{live.older:,} older events are being read; until then pages show the newest")
            if not address.is_loopback:
                say("note", "what is sent is not encrypted: put a proxy with TLS before it, or trust the network")
            run(application, listener, most_connections=MOST_CONNECTIONS)
        finally:
            live.stop()
    return OK


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _read_address(text: str) -> Address:
    if text == "localhost":
        return ipaddress.ip_address("127.0.0.1")
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        raise Mistyped(f"--listen {text!r} is not an address", hint="127.0.0.1, 0.0.0.0 or ::, for example") from None


def _read_token(file: str | None) -> str:
    if file is None:
        return secrets.token_urlsafe(32)
    try:
        token = read_small_file(file, "a token", _MAKE_TOKEN.format(file=file)).decode("utf-8").strip()
    except UnicodeDecodeError:
        raise InputError(f"{file} holds no token: it is not a text", hint=_MAKE_TOKEN.format(file=file)) from None
    if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        needed = f"a token of {_SHORTEST_TOKEN} characters or more, no spaces"
        raise InputError(f"{file} does not hold {needed}", hint=_MAKE_TOKEN.format(file=file))
    return token


_MAKE_TOKEN: Final = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))' > {file}"


def _listen(address: Address, port: int) -> socket.socket:
    """A socket that listens. It is made before the ledger is read: a port in use is told at once."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((str(address), port))
        listener.listen()
    except OSError as error:
        listener.close()
        import errno

        if error.errno == errno.EADDRINUSE:
            raise InputError(f"port {port} of {address} is in use", hint="--port 0 takes a free one") from None
        if error.errno == errno.EADDRNOTAVAIL:
            raise InputError(
                f"this machine has no address {address}", hint="--listen 0.0.0.0 means all it has"
            ) from None
        raise InputError(f"port {port} of {address} cannot be taken: {error.strerror}", hint="another --port") from None
    return listener


def _address(listener: socket.socket, address: Address, names: tuple[str, ...]) -> str:
    port = listener.getsockname()[1]
    host = names[0] if names else f"[{address}]" if address.version == 6 else str(address)
    if address.is_unspecified and not names:
        host = socket.gethostname()
    return f"http://{host}:{port}/"
