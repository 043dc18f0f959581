"""Any prior, any reward: bounds attained and kept, and the Bernoulli arm in exact fractions."""

from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta

from meta_bandit import GaussianBandit
from meta_bandit.theory import bayes_optimal, critical_lifetime, gain, posterior_mean_std
from meta_bandit.theory.any_prior import (
    BernoulliArm,
    bernoulli_commit_values,
    bernoulli_critical_lifetime,
    bernoulli_gains,
    bernoulli_optimal,
    break_even_lifetime,
    return_bound,
)

ARMS = [BernoulliArm(2, 3, 0.5, 40), BernoulliArm(0.3, 0.7, 0.6, 25), BernoulliArm(9, 30, 0.3, 30)]


@pytest.mark.checks("thm-any-prior")
@pytest.mark.parametrize("sigma_p", [0.4, 1.0, 3.0])
def test_the_gaussian_task_is_a_case(sigma_p):
    lifetimes = np.array([2, 10, 100])
    known = gain(-1.0, sigma_p)
    bound = return_bound(-1.0, known, lifetimes)
    for sigma_l in (1e-6, 0.5, 2.0):
        value = bayes_optimal(GaussianBandit(sigma_p, sigma_l, lifetimes)).value
        assert (value <= bound + 1e-9).all()
        if sigma_l < 1e-3:  # one reward tells all: the bound is attained
            np.testing.assert_allclose(value, bound, rtol=1e-4, atol=1e-8)
    one = GaussianBandit(sigma_p, 2.0, 1)
    gains = gain(-1.0, posterior_mean_std(one, np.arange(1, 4_000)))
    # the whole lifetime at which committing pays is the first above the break-even one
    whole = float(critical_lifetime(one))
    if whole < 4_000:
        assert 0 <= whole - break_even_lifetime(-1.0, gains) <= 1


@pytest.mark.checks("thm-any-prior")
def test_variance_bounds_the_gain_and_four_is_the_best_number():
    rng = np.random.default_rng(0)
    for _ in range(200):
        places, chances = rng.normal(0, 3, 5), rng.dirichlet(np.ones(5))
        places -= places @ chances + rng.exponential()
        mean = places @ chances
        informed = np.maximum(places, 0) @ chances
        variance = np.square(places - mean) @ chances
        assert informed <= variance / (4 * abs(mean)) * (1 + 1e-12)
    share = 1e-3
    places, chances = np.array([1.0, -1 - 2 * share / (1 - share)]), np.array([share, 1 - share])
    variance = np.square(places + 1) @ chances
    assert places @ chances == pytest.approx(-1)
    assert np.maximum(places, 0) @ chances * 4 / variance == pytest.approx(1 - share)


@pytest.mark.checks("thm-any-prior")
def test_who_seldom_pulls_a_two_point_arm_with_coarse_rewards_loses():
    """Means 2 or -2.5, rewards twice an exponential's, signed: as far from Gauss as one likes."""
    rng, lives, lifetime = np.random.default_rng(1), 200_000, 12
    means = np.where(rng.random(lives) < 1 / 3, 2.0, -2.5)
    eta = 1.0 / ((lifetime - 1) * 2 / 3)
    total, seen = np.zeros(lives), np.zeros(lives)
    ever = np.zeros(lives, dtype=bool)
    for _ in range(lifetime):
        pulled = (rng.random(lives) < eta) & (seen >= 0)
        reward = means * rng.exponential(size=lives)
        total += pulled * means
        seen += pulled * reward
        ever |= pulled
    error = total.std() / np.sqrt(lives)
    later = eta * (lifetime - 1) * 2 / 3
    assert total.mean() <= ever.mean() * (-1 + later) + 3 * error
    assert total.mean() < -3 * error


def by_hand(arm: BernoulliArm) -> Fraction:
    """Value of a life that begins with a pull, over all sequences of rewards, in fractions."""
    a, b, c = (Fraction(str(x)) for x in (arm.successes, arm.failures, arm.price))

    @cache
    def worth(won: int, lost: int) -> Fraction:
        if won + lost == arm.lifetime:
            return Fraction(0)
        chance = (a + won) / (a + b + won + lost)
        going_on = chance - c + chance * worth(won + 1, lost) + (1 - chance) * worth(won, lost + 1)
        return going_on if won + lost == 0 else max(Fraction(0), going_on)

    return worth(0, 0)


@pytest.mark.checks("prop-bernoulli")
@pytest.mark.parametrize("arm", ARMS)
def test_the_programme_is_the_recursion_in_fractions(arm):
    value, least = bernoulli_optimal(arm)
    assert value == pytest.approx(float(by_hand(arm)), abs=1e-12)
    # the longer one has looked, the better the arm must seem
    enough = least <= np.arange(arm.lifetime)
    assert (np.diff(least) >= 0).all()
    assert enough[-1]


@pytest.mark.checks("prop-bernoulli")
@pytest.mark.parametrize("arm", ARMS)
def test_plans_and_the_best_policy_earn_their_values_in_play(arm):
    rng, lives = np.random.default_rng(2), 100_000
    theta = rng.beta(arm.successes, arm.failures, lives)
    _, least = bernoulli_optimal(arm)
    won, alive, earned = np.zeros(lives, int), np.ones(lives, bool), np.zeros(lives)
    committed = np.zeros(lives)
    values = bernoulli_commit_values(arm)
    length = 4
    kept = np.ones(lives, bool)
    tape = rng.random((arm.lifetime, lives)) < theta
    for n in range(arm.lifetime):
        alive &= (won >= least[n]) if n else True
        earned += alive * (theta - arm.price)
        won += alive & tape[n]
        if n == length:
            kept = arm.estimate(n, tape[:n].sum(axis=0)) > 0
        committed += kept * (theta - arm.price)
    for found, exact in ((earned, bernoulli_optimal(arm)[0]), (committed, values[length])):
        assert abs(found.mean() - exact) < 4 * found.std() / np.sqrt(lives)
    assert max(bernoulli_optimal(arm)[0], 0) >= values.max() - 1e-12
    assert max(values.max(), 0) <= return_bound(arm.mean, arm.informed_gain, arm.lifetime)


@pytest.mark.checks("prop-bernoulli")
@pytest.mark.parametrize("arm", ARMS)
def test_gains_rise_to_that_of_who_knows(arm):
    law = beta(arm.successes, arm.failures)
    known = quad(lambda t: (t - arm.price) * law.pdf(t), arm.price, 1)[0]
    assert arm.informed_gain == pytest.approx(known, rel=1e-7)
    gains = bernoulli_gains(arm, 400)
    assert (np.diff(gains) > -1e-13).all()
    assert known * 0.8 < gains[-1] < known
    assert arm.informed_gain <= arm.variance / (4 * abs(arm.mean))


@pytest.mark.checks("prop-bernoulli")
def test_a_bernoulli_arm_may_have_many_optima():
    """That there is at most one other optimum (prop-foc) is the Gaussian's own."""
    values = bernoulli_commit_values(BernoulliArm(2, 3, 0.5, 100))
    inside = values[1:-1]
    peaks = (inside > values[:-2]) & (inside > values[2:])
    assert peaks.sum() > 3


@pytest.mark.checks("prop-bernoulli")
@pytest.mark.parametrize("arm", ARMS)
def test_the_adaptive_edge_lies_between_knowing_and_committing(arm):
    least = bernoulli_critical_lifetime(arm)
    assert abs(arm.mean) / arm.informed_gain <= least
    assert least <= break_even_lifetime(arm.mean, bernoulli_gains(arm, 2_000))
    for lifetime, pays in ((least, False), (least + 1, True)):
        own = BernoulliArm(arm.successes, arm.failures, arm.price, int(lifetime))
        assert (bernoulli_optimal(own)[0] > 0) == pays


def test_what_is_no_arm_is_refused():
    with pytest.raises(ValueError, match=r"successes = 0: must be a finite number > 0"):
        BernoulliArm(0, 1, 0.5)
    with pytest.raises(ValueError, match=r"price = 1: must be in \(0, 1\)"):
        BernoulliArm(1, 1, 1.0)
    with pytest.raises(ValueError, match="lifetime = 1e"):
        BernoulliArm(1, 1, 0.5, 10**7)
    with pytest.raises(ValueError, match="successes = 1e-300: must be in"):
        BernoulliArm(1e-300, 1, 0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: return_bound(1.0, 1.0, 10), "mean = 1: must be < 0"),
        (lambda: return_bound(-1.0, -1.0, 10), "informed = -1: must be >= 0"),
        (lambda: return_bound(-1.0, 1.0, 0), "lifetime = 0: must be a whole number >= 1"),
        (lambda: break_even_lifetime(0.0, [1.0]), "mean = 0: must be < 0"),
        (lambda: break_even_lifetime(-1.0, []), "number of gains = 0: must be >= 1"),
        (lambda: break_even_lifetime(-1.0, [1.0, -2.0]), "gains = -2: must be >= 0"),
        (lambda: bernoulli_gains(ARMS[0], 10**9), r"pulls = 1e\+09: must be at most 20000"),
        (lambda: bernoulli_gains(ARMS[0], 0), "pulls = 0: must be a whole number >= 1"),
        (lambda: bernoulli_critical_lifetime(ARMS[0], 10**9), r"longest = 1e\+09: must be at"),
        (lambda: bernoulli_critical_lifetime(BernoulliArm(3, 2, 0.5)), "mean = 0.1: must be < 0"),
    ],
)
def test_what_lies_outside_a_range_is_named(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


@pytest.mark.checks("prop-bernoulli")
@pytest.mark.parametrize("worth", [(1e-6, 1e-6), (1e6, 1e6), (1e-6, 1e6), (1e6, 1e-6)])
def test_priors_at_the_ends_of_their_range_have_numbers(worth):
    arm = BernoulliArm(*worth, 0.6, 30)
    values = bernoulli_commit_values(arm)
    assert np.isfinite(values).all()
    assert max(bernoulli_optimal(arm)[0], 0) >= values.max() - 1e-6
    assert 0 <= arm.informed_gain <= 1
    assert np.isfinite(arm.variance)
