"""What the exact optima say together of one task: whether learning pays, and why not."""

import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.theory import bayes_optimal, critical_lifetime, judge, local_optima, optimal_commit


@pytest.mark.parametrize(
    ("task", "estimator", "reason", "adaptive"),
    [
        (GaussianBandit(2, 2), "map", "pays", True),
        (GaussianBandit(0.5, 1), "map", "predictable", False),
        # between the two edges: 1.55 < sigma_l < 3.82
        (GaussianBandit(1, 2), "map", "short-life", True),
        (GaussianBandit(1, 8), "map", "short-life", False),
        (GaussianBandit(1, 1, 1), "map", "one-pull", False),
        (GaussianBandit(1, 1e3, 100, 1), "ml", "no-guide", True),
        (GaussianBandit(0.01, 1, 100, 1), "map", "too-little", True),
    ],
)
def test_the_reason_is_the_first_that_holds(task, estimator, reason, adaptive):
    found = judge(task, estimator)
    assert (found.reason, found.pays) == (reason, reason == "pays")
    assert found.adaptive_pays == adaptive


def test_it_holds_what_the_theory_computes():
    task = GaussianBandit(2, 4, 100, -1.5)
    found, best = judge(task), bayes_optimal(task)
    assert (found.optimal_pulls, found.commit_value) == optimal_commit(task)
    assert (found.bayes_value, found.bayes_error) == (best.value, best.error)
    assert found.critical_lifetime == critical_lifetime(task)
    assert found.advantage == found.commit_value - found.never_value
    np.testing.assert_array_equal(found.thresholds, best.thresholds)
    assert found.other.barrier_value == local_optima(task).barrier_value


def test_there_is_another_local_optimum_only_where_never_learning_is_one():
    assert judge(GaussianBandit(2, 10)).other is not None
    assert judge(GaussianBandit(0.5, 1)).other is None
    assert judge(GaussianBandit(2, 10, 100, 1)).other is None
    assert judge(GaussianBandit(2, 10), "ml").other is None


def test_at_random_extremes_a_verdict_holds_together_and_nobody_is_warned():
    rng = np.random.default_rng(3)
    for _ in range(60):
        sigma_p, sigma_l, size = 10.0 ** rng.uniform(-150, 150, 3)
        lifetime = int(rng.choice([1, 2, 3, 20]))
        task = GaussianBandit(sigma_p, sigma_l, lifetime, rng.choice([-size, size]))
        found = judge(task)
        assert found.pays == (found.advantage > 0)
        assert found.pays <= (found.critical_lifetime <= lifetime), task
        assert (found.reason == "short-life") <= (found.critical_lifetime > lifetime), task
        assert (found.reason == "one-pull") == (lifetime == 1 and not found.pays), task
        assert found.bayes_value >= found.commit_value
    # a world so wide that its width is lost beside 1
    found = judge(GaussianBandit(1e-44, 1e13, 100, -5.7e-114))
    assert found.pays
    assert found.critical_lifetime == 2
