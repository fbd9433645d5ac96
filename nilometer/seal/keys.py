"""Private keys: made, read from a file or the environment, or kept by a command that signs.

A private key is one line, ``PRIVATE+KEY+NAME+ID+KEY``, as Go's tools for signed notes write it. A file may have several
of one name, such as one of Ed25519 and one of ML-DSA-44.
"""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import warnings
from base64 import b64decode
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import Final

from domain.errors import InputError
from nilometer.errors import LedgerError, LedgerWarning
from nilometer.textio.durable import sync_file, sync_folder
from nilometer.textio.files import read_small_file
from nilometer.tlog.encoding import parse_base64, to_base64
from nilometer.tlog.errors import TlogError
from nilometer.tlog.notes import PRIVATE_KEY, Algorithm, VerifierKey, check_key_name
from nilometer.tlog.signatures import Sign, Signer, make_signer

SEED_BYTES: Final = 32
SIGNING_SECONDS: Final = 60
"""How long a command that signs may take."""


def make_private_keys(name: str, algorithms: Sequence[Algorithm]) -> list[tuple[str, VerifierKey]]:
    """New private keys of one name as their lines, each with its verifier key."""
    made: list[tuple[str, VerifierKey]] = []
    for algorithm in algorithms:
        seed = os.urandom(SEED_BYTES)
        key = make_signer(check_key_name(name), algorithm, seed).key
        made.append((f"{PRIVATE_KEY}{name}+{key.id.hex()}+{to_base64(bytes([algorithm]) + seed)}", key))
    return made


def write_key_file(file: Path, lines: Sequence[str]) -> None:
    """Writes private keys into a new file that its owner alone may read. Raises ``InputError`` if it exists."""
    try:
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise InputError(
            f"{file} exists; it was not touched", hint="name a new file: a key is never replaced"
        ) from None
    except OSError as error:
        hint = "name a new file in a folder that can be written"
        raise InputError(f"{file}: {error.strerror}", hint=hint) from None
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.writelines(f"{line}\n" for line in lines)
        sync_file(opened)
    sync_folder(file.absolute().parent)


def read_key_file(file: Path) -> list[Signer]:
    """The keys of a file. Warns if others than its owner may read it. Raises ``InputError``."""
    hint = "make a key: nilo key new NAME -o FILE"
    try:
        text = read_small_file(str(file), "a private key", hint).decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{file}: it is not UTF-8, so not a private key", hint=hint) from None
    mode = file.stat().st_mode
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        warnings.warn(
            f"others may read the private key in {file}: chmod 600 {quote(str(file))}", LedgerWarning, stacklevel=2
        )
    return parse_private_keys(text, str(file))


def parse_private_keys(text: str, where: str) -> list[Signer]:
    """Reads private keys, one a line. Raises ``InputError``, which never shows a key."""
    lines = [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]
    signers = [_parse_private_key(line, where) for line in lines]
    if not signers:
        raise InputError(f"there is no private key in {where}", hint="make one: nilo key new NAME -o FILE")
    if len({signer.key.name for signer in signers}) > 1:
        raise InputError(f"the keys in {where} have several names", hint="a log has one name: keep them in files apart")
    return signers


def _parse_private_key(line: str, where: str) -> Signer:
    wrong = InputError(f"what is in {where} is not a private key", hint="make one: nilo key new NAME -o FILE")
    name, _, rest = line.removeprefix(PRIVATE_KEY).partition("+")
    id, _, encoded = rest.partition("+")
    with suppress(TlogError, ValueError):
        raw = parse_base64(encoded, "the key")
        if line.startswith(PRIVATE_KEY) and len(raw) == 1 + SEED_BYTES:
            signer = make_signer(check_key_name(name), Algorithm(raw[0]), raw[1:])
            if signer.key.id.hex() == id:
                return signer
    raise wrong from None


def command_signer(command: str, key: VerifierKey) -> Signer:
    """A key that a command signs with: it gets the bytes on stdin, and writes the signature, in base64, to stdout."""
    return Signer(key, _sign_with(command))


def _sign_with(command: str) -> Sign:
    def sign(message: bytes) -> bytes:
        try:
            ran = subprocess.run(
                shlex.split(command), input=message, capture_output=True, timeout=SIGNING_SECONDS, check=True
            )
            return b64decode(ran.stdout.strip(), validate=True)
        except subprocess.CalledProcessError as error:
            why = error.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"exit code {error.returncode}"]
            raise LedgerError(f"the command that signs failed: {why[0]}; nothing was sealed") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LedgerError(f"the command that signs failed: {error}; nothing was sealed") from None
        except ValueError:
            hint = "it must write the signature alone, in base64"
            raise LedgerError("the command that signs wrote no signature; nothing was sealed", hint=hint) from None

    return sign
