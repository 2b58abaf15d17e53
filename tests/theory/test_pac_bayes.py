"""PAC-Bayes: worked figures, divergences against sixty digits, inverses that err on the safe side."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from goldfish import theory

RATE = st.floats(0, 1)


def divergence(q, p):
    with localcontext() as context:
        context.prec = 120
        q, p = Decimal(q), Decimal(p)
        parts = [a * (a / b).ln() if b else Decimal("inf") for a, b in ((q, p), (1 - q, 1 - p)) if a]
        return sum(parts, Decimal(0))


@given(RATE, RATE)
def test_the_divergence(q, p):
    assert theory.kl_bernoulli(q, p) == pytest.approx(float(divergence(q, p)), rel=1e-12, abs=1e-300)


@given(RATE, st.one_of(st.floats(1e-40, 50), st.floats(1e-40, 1e-9), st.just(0.0)))
def test_the_inverse_is_outside_and_close(q, c):
    high, low = theory.kl_inverse(q, c), theory.kl_inverse(q, c, upper=False)
    assert 0 <= low <= q <= high <= 1
    for end, inner in ((high, math.nextafter(high, q)), (low, math.nextafter(low, q))):
        if end not in (0.0, 1.0):
            assert divergence(q, end) >= Decimal(c)
            assert c < 1e-30 or inner == q or divergence(q, inner) < Decimal(c) * (1 + Decimal("1e-12"))


def test_the_inverse_in_closed_form():
    for c in (0.01, 0.5, 3.0):
        assert theory.kl_inverse(0.0, c) == pytest.approx(-math.expm1(-c), rel=1e-14)
        assert theory.kl_inverse(1.0, c, upper=False) == pytest.approx(math.exp(-c), rel=1e-14)
    assert theory.kl_inverse(0.3, math.inf) == 1
    assert theory.kl_inverse(0.3, math.inf, upper=False) == 0
    assert theory.kl_inverse(0.3, 0.0) == 0.3
    assert theory.kl_inverse(0.0, 5e-324) == 5e-324
    assert theory.kl_inverse(0.3, 5e-324) == math.nextafter(0.3, 1)


def test_worked_bounds():
    figures = {"maurer": 0.1531096282, "seeger": 0.1595761913, "mcallester": 0.1779190512, "xi": 0.1520011952}
    for form, expected in figures.items():
        bound = theory.pac_bayes(0.1, 5.0, 1000, 0.05, form=form)
        assert bound.value == pytest.approx(expected, abs=2e-10)
        assert bound.kind == "upper"
        assert "0.1" in bound.statement


@pytest.mark.parametrize("n", [1, 2, 7, 8, 100, 1000])
def test_xi_is_the_sum_that_it_stands_for(n):
    from goldfish.theory.pac_bayes import _log_xi

    xi = math.fsum(math.comb(n, k) * (k / n) ** k * (1 - k / n) ** (n - k) for k in range(n + 1))
    assert math.log(xi) <= _log_xi(n) <= math.log(xi) + 1e-8
    assert n < 8 or xi <= 2 * math.sqrt(n)
    if n == 1000:
        assert xi == pytest.approx(40.3032, abs=1e-4)


def test_few_examples_use_the_exact_constant():
    for n in (1, 3, 7):
        exact = theory.pac_bayes(0.1, 0.5, n, 0.05, form="xi").value
        assert theory.pac_bayes(0.1, 0.5, n, 0.05).value == exact


def test_catoni_with_the_best_of_many_lambdas_is_no_worse_than_seeger_by_much():
    """At the best fixed lambda Catoni's bound is kl's without the logarithm of n."""
    grid = np.linspace(0.01, 5, 500)
    best = min(theory.pac_bayes(0.1, 5.0, 1000, 0.05, form="catoni", lam=float(v)).value for v in grid)
    assert best == pytest.approx(theory.kl_inverse(0.1, (5.0 + math.log(20)) / 1000), abs=1e-4)


def test_gaussians():
    rng = np.random.default_rng(0)
    mu_q, mu_p = rng.standard_normal((2, 5))
    var_q, var_p = rng.uniform(0.2, 3, (2, 5))
    draws = mu_q + np.sqrt(var_q) * rng.standard_normal((400_000, 5))
    log_ratio = -0.5 * ((draws - mu_q) ** 2 / var_q + np.log(var_q) - (draws - mu_p) ** 2 / var_p - np.log(var_p)).sum(
        1
    )
    value = theory.kl_gaussian(mu_q, var_q, mu_p, var_p)
    assert value == pytest.approx(log_ratio.mean(), abs=5 * log_ratio.std() / math.sqrt(len(draws)))
    assert theory.kl_gaussian(mu_q, var_q, mu_q, var_q) == 0


def test_a_test_set_bound_is_the_special_case_of_no_divergence():
    """kl_inverse relaxes the binomial tail (Chernoff), so it is never below it."""
    for errors, n in ((0, 50), (3, 100), (40, 200)):
        chernoff = theory.kl_inverse(errors / n, math.log(20) / n)
        assert theory.test_set_bound(errors, n, 0.05).value <= chernoff * (1 + 1e-11)
        assert special.bdtr(errors, n, chernoff) <= 0.05 * (1 + 1e-11)
