"""Many arms: plans, the ladder, bounds and the index, against quadrature, play and brute force."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from meta_bandit import GaussianBandit
from meta_bandit.policies.many_arms import ExploreCommit, Gittins
from meta_bandit.theory import bayes_optimal, gain, optimal_commit, posterior_mean_std
from meta_bandit.theory.many_arms import (
    best_of_gain,
    index_offsets,
    many_commit_value,
    many_full_information,
    many_optimal_commit,
    price_bound,
    timid_bound,
)
from meta_bandit.theory.path_bound import path_bound
from meta_bandit.worlds import ManyArms, simulate
from meta_bandit.worlds.many_arms import estimates


def returns(policy, world, lives, seed):
    """Mean return and its standard error."""
    found = simulate(policy, world, lives, np.random.default_rng(seed)).expected_returns
    return found.mean(), found.std() / np.sqrt(lives)


@pytest.mark.checks("prop-many-commit")
@pytest.mark.parametrize(
    ("mean", "std", "arms"), [(-0.5, 1.0, 9), (-8.0, 0.3, 2), (20.0, 0.5, 4), (0.3, 2.0, 50)]
)
def test_the_best_of_several_is_that_of_adaptive_quadrature(mean, std, arms):
    top = max(mean, 0) + 12 * std
    brute = quad(lambda x: -np.expm1(arms * norm.logcdf((x - mean) / std)), 0, top,
                 epsabs=0, epsrel=1e-11, points=[max(mean, 0)], limit=200)[0]  # fmt: skip
    assert best_of_gain(mean, std, arms) == pytest.approx(brute, rel=1e-10)
    # each arm more adds less, as far as rounding tells
    steps = np.diff(best_of_gain(mean, std, np.arange(6)))
    assert (steps > 0).all()
    assert (np.diff(steps) < (0 if mean > -5 else 1e-12 * steps[0])).all()
    assert best_of_gain(mean, std, 1) == gain(mean, std)


@pytest.mark.checks("prop-many-commit")
@pytest.mark.parametrize(("tried", "pulls", "mean"), [(3, 2, 0.0), (4, 5, 0.0), (1, 3, 1.0)])
def test_plans_earn_what_the_formula_says(tried, pulls, mean):
    world = ManyArms(5, 1.2, 0.7, 40, mean, 0.4)
    earned, error = returns(ExploreCommit(tried, pulls), world, 40_000, 3)
    assert abs(earned - many_commit_value(world, tried, pulls)) < 4 * error


@pytest.mark.checks("prop-many-commit", "prop-many-bound", "prop-many-index")
@pytest.mark.parametrize("sigma_p", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("safe", [0.5, 0.0, -0.75])
def test_with_two_arms_every_optimum_is_the_books_to_the_last_digit(sigma_p, safe):
    world = ManyArms(2, sigma_p, 0.5, 30, 0.0, safe)
    one = GaussianBandit(sigma_p, 0.5, 30, -safe)
    pulls, value = optimal_commit(one)
    _, own_pulls, own_value = many_optimal_commit(world)
    assert (own_pulls, own_value) == (int(pulls), float(30 * safe + value))
    best = bayes_optimal(one)
    assert price_bound(world) == (float(30 * safe + best.value), 0.0)
    offsets = index_offsets(world)
    n = np.arange(30)
    np.testing.assert_allclose(offsets[n, 29 - n], -best.thresholds, rtol=0, atol=1e-9)
    earned, error = returns(Gittins(offsets), world, 20_000, 5)
    assert abs(earned - price_bound(world)[0]) < 4 * error


def brute_force(world, nodes=80):
    """Bayes-optimal value of two unknown arms in a life of three pulls, reward by reward."""
    places, weights = np.polynomial.hermite_e.hermegauss(nodes)
    weights = weights / weights.sum()
    spreads = posterior_mean_std(world.one_armed, np.arange(4))
    steps = np.sqrt(np.diff(np.square(spreads)))

    def worth(first, second, pulls, left):
        if left == 1:
            return np.maximum(0, np.maximum(first, second))
        ahead = []
        for arm in (0, 1):
            moved = [np.asarray(first)[..., None], np.asarray(second)[..., None]]
            here = moved[arm]
            moved[arm] = here + steps[pulls[arm]] * places
            then = tuple(count + (arm == i) for i, count in enumerate(pulls))
            ahead.append(
                here[..., 0] + worth(*np.broadcast_arrays(*moved), then, left - 1) @ weights
            )
        return np.maximum(worth(first, second, pulls, left - 1), np.maximum(*ahead))

    mean = world.one_armed.mean
    return float(3 * world.safe + worth(mean, mean, (0, 0), 3))


@pytest.mark.checks("prop-many-bound", "prop-many-index")
@pytest.mark.parametrize("safe", [0.0, 0.3])
def test_index_and_bounds_enclose_the_optimum_found_by_brute_force(safe):
    world = ManyArms(3, 1.0, 0.5, 3, 0.0, safe)
    best = brute_force(world)
    earned, error = returns(Gittins(index_offsets(world)), world, 200_000, 1)
    assert best - 0.03 < earned + 3 * error
    assert earned - 3 * error < best
    by_paths = path_bound(world, 20_000, np.random.default_rng(1))
    assert best < by_paths.value + 3 * by_paths.se
    assert best < price_bound(world)[0] < many_full_information(world)
    assert by_paths.value < price_bound(world)[0]


@pytest.mark.checks("prop-many-bound", "prop-many-index")
@pytest.mark.parametrize("safe", [0.5, 0.0])
def test_on_the_benchmark_index_and_bound_are_close(safe):
    world = ManyArms(safe=safe)
    earned, _ = returns(Gittins(index_offsets(world)), world, 20_000, 0)
    bound = path_bound(world, 1_500, np.random.default_rng(1))
    assert bound.se < 0.5
    assert 0 < bound.value - earned < 0.03 * earned
    assert earned > 133
    assert bound.value < price_bound(world)[0]


class Timid:
    """Plays the best policy for the first arm, but seldom puts in an untried one."""

    def __init__(self, offsets, eta):
        self.offsets, self.eta = offsets, eta

    def choose(self, world, history, rng):
        excess, _ = estimates(world, history)
        left = int(world.lifetime[0]) - history.pull
        index = excess[:, 0] + self.offsets[history.pulls[:, 0], left - 1]
        others = np.where(history.pulls[:, 1:] > 0, excess[:, 1:], 0.0)
        astray = (rng.random(len(index)) < self.eta) & (others.max(axis=1) >= 0)
        return np.where(astray, others.argmax(axis=1) + 2, index > 0)


@pytest.mark.checks("thm-ladder")
def test_who_seldom_tries_another_arm_earns_less_than_the_rung():
    world = ManyArms(4, 1.0, 0.5, 20)
    offsets = index_offsets(world)
    rung = price_bound(world.with_arms(2))[0]
    eta = timid_bound(world, 1)
    assert 0 < eta < 1
    for share in (0.0, 0.5, 1.0):
        earned, error = returns(Timid(offsets, share * eta), world, 100_000, 2)
        assert earned < rung + 3 * error
    earned, error = returns(Timid(offsets, 0.0), world, 100_000, 2)
    assert abs(earned - rung) < 4 * error
    assert returns(Timid(offsets, eta), world, 100_000, 2)[0] < rung - 4 * error


@pytest.mark.checks("thm-ladder")
@pytest.mark.parametrize("tried", [0, 1, 3])
def test_a_first_bit_of_one_arm_more_costs_its_price_and_the_gain_that_waits(tried):
    world = ManyArms(6)
    one, pulls, bit = world.one_armed, 4, 1e-4
    spread, small = (float(posterior_mean_std(one, count)) for count in (pulls, bit))
    mean = float(one.mean)

    def best(extra):
        def above(x):
            below = norm.cdf((x - mean) / spread) ** tried
            return 1 - below * (norm.cdf((x - mean) / small) if extra else 1)

        return quad(above, 0, 8, epsabs=1e-13, epsrel=1e-12, points=[0.01, 0.1, 1])[0]  # fmt: skip

    left = float(world.lifetime) - tried * pulls
    slope = (bit * mean + (left - bit) * best(True) - left * best(False)) / bit
    assert slope == pytest.approx(mean - best_of_gain(mean, spread, tried), rel=1e-4)
    assert slope < 0


def test_the_best_of_several_has_a_number_at_extremes_and_refuses_what_is_none():
    arms = np.array([0, 1, 2, 10**9])
    assert best_of_gain(-1e308, 1.0, arms).tolist() == [0, 0, 0, 0]
    assert np.isfinite(best_of_gain(0.0, 1e300, arms)).all()
    with pytest.raises(ValueError, match=r"^std = -1: must be >= 0"):
        best_of_gain(0.0, -1.0, 2)
    with pytest.raises(ValueError, match=r"^arms = 1\.5: must be a whole number >= 0"):
        best_of_gain(0.0, 1.0, 1.5)


def test_what_lies_outside_is_refused():
    world = ManyArms(4)
    with pytest.raises(ValueError, match=r"tried = 4: must lie in \[0, 3\]"):
        many_commit_value(world, 4, 1)
    with pytest.raises(ValueError, match="pulls = 60"):
        many_commit_value(world, 2, 60)
    endless = ManyArms(4, lifetime=10**9)
    for refused in (
        lambda: many_optimal_commit(endless),
        lambda: index_offsets(endless),
        lambda: path_bound(endless, 100, np.random.default_rng(0)),
    ):
        with pytest.raises(ValueError, match=r"^lifetime = 1000000000: must be at most 10000"):
            refused()
    with pytest.raises(ValueError, match=r"mean - safe = 0\.0: must be < 0"):
        timid_bound(ManyArms(safe=0.0), 1)
    with pytest.raises(ValueError, match="samples = 10: must be at least 100"):
        path_bound(world, 10, np.random.default_rng(0))
