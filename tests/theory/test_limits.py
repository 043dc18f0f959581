"""Ends of the ranges, against equations, quadrature, lattices and simulated lives."""

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq
from scipy.stats import norm

from meta_bandit import GaussianBandit
from meta_bandit.policies import Commit, KnowledgeGradient, Stopping
from meta_bandit.theory import (
    bayes_optimal,
    commitment_price,
    critical_sigma_l,
    edge,
    first_pull_value,
    full_information_value,
    gain,
    one_pull_sigma_l,
    optimal_commit,
    predictable_law,
    predictable_sigma_p,
    regret_bound,
    small_noise_regret,
    stopping_critical_sigma_l,
    wide_constants,
    wide_world_edge,
)
from meta_bandit.worlds import simulate


def walk_edge(lifetime: int, spacing: float = 0.02) -> float:
    """K_T by brute force: the walk with normal steps on an even lattice, thresholds by its root."""
    places = np.arange(-3 * lifetime**0.5 - 8, 6 * lifetime**0.5 + 8, spacing)
    steps = np.arange(-8, 8 + spacing / 2, spacing)
    kernel = norm.pdf(steps) * spacing
    value, worth = np.maximum(places, 0), places
    for left in range(2, lifetime + 1):
        # far above nobody leaves, so that every pull pays the place
        above = (left - 1) * (places[-1] + spacing * np.arange(1, len(steps) // 2 + 1))
        padded = np.concatenate([np.zeros(len(steps) // 2), value, above])
        worth = places + np.convolve(padded, kernel, "valid")
        value = np.maximum(worth, 0)
    return -float(np.interp(0, worth, places))


@pytest.mark.checks("thm-wide-worlds")
def test_wide_edges_of_two_and_three_pulls_solve_their_own_equations():
    two = brentq(lambda k: norm.pdf(k) - k * (1 + norm.sf(k)), 0, 2)

    def three(k: float) -> float:
        ahead = quad(lambda y: (y + norm.pdf(y) + y * norm.cdf(y)) * norm.pdf(y + k), -two, 12 - k)
        return ahead[0] - k

    assert wide_world_edge([1, 2, 3]) == pytest.approx([0, two, brentq(three, 0, 2)], abs=1e-7)


@pytest.mark.checks("thm-wide-worlds")
@pytest.mark.parametrize("lifetime", [10, 50])
def test_wide_edges_are_those_of_a_walk_on_a_lattice(lifetime):
    assert wide_world_edge(lifetime) == pytest.approx(walk_edge(lifetime), rel=2e-4)


@pytest.mark.checks("thm-wide-worlds")
def test_the_constants_are_the_numbers_that_the_book_states():
    found = wide_constants()
    assert found.committed == pytest.approx(0.289436, abs=5e-7)
    assert found.adaptive == pytest.approx(0.638833, abs=5e-7)
    assert found.adaptive / found.committed == pytest.approx(2.20717, abs=5e-6)
    assert (found.adaptive / found.committed) ** 2 == pytest.approx(4.87159, abs=5e-6)
    assert found.jump == pytest.approx(0.142641, abs=5e-7)
    # what the proof of the lower bound asks of c in numbers
    c = found.adaptive
    assert 8 / (3 * ((c**2 + 1) * norm.cdf(c) + c * norm.pdf(c))) < 3 * c * np.sqrt(2)


@pytest.mark.checks("thm-wide-worlds")
def test_the_adaptive_constant_by_shooting():
    """The free boundary's equation integrated from -c upwards stays near the line that it nears."""

    def far(c: float) -> float:
        def slopes(at: float, f: np.ndarray) -> list[float]:
            return [f[1], 3 * f[0] - at * f[1] - 2 * at]

        return float(solve_ivp(slopes, (-c, 5), [0, 0], rtol=1e-11, atol=1e-13).y[0, -1]) - 5

    assert brentq(far, 0.5, 0.8) == pytest.approx(wide_constants().adaptive, abs=1e-6)


@pytest.mark.checks("thm-wide-worlds")
def test_walks_that_leave_at_the_threshold_earn_the_self_similar_value():
    """Played in walks: the closed form is what is earned, and no more with another threshold."""
    rng, lives, lifetime, start = np.random.default_rng(11), 20_000, 400, -0.3
    c = wide_constants().adaptive
    scale = 1 / (3 * ((c**2 + 1) * norm.cdf(c) + c * norm.pdf(c)))
    option = (start**2 + 2) * norm.pdf(start) - (start**3 + 3 * start) * norm.cdf(-start)
    value = lifetime**1.5 * (start + scale * option)
    steps = rng.normal(size=(lifetime - 1, lives))
    walks = np.vstack([np.zeros(lives), steps.cumsum(axis=0)]) + start * lifetime**0.5
    left = lifetime - np.arange(lifetime)[:, None]
    earned = {}
    for at in (0.3 * c, c, 2 * c):
        stays = np.logical_and.accumulate(walks > -at * np.sqrt(left) + 0.58)
        returns = (walks * stays).sum(axis=0)
        earned[at] = returns.mean()
        error = returns.std() / np.sqrt(lives)
        assert earned[at] < value + 4 * error
    assert earned[c] == pytest.approx(value, rel=0.05)
    assert earned[c] > 1.03 * max(earned[0.3 * c], earned[2 * c])


@pytest.mark.checks("thm-wide-worlds")
def test_finite_lives_are_within_the_bounds_and_near_chernoffs_number():
    lives = np.unique(np.geomspace(2, 2000, 60).astype(int))
    missing = wide_constants().adaptive * np.sqrt(lives) - wide_world_edge(lives)
    assert (missing > 0).all()
    assert (missing < 2).all()
    assert (np.diff(missing) < 0).all()
    assert missing[-1] == pytest.approx(0.5826, abs=2e-3)


@pytest.mark.checks("thm-wide-worlds")
def test_no_world_has_an_edge_beyond_the_wide_one_and_wide_worlds_come_near():
    sigma_p, mean = np.array([0.7, 1.0, 2.0, 5.0, 20.0, 100.0]), -2.0
    for lifetime in (3, 20, 100):
        task = GaussianBandit(sigma_p * -mean, 1.0, lifetime, mean)
        unit = np.square(task.sigma_p) / -mean
        adaptive, most = stopping_critical_sigma_l(task) / unit, float(wide_world_edge(lifetime))
        learns = adaptive > 0
        assert learns.sum() >= 3
        assert (adaptive < most).all()
        upper = adaptive[learns] + (lifetime - 1) / (sigma_p[learns] ** 2 * adaptive[learns])
        assert (upper > most).all()
        assert adaptive[-1] == pytest.approx(most, rel=1e-3)
        committed = critical_sigma_l(task) / unit
        assert (committed <= wide_constants().committed * np.sqrt(lifetime)).all()
    assert committed[-1] == pytest.approx(wide_constants().committed * 10, rel=1e-3)


@pytest.mark.checks("thm-wide-worlds")
def test_no_jump_is_larger_and_the_committed_edge_nears_its_limit_as_said():
    found, z = wide_constants(), np.linspace(0.7664, 6, 400)
    pulls, sigma_p, sigma_l = edge(z, 50.0)
    assert (pulls < found.jump * 50).all()
    chi = sigma_l / sigma_p**2 / (found.committed * np.sqrt(50))
    assert (chi < 1).all()
    wide = sigma_p > 10
    assert wide.any()
    # half of what is missing is over z_0 squared, in units of the prior mean over sigma_p
    z_0 = found.committed / np.sqrt(found.jump)
    rate = (1 - chi[wide]) * 2 * (z_0 * sigma_p[wide]) ** 2
    assert rate == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("lifetime", [0, 2.5, 100_001])
def test_a_life_that_is_none_has_no_wide_edge(lifetime):
    with pytest.raises(ValueError, match=r"^lifetime = .*: must be"):
        wide_world_edge(lifetime)


@pytest.mark.checks("prop-predictable-side", "prop-small-noise")
def test_what_is_no_life_or_no_price_is_refused_by_name():
    for function in (predictable_sigma_p, predictable_law, small_noise_regret):
        with pytest.raises(ValueError, match=r"^lifetime = 1: must be a whole number >= 2"):
            function(1)
    with pytest.raises(ValueError, match=r"^lifetime = 10001: must be at most 10000"):
        small_noise_regret(10_001)
    for function in (predictable_sigma_p, predictable_law):
        with pytest.raises(ValueError, match=r"^mean = 0: must be < 0"):
            function(10, 0.0)


LIVES = np.array([2, 3, 10, 100, 10_000, 10**9])


@pytest.mark.checks("prop-predictable-side")
def test_behaviour_is_predictable_up_to_where_the_edges_begin():
    for mean in (-1.0, -3.0):
        start = predictable_sigma_p(LIVES, mean)
        assert (LIVES - 1) * gain(mean, start) == pytest.approx(-mean, rel=1e-9)
        below, above = (
            GaussianBandit(start[1:4] * factor, 1.0, LIVES[1:4], mean)
            for factor in (1 - 1e-6, 1 + 1e-6)
        )
        for critical in (critical_sigma_l, stopping_critical_sigma_l):
            assert (critical(below) == 0).all()
            assert (critical(above) > 0).all()


@pytest.mark.checks("prop-predictable-side")
def test_the_law_of_the_predictable_uncertainty_keeps_its_bounds():
    z, law = 2 / predictable_sigma_p(LIVES, -2.0), 2 / predictable_law(LIVES, -2.0)
    assert (z**2 < law**2).all()
    assert (law**2 - 6 / z**2 < z**2).all()
    # the expansion without Lambert's function is near, and comes nearer, if slowly
    log = np.log(np.array([1e4, 1e8, 1e12]) - 1)
    expansion = 2 * log - 3 * np.log(2 * log) - np.log(2 * np.pi)
    off = np.square(1 / predictable_law([1e4, 1e8, 1e12])) - expansion
    assert (np.diff(off) < 0).all()
    assert 0 < off[-1] < 1


@pytest.mark.checks("prop-predictable-side")
@pytest.mark.parametrize("sigma_p", [0.8, 1.5, 6.0])
def test_the_knowledge_gradient_pulls_up_to_the_edge_of_one_pull(sigma_p):
    critical = float(one_pull_sigma_l(GaussianBandit(sigma_p, 1.0, 40)))
    for factor, pulls in ((1 - 1e-6, 1), (1 + 1e-6, 0)):
        task = GaussianBandit(sigma_p, critical * factor, 40)
        lives = simulate(KnowledgeGradient(), task, 1, np.random.default_rng(0))
        assert (lives.risky_pulls > 0).item() == bool(pulls)


@pytest.mark.checks("prop-predictable-side")
def test_near_its_beginning_the_committed_edge_is_that_of_one_pull():
    start = predictable_sigma_p(40)
    near = GaussianBandit(start * np.array([0.9, 1.001, 1.05]), 1.0, 40)
    assert critical_sigma_l(near) == pytest.approx(one_pull_sigma_l(near), rel=1e-7)
    assert one_pull_sigma_l(near)[0] == 0
    wide = GaussianBandit(1e5, 1.0, 40)
    assert one_pull_sigma_l(wide) / 1e10 == pytest.approx(1 / start, rel=1e-8)
    assert float(1 / start) < 0.5 * wide_constants().adaptive * np.sqrt(40)


@pytest.mark.checks("prop-predictable-side")
@pytest.mark.parametrize("sigma_p", [0.9, 1.5])
def test_lives_of_one_look_break_even_at_the_edge_of_one_pull(sigma_p):
    """Played: a look at the edge earns nothing, with less noise something, with more it costs."""
    critical = float(one_pull_sigma_l(GaussianBandit(sigma_p, 1.0, 40)))
    task = GaussianBandit(sigma_p, critical * np.array([0.5, 1.0, 2.0]), 40)
    played = simulate(Commit(1), task, 50_000, np.random.default_rng(4))
    returns = played.expected_returns
    distance = returns.mean(axis=-1) / (returns.std(axis=-1) / np.sqrt(returns.shape[-1]))
    assert distance[0] > 4
    assert abs(distance[1]) < 4
    assert distance[2] < -4


@pytest.mark.checks("prop-small-noise")
def test_lives_with_a_little_noise_miss_what_the_law_says():
    """Played: against one who is told the arm with the first reward, in the same lives."""
    task = GaussianBandit(2.0, 0.1, 10)
    policy = Stopping(bayes_optimal(task).thresholds)
    played = simulate(policy, task, 300_000, np.random.default_rng(6))
    told = played.arm_mean + 9 * np.maximum(played.arm_mean, 0)
    missed = told - played.expected_returns
    error = missed.std() / np.sqrt(missed.size)
    law = norm.pdf(0.5) * 0.1**2 / 2 * float(small_noise_regret(10))
    assert error < 0.04 * law
    assert abs(missed.mean() - law) < 4 * error


def flat_prior_regret(lifetime: int, spacing: float = 0.01) -> float:
    """ell_T by brute force: what is missed after one reward if every mean was as likely before."""
    places = np.arange(-9, 9 + spacing / 2, spacing)
    missed = np.zeros_like(places)
    for n in range(lifetime - 1, 0, -1):
        std = 1 / np.sqrt(n)
        leave = (lifetime - n) * gain(places, std)
        move = 1 / np.sqrt(n * (n + 1))
        kernel = norm.pdf((places[None] - places[:, None]) / move)
        kernel /= norm.pdf(np.arange(-9 / spacing, 9 / spacing + 0.5) * spacing / move).sum()
        missed = np.minimum(leave, gain(-places, std) + kernel @ missed)
    return float(missed.sum() * spacing)


@pytest.mark.checks("prop-small-noise")
def test_a_little_noise_costs_what_a_flat_prior_misses():
    lives = [2, 3, 8, 20]
    found = small_noise_regret(lives)
    assert found == pytest.approx([flat_prior_regret(T) for T in lives], rel=1e-3)
    assert found[0] == pytest.approx(0.5, rel=1e-5)
    assert (found[1:] < (np.array(lives[1:]) - 1) / 2).all()


@pytest.mark.checks("prop-small-noise")
@pytest.mark.parametrize("mean", [-1.0, 0.5])
def test_the_value_falls_with_the_square_of_a_little_noise(mean):
    task = GaussianBandit([0.8, 2.0], 0.01, 30, mean)
    lost = task.mean + 29 * gain(mean, task.sigma_p) - first_pull_value(task)
    density = norm.pdf(mean / task.sigma_p) / task.sigma_p
    assert lost / (density * 1e-4) == pytest.approx(float(small_noise_regret(30)), rel=0.02)


@pytest.mark.checks("prop-small-noise")
def test_the_adaptive_edge_begins_with_a_multiple_of_the_noise_of_one_pull():
    for lifetime in (3, 30):
        start = predictable_sigma_p(lifetime)
        task = GaussianBandit(start * (1 + 1e-5), 1.0, lifetime)
        ratio = stopping_critical_sigma_l(task) / one_pull_sigma_l(task)
        expected = np.sqrt((lifetime - 1) / (2 * small_noise_regret(lifetime)))
        assert ratio == pytest.approx(expected, rel=5e-3)


@pytest.mark.checks("prop-price-of-commitment")
def test_the_price_of_commitment_is_its_law_in_long_lives():
    for sigma_p, sigma_l, mean in ((2.0, 4.0, -1.0), (0.5, 1.0, -1.0), (3.0, 1.0, -2.0)):
        task = GaussianBandit(sigma_p, sigma_l, [10**7, 10**9], mean)
        missed = full_information_value(task) - optimal_commit(task)[1]
        ratio = missed / commitment_price(task)
        assert ratio[1] == pytest.approx(1, abs=1e-3)
        assert abs(ratio[1] - 1) < abs(ratio[0] - 1)


@pytest.mark.checks("prop-price-of-commitment")
def test_the_distance_of_the_optima_grows_like_a_root_while_their_ratio_falls():
    task = GaussianBandit(2.0, 1.0, [100, 400, 1600])
    value, committed = bayes_optimal(task).value, optimal_commit(task)[1]
    growth = np.diff(np.log(value - committed)) / np.log(4)
    assert (growth > 0.5).all()
    assert growth[1] < growth[0] < 0.75
    assert (np.diff(value / committed) < 0).all()
    informed = full_information_value(task)
    assert (informed - value < regret_bound(task)).all()


@pytest.mark.checks("prop-price-of-commitment")
def test_the_rule_of_the_proof_misses_no_more_than_the_bound():
    rng, lives = np.random.default_rng(7), 4_000
    for sigma_p, sigma_l, lifetime in ((1.0, 1.0, 300), (2.0, 0.5, 1000)):
        task = GaussianBandit(sigma_p, sigma_l, lifetime)
        arms = rng.normal(-1.0, sigma_p, lives)
        counts = np.arange(1, lifetime + 1)
        noise = rng.normal(0, sigma_l, (lifetime, lives)).cumsum(axis=0)
        means = arms + noise / counts[:, None]
        leaves = means < -sigma_l * np.sqrt(4 * np.log(lifetime) / counts)[:, None]
        pulls = np.where(leaves.any(axis=0), leaves.argmax(axis=0) + 1, lifetime)
        missed = lifetime * np.maximum(arms, 0) - pulls * arms
        error = missed.std() / np.sqrt(lives)
        assert missed.mean() < regret_bound(task)
        least = full_information_value(task) - bayes_optimal(task).value
        assert missed.mean() > least - 4 * error


@pytest.mark.checks("prop-stopping-edge-curve")
def test_the_worth_of_a_pull_falls_with_noise_and_grows_with_uncertainty_and_life():
    rng = np.random.default_rng(5)
    for _ in range(6):
        sigma_p, sigma_l = np.exp(rng.uniform(0, 1.5)), np.exp(rng.uniform(-2, 1))
        factors = np.geomspace(0.5, 2, 9)
        noise = first_pull_value(GaussianBandit(sigma_p, sigma_l * factors, 25))
        uncertainty = first_pull_value(GaussianBandit(sigma_p * factors, sigma_l, 25))
        lives = np.arange(1, 30)
        growing = first_pull_value(GaussianBandit(sigma_p, sigma_l, lives))
        assert (np.diff(noise) < 0).all()
        assert (np.diff(uncertainty) > 0).all()
        assert (np.diff(growing) > 0).all()
        assert (np.diff(growing / lives) > 0).all()


@pytest.mark.checks("prop-stopping-edge-curve")
def test_the_adaptive_edge_is_crossed_once_and_rises():
    sigma_p = np.linspace(0.6, 3, 12)
    lower, upper = (
        stopping_critical_sigma_l(GaussianBandit(sigma_p, 1.0, lifetime)) for lifetime in (20, 21)
    )
    rising = lower > 0
    assert rising.sum() > 8
    assert (np.diff(lower[rising]) > 0).all()
    assert (upper[rising] > lower[rising]).all()
    # the sign changes there and nowhere else
    noise = np.geomspace(0.05, 20, 40) * lower[rising][:, None]
    worth = first_pull_value(GaussianBandit(sigma_p[rising][:, None], noise, 20))
    assert ((worth > 0) == (noise < lower[rising][:, None])).all()


@pytest.mark.checks("prop-stopping-edge-curve")
def test_who_adds_noise_to_the_rewards_earns_the_value_of_the_noisier_task():
    """A garbling: thresholds for the noisier task, met by rewards to which noise is added."""
    rng, lives, lifetime = np.random.default_rng(2), 40_000, 30
    clear, noisy = GaussianBandit(2.0, 1.0, lifetime), GaussianBandit(2.0, 3.0, lifetime)
    best = bayes_optimal(noisy)
    arms = rng.normal(-1.0, 2.0, lives)
    rewards = arms + rng.normal(0, 1.0, (lifetime, lives))
    blurred = rewards + rng.normal(0, np.sqrt(8.0), (lifetime, lives))
    earned, stays, total = np.zeros(lives), np.ones(lives, dtype=bool), np.zeros(lives)
    for n in range(lifetime):
        estimate = (-1.0 / 4 + total / 9) / (1 / 4 + n / 9)
        stays &= estimate > best.thresholds[n]
        earned += np.where(stays, arms, 0.0)
        total += blurred[n]
    error = earned.std() / np.sqrt(lives)
    assert abs(earned.mean() - best.value) < 4 * error
    assert bayes_optimal(clear).value > best.value + 10 * error
