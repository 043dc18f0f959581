"""The figures of the book, one function each: labelled data in, a matplotlib figure out."""

from meta_bandit.figures.adaptive import leaving, price_of_commitment, regrets
from meta_bandit.figures.agents import (
    behaviour_maps,
    learning_curves,
    recipes,
    shares_by_recipe,
    slopes_through_time,
)
from meta_bandit.figures.committing import (
    arm_distributions,
    commit_curves,
    estimate_fan,
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
from meta_bandit.figures.foraging import (
    forage_lifetimes,
    forage_maps,
    forage_paths,
    forage_regimes,
    forage_world,
)
from meta_bandit.figures.generalists import one_for_all, returns_by_clock, untold_lifetimes
from meta_bandit.figures.inference import answers, at_rest, memory_paths, probes, pushes
from meta_bandit.figures.learned import (
    distance_from_edge,
    exploration_maps,
    learned_against_optimal,
    maps_by_lifetime,
    stored_and_again,
)
from meta_bandit.figures.lifetimes import (
    arms_kept,
    lifetime_curves,
    lifetime_maps,
    tampered_clock,
)
from meta_bandit.figures.limits import long_regrets, predictable_side, wide_worlds
from meta_bandit.figures.many_arms import (
    arms_that_pay,
    bernoulli_edges,
    climbers,
    found_on_the_map,
    ladder,
    out_of_the_trap,
)
from meta_bandit.figures.optima import (
    between,
    branches,
    dip,
    drift,
    lead,
    loop,
    loops,
    portrait,
    variations,
)
from meta_bandit.figures.style import task_names

__all__ = [
    "across_the_edge",
    "answers",
    "arm_distributions",
    "arms_kept",
    "arms_that_pay",
    "at_rest",
    "behaviour_maps",
    "benefit_and_cost",
    "bernoulli_edges",
    "between",
    "branches",
    "climbers",
    "commit_curves",
    "critical_lifetimes",
    "dip",
    "distance_from_edge",
    "drift",
    "edges",
    "estimate_fan",
    "exploration_map",
    "exploration_maps",
    "first_bit",
    "forage_lifetimes",
    "forage_maps",
    "forage_paths",
    "forage_regimes",
    "forage_world",
    "found_on_the_map",
    "ladder",
    "lead",
    "learned_against_optimal",
    "learning_curves",
    "leaving",
    "lifetime_curves",
    "lifetime_maps",
    "lives_panel",
    "long_lives",
    "long_regrets",
    "loop",
    "loops",
    "maps_by_lifetime",
    "memory_paths",
    "one_for_all",
    "one_task",
    "out_of_the_trap",
    "portrait",
    "predictable_side",
    "price_of_commitment",
    "probes",
    "pushes",
    "recipes",
    "regions",
    "regrets",
    "returns_by_clock",
    "shares_by_recipe",
    "slopes_through_time",
    "stored_and_again",
    "tampered_clock",
    "task_names",
    "two_optima",
    "untold_lifetimes",
    "value_of_lifetime",
    "variations",
    "wide_worlds",
]
