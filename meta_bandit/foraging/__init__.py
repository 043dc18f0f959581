"""A small world to forage in, its exact optimum, and agents that learn to live there.

One way through it, as through the rest of the package: ``world`` -> policy -> lives (``simulate``)
-> measures. Importing this loads no torch; the agents are in ``foraging.agents``, the book's
runs in ``studies.foraging``.
"""

from meta_bandit.foraging.optimum import (
    Habit,
    Optimum,
    best_habit,
    critical_far,
    habit_values,
    optimum,
    values,
)
from meta_bandit.foraging.simulate import (
    BestForager,
    Forager,
    ForagingLives,
    HabitForager,
    History,
    forage,
)
from meta_bandit.foraging.world import MOVES, Foraging, Grid

__all__ = [
    "MOVES",
    "BestForager",
    "Forager",
    "Foraging",
    "ForagingLives",
    "Grid",
    "Habit",
    "HabitForager",
    "History",
    "Optimum",
    "best_habit",
    "critical_far",
    "forage",
    "habit_values",
    "optimum",
    "values",
]
