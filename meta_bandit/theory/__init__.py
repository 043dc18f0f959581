"""Exact optima, with NumPy and SciPy only; ``theory.symbolic`` holds their derivations."""

from meta_bandit.theory.commit import (
    LocalOptima,
    commit_value,
    full_information_value,
    learning_advantage,
    local_optima,
    optimal_commit,
    sqrt_law,
)
from meta_bandit.theory.edge import (
    Edge,
    critical_lifetime,
    critical_lifetime_law,
    critical_sigma_l,
    edge,
)
from meta_bandit.theory.first_order import marginal_benefit_and_cost
from meta_bandit.theory.posterior import Estimator, gain, posterior, posterior_mean_std
from meta_bandit.theory.stopping import (
    BayesOptimum,
    HazardOptimum,
    bayes_optimal,
    first_pull_value,
    hazard_optimal,
)
from meta_bandit.theory.stopping_edge import (
    stopping_critical_lifetime,
    stopping_critical_sigma_l,
)

__all__ = [
    "BayesOptimum",
    "Edge",
    "Estimator",
    "HazardOptimum",
    "LocalOptima",
    "bayes_optimal",
    "commit_value",
    "critical_lifetime",
    "critical_lifetime_law",
    "critical_sigma_l",
    "edge",
    "first_pull_value",
    "full_information_value",
    "gain",
    "hazard_optimal",
    "learning_advantage",
    "local_optima",
    "marginal_benefit_and_cost",
    "optimal_commit",
    "posterior",
    "posterior_mean_std",
    "sqrt_law",
    "stopping_critical_lifetime",
    "stopping_critical_sigma_l",
]
