"""The results of the book as SymPy objects, each with a proof whose every step reduces to zero.

One function for each label: ``thm-commit-value`` is `thm_commit_value`. The numeric functions of
`meta_bandit.theory` are tested against the equations that stand here.
"""

from meta_bandit.theory.symbolic.any_prior import prop_bernoulli, thm_any_prior
from meta_bandit.theory.symbolic.base import Result, Step
from meta_bandit.theory.symbolic.committing import (
    prop_ml_value,
    prop_posterior,
    prop_posterior_law,
    prop_scale,
    thm_commit_value,
)
from meta_bandit.theory.symbolic.edge import prop_sqrt_law, thm_edge
from meta_bandit.theory.symbolic.hazard import prop_hazard
from meta_bandit.theory.symbolic.limits import (
    prop_predictable_side,
    prop_price_of_commitment,
    prop_small_noise,
    thm_wide_worlds,
)
from meta_bandit.theory.symbolic.many_arms import (
    prop_many_bound,
    prop_many_commit,
    prop_many_index,
    thm_ladder,
)
from meta_bandit.theory.symbolic.never_learning import (
    prop_foc,
    prop_predictable,
    prop_short_life,
    thm_never_local,
)
from meta_bandit.theory.symbolic.stopping import (
    prop_stopping_edge,
    prop_stopping_edge_curve,
    thm_stopping,
)

RESULTS = (
    prop_posterior,
    prop_posterior_law,
    thm_commit_value,
    prop_ml_value,
    prop_scale,
    thm_never_local,
    prop_foc,
    prop_predictable,
    prop_short_life,
    thm_edge,
    prop_sqrt_law,
    thm_stopping,
    prop_stopping_edge,
    prop_stopping_edge_curve,
    thm_wide_worlds,
    prop_predictable_side,
    prop_small_noise,
    prop_price_of_commitment,
    thm_any_prior,
    prop_bernoulli,
    prop_many_commit,
    thm_ladder,
    prop_many_bound,
    prop_many_index,
    prop_hazard,
)
"""Every result, in the order of the book."""


def proofs(*labels: str) -> dict[str, Result]:
    """Give results by their labels, such as ``thm-edge``; ValueError where there is none."""
    known = {result.__name__.replace("_", "-"): result for result in RESULTS}
    if unknown := [label for label in labels if label not in known]:
        raise ValueError(f"labels {unknown}: must be among {', '.join(known)}")
    return {label: known[label]() for label in labels}


__all__ = ["RESULTS", "Result", "Step", "proofs", *(result.__name__ for result in RESULTS)]
