"""``nilo import-qemu``: recordings of real guests under QEMU, as observed hosts and VMs."""

from __future__ import annotations

from collections.abc import Callable

import click

from nilometer.cli.importing.summary import run_import
from nilometer.cli.options import ahead_option, asking_options, common_options
from nilometer.cli.session import current_session
from nilometer.importers.importing import ImportedFile, import_qemu
from nilometer.ledger.ledger import Ledger


@click.command("import-qemu")
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@click.option("--as", "prefix", metavar="PREFIX", help="A prefix for all ids; default the scenario of the file.")
@click.option("--at", "collected", metavar="TIME", help="When virsh dommemstat ran, if its output does not say it.")
@click.option("--vm", metavar="NAME", help="The VM of a log that does not name it.")
@click.option("--final", is_flag=True, help="The files will not grow: settle what their last records leave open.")
@click.option("--keep-going", is_flag=True, help="Skip records that cannot be read.")
@ahead_option
@asking_options
@common_options
def command(
    files: tuple[str, ...],
    prefix: str | None,
    collected: str | None,
    vm: str | None,
    final: bool,
    keep_going: bool,
    at_ahead: bool,
) -> int:
    """Import recordings of a QEMU driver: who requested memory, what moved, what was measured.

    Logs of a QEMU monitor with times (QMP as ts or libvirt log it) are read too, and what virsh dommemstat and
    virsh domstats --balloon print.

    The id of the host is PREFIX, those of its VMs are PREFIX.vm0 and so on. Import a file again when it has grown:
    only what is new is recorded. Another recording of the same scenario needs its own PREFIX. Files can be UTF-8 or
    UTF-16, also with gzip. A folder stands for the files in it.

    \b
    Examples:
      nilo import-qemu s7_three_vms_one_budget.jsonl --as lab --keep-going
      nilo import-qemu qmp.log --as hv01 --vm web01
    """
    session = current_session()

    def run(ledger: Ledger, progress: Callable[[int], None]) -> list[ImportedFile]:
        return import_qemu(
            ledger,
            files,
            actor=session.actor,
            via=session.given.get("via") or "import-qemu",
            prefix=prefix,
            at=collected,
            vm=vm,
            final=final,
            keep_going=keep_going,
            at_ahead=at_ahead,
            progress=progress,
        )

    return run_import(session, run, describe=lambda file: f"as {file.prefix}")
