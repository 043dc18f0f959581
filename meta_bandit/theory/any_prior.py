"""Not learning for any prior and any reward; the Bernoulli arm with a beta prior, exactly.

The arm's mean has any law of mean m < 0, and G = E[max(mu, 0)] is what knowing it would be worth
at each pull.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, gammaln
from scipy.stats import beta as beta_law

from meta_bandit.worlds.task import real, require, whole

Floats = NDArray[np.float64]
_LONGEST = 20_000


def return_bound(mean: ArrayLike, informed: ArrayLike, lifetime: ArrayLike) -> Floats:
    r"""Bound of every policy's return: one pull, then all is known (thm-any-prior).

    .. math:: V^* \le \max(0,\; m + (T - 1)\,G)

    Parameters
    ----------
    mean : shape (...)
        m < 0, in units of reward.
    informed : shape (...)
        G = E[max(mu, 0)], in units of reward; Var(mu) / (4 abs(m)) bounds it.
    lifetime : shape (...)
        T, in pulls.

    Returns
    -------
    shape (...), float64
        In units of reward; 0 where behaviour is predictable.

    Raises
    ------
    ValueError
        If a value lies outside its range.
    """
    mean = _price("mean", mean)
    informed = real("informed", informed)
    require("informed", informed, informed >= 0, ">= 0")
    later = (whole("lifetime", lifetime, 1) - 1) * informed
    return np.asarray(np.maximum(0.0, mean + later))


def break_even_lifetime(mean: float, gains: ArrayLike) -> float:
    r"""Lifetime beyond which a committed plan pays, for any prior (thm-any-prior).

    .. math:: T_c = \min_{n \ge 1} n \left(1 + \frac{|m|}{G_n}\right)

    Parameters
    ----------
    mean
        m < 0, in units of reward.
    gains : shape (N,)
        :math:`G_n = E[\max(\hat\mu_n, 0)]` for n = 1, ..., N. Where the answer is above N, longer
        plans may do better.

    Returns
    -------
    float
        In pulls; infinite if no gain is positive.

    Raises
    ------
    ValueError
        If the mean is not negative, a gain is, or there is none.
    """
    _price("mean", mean)
    gains = np.atleast_1d(real("gains", gains))
    require("gains", gains, gains >= 0, ">= 0")
    require("number of gains", np.array(gains.size), gains.size > 0, ">= 1")
    n = np.arange(1, gains.size + 1)
    with np.errstate(divide="ignore"):
        return float((n * (1 + np.abs(mean) / gains)).min())


def _price(name: str, value: ArrayLike) -> Floats:
    """Check a prior mean that has to be negative."""
    mean = real(name, value)
    require(name, mean, mean < 0, "< 0")
    return mean


@dataclass(frozen=True)
class BernoulliArm:
    r"""An arm that pays 1 or 0 at a price: :math:`\mu = \theta - c`, with a beta prior.

    .. math:: \theta \sim \mathrm{Beta}(\alpha, \beta) \text{ once a life}, \qquad
        r + c \sim \mathrm{Bernoulli}(\theta) \text{ at each pull.}

    Parameters
    ----------
    successes
        alpha in [1e-6, 1e6], successes that the prior is worth.
    failures
        beta in [1e-6, 1e6], failures that it is worth.
    price
        c in (0, 1), what each pull costs; the other arm pays 0.
    lifetime
        T >= 1, in pulls.

    Raises
    ------
    ValueError
        If a value lies outside its range.
    """

    successes: float
    failures: float
    price: float
    lifetime: int = 100

    def __post_init__(self) -> None:
        """Check the fields."""
        for name in ("successes", "failures"):
            value = real(name, getattr(self, name))
            require(name, value, value > 0, "a finite number > 0")
            require(name, value, (value >= 1e-6) & (value <= 1e6), "in [1e-6, 1e6]")
        price = real("price", self.price)
        require("price", price, (price > 0) & (price < 1), "in (0, 1)")
        lifetime = whole("lifetime", self.lifetime, 1)
        require("lifetime", lifetime, lifetime <= _LONGEST, f"at most {_LONGEST}")

    @property
    def mean(self) -> float:
        """Prior mean of a pull, m = alpha / (alpha + beta) - c."""
        return self.successes / (self.successes + self.failures) - self.price

    def estimate(self, pulls: ArrayLike, successes: ArrayLike) -> Floats:
        """Posterior mean of a pull after so many, of which so many were successes."""
        weight = self.successes + self.failures + np.asarray(pulls)
        return np.asarray((self.successes + np.asarray(successes)) / weight - self.price)

    @property
    def informed_gain(self) -> float:
        r"""What a pull is worth to who knows theta, :math:`G = E[\max(\theta - c, 0)]`."""
        a, b, c = self.successes, self.failures, self.price
        return float(a / (a + b) * beta_law.sf(c, a + 1, b) - c * beta_law.sf(c, a, b))

    @property
    def variance(self) -> float:
        """Variance over lives of the arm's mean."""
        return float(beta_law.var(self.successes, self.failures))


def bernoulli_gains(arm: BernoulliArm, pulls: int) -> Floats:
    r"""What a pull is worth after n pulls, once there is a choice (prop-bernoulli).

    .. math:: G_n = \sum_{j=0}^n p_n(j) \Big(\frac{\alpha + j}{\alpha + \beta + n} - c\Big)^+,
        \quad p_n \text{ beta-binomial}

    Parameters
    ----------
    arm
        The arm.
    pulls
        Longest n, N; at most 20,000.

    Returns
    -------
    shape (N,), float64
        :math:`G_1, \ldots, G_N`, in units of reward.

    Raises
    ------
    ValueError
        If N is no such number.
    """
    require("pulls", whole("pulls", pulls, 1), pulls <= _LONGEST, f"at most {_LONGEST}")
    a, b = arm.successes, arm.failures
    gains = np.empty(pulls)
    for n in range(1, pulls + 1):
        j = np.arange(n + 1)
        ways = gammaln(n + 1) - gammaln(j + 1) - gammaln(n - j + 1)
        chance = np.exp(ways + betaln(a + j, b + n - j) - betaln(a, b))
        gains[n - 1] = chance @ np.maximum(arm.estimate(n, j), 0.0)
    return gains


def bernoulli_commit_values(arm: BernoulliArm) -> Floats:
    r"""Expected return of n pulls and then the better arm (prop-bernoulli).

    .. math:: V(n) = n m + (T - n)\,G_n

    Parameters
    ----------
    arm
        The arm.

    Returns
    -------
    shape (T + 1,), float64
        V(0), ..., V(T), in units of reward.
    """
    n = np.arange(arm.lifetime + 1)
    gains = np.concatenate([[max(arm.mean, 0.0)], bernoulli_gains(arm, arm.lifetime)])
    return np.asarray(n * arm.mean + (arm.lifetime - n) * gains)


def bernoulli_optimal(arm: BernoulliArm) -> tuple[float, NDArray[np.int64]]:
    r"""Bayes-optimal value, and the successes that it takes to go on (prop-bernoulli).

    .. math:: J_n(j) = \max(0, C_n(j)), \qquad
        C_n(j) = \hat p - c + \hat p\,J_{n+1}(j + 1) + (1 - \hat p)\,J_{n+1}(j)

    with :math:`\hat p = (\alpha + j)/(\alpha + \beta + n)`: exact, but for rounding.

    Parameters
    ----------
    arm
        The arm.

    Returns
    -------
    value, least
        C_0(0), which is V* where it is positive, and else by how much learning does not pay; in
        units of reward. And, for n = 0, ..., T - 1, the fewest successes among n pulls at which the
        next is made; n + 1 where none is enough. Shape (T,).
    """
    worth = np.zeros(arm.lifetime + 1)
    going_on = worth
    least = np.empty(arm.lifetime, dtype=np.int64)
    for n in range(arm.lifetime - 1, -1, -1):
        j = np.arange(n + 1)
        excess = arm.estimate(n, j)
        chance = excess + arm.price
        going_on = excess + chance * worth[1:] + (1 - chance) * worth[:-1]
        worth = np.maximum(going_on, 0.0)
        least[n] = np.count_nonzero(going_on <= 0)
    return float(going_on[0]), least


def bernoulli_critical_lifetime(arm: BernoulliArm, longest: int = 2_000) -> float:
    """Longest life in which the best policy does not learn, by bisection (prop-bernoulli).

    Parameters
    ----------
    arm
        The arm, with m < 0; its lifetime is not used.
    longest
        Longest lifetime that is looked at, in pulls; at most 20,000.

    Returns
    -------
    float
        In pulls; infinite if it is beyond the longest.

    Raises
    ------
    ValueError
        If m is not negative, or the longest lifetime no such number.
    """
    _price("mean", arm.mean)
    require("longest", whole("longest", longest, 1), longest <= _LONGEST, f"at most {_LONGEST}")

    def pays(lifetime: int) -> bool:
        own = BernoulliArm(arm.successes, arm.failures, arm.price, lifetime)
        return bernoulli_optimal(own)[0] > 0

    if not pays(longest):
        return float("inf")
    low, high = 1, longest
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if pays(middle) else (middle, high)
    return float(low)
