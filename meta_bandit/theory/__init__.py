"""Exact optima, with NumPy and SciPy only; ``theory.symbolic`` holds their derivations."""

from meta_bandit.theory.commit import (
    Estimator,
    LocalOptima,
    commit_value,
    full_information_value,
    local_optima,
    marginal_benefit_and_cost,
    optimal_commit,
    sqrt_law,
)
from meta_bandit.theory.edge import Edge, critical_lifetime, critical_sigma_l, edge
from meta_bandit.theory.posterior import gain, posterior, posterior_mean_std

__all__ = [
    "Edge",
    "Estimator",
    "LocalOptima",
    "commit_value",
    "critical_lifetime",
    "critical_sigma_l",
    "edge",
    "full_information_value",
    "gain",
    "local_optima",
    "marginal_benefit_and_cost",
    "optimal_commit",
    "posterior",
    "posterior_mean_std",
    "sqrt_law",
]
