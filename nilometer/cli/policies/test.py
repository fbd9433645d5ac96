"""``nilo policy test``: examples beside a file of policies, each with what it says of a state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from domain.errors import InputError
from nilometer.audit.policies import open_policies
from nilometer.audit.policy_examples import SUFFIX, PolicyExample, open_examples
from nilometer.cli.failures import NOT_IN_FULL, OK
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.session import current_session
from nilometer.messages.sizes import plural


@click.command("test", short_help="Ask the policies of a file about examples.")
@click.argument("file", metavar="FILE")
@click.argument("examples", metavar="[EXAMPLES]", required=False)
@common_options
def command(file: str, examples: str | None) -> int:
    """Ask the policies of FILE about the examples beside it: policies.examples.jsonl for policies.py.

    An example is a line of JSON with the name of a policy, figures of a VM or host, and whether it holds of them; null
    says that it depends on figures that are not given. Exit 1: a policy says otherwise.

    \b
    Examples:
      nilo policy test policies.py
      nilo policy test policies.py more.jsonl --format json
    """
    out = Output(current_session().format)
    policies = open_policies(file)
    beside = str(Path(file).with_suffix(SUFFIX))
    if examples is None and not Path(beside).exists():
        raise InputError(
            f"{beside}: there is no such file: {file} has no examples beside it",
            hint='write one a line: {"policy": "NAME", "holds": true, "vm": {}}',
        )
    asked = open_examples(beside if examples is None else examples, policies)
    answers = [(example, example.ask()) for example in asked]
    wrong = [(example, answer) for example, answer in answers if answer is not example.holds]
    untested = [policy.name for policy in policies if all(example.policy is not policy for example in asked)]
    if out.json:
        document: dict[str, Any] = {
            "examples": [_to_document(example, answer) for example, answer in answers],
            "wrong": len(wrong),
            "untested": untested,
        }
        out.write_document(document)
    else:
        for line in _describe(answers, wrong, untested):
            out.write_line(line)
    return NOT_IN_FULL if wrong else OK


def _to_document(example: PolicyExample, answer: bool | None) -> dict[str, Any]:
    return {
        "policy": example.policy.name,
        "place": example.place,
        "because": example.because,
        "expected": example.holds,
        "found": answer,
    }


def _describe(
    answers: list[tuple[PolicyExample, bool | None]],
    wrong: list[tuple[PolicyExample, bool | None]],
    untested: list[str],
) -> list[str]:
    right = len(answers) - len(wrong)
    verb = "is" if 1 in (right, len(answers)) else "are"
    lines = [f"{right:,} of {plural(len(answers), 'example')} {verb} as the policies say."]
    for example, answer in wrong:
        because = f" ({example.because})" if example.because else ""
        lines.append(
            f"{example.place}: {example.policy.name} {_SAID[answer]}, and the example says that it "
            f"{_SAID[example.holds]}{because}"
        )
        lines.append(f"  {example.policy.sentence} ({example.policy.place})")
    if untested:
        lines.append(f"No example of {', '.join(untested)}.")
    return lines


_SAID = {True: "holds", False: "does not hold", None: "depends on figures that are not given"}
