"""How the recipes of training compare on a quiet task: what agents earn, and their gradients.

    python -m benchmarks.recipes

trains five agents by each of `studies.training.RECIPES` on one task (some five minutes of one
core) and writes what became of them to ``benchmarks/results/recipes.json``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.machine import machine
from meta_bandit import GaussianBandit
from meta_bandit.agents import TrainedAgents, train
from meta_bandit.files import to_json, write_atomically
from meta_bandit.studies.study import thin
from meta_bandit.studies.training import RECIPES, shares
from meta_bandit.theory import bayes_optimal

OUT = Path(__file__).parent / "results" / "recipes.json"
SEEDS = tuple(range(5))
TASK = GaussianBandit(np.full(len(SEEDS), 1.0), 0.1, 100)
LIVES = 20_000
STRETCHES = 100
"""Of a training, of which curves are summed up."""


def row(name: str, agents: TrainedAgents) -> dict[str, Any]:
    """What is kept of the agents of a recipe: curves are over (agent, stretch)."""
    measured = shares(agents, LIVES, [SEEDS[0], 1])
    gradient = agents.curve.gradient_norm.transpose("agent", "update")
    stretches = gradient.coarsen(update=gradient.sizes["update"] // STRETCHES)
    pulls = agents.config.lives * int(np.max(agents.task.lifetime))
    returns = thin(agents.curve.mean_return, STRETCHES)
    return {
        "recipe": name,
        **{str(key): values.values.tolist() for key, values in measured.items()},
        "gradient_median": gradient.median("update").values.tolist(),
        "gradient_longest": gradient.max("update").values.tolist(),
        "curve": {
            "pulls": (returns.update.values * pulls).tolist(),
            "return": returns.values.tolist(),
            "gradient_median": stretches.median().values.tolist(),
            "gradient_longest": stretches.max().values.tolist(),
        },
    }


def main() -> None:
    """Train by each recipe, measure, and store."""
    about = {"machine": machine("torch", "numpy"), "seeds": SEEDS, "lives": LIVES, "device": "cpu"}
    task = {name: float(np.ravel(value)[0]) for name, value in TASK.full.items()}
    rows = [
        row(name, train(TASK, SEEDS, config, "cpu", progress=False))
        for name, config in tqdm(RECIPES.items())
    ]
    stored = about | {"task": task, "optimum": float(bayes_optimal(TASK[0]).value), "rows": rows}
    write_atomically(OUT, to_json(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
