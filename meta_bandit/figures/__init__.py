"""The figures of the book, one function each: labelled data in, a matplotlib figure out."""

from meta_bandit.figures.adaptive import leaving, price_of_commitment, regrets, thresholds
from meta_bandit.figures.agents import (
    behaviour_maps,
    learning_curves,
    recipes,
    slopes_through_time,
)
from meta_bandit.figures.committing import (
    arm_distributions,
    commit_curves,
    estimate_fan,
    estimator_cost,
    exploration_map,
    lives_panel,
    value_of_lifetime,
)
from meta_bandit.figures.edge import (
    across_the_edge,
    benefit_and_cost,
    critical_lifetimes,
    edges,
    first_bit,
    long_lives,
    regions,
    two_optima,
)
from meta_bandit.figures.explorer import one_task
from meta_bandit.figures.optima import between, branches, dip, lead, loop, variations
from meta_bandit.figures.style import task_names

__all__ = [
    "across_the_edge",
    "arm_distributions",
    "behaviour_maps",
    "benefit_and_cost",
    "between",
    "branches",
    "commit_curves",
    "critical_lifetimes",
    "dip",
    "edges",
    "estimate_fan",
    "estimator_cost",
    "exploration_map",
    "first_bit",
    "lead",
    "learning_curves",
    "leaving",
    "lives_panel",
    "long_lives",
    "loop",
    "one_task",
    "price_of_commitment",
    "recipes",
    "regions",
    "regrets",
    "slopes_through_time",
    "task_names",
    "thresholds",
    "two_optima",
    "value_of_lifetime",
    "variations",
]
