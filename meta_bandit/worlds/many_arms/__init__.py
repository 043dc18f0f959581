"""Bandits with one known arm and any number of unknown ones; ``theory.many_arms`` has the optima.

One way through it, as through the rest of the package: world -> policy -> lives -> measures.
"""

from meta_bandit.worlds.many_arms.policies import (
    ExploreCommit,
    Gittins,
    Informed,
    KnowledgeGradient,
    Never,
    ThompsonSampling,
    UpperConfidence,
)
from meta_bandit.worlds.many_arms.simulate import (
    ManyHistory,
    ManyLives,
    ManyPolicy,
    estimates,
    simulate,
)
from meta_bandit.worlds.many_arms.world import ManyArms

__all__ = [
    "ExploreCommit",
    "Gittins",
    "Informed",
    "KnowledgeGradient",
    "ManyArms",
    "ManyHistory",
    "ManyLives",
    "ManyPolicy",
    "Never",
    "ThompsonSampling",
    "UpperConfidence",
    "estimates",
    "simulate",
]
