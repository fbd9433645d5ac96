"""``nilo witness``: signs the checkpoints of others, over HTTP."""

from __future__ import annotations

import socket
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from domain.errors import InputError
from nilometer.cli.failures import OK, say
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.session import current_session
from nilometer.errors import LedgerError, install_hint
from nilometer.textio.files import check_name
from nilometer.times import current_time
from nilometer.witness.witness import LARGEST_REQUEST, Witness, WitnessAnswer

if TYPE_CHECKING:
    from starlette.applications import Starlette

MOST_CONNECTIONS = 100


@click.command("witness")
@click.argument("folder", metavar="FOLDER")
@click.option("--listen", "host", default="127.0.0.1", metavar="ADDRESS", help="Where to listen; default 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65535), default=8790, metavar="PORT", help="Default 8790; 0 takes any.")
@common_options
def command(folder: str, host: str, port: int) -> int:
    """Sign the checkpoints of others' seals, as long as each goes on from the one before: c2sp.org/tlog-witness.

    FOLDER has witness.key (nilo key new NAME -o FOLDER/witness.key --witness) and policy, with a line "log KEY" for
    each log and the line "quorum none". What was signed last is kept in it too: back it up as a whole, and never put
    an older copy back. TLS is the matter of a proxy in front.

    \b
    Examples:
      nilo witness /srv/witness
      nilo witness /srv/witness --listen 0.0.0.0 --port 8790
    """
    session = current_session()
    out = Output(session.format)
    place = Path(check_name(folder))
    if not place.is_dir():
        raise InputError(
            f"{folder} is not a folder", hint=f"mkdir {quote(str(folder))}; nilo witness --help says what it needs"
        )
    witness = Witness(place, lambda: current_time(session.clock))
    try:
        import uvicorn

        application = make_application(witness)
    except ImportError as error:
        missing = f"for a witness something is not installed: {error}"
        raise LedgerError(missing, hint=install_hint("seal,serve")) from error
    with witness.hold(), _listen(host, port) as listener:
        url = f"http://{host}:{listener.getsockname()[1]}"
        keys = [str(key) for key in witness.keys]
        if out.json:
            out.write_record({"url": url, "name": witness.name, "verifier_keys": keys, "logs": list(witness.origins)})
        else:
            out.write_line(f"{witness.name} signs for {', '.join(witness.origins)} at {url}; Ctrl-C ends it")
            for key in keys:
                out.write_line(f"for the policy of those who verify: witness NAME {key} {url}")
        out.flush()
        server = uvicorn.Server(
            uvicorn.Config(
                application,
                http="h11",
                ws="none",
                lifespan="off",
                log_level="error",
                access_log=False,
                server_header=False,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_graceful_shutdown=1,
            )
        )
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            say("note", "stopped")
    return OK


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise InputError(f"{host}:{port} cannot be listened on: {error.strerror}", hint="take another --port") from None


def make_application(witness: Witness) -> Starlette:
    """The two endpoints of a witness."""
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    def respond(answer: WitnessAnswer) -> Response:
        return Response(answer.body, answer.status, media_type=None, headers={"Content-Type": answer.content_type})

    async def add_checkpoint(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LARGEST_REQUEST:
                return respond(WitnessAnswer(413, b"a request is no larger than a checkpoint and a proof\n"))
        return respond(await run_in_threadpool(witness.add_checkpoint, body))

    async def checkpoint(request: Request) -> Response:
        return respond(await run_in_threadpool(witness.newest, str(request.path_params["log"])))

    return Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/{log}/checkpoint", checkpoint, methods=["GET"]),
        ]
    )
