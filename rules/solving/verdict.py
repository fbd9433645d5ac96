"""The three verdicts. Nothing else is imported, so that a verdict can be shown without a solver."""

from __future__ import annotations

from enum import StrEnum


class ProofVerdict(StrEnum):
    """The verdict on an obligation or a check."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNKNOWN = "unknown"
