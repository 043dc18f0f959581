"""The posterior, and what exploring for n pulls and then committing is worth."""

from __future__ import annotations

import sympy as sp

from meta_bandit.theory.symbolic.base import (
    Phi,
    Result,
    S,
    Step,
    T,
    c,
    commit_value,
    gain,
    lam,
    m,
    ml_gain,
    mu,
    n,
    normal_pdf,
    phi,
    posterior_mean,
    posterior_mean_std,
    posterior_var,
    r,
    s,
    sample_mean_std,
    sigma_l,
    sigma_p,
    t,
    tau,
    x,
)


def prop_posterior() -> Result:
    r"""Gaussian update: what n rewards say of the arm's mean (prop-posterior)."""
    mean, var = posterior_mean(), posterior_var()
    log_prior = -((mu - m) ** 2) / (2 * sigma_p**2)
    # of the rewards' exponent only what depends on mu is kept: their squares drop out
    log_likelihood = (2 * mu * S - n * mu**2) / (2 * sigma_l**2)
    log_posterior = -((mu - mean) ** 2) / (2 * var)
    var_next = var.subs(n, n + 1)
    weight = n / (n + sigma_l**2 / sigma_p**2)
    return Result(
        "prop-posterior",
        (
            sp.Eq(sp.Symbol(r"\hat\mu_n"), mean, evaluate=False),
            sp.Eq(sp.Symbol("v_n"), var, evaluate=False),
        ),
        (
            Step(
                "Bayes' rule",
                "prior times likelihood and the claimed density have the same logarithmic slope",
                sp.Derivative(log_prior + log_likelihood, mu),
                sp.Derivative(log_posterior, mu),
            ),
            Step(
                "precision",
                "one more reward adds one unit of precision",
                1 / var_next,
                1 / var + 1 / sigma_l**2,
            ),
            Step(
                "one by one",
                "updating reward by reward gives what updating at once gives",
                posterior_mean().subs({n: n + 1, S: S + r}, simultaneous=True),
                var_next * (mean / var + r / sigma_l**2),
            ),
            Step(
                "weights",
                "the posterior mean weighs the sample mean against the prior mean",
                mean,
                weight * S / n + (1 - weight) * m,
            ),
        ),
        origin="known",
        sources=("degroot1970",),
        credit="Conjugate updating of a Gaussian prior is textbook matter.",
    )


def prop_posterior_law() -> Result:
    r"""Law of the posterior mean over lives, before any reward is seen (prop-posterior-law)."""
    std = posterior_mean_std()
    offset = posterior_var() * m / sigma_p**2
    slope = posterior_var() / sigma_l**2
    u = sp.Symbol("u", real=True)
    return Result(
        "prop-posterior-law",
        (sp.Eq(sp.Symbol("s_n") ** 2, std**2, evaluate=False),),
        (
            Step(
                "Gaussian",
                "moment generating function of a Gaussian",
                sp.Integral(sp.exp(u * x) * normal_pdf(x, mu, s**2), (x, -sp.oo, sp.oo)),
                sp.exp(mu * u + s**2 * u**2 / 2),
            ),
            Step(
                "affine",
                "the posterior mean is an affine function of the rewards' sum",
                posterior_mean(),
                offset + slope * S,
            ),
            Step(
                "cumulants",
                "given mu the sum is N(n mu, n sigma_l^2), and mu is N(m, sigma_p^2): together the"
                " posterior mean has the cumulants of N(m, s_n^2)",
                t * offset
                + slope * t * n * m
                + (slope * t) ** 2 * n * sigma_l**2 / 2
                + (slope * t * n) ** 2 * sigma_p**2 / 2,
                m * t + std**2 * t**2 / 2,
            ),
            Step(
                "total variance",
                "what the estimate varies and what stays unknown add up to what varies",
                std**2 + posterior_var(),
                sigma_p**2,
            ),
            Step(
                "more pulls",
                "more pulls spread the estimate further",
                sp.Derivative(std**2, n),
                sigma_p**4 * sigma_l**2 / (n * sigma_p**2 + sigma_l**2) ** 2,
            ),
            Step(
                "no pull", "nothing is known without a pull", sp.Limit(std**2, n, 0, "+"), sp.S.Zero
            ),
            Step(
                "in the end",
                "everything is known in the end",
                sp.Limit(std**2, n, sp.oo),
                sigma_p**2,
            ),
        ),
        cites=("billingsley1995",),
        origin="known",
        sources=("frazier2008",),
        credit="In its form for one pull it is what the knowledge gradient is computed from.",
    )


def thm_commit_value() -> Result:
    r"""Value of exploring for n pulls, then committing (thm-commit-value)."""
    std = posterior_mean_std()
    slope = posterior_var() / sigma_l**2
    antiderivative = m * Phi((x - m) / s) - s * phi((x - m) / s)
    negative = sp.Symbol("m", negative=True)
    positive = sp.Symbol("m", positive=True)
    return Result(
        "thm-commit-value",
        (sp.Eq(sp.Function("V")(n), commit_value(), evaluate=False),),
        (
            Step(
                "estimate is enough",
                "the covariance of arm and estimate is the estimate's variance, so that the"
                " expected arm given the estimate is the estimate",
                slope * n * sigma_p**2,
                std**2,
            ),
            Step(
                "antiderivative",
                "an antiderivative of x times the density of the estimate",
                sp.Derivative(antiderivative, x),
                x * normal_pdf(x, m, s**2),
            ),
            Step(
                "far right",
                "its value far to the right",
                sp.Limit(antiderivative, x, sp.oo),
                m,
            ),
            Step(
                "gain",
                "minus its value at zero: the gain of a pull after the commitment",
                m - antiderivative.subs(x, 0),
                gain(m, s),
            ),
            Step(
                "bad prior",
                "without information it is nothing if the prior mean is negative",
                sp.Limit(gain(negative, s), s, 0, "+"),
                sp.S.Zero,
            ),
            Step(
                "good prior",
                "and the prior mean if that is positive",
                sp.Limit(gain(positive, s), s, 0, "+"),
                positive,
            ),
            Step(
                "zero prior",
                "and zero if that is zero",
                sp.Limit(gain(sp.S.Zero, s), s, 0, "+"),
                sp.S.Zero,
            ),
            Step(
                "spread",
                "information is worth more the more the estimate can vary",
                sp.Derivative(gain(m, s), s),
                phi(m / s),
            ),
        ),
        origin="known",
        sources=(
            "raiffa1961",
            "colton1963",
            "anscombe1963",
            "frazier2010",
        ),
        credit=(
            "The expected value of sample information, of a trial of fixed size within a known "
            "number of patients, and in Bayesian ranking and selection; ours are the steps of the "
            "proof."
        ),
    )


def prop_ml_value() -> Result:
    r"""Value with the sample mean as the estimate; never better (prop-ml-value)."""
    std = sample_mean_std()
    shrink = sigma_p**2 / std**2
    k = sp.Symbol("k", positive=True)
    antiderivative = m * Phi((x - m) / tau) - k * tau * phi((x - m) / tau)
    # expected reward of a pull if one commits to the risky arm when the sample mean is above c
    threshold_gain = m * Phi((m - c) / tau) + k * tau * phi((c - m) / tau)
    best = m - m / k
    return Result(
        "prop-ml-value",
        (sp.Eq(sp.Function("V_{ml}")(n), n * m + (T - n) * ml_gain(), evaluate=False),),
        (
            Step(
                "shrinkage",
                "given the sample mean x the expected arm is m + k (x - m)",
                posterior_mean().subs(S, n * x),
                m + shrink * (x - m),
            ),
            Step(
                "antiderivative",
                "an antiderivative of the expected arm times the density of the sample mean",
                sp.Derivative(antiderivative, x),
                (m + k * (x - m)) * normal_pdf(x, m, tau**2),
            ),
            Step(
                "threshold",
                "from a threshold c to infinity: the gain of committing above c",
                sp.Limit(antiderivative, x, sp.oo) - antiderivative.subs(x, c),
                threshold_gain,
            ),
            Step(
                "sample mean",
                "the sample mean commits above c = 0",
                threshold_gain.subs(c, 0).subs({k: shrink, tau: std}),
                ml_gain(),
            ),
            Step(
                "slope",
                "the gain rises with c while the expected arm at c is negative, and falls after",
                sp.Derivative(threshold_gain, c),
                -(m + k * (c - m)) * normal_pdf(c, m, tau**2),
            ),
            Step(
                "best threshold",
                "so the best threshold is where the expected arm is zero",
                m + k * (best - m),
                sp.S.Zero,
            ),
            Step(
                "posterior mean",
                "and its gain is that of the posterior mean",
                threshold_gain.subs(c, best).subs({k: shrink, tau: std}),
                gain(m, posterior_mean_std()),
            ),
        ),
        origin="ours",
    )


def prop_scale() -> Result:
    r"""A change of the unit of reward (prop-scale)."""
    unit = {m: lam * m, sigma_p: lam * sigma_p, sigma_l: lam * sigma_l, S: lam * S}

    def rescaled(expression: sp.Expr) -> sp.Expr:
        return expression.subs(unit, simultaneous=True)

    return Result(
        "prop-scale",
        (sp.Eq(rescaled(commit_value()), lam * commit_value(), evaluate=False),),
        (
            Step(
                "posterior mean",
                "the posterior mean scales",
                rescaled(posterior_mean()),
                lam * posterior_mean(),
            ),
            Step(
                "spread",
                "so does its spread over lives",
                rescaled(posterior_mean_std()),
                lam * posterior_mean_std(),
            ),
            Step("value", "so does the value", rescaled(commit_value()), lam * commit_value()),
            Step(
                "sample mean",
                "and the value with the sample mean",
                rescaled(n * m + (T - n) * ml_gain()),
                lam * (n * m + (T - n) * ml_gain()),
            ),
        ),
        origin="ours",
        credit="Elementary.",
    )
