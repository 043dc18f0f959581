import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.theory import (
    commit_value,
    critical_lifetime,
    critical_lifetime_law,
    critical_sigma_l,
    edge,
    first_pull_value,
    gain,
    learning_advantage,
    local_optima,
    marginal_benefit_and_cost,
    optimal_commit,
    stopping_critical_sigma_l,
    wide_constants,
    wide_world_edge,
)


@pytest.mark.checks("thm-edge")
def test_value_and_slope_vanish_on_the_edge():
    z = np.linspace(0.8, 3.0, 12)
    for lifetime, mean in ((100, -1.0), (1000, -2.5)):
        pulls, sigma_p, sigma_l = edge(z, lifetime, mean)
        task = GaussianBandit(sigma_p, sigma_l, lifetime, mean)
        assert np.allclose(commit_value(task, pulls), 0, atol=1e-9 * lifetime)
        step = 1e-4 * pulls
        rise = commit_value(task, pulls + step) - commit_value(task, pulls - step)
        assert np.allclose(rise / (2 * step), 0, atol=1e-5)
        optima = local_optima(task)
        assert np.allclose(optima.interior_pulls, pulls, rtol=1e-5)


def test_no_edge_where_all_uncertainty_would_be_left():
    assert np.isnan(edge(0.7, 100).sigma_p)
    for name, call in (
        ("z", lambda: edge(0.0, 100)),
        ("lifetime", lambda: edge(1.0, 0)),
        ("mean", lambda: edge(1.0, 100, 0.5)),
    ):
        with pytest.raises(ValueError, match=f"^{name} = "):
            call()


@pytest.mark.checks("thm-edge")
def test_no_jump_takes_more_of_life_than_in_the_widest_world():
    share, sigma_p, _ = edge(np.linspace(0.7, 6, 200_001), 1.0)
    real = ~np.isnan(sigma_p)
    assert (np.diff(share[real]) < 0).all()
    assert share[real].max() == pytest.approx(0.142641, abs=2e-6)
    assert sigma_p[real].argmax() == share[real].argmax() == 0


@pytest.mark.checks("prop-foc")
def test_the_edge_of_whole_pulls_lies_beside_that_of_real_ones():
    sigma_p = np.geomspace(0.8, 50, 30)
    lifetime = 60
    exact = critical_sigma_l(GaussianBandit(sigma_p, 1.0, lifetime))
    for n in range(1, lifetime):
        value = commit_value(GaussianBandit(sigma_p, exact * (1 + 1e-9), lifetime), n)
        assert (value < 1e-6).all(), n


@pytest.mark.checks("prop-foc")
@pytest.mark.parametrize("mean", [0.0, 1e-3, 0.5, 3.0])
def test_a_good_arm_is_looked_at_without_a_barrier(mean):
    tasks = GaussianBandit([0.5, 2.0], [[0.3], [4.0], [40.0]], 50, mean)
    rise = np.sign(
        np.diff(learning_advantage(tasks, np.linspace(0, 50, 2001)[:, None, None]), axis=0)
    )
    rise = rise[np.abs(rise).sum(axis=(1, 2)) == 6]
    assert (np.diff(rise, axis=0) <= 0).all()
    assert np.isnan(local_optima(tasks).barrier_pulls).all()


@pytest.mark.parametrize("mean", [-1e150, -1.0, 0.0, 1e150])
def test_extreme_worlds_have_numbers_for_answers(mean):
    least, most = 1e-150, 1e150
    worlds = GaussianBandit(
        [least, least, 1.0, most, most], [least, most, 1.0, least, most], 5, mean
    )
    for function in (
        critical_lifetime,
        critical_lifetime_law,
        critical_sigma_l,
        first_pull_value,
        lambda task: marginal_benefit_and_cost(task, 2.5),
        stopping_critical_sigma_l,
    ):
        assert not np.isnan(function(worlds)).any(), function.__name__
    if mean == -1e150:
        assert critical_sigma_l(worlds)[0] == 0  # predictable
        assert critical_lifetime_law(worlds)[0] == np.inf
    if mean == -1.0:  # in the widest world both edges are those of its constants
        committed, adaptive = critical_sigma_l(worlds)[-1], stopping_critical_sigma_l(worlds)[-1]
        assert adaptive == pytest.approx(float(wide_world_edge(5)) * most**2, rel=1e-6)
        assert committed < wide_constants().committed * np.sqrt(5) * most**2


@pytest.mark.checks("thm-edge")
def test_critical_complexity_grows_as_the_root_of_the_lifetime():
    ratio = edge(1.5, 400).sigma_l / edge(1.5, 100).sigma_l
    assert np.isclose(ratio, 2.0, rtol=1e-12)


def random_world(rng: np.random.Generator) -> tuple[float, float]:
    return float(np.exp(rng.uniform(-1, 2))), float(np.exp(rng.uniform(-2, 3)))


@pytest.mark.checks("prop-short-life")
def test_critical_lifetime_is_where_learning_begins_to_pay():
    rng = np.random.default_rng(0)
    checked = 0
    for _ in range(200):
        sigma_p, sigma_l = random_world(rng)
        shortest = critical_lifetime(GaussianBandit(sigma_p, sigma_l, 1))
        assert shortest >= 2
        if shortest < 3_000:
            every = np.arange(1, int(shortest) + 1)
            lives = GaussianBandit(sigma_p, sigma_l, every)
            pays = optimal_commit(lives)[1] > 0
            assert pays.tolist() == [False] * (len(every) - 1) + [True]
            checked += 1
    assert checked > 100


def test_critical_lifetime_with_the_sample_mean():
    task = GaussianBandit([1.0, 0.5, 5.0], [1.0, 0.3, 9.0], 1)
    for i, shortest in enumerate(critical_lifetime(task, "ml")):
        every = np.arange(1, int(shortest) + 1)
        lives = GaussianBandit(task.sigma_p[i], task.sigma_l[i], every)
        pays = optimal_commit(lives, "ml")[1] > 0
        assert pays.tolist() == [False] * (len(every) - 1) + [True]
    assert (critical_lifetime(task, "ml") >= critical_lifetime(task)).all()
    assert critical_lifetime(GaussianBandit(0.01, 1.0, 1), "ml") == np.inf


@pytest.mark.checks("prop-short-life", "thm-wide-worlds")
@pytest.mark.parametrize("width", [1e3, 1e9, 1e70])
def test_in_the_widest_worlds_the_critical_lifetime_is_that_of_their_constant(width):
    noise = 10.0  # sigma_l abs(m) / sigma_p^2
    task = GaussianBandit(width, noise * width**2, 1)
    if width > 1e60:  # in another unit, as no standard deviation may be so large
        task = GaussianBandit(1e-10, noise * 1e-10 * width, 1, -1e-10 / width)
    real = (noise / wide_constants().committed) ** 2
    assert critical_lifetime_law(task) == pytest.approx(real, rel=1e-5)
    assert real < critical_lifetime(task) < 1.01 * real


def test_the_law_of_the_critical_lifetime_is_a_number_at_all_extremes():
    ends = np.array([1e-150, 1e-80, 1.0, 1e80, 1e150])
    worlds = GaussianBandit(ends, ends[:, None], 1, -ends[:, None, None])
    assert not np.isnan(critical_lifetime_law(worlds)).any()


@pytest.mark.checks("prop-short-life")
def test_critical_lifetime_follows_its_law():
    task = GaussianBandit([0.5, 1.0, 3.0], [10.0, 40.0, 300.0], 1)
    law, exact = critical_lifetime_law(task), critical_lifetime(task)
    assert (law < exact).all()
    assert np.allclose(law, exact, rtol=2e-3)
    # the law and the closed form of the edge are one
    pulls, sigma_p, sigma_l = edge(1.7, 250.0)
    assert np.isclose(critical_lifetime_law(GaussianBandit(sigma_p, sigma_l, 1)), 250.0, rtol=1e-9)
    assert 0 < pulls < 250


@pytest.mark.checks("thm-edge")
def test_critical_complexity_is_where_learning_stops_to_pay():
    rng = np.random.default_rng(1)
    for _ in range(100):
        sigma_p, _ = random_world(rng)
        lifetime = int(np.exp(rng.uniform(0.8, 7)))
        critical = critical_sigma_l(GaussianBandit(sigma_p, 1.0, lifetime))
        pulls = np.arange(1, lifetime + 1)
        if critical == 0:
            assert (lifetime - 1) * gain(-1.0, sigma_p) <= 1
            assert (commit_value(GaussianBandit(sigma_p, 1e-9, lifetime), pulls) <= 0).all()
        else:
            below = commit_value(GaussianBandit(sigma_p, critical * (1 - 1e-7), lifetime), pulls)
            above = commit_value(GaussianBandit(sigma_p, critical * (1 + 1e-7), lifetime), pulls)
            assert below.max() > 0
            assert above.max() < 0


@pytest.mark.checks("prop-predictable")
def test_predictable_behaviour_needs_no_learning_at_any_complexity():
    rng = np.random.default_rng(2)
    sigma_p = np.exp(rng.uniform(-2, 1, 500))
    lifetime = np.ceil(np.exp(rng.uniform(0, 5, 500)))
    predictable = (lifetime - 1) * gain(-1.0, sigma_p) <= 1
    assert 50 < predictable.sum() < 450
    for sigma_l in (1e-6, 0.1, 10.0):
        pulls, _ = optimal_commit(GaussianBandit(sigma_p, sigma_l, lifetime))
        assert (pulls[predictable] == 0).all()
    # and the condition is sharp
    pulls, _ = optimal_commit(GaussianBandit(sigma_p[~predictable], 1e-9, lifetime[~predictable]))
    assert (pulls > 0).all()


def test_ends_of_the_range():
    with np.errstate(all="raise", under="ignore"):
        task = GaussianBandit([0.01, 1.0, 1.0, 1.0], 1.0, [100, 1, 100, 1], [-1, -1, 0, 0])
        assert critical_sigma_l(task).tolist()[:2] == [0.0, 0.0]
        assert critical_sigma_l(task)[2] == np.inf
        assert critical_lifetime(task)[0] == np.inf
        assert critical_lifetime(task)[2] == 2
