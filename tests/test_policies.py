import numpy as np
import pytest
from scipy.stats import norm

from meta_bandit import GaussianBandit
from meta_bandit.measure import measure
from meta_bandit.policies import (
    Commit,
    Constant,
    KnowledgeGradient,
    Oracle,
    Stopping,
    ThompsonSampling,
    UpperConfidenceBound,
    foreign_thresholds,
)
from meta_bandit.theory import (
    bayes_optimal,
    commit_value,
    full_information_value,
    optimal_commit,
    posterior,
)
from meta_bandit.worlds import simulate
from meta_bandit.worlds.bandit import History

TASK = GaussianBandit(sigma_p=1.0, sigma_l=1.0, lifetime=100)


def history(pull, risky_pulls, reward_sum, last_action=1):
    """Lives of one task, as many as there are reward sums."""
    reward_sum = np.asarray(reward_sum, dtype=np.float64)
    return History(
        pull,
        np.full(reward_sum.shape, last_action, dtype=np.int8),
        np.zeros(reward_sum.shape),
        np.broadcast_to(risky_pulls, reward_sum.shape),
        reward_sum,
    )


def acts(policy, *args, task=TASK, **options):
    """Probabilities of the risky arm on a single task."""
    per_life = GaussianBandit(
        task.sigma_p[..., None],
        task.sigma_l[..., None],
        task.lifetime[..., None],
        task.mean[..., None],
    )
    return policy.risky_probability(per_life, history(*args, **options)).tolist()


def test_stopping_acts_on_the_estimate_of_each_life():
    policy = Stopping([-2.0, -0.5, 0.0])
    # with sigma_p = sigma_l = 1 and m = -1 the estimate after one pull is (r - 1) / 2
    assert acts(policy, 0, 0, [0.0]) == [1]
    assert acts(policy, 1, 1, [-0.1, 0.1]) == [0, 1]
    assert acts(policy, 2, 2, [0.9, 1.1]) == [0, 1]
    assert acts(policy, 3, 3, [50.0]) == [0]


def test_stopping_never_comes_back():
    assert acts(Stopping([-2.0, -2.0, -2.0]), 2, [1, 2], [5.0, 5.0]) == [0, 1]
    assert acts(Stopping([0.0, -2.0]), 0, 0, [0.0]) == [0]


def test_stopping_plays_many_tasks_of_different_lifetimes():
    tasks = GaussianBandit([[1.0], [2.0]], 1.0, [3, 20, 100])
    lives = simulate(
        Stopping(bayes_optimal(tasks).thresholds), tasks, 200, np.random.default_rng(0)
    )
    for place in np.ndindex(tasks.shape):
        own = lives[place].actions
        assert (np.diff(own.astype(int), axis=0) <= 0).all()
        assert not lives.actions[(slice(int(tasks[place].lifetime), None), *place)].any()


def test_oracle_has_no_regret_and_earns_what_full_information_is_worth():
    tasks = GaussianBandit([1.0, 3.0], 2.0, lifetime=10)
    played = simulate(Constant(0.0), tasks, 20_000, np.random.default_rng(3))
    lives = simulate(Oracle(played.arm_mean), tasks, 20_000, np.random.default_rng(3))
    assert np.array_equal(lives.arm_mean, played.arm_mean)
    assert np.allclose(lives.regrets, 0)
    measured = measure(lives, ["task"])
    difference = measured.expected_return - full_information_value(tasks)
    assert (np.abs(difference) < 4 * measured.expected_return_se).all()


def test_oracle_refuses_means_of_other_lives():
    with pytest.raises(ValueError, match=r"^arm_mean has shape \(3,\): must be \(4,\)"):
        simulate(Oracle(np.zeros(3)), TASK, 4, np.random.default_rng(0))


def test_thompson_sampling_is_a_draw_from_the_posterior():
    sums = np.array([-2.0, 1.0, 5.0])
    mean, variance = posterior(TASK, 4, sums)
    assert np.allclose(acts(ThompsonSampling(), 9, 4, sums), norm.sf(0, mean, np.sqrt(variance)))
    assert np.allclose(acts(ThompsonSampling(), 0, 0, [0.0]), norm.cdf(-1))


def test_upper_confidence_bound_crosses_zero_where_the_quantile_does():
    policy = UpperConfidenceBound()
    # before any pull the bound is -1 + z with z the quantile of order 1 - 1/t: it passes 0 at
    # t = 1 / (1 - Phi(1)) = 6.3
    firsts = [acts(policy, pull, 0, [0.0], last_action=0)[0] for pull in range(9)]
    assert firsts == [0, 0, 0, 0, 0, 0, 1, 1, 1]
    # at t = 2 the bound is the median
    assert acts(policy, 1, 1, [0.9, 1.1]) == [0, 1]
    # three pulls: v = 1/4; at t = 4 the bound is the estimate (S - 1) / 4 plus 0.674 / 2
    assert acts(policy, 3, 3, [-0.36, -0.34]) == [0, 1]


def test_knowledge_gradient_pulls_where_one_pull_and_commitment_would_pay():
    rng = np.random.default_rng(5)
    tasks = GaussianBandit(
        rng.uniform(0.3, 3, 200), rng.uniform(0.1, 5, 200), rng.integers(2, 200, 200)
    )
    at_once = [acts(KnowledgeGradient(), 0, 0, [0.0], task=tasks[i])[0] for i in range(200)]
    assert np.array_equal(at_once, commit_value(tasks, 1) > 0)
    assert 0 < np.mean(at_once) < 1
    # later it stands where a new life with the posterior as its prior begins
    for n, reward_sum, pull in ((3, -1.0, 5), (3, 0.5, 90), (10, -3.0, 20), (2, 3.0, 99)):
        mean, variance = posterior(TASK, n, reward_sum)
        rest = GaussianBandit(np.sqrt(variance), 1.0, 100 - pull, mean)
        worth = commit_value(rest, 1) if mean <= 0 else 1.0
        assert acts(KnowledgeGradient(), pull, n, [reward_sum]) == [float(worth > 0)]


def test_the_last_pull_is_risky_only_for_the_better_arm():
    for policy in (KnowledgeGradient(), Stopping(bayes_optimal(TASK).thresholds)):
        assert acts(policy, 99, 99, [0.9, 1.1]) == [0, 1]


@pytest.mark.checks("thm-stopping")
def test_no_policy_earns_more_than_the_bayes_optimal_one():
    tasks = GaussianBandit([1.0, 2.0, 0.5], [1.0, 4.0, 1.0], lifetime=50, mean=[-1.0, -1.0, 0.2])
    best = bayes_optimal(tasks).value
    policies = (
        ThompsonSampling(),
        UpperConfidenceBound(),
        KnowledgeGradient(),
        Commit(optimal_commit(tasks)[0]),
        Constant(0.3),
    )
    for policy in policies:
        measured = measure(simulate(policy, tasks, 4000, np.random.default_rng(7)), ["task"])
        assert (measured.expected_return < best + 4 * measured.expected_return_se).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Commit(-1), "^pulls = -1: must be a whole number >= 0"),
        (lambda: Commit([1.5]), "^pulls = 1.5: must be a whole number >= 0"),
        (lambda: Commit(1, "median"), "^estimator = 'median': must be one of"),
        (lambda: Constant(1.1), r"^probability = 1.1: must lie in \[0, 1\]"),
    ],
)
def test_bad_fields_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_thresholds_by_a_clock_follow_their_definition():
    own = np.array([-4.0, -3.0, -2.0, -1.0, 0.0])
    for clock in ("fraction", "elapsed", "remaining"):
        assert foreign_thresholds(own, 5, clock).tolist() == own.tolist()
    shorter = {"fraction": [-4, -2], "elapsed": [-4, -3], "remaining": [-1, 0]}
    longer = {
        "fraction": [-4, -4, -3, -3, -2, -2, -1, -1, 0, 0],
        "elapsed": [-4, -3, -2, -1, 0, 0, 0, 0, 0, 0],
        "remaining": [-4, -4, -4, -4, -4, -4, -3, -2, -1, 0],
    }
    for clock, expected in shorter.items():
        assert foreign_thresholds(own, 2, clock).tolist() == expected
    for clock, expected in longer.items():
        assert foreign_thresholds(own, 10, clock).tolist() == expected


def test_the_optimum_of_another_lifetime_never_earns_more():
    task = GaussianBandit(2.0, 2.0, 20)
    best, foreign = bayes_optimal(task), bayes_optimal(GaussianBandit(2.0, 2.0, 60)).thresholds
    for clock in ("fraction", "elapsed", "remaining"):
        policy = Stopping(foreign_thresholds(foreign, 20, clock))
        ours, theirs = (
            simulate(player, task, 20_000, np.random.default_rng(5))
            for player in (Stopping(best.thresholds), policy)
        )
        lost = ours.arm_mean * ours.risky_pulls - theirs.arm_mean * theirs.risky_pulls
        error = lost.std() / np.sqrt(lost.size)
        assert lost.mean() > -3 * error
        # the shape of thresholds over the share of life hardly changes; the others are far off
        assert clock == "fraction" or lost.mean() > 3 * error


def test_a_clock_that_is_none_is_named():
    with pytest.raises(ValueError, match="clock = 'sundial': must be one of fraction, elapsed"):
        foreign_thresholds([0.0], 3, "sundial")
    with pytest.raises(ValueError, match="lifetime = 0"):
        foreign_thresholds([0.0], 0, "elapsed")
