"""``nilo evidence``: a folder that an auditor takes away."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import click

from domain.errors import InputError
from domain.identifiers import VmId
from nilometer.cli.failures import OK, Mistyped
from nilometer.cli.names import resolve_vm
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.sealing.signing import read_small_file
from nilometer.cli.session import current_session, read_typed_time
from nilometer.messages.sizes import plural
from nilometer.textio.files import check_name
from nilometer.times import current_time


@click.command("evidence")
@click.option("-o", "--output", "folder", metavar="FOLDER", required=True, help="The new folder.")
@click.option("--since", metavar="TIME", help="Only what was recorded at this time or later.")
@click.option("--until", metavar="TIME", help="Only what was recorded until this time.")
@click.option("--vm", metavar="VM", help="The events of this VM; of all others the hash alone.")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Proofs of so many changes, drawn by the seed.")
@click.option("--seed", type=int, default=0, metavar="NUMBER", help="What draws the sample; default 0.")
@click.option("--log", is_flag=True, help="Also the whole log as files, as c2sp.org/tlog-tiles has them.")
@click.option("--policy", metavar="FILE", help="Put this tlog-policy beside it: which keys and witnesses count.")
@common_options
def command(
    folder: str,
    since: str | None,
    until: str | None,
    vm: str | None,
    sample: int | None,
    seed: int,
    log: bool,
    policy: str | None,
) -> int:
    """Write a folder of evidence from a sealed ledger: all events of a time, provably complete, and proofs of changes.

    Who gets it checks it with the file verify.py in it, which needs Python alone and nothing of Nilometer. See
    docs/evidence.md.

    \b
    Examples:
      nilo evidence -o evidence-2026-11 --since 2026-11-01 --until 2026-11-30
      nilo evidence -o evidence-web01 --vm web01 --sample 25 --seed 4711
    """
    from nilometer.evidence.collecting import EvidenceRequest, collect

    session = current_session()
    out = Output(session.format)
    target = Path(check_name(folder))
    if log and vm is not None:
        raise Mistyped("--log has the events of all VMs", hint="leave out --log, or --vm")
    if target.exists():
        raise InputError(f"{folder} exists; it was not touched", hint="name a new folder")
    request = EvidenceRequest(
        since=None if since is None else read_typed_time(since),
        until=None if until is None else read_typed_time(until, end=True),
        vm=None,
        sample=sample,
        seed=seed,
        log=log,
    )
    beside = {} if policy is None else {"policy": read_small_file(policy)}
    with session.reading_if_any() as ledger:
        if ledger is None:
            with session.reading():
                raise AssertionError("a ledger that is not there cannot be read")
        if vm is not None:
            request = replace(request, vm=VmId(resolve_vm(ledger, vm)))
        contents = collect(ledger, request, made=current_time(session.clock), actor=session.actor_if_any, beside=beside)
    _write(target, contents)
    says = json.loads(contents["evidence.json"])
    if out.json:
        out.write_document(says)
    else:
        proofs = sum(name.startswith("proofs/") for name in contents)
        out.write_line(
            f"{plural(says['events'], 'event')} and {plural(proofs, 'proof')} in {folder}; "
            f"the audit of the whole ledger: {says['audit']['verdict']}"
        )
        out.write_line(f"to check it: python3 {folder}/verify.py")
    return OK


def _write(target: Path, contents: dict[str, bytes]) -> None:
    """Writes the folder whole or not at all."""
    parent = target.absolute().parent
    if not parent.is_dir():
        raise InputError(f"the folder {parent} does not exist", hint=f"mkdir -p {parent}")
    with tempfile.TemporaryDirectory(dir=parent, prefix=f".{target.name}.") as temporary:
        made = Path(temporary) / "evidence"
        for name, content in contents.items():
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        made.rename(target)
