"""Policies that need no training: those of the book's bandit; other worlds' in a file each."""

from meta_bandit.policies.bandit import (
    Clock,
    Commit,
    Constant,
    KnowledgeGradient,
    Oracle,
    Stopping,
    ThompsonSampling,
    UpperConfidenceBound,
    foreign_thresholds,
)

__all__ = [
    "Clock",
    "Commit",
    "Constant",
    "KnowledgeGradient",
    "Oracle",
    "Stopping",
    "ThompsonSampling",
    "UpperConfidenceBound",
    "foreign_thresholds",
]
