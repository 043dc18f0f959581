"""Worlds: tasks as values, lives on them, and one `simulate` for all; no world knows torch.

A world is one file: its parameters, birth and step, what a policy may know (its history), and the
record of lives that were played. Policies are in ``policies``, optima in ``theory``.
"""

from meta_bandit.worlds.bandit import RISKY, SAFE, GaussianBandit
from meta_bandit.worlds.foraging import Foraging
from meta_bandit.worlds.many_arms import ManyArms
from meta_bandit.worlds.simulate import simulate
from meta_bandit.worlds.task import Life, Task
from meta_bandit.worlds.treasure_room import TreasureRoom

__all__ = [
    "RISKY",
    "SAFE",
    "Foraging",
    "GaussianBandit",
    "Life",
    "ManyArms",
    "Task",
    "TreasureRoom",
    "simulate",
]
