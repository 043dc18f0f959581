"""A life that may end at any pull: what changes where a hazard of death is all that is known."""

from __future__ import annotations

import sympy as sp

from meta_bandit.theory.symbolic.base import Result, Step, T, gain, m, phi, sigma_p, x
from meta_bandit.theory.symbolic.stopping import z

odds = sp.Symbol("lambda", positive=True)
"""Pulls to come on average, while alive."""
survival = odds / (1 + odds)
"""Probability to live on after a pull, gamma, written so that it lies between 0 and 1."""


def expected_pulls(pulls: sp.Expr) -> sp.Expr:
    """Of so many pulls, those that are lived to be expected; the next one is."""
    return (1 - survival**pulls) / (1 - survival)


def prop_hazard() -> Result:
    r"""Told a hazard of death, the optimum is a discounted stopping rule (prop-hazard)."""
    value, continuation = sp.Function("J"), sp.Function("C")
    gamma, move = sp.Symbol("gamma", positive=True), sp.Symbol("d_n", positive=True)
    pulls = sp.Symbol("n", integer=True, nonnegative=True)
    k = sp.Symbol("k", integer=True, positive=True)
    left = sp.Symbol("k", positive=True)
    unknown = sp.Symbol("v", positive=True)
    ahead = sp.Integral(value(pulls + 1, x + move * z) * phi(z), (z, -sp.oo, sp.oo))
    return Result(
        "prop-hazard",
        (
            sp.Eq(value(pulls, x), sp.Max(0, continuation(pulls, x)), evaluate=False),
            sp.Eq(continuation(pulls, x), x + gamma * ahead, evaluate=False),
        ),
        (
            Step(
                "lived",
                "a pull is lived if life ends with it or after it",
                sp.Sum((1 - survival) * survival ** (k + pulls - 1), (k, 1, sp.oo)),
                survival**pulls,
            ),
            Step(
                "mean life",
                "a life lasts as long on average as there are pulls to expect",
                sp.Sum(k * (1 - survival) * survival ** (k - 1), (k, 1, sp.oo)),
                1 / (1 - survival),
            ),
            Step(
                "discount",
                "of the pulls that are left the next is lived, the others with a discount",
                expected_pulls(left + 1),
                1 + survival * expected_pulls(left),
            ),
            Step(
                "horizon",
                "what lies beyond a horizon counts this much of what a whole life is worth",
                1 / (1 - survival) - expected_pulls(T),
                survival**T / (1 - survival),
            ),
            Step(
                "one pull tells all",
                "who is told the arm after one pull earns this",
                m + (1 / (1 - survival) - 1) * gain(m, sigma_p),
                m + odds * gain(m, sigma_p),
            ),
            Step(
                "no hazard",
                "without a hazard, all pulls that are left are to be expected",
                sp.Limit((1 - gamma**left) / (1 - gamma), gamma, 1),
                left,
            ),
            Step(
                "heat",
                "what knowing the arm is worth spreads like heat, so that its mean is no other"
                " after a pull than before",
                sp.Derivative(gain(x, sp.sqrt(unknown)), unknown),
                sp.Derivative(gain(x, sp.sqrt(unknown)), (x, 2)) / 2,
            ),
        ),
        cites=("gittins1979", "billingsley1995"),
        origin="known",
        sources=("gittins1979",),
        credit=(
            "A geometric lifetime is discounting, whose best rule is an index; bounds and "
            "numbers are ours."
        ),
    )
