"""When not to learn: the local optimum, the first-order condition, the two cases."""

from __future__ import annotations

import sympy as sp

from meta_bandit.theory.symbolic.base import (
    Phi,
    Result,
    Step,
    T,
    commit_value,
    gain,
    m,
    n,
    phi,
    posterior_mean_std,
    s,
    sigma_l,
    sigma_p,
    x,
)

cost = sp.Symbol("k", positive=True)
"""Price of a pull, -m, where the prior mean is negative."""
prior_pulls = sp.Symbol("a", positive=True)
"""How many pulls the prior is worth, sigma_l^2 / sigma_p^2."""


def spread() -> sp.Expr:
    """Spread of the estimate, s_n, written with the prior's worth in pulls."""
    return sigma_p * sp.sqrt(n / (n + prior_pulls))


def with_prior_pulls(expression: sp.Expr) -> sp.Expr:
    """Write an expression with the prior's worth in pulls in place of sigma_l."""
    return expression.subs(sigma_l, sigma_p * sp.sqrt(prior_pulls))


def marginal_benefit() -> sp.Expr:
    """What one more pull of exploration adds to the rest of life, A(n)."""
    return (T - n) * phi(m / spread()) * sp.diff(spread(), n)


def marginal_cost() -> sp.Expr:
    """What one more pull of exploration costs, B(n): its price and the gain forgone."""
    return gain(m, spread()) - m


def thm_never_local() -> Result:
    r"""Never learning is a local optimum of every task (thm-never-local)."""
    known = sp.Symbol("g_p", positive=True)
    ever, eta = sp.symbols("p eta", positive=True)
    # earned by a policy that pulls at all with probability p, and later at most with eta
    bound = ever * (-cost + eta * (T - 1) * known)
    epsilon, delta, worth = sp.symbols("epsilon delta w", positive=True)
    both = epsilon * (-cost + delta * worth)
    return Result(
        "thm-never-local",
        (
            sp.Eq(sp.Limit(sp.Derivative(sp.Function("V")(n), n), n, 0, "+"), m, evaluate=False),
            sp.Le(sp.Symbol("E[return]"), bound, evaluate=False),
        ),
        (
            Step(
                "slope",
                "the slope of V is benefit minus cost",
                sp.Derivative(with_prior_pulls(commit_value()), n),
                marginal_benefit() - marginal_cost(),
            ),
            Step(
                "benefit vanishes",
                "the benefit of the first bit of exploration vanishes",
                sp.Limit(marginal_benefit().subs(m, -cost), n, 0, "+"),
                sp.S.Zero,
            ),
            Step(
                "cost stays",
                "its cost does not, as the gain vanishes with the spread",
                sp.Limit(gain(-cost, s), s, 0, "+") + cost,
                cost,
            ),
            Step(
                "bound",
                "the bound on a policy that seldom pulls is a product whose last factor is negative"
                " while eta is below k / ((T - 1) g_p)",
                bound,
                ever * (T - 1) * known * (eta - cost / ((T - 1) * known)),
            ),
            Step(
                "example",
                "an example: to pull with probability epsilon and use it with probability delta"
                " pays at second order only",
                sp.series(both.subs({epsilon: x * epsilon, delta: x * delta}), x, 0, 3).removeO(),
                -cost * epsilon * x + epsilon * delta * worth * x**2,
            ),
        ),
        cites=("billingsley1995",),
        origin="known",
        sources=(
            "radner1984",
            "chade2002",
            "keppo2008",
            "frazier2010",
        ),
        credit=(
            "That the first bit of information may be worth nothing at the margin (claim 1); "
            "claims 2 and 3, on policies, are ours as far as was found."
        ),
    )


def prop_foc() -> Result:
    r"""First-order condition; at most one interior optimum (prop-foc)."""
    tail = m**2 / (2 * sigma_p**2)
    log_slope = (
        -1 / (T - n)
        + tail * prior_pulls / n**2
        - 1 / (2 * n)
        - sp.Rational(3, 2) / (n + prior_pulls)
    )
    at_crossing = log_slope - 1 / (T - n)
    weight = n / (n + prior_pulls)
    log_ml_benefit = (
        sp.log(T - n)
        - tail * weight
        + sp.log(1 + 2 * tail * (1 - weight))
        - sp.log(n) / 2
        - sp.Rational(3, 2) * sp.log(n + prior_pulls)
    )
    tau_n = sigma_p / sp.sqrt(weight)
    ml_gain = m * Phi(m / tau_n) + sigma_p**2 / tau_n * phi(m / tau_n)
    return Result(
        "prop-foc",
        (sp.Eq(marginal_benefit(), marginal_cost(), evaluate=False),),
        (
            Step(
                "slope",
                "the slope of V is benefit minus cost",
                sp.Derivative(with_prior_pulls(commit_value()), n),
                marginal_benefit() - marginal_cost(),
            ),
            Step(
                "benefit",
                "relative change of the benefit",
                sp.Derivative(marginal_benefit(), n) / marginal_benefit(),
                log_slope,
            ),
            Step(
                "cost",
                "the cost grows by the benefit a remaining pull has",
                sp.Derivative(marginal_cost(), n),
                marginal_benefit() / (T - n),
            ),
            Step(
                "one change of sign",
                "the sign of the ratio's slope at a crossing changes once: n^2 q falls",
                sp.Derivative(sp.expand(n**2 * at_crossing), n),
                -2 * n * (2 * T - n) / (T - n) ** 2
                - sp.Rational(1, 2)
                - sp.Rational(3, 2) * n * (n + 2 * prior_pulls) / (n + prior_pulls) ** 2,
            ),
            Step(
                "sample mean",
                "with the sample mean: the benefit",
                (T - n) * sp.Derivative(ml_gain, n),
                prior_pulls * sigma_p / (2 * sp.sqrt(2 * sp.pi)) * sp.exp(log_ml_benefit),
            ),
            Step(
                "sample mean falls",
                "and its relative change, every term of which is negative",
                sp.Derivative(log_ml_benefit, n),
                -1 / (T - n)
                - 1 / (2 * n)
                - sp.Rational(3, 2) / (n + prior_pulls)
                - tail * prior_pulls / (n + prior_pulls) ** 2
                - 2
                * tail
                * prior_pulls
                / ((n + prior_pulls) * (n + prior_pulls + 2 * tail * prior_pulls)),
            ),
        ),
        origin="ours",
        credit=(
            "The condition is a derivative set to zero; that there is one maximum is ours as "
            "far as was found."
        ),
    )


def prop_predictable() -> Result:
    r"""Case 1: behaviour is predictable a priori (prop-predictable)."""
    known, learnt = sp.symbols("g_p g_n", positive=True)
    value = -n * cost + (T - n) * learnt
    bound = -n * cost + (T - 1) * known
    return Result(
        "prop-predictable",
        (sp.Le((T - 1) * gain(m, sigma_p), sp.Abs(m), evaluate=False),),
        (
            Step(
                "gain grows",
                "the gain g(s) grows with s, as its slope is a density",
                sp.Derivative(gain(-cost, s), s),
                phi(cost / s),
            ),
            Step(
                "spread",
                "and s_n stays below sigma_p",
                sigma_p**2 - spread() ** 2,
                sigma_p**2 * prior_pulls / (n + prior_pulls),
            ),
            Step(
                "bound",
                "so for n >= 1 the value stays below a bound: both terms are positive or zero",
                bound - value,
                (T - 1) * (known - learnt) + (n - 1) * learnt,
            ),
            Step(
                "condition",
                "the bound is negative or zero where the condition holds",
                bound,
                ((T - 1) * known - cost) - (n - 1) * cost,
            ),
            Step(
                "sharp",
                "the condition is sharp: one pull tells all if sigma_l is small enough",
                sp.Limit(posterior_mean_std().subs(n, 1), sigma_l, 0, "+"),
                sigma_p,
            ),
        ),
        origin="paper",
        sources=("lange2022learning",),
        credit="The case is the authors', in words; inequality and proof are ours.",
    )


def prop_short_life() -> Result:
    r"""Case 2: life is too short (prop-short-life)."""
    learnt = sp.Symbol("g_n", positive=True)
    gain_of_n = sp.Function("G")(n)
    break_even = n * (1 + cost / learnt)
    psi, rho = sp.symbols("psi rho", positive=True)
    pulls = prior_pulls * (1 - rho) / rho
    return Result(
        "prop-short-life",
        (
            sp.Eq(
                sp.Symbol("T_c"),
                sigma_l**2 / sigma_p**2 * (1 - rho) * (1 + psi) / (rho * psi),
                evaluate=False,
            ),
        ),
        (
            Step(
                "break even",
                "n pulls break even in a life of this length",
                (-n * cost + (T - n) * learnt).subs(T, break_even),
                sp.S.Zero,
            ),
            Step(
                "longer lives",
                "and pay in any longer one",
                sp.Derivative(-n * cost + (T - n) * learnt, T),
                learnt,
            ),
            Step(
                "stationary",
                "the break-even life is stationary in n where V is, at that very lifetime",
                sp.Derivative(n * (1 + cost / gain_of_n), n),
                -sp.diff(-n * cost + (T - n) * gain_of_n, n).subs(T, n * (1 + cost / gain_of_n))
                / gain_of_n,
            ),
            Step(
                "pulls at the edge",
                "at the edge (thm-edge) exploration takes this many pulls",
                (prior_pulls / (n + prior_pulls)).subs(n, pulls),
                rho,
            ),
            Step(
                "life at the edge",
                "and life has the length at which they break even",
                break_even.subs({learnt: cost * psi, n: pulls}),
                prior_pulls * (1 - rho) * (1 + psi) / (rho * psi),
            ),
        ),
        origin="paper",
        sources=("lange2022learning",),
        credit="The case is the authors', in words; formula and proof are ours.",
    )
