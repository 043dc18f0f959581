"""Studies: agents trained and measured, resumably and in parallel, to one labelled dataset.

A study is data (`Study`): a grid of tasks and seeds (`Grid`), agents raised on many tasks
(`Generalist`), or agents of several worlds, each trained in several ways (`RecipeStudy`): foragers
(`Foragers`), agents of many arms (`Pullers`) or of dark rooms (`RoomAgents`). `STUDIES` names those
of the book, and `run` runs any. What its numbers are depends on its settings and the kind of
machine alone, not on which agents are trained side by side, by how
many processes, or how often all of them were killed and started again. Importing this loads torch.

What a chapter draws and quotes, datasets and facts, is made by a file that is named as the chapter
is, but for these: ``adaptive`` (The adaptive learner), ``bandit`` (One arm you know, one arm you do
not), ``dark_room`` (A dark room), ``edges`` (The edge), ``inference`` (Is it Bayesian inference?),
``ladder`` (Many arms), ``learners`` and ``training_limits`` (What limits training), ``one_for_all``
(One agent for every life), ``regimes`` (Foraging), ``training`` (How agents are trained), ``walks``
(Many optima and Between the optima), ``ways_out`` (Other ways up) and ``wide`` (Wide worlds).
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
