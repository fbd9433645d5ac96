"""``/api/…``: the JSON of the commands that read. Each answer is the command's own: it runs as a process of its own.

So an answer is the same as in a terminal, also for wrong input, a long one takes no memory here, and one that takes too
long is ended.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Final

import click
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from nilometer.cli.serving.guard import problem

MOST_AT_ONCE: Final = 4
MOST_SECONDS: Final = 60.0
_CHUNK: Final = 1 << 16
_MOST_ERROR: Final = 1 << 16
_LEFT_OUT: Final = frozenset(("ledger", "format", "follow", "exit_code", "ids", "strict", "jobs"))


@dataclass(frozen=True, slots=True)
class ServedCommand:
    """A command that is answered, and the form of its answer."""

    module: str
    schema: str
    is_lines: bool = False
    """One document a line."""
    arguments: tuple[str, ...] = ()
    """Those that are given by their place."""


SERVED: Final[Mapping[str, ServedCommand]] = {
    "view": ServedCommand(module="reading.view", schema="view"),
    "log": ServedCommand(module="reading.log", schema="event", is_lines=True),
    "short": ServedCommand(module="reading.short", schema="short"),
    "diff": ServedCommand(module="reading.diff", schema="diff", arguments=("one", "other")),
    "info": ServedCommand(module="reading.info", schema="info"),
    "audit": ServedCommand(module="audit.command", schema="audit"),
}
DEFAULT_LINES: Final = "1000"
"""So many of the newest lines, unless ``n`` asks for another number."""


def command_of(name: str) -> click.Command:
    """The command of the terminal that answers."""
    command = import_module(f"nilometer.cli.{SERVED[name].module}").command
    assert isinstance(command, click.Command)
    return command


def parameters_of(name: str) -> dict[str, click.Parameter]:
    """What may be asked of a command, by the names in an address: its options, without dashes before them."""
    found: dict[str, click.Parameter] = {}
    for parameter in command_of(name).params:
        if isinstance(parameter, click.Option):
            if parameter.name not in _LEFT_OUT:
                found[max(parameter.opts, key=len).lstrip("-").replace("-", "_")] = parameter
        elif parameter.name in SERVED[name].arguments or name == "log" or name == "view":
            found["of" if parameter.name == "name" else {"one": "from", "other": "to"}[str(parameter.name)]] = parameter
    return found


class Api:
    """Answers with what the commands print."""

    def __init__(self, url: str) -> None:
        self._environment = {**os.environ, "NILO_LEDGER": url, "NILO_FORMAT": "json", "NO_COLOR": "1"}
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        self._waiting = 0
        self._running: list[asyncio.subprocess.Process] = []

    async def end(self) -> None:
        """Ends the commands that still run: else their ends would be missed, and the loop would complain of that."""
        for process in self._running:
            await _end(process)

    async def answer(self, request: Request) -> Response:
        """Runs the command that the address names."""
        name = request.path_params["command"]
        if name not in SERVED:
            return problem(404, f"{name!r} is not served", f"there are: {', '.join(SERVED)}")
        known = parameters_of(name)
        arguments: list[str] = []
        places: dict[str, str] = {}
        for key, value in request.query_params.multi_items():
            parameter = known.get(key)
            if parameter is None:
                return problem(400, f"{key!r} is not a parameter of {name}", f"there are: {', '.join(known)}")
            if not isinstance(parameter, click.Option):
                places[key] = value
            elif parameter.is_flag:
                if value not in ("true", "false", "1", "0", ""):
                    return problem(400, f"{key} is {value!r}, not true or false", "")
                arguments += [max(parameter.opts, key=len)] if value in ("true", "1", "") else []
            else:
                arguments.append(f"{max(parameter.opts, key=len)}={value}" if len(max(parameter.opts, key=len)) > 2
                                 else f"{parameter.opts[0]}{value}")  # fmt: skip
        missing = [key for key in known if SERVED[name].arguments and key in ("from", "to") and key not in places]
        if missing:
            return problem(400, f"{name} needs {' and '.join(missing)}", "a position or a time")
        if SERVED[name].is_lines and "n" not in request.query_params and "-n" in _spellings(known):
            arguments.append(f"-n{DEFAULT_LINES}")
        ordered = [places[key] for key in ("from", "to", "of") if key in places]
        if self._waiting >= MOST_AT_ONCE * 4:
            return problem(503, "too much is asked at once", "come again")
        return await self._run(SERVED[name], [name, *arguments, "--", *ordered])

    async def _run(self, served: ServedCommand, arguments: list[str]) -> Response:
        self._waiting += 1
        try:
            async with self._slots:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-c", "import nilometer.cli; nilometer.cli.main()", *arguments,
                    stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                    env=self._environment,
                )  # fmt: skip
                self._running = [one for one in self._running if one.returncode is None] + [process]
                return await self._read(process, served)
        finally:
            self._waiting -= 1

    async def _read(self, process: asyncio.subprocess.Process, served: ServedCommand) -> Response:
        assert process.stdout is not None
        deadline = asyncio.get_running_loop().time() + MOST_SECONDS
        try:
            first = await asyncio.wait_for(process.stdout.read(_CHUNK), MOST_SECONDS)
        except TimeoutError:
            await _end(process)
            return problem(504, f"it took more than {MOST_SECONDS:.0f} s", "ask for less, or ask nilo itself")
        if not first:
            return await _refused(process)
        return StreamingResponse(
            _rest(process, first, deadline),
            media_type="application/jsonl" if served.is_lines else "application/json",
            headers={"cache-control": "no-store"},
        )


def _spellings(known: Mapping[str, click.Parameter]) -> set[str]:
    return {spelling for parameter in known.values() for spelling in parameter.opts}


async def _rest(process: asyncio.subprocess.Process, first: bytes, deadline: float) -> AsyncIterator[bytes]:
    """What a process prints, as it prints it. One that is too slow ends within a line: what reads it sees that."""
    assert process.stdout is not None
    try:
        yield first
        loop = asyncio.get_running_loop()
        while chunk := await asyncio.wait_for(process.stdout.read(_CHUNK), max(0.1, deadline - loop.time())):
            yield chunk
    finally:
        await _end(process)


async def _refused(process: asyncio.subprocess.Process) -> Response:
    """The answer where a command printed nothing: its error, or an empty list."""
    assert process.stderr is not None
    errors = (await process.stderr.read(_MOST_ERROR)).decode("utf-8", "replace")
    code = await process.wait()
    if code == 0:
        return Response(b"", 200, media_type="application/jsonl", headers={"cache-control": "no-store"})
    lines = [line for line in errors.splitlines() if line.startswith(("error: ", "hint: "))]
    message = next((line[7:] for line in lines if line.startswith("error: ")), "the command failed")
    hint = next((line[6:] for line in lines if line.startswith("hint: ")), "")
    return problem(400 if code == 2 else 500, message, hint)


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()
