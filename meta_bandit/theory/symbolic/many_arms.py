"""Several unknown arms: committed plans, the ladder of local optima, bounds and an index."""

from __future__ import annotations

import sympy as sp

from meta_bandit.theory.symbolic.base import (
    Phi,
    Result,
    Step,
    T,
    gain,
    lam,
    m,
    n,
    phi,
    s,
    sigma_p,
    x,
)
from meta_bandit.theory.symbolic.never_learning import cost, marginal_benefit

arms = sp.Symbol("k", positive=True)
"""Arms that are tried."""


def best_of_gain() -> sp.Expr:
    """Expected positive part of the best of k Gaussians, G_k, not evaluated."""
    return sp.Integral(1 - Phi((x - m) / s) ** arms, (x, 0, sp.oo))


def prop_many_commit() -> Result:
    r"""What it is worth to try k arms n times each, then to commit (prop-many-commit)."""
    below = sp.Symbol("F", positive=True)
    distribution = sp.Function("F")(x)
    value = arms * n * m + (T - arms * n) * sp.Function("G_k")(sp.Symbol("s_n", positive=True))
    return Result(
        "prop-many-commit",
        (
            sp.Eq(sp.Symbol("V"), value, evaluate=False),
            sp.Eq(sp.Symbol("G_k"), best_of_gain(), evaluate=False),
        ),
        (
            Step(
                "by parts",
                "a mean is an integral over the chance to be above: by parts",
                sp.Derivative(x * (1 - distribution**arms), x),
                1
                - distribution**arms
                - x * arms * distribution ** (arms - 1) * sp.Derivative(distribution, x),
            ),
            Step(
                "one arm",
                "one arm: the integrand is the slope of the gain, with its sign changed",
                -sp.Derivative(gain(m - x, s), x),
                1 - Phi((x - m) / s),
            ),
            Step(
                "one more",
                "one arm more adds the chance that it is above and all others below",
                (1 - below ** (arms + 1)) - (1 - below**arms),
                below**arms * (1 - below),
            ),
            Step(
                "less each",
                "which is less for every further arm",
                below ** (arms + 1) * (1 - below) - below**arms * (1 - below),
                -(below**arms) * (1 - below) ** 2,
            ),
        ),
        cites=("billingsley1995",),
    )


def thm_ladder() -> Result:
    r"""Every number of tried arms is a local optimum (thm-ladder)."""
    ever, eta, worth = sp.symbols("p eta G", positive=True)
    bound = ever * (-cost + eta * (T - 1) * worth)
    best, spent = sp.symbols("B N", positive=True)
    extra = sp.Function("e")(n)
    value = -spent * cost - n * cost + (T - spent - n) * (best + extra)
    later, now = sp.symbols("W_L W_l", real=True)
    return Result(
        "thm-ladder",
        (
            sp.Le(sp.Symbol("E[return]"), sp.Symbol("W_k") + bound, evaluate=False),
            sp.Le(sp.Symbol("A"), m - sp.Max(0, sp.Symbol("mu_hat")), evaluate=False),
        ),
        (
            Step(
                "seldom pulled",
                "the bound on a policy that seldom pulls an untried arm is a product whose last"
                " factor is negative while eta is below k / ((T - 1) G)",
                bound,
                ever * (T - 1) * worth * (eta - cost / ((T - 1) * worth)),
            ),
            Step(
                "in between",
                "to put an untried arm in between costs its price and the last pull of life",
                (-cost + now) - later,
                -cost - (later - now),
            ),
            Step(
                "committed slope",
                "a committed plan: the slope in the pulls of one arm more",
                sp.Derivative(value, n),
                -cost - best - extra + (T - spent - n) * sp.Derivative(extra, n),
            ),
            Step(
                "at most its gain",
                "its estimate adds at most its own gain, whose slope vanishes at no pulls",
                sp.Limit(marginal_benefit().subs(m, -cost) / (T - n), n, 0, "+"),
                sp.S.Zero,
            ),
            Step(
                "gain vanishes",
                "as the gain itself does",
                sp.Limit(gain(-cost, s), s, 0, "+"),
                sp.S.Zero,
            ),
        ),
        cites=("billingsley1995",),
    )


def prop_many_bound() -> Result:
    r"""Two upper bounds of every policy (prop-many-bound)."""
    estimate, first, second, ahead = sp.symbols("mu_hat J_s J_t E", real=True)
    going_on = estimate - lam + ahead
    worth = sp.Function("J")(lam)
    known = sp.Symbol("K", positive=True)
    pulls = sp.Symbol("P", positive=True)
    return Result(
        "prop-many-bound",
        (
            sp.Le(sp.Symbol("V^*"), lam * T + (known - 1) * worth, evaluate=False),
            sp.Le(
                sp.Symbol("V^*"),
                sp.Symbol("E max sum(mu_hat - w (J - E J))"),
                evaluate=False,
            ),
        ),
        (
            Step(
                "not negative",
                "a pull pays its price back where life has room for it: what is added is not"
                " negative",
                lam * T + (estimate - lam * pulls) - estimate,
                lam * (T - pulls),
            ),
            Step(
                "charge",
                "the charge leaves the price, the fall of the value, and what a wrong pull loses",
                estimate - (second - ahead),
                lam + (first - second) - (first - going_on),
            ),
            Step(
                "full weight",
                "so that at full weight the bound by paths is at most the bound by price: of two"
                " pulls, the values between cancel",
                (lam + first - ahead) + (lam + ahead - second),
                2 * lam + first - second,
            ),
            Step(
                "one arm",
                "with one arm the price is 0, as the bound by price rises with it: an arm alone"
                " cannot be pulled more than T times",
                sp.Derivative(lam * T + worth, lam),
                T + sp.Derivative(worth, lam),
            ),
        ),
        cites=("brown2010", "whittle1988"),
        origin="known",
        sources=("whittle1988", "brown2010", "min2019"),
        credit=(
            "A price for the limit on pulls is Whittle's, a charge for foresight Brown, Smith and "
            "Sun's, for bandits of finite life that of Min and others; numbers are ours."
        ),
    )


def prop_many_index() -> Result:
    r"""An index for many arms from the thresholds of one (prop-many-index)."""
    rho, move = sp.Symbol("rho", real=True), sp.Symbol("d", positive=True)
    b = sp.Symbol("b", real=True)
    larger = (x + rho + sp.Abs(x - rho)) / 2
    return Result(
        "prop-many-index",
        (sp.Eq(sp.Symbol("nu"), sp.Symbol("mu_hat") - sp.Symbol("b_n(n+L)"), evaluate=False),),
        (
            Step(
                "shift",
                "against a known arm that pays rho all is as against 0, shifted",
                larger - rho,
                (x - rho + sp.Abs(x - rho)) / 2,
            ),
            Step(
                "threshold",
                "so the arm is as good as the known one where its estimate is a threshold above it",
                (x - rho - b).subs(rho, x - b),
                sp.S.Zero,
            ),
            Step(
                "two pulls",
                "with two pulls left: the index exceeds the estimate, as looking is worth a gain",
                (x - rho) + gain(x - rho, move),
                (x - rho) * (1 + Phi((x - rho) / move)) + move * phi((x - rho) / move),
            ),
            Step(
                "spread",
                "which grows with the spread that is left to resolve",
                sp.Derivative(gain(x - rho, sigma_p), sigma_p),
                phi((x - rho) / sigma_p),
            ),
        ),
        cites=("bradt1956", "gittins1979"),
        origin="known",
        sources=("bradt1956", "gittins1979"),
        credit=(
            "The index is Gittins', of a finite life; that the distance to the bound is small "
            "here is measured in this book."
        ),
    )
