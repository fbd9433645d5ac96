"""``nilo import-qemu``: recordings of real guests under QEMU, as observed hosts and VMs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from domain.errors import InputError
from nilometer.cli.failures import OK, UNREADABLE, Interrupted, say
from nilometer.cli.files import readable
from nilometer.cli.imported import counts, remark, show
from nilometer.cli.options import asking, common
from nilometer.cli.output import Output, Progress
from nilometer.cli.session import Session, session
from nilometer.importers.qemu import FORMAT, QemuImporter
from nilometer.importers.reading import Account, import_file
from nilometer.ledger import Ledger
from nilometer.results import Observation


@click.command("import-qemu")
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@click.option("--as", "prefix", metavar="PREFIX", help="What the ids begin with; default the scenario of the file.")
@click.option("--final", is_flag=True, help="The files will not grow: decide what their last records leave open.")
@click.option("--keep-going", is_flag=True, help="Pass over records that cannot be read.")
@asking
@common
def command(files: tuple[str, ...], prefix: str | None, final: bool, keep_going: bool) -> int:
    """Record what recordings of a QEMU driver show: who asked for memory, what moved, what was measured.

    The host's id is PREFIX, its VMs are PREFIX.vm0 and so on. A file that is there already is not recorded again, and
    of one that has grown only what is new. Another recording of the same scenario needs a PREFIX of its own. Files may
    be packed with gzip, and be UTF-8 or UTF-16.

    \b
    Examples:
      nilo import-qemu s7_three_vms_one_budget.jsonl --as lab
      nilo import-qemu monday.jsonl tuesday.jsonl --keep-going --format json
    """
    now = session()
    out = Output(now.form())
    told: list[dict[str, Any]] = []
    unreadable = 0
    with now.writing() as ledger:
        for file in files:
            importer = QemuImporter(file, prefix)
            errors: list[InputError] = []
            try:
                account = _import(now, ledger, importer, file, final, errors if keep_going else None)
            except KeyboardInterrupt:
                raise Interrupted(f"what was read of {file} is recorded", hint="import it again to go on") from None
            except InputError as unreadable_file:
                if not keep_going:
                    remark(file, importer.account)
                    if importer.account.recorded:
                        kept = f"{importer.account.recorded} events of what stands before it were recorded"
                        say("note", f"{kept} in {ledger.url}; import the mended file again to go on")
                    raise
                errors.append(unreadable_file)
                account = importer.account
            for error in errors:
                say("error", error.message, error.hint)
            remark(file, account)
            unreadable += len(errors)
            told.append(_document(file, importer, account))
        url = ledger.url
    show(out, told, url, kind=lambda each: f"as {each['prefix']}", repeats="repeat what others told")
    return UNREADABLE if unreadable else OK


def _import(
    now: Session, ledger: Ledger, importer: QemuImporter, file: str, final: bool, errors: list[InputError] | None
) -> Account:
    def record(observations: Sequence[Observation]) -> list[tuple[int, ...]]:
        progress.at(importer.account.records)
        try:
            return ledger.record(observations, actor=now.who(), via=now.via or "import-qemu")
        except InputError as refused:
            raise InputError(f"{file}: {refused.message}", hint=refused.hint) from None

    with readable(file) as stream, Progress(f"importing {file}", unit="records") as progress:
        return import_file(importer, stream, name=file, format=FORMAT, record=record, final=final, errors=errors)


def _document(file: str, importer: QemuImporter, account: Account) -> dict[str, Any]:
    return {"file": file, "prefix": importer.prefix} | counts(account)
