"""Any prior, any reward: what of not learning owes nothing to Gauss; and the Bernoulli arm."""

from __future__ import annotations

import sympy as sp

from meta_bandit.theory.symbolic.base import Result, Step, T, n, x
from meta_bandit.theory.symbolic.never_learning import cost

alpha, beta = sp.symbols("alpha beta", positive=True)
"""Successes and failures that the prior is worth."""
theta = sp.Symbol("theta", positive=True)
"""Chance of a success in this life."""
successes = sp.Symbol("j", positive=True)
"""Successes among n pulls."""


def thm_any_prior() -> Result:
    r"""The two ways of not learning, and the local optimum, for any prior (thm-any-prior)."""
    known, learnt, eta, ever, variance, chance = sp.symbols("G G_n eta p v q", positive=True)
    bound = ever * (-cost + eta * (T - 1) * known)
    low = 2 * cost * chance / (1 - chance)
    spread = chance * (2 * cost) ** 2 + (1 - chance) * low**2
    return Result(
        "thm-any-prior",
        (
            sp.Le(sp.Symbol("V^*"), sp.Max(0, -cost + (T - 1) * known), evaluate=False),
            sp.Eq(sp.Symbol("T_c"), n * (1 + cost / learnt), evaluate=False),
            sp.Le(sp.Symbol("E[return]"), bound, evaluate=False),
        ),
        (
            Step(
                "seldom pulled",
                "a policy that pulls at all with probability p, and later at most with eta",
                bound,
                ever * (T - 1) * known * (eta - cost / ((T - 1) * known)),
            ),
            Step(
                "parabola",
                "a deviation x beyond the price is at most x squared over 4 k",
                x**2 / (4 * cost) - (x - cost),
                (x - 2 * cost) ** 2 / (4 * cost),
            ),
            Step(
                "variance",
                "so with variance v the gain is at most v / (4 k), and a life of T pulls earns"
                " nothing by learning if (T - 1) v is at most 4 k^2",
                -cost + (T - 1) * variance / (4 * cost),
                ((T - 1) * variance - 4 * cost**2) / (4 * cost),
            ),
            Step(
                "two-point prior",
                "the number 4 is best: a mean that is 2 k above its own with chance q, and else"
                " a little below",
                chance * 2 * cost - (1 - chance) * low,
                sp.S.Zero,
            ),
            Step(
                "its gain",
                "has a gain of all but a share q of that bound",
                chance * (2 * cost - cost) / (spread / (4 * cost)),
                1 - chance,
            ),
            Step(
                "break even",
                "n pulls break even in a life of this length",
                (-n * cost + (T - n) * learnt).subs(T, n * (1 + cost / learnt)),
                sp.S.Zero,
            ),
            Step(
                "longer lives",
                "and pay in any longer one",
                sp.Derivative(-n * cost + (T - n) * learnt, T),
                learnt,
            ),
        ),
        cites=("billingsley1995",),
    )


def prop_bernoulli() -> Result:
    r"""The Bernoulli arm with a beta prior (prop-bernoulli)."""
    total = alpha + beta
    price = sp.Symbol("c", positive=True)
    chance = (alpha + successes) / (total + n)

    def density(a: sp.Expr, b: sp.Expr) -> sp.Expr:
        return (
            theta ** (a - 1) * (1 - theta) ** (b - 1)
            * sp.gamma(a + b) / (sp.gamma(a) * sp.gamma(b))
        )  # fmt: skip

    def share(a: sp.Expr, b: sp.Expr) -> sp.Expr:
        return (
            sp.gamma(n + 1) / (sp.gamma(successes + 1) * sp.gamma(n - successes + 1))
            * sp.gamma(a + successes) * sp.gamma(b + n - successes) / sp.gamma(a + b + n)
            * sp.gamma(a + b) / (sp.gamma(a) * sp.gamma(b))
        )  # fmt: skip

    value, going_on = sp.Function("J"), sp.Function("C")
    return Result(
        "prop-bernoulli",
        (
            sp.Eq(value(n, successes), sp.Max(0, going_on(n, successes)), evaluate=False),
            sp.Eq(
                going_on(n, successes),
                chance
                - price
                + chance * value(n + 1, successes + 1)
                + (1 - chance) * value(n + 1, successes),
                evaluate=False,
            ),
        ),
        (
            Step(
                "martingale",
                "the estimate is its own mean after one more pull",
                chance * (alpha + successes + 1) / (total + n + 1)
                + (1 - chance) * (alpha + successes) / (total + n + 1),
                chance,
            ),
            Step(
                "resolved",
                "a pull resolves this much of what is unknown",
                chance * ((alpha + successes + 1) / (total + n + 1) - chance) ** 2
                + (1 - chance) * ((alpha + successes) / (total + n + 1) - chance) ** 2,
                chance * (1 - chance) / (total + n + 1) ** 2,
            ),
            Step(
                "success",
                "weighing by theta adds a success to the prior",
                sp.gammasimp(theta * density(alpha, beta) / density(alpha + 1, beta)),
                alpha / total,
            ),
            Step(
                "law of successes",
                "and so it does to the law of the successes",
                sp.gammasimp(chance * share(alpha, beta) / share(alpha + 1, beta)),
                alpha / total,
            ),
            Step(
                "next count",
                "each count of successes is as likely as the last one times this",
                sp.gammasimp(
                    share(alpha, beta).subs(successes, successes + 1) / share(alpha, beta)
                ),
                (n - successes)
                * (alpha + successes)
                / ((successes + 1) * (beta + n - successes - 1)),
            ),
        ),
        cites=("degroot1970", "bradt1956"),
        origin="known",
        sources=("bradt1956",),
        credit=(
            "The dynamic programme and leaving for good are Bradt, Johnson and Karlin's; the edge "
            "and its shape are this book's."
        ),
    )
