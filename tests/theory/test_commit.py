import mpmath
import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.theory import (
    commit_value,
    full_information_value,
    gain,
    local_optima,
    marginal_benefit_and_cost,
    optimal_commit,
    posterior,
    posterior_mean_std,
    sqrt_law,
)


def random_tasks(count: int, longest: int, mean: float, seed: int) -> GaussianBandit:
    rng = np.random.default_rng(seed)
    return GaussianBandit(
        np.exp(rng.uniform(np.log(0.2), np.log(10), count)),
        np.exp(rng.uniform(np.log(0.01), np.log(100), count)),
        np.ceil(np.exp(rng.uniform(0, np.log(longest), count))),
        mean,
    )


def quadrature_value(task: GaussianBandit, n: int, estimator: str = "map") -> mpmath.mpf:
    """V(n) from its definition: average over arms of what is earned if the rewards speak for it."""
    with mpmath.workdps(30):
        m, sigma_p, sigma_l = (
            mpmath.mpf(float(v)) for v in (task.mean, task.sigma_p, task.sigma_l)
        )
        indifferent = mpmath.mpf(0)
        if estimator == "map":
            indifferent = -m * sigma_l**2 / (n * sigma_p**2)
        noise = sigma_l / mpmath.sqrt(n)

        def earned(mu: mpmath.mpf) -> mpmath.mpf:
            return mu * mpmath.npdf(mu, m, sigma_p) * mpmath.ncdf((mu - indifferent) / noise)

        edges = {m + k * sigma_p for k in (-15, -4, 0, 4, 15)}
        near = {indifferent + k * noise for k in (-12, -3, 0, 3, 12)}
        inner = sorted(edges | {e for e in near if m - 15 * sigma_p < e < m + 15 * sigma_p})
        lifetime = int(task.lifetime)
        return n * m + (lifetime - n) * mpmath.quad(earned, [-mpmath.inf, *inner, mpmath.inf])


@pytest.mark.checks("prop-sqrt-law")
@pytest.mark.parametrize("mean", [-60.0, -37.0, -1.0, 0.0, 1.0, 37.0, 60.0, 1e4])
def test_square_root_law_far_into_the_tail(mean):
    with mpmath.workdps(60):
        density, opposite = mpmath.npdf(mean), mpmath.npdf(mean) - mean * mpmath.ncdf(-mean)
        if mean > 1e3:  # beyond mpmath's own digits: 1 - z M(z) from its asymptotic series
            opposite = density / mpmath.mpf(mean) ** 2
        exact = 2 * mpmath.sqrt(100 * density / (2 * opposite))
        law = float(sqrt_law(GaussianBandit(1.0, 2.0, 100, mean)))
        assert law == pytest.approx(float(exact), rel=1e-7, abs=1e-300)


@pytest.mark.checks("thm-commit-value", "prop-ml-value")
@pytest.mark.parametrize("mean", [-1.0, 0.4])
@pytest.mark.parametrize("estimator", ["map", "ml"])
def test_value_against_quadrature_of_the_definition(mean, estimator):
    tasks = random_tasks(12, 10_000, mean, seed=1)
    rng = np.random.default_rng(2)
    for i in range(12):
        n = int(rng.integers(1, tasks[i].lifetime + 1))
        exact = quadrature_value(tasks[i], n, estimator)
        error = abs(commit_value(tasks[i], n, estimator) - exact)
        assert error < 1e-11 * max(1, abs(exact)), (tasks[i], n)


@pytest.mark.checks("thm-commit-value")
def test_reference_values():
    pulls, value = optimal_commit(GaussianBandit([1.0, 2.0], [1.0, 4.0], 100))
    assert pulls.tolist() == [2, 7]
    assert np.allclose(value, [2.266, 16.955], atol=5e-4)


@pytest.mark.checks("thm-commit-value", "prop-ml-value")
def test_value_at_both_ends():
    task = GaussianBandit([1.0, 2.0], 1.0, 50, [-1.0, 0.7])
    for estimator in ("map", "ml"):
        assert np.array_equal(commit_value(task, 0, estimator), [0.0, 35.0])
        assert np.allclose(commit_value(task, 50, estimator), [-50.0, 35.0], rtol=1e-15)


def test_extreme_tasks_give_finite_numbers():
    task = GaussianBandit([1e-8, 1e8, 1e-3, 1e3], [1e8, 1e-8, 1e-9, 1e9], [10, 10**9, 1, 10**6])
    with np.errstate(all="raise", under="ignore"):
        for n in (0, 0.5, 1):
            assert np.isfinite(commit_value(task, n)).all()
            assert np.isfinite(commit_value(task, n, "ml")).all()


def test_pulls_outside_of_life_are_named():
    with pytest.raises(ValueError, match=r"pulls = 11: must lie in \[0, T\]"):
        commit_value(GaussianBandit(1.0, 1.0, [20, 10]), 11)
    with pytest.raises(ValueError, match=r"pulls = -1: must lie in \[0, T\]"):
        commit_value(GaussianBandit(1.0, 1.0, 10), [0, -1])
    with pytest.raises(ValueError, match=r"pulls = nan: must lie in \[0, T\]"):
        commit_value(GaussianBandit(1.0, 1.0, 10), np.nan)
    with pytest.raises(ValueError, match="estimator = 'mle'"):
        optimal_commit(GaussianBandit(1.0, 1.0, 10), "mle")


@pytest.mark.checks("prop-ml-value")
def test_the_sample_mean_is_never_better():
    tasks = random_tasks(300, 500, -1.0, seed=3)
    share = np.linspace(0.01, 1, 40)[:, None]
    pulls = np.maximum(1, np.floor(share * tasks.lifetime))
    assert (commit_value(tasks, pulls, "ml") <= commit_value(tasks, pulls) + 1e-9).all()


@pytest.mark.checks("prop-foc")
@pytest.mark.parametrize("estimator", ["map", "ml"])
@pytest.mark.parametrize("mean", [-1.0, 0.0, 0.5])
def test_best_length_equals_brute_force(estimator, mean):
    tasks = random_tasks(400, 2_000, mean, seed=4)
    pulls, value = optimal_commit(tasks, estimator)
    for i in range(400):
        every = commit_value(tasks[i], np.arange(tasks[i].lifetime + 1), estimator)
        best = every.max()
        # at a tie, to rounding, any of the tied lengths is right
        assert every[pulls[i]] >= best - 4e-16 * abs(best) * tasks[i].lifetime, tasks[i]
        assert value[i] == every[pulls[i]]


@pytest.mark.checks("prop-scale")
def test_values_scale_with_the_unit_of_reward():
    task = GaussianBandit(1.3, 2.1, 80)
    scaled = GaussianBandit(1.3 * 7, 2.1 * 7, 80, -7)
    assert optimal_commit(task)[0] == optimal_commit(scaled)[0]
    assert np.isclose(7 * commit_value(task, 5), commit_value(scaled, 5), rtol=1e-13)


@pytest.mark.checks("thm-never-local", "prop-foc")
def test_both_local_optima_and_the_barrier():
    tasks = random_tasks(200, 2_000, -1.0, seed=5)
    optima = local_optima(tasks)
    assert (optima.never_value == 0).all()
    for i in range(200):
        grid = np.geomspace(1e-4, float(tasks[i].lifetime), 20_001)
        slope_sign = np.sign(np.diff(commit_value(tasks[i], grid)))
        turns = np.flatnonzero(np.diff(slope_sign) != 0)
        if np.isnan(optima.interior_pulls[i]):
            assert (optima.barrier_value[i] != optima.barrier_value[i]).all()
            assert len(turns) == 0
        elif optima.barrier_pulls[i] > 2e-4:
            assert len(turns) == 2
            assert np.allclose(grid[turns + 1], [optima.barrier_pulls[i], optima.interior_pulls[i]],
                               rtol=2e-3)  # fmt: skip
            assert optima.barrier_value[i] < 0
            assert optima.barrier_value[i] < optima.interior_value[i]


@pytest.mark.checks("thm-never-local")
def test_the_first_bit_of_exploration_costs_its_price():
    tasks = random_tasks(50, 1_000, -1.0, seed=6)
    prior_pulls = np.square(tasks.sigma_l / tasks.sigma_p)
    # so few pulls that m / s_n is beyond 10
    tiny = np.minimum(0.1, prior_pulls * np.square(tasks.mean / tasks.sigma_p) / 100)
    assert np.allclose(commit_value(tasks, tiny) / tiny, -1, rtol=0.02)


@pytest.mark.checks("prop-sqrt-law")
def test_square_root_law_in_long_lives():
    lifetimes = 10 ** np.arange(4, 13, 2)
    for mean in (-1.0, 0.5):
        task = GaussianBandit(1.0, 3.0, lifetimes, mean)
        ratio = optimal_commit(task)[0] / sqrt_law(task)
        assert (np.diff(abs(ratio - 1)) < 0).all()
        assert abs(ratio[-1] - 1) < 2e-4


def test_no_plan_beats_full_information():
    tasks = random_tasks(300, 1_000, -1.0, seed=7)
    assert (optimal_commit(tasks)[1] <= full_information_value(tasks)).all()


@pytest.mark.checks("thm-commit-value")
def test_gain_against_mpmath_far_into_the_tail():
    for distance in (0.0, 0.3, 1.0, 5.0, 12.0, 30.0):
        with mpmath.workdps(40):
            tail = mpmath.npdf(distance) - distance * mpmath.ncdf(-distance)
        assert np.isclose(gain(-distance, 1.0), float(tail), rtol=3e-16 * (2 + distance**2) * 4)
        assert np.isclose(gain(distance, 1.0), float(tail + distance), rtol=1e-15)
    assert gain([-1.0, 0.0, 2.0], 0.0).tolist() == [0.0, 0.0, 2.0]
    with pytest.raises(ValueError, match=r"^std = -1: must be >= 0"):
        gain(-1.0, [1.0, -1.0])


@pytest.mark.checks("prop-posterior", "prop-posterior-law")
def test_posterior_against_a_grid():
    task = GaussianBandit(1.5, 2.0, 10, -0.7)
    rewards = np.array([0.3, -2.0, 1.1])
    grid = np.linspace(-12, 12, 200_001)
    log_density = -np.square((grid + 0.7) / 1.5) / 2
    log_density -= (np.square((rewards[:, None] - grid) / 2.0) / 2).sum(axis=0)
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    mean, var = posterior(task, 3, rewards.sum())
    assert np.isclose(mean, weight @ grid, atol=1e-9)
    assert np.isclose(var, weight @ np.square(grid - mean), atol=1e-9)
    assert posterior_mean_std(task, 0) == 0
    for refused in (lambda: posterior(task, -1, 0.0), lambda: posterior_mean_std(task, -1)):
        with pytest.raises(ValueError, match=r"^pulls = -1: must be >= 0"):
            refused()
    assert np.isclose(posterior_mean_std(task, 3) ** 2 + var, 1.5**2, rtol=1e-14)


@pytest.mark.checks("prop-foc")
def test_benefit_minus_cost_is_the_slope_of_the_value():
    tasks = random_tasks(100, 500, -1.0, seed=8)
    pulls = 0.37 * tasks.lifetime
    benefit, cost = marginal_benefit_and_cost(tasks, pulls)
    step = 1e-5 * pulls
    rise = commit_value(tasks, pulls + step) - commit_value(tasks, pulls - step)
    assert np.allclose(benefit - cost, rise / (2 * step), rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match=r"pulls = 0: must lie in \(0, T\)"):
        marginal_benefit_and_cost(GaussianBandit(1.0, 1.0, 10), [0, 5])
