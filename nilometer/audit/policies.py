"""Files of policies, and the judge that asks them too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from domain.errors import InputError
from domain.identifiers import UtcTime
from nilometer.textio.files import check_name, open_input
from rules.judging.scope import EVERYTHING, Scope
from rules.policies.policy import Policy

if TYPE_CHECKING:
    from rules.judging.judge import Judge

_BOM: Final = "\ufeff"


def open_policies(file: str) -> tuple[Policy, ...]:
    """The policies of a file; ``-`` is stdin. Raises ``InputError``, or ``UnreadableRule`` with place and reason."""
    from rules.policies.reading import LONGEST, read_policies  # it takes a fifth of the start of an audit

    if Path(check_name(file)).is_dir():
        raise InputError(f"{file}: this is a folder, not a file of policies", hint="name one file, .py or .toml")
    with open_input(file) as stream:
        text = stream.read(LONGEST * 4 + 1)
    try:
        decoded = text.decode().removeprefix(_BOM)
    except UnicodeDecodeError:
        raise InputError(f"{file}: this is not UTF-8", hint="a file of policies is Python or TOML, in UTF-8") from None
    if "\0" in decoded:
        raise InputError(f"{file}: this is not a text", hint="a file of policies is Python or TOML, in UTF-8")
    return read_policies(decoded, "stdin" if file == "-" else file)


def open_kept(file: str, now: UtcTime) -> tuple[Policy, ...]:
    """The policies of a file that apply now: a plan is made for now. Raises as ``open_policies`` does."""
    return tuple(policy for policy in open_policies(file) if policy.applies_at(now))


def make_judge(
    policies: Sequence[Policy], scope: Scope = EVERYTHING, *, late: Mapping[int, str] | None = None
) -> Judge:
    """A judge of one history, which asks the policies that are adopted and given. ``late`` is as in ``Judge``."""
    if not policies:
        from rules.policies.judging.adopted import AdoptedJudge

        return AdoptedJudge(scope, late=late)
    from rules.policies.judging.judge import PolicyJudge

    return PolicyJudge(policies, scope, late=late)
