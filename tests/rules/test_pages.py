"""``docs/rules.md`` describe what is proved, of every rule of the model."""

from __future__ import annotations

import re
from typing import Final

import pytest

from rules.catalogue import GOALS, HELPERS, PROPERTIES, RULE_NAMES, describe, filter_by_rule, predicate_named, rule_of
from rules.kinds import KINDS
from rules.obligations import Obligation, ObligationBuilder, build_all
from rules.pages import Page, page
from rules.solving.prover import Proof
from rules.solving.verdict import ProofVerdict
from rules.specification.invariants import INVARIANTS
from tests.paths import DOCS

COMMITTED: Final = DOCS / "rules.md"


@pytest.fixture(scope="module")
def all_of_them() -> list[Obligation]:
    """Everything that has to be proved."""
    return build_all(ObligationBuilder())


def test_the_page_of_rules_is_fresh() -> None:
    assert page() == COMMITTED.read_text(encoding="utf-8"), "write it anew: python -m rules.pages > docs/rules.md"


def test_every_obligation_belongs_to_a_rule_and_says_what_it_means(all_of_them: list[Obligation]) -> None:
    for obligation in all_of_them:
        assert rule_of(obligation) in RULE_NAMES
        assert describe(obligation)
        assert obligation.kind in KINDS


def test_a_sentence_belongs_to_one_rule_only(all_of_them: list[Obligation]) -> None:
    belongs = {(obligation.rule, rule_of(obligation)) for obligation in all_of_them}
    assert len(belongs) == len({predicate for predicate, _ in belongs})


def test_every_rule_has_what_proves_it_and_nothing_is_said_in_vain(all_of_them: list[Obligation]) -> None:
    assert [name for name in RULE_NAMES if not filter_by_rule(name, all_of_them)] == []
    assert KINDS.keys() == {obligation.kind for obligation in all_of_them}
    assert GOALS.keys() == {obligation.rule for obligation in all_of_them if predicate_named(obligation.rule) is None}
    assert len(set(RULE_NAMES)) == len(RULE_NAMES) == len(INVARIANTS) + len(PROPERTIES) + len(HELPERS)


def test_a_rule_that_is_not_proved_is_not_called_proved(all_of_them: list[Obligation]) -> None:
    def verdict(obligation: Obligation) -> ProofVerdict:
        if obligation.name == "keeps/grow/whole_quanta":
            return ProofVerdict.REFUTED
        return ProofVerdict.UNKNOWN if obligation.name == "progress/start/what_fits_starts" else ProofVerdict.PROVED

    text = Page([Proof(obligation, verdict(obligation), 0.0) for obligation in all_of_them], ObligationBuilder()).text()
    total = len(all_of_them)
    assert (
        "**Not proved: keeps/grow/whole_quanta is refuted, progress/start/what_fits_starts is unknown "
        f"({total - 2} of {total} obligations proved).**" in text
    )
    rule = text.partition("### whole_quanta\n")[2].partition("### ")[0]
    assert "Not proved: keeps/grow/whole_quanta is refuted" in rule
    assert "Not proved" in text.partition("### total\n")[2].partition("## ")[0]
    assert "Not proved" not in text.partition("### book_agrees\n")[2].partition("### ")[0]


def test_the_obligations_that_the_argument_names_are_there(all_of_them: list[Obligation]) -> None:
    names = [obligation.name for obligation in all_of_them]
    text = COMMITTED.with_name("soundness.md").read_text(encoding="utf-8")
    named = [name for name in re.findall(r"`([^`\n]+/[^`\n]+)`", text) if name.partition("/")[0] in KINDS]
    assert len(named) > 12
    for name in named:
        stands_for = re.escape(name).replace("COMMAND", ".+").replace("INVARIANT", ".+").replace("…", ".+")
        assert any(re.fullmatch(stands_for, known) for known in names), name
