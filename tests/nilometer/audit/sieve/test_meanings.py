"""One text, four meanings: for what the sieve computes in columns, they, the evaluator, Z3 and CPython say the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from operator import attrgetter
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from domain.events import HostMemoryGranted, HostMemoryReturned, VmDefined
from domain.quantities import LARGEST
from nilometer.audit.expected import ExpectedEvent, expected_events
from nilometer.storage.bodies import topic_of
from rules.obligations import Obligation
from rules.obligations.definitions import OVERFLOW, TOO_LARGE
from rules.solving.bounds import BoundsProver
from rules.solving.prover import BUDGET
from rules.solving.solver import Solver
from rules.symbolic import terms
from rules.symbolic.terms import Literal, Op, constant, evaluate, evaluate_all, subterms, variables
from rules.symbolic.values import SymbolicRecord, leaves
from tests.nilometer.audit.sieve.meanings import (
    Meaning,
    draw_values,
    meaning_of,
    name_of,
    record_with_cpython,
    recorded_values,
    results_of,
    stated,
)
from tests.nilometer.audit.sieve.test_columns import computed
from tests.rules.symbolic.test_meanings import ByZ3

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""A smaller seed says no more."""
FORMS = pytest.mark.parametrize("form", expected_events(), ids=name_of)


@cache
def by_z3(form: ExpectedEvent) -> ByZ3:
    return ByZ3(SymbolicRecord(ExpectedEvent, results_of(form)))


@FORMS
@settings(max_examples=2, deadline=None, phases=PHASES)
@given(seed=st.integers(0, 2**32))
def test_columns_and_evaluator_and_z3_agree(form: ExpectedEvent, seed: int) -> None:
    results = results_of(form)
    random = Random(seed)
    rows = [dict(draw_values(form, random)) for _ in range(20)]
    expected = [dict(zip(results, evaluate_all(list(results.values()), row), strict=True)) for row in rows]
    assert computed(results, rows) == expected
    assert [by_z3(form).compute(row) for row in rows[:5]] == expected[:5]


@FORMS
@settings(max_examples=4, deadline=None, phases=PHASES)
@given(seed=st.integers(0, 2**32))
def test_evaluator_and_cpython_agree(form: ExpectedEvent, seed: int) -> None:
    random = Random(seed)
    for _ in range(25):
        check_with_cpython(form, draw_values(form, random))


def check_with_cpython(form: ExpectedEvent, values: Mapping[str, Literal]) -> None:
    recorded, meaning = record_with_cpython(form, values), meaning_of(form, values)

    is_so = recorded.topic == form.topic and recorded.data["command"] == form.command
    keeps = form.is_refusal or form.is_removal or recorded.holds()
    if form.topic == topic_of(VmDefined):  # no command can name another generation
        keeps = keeps and values["generation"] in (1, 2)
    assert meaning[form.holds] is (is_so and keeps)
    if not is_so:
        return
    assert stated(form.data, meaning, "hv" if form.vm_after is None else "a") == recorded.data
    assert list(books_of(form, meaning)) == recorded.books
    states = [form.vm_after, *(host.after for host in form.hosts)]
    for state, after in zip(states, [recorded.vm, *recorded.hosts], strict=False):
        for path, term in () if state is None else leaves(state):
            assert meaning[term] == attrgetter(path)(after), path


def books_of(form: ExpectedEvent, meaning: Meaning) -> Iterator[tuple[str, object]]:
    """What the terms say of the events on streams of hosts."""
    for book in [host.book for host in form.hosts if host.book is not None]:
        for written, kind in ((book.gives, HostMemoryGranted), (book.gets_back, HostMemoryReturned)):
            if meaning[written]:
                yield topic_of(kind), stated(book.data, meaning, "a")


@FORMS
def test_values_that_were_recorded_are_of_each_form(form: ExpectedEvent) -> None:
    """Else all that is drawn might be refused, or of another form."""
    assert any(evaluate(form.holds, {**values}) for values in recorded_values(form))


@pytest.fixture(scope="module")
def prover() -> BoundsProver:
    return BoundsProver(Solver(BUDGET))


@FORMS
def test_every_number_on_the_way_fits_64_bits(form: ExpectedEvent, prover: BoundsProver) -> None:
    results = list(results_of(form).values())
    bound = constant(TOO_LARGE)
    numbers = [part for part in subterms(*results) if part.sort is int and part.parts]
    # What is computed on the way to a remainder.
    numbers += [
        terms.subtract(part.parts[0], terms.remainder(*part.parts)) for part in numbers if part.op is Op.REMAINDER
    ]
    claimed = [part for part in variables(*results).values() if part.sort is int]
    small = [terms.both(terms.at_most(constant(0), part), terms.at_most(part, constant(LARGEST))) for part in claimed]
    fits = [terms.both(terms.less(part, bound), terms.less(terms.negate(part), bound)) for part in numbers]
    goal = terms.both(*fits)
    assert prover.proves(
        Obligation(kind=OVERFLOW, rule="fits_64_bits", command=form.command, assumes=tuple(small), goal=goal)
    )
