"""Ends of the ranges: wide worlds, long lives, predictable worlds, little noise."""

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
    posterior_var,
    sigma_l,
    sigma_p,
)
from meta_bandit.theory.symbolic.edge import relative_gain, unlearnt_share, z
from meta_bandit.theory.symbolic.never_learning import cost, prior_pulls
from meta_bandit.theory.symbolic.stopping import step_var

xi = sp.Symbol("xi", real=True)
"""Estimate of a wide world in units of the root of the time that is left."""
chi = sp.Symbol("chi", positive=True)
"""Noise in units of sigma_p^2 / k."""
edge_at = sp.Symbol("c", positive=True)
"""Where the threshold of a wide world lies, in the same unit, below zero."""


def option(at: sp.Expr) -> sp.Expr:
    r"""Mean of the cube of :math:`(Z - \xi)_+`: the shape of the option to leave, h."""
    return (at**2 + 2) * phi(at) - (at**3 + 3 * at) * Phi(-at)


def thm_wide_worlds() -> Result:
    r"""The edges of wide worlds are universal (thm-wide-worlds)."""
    psi, rho = relative_gain(z), unlearnt_share(z)
    p, q = sp.symbols("psi rho", positive=True)
    wide = posterior_mean_std().subs(sigma_l, chi * sigma_p**2 / cost)
    scale = sp.Symbol("alpha", positive=True)
    shape = xi + scale * option(xi)
    slope = option(xi).diff(xi)
    unfit = (1 - edge_at**2) * phi(edge_at) - edge_at**3 * Phi(edge_at)
    pulls_later = sp.Symbol("j", nonnegative=True)
    pulls = T * p / (1 + p)
    spread = cost / (z * sp.sqrt(1 - q))
    noise = spread * sp.sqrt(pulls * q / (1 - q))
    return Result(
        "thm-wide-worlds",
        (
            sp.Eq(unfit, 0, evaluate=False),
            sp.Eq(sp.Symbol("c_0") / z, sp.sqrt(psi / (1 + psi)), evaluate=False),
            sp.Eq(rho, 1, evaluate=False),
        ),
        (
            Step(
                "even moves",
                "in a wide world each pull moves the estimate by as much",
                sp.Limit(wide**2, sigma_p, sp.oo),
                n * cost**2 / chi**2,
            ),
            Step(
                "smaller worlds",
                "in any other, pulls have told less by then",
                n * sigma_p**4 / sigma_l**2 - posterior_mean_std() ** 2,
                n**2 * sigma_p**6 / (sigma_l**2 * (n * sigma_p**2 + sigma_l**2)),
            ),
            Step(
                "least move",
                "and no move is smaller than sigma_l / (a + T - 1), at T = n + 2 + j",
                (prior_pulls + n + 1 + pulls_later) ** 2
                - (n + prior_pulls) * (n + prior_pulls + 1),
                (n + prior_pulls + 1) * (1 + 2 * pulls_later) + pulls_later**2,
            ),
            Step(
                "shape",
                "adaptive: the value of a shape f solves this equation",
                sp.Rational(3, 2) * shape
                - xi * sp.Derivative(shape, xi) / 2
                - xi
                - sp.Derivative(shape, (xi, 2)) / 2,
                sp.S.Zero,
            ),
            Step(
                "curvature",
                "the option's curvature is a gain, which is positive",
                sp.Derivative(option(xi), (xi, 2)),
                6 * gain(-xi, sp.S.One),
            ),
            Step(
                "curvature falls",
                "and it falls, at a slope between -6 and 0",
                sp.Derivative(6 * gain(-xi, sp.S.One), xi),
                -6 * Phi(-xi),
            ),
            Step(
                "smooth fit",
                "value and slope vanish together at -c",
                option(-edge_at) + edge_at * slope.subs(xi, -edge_at),
                2 * unfit,
            ),
            Step(
                "once",
                "which happens once: the difference falls",
                sp.Derivative(unfit, edge_at),
                -3 * edge_at * gain(edge_at, sp.S.One),
            ),
            Step(
                "edge",
                "there the curvature of f is 2 c: with alpha = -1 / h'(-c), up to that difference",
                6 * gain(edge_at, sp.S.One) + 2 * edge_at * slope.subs(xi, -edge_at),
                6 * unfit,
            ),
            Step(
                "committed edge",
                "committed: the square of chi on the edge of thm-edge",
                (noise * cost / spread**2) ** 2,
                T * z**2 * q * p / (1 + p),
            ),
            Step(
                "committed optimum",
                "without the share rho it is stationary where rho = 1, and falls beyond",
                sp.Derivative(sp.log(z**2 * psi / (1 + psi)), z),
                (2 / z) * (1 - 1 / rho),
            ),
        ),
        cites=("billingsley1995", "peskir2006"),
        credit=(
            "Ours as far as was found. To stop a Wiener process before a horizon is a theme since "
            "Chernoff and Ray (1965), whose text, beyond its abstract, could not be read: the "
            "constant c may stand there. The shift by which whole times miss it is Chernoff's."
        ),
    )


def prop_price_of_commitment() -> Result:
    r"""What a commitment costs in long lives (prop-price-of-commitment)."""
    nu, known = sp.symbols("nu g_p", positive=True)
    density = sp.Symbol("phi", positive=True)
    per_pull, missed = sp.symbols("alpha beta", positive=True)
    law = sp.sqrt(T) * sigma_l * sp.sqrt(density / (2 * sigma_p * (cost + known)))
    price = sigma_l * sp.sqrt(2 * T * density * (cost + known) / sigma_p)
    distance = sp.Symbol("u", positive=True)
    worst = sp.Symbol("B", positive=True)
    k = sp.Symbol("j", integer=True, positive=True)
    return Result(
        "prop-price-of-commitment",
        (
            sp.Eq(
                sp.Symbol("price"),
                sigma_l
                * sp.sqrt(2 * T * phi(m / sigma_p) * (sp.Abs(m) + gain(m, sigma_p)) / sigma_p),
                evaluate=False,
            ),
        ),
        (
            Step(
                "untold",
                "what n pulls leave untold falls as 1 / n",
                sp.Limit(n * (sigma_p - posterior_mean_std()), n, sp.oo),
                sigma_l**2 / (2 * sigma_p),
            ),
            Step(
                "least sum",
                "a price and a loss: their sum is least where they are equal",
                per_pull * nu + missed / nu - 2 * sp.sqrt(per_pull * missed),
                (sp.sqrt(per_pull * nu) - sp.sqrt(missed / nu)) ** 2,
            ),
            Step(
                "price",
                "that least sum is the price",
                (2 * sp.sqrt(T * per_pull * missed)).subs(
                    {per_pull: cost + known, missed: density * sigma_l**2 / (2 * sigma_p)}
                ),
                price,
            ),
            Step(
                "square-root law",
                "half of it is what the exploration of the square-root law costs",
                law * (cost + known),
                price / 2,
            ),
            Step(
                "bad arms",
                "adaptive: the chances to stay with a bad arm add up to a geometric series",
                sp.Sum((1 + nu) ** -k, (k, 1, sp.oo)),
                1 / nu,
            ),
            Step(
                "a little bad",
                "arms a little below zero cost a square of the noise",
                sp.Integral(T * distance, (distance, 0, sigma_l / sp.sqrt(T))),
                sigma_l**2 / 2,
            ),
            Step(
                "worse",
                "and worse ones a logarithm of the lifetime",
                sp.Integral(worst / distance, (distance, sigma_l / sp.sqrt(T), sigma_l)),
                worst * sp.log(T) / 2,
            ),
        ),
        cites=("billingsley1995",),
        credit=(
            "The order of the regret is Lai's (1987); the price, and an upper bound of the regret "
            "with its constants for this task, are ours as far as was found."
        ),
    )


def prop_predictable_side() -> Result:
    r"""Where every edge begins (prop-predictable-side)."""
    w = sp.Symbol("w", positive=True)
    start = sp.Symbol("sigma_0", positive=True)
    psi = relative_gain(z)
    one_pull = sigma_p / start * sp.sqrt(sigma_p**2 - start**2)
    excess = sp.Symbol("epsilon", positive=True)
    return Result(
        "prop-predictable-side",
        (
            sp.Eq((T - 1) * gain(m, start), sp.Abs(m), evaluate=False),
            sp.Eq(sp.Symbol("sigma_1"), one_pull, evaluate=False),
        ),
        (
            Step(
                "lower bound",
                "psi lies above a first bound: the difference rises to 0",
                sp.Derivative(phi(z) / (z * (z**2 + 3)) - psi, z),
                6 * phi(z) / (z**2 * (z**2 + 3) ** 2),
            ),
            Step(
                "upper bound",
                "and below a second: the difference falls to 0",
                sp.Derivative(phi(z) / (z * (z**2 + 1)) - psi, z),
                -2 * phi(z) / (z**2 + 1) ** 2,
            ),
            Step(
                "Lambert",
                "what the bounds leave out, the logarithm of T - 1 is solved by Lambert's function",
                sp.log(z**3 * sp.exp(z**2 / 2)).subs(z, sp.sqrt(3 * w)),
                sp.Rational(3, 2) * sp.log(3 * w * sp.exp(w)),
            ),
            Step(
                "one pull",
                "at the noise of one pull its estimate has the spread that breaks even",
                posterior_mean_std().subs(n, 1).subs(sigma_l, one_pull) ** 2,
                start**2,
            ),
            Step(
                "begins",
                "the edge begins like a root",
                sp.Limit(one_pull.subs(sigma_p, start + excess) ** 2 / excess, excess, 0, "+"),
                2 * start,
            ),
            Step(
                "ends",
                "and in wide worlds it ends as a multiple of the square of sigma_p",
                sp.Limit(one_pull / sigma_p**2, sigma_p, sp.oo),
                1 / start,
            ),
        ),
        credit=(
            "The knowledge gradient is that of Frazier, Powell and others; its edge, and where all "
            "edges begin, are ours as far as was found."
        ),
    )


def prop_small_noise() -> Result:
    r"""What a little noise costs the adaptive learner (prop-small-noise)."""
    u = sp.Symbol("u", real=True)
    loss = sp.Symbol("ell_T", positive=True)
    start, excess, density = sp.symbols("sigma_0 epsilon phi", positive=True)
    noise = (T - 1) * start * excess / loss
    return Result(
        "prop-small-noise",
        (
            sp.Eq(
                sp.Symbol("C_0"),
                m + (T - 1) * gain(m, sigma_p) - phi(m / sigma_p) * sigma_l**2 / sigma_p * loss,
                evaluate=False,
            ),
        ),
        (
            Step(
                "uncertainty",
                "without noise to compare it with, the prior is flat: the uncertainty",
                sp.Limit(posterior_var() / sigma_l**2, sigma_l, 0, "+"),
                1 / n,
            ),
            Step(
                "moves",
                "and the moves",
                sp.Limit(step_var() / sigma_l**2, sigma_l, 0, "+"),
                1 / (n * (n + 1)),
            ),
            Step(
                "one reward",
                "what a choice by one reward loses has this antiderivative, which ends at 0",
                sp.Derivative((u * phi(u) - (1 + u**2) * Phi(-u)) / 2, u),
                gain(-u, sp.S.One),
            ),
            Step(
                "a quarter",
                "so that it adds up to a quarter on either side",
                -((u * phi(u) - (1 + u**2) * Phi(-u)) / 2).subs(u, 0),
                sp.Rational(1, 4),
            ),
            Step(
                "balance",
                "at the edge what the noise costs is what the excess of sigma_p brings",
                density / start * noise * loss,
                (T - 1) * density * excess,
            ),
            Step(
                "single look",
                "with the loss of a single look, (T - 1) / 2, this is the edge of one pull",
                noise.subs(loss, (T - 1) / 2),
                2 * start * excess,
            ),
        ),
        cites=("billingsley1995",),
    )
