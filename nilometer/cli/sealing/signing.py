"""The keys that a command signs or checks with, as they are named on the command line."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from domain.errors import InputError
from nilometer.cli.failures import Mistyped
from nilometer.seal.keys import command_signer, parse_private_keys, read_key_file
from nilometer.tlog.checkpoints import SignedTreeHead, parse_checkpoint
from nilometer.tlog.notes import VerifierKey, parse_verifier_key
from nilometer.tlog.policies import TlogPolicy, parse_policy
from nilometer.tlog.signatures import Signer
from nilometer.witness.asking import KnownWitness

F = TypeVar("F", bound=Callable[..., Any])

KEY: Final = "NILO_SEAL_KEY"
LARGEST_FILE: Final = 1_000_000
_KEY_HINT: Final = "name the file with what nilo key new printed, or the verifier key itself"
_CHECKPOINT_HINT: Final = "name a file that nilo seal --checkpoint wrote"


def signing_options(function: F) -> F:
    """The options that name what signs."""
    help = f"The private key, made by nilo key new; or the key itself in {KEY}.  [NILO_SEAL_KEY_FILE]"
    function = click.option(
        "--verifier-key", metavar="KEY", help="With --sign-with: the verifier key of what signs, or its file."
    )(function)
    function = click.option(
        "--sign-with", metavar="COMMAND", help="A command that signs: bytes on stdin, base64 on stdout."
    )(function)
    return click.option("--key", "key_file", metavar="FILE", envvar="NILO_SEAL_KEY_FILE", help=help)(function)


def find_signers(key_file: str | None, sign_with: str | None, verifier_key: str | None) -> list[Signer]:
    """What signs. Raises ``InputError`` if nothing was named."""
    if sign_with is not None:
        if verifier_key is None:
            raise Mistyped("--sign-with needs --verifier-key", hint="what signs does not say which key it has")
        return [command_signer(sign_with, key) for key in read_verifier_keys([verifier_key])]
    if key_file is not None:
        return read_key_file(Path(key_file))
    if os.environ.get(KEY):
        return parse_private_keys(os.environ[KEY], f"the variable {KEY}")
    raise InputError(
        "no key to sign with", hint="make one: nilo key new NAME -o seal.key; then: nilo seal --key seal.key"
    )


def read_verifier_keys(given: Sequence[str]) -> list[VerifierKey]:
    """Verifier keys: as texts, or one a line in files."""
    keys: list[VerifierKey] = []
    for text in given:
        if "+" in text and not Path(text).exists():
            keys.append(parse_verifier_key(text))
            continue
        lines = read_small_file(text, _KEY_HINT).decode("utf-8", "replace").splitlines()
        found = [parse_verifier_key(line.strip()) for line in lines if line.strip() and not line.startswith("#")]
        if not found:
            raise InputError(f"{text}: there is no verifier key in this file", hint=_KEY_HINT)
        keys += found
    return keys


def read_policy(file: str | None) -> TlogPolicy | None:
    """The policy in a file, if one was named."""
    return None if file is None else parse_policy(read_small_file(file))


def known_witnesses(policy: TlogPolicy | None) -> list[KnownWitness]:
    """The witnesses of a policy that can be asked: those with a URL."""
    if policy is None:
        return []
    return [KnownWitness(name, policy.witnesses[name], url) for name, url in policy.urls.items()]


def read_checkpoint_file(file: str) -> SignedTreeHead:
    """A checkpoint that was kept. Raises ``InputError`` that names the file if it has none."""
    try:
        return parse_checkpoint(read_small_file(file, _CHECKPOINT_HINT))
    except InputError as error:
        if error.message.startswith(file):
            raise
        raise InputError(f"{file}: this is no checkpoint: {error.message}", hint=_CHECKPOINT_HINT) from None


def read_small_file(file: str, hint: str = "") -> bytes:
    """A file of keys, a policy or a checkpoint. Raises ``InputError`` for one that is too large to be one."""
    try:
        with Path(file).open("rb") as opened:
            raw = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}", hint=hint) from None
    if len(raw) > LARGEST_FILE:
        raise InputError(f"{file} has over {LARGEST_FILE:,} bytes: it is no key, policy or checkpoint")
    return raw
