"""The edge between learning and not learning, and how long the explorations beyond it are."""

from __future__ import annotations

import sympy as sp

from meta_bandit.theory.symbolic.base import (
    Phi,
    Result,
    Step,
    T,
    gain,
    m,
    n,
    phi,
    posterior_mean_std,
    sigma_l,
    sigma_p,
)
from meta_bandit.theory.symbolic.never_learning import cost, prior_pulls, spread

z = sp.Symbol("z", positive=True)
"""Cost of a pull in units of the estimate's spread, -m / s."""


def relative_gain(at: sp.Expr) -> sp.Expr:
    r"""Gain in units of the cost, :math:`\psi(z) = \varphi(z)/z - \Phi(-z)`."""
    return phi(at) / at - Phi(-at)


def unlearnt_share(at: sp.Expr) -> sp.Expr:
    r"""Share of the uncertainty that exploration leaves at the edge, :math:`\rho(z)`."""
    return 2 * at * relative_gain(at) * (1 + relative_gain(at)) / phi(at)


def thm_edge() -> Result:
    r"""The edge between learning and not learning, in closed form (thm-edge)."""
    psi, rho = relative_gain(z), unlearnt_share(z)
    p, q = sp.symbols("psi rho", positive=True)
    pulls = T * p / (1 + p)
    relative_slope = prior_pulls / (2 * n * (n + prior_pulls))
    density = sp.Symbol("phi", positive=True)
    mills = Phi(-z) / phi(z)
    return Result(
        "thm-edge",
        (
            sp.Eq(n, T * p / (1 + p), evaluate=False),
            sp.Eq(sigma_p, sp.Abs(m) / (z * sp.sqrt(1 - q)), evaluate=False),
            sp.Eq(sigma_l, sigma_p * sp.sqrt(T * p / (1 + p) * q / (1 - q)), evaluate=False),
        ),
        (
            Step(
                "gain",
                "the gain in units of the cost depends on z alone",
                gain(-cost, cost / z) / cost,
                psi,
            ),
            Step(
                "gain falls",
                "which is positive: it falls with z ...",
                sp.Derivative(psi, z),
                -phi(z) / z**2,
            ),
            Step("gain vanishes", "... to zero", sp.Limit(psi, z, sp.oo), sp.S.Zero),
            Step(
                "value",
                "V = 0 at n = T psi / (1 + psi)",
                (-n * cost + (T - n) * cost * p).subs(n, pulls),
                sp.S.Zero,
            ),
            Step(
                "spread",
                "relative slope of the spread",
                sp.Derivative(spread(), n) / spread(),
                relative_slope,
            ),
            Step(
                "slope",
                "V' = 0 asks for a share rho = a / (n + a) of uncertainty left",
                ((T - n) * density * (cost / z) * (q / (2 * n)) - cost * (1 + p))
                .subs(n, pulls)
                .subs(q, 2 * z * p * (1 + p) / density),
                sp.S.Zero,
            ),
            Step(
                "sigma_p",
                "sigma_p: the spread that is left to be had",
                (spread() ** 2).subs(prior_pulls, n * q / (1 - q)),
                sigma_p**2 * (1 - q),
            ),
            Step(
                "sigma_l",
                "sigma_l: the prior's worth in pulls",
                (n * q / (1 - q)) / (n + n * q / (1 - q)),
                q,
            ),
            Step(
                "Mills",
                "which is 2 (1 - z M) (1 + psi) with Mills' ratio M",
                rho,
                2 * (1 - z * mills) * (1 + psi),
            ),
            Step(
                "first factor falls",
                "the first factor falls with z, as M > z / (1 + z^2)",
                sp.Derivative(1 - z * mills, z),
                z - (1 + z**2) * mills,
            ),
            Step(
                "first factor positive",
                "the first factor is z psi / phi, which is positive",
                1 - z * mills,
                z * psi / phi(z),
            ),
            Step("begins above 1", "rho begins above 1", 1 / sp.Limit(rho, z, 0, "+"), sp.S.Zero),
            Step(
                "noise",
                "more noise leaves less spread to the estimate, so that V falls with it",
                sp.Derivative(posterior_mean_std() ** 2, sigma_l),
                -2 * n * sigma_l * sigma_p**4 / (n * sigma_p**2 + sigma_l**2) ** 2,
            ),
        ),
        cites=("gordon1941",),
        origin="ours",
        credit=(
            "That behaviour changes abruptly at an edge is the authors' finding; the closed "
            "form is ours as far as was found."
        ),
    )


def prop_sqrt_law() -> Result:
    r"""Exploration in long lives (prop-sqrt-law)."""
    nu, horizon = sp.symbols("nu L", positive=True)
    known = sp.Symbol("g_p", positive=True)
    density = sp.Symbol("phi", positive=True)
    limit = density * sigma_l**2 / (2 * sigma_p * nu**2) - (cost + known)
    slope = sp.diff(posterior_mean_std(), n)
    law = sigma_l * sp.sqrt(density / (2 * sigma_p * (cost + known)))
    return Result(
        "prop-sqrt-law",
        (
            sp.Eq(
                sp.Symbol("n^*"),
                sigma_l
                * sp.sqrt(T * phi(m / sigma_p) / (2 * sigma_p * (sp.Abs(m) + gain(m, sigma_p)))),
                evaluate=False,
            ),
        ),
        (
            Step(
                "all is told",
                "many pulls tell all",
                sp.Limit(posterior_mean_std(), n, sp.oo),
                sigma_p,
            ),
            Step(
                "one more pull",
                "and what one more adds falls with the square of their number",
                sp.Limit(n**2 * slope, n, sp.oo),
                sigma_l**2 / (2 * sigma_p),
            ),
            Step(
                "what is left",
                "in a life of L^2 pulls with n = nu L, remaining pulls over n squared tend to",
                sp.Limit((horizon**2 - nu * horizon) / (nu * horizon) ** 2, horizon, sp.oo),
                1 / nu**2,
            ),
            Step(
                "balance",
                "the limit of benefit minus cost is zero at the law",
                limit.subs(nu, law),
                sp.S.Zero,
            ),
            Step(
                "falls",
                "and falls with nu, so that the optimum is caught between its two sides",
                sp.Derivative(limit, nu),
                -density * sigma_l**2 / (sigma_p * nu**3),
            ),
        ),
        origin="known",
        sources=("stallard2017",),
        credit=(
            "The square root of the population as the rate of the best size of a trial; the "
            "constant for this task is derived here."
        ),
    )
