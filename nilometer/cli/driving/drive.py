"""``nilo drive``: resizes a running guest, evidence first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from domain.errors import InputError
from domain.observed.words import Means
from domain.shapes import parse_size
from nilometer.cli.driving.answers import show_result
from nilometer.cli.driving.durations import read_duration
from nilometer.cli.failures import Mistyped
from nilometer.cli.options import asking_options, common_options
from nilometer.cli.output import Output
from nilometer.cli.session import current_session
from nilometer.drive.driving import DriveRequest

if TYPE_CHECKING:
    pass


@click.command("drive")
@click.argument("words", metavar="VM SIZE", nargs=-1)
@click.option("--qmp", "socket", metavar="SOCKET", help="The socket of the VM's QMP monitor.")
@click.option(
    "--config",
    "file",
    metavar="FILE",
    envvar="NILO_DRIVE",
    help="VMs with their sockets; default drive.toml.",
)
@click.option("--watch", is_flag=True, help="Stay, and record what others do: VM… or all of the file.")
@click.option(
    "--every",
    callback=read_duration,
    default="10s",
    metavar="TIME",
    help="With --watch: read sizes so often; default 10s.",
)
@click.option("--device", metavar="ID", help="The virtio-mem device or module, if there are several.")
@click.option("--pc-dimm", "dimm", is_flag=True, help="Plug or unplug a memory module.")
@click.option("--balloon", is_flag=True, help="Inflate or deflate the balloon.")
@click.option("--only-in-full", is_flag=True, help="Send nothing if less than all of it is expected.")
@click.option("--dry-run", is_flag=True, help="Say what is expected; send and record nothing.")
@click.option(
    "--settle",
    callback=read_duration,
    default="8s",
    metavar="TIME",
    help="Settled after so long without a move; default 8s.",
)
@click.option(
    "--limit", callback=read_duration, default="90s", metavar="TIME", help="Wait no longer than this; default 90s."
)
@click.option("--host", metavar="NAME", help="The host of a VM that is new; default this machine.")
@click.option(
    "--evidence",
    "folder",
    metavar="DIR",
    envvar="NILO_EVIDENCE",
    help="The folder of the evidence; default beside the ledger.  [NILO_EVIDENCE]",
)
@asking_options
@common_options
def command(
    words: tuple[str, ...],
    socket: str | None,
    file: str | None,
    watch: bool,
    every: float,
    device: str | None,
    dimm: bool,
    balloon: bool,
    only_in_full: bool,
    dry_run: bool,
    settle: float,
    limit: float,
    host: str | None,
    folder: str | None,
) -> int:
    """Resize a running guest of QEMU to SIZE, which is all that it shall have, and record what came of it.

    What is about to be sent is written down before it is sent, then the answer, every move, and what was measured
    after the last one. The ledger is fed from this evidence alone. Exit 0: in full; 1: not in full; 2: cannot be
    asked, and nothing was sent; 3: nobody knows, because the line broke.

    \b
    Examples:
      nilo drive hv01.web01 2GiB --qmp /run/web01.qmp --reason "month end"
      nilo drive --watch --config drive.toml
    """
    from nilometer.cli.driving.running import drive_shown
    from nilometer.cli.driving.targets import GivenTarget, find_targets
    from nilometer.cli.driving.watch import watch_vms

    session = current_session()
    given = GivenTarget(socket=socket, file=file, folder=folder, host=host)
    if watch:
        with session.writing() as ledger:
            return watch_vms(session, ledger, find_targets(ledger, words, given), every)
    if len(words) != 2:
        raise Mistyped("a VM and the size that it shall have are needed", hint="nilo drive web01 2GiB --qmp SOCKET")
    if dimm and balloon:
        raise Mistyped("--pc-dimm does not go with --balloon", hint="leave one of them out")
    request = DriveRequest(
        size=_read_size(words[1]),
        actor=session.actor,
        via=session.via,
        reason=session.reason,
        correlation=session.correlation,
        means=Means.PC_DIMM if dimm else Means.BALLOON if balloon else Means.VIRTIO_MEM,
        device=device,
        only_in_full=only_in_full,
        dry_run=dry_run,
        settle=settle,
        limit=limit,
    )
    out = Output(session.format)
    with session.writing() as ledger:
        (target,) = find_targets(ledger, words[:1], given)
        means = request.means if dimm or balloon or target.means is None else target.means
        result = drive_shown(session, ledger, target, replace(request, means=means, device=device or target.device))
        url = ledger.url
    return show_result(out, result, url, dry_run=dry_run)


def _read_size(text: str) -> int:
    try:
        size = parse_size(text)
    except ValueError as error:
        raise Mistyped(f"SIZE: {error}", hint="write a size such as 2GiB") from None
    if not size:
        raise Mistyped("SIZE is 0", hint="a running guest has some memory: write a size such as 2GiB")
    if size < 1 << 20 and text.isdecimal():
        raise InputError(f"SIZE: {text!r} has no unit, and is {size} bytes", hint=f"write {text}GiB or {text}MiB")
    return size
