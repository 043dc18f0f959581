import numpy as np
import pytest
import xarray as xr

from meta_bandit import GaussianBandit
from meta_bandit.measure import (
    behaviour,
    controlled_mean,
    estimates,
    evaluate,
    lay_out,
    measure,
)
from meta_bandit.policies import Commit, Constant
from meta_bandit.theory import commit_value, full_information_value, posterior
from meta_bandit.worlds import Foraging, ManyArms, TreasureRoom, simulate
from meta_bandit.worlds.bandit import Lives


class Anyhow:
    """Does anything, in any world of several actions."""

    def move_probabilities(self, task, history):
        actions = len(task.actions)
        return np.full((*history.position.shape, actions), 1 / actions)

    def choose(self, world, history, rng):
        return rng.integers(0, int(world.arms), history.last_action.shape)


def by_hand():
    """Three lives of four pulls, small enough to count."""
    actions = np.array([[1, 1, 0, 0], [1, 0, 1, 1], [0, 0, 0, 0]], dtype=np.int8).T
    rewards = actions * np.array([1.0, -2.0, 0.5])
    means = np.array([0.5, -1.0, 2.0])
    return Lives(GaussianBandit(1.0, 1.0, 4), means, actions, rewards, actions.astype(float))


def test_measures_counted_by_hand():
    lives = by_hand()
    assert np.allclose(lives.expected_returns, [1.0, -3.0, 0.0])
    assert np.allclose(lives.regrets, [1.0, 3.0, 8.0])
    measured = measure(lives)
    assert np.isclose(measured.expected_return, -2 / 3)
    assert np.isclose(measured.expected_return_se, np.std([1, -3, 0], ddof=1) / np.sqrt(3))
    # the first and the last life end on the safe arm, after 2 and 0 risky pulls
    assert np.isclose(measured.exploration, 1.0)
    assert np.isclose(measured.exploration_se, np.std([2, 0], ddof=1) / np.sqrt(2))
    assert np.isclose(measured.ends_safe, 2 / 3)


def test_exploration_is_undefined_where_no_life_ends_safe():
    lives = simulate(Constant(1.0), GaussianBandit(1.0, 1.0, 5), 10, np.random.default_rng(0))
    assert np.isnan(measure(lives).exploration)


@pytest.mark.parametrize("pulls", [0, 1, 3, 7])
def test_exploration_of_commitment_is_its_length(pulls):
    task = GaussianBandit(1.5, 1.0, 20)
    measured = measure(simulate(Commit(pulls), task, 2_000, np.random.default_rng(1)))
    assert measured.exploration == pulls
    assert measured.exploration_se == 0


@pytest.mark.checks("thm-commit-value")
def test_simulated_value_of_commitment_is_the_theory_s():
    task = GaussianBandit([1.0, 2.0, 3.0], [1.0, 4.0, 0.3], [100, 100, 7], [-1.0, -1.0, 0.5])
    for estimator in ("map", "ml"):
        policy = Commit([2, 7, 3], estimator)
        measured = measure(simulate(policy, task, 100_000, np.random.default_rng(2)), ["task"])
        exact = commit_value(task, [2, 7, 3], estimator)
        distance = (measured.expected_return - exact) / measured.expected_return_se
        assert (abs(distance) < 4).all()


def test_return_and_regret_add_up_to_full_information():
    task = GaussianBandit(2.0, 1.0, 15)
    lives = simulate(Commit(3), task, 50_000, np.random.default_rng(3))
    total = lives.expected_returns + lives.regrets
    standard_error = total.std() / np.sqrt(total.size)
    assert abs(total.mean() - full_information_value(task)) < 4 * standard_error
    assert (lives.regrets >= 0).all()


def test_exact_means_have_less_variance_than_rewards():
    task = GaussianBandit(1.0, 5.0, 20)
    lives = simulate(Constant(1.0), task, 5_000, np.random.default_rng(4))
    assert lives.expected_returns.std() < 0.8 * lives.rewards.sum(axis=0).std()


WORLDS = {
    "foraging": (Foraging([8, 12], 3, [3.0, 9.0]), {"return", "searched", "returned"}),
    "many arms": (ManyArms(4, 1.0, 0.5, [10, 20]), {"expected_return", "tried", "safe_pulls"}),
    "dark room": (TreasureRoom([9, 18], -4.0), {"return", "seen"}),
}


@pytest.mark.parametrize(("task", "names"), WORLDS.values(), ids=WORLDS)
def test_lives_of_every_world_are_measured(task, names):
    lives = simulate(Anyhow(), task, 30, np.random.default_rng(2))
    found = measure(lives, ["task"])
    assert set(found.data_vars) == names | {f"{name}_se" for name in names}
    for name in names:
        values = np.asarray(lives.measured[name][0], dtype=float)
        np.testing.assert_allclose(found[name], values.mean(axis=-1))
        np.testing.assert_allclose(found[f"{name}_se"], values.std(axis=-1, ddof=1) / np.sqrt(30))
    assert found.attrs["lives"] == 30
    table = evaluate({"anyhow": Anyhow(), "again": Anyhow()}, task, 30, 2, ["task"])
    xr.testing.assert_allclose(table.sel(policy="again", drop=True), found)


def test_dimensions_must_be_named():
    lives = simulate(
        Constant(1.0), GaussianBandit([1.0, 2.0], 1.0, 5), 10, np.random.default_rng(0)
    )
    with pytest.raises(ValueError, match=r"must name the dimensions of \(2,\)"):
        measure(lives)


def test_behaviour_of_commitment_is_a_step():
    task = GaussianBandit(2.0, 1.0, 10)
    lives = simulate(Commit(3), task, 4_000, np.random.default_rng(5))
    shown = behaviour(lives, np.linspace(-6, 6, 61))
    assert (shown.isel(pull=slice(0, 3)).fillna(1.0) == 1).all()
    decided = shown.isel(pull=3).dropna("posterior_mean")
    assert (decided[decided.posterior_mean > 0] == 1).all()
    assert (decided[decided.posterior_mean < 0] == 0).all()


def test_behaviour_sorts_lives_by_what_they_know_before_the_pull():
    task = GaussianBandit(2.0, 1.0, 4)
    lives = simulate(Constant(1.0), task, 300, np.random.default_rng(6))
    shown = behaviour(lives, np.array([-50.0, 0.0, 50.0]))
    mean, _ = posterior(task, 2, lives.rewards[:2].sum(axis=0))
    assert shown.sel(pull=0).isnull().values.tolist() == [False, True]  # all begin at m < 0
    assert (shown.sel(pull=2).notnull().values == [(mean < 0).any(), (mean > 0).any()]).all()
    with pytest.raises(ValueError, match="must be a single task"):
        behaviour(
            simulate(
                Constant(1.0), GaussianBandit([1.0, 2.0], 1.0, 3), 5, np.random.default_rng(0)
            ),
            np.array([-1.0, 1.0]),
        )


def test_policies_are_evaluated_on_the_same_arms():
    task = GaussianBandit([1.0, 2.0], 1.0, 10)
    table = evaluate({"look": Commit(2), "never": Constant(0.0)}, task, 200, 7, ["task"])
    assert table.policy.values.tolist() == ["look", "never"]
    alone = measure(simulate(Commit(2), task, 200, np.random.default_rng(7)), ["task"])
    assert table.sel(policy="look", drop=True).equals(alone)
    # regret plus return is what full information earns: the same number for both
    total = table.regret + table.expected_return
    assert np.allclose(total.sel(policy="look"), total.sel(policy="never"))


def test_a_dimension_is_laid_out_in_the_order_of_its_labels():
    flat = xr.Dataset({"value": ("agent", [1, 2, 3, 4]), "seed": ("agent", [9, 9, 9, 9])})
    grid = lay_out(flat, "agent", task=["z", "z", "a", "a"], seed=[1, 0, 1, 0])
    assert grid.value.dims == ("task", "seed")
    assert grid.task.values.tolist() == ["z", "a"]
    assert grid.seed.values.tolist() == [1, 0]
    assert grid.value.values.tolist() == [[1, 2], [3, 4]]


def test_estimates_are_posterior_means_before_each_pull():
    task = GaussianBandit([1.0, 3.0], 2.0, 6)
    lives = simulate(Constant(0.5), task, 20, np.random.default_rng(8))
    shown = estimates(lives)
    assert (shown[0] == -1).all()
    for pull in (1, 5):
        pulls, total = lives.actions[:pull].sum(axis=0), lives.rewards[:pull].sum(axis=0)
        for i in range(2):
            mean, _ = posterior(task[i], pulls[i], total[i])
            assert np.allclose(shown[pull, i], mean)


def test_a_companion_takes_its_noise_out_of_a_mean():
    rng = np.random.default_rng(0)
    y = rng.normal(3.0, 2.0, (400, 50))
    x = 0.5 * y + rng.normal(1.0, 0.1, y.shape)
    mean, error = controlled_mean(x, y, 3.0)
    assert error.mean() == pytest.approx(0.1 / np.sqrt(50), rel=0.05)
    assert abs(mean.mean() - 2.5) < 4 * 0.1 / np.sqrt(y.size)
    assert mean.std() == pytest.approx(error.mean(), rel=0.15)


def test_a_companion_that_says_nothing_changes_nothing():
    y = np.random.default_rng(0).normal(size=(2, 30))
    zero, _ = controlled_mean(np.zeros((2, 30)), y, 1.0)
    assert (zero == 0).all()
    plain, _ = controlled_mean(y, np.zeros((2, 30)), 0.0)
    np.testing.assert_allclose(plain, y.mean(axis=1))
