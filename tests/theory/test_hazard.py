"""Lives that may end at any pull: the optimum told a hazard of death, not its lifetime."""

import numpy as np
import pytest
from scipy.stats import norm

from meta_bandit import GaussianBandit
from meta_bandit.policies import Stopping
from meta_bandit.theory import bayes_optimal, full_information_value, gain, hazard_optimal
from meta_bandit.theory.stopping_solver import FINE, solve
from meta_bandit.worlds import simulate

TASKS = GaussianBandit([1.0, 2.0, 2.0, 3.0], [0.5, 3.0, 2.0, 8.0])


def lattice(task: GaussianBandit, survival: float, horizon: int, points: int = 2001) -> float:
    """Value by brute force on an even lattice of estimates; beyond the horizon nothing is learned.

    Who then knows no better goes on for good where the estimate is positive: worth less than the
    optimum, by no more than the discount leaves.
    """
    sigma_p, sigma_l, mean = (float(v) for v in (task.sigma_p, task.sigma_l, task.mean))
    estimates = np.linspace(mean - 8 * sigma_p, mean + 8 * sigma_p, points)
    spacing = estimates[1] - estimates[0]
    value = np.maximum(estimates, 0) / (1 - survival)
    for n in range(horizon - 1, -1, -1):
        var = 1 / (1 / sigma_p**2 + n / sigma_l**2)
        std = var / np.sqrt(var + sigma_l**2)
        moves = (estimates[None] - estimates[:, None]) / std
        kernel = np.exp(-0.5 * moves**2) * (spacing / std / np.sqrt(2 * np.pi))
        above = norm.sf((estimates[-1] + spacing / 2 - estimates) / std)
        value = np.maximum(0, estimates + survival * (kernel @ value + above * value[-1]))
    return float(value[points // 2])


@pytest.mark.checks("prop-hazard")
@pytest.mark.parametrize(
    ("sigma_p", "sigma_l", "mean", "survival"),
    [(2.0, 2.0, -1.0, 0.9), (1.0, 0.5, -1.0, 0.85), (1.0, 2.0, 0.3, 0.8), (0.5, 1.0, -1.0, 0.9)],
)
def test_the_value_is_that_of_a_fine_lattice(sigma_p, sigma_l, mean, survival):
    task = GaussianBandit(sigma_p, sigma_l, 1, mean)
    brute = lattice(task, survival, horizon=60)
    assert hazard_optimal(task, survival).value == pytest.approx(brute, rel=1e-4, abs=1e-5)


@pytest.mark.checks("prop-hazard")
def test_lives_of_chance_length_earn_the_value():
    """The thresholds are played in lives that die by chance, without knowing when."""
    rng = np.random.default_rng(3)
    for task, survival in ((GaussianBandit(2.0, 2.0), 0.95), (GaussianBandit(1.5, 1.0), 0.97)):
        best = hazard_optimal(task, survival)
        lengths = rng.geometric(1 - survival, 60_000)
        world = GaussianBandit(task.sigma_p, task.sigma_l, lengths)
        lives = simulate(Stopping(best.thresholds[:, None]), world, 1, rng)
        returns = lives.expected_returns.ravel()
        error = returns.std() / np.sqrt(returns.size)
        assert error < 0.05 * best.value
        assert abs(returns.mean() - best.value) < 4 * error


@pytest.mark.checks("prop-hazard")
@pytest.mark.parametrize("horizon", [1, 2, 5, 40])
def test_a_horizon_misses_no_more_than_the_bound(horizon):
    """The optimum of a life that ends at the horizon at the latest lies below, by so much."""
    survival = 0.9
    best = hazard_optimal(TASKS, survival)
    cut = GaussianBandit(TASKS.sigma_p, TASKS.sigma_l, horizon)
    short = np.maximum(solve(cut, FINE, survival).worth, 0)
    missed = survival**horizon * gain(TASKS.mean, TASKS.sigma_p) / (1 - survival)
    assert (short <= best.value + best.error).all()
    assert (best.value <= short + missed + best.error).all()
    assert horizon < 40 or (missed > 0).all()


@pytest.mark.checks("prop-hazard")
@pytest.mark.parametrize("pulls", [0, 3, 30])
def test_the_bounds_hold_in_every_state(pulls):
    """A state is the birth of a world whose prior is the posterior, good estimates included."""
    survival, horizon, at = 0.9, 6, np.array([-4.0, -1.0, 0.0, 0.5, 3.0])
    left = (1 / 2.0**2 + pulls / 3.0**2) ** -0.5
    state = GaussianBandit(left, 3.0, horizon, at)
    best, known = hazard_optimal(state, survival), gain(at, left)
    short = np.maximum(solve(state, FINE, survival).worth, 0)
    assert (best.value >= 0).all()
    assert (best.value <= known / (1 - survival) + best.error).all()
    assert (short <= best.value + best.error).all()
    assert (best.value <= short + survival**horizon * known / (1 - survival) + best.error).all()
    assert (best.value[at <= -survival / (1 - survival) * known] == 0).all()
    # where all is all but known the bounds are the value
    sure = hazard_optimal(GaussianBandit(1e-3, 3.0, 1, 3.0), survival)
    assert sure.value == pytest.approx(3.0 / (1 - survival), rel=1e-8)


def test_without_a_hazard_the_recursion_is_that_of_a_known_lifetime():
    task = GaussianBandit([1.0, 2.0], [1.0, 3.0], [20, 60])
    known = solve(task, FINE)
    nearly = solve(task, FINE, 1 - 1e-10)
    np.testing.assert_allclose(nearly.worth, known.worth, rtol=1e-6)
    np.testing.assert_allclose(nearly.thresholds, known.thresholds, rtol=1e-6)
    np.testing.assert_allclose(nearly.leaving, known.leaving, rtol=1e-6)
    np.testing.assert_allclose(nearly.leavers_pulls, known.leavers_pulls, rtol=1e-6)


@pytest.mark.checks("prop-hazard")
def test_who_dies_with_the_first_pull_pulls_only_what_pays_at_once():
    best = hazard_optimal(GaussianBandit(2.0, 1.0, 1, [-1.0, 0.0, 1.5]), 0.0)
    np.testing.assert_allclose(best.value, [0, 0, 1.5])


@pytest.mark.checks("prop-hazard")
def test_behaviour_is_predictable_where_even_the_arms_mean_would_come_too_late():
    survival = np.array([0.5, 0.8, 0.9, 0.95])
    for sigma_p in (0.5, 1.0, 2.0):
        # nothing is as easy to learn as an arm without noise
        task = GaussianBandit(sigma_p, 1e-6)
        for gamma in survival:
            informed = task.mean + gamma / (1 - gamma) * gain(task.mean, task.sigma_p)
            value = hazard_optimal(task, gamma).value
            assert value == pytest.approx(max(float(informed), 0), rel=1e-5, abs=1e-9)


@pytest.mark.checks("prop-hazard")
def test_thresholds_rise_to_zero_and_value_lies_below_knowing():
    best = hazard_optimal(TASKS, 0.97)
    assert (np.diff(best.thresholds, axis=0) > 0).all()
    assert (best.thresholds <= 0).all()
    one = GaussianBandit(TASKS.sigma_p, TASKS.sigma_l, 1)
    assert (best.value < full_information_value(one) / 0.03).all()
    assert (best.error < 1e-6 * (1 + best.value)).all()


@pytest.mark.checks("prop-hazard")
def test_who_is_told_the_lifetime_earns_more_on_average():
    task, survival = GaussianBandit(2.0, 2.0), 0.9
    lengths = np.arange(1, 150)
    known = bayes_optimal(GaussianBandit(2.0, 2.0, lengths)).value
    chance = (1 - survival) * survival ** (lengths - 1)
    told = (known * chance).sum()
    hazard = hazard_optimal(task, survival).value
    assert hazard < told
    # a life of any length below the mean's lifetime at which learning pays gains most
    assert told - hazard > 0.1 * hazard


@pytest.mark.parametrize("survival", [-0.1, 1.0, 1.5, float("nan")])
def test_a_hazard_that_is_none_is_refused(survival):
    with pytest.raises(ValueError, match=r"survival = .*: must be a number in \[0, 1\)"):
        hazard_optimal(TASKS, survival)


def test_a_horizon_that_cannot_be_computed_is_refused():
    with pytest.raises(ValueError, match=r"survival = 0\.9999999: needs a horizon of 2\.07e"):
        hazard_optimal(TASKS, 0.9999999)
    with pytest.raises(ValueError, match=r"tolerance = 0: must be a number in \(0, 1\)"):
        hazard_optimal(TASKS, 0.9, tolerance=0)
