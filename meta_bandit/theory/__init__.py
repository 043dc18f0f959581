"""Exact optima: explore-then-commit, and the posterior both are built on. NumPy and SciPy only."""

from meta_bandit.theory.commit import Estimator, commit_value, optimal_commit
from meta_bandit.theory.posterior import gain, posterior, posterior_mean_std

__all__ = [
    "Estimator",
    "commit_value",
    "gain",
    "optimal_commit",
    "posterior",
    "posterior_mean_std",
]
