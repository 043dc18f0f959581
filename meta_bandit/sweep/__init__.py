"""Sweeps: a grid of tasks and seeds, trained resumably in parallel, as one labelled dataset.

A sweep is data (`Sweep`), and so is each of its cells, whose id is a hash of its settings. What a
cell's numbers are depends on its settings and the kind of machine alone, not on which cells are
trained beside it, by how many processes, or how often all of them were killed and started again.
Importing this loads torch.
"""

from meta_bandit.sweep.generalists import (
    GENERALISTS,
    Generalist,
    every_death,
    every_lifetime,
    every_task,
    measure_generalist,
    raise_agents,
    run_generalist,
)
from meta_bandit.sweep.grid import PROFILES, Cell, Sweep
from meta_bandit.sweep.results import stored, stored_agents
from meta_bandit.sweep.run import run_sweep

__all__ = [
    "GENERALISTS",
    "PROFILES",
    "Cell",
    "Generalist",
    "Sweep",
    "every_death",
    "every_lifetime",
    "every_task",
    "measure_generalist",
    "raise_agents",
    "run_generalist",
    "run_sweep",
    "stored",
    "stored_agents",
]
