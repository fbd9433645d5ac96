"""``nilo seal``: new events become part of the signed log of a ledger."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import click

from domain.errors import InputError
from nilometer.cli.failures import OK, say
from nilometer.cli.interrupts import interruptible
from nilometer.cli.options import common_options
from nilometer.cli.output import Output, Progress
from nilometer.cli.sealing.signing import (
    CHECKPOINT_HINT,
    find_signers,
    known_witnesses,
    read_checkpoint_file,
    read_policy,
    signing_options,
)
from nilometer.cli.session import current_session
from nilometer.errors import LedgerBusy, LedgerUnreachable
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.reader import open_store
from nilometer.messages.sizes import plural
from nilometer.seal.sealing import NewSeal, Sealer, add_signatures
from nilometer.seal.tables import SealedHead, newest_head
from nilometer.seal.timestamps import TimestampError, check_authority, stamp_head
from nilometer.textio.durable import write_file
from nilometer.textio.files import check_folder, check_name, read_small_file
from nilometer.times import current_time, format_time
from nilometer.tlog.checkpoints import SignedTreeHead
from nilometer.tlog.merkle import Subtree
from nilometer.tlog.notes import NoteSignature
from nilometer.witness.asking import KnownWitness, WitnessError, ask_to_sign

_UNITS: Final = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


@click.command("seal")
@signing_options
@click.option("--every", metavar="TIME", help="Go on until Ctrl-C: seal new events every 1s, 500ms, 5min.")
@click.option(
    "--checkpoint",
    "kept",
    metavar="FILE",
    help="Keep the newest checkpoint here too; sign nothing that contradicts it.",
)
@click.option("--policy", metavar="FILE", help="Ask the witnesses of this tlog-policy that have URLs to sign too.")
@click.option("--timestamp", metavar="URL", help="Ask this authority for a time stamp of the checkpoint (RFC 3161).")
@click.option("--rotate", is_flag=True, help="Another key, or another name, goes on from here.")
@common_options
def command(
    key_file: str | None,
    sign_with: str | None,
    verifier_key: str | None,
    every: str | None,
    kept: str | None,
    policy: str | None,
    timestamp: str | None,
    rotate: bool,
) -> int:
    """Seal the events that are not sealed yet: hash them into the log of the ledger, and sign a checkpoint over all.

    A seal shows later that no event was changed, removed, inserted or moved since: nilo verify. Who records events
    waits for nothing and needs no key. Keep the key, and copies of checkpoints, where the owner of the database cannot
    change them.

    \b
    Examples:
      nilo seal --key seal.key
      nilo seal --key seal.key --every 1s --checkpoint /mnt/elsewhere/checkpoint
    """
    session = current_session()
    out = Output(session.format)
    pause = None if every is None else _parse_pause(every)
    file = None if kept is None else Path(check_name(kept))
    if file is not None:
        check_folder(file, "; nothing was sealed")
    if timestamp is not None:
        check_authority(timestamp)
    signers = find_signers(key_file, sign_with, verifier_key)
    witnesses = known_witnesses(read_policy(policy))
    with session.writing(create=False) as ledger, closing(open_store(session.url)) as reader:
        known = read_checkpoint_file(str(file)) if file is not None and file.exists() else None
        sealer = Sealer(
            ledger.recorder,
            signers,
            lambda: current_time(session.clock),
            rotate=rotate,
            known=known,
            reader=reader,
        )

        def seal() -> None:
            with Progress("sealing", unit="events") as progress:
                added = sealer.seal(progress.update)
            if witnesses:
                added = _ask_witnesses(ledger, witnesses, added)
            newest = _newest(ledger) if added is None else added.head
            if timestamp is not None and newest is not None:
                _stamp(ledger, newest, timestamp)
            # Without new events too: the file may be named for the first time, or be of an earlier seal.
            if file is not None and newest is not None and _content(file) != newest.note:
                _keep(file, newest.note)
            if added is not None or pause is None:
                _show(out, ledger, added)

        seal()
        if pause is not None:
            _repeat(seal, pause)
    return OK


def _repeat(seal: Callable[[], None], pause: float) -> None:
    """Seals again and again, until Ctrl-C."""
    with interruptible() as check_interrupt:
        try:
            while True:
                time.sleep(pause)
                check_interrupt()
                try:
                    seal()
                except (LedgerBusy, LedgerUnreachable) as error:
                    say("note", f"{error.message}; it is tried again")
        except KeyboardInterrupt:
            say("note", "stopped; what was sealed is kept")


def _ask_witnesses(ledger: Ledger, witnesses: Sequence[KnownWitness], added: NewSeal | None) -> NewSeal | None:
    """Asks for the signatures that the newest checkpoint lacks; what cannot be had is a warning."""

    def collect(checkpoint: SignedTreeHead, subtree: Subtree) -> list[NoteSignature]:
        signatures: list[NoteSignature] = []
        for witness in witnesses:
            if not any(line.is_of(witness.key) for line in checkpoint.signatures):
                try:
                    signatures += ask_to_sign(witness, checkpoint, subtree)
                except WitnessError as error:
                    say("warning", error.message, error.hint)
        return signatures

    signed = add_signatures(ledger.recorder, collect)
    return added if signed is None else NewSeal(signed, 0 if added is None else added.events)


def _stamp(ledger: Ledger, head: SealedHead, url: str) -> None:
    """Asks for a time stamp of a checkpoint; one that cannot be had is a warning, and is asked for again."""
    try:
        stamp_head(ledger.recorder, head, url)
    except TimestampError as error:
        say("warning", error.message, error.hint)


def _show(out: Output, ledger: Ledger, added: NewSeal | None) -> None:
    head = added.head if added is not None else _newest(ledger)
    events = 0 if added is None else added.events
    if out.json:
        out.write_record({"events": events, **to_document(head)})
    elif head is None:
        out.write_line("nothing to seal: the ledger has no events")
    elif not events:
        what = "nothing new" if added is None else "no new events, and the checkpoint is signed anew"
        out.write_line(f"{what}: {plural(head.size, 'event')} sealed as {head.origin}, up to position {head.position}")
    else:
        out.write_line(
            f"{plural(events, 'event')} sealed as {head.origin}: {head.size} in all, up to position {head.position}; "
            f"{format_time(head.sealed)}"
        )
    out.flush()


def to_document(head: SealedHead | None) -> dict[str, object]:
    """A checkpoint as JSON; all is null if there is none."""
    return {
        "origin": head and head.origin,
        "size": head and head.size,
        "position": head and head.position,
        "sealed": head and head.sealed,
        "checkpoint": head and head.note.decode("utf-8", "replace"),
    }


def _newest(ledger: Ledger) -> SealedHead | None:
    with ledger.recorder.transaction(write=False) as db:
        return newest_head(db)


def _content(file: Path) -> bytes | None:
    return read_small_file(str(file), "a checkpoint", CHECKPOINT_HINT) if file.exists() else None


def _keep(file: Path, note: bytes) -> None:
    """Puts the newest checkpoint in the place of the one before, whole or not at all."""
    try:
        write_file(file, note)
    except OSError as error:
        say("warning", f"the checkpoint was signed and could not be kept in {file}: {error.strerror}")


def _parse_pause(text: str) -> float:
    found = re.fullmatch(r"(\d{1,6})(ms|s|min|h)", text, re.ASCII)
    if found is None or int(found[1]) == 0:
        raise InputError(f"{text!r} is not a time between two seals", hint="such as 1s, 500ms or 5min")
    return int(found[1]) * _UNITS[found[2]]
