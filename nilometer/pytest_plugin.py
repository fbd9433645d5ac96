"""A pytest plugin: ``pytest --nilo`` adds one test item for each rule, which passes if the rule is proved.

An item fails with the counterexample if its rule is refuted, and says so if the solver gave up: unknown never passes.
``--nilo-history FILE`` adds items for a recorded history: see ``nilometer.testing.histories``.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final, cast

import pytest

from domain.errors import NilometerError
from nilometer.testing.nodes import GROUP, made

if TYPE_CHECKING:
    from pathlib import Path

    from rules.proving.run import ProofResult

CHECKED: Final = "checks"
"""The item of what keeps the verdicts honest: that nothing is true for want of a state, and so on."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--nilo`` and its like."""
    group = parser.getgroup("nilometer")
    group.addoption("--nilo", action="store_true", help="Prove the rules of Nilometer too, a test each.")
    group.addoption(
        "--nilo-history",
        metavar="FILE",
        action="append",
        default=[],
        help="Judge this history, as nilo export writes it, a test a rule. May be given again.",
    )
    group.addoption(
        "--nilo-strict", action="store_true", help="With --nilo-history: unknown fails, and is not only skipped."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Registers the mark that the items have."""
    config.addinivalue_line("markers", f"{GROUP}: a rule of Nilometer, with --nilo or --nilo-history")


@pytest.hookimpl(tryfirst=True)  # so that -k and -m choose among the rules too
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Adds an item for each rule, where that was asked for."""
    if config.getoption("--nilo"):
        items.extend(made(Rules, session, name=GROUP, nodeid=GROUP).collect())
    files = cast("list[str]", config.getoption("--nilo-history"))
    if files:
        from nilometer.testing.histories import HistoryFile

        for file in dict.fromkeys(files):
            items.extend(made(HistoryFile, session, name=file, nodeid=f"{GROUP}::{file}").collect())


class NotProved(Exception):
    """A rule is refuted, or the solver gave up."""


class Rules(pytest.Collector):
    """All rules of the model. Those that are to be tested are proved together, when the first of them is run."""

    def collect(self) -> list[RuleItem]:
        """An item for each rule, and one for the checks."""
        from rules.catalogue import RULE_NAMES

        self.add_marker(GROUP)
        return [made(RuleItem, self, name=name) for name in (*RULE_NAMES, CHECKED)]

    @cached_property
    def results(self) -> list[ProofResult]:
        """What became of all obligations of the rules that are to be tested."""
        from rules.catalogue import filter_by_rule
        from rules.proving.run import obligations_named, prove

        wanted = [item.name for item in self.session.items if item.parent is self]
        if CHECKED in wanted:
            return list(prove())
        obligations = obligations_named()
        return list(prove({obligation.rule for name in wanted for obligation in filter_by_rule(name, obligations)}))


class RuleItem(pytest.Item):
    """One rule: an invariant, a property, what they rest on; or the checks."""

    def runtest(self) -> None:
        """Every obligation of the rule is proved."""
        from rules.catalogue import CHECKS, rule_of
        from rules.solving.prover import ProofVerdict

        assert isinstance(self.parent, Rules)
        name = dict.fromkeys(CHECKS, CHECKED)
        results = [each for each in self.parent.results if name.get(each.kind, rule_of(each)) == self.name]
        self.user_properties.append(("obligations", len(results)))
        not_proved = [result for result in results if result.verdict is not ProofVerdict.PROVED]
        if not_proved or not results:
            raise NotProved("\n\n".join(map(described, not_proved)) or f"nothing was proved of {self.name}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """The counterexamples, or why a rule cannot be read; a traceback would say nothing."""
        match excinfo.value:
            case NotProved() as error:
                return str(error)
            case NilometerError() as error:
                return f"{error.message}\nhint: {error.hint}"
            case _:
                return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path | str, int | None, str]:
        """What the item is called in reports."""
        return GROUP, None, f"{GROUP}::{self.name}"


def described(result: ProofResult) -> str:
    """What became of an obligation that is not proved, in words."""
    return f"{result.verdict}: {result.name}\n{result.evidence}".rstrip()
