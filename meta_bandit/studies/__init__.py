"""Studies: agents trained and measured, resumably and in parallel, to one labelled dataset.

A study is data (`Study`): a grid of tasks and seeds (`Grid`), agents raised on many tasks
(`Generalist`), or agents of several worlds, each trained in several ways (`RecipeStudy`): foragers
(`Foragers`), agents of many arms (`Pullers`) or of dark rooms (`RoomAgents`). `STUDIES` names those
of the book, and `run` runs any. What its numbers are depends on its settings and the kind of
machine alone, not on which agents are trained side by side, by how
many processes, or how often all of them were killed and started again. Importing this loads torch.
"""

from meta_bandit.studies.facts import quote, task_names
from meta_bandit.studies.foraging import Foragers, score
from meta_bandit.studies.generalists import Generalist, every_death, every_lifetime, every_task
from meta_bandit.studies.grid import Cell, Grid
from meta_bandit.studies.many_arms import Pullers, count_arms
from meta_bandit.studies.named import STUDIES
from meta_bandit.studies.recipes import RecipeCell, RecipeStudy
from meta_bandit.studies.results import (
    stored,
    stored_agents,
    stored_benchmark,
    stored_parts,
    stored_slices,
)
from meta_bandit.studies.run import run
from meta_bandit.studies.study import Study, Team
from meta_bandit.studies.treasure_room import RoomAgents, walked

__all__ = [
    "STUDIES",
    "Cell",
    "Foragers",
    "Generalist",
    "Grid",
    "Pullers",
    "RecipeCell",
    "RecipeStudy",
    "RoomAgents",
    "Study",
    "Team",
    "count_arms",
    "every_death",
    "every_lifetime",
    "every_task",
    "quote",
    "run",
    "score",
    "stored",
    "stored_agents",
    "stored_benchmark",
    "stored_parts",
    "stored_slices",
    "task_names",
    "walked",
]
