"""The face of the prover: results by rule and by command, in one process or in several."""

from __future__ import annotations

import pytest

from rules.kinds import CHECKS
from rules.proving.run import obligations_named, prove, select_obligations, smtlib
from rules.solving.verdict import ProofVerdict


def test_all_is_proved_and_each_result_has_its_own_name() -> None:
    results = list(prove())
    assert {result.verdict for result in results} == {ProofVerdict.PROVED}
    assert len({result.name for result in results}) == len(results)
    assert len(results) > 1200
    obligations = [result.name for result in results if result.kind not in CHECKS]
    assert sorted(obligations) == sorted(obligation.name for obligation in select_obligations())
    assert all(result.counterexample is None and result.reason == "" for result in results)


def test_some_rules_and_some_commands_can_be_chosen() -> None:
    chosen = list(prove(["book_agrees"], ["move-vm"]))
    names = [result.name for result in chosen if result.kind != "vacuity"]
    assert names == [
        "keeps/move-vm/book_agrees",
        "bystander/move-vm (source)/book_agrees",
        "bystander/move-vm (destination)/book_agrees",
    ]
    assert {result.command for result in prove(commands=["start"]) if result.kind == "reached"} == {"start"}


@pytest.mark.parametrize("chosen", [["book_agrees"], []], ids=["with a search for nothing", "with all checks"])
def test_two_processes_come_to_the_same_in_the_same_order(chosen: list[str]) -> None:
    alone, apart = ([(found.name, found.verdict) for found in prove(chosen, ["save"], cores=cores)] for cores in (1, 2))
    assert apart == alone


def test_obligations_come_before_all_checks_and_both_parts_of_the_work_have_some() -> None:
    found = [result.kind for result in prove(commands=["save"])]
    checks = [kind in CHECKS for kind in found]
    assert checks == sorted(checks)
    assert {"keeps", "bystander", "vacuity", "guard"} <= {*found}


def test_obligations_are_found_by_their_names() -> None:
    [found] = obligations_named(["keeps/start/book_agrees"])
    assert (found.kind, found.command, found.rule) == ("keeps", "start", "book_agrees")
    with pytest.raises(KeyError):
        obligations_named(["keeps/start/nothing"])


def test_an_obligation_is_written_as_smtlib() -> None:
    [found] = obligations_named(["keeps/start/book_agrees"])
    text = smtlib(found)
    assert "(declare-fun site.vm.power () Int)" in text
    assert text.rstrip().endswith("(check-sat)")
