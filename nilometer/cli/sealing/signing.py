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
from nilometer.seal.proving import SEAL_ANEW
from nilometer.seal.text_files import parse_file
from nilometer.tlog.checkpoints import SignedTreeHead, parse_checkpoint
from nilometer.tlog.errors import TlogError
from nilometer.tlog.notes import VerifierKey, parse_verifier_key
from nilometer.tlog.policies import TlogPolicy, parse_policy
from nilometer.tlog.signatures import Signer
from nilometer.witness.asking import KnownWitness

F = TypeVar("F", bound=Callable[..., Any])

KEY: Final = "NILO_SEAL_KEY"
POLICY_HINT: Final = "name a file with lines such as: log VERIFIER-KEY, and: quorum none"
_KEY_HINT: Final = "name the file with what nilo key new printed, or the verifier key itself"
CHECKPOINT_HINT: Final = "name a file that nilo seal --checkpoint wrote"


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
    raise InputError("no key to sign with", hint=f"make one: {SEAL_ANEW}")


def read_verifier_keys(given: Sequence[str]) -> list[VerifierKey]:
    """Verifier keys: as texts, or one a line in files."""
    keys: list[VerifierKey] = []
    for text in given:
        if "+" in text and not Path(text).exists():
            keys.append(parse_verifier_key(text))
            continue
        keys += parse_file(text, _parse_verifier_keys, "a file of verifier keys", _KEY_HINT)
    return keys


def _parse_verifier_keys(raw: bytes) -> list[VerifierKey]:
    """Verifier keys, one a line. Raises ``TlogError``."""
    keys: list[VerifierKey] = []
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            try:
                keys.append(parse_verifier_key(line.strip()))
            except TlogError as error:
                raise TlogError(f"line {number}: {error.message}", hint=error.hint) from None
    if not keys:
        raise TlogError("there is no verifier key in it")
    return keys


def read_policy(file: str | None) -> TlogPolicy | None:
    """The policy in a file, if one was named. Raises ``InputError`` that names the file if it has none."""
    return None if file is None else parse_file(file, parse_policy, "a policy", POLICY_HINT)


def known_witnesses(policy: TlogPolicy | None) -> list[KnownWitness]:
    """The witnesses of a policy that can be asked: those with a URL."""
    if policy is None:
        return []
    return [KnownWitness(name, policy.witnesses[name], url) for name, url in policy.urls.items()]


def read_checkpoint_file(file: str) -> SignedTreeHead:
    """A checkpoint that was kept. Raises ``InputError`` that names the file if it has none."""
    return parse_file(file, parse_checkpoint, "a checkpoint", CHECKPOINT_HINT)
