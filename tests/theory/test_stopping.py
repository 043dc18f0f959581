import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm

from benchmarks.theory import KINKED, kinked_lattice_value
from meta_bandit import GaussianBandit
from meta_bandit.measure import measure
from meta_bandit.policies import Stopping
from meta_bandit.theory import (
    bayes_optimal,
    critical_lifetime,
    critical_sigma_l,
    first_pull_value,
    full_information_value,
    optimal_commit,
    stopping_critical_lifetime,
    stopping_critical_sigma_l,
    stopping_solver,
)
from meta_bandit.worlds import simulate

FINEST = stopping_solver.Resolution(nodes=72, quadrature=60, window=8.5, reach=9.5)


def random_tasks(count, longest, seed, mean=-1.0):
    rng = np.random.default_rng(seed)
    return GaussianBandit(
        np.exp(rng.uniform(np.log(0.2), np.log(10), count)),
        np.exp(rng.uniform(np.log(0.01), np.log(100), count)),
        np.floor(np.exp(rng.uniform(0, np.log(longest + 1), count))),
        mean,
    )


def step_std(task, n):
    """Standard deviation of the estimate's move at pull n."""
    prior_pulls = (task.sigma_l / task.sigma_p) ** 2
    return task.sigma_l / np.sqrt((n + prior_pulls) * (n + prior_pulls + 1))


def nested_quadrature(task):
    """Value of a life of three pulls, by adaptive quadrature of the nested expectations."""

    def two_pulls_left(x):
        std = step_std(task, 1)
        rest = quad(lambda y: y * norm.pdf(y, x, std), 0, max(x, 0) + 12 * std, epsabs=1e-13)[0]
        return x + rest

    first = step_std(task, 0)
    threshold = brentq(two_pulls_left, -50 * float(task.sigma_p), 0, xtol=1e-14)
    rest = quad(
        lambda y: two_pulls_left(y) * norm.pdf(y, task.mean, first),
        threshold,
        max(float(task.mean), 0.0) + 12 * first,
        epsabs=1e-12,
        limit=400,
        points=[0.0, float(task.mean), 3 * float(step_std(task, 1))],
    )[0]
    return max(0.0, float(task.mean) + rest), threshold


def lattice(task, points=3001):
    """Value by brute force: the trapezoidal rule on an even lattice of estimates."""
    lifetime, mean = int(task.lifetime), float(task.mean)
    reach = 8 * float(task.sigma_p)
    estimates = np.linspace(mean - reach, mean + reach, points)
    spacing = estimates[1] - estimates[0]
    value = np.maximum(estimates, 0)
    for n in range(lifetime - 2, -1, -1):
        std = float(step_std(task, n))
        kernel = norm.pdf((estimates[None] - estimates[:, None]) / std) * (spacing / std)
        # beyond the lattice nobody leaves any more, or comes back
        above = norm.sf((estimates[-1] + spacing / 2 - estimates) / std)
        value = estimates + kernel @ value + above * value[-1]
        value = np.maximum(value, 0)
    return value[points // 2]


@pytest.mark.checks("thm-stopping")
@pytest.mark.parametrize(
    ("sigma_p", "sigma_l", "lifetime", "value"),
    [(1, 1, 100, 5.621745), (2, 2, 100, 34.102642), (2, 4, 100, 27.594), (1, 0.1, 100, 7.23)],
)
def test_values_that_the_book_quotes(sigma_p, sigma_l, lifetime, value):
    # as many digits as are quoted
    digits = {5.621745: 1e-7, 34.102642: 1e-8}.get(value, 1e-4)
    assert bayes_optimal(GaussianBandit(sigma_p, sigma_l, lifetime)).value == pytest.approx(
        value, rel=digits
    )


@pytest.mark.parametrize("solve", [bayes_optimal, first_pull_value])
def test_a_life_too_long_to_be_solved_is_refused(solve):
    with pytest.raises(ValueError, match=r"lifetime = 1e\+09 for 1 tasks: must be at most 1e\+06"):
        solve(GaussianBandit(1, 1, 1e9))
    with pytest.raises(
        ValueError, match=r"lifetime = 1e\+06 for 200 tasks: .* 1e\+08 pulls of all"
    ):
        solve(GaussianBandit(np.ones(200), 1, 1e6))


def test_one_pull_goes_to_the_better_arm():
    best = bayes_optimal(GaussianBandit(1.0, 1.0, 1, [-1.0, 0.0, 2.0]))
    assert best.value.tolist() == [0, 0, 2]
    assert best.thresholds.tolist() == [[0, 0, 0]]
    assert best.expected_pulls.tolist() == [0, 0, 1]
    assert best.ends_safe.tolist() == [1, 1, 0]
    assert best.exploration.tolist()[:2] == [0, 0]
    assert np.isnan(best.exploration[2])


@pytest.mark.checks("prop-stopping-edge")
def test_two_pulls_leave_one_decision_which_commitment_makes_as_well():
    tasks = random_tasks(50, 1, seed=2)
    tasks = GaussianBandit(tasks.sigma_p, tasks.sigma_l, 2)
    assert np.allclose(bayes_optimal(tasks).value, optimal_commit(tasks)[1], rtol=1e-13, atol=1e-13)


@pytest.mark.checks("thm-stopping")
@pytest.mark.parametrize(
    ("sigma_p", "sigma_l", "mean"),
    [(1.5, 1.0, -1.0), (3.0, 0.2, -1.0), (10.0, 30.0, -1.0), (1.0, 2.0, 0.5), (2.0, 2.0, 0.0)],
)
def test_three_pulls_against_nested_quadrature(sigma_p, sigma_l, mean):
    task = GaussianBandit(sigma_p, sigma_l, 3, mean)
    best = bayes_optimal(task)
    value, threshold = nested_quadrature(task)
    assert best.value == pytest.approx(value, rel=1e-9, abs=1e-10)
    assert best.thresholds[1] == pytest.approx(threshold, rel=1e-7)
    assert best.thresholds[2] == 0


@pytest.mark.checks("thm-stopping")
@pytest.mark.parametrize(
    ("sigma_p", "sigma_l", "lifetime", "mean"),
    [(1.0, 1.0, 6, -0.5), (2.0, 3.0, 8, -1.0), (1.0, 2.0, 12, 0.3)],
)
def test_against_a_fine_lattice(sigma_p, sigma_l, lifetime, mean):
    task = GaussianBandit(sigma_p, sigma_l, lifetime, mean)
    assert bayes_optimal(task).value == pytest.approx(lattice(task), rel=2e-5, abs=2e-5)


@pytest.mark.checks("thm-stopping")
def test_twenty_values_to_a_relative_millionth():
    """Against a lattice that shares no code with the solver, with terms for the kink."""
    assert len(KINKED) == 20
    for sigma_p, sigma_l, lifetime in KINKED:
        task = GaussianBandit(sigma_p, sigma_l, min(lifetime, 60))
        value = kinked_lattice_value(task)
        assert first_pull_value(task) == pytest.approx(value, rel=1e-7), task


@pytest.mark.checks("thm-stopping")
def test_lives_under_the_thresholds_earn_the_value_and_behave_as_computed():
    tasks = GaussianBandit(
        [1.0, 2.0, 10.0, 1.0, 2.0], [1.0, 4.0, 0.01, 1.0, 5.0], [100, 50, 20, 30, 60],
        [-1.0, -1.0, -1.0, 0.5, 0.0],
    )  # fmt: skip
    best = bayes_optimal(tasks)
    lives = simulate(Stopping(best.thresholds), tasks, 20_000, np.random.default_rng(11))
    measured = measure(lives, ["task"])
    for name, expected in (
        ("expected_return", best.value),
        ("exploration", best.exploration),
        ("ends_safe", best.ends_safe),
    ):
        assert (np.abs(measured[name] - expected) < 4 * measured[f"{name}_se"]).all(), name
    pulls = lives.risky_pulls
    error = pulls.std(axis=-1) / np.sqrt(pulls.shape[-1])
    assert (np.abs(pulls.mean(axis=-1) - best.expected_pulls) < 4 * error).all()


def test_the_error_covers_the_distance_to_a_much_finer_solution():
    tasks = random_tasks(40, 300, seed=4)
    best = bayes_optimal(tasks)
    finest = np.maximum(stopping_solver.solve(tasks, FINEST).worth, 0)
    assert (np.abs(best.value - finest) <= best.error).all()
    assert (best.error < 1e-4 * np.abs(best.value) + 1e-5).all()


@pytest.mark.parametrize("survival", [1.0, 0.97])
def test_compiled_it_says_the_same(survival: float, monkeypatch: pytest.MonkeyPatch) -> None:
    if not stopping_solver.library():
        pytest.skip("no C compiler (cc)")
    for mean in (-2.0, 0.5):
        tasks = random_tasks(20, 200, seed=9, mean=mean)
        by_c = stopping_solver.solve(tasks, stopping_solver.FINE, survival)
        monkeypatch.setattr(stopping_solver, "library", lambda: None)
        by_numpy = stopping_solver.solve(tasks, stopping_solver.FINE, survival)
        monkeypatch.undo()
        scale = np.abs(mean) + tasks.sigma_p * tasks.lifetime
        assert (np.abs(by_c.worth - by_numpy.worth) < 1e-13 * scale).all()
        # found by Newton's method, which need not end at the same step
        assert np.allclose(by_c.thresholds, by_numpy.thresholds, rtol=1e-9, equal_nan=True)
        assert np.allclose(by_c.leaving, by_numpy.leaving, rtol=1e-10)
        assert np.allclose(by_c.leavers_pulls, by_numpy.leavers_pulls, rtol=1e-10)
        assert not np.array_equal(by_c.worth, by_numpy.worth)


def test_behaviour_is_as_exact_as_the_value():
    tasks = GaussianBandit([1.0, 2.0, 5.0], [1.0, 4.0, 50.0], [100, 300, 50])
    fine = stopping_solver.solve(tasks, stopping_solver.FINE)
    finest = stopping_solver.solve(tasks, FINEST)
    assert np.allclose(fine.leaving, finest.leaving, rtol=1e-7)
    assert np.allclose(fine.leavers_pulls, finest.leavers_pulls, rtol=1e-7)
    assert np.allclose(fine.thresholds, finest.thresholds, rtol=1e-6, equal_nan=True)


@pytest.mark.checks("thm-stopping")
def test_the_value_lies_between_commitment_and_full_information():
    for mean in (-1.0, 0.0, 0.7):
        tasks = random_tasks(60, 100, seed=5, mean=mean)
        small_noise = GaussianBandit([0.5, 1.0, 3.0, 10.0], 0.01, [[2], [3], [100]], mean)
        for batch in (tasks, small_noise):
            # before the result is raised to the committed plan's: it must not need it
            worth = np.maximum(stopping_solver.solve(batch, stopping_solver.FINE).worth, 0)
            committed = optimal_commit(batch)[1]
            assert (worth >= committed - 1e-9 * np.maximum(1, committed)).all()
            best = bayes_optimal(batch)
            assert (best.value >= committed).all()
            assert (best.value <= full_information_value(batch) * (1 + 1e-12)).all()


@pytest.mark.checks("thm-stopping")
def test_thresholds_rise_to_zero():
    tasks = random_tasks(60, 200, seed=6)
    best = bayes_optimal(tasks)
    assert best.thresholds.shape == (tasks.lifetime.max(), 60)
    for i, lifetime in enumerate(tasks.lifetime):
        own = best.thresholds[:lifetime, i]
        assert (np.diff(own) >= -1e-9).all()
        assert own[-1] == 0
        assert np.isnan(best.thresholds[lifetime:, i]).all()


def test_never_pulling_is_optimal_where_the_first_threshold_is_above_the_prior_mean():
    tasks = random_tasks(80, 60, seed=7)
    best = bayes_optimal(tasks)
    never = best.thresholds[0] >= -1
    assert 10 < never.sum() < 70
    assert np.array_equal(never, best.value == 0)
    assert np.array_equal(first_pull_value(tasks) <= 0, never)
    for name, value in (("expected_pulls", 0), ("exploration", 0), ("ends_safe", 1)):
        assert (getattr(best, name)[never] == value).all()
        assert (getattr(best, name)[~never] != value).all()


def test_a_mean_far_above_zero_is_never_left():
    best = bayes_optimal(GaussianBandit(1.0, 1.0, 50, 40.0))
    assert best.value == pytest.approx(2000, rel=1e-14)
    assert best.expected_pulls == pytest.approx(50)
    assert best.ends_safe == pytest.approx(0, abs=1e-200)


def test_a_batch_is_its_tasks():
    tasks = random_tasks(30, 40, seed=8)
    shaped = GaussianBandit(
        tasks.sigma_p.reshape(5, 6), tasks.sigma_l.reshape(5, 6), tasks.lifetime.reshape(5, 6)
    )
    batch = bayes_optimal(shaped)
    assert batch.value.shape == batch.error.shape == (5, 6)
    for i in range(30):
        place = divmod(i, 6)
        single = bayes_optimal(tasks[i])
        assert single.value.shape == ()
        assert batch.value[place] == pytest.approx(float(single.value), rel=1e-10, abs=1e-12)
        own = batch.thresholds[: int(tasks[i].lifetime), *place]
        assert np.allclose(own, single.thresholds, rtol=1e-7, atol=1e-12)
        assert batch.exploration[place] == pytest.approx(float(single.exploration), rel=1e-8)


@pytest.mark.checks("prop-scale")
@pytest.mark.parametrize("unit", [1e-100, 1e-3, 7.0, 1e100])
def test_a_change_of_the_unit_of_reward_scales_values_and_thresholds(unit):
    best = bayes_optimal(GaussianBandit([1.0, 2.0], [1.0, 4.0], 40))
    scaled = bayes_optimal(GaussianBandit([unit, 2 * unit], [unit, 4 * unit], 40, -unit))
    assert np.allclose(scaled.value, unit * best.value, rtol=1e-10, atol=0)
    assert np.allclose(scaled.thresholds, unit * best.thresholds, rtol=1e-7, atol=0)
    assert np.allclose(scaled.exploration, best.exploration, rtol=1e-8)


def test_extreme_noise_gives_finite_answers():
    tasks = GaussianBandit(1.0, [1e-150, 1e-8, 1e8, 1e150], 20, [[-1.0], [0.5]])
    best = bayes_optimal(tasks)
    assert np.isfinite(best.value).all()
    # without noise one pull tells all; with boundless noise nothing is ever learned
    told = 19 * full_information_value(GaussianBandit(1.0, 1.0, 1, [-1.0, 0.5])) + [-1.0, 0.5]
    assert np.allclose(best.value[:, 0], told, rtol=1e-9)
    assert np.allclose(best.value[:, 3], [0, 10], rtol=1e-9)


@pytest.mark.checks("prop-stopping-edge")
def test_learning_stops_to_pay_at_the_critical_noise():
    tasks = GaussianBandit([0.2, 1.0, 2.0, 5.0], 1.0, [[2], [20], [60]])
    critical = stopping_critical_sigma_l(tasks)
    committed = critical_sigma_l(tasks)
    assert np.array_equal(critical == 0, committed == 0)
    inside = critical > 0
    # in a life of two pulls both policies are the same
    assert np.allclose(critical[0], committed[0], rtol=1e-6)
    assert (critical[1:] > committed[1:])[inside[1:]].all()
    for factor, sign in ((1 - 1e-5, 1), (1 + 1e-5, -1)):
        at = GaussianBandit(tasks.sigma_p, np.where(inside, factor * critical, 1), tasks.lifetime)
        assert (np.sign(first_pull_value(at))[inside] == sign).all()
    assert stopping_critical_sigma_l(GaussianBandit(1.0, 1.0, [1, 5], 0.5)).tolist() == [0, np.inf]


@pytest.mark.checks("prop-stopping-edge")
def test_learning_begins_to_pay_at_the_critical_lifetime():
    tasks = GaussianBandit([1.0, 2.0, 5.0], [[0.01], [1.0], [3.0]])
    critical = stopping_critical_lifetime(tasks, longest=60)
    assert (critical <= critical_lifetime(tasks))[np.isfinite(critical)].all()
    assert np.isnan(critical[2, 0])
    lifetimes = np.arange(1, 61)
    for place in np.ndindex(tasks.shape):
        task = tasks[place]
        pays = first_pull_value(GaussianBandit(task.sigma_p, task.sigma_l, lifetimes)) > 0
        assert np.array_equal(pays, lifetimes >= critical[place])
    assert stopping_critical_lifetime(GaussianBandit(1.0, 9.0, 5, [0.0, 2.0])).tolist() == [2, 2]
    with pytest.raises(ValueError, match=r"^longest = 1: must be a whole number >= 2"):
        stopping_critical_lifetime(tasks, longest=1)
    with pytest.raises(ValueError, match=r"^longest = 1000000000: must be at most 1000000"):
        stopping_critical_lifetime(tasks, longest=10**9)


def test_more_life_more_variety_and_less_noise_are_worth_more():
    base = first_pull_value(GaussianBandit(1.0, 1.0, 30))
    assert first_pull_value(GaussianBandit(1.0, 1.0, 31)) > base
    assert first_pull_value(GaussianBandit(1.1, 1.0, 30)) > base
    assert first_pull_value(GaussianBandit(1.0, 1.1, 30)) < base
