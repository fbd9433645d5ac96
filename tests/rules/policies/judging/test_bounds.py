"""A figure that is at least something: what is decided by that is so for every figure from there on."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.policies.judging.bounds import evaluate_bounded
from rules.symbolic import terms
from rules.symbolic.terms import Term, evaluate

HELD, OTHER = terms.variable("held", int), terms.variable("other", int)
BEYOND = 200
"""Of terms as small as these, no more can be told apart from here on."""

SIZES: st.SearchStrategy[Term] = st.recursive(
    st.one_of(st.integers(-6, 6).map(terms.constant), st.sampled_from([HELD, OTHER])),
    lambda inner: st.one_of(
        st.tuples(inner, inner).flatmap(
            lambda pair: st.sampled_from([terms.add, terms.subtract, terms.least, terms.most]).map(
                lambda make: make(*pair)
            )
        ),
        inner.map(terms.negate),
        st.tuples(inner, st.integers(-2, 3)).map(lambda pair: terms.multiply(pair[0], terms.constant(pair[1]))),
        st.tuples(inner, st.integers(1, 3)).map(lambda pair: terms.divide(pair[0], terms.constant(pair[1]))),
    ),
    max_leaves=5,
)
SENTENCES: st.SearchStrategy[Term] = st.recursive(
    st.tuples(st.sampled_from([terms.at_most, terms.less, terms.equal]), SIZES, SIZES).map(
        lambda parts: parts[0](parts[1], parts[2])
    ),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: terms.both(*pair)),
        st.tuples(inner, inner).map(lambda pair: terms.either(*pair)),
        inner.map(terms.negation),
    ),
    max_leaves=3,
)


@settings(max_examples=400, deadline=None)
@given(SENTENCES, st.integers(0, 12), st.integers(-6, 6))
def test_what_is_decided_is_so_for_every_figure_from_the_least_on(sentence: Term, least: int, other: int) -> None:
    found = evaluate_bounded(sentence, {"other": other}, {}, {"held": least})
    if found is not None:
        every = {evaluate(sentence, {"held": held, "other": other}) for held in range(least, least + BEYOND)}
        assert every == {found}


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 4))
def test_a_sum_over_a_bound_is_decided_as_soon_as_the_least_is(least: int, bound: int, factor: int) -> None:
    scaled = terms.multiply(HELD, terms.constant(factor))
    found = evaluate_bounded(terms.at_most(scaled, terms.constant(bound)), {}, {}, {"held": least})
    assert found is (False if least * factor > bound else None)
