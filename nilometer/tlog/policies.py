"""Policies: which logs and witnesses are known, and how many witnesses must have signed. c2sp.org/tlog-policy."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from nilometer.tlog.errors import TlogError
from nilometer.tlog.notes import Algorithm, VerifierKey, parse_verifier_key

NONE: Final = "none"
_LOG: Final = (Algorithm.ED25519, Algorithm.ML_DSA_44_COSIGNATURE)
_WITNESS: Final = (Algorithm.ED25519_COSIGNATURE, Algorithm.ML_DSA_44_COSIGNATURE)


@dataclass(frozen=True, slots=True)
class WitnessGroup:
    """Witnesses and groups, of which so many must have signed."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TlogPolicy:
    """What makes a checkpoint valid: the signature of a known log, and of a quorum of witnesses."""

    logs: Mapping[VerifierKey, str | None] = field(default_factory=dict[VerifierKey, "str | None"])
    """The keys of logs, with their URLs."""
    witnesses: Mapping[str, VerifierKey] = field(default_factory=dict[str, VerifierKey])
    urls: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where witnesses are asked, by their names here."""
    groups: Mapping[str, WitnessGroup] = field(default_factory=dict[str, WitnessGroup])
    quorum: str = NONE

    def is_met(self, signed: Collection[VerifierKey]) -> bool:
        """Whether the witnesses that signed are a quorum."""
        return self.quorum == NONE or self._is_met(self.quorum, signed)

    def _is_met(self, name: str, signed: Collection[VerifierKey]) -> bool:
        if name in self.witnesses:
            return self.witnesses[name] in signed
        group = self.groups[name]
        return sum(self._is_met(member, signed) for member in group.members) >= group.threshold


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    logs: dict[VerifierKey, str | None] = field(default_factory=dict[VerifierKey, "str | None"])
    witnesses: dict[str, VerifierKey] = field(default_factory=dict[str, VerifierKey])
    urls: dict[str, str] = field(default_factory=dict[str, str])
    groups: dict[str, WitnessGroup] = field(default_factory=dict[str, WitnessGroup])
    grouped: set[str] = field(default_factory=set[str])
    quorum: str | None = None

    def take(self, words: Sequence[str]) -> None:
        """Takes one line in. Raises ``TlogError``."""
        match words:
            case ["log", vkey, *url] if len(url) < 2:
                key = parse_verifier_key(vkey)
                self._check_key(key, _LOG, self.logs)
                self.logs[key] = url[0] if url else None
            case ["witness", name, vkey, *url] if len(url) < 2:
                key = parse_verifier_key(vkey)
                self._check_name(name)
                self._check_key(key, _WITNESS, self.witnesses.values())
                self.witnesses[name] = key
                self.urls |= {name: url[0]} if url else {}
            case ["group", name, threshold, *members] if members:
                self._check_name(name)
                self.groups[name] = WitnessGroup(_threshold(threshold, len(members)), self._members(members))
            case ["quorum", name]:
                if self.quorum is not None:
                    raise TlogError("there are two quorum lines")
                if name != NONE:
                    self._check_known(name)
                self.quorum = name
            case _:
                raise TlogError(
                    f"{' '.join(words)[:80]!r} is none of the lines of a policy",
                    hint="log VKEY, witness NAME VKEY [URL], group NAME all|any|K NAME…, quorum NAME|none",
                )

    def _check_name(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise TlogError(f"the name {name!r} cannot be given twice, nor can {NONE!r} be given")

    def _check_known(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise TlogError(f"{name!r} is not a witness or group of a line before")

    @staticmethod
    def _check_key(key: VerifierKey, kinds: Collection[Algorithm], known: Collection[VerifierKey]) -> None:
        if key.algorithm not in kinds:
            raise TlogError(f"the key of {key.name} is of a type that signs something else")
        if any(key.key == other.key for other in known):
            raise TlogError(f"the key of {key.name} stands there twice")

    def _members(self, members: Sequence[str]) -> tuple[str, ...]:
        for member in members:
            self._check_known(member)
            if member in self.grouped:
                raise TlogError(f"{member!r} is a member twice")
            self.grouped.add(member)
        return tuple(members)


def _threshold(text: str, members: int) -> int:
    if text in ("all", "any"):
        return members if text == "all" else 1
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= members):
        raise TlogError(f"{text[:20]!r} of {members} members cannot be asked for")
    return int(text)


def parse_policy(raw: bytes) -> TlogPolicy:
    """Reads a policy. Raises ``TlogError`` with the number of the line."""
    reading = _Reading()
    for number, line in enumerate(raw.split(b"\n"), 1):
        # What is not ASCII is opaque; it is read and compared, and only shown as UTF-8.
        text = line.decode("utf-8", "surrogateescape")
        try:
            if any((character < " " and character != "\t") or character == "\x7f" for character in text):
                raise TlogError("there is a control character")
            words = [word for word in text.replace("\t", " ").split(" ") if word]
            if words and not words[0].startswith("#"):
                reading.take(words)
        except TlogError as error:
            raise TlogError(f"line {number} of the policy: {error.message}", hint=error.hint) from None
    if reading.quorum is None:
        raise TlogError("the policy has no quorum line", hint="without witnesses: quorum none")
    return TlogPolicy(
        logs=reading.logs,
        witnesses=reading.witnesses,
        urls=reading.urls,
        groups=reading.groups,
        quorum=reading.quorum,
    )
