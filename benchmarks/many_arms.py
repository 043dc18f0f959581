"""Ways out of the trap of many arms that the study ``many-arms`` does not hold, and the ceiling.

`explore`: First-Explore's two policies (`agents.first_explore`). `fit`: the default's network
fitted to the index policy, pull by pull in its own lives (prop-many-index), and then trained on by
reinforcement. `fewer`: the default with two arms, then three, and so on, without a path, each
time from the weights before (`widened`). Worlds, lives and network are those of the study; settings
of training are those of its recipe ``direct`` for the two policies and the fit, else the default's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.machine import machine
from meta_bandit.agents import TrainedAgents, train
from meta_bandit.agents.a2c import Trainer
from meta_bandit.agents.first_explore import FirstExplore, FirstExploreTrainer, by_exploration
from meta_bandit.agents.many_arms import ManyArmsRollout
from meta_bandit.agents.network import ACTION
from meta_bandit.files import to_json, write_atomically
from meta_bandit.studies.many_arms import Pullers, count_arms
from meta_bandit.studies.study import thin
from meta_bandit.theory.many_arms import index_offsets
from meta_bandit.worlds import ManyArms

OUT = Path(__file__).parent / "results" / "many_arms.json"
SCALE = {"explore": 400, "fit": 400, "fewer": 600}
"""Updates of each training."""
SEEDS = (0, 1, 2, 3, 4)
"""The first of the study's."""
POINTS = 40
"""Of each curve."""
Found = dict[str, dict[str, Any]]


class Imitator(Trainer):
    """Supervised in its own lives: each pull's label is what the index policy would do there."""

    def loss_slope(self, entropy_weight: Tensor, update: int | Tensor = 0) -> Tensor:
        """Write the slope of the labels' cross-entropy, p less the label; returns zeros."""
        lives = self.lives
        assert isinstance(lives, ManyArmsRollout)
        slope = lives.by_action(self.heads_slope.zero_())
        label = torch.zeros_like(slope).scatter_(2, self.best_arm(lives)[:, :, None], 1.0)
        torch.sub(lives.by_action(self.net.heads).softmax(2), label, out=slope)
        slope.mul_(lives.mask[:, :, None])
        return torch.zeros_like(lives.samples)

    def best_arm(self, lives: ManyArmsRollout) -> Tensor:
        """What `policies.many_arms.Gittins` would pull, shape (pulls, agents, lives)."""
        estimate, pulls = lives.posterior()
        left = torch.arange(len(estimate) - 1, -1, -1)[:, None, None, None]
        index = estimate + self.offsets[pulls.long(), left]
        known = lives.pays[:, None].expand_as(index[:, :, :1])
        return torch.cat((known, index), 2).argmax(2)

    def __init__(self, task: ManyArms, *rest: Any, **more: Any) -> None:
        super().__init__(task, *rest, **more)
        # it does not depend on what arm 0 pays, in which alone these worlds differ
        self.offsets = torch.tensor(index_offsets(task[0]), dtype=torch.float32)


def widened(weights: NDArray[np.float32], arms: int, units: int) -> NDArray[np.float32]:
    """Weights for one arm more, which is told and answers as the last of these does."""
    row, column = ACTION + arms, 4 * units + arms
    told = np.insert(weights, row, weights[:, row - 1], axis=1)
    return np.insert(told, column, told[:, :, column - 1], axis=2)


def explore(study: Pullers, team: tuple[ManyArms, list[int]]) -> Found:
    """Train explorers with exploiters, and measure them.

    On other lives it is settled whether they sample, and how long they explore.
    """
    trained = train(*team, study.recipes["direct"], "cpu", learner=FirstExploreTrainer)
    ways = [by_exploration(trained, study.lives // 8, 1, greedy) for greedy in (False, True)]
    earned = np.stack(ways, axis=1)
    greedy, best = np.divmod(earned.reshape(len(earned), -1).argmax(1), earned.shape[-1])
    policies = [
        FirstExplore(trained[number], int(k), bool(sure))
        for number, (k, sure) in enumerate(zip(best, greedy, strict=True))
    ]
    more = {
        "explores": best.tolist(),
        "greedy": greedy.tolist(),
        "by_explores": earned.round(3).tolist(),
    }
    return {"first explore": measured(trained, study.lives, policies) | more}


def fit(study: Pullers, team: tuple[ManyArms, list[int]]) -> Found:
    """Fit agents to the index policy, and train them on from there."""
    fitted = train(*team, replace(study.recipes["direct"], entropy=0.0), "cpu", learner=Imitator)
    from_there = replace(study.config, continuation_until=0.0, updates=study.config.updates // 2)
    kept = train(*team, from_there, "cpu", initial=fitted.weights)
    return {
        "fitted": measured(fitted, study.lives),
        "from the fit": measured(kept, study.lives),
    }


def fewer(study: Pullers, team: tuple[ManyArms, list[int]]) -> Found:
    """Train with two arms by the default, half of all updates; then with three, ..., K, no path."""
    (world, seeds), updates = team, study.config.updates
    config = replace(study.config, updates=max(updates // 2, 1))
    weights, curves = None, []
    for arms in range(2, study.arms + 1):
        trained = train(world.with_arms(arms), seeds, config, "cpu", initial=weights)
        curves.append(trained.curve[["mean_return", "tried"]])
        if arms < study.arms:
            weights = widened(trained.weights, arms, config.units)
        each = max(updates // (2 * study.arms - 2), 1) * (2 if arms == study.arms - 1 else 1)
        config = replace(study.config, continuation_until=0.0, updates=each)
    curve = xr.concat(curves, "update")
    curve = curve.assign_coords(update=np.arange(curve.sizes["update"]))
    return {"fewer first": measured(replace(trained, curve=curve), study.lives)}


PARTS: Mapping[str, Callable[[Pullers, tuple[ManyArms, list[int]]], Found]] = {
    "explore": explore,
    "fit": fit,
    "fewer": fewer,
}


def measured(trained: TrainedAgents, lives: int, policies: Any = ()) -> dict[str, Any]:
    """What a study says of its agents, and how they were trained, in JSON's words."""
    found = count_arms(trained, lives, policies)
    for name in ("mean_return", "tried", "exploited"):
        if name in trained.curve:
            found[f"curve_{name}"] = thin(trained.curve[name], POINTS)
    values = {str(name): found[name].values.round(4).tolist() for name in found.data_vars}
    return values | {
        "updates": found["update"].values.tolist(),
        "config": asdict(trained.config),
        "seconds": trained.curve.attrs.get("seconds"),
    }


def run(study: Pullers, parts: list[str], out: Path, scale: Mapping[str, int] = SCALE) -> None:
    """Measure some parts, and write each into the file when it is done."""
    places = [(safe, seed) for safe in study.safe for seed in study.seed]
    safes, seeds = np.array([safe for safe, _ in places]), [seed for _, seed in places]
    world = ManyArms(study.arms, study.sigma_p, study.sigma_l, study.lifetime, study.mean, safes)
    about = {"safe": safes.tolist(), "seed": seeds, "lives": study.lives}
    for part in parts:
        config, shared = (replace(it, updates=scale[part]) for it in (study.config, study.shared))
        ways = PARTS[part](replace(study, config=config, shared=shared), (world, seeds))
        stored = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {"ways": {}}
        at = {"machine": machine("torch", "numpy")}
        stored = stored | about | {"ways": stored["ways"] | {n: w | at for n, w in ways.items()}}
        write_atomically(out, to_json(stored, indent=1) + "\n")
        for name, way in ways.items():
            print(name, way["expected_return"], file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(Pullers(seed=SEEDS), sys.argv[1:] or list(PARTS), OUT)
