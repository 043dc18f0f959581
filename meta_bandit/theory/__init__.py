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
from meta_bandit.theory.limits import (
    WideConstants,
    commitment_price,
    one_pull_sigma_l,
    predictable_law,
    predictable_sigma_p,
    regret_bound,
    small_noise_regret,
    wide_constants,
    wide_world_edge,
)
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
from meta_bandit.theory.verdict import Verdict, judge

__all__ = [
    "BayesOptimum",
    "Edge",
    "Estimator",
    "HazardOptimum",
    "LocalOptima",
    "Verdict",
    "WideConstants",
    "bayes_optimal",
    "commit_value",
    "commitment_price",
    "critical_lifetime",
    "critical_lifetime_law",
    "critical_sigma_l",
    "edge",
    "first_pull_value",
    "full_information_value",
    "gain",
    "hazard_optimal",
    "judge",
    "learning_advantage",
    "local_optima",
    "marginal_benefit_and_cost",
    "one_pull_sigma_l",
    "optimal_commit",
    "posterior",
    "posterior_mean_std",
    "predictable_law",
    "predictable_sigma_p",
    "regret_bound",
    "small_noise_regret",
    "sqrt_law",
    "stopping_critical_lifetime",
    "stopping_critical_sigma_l",
    "wide_constants",
    "wide_world_edge",
]
