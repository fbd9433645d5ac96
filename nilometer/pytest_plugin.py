"""A pytest plugin: ``pytest --nilo`` adds one test item for each rule, which passes if the rule is proved.

An item fails with the counterexample if its rule is refuted, or if the solver gave up: unknown never passes.
``--nilo-history FILE`` adds items for a recorded history: see ``nilometer.testing.histories``.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final, cast

import pytest

from domain.errors import NilometerError
from nilometer.testing.histories import GROUP, make_node

if TYPE_CHECKING:
    from pathlib import Path

    from rules.proving.result import ProofResult

CHECKED: Final = "checks"
"""The item for the checks of the proofs themselves: that no rule holds only because no state is possible, and so on."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options."""
    group = parser.getgroup("nilometer")
    group.addoption("--nilo", action="store_true", help="Also prove the rules of Nilometer, one test for each.")
    group.addoption(
        "--nilo-history",
        metavar="FILE",
        action="append",
        default=[],
        help="Judge this history, as nilo export writes it, one test for each rule. May be given again.",
    )
    group.addoption(
        "--nilo-policies", metavar="FILE", help="With --nilo-history: judge by the policies of this file too."
    )
    group.addoption(
        "--nilo-strict", action="store_true", help="With --nilo-history: fail an unknown rule instead of skipping it."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker of the items."""
    config.addinivalue_line("markers", f"{GROUP}: a rule of Nilometer, with --nilo or --nilo-history")


@pytest.hookimpl(tryfirst=True)  # so that -k and -m choose among the rules too
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Adds the items that the options request."""
    if config.getoption("--nilo"):
        items.extend(make_node(Rules, session, name=GROUP, nodeid=GROUP).collect())
    files = cast("list[str]", config.getoption("--nilo-history"))
    if files:
        from nilometer.testing.histories import HistoryFile

        for file in dict.fromkeys(files):
            items.extend(make_node(HistoryFile, session, name=file, nodeid=f"{GROUP}::{file}").collect())


class NotProved(Exception):
    """A rule is refuted, or the solver gave up."""


class Rules(pytest.Collector):
    """All rules of the model. The selected rules are proved together, when the first item runs."""

    def collect(self) -> list[RuleItem]:
        """Makes an item for each rule, and one for the checks."""
        from rules.catalogue import RULE_NAMES

        self.add_marker(GROUP)
        return [make_node(RuleItem, self, name=name) for name in (*RULE_NAMES, CHECKED)]

    @cached_property
    def results(self) -> list[ProofResult]:
        """The results of all obligations of the selected rules."""
        from rules.catalogue import filter_by_rule
        from rules.proving.run import obligations_named, prove

        wanted = [item.name for item in self.session.items if item.parent is self]
        if CHECKED in wanted:
            return list(prove())
        obligations = obligations_named()
        return list(prove({obligation.rule for name in wanted for obligation in filter_by_rule(name, obligations)}))


class RuleItem(pytest.Item):
    """One rule: an invariant, a property, or a lemma of theirs; or the checks."""

    def runtest(self) -> None:
        """Fails unless every obligation of the rule is proved."""
        from rules.catalogue import rule_of
        from rules.kinds import CHECKS
        from rules.solving.verdict import ProofVerdict

        assert isinstance(self.parent, Rules)
        name = dict.fromkeys(CHECKS, CHECKED)
        results = [result for result in self.parent.results if name.get(result.kind, rule_of(result)) == self.name]
        self.user_properties.append(("obligations", len(results)))
        not_proved = [result for result in results if result.verdict is not ProofVerdict.PROVED]
        if not_proved or not results:
            raise NotProved("\n\n".join(map(describe_result, not_proved)) or f"nothing was proved about {self.name}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """The counterexamples, or why a rule cannot be read, without a traceback."""
        match excinfo.value:
            case NotProved() as error:
                return str(error)
            case NilometerError() as error:
                return f"{error.message}\nhint: {error.hint}"
            case _:
                return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path | str, int | None, str]:
        """The item's name in reports."""
        return GROUP, None, f"{GROUP}::{self.name}"


def describe_result(result: ProofResult) -> str:
    """The result of an obligation that is not proved, in words."""
    return f"{result.verdict}: {result.name}\n{result.evidence}".rstrip()
