"""What is wrong with a proof, a note, a key or a policy. Nothing here raises anything else on any input."""

from __future__ import annotations

from domain.errors import InputError


class TlogError(InputError):
    """A proof, note, key or policy cannot be read: it is not in the form that its specification asks for."""


class ProofError(TlogError):
    """A proof can be read and does not verify: it is not of this tree."""


class SignatureError(TlogError):
    """A signature can be read and does not verify: another key made it, or what is signed was changed."""
