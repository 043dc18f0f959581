"""The adaptive learner: optimal stopping, and what it adds to commitment."""

from __future__ import annotations

import sympy as sp

from meta_bandit.theory.symbolic.base import (
    Result,
    Step,
    T,
    gain,
    m,
    n,
    phi,
    posterior_mean_std,
    posterior_var,
    s,
    sigma_l,
    sigma_p,
    x,
)

z = sp.Symbol("z", real=True)
"""A standard normal variable."""


def step_var(pulls: sp.Expr = n) -> sp.Expr:
    """Variance of the posterior mean's next move, d_n^2."""
    var = posterior_var().subs(n, pulls)
    return var**2 / (var + sigma_l**2)


def thm_stopping() -> Result:
    r"""The Bayes-optimal policy stops at a threshold (thm-stopping)."""
    prior_pulls = sigma_l**2 / sigma_p**2
    value, continuation = sp.Function("J"), sp.Function("C")
    move = sp.Symbol("d_n", positive=True)
    ahead = sp.Integral(value(n + 1, x + move * z) * phi(z), (z, -sp.oo, sp.oo))
    return Result(
        "thm-stopping",
        (
            sp.Eq(value(n, x), sp.Max(0, continuation(n, x)), evaluate=False),
            sp.Eq(continuation(n, x), x + ahead, evaluate=False),
            sp.Eq(move**2, step_var(), evaluate=False),
        ),
        (
            Step(
                "surprise",
                "a reward moves the estimate by this share of its surprise",
                posterior_var().subs(n, n + 1) / sigma_l**2,
                posterior_var() / (posterior_var() + sigma_l**2),
            ),
            Step(
                "movement",
                "the estimate moves by what the pull resolves of the uncertainty",
                step_var(),
                posterior_var() - posterior_var().subs(n, n + 1),
            ),
            Step(
                "prior's worth",
                "written with the prior's worth in pulls",
                step_var(),
                sigma_l**2 / ((n + prior_pulls) * (n + prior_pulls + 1)),
            ),
            Step(
                "smaller moves",
                "each move is smaller than the last",
                step_var() - step_var(n + 1),
                2
                * sigma_l**2
                / ((n + prior_pulls) * (n + prior_pulls + 1) * (n + prior_pulls + 2)),
            ),
            Step(
                "sum of moves",
                "the first moves up to n add up to the law of the posterior mean",
                posterior_mean_std().subs(n, n + 1) ** 2 - posterior_mean_std() ** 2,
                step_var(),
            ),
        ),
        cites=("bradt1956", "degroot1970", "billingsley1995"),
        origin="known",
        sources=(
            "bradt1956",
            "chernoff1965inspection",
            "chernoff1981",
            "berry1985",
            "burnetas2003",
        ),
        credit=(
            "One known arm, one unknown, a finite horizon, or a lot to be inspected: a problem of "
            "optimal stopping, also in continuous time."
        ),
    )


def prop_stopping_edge() -> Result:
    r"""Learning pays for the stopping policy on more tasks (prop-stopping-edge)."""
    value = sp.Function("V")
    return Result(
        "prop-stopping-edge",
        (sp.Implies(sp.Ge(value(n), 0), sp.Gt(sp.Symbol("V^*"), value(n))),),
        (
            Step(
                "freedom",
                "to be free to leave later is worth the gain of the other arm",
                gain(x, s) - x,
                gain(-x, s),
            ),
            Step(
                "positive",
                "which is positive, as it rises from 0 with the spread",
                sp.Derivative(gain(-x, s), s),
                phi(x / s),
            ),
            Step(
                "two pulls",
                "in a life of two pulls there is nothing to be free for: both policies agree",
                m + gain(m, sp.sqrt(posterior_var().subs(n, 0) - posterior_var().subs(n, 1))),
                (n * m + (T - n) * gain(m, posterior_mean_std())).subs({n: 1, T: 2}),
            ),
        ),
        cites=("billingsley1995",),
        origin="ours",
    )


def prop_stopping_edge_curve() -> Result:
    r"""The adaptive edge is one rising curve (prop-stopping-edge-curve)."""
    told = n * sigma_p**2 + sigma_l**2
    worth = sp.Symbol("V_T", positive=True)
    cost = sp.Symbol("k", positive=True)
    return Result(
        "prop-stopping-edge-curve",
        (sp.Eq(m + sp.Symbol("E[J_1]"), 0, evaluate=False),),
        (
            Step(
                "noise",
                "the clock of information goes slower with more noise",
                sp.Derivative(posterior_mean_std() ** 2, sigma_l),
                -2 * n * sigma_l * sigma_p**4 / told**2,
            ),
            Step(
                "uncertainty",
                "and faster with more uncertainty",
                sp.Derivative(posterior_mean_std() ** 2, sigma_p),
                2 * n * sigma_p**3 * (n * sigma_p**2 + 2 * sigma_l**2) / told**2,
            ),
            Step(
                "one step more",
                "one step of T made twice, each as likely as the next",
                ((T - 1) * worth + 2 * worth) / T,
                (T + 1) / T * worth,
            ),
            Step(
                "no noise",
                "with next to no noise one pull tells all",
                sp.Limit(posterior_mean_std().subs(n, 1), sigma_l, 0, "+"),
                sigma_p,
            ),
            Step(
                "all noise",
                "with very much a whole life tells nothing",
                sp.Limit(posterior_mean_std(), sigma_l, sp.oo),
                sp.S.Zero,
            ),
            Step(
                "nothing",
                "and the gain of nothing is nothing",
                sp.Limit(gain(-cost, s), s, 0, "+"),
                sp.S.Zero,
            ),
        ),
        cites=("billingsley1995",),
        credit=(
            "That noise added to an experiment makes it worth no more is Blackwell's; that the "
            "edge is one curve is ours as far as was found."
        ),
    )
