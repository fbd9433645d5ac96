"""``nilo verify``: is what is stored what was sealed?"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Final

import click

from nilometer.cli.failures import NOT_IN_FULL, OK, UNDECIDED
from nilometer.cli.options import common_options
from nilometer.cli.output import Output, Progress
from nilometer.cli.sealing.signing import known_witnesses, read_checkpoint_file, read_policy, read_verifier_keys
from nilometer.cli.session import current_session
from nilometer.ledger.reader import check_database, open_store
from nilometer.ledger.seal_ranges import compare_in_processes
from nilometer.messages.sizes import plural
from nilometer.seal.tables import SealedHead, describe_seal, read_seal
from nilometer.seal.timestamps import read_authorities
from nilometer.seal.verification import (
    OtherCheckpoint,
    SealFinding,
    SealVerdict,
    StampedHead,
    UnsealedTail,
    Verification,
)
from nilometer.seal.verifying import Verifier
from nilometer.storage.reader import EventReader
from nilometer.storage.store import Store
from nilometer.textio.files import read_small_file
from nilometer.times import current_time, format_duration, format_time
from nilometer.witness.asking import KnownWitness, WitnessError, read_newest

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_CODES: Final = {SealVerdict.HOLDS: OK, SealVerdict.VIOLATED: NOT_IN_FULL, SealVerdict.UNKNOWN: UNDECIDED}


@click.command("verify")
@click.option(
    "--verifier-key", "keys", metavar="KEY", multiple=True, envvar="NILO_VERIFIER_KEY",
    help="The verifier key of the seal, or a file of such keys.  [NILO_VERIFIER_KEY]",
)  # fmt: skip
@click.option("--against", metavar="FILE", multiple=True, help="Compare a checkpoint that was kept elsewhere.")
@click.option("--policy", metavar="FILE", help="A tlog-policy: keys of logs and witnesses, and how many must sign.")
@click.option(
    "--timestamp-certificate", "authorities", metavar="FILE",
    help="Check time stamps: the certificates of their authority, in PEM.",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Exit with 3 if there are events that are not sealed yet.")
@click.option("--cores", metavar="N", type=click.IntRange(1), default=1, help="The number of processes; default 1.")
@common_options
def command(
    keys: tuple[str, ...],
    against: tuple[str, ...],
    policy: str | None,
    authorities: str | None,
    strict: bool,
    cores: int,
) -> int:
    """Verify the seal: hash every stored event again, and compare with what was sealed and signed.

    verify answers: is this what was written? audit answers another question: was it done by the rules? The verdict is
    holds (0), violated (1) or unknown (3); it is about the sealed events.

    \b
    Examples:
      nilo verify --verifier-key seal.pub
      nilo verify --verifier-key seal.pub --against /mnt/elsewhere/checkpoint --format json
    """
    session = current_session()
    out = Output(session.format)
    others = [OtherCheckpoint(name, read_checkpoint_file(name)) for name in against]
    trusted, known = read_verifier_keys(keys), read_policy(policy)
    certificates = [] if authorities is None else _read_authorities(authorities)
    check_database(session.url)
    with closing(open_store(session.url)) as store:
        silent = _ask_witnesses(store, known_witnesses(known), others)
        verifier = Verifier(
            store,
            keys=trusted,
            against=others,
            policy=known,
            authorities=certificates,
            compare=compare_in_processes(session.url, cores),
        )
        with Progress("verifying", EventReader(store).position(), "events") as progress:
            result = verifier.verify(progress.update)
    for message in silent:
        result.add(SealVerdict.UNKNOWN, "witness", message)
    age = _age(result.unsealed, current_time(session.clock))
    if out.json:
        out.write_document(_to_document(result, age))
    else:
        _show(out, result, age)
    if strict and result.verdict is SealVerdict.HOLDS and result.unsealed.events:
        return UNDECIDED
    return _CODES[result.verdict]


def _read_authorities(file: str) -> list[Certificate]:
    hint = "name a file with the certificate of who made the time stamps, in PEM"
    return read_authorities(read_small_file(file, "a certificate", hint), file, hint)


def _ask_witnesses(store: Store, witnesses: Sequence[KnownWitness], others: list[OtherCheckpoint]) -> list[str]:
    """Adds the newest checkpoint that each witness signed; which witnesses could not be asked, and why."""
    head = read_seal(store)
    silent: list[str] = []
    if head is None:
        return silent
    for witness in witnesses:
        try:
            newest = read_newest(witness, head.origin)
        except WitnessError as error:
            silent.append(error.message)
        else:
            if newest is not None:
                others.append(OtherCheckpoint(f"the newest checkpoint of the witness {witness.name}", newest))
    return silent


def _age(tail: UnsealedTail, now: str) -> float | None:
    """The seconds since the first event was recorded that is not sealed."""
    if tail.since is None:
        return None
    try:
        return max(0.0, (datetime.fromisoformat(now) - datetime.fromisoformat(tail.since)).total_seconds())
    except (ValueError, TypeError):
        return None


def _show(out: Output, result: Verification, age: float | None) -> None:
    size = 0 if result.sealed is None else result.sealed.size
    what = f"{plural(size, 'sealed event')}"
    out.write_line(f"{out.style(result.verdict, bold=True)}: {what}, {plural(result.checkpoints, 'kept checkpoint')}")
    for finding in result.findings:
        out.write_line(f"{finding.verdict}: {_sentence(finding)}")
    if result.sealed is not None:
        out.write_line(f"sealed as {_name(result.sealed)}; signatures: {result.signatures}")
    if result.against:
        out.write_line(f"compared with {plural(result.against, 'checkpoint')} that others kept")
    if result.witnessed is not None:
        out.write_line(f"witnessed: {_name(result.witnessed)}")
    if result.stamped is not None:
        moment = format_time(result.stamped.time)
        out.write_line(f"time stamp: {_name(result.stamped.head)}, existed at {moment}, says {result.stamped.url}")
    elif result.stamps:
        out.write_line(f"{plural(result.stamps, 'time stamp')} not checked: name --timestamp-certificate FILE")
    if result.unsealed.events:
        since = "" if age is None else f", the oldest for {format_duration(age)}"
        out.write_line(f"unknown: {plural(result.unsealed.events, 'event')} not sealed yet{since}")


def _sentence(finding: SealFinding) -> str:
    return finding.message if finding.event is None else f"{finding.message}; there is {finding.event} now"


def _name(head: SealedHead) -> str:
    return f"{head.origin} up to position {head.position}, {format_time(head.sealed)}"


def _to_stamp(stamped: StampedHead) -> dict[str, object]:
    return {**(describe_seal(stamped.head) or {}), "time": stamped.time, "url": stamped.url}


def _to_document(result: Verification, age: float | None) -> dict[str, object]:
    return {
        "verdict": str(result.verdict),
        "events": result.events,
        "sealed": describe_seal(result.sealed),
        "checkpoints": result.checkpoints,
        "signatures": str(result.signatures),
        "against": result.against,
        "witnessed": describe_seal(result.witnessed),
        "timestamps": result.stamps,
        "timestamped": None if result.stamped is None else _to_stamp(result.stamped),
        **{str(kind): count for kind, count in result.counts.items()},
        "unsealed": {"events": result.unsealed.events, "since": result.unsealed.since, "seconds": age},
        "findings": [
            {
                "verdict": str(finding.verdict),
                "about": finding.about,
                "message": finding.message,
                "position": finding.position,
                "event": finding.event,
            }
            for finding in result.findings
        ],
    }
