"""``nilo evidence``: a folder that an auditor takes away."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from domain.errors import InputError
from domain.identifiers import VmId
from nilometer.cli.failures import OK, Mistyped
from nilometer.cli.names import resolve_vm
from nilometer.cli.options import common_options
from nilometer.cli.output import Output, Progress
from nilometer.cli.sealing.signing import POLICY_HINT, read_policy
from nilometer.cli.session import current_session, read_typed_time
from nilometer.messages.sizes import plural
from nilometer.textio.durable import sync_folder
from nilometer.textio.files import check_new, read_small_file
from nilometer.times import current_time


@click.command("evidence")
@click.option("-o", "--output", "folder", metavar="FOLDER", required=True, help="The new folder.")
@click.option("--since", metavar="TIME", help="Only what was recorded at this time or later.")
@click.option("--until", metavar="TIME", help="Only what was recorded until this time.")
@click.option("--vm", metavar="VM", help="The events of this VM; of all others the hash alone.")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Proofs of so many changes, drawn by the seed.")
@click.option("--seed", type=int, metavar="NUMBER", help="What draws the sample; default 0.")
@click.option("--log", is_flag=True, help="Also the whole log as files, as c2sp.org/tlog-tiles has them.")
@click.option("--policy", metavar="FILE", help="Put this tlog-policy beside it: which keys and witnesses count.")
@common_options
def command(
    folder: str,
    since: str | None,
    until: str | None,
    vm: str | None,
    sample: int | None,
    seed: int | None,
    log: bool,
    policy: str | None,
) -> int:
    """Write a folder of evidence from a sealed ledger: all events of a time, provably complete, and proofs of changes.

    Who gets it checks it with the file verify.py in it, which needs Python alone and nothing of Nilometer.

    \b
    Examples:
      nilo evidence -o evidence-2026-11 --since 2026-11-01 --until 2026-11-30
      nilo evidence -o evidence-web01 --vm web01 --sample 25 --seed 4711
    """
    from nilometer.evidence.collecting import EvidenceRequest, write_evidence

    session = current_session()
    out = Output(session.format)
    if log and vm is not None:
        raise Mistyped("--log has the events of all VMs", hint="leave out --log, or --vm")
    if seed is not None and sample is None:
        raise Mistyped("--seed draws a sample, and --sample is not given", hint="add --sample N, or leave out --seed")
    target = check_new(folder)
    request = EvidenceRequest(
        since=None if since is None else read_typed_time(since),
        until=None if until is None else read_typed_time(until, end=True),
        vm=None,
        sample=sample,
        seed=seed or 0,
        log=log,
    )
    beside = None if policy is None else read_small_file(policy, "a policy", POLICY_HINT)
    read_policy(policy)  # what is no policy is refused
    with session.reading_if_any() as ledger:
        if ledger is None:
            with session.reading():
                raise AssertionError("a ledger that is not there cannot be read")
        if vm is not None:
            request = replace(request, vm=VmId(resolve_vm(ledger, vm)))
        with _whole_or_not(target) as place, Progress("collecting", ledger.position, "events") as progress:
            says = write_evidence(
                ledger,
                request,
                place,
                made=current_time(session.clock),
                actor=session.actor_if_any,
                policy=beside,
                progress=progress.update,
            )
    if out.json:
        out.write_document(says)
    else:
        proofs = sum(name.startswith("proofs/") for name in says["files"])
        others = "" if vm is None else ", those of other VMs as hashes,"
        out.write_line(
            f"{plural(says['events'], 'event')}{others} and {plural(proofs, 'proof')} in {folder}; "
            f"the audit of the whole ledger: {says['audit']['verdict']}"
        )
        out.write_line(f"to check it: python3 {folder}/verify.py")
    return OK


@contextmanager
def _whole_or_not(target: Path) -> Generator[Path]:
    """A folder to write in, which becomes the new one when all is written; until then, and else, there is none."""
    try:
        temporary = tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=f".{target.name}.")
    except OSError as error:
        hint = "name a new folder in one that can be written"
        raise InputError(f"{target}: {error.strerror}", hint=hint) from None
    with temporary as name:
        place = Path(name) / "evidence"
        yield place
        for folder in (place, *filter(Path.is_dir, place.rglob("*"))):
            sync_folder(folder)
        place.rename(target)
        sync_folder(target.absolute().parent)
