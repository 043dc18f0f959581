"""The results of the book as SymPy objects, each with a proof whose every step reduces to zero.

One function for each label: ``thm-commit-value`` is `thm_commit_value`. The numeric functions of
`meta_bandit.theory` are tested against the equations that stand here.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

m = sp.Symbol("m", real=True)
"""Prior mean of the risky arm."""
sigma_p = sp.Symbol("sigma_p", positive=True)
"""Ecological uncertainty."""
sigma_l = sp.Symbol("sigma_l", positive=True)
"""Task complexity."""
T = sp.Symbol("T", positive=True)
"""Lifetime in pulls."""
n = sp.Symbol("n", positive=True)
"""Pulls of the risky arm so far, or the length of the exploration phase."""
mu = sp.Symbol("mu", real=True)
"""Mean of the risky arm in this life."""
S = sp.Symbol("S", real=True)
"""Sum of the n rewards."""
r = sp.Symbol("r", real=True)
"""One more reward."""
x = sp.Symbol("x", real=True)
t = sp.Symbol("t", real=True)
c = sp.Symbol("c", real=True)
s = sp.Symbol("s", positive=True)
tau = sp.Symbol("tau", positive=True)
lam = sp.Symbol("lambda", positive=True)


@dataclass(frozen=True)
class Step:
    """One step of a proof: two expressions that are claimed to be equal.

    Attributes
    ----------
    claim
        What the step says, in words.
    left, right
        The two sides; derivatives, integrals and limits may stand in them unevaluated.
    """

    claim: str
    left: sp.Expr
    right: sp.Expr

    def difference(self) -> sp.Expr:
        """Evaluate and simplify left - right: 0 where SymPy proves the step."""
        return sp.simplify(sp.expand(self.left.doit() - self.right.doit()))

    def _repr_latex_(self) -> str:
        """Show the two sides and the difference that SymPy finds."""
        left, right, difference = map(sp.latex, (self.left, self.right, self.difference()))
        return (
            rf"$$\begin{{aligned}}\text{{left}} &= {left}\\ \text{{right}} &= {right}\\"
            rf" \text{{left}} - \text{{right}} &= {difference}\end{{aligned}}$$"
        )


@dataclass(frozen=True)
class Result:
    """A result of the book.

    Attributes
    ----------
    label
        Its fixed label and anchor.
    equations
        What it states.
    steps
        Its proof.
    """

    label: str
    equations: tuple[sp.Eq, ...]
    steps: tuple[Step, ...]

    def is_proved(self) -> bool:
        """Tell whether SymPy reduces every step to zero."""
        return all(step.difference() == 0 for step in self.steps)


def phi(z: sp.Expr) -> sp.Expr:
    r"""Density of the standard normal law, :math:`\varphi(z)`."""
    return sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)


def Phi(z: sp.Expr) -> sp.Expr:  # noqa: N802 - the name of the function in every textbook
    r"""Distribution function of the standard normal law, :math:`\Phi(z)`."""
    return (1 + sp.erf(z / sp.sqrt(2))) / 2


def normal_pdf(at: sp.Expr, mean: sp.Expr, variance: sp.Expr) -> sp.Expr:
    r"""Density at a point of :math:`N(\text{mean}, \text{variance})`."""
    return sp.exp(-((at - mean) ** 2) / (2 * variance)) / sp.sqrt(2 * sp.pi * variance)


def posterior_var() -> sp.Expr:
    """Posterior variance after n pulls, v_n."""
    return 1 / (1 / sigma_p**2 + n / sigma_l**2)


def posterior_mean() -> sp.Expr:
    """Posterior mean after n pulls whose rewards sum to S."""
    return (m / sigma_p**2 + S / sigma_l**2) * posterior_var()


def posterior_mean_std() -> sp.Expr:
    """Standard deviation over lives of the posterior mean, s_n."""
    return sigma_p**2 * sp.sqrt(n) / sp.sqrt(n * sigma_p**2 + sigma_l**2)


def sample_mean_std() -> sp.Expr:
    """Standard deviation over lives of the sample mean, tau_n."""
    return sp.sqrt(sigma_p**2 + sigma_l**2 / n)


def gain(mean: sp.Expr, std: sp.Expr) -> sp.Expr:
    """Expected positive part of a Gaussian, g."""
    return mean * Phi(mean / std) + std * phi(mean / std)


def commit_value() -> sp.Expr:
    """Expected return of exploring for n pulls, then committing by the posterior mean, V(n)."""
    return n * m + (T - n) * gain(m, posterior_mean_std())


def ml_gain() -> sp.Expr:
    """Expected reward of a pull after committing by the sample mean."""
    std = sample_mean_std()
    return m * Phi(m / std) + sigma_p**2 / std * phi(m / std)


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
                "prior times likelihood and the claimed density have the same logarithmic slope",
                sp.Derivative(log_prior + log_likelihood, mu),
                sp.Derivative(log_posterior, mu),
            ),
            Step(
                "one more reward adds one unit of precision",
                1 / var_next,
                1 / var + 1 / sigma_l**2,
            ),
            Step(
                "updating reward by reward gives what updating at once gives",
                posterior_mean().subs({n: n + 1, S: S + r}, simultaneous=True),
                var_next * (mean / var + r / sigma_l**2),
            ),
            Step(
                "the posterior mean weighs the sample mean against the prior mean",
                mean,
                weight * S / n + (1 - weight) * m,
            ),
        ),
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
                "moment generating function of a Gaussian",
                sp.Integral(sp.exp(u * x) * normal_pdf(x, mu, s**2), (x, -sp.oo, sp.oo)),
                sp.exp(mu * u + s**2 * u**2 / 2),
            ),
            Step(
                "the posterior mean is an affine function of the rewards' sum",
                posterior_mean(),
                offset + slope * S,
            ),
            Step(
                "given mu the sum is N(n mu, n sigma_l^2), and mu is N(m, sigma_p^2): together the"
                " posterior mean has the cumulants of N(m, s_n^2)",
                t * offset
                + slope * t * n * m
                + (slope * t) ** 2 * n * sigma_l**2 / 2
                + (slope * t * n) ** 2 * sigma_p**2 / 2,
                m * t + std**2 * t**2 / 2,
            ),
            Step(
                "what the estimate varies and what stays unknown add up to what varies",
                std**2 + posterior_var(),
                sigma_p**2,
            ),
            Step(
                "more pulls spread the estimate further",
                sp.Derivative(std**2, n),
                sigma_p**4 * sigma_l**2 / (n * sigma_p**2 + sigma_l**2) ** 2,
            ),
            Step("nothing is known without a pull", sp.Limit(std**2, n, 0, "+"), sp.S.Zero),
            Step("everything is known in the end", sp.Limit(std**2, n, sp.oo), sigma_p**2),
        ),
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
                "the covariance of arm and estimate is the estimate's variance, so that the"
                " expected arm given the estimate is the estimate",
                slope * n * sigma_p**2,
                std**2,
            ),
            Step(
                "an antiderivative of x times the density of the estimate",
                sp.Derivative(antiderivative, x),
                x * normal_pdf(x, m, s**2),
            ),
            Step(
                "its value far to the right",
                sp.Limit(antiderivative, x, sp.oo),
                m,
            ),
            Step(
                "minus its value at zero: the gain of a pull after the commitment",
                m - antiderivative.subs(x, 0),
                gain(m, s),
            ),
            Step(
                "without information it is nothing if the prior mean is negative",
                sp.Limit(gain(negative, s), s, 0, "+"),
                sp.S.Zero,
            ),
            Step(
                "and the prior mean if that is positive",
                sp.Limit(gain(positive, s), s, 0, "+"),
                positive,
            ),
            Step(
                "information is worth more the more the estimate can vary",
                sp.Derivative(gain(m, s), s),
                phi(m / s),
            ),
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
                "given the sample mean x the expected arm is m + k (x - m)",
                posterior_mean().subs(S, n * x),
                m + shrink * (x - m),
            ),
            Step(
                "an antiderivative of the expected arm times the density of the sample mean",
                sp.Derivative(antiderivative, x),
                (m + k * (x - m)) * normal_pdf(x, m, tau**2),
            ),
            Step(
                "from a threshold c to infinity: the gain of committing above c",
                sp.Limit(antiderivative, x, sp.oo) - antiderivative.subs(x, c),
                threshold_gain,
            ),
            Step(
                "the sample mean commits above c = 0",
                threshold_gain.subs(c, 0).subs({k: shrink, tau: std}),
                ml_gain(),
            ),
            Step(
                "the gain rises with c while the expected arm at c is negative, and falls after",
                sp.Derivative(threshold_gain, c),
                -(m + k * (c - m)) * normal_pdf(c, m, tau**2),
            ),
            Step(
                "so the best threshold is where the expected arm is zero", m + k * (best - m), sp.S.Zero
            ),
            Step(
                "and its gain is that of the posterior mean",
                threshold_gain.subs(c, best).subs({k: shrink, tau: std}),
                gain(m, posterior_mean_std()),
            ),
        ),
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
                "the posterior mean scales",
                rescaled(posterior_mean()),
                lam * posterior_mean(),
            ),
            Step(
                "so does its spread over lives",
                rescaled(posterior_mean_std()),
                lam * posterior_mean_std(),
            ),
            Step("so does the value", rescaled(commit_value()), lam * commit_value()),
            Step(
                "and the value with the sample mean",
                rescaled(n * m + (T - n) * ml_gain()),
                lam * (n * m + (T - n) * ml_gain()),
            ),
        ),
    )


RESULTS = (prop_posterior, prop_posterior_law, thm_commit_value, prop_ml_value, prop_scale)
"""Every result, in the order of the book."""
