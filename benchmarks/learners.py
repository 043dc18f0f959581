"""Whose is the trap: other learners than A2C, on tasks between the two edges.

There the Bayes-optimal policy learns and no committed plan gains by it. Agents are trained by A2C
with the LSTM of the book, by PPO and by evolution strategies on the same network, and by A2C with
a GRU, a causal transformer and a wider LSTM. Each learns in three ways, which are those of A2C's
configurations: plainly on the task itself from the start (``direct``); plainly, with a prior mean
that comes late (``path``); and with all that the default does besides (``default``), the path
included; without that path (``default, direct``).

All have as many updates of as many lives, but evolution: that has four times as many lives. Lives
have 30 pulls, so that it all fits in an hour of one core. Steps were chosen beforehand, not on
these tasks, and little: they are those of A2C times a number.

    python -m benchmarks.learners [NAME ...]
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from benchmarks.machine import machine
from benchmarks.networks import GreedyPolicy, GRUTrainer, TransformerTrainer
from meta_bandit import GaussianBandit
from meta_bandit.agents import CONFIGURATIONS, A2CConfig, TrainedAgents, train
from meta_bandit.agents.a2c import FIRST_DECAY, Trainer, per_agent
from meta_bandit.agents.network import LOGIT, RISKY_ROW, VALUE
from meta_bandit.agents.rollout import BanditRollout
from meta_bandit.agents.training import keep_memory, resolve_device, torch_threads
from meta_bandit.files import to_json, write_atomically
from meta_bandit.studies.study import thin
from meta_bandit.studies.training import shares
from meta_bandit.theory import (
    bayes_optimal,
    critical_sigma_l,
    optimal_commit,
    stopping_critical_sigma_l,
)

OUT = Path(__file__).parent / "results" / "learners.json"
SEED = 2030
"""Of the tasks; that of `benchmarks.edge` is 2031, that of `benchmarks.causes` 2029."""
TASKS = 4
LIFETIME = 30
SEEDS = ((0, 1, 2), (3, 4))
"""Trained side by side, one group after the other."""
UPDATES = 600
LIVES = 20_000
"""In which each agent is looked at."""
POINTS = 50
"""Of a learning curve."""
EPOCHS, CLIP = 4, 0.2
"""Of PPO: steps on the same lives; how far a probability may move in them, as a ratio."""
PAIRS, SPREAD = 8, 0.1
"""Of evolution: pairs of neighbours in a generation; how far each weight of theirs is off."""


def draw(count: int, rng: np.random.Generator) -> list[GaussianBandit]:
    """Draw tasks between the edges: sigma_p log-uniform in [0.7, 3], m = -1 or -2.

    With sigma_l at 1 to 1.2 times the committed edge, where the Bayes-optimal policy has most.
    """
    tasks: list[GaussianBandit] = []
    while len(tasks) < count:
        sigma_p = float(np.exp(rng.uniform(np.log(0.7), np.log(3.0))))
        mean, part = float(rng.choice([-2.0, -1.0])), float(rng.uniform())
        unit = GaussianBandit(sigma_p, 1.0, LIFETIME, mean)
        committed, adaptive = (
            float(find(unit)) for find in (critical_sigma_l, stopping_critical_sigma_l)
        )
        noise = committed * (1 + 0.2 * part)
        if 0 < committed < noise < adaptive < np.inf:
            tasks.append(GaussianBandit(sigma_p, noise, LIFETIME, mean))
    return tasks


class PPO(Trainer):
    r"""Proximal policy optimisation (Schulman et al. 2017): several steps on the same lives.

    .. math:: \min(\rho A, \operatorname{clip}(\rho, 1 - \epsilon, 1 + \epsilon) A), \qquad
        \rho = \pi(a) / \pi_{\text{before}}(a)

    Advantages are those of A2C. In the first step of an update rho = 1: it is a step of A2C.
    """

    epoch = 0

    def _update(self) -> None:
        config, lives, net, update = self.config, self.lives, self.net, int(self.index)
        learning_rate, _, _ = config.at(update)
        entropy_weight, share = self.now[2], self.now[3]
        noted = lives.live(self.index, share)
        for self.epoch in range(EPOCHS):
            if self.epoch == 0:
                entropy = self.loss_slope(entropy_weight, self.index)
            else:
                net.begin()
                for pull in range(len(net.heads)):
                    net.step(pull)
                self._coin_slope(self.advantage, entropy_weight)
                if lives.weight is not None:
                    self.heads_slope.mul_(lives.weight[:, None])
            gradient = net.backward(self.heads_slope, config.backpropagation_clip)
            gradient.div_(lives.samples[:, None, None])
            done = EPOCHS * update + self.epoch + 1
            rate, second = (1 - beta**done for beta in (FIRST_DECAY, config.second_decay))
            norm = self.descend(
                gradient, torch.tensor(learning_rate / rate), torch.tensor(second**-0.5)
            )
        for name, values in (noted | {"entropy": entropy, "gradient_norm": norm}).items():
            self.curves[name].index_copy_(0, self.index, values[None])
        self.alive.index_copy_(0, self.index, self.finite[None])

    def _coin_slope(self, advantage: Tensor, entropy_weight: Tensor) -> Tensor:
        """Write the slopes of logits, after the first step also those of values."""
        heads, slope, config = self.net.heads, self.heads_slope, self.config
        logit, limit = heads[:, :, LOGIT], self.lives.limit
        if limit is not None:
            logit = logit.clamp(-limit, limit)
        risky = self.net.inputs[1:, :, RISKY_ROW]
        # log of the probability of what was done
        chosen = torch.nn.functional.logsigmoid(logit * (2 * risky - 1))
        value, value_slope = heads[:, :, VALUE], slope[:, :, VALUE]
        if self.epoch == 0:
            self.before, self.advantage = chosen, advantage.clone()
            self.target = value - value_slope / config.value_weight
        elif config.critic == "network":
            torch.sub(value, self.target, out=value_slope).mul_(config.value_weight)
        ratio = (chosen - self.before).exp()
        flat = torch.where(self.advantage > 0, ratio > 1 + CLIP, ratio < 1 - CLIP)
        moved = (self.advantage * ratio).masked_fill_(flat, 0.0)
        return super()._coin_slope(moved, entropy_weight)


def ranks(fitness: Tensor) -> Tensor:
    """Centred ranks in [-0.5, 0.5] along the last axis; equals get the same."""
    more = fitness[..., :, None] - fitness[..., None, :]
    return more.sign().sum(-1) / (2 * (fitness.shape[-1] - 1))


def climb(noise: Tensor, plus: Tensor, minus: Tensor, spread: float) -> Tensor:
    r"""Estimate the slope of what neighbours earn (Salimans et al. 2017).

    .. math:: \frac{1}{2 \sigma n} \sum_k (f_k^+ - f_k^-)\,\epsilon_k

    Parameters
    ----------
    noise : shape (agents, pairs, ...)
    plus, minus : shape (agents, pairs)
        What is earned at ``spread`` times the noise from the centre, and opposite.

    Returns
    -------
    shape (agents, ...)
    """
    weight = (plus - minus) / (2 * spread * noise.shape[1])
    return torch.einsum("ap,ap...->a...", weight, noise)


def evolve(task: GaussianBandit, seeds: Sequence[int], config: A2CConfig) -> TrainedAgents:
    """Train LSTMs by evolution strategies: antithetic pairs, ranks, Adam.

    All neighbours of an agent meet the same arms and rewards. Of a configuration there count the
    path, the step, what a pull counts, and how lives are played.
    """
    agents, members = len(seeds), 2 * PAIRS
    tiled = task[np.repeat(np.arange(agents), members)]
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    curves = {name: np.zeros((agents, config.updates)) for name in ("mean_return", "risky_pulls")}
    started = time.perf_counter()
    keep_memory()
    with torch_threads(1), torch.no_grad():
        own = np.repeat(seeds, members).tolist()
        lives = BanditRollout(tiled, own, config, torch.device("cpu"))
        if resolve_device("auto") != "cpu":
            lives.compile()
        population = lives.net.weights.view(agents, 2, PAIRS, *lives.net.weights.shape[1:])
        centre = population[:, 0, 0].clone()
        optimiser = torch.optim.Adam([centre])
        used = torch.ones_like(centre[0])
        # the heads do not read what is told
        used[: lives.net.read, 4 * config.units :] = 0.0
        for update in range(config.updates):
            learning_rate, _, share = config.at(update)
            shape = (PAIRS, *centre.shape[1:])
            noise = torch.stack([torch.randn(shape, generator=g) for g in generators]) * used
            population[:, 0] = centre[:, None] + SPREAD * noise
            population[:, 1] = centre[:, None] - SPREAD * noise
            noted = lives.live(torch.tensor([update]), torch.tensor(share))
            paid = lives.signal()
            earned = per_agent(paid if lives.weight is None else paid * lives.weight)
            plus, minus = ranks(earned.view(agents, members)).view(agents, 2, PAIRS).unbind(1)
            centre.grad = -climb(noise, plus, minus, SPREAD)
            optimiser.param_groups[0]["lr"] = learning_rate
            optimiser.step()
            for name, curve in curves.items():
                curve[:, update] = noted[name].view(agents, members).mean(1).numpy()
        weights = centre.numpy()
    made = xr.Dataset({name: (("agent", "update"), values) for name, values in curves.items()})
    made.attrs["seconds"] = time.perf_counter() - started
    return TrainedAgents(task, np.array(seeds, dtype=np.uint64), config, weights, made)


# as training ends: an agent that loses is shown as it is
_DEFAULT = replace(CONFIGURATIONS["companion"], validation=0, snapshots=0)
WAYS = {
    "direct": replace(CONFIGURATIONS["plain"], continuation_until=0.0),
    "default": _DEFAULT,
    "path": CONFIGURATIONS["plain"],
    "default, direct": replace(_DEFAULT, continuation_until=0.0),
}
"""Of learning: how A2C does."""


@dataclass(frozen=True)
class Learner:
    """What learns.

    Attributes
    ----------
    trainer
        What makes an update.
    units
        Width of the memory.
    step
        Adam's, in units of that of A2C.
    evolves
        Trained by `evolve` instead.
    """

    trainer: type[Trainer] = Trainer
    units: int = 48
    step: float = 1.0
    evolves: bool = False

    def config(self, way: str) -> A2CConfig:
        """Settings of one of ``WAYS``."""
        base = WAYS[way]
        rate, lives = self.step * base.learning_rate, 16 if self.evolves else base.lives
        return replace(base, updates=UPDATES, units=self.units, learning_rate=rate, lives=lives)

    def train(self, task: GaussianBandit, seeds: Sequence[int], way: str) -> TrainedAgents:
        """Train agents, one on each task."""
        config = self.config(way)
        if self.evolves:
            return evolve(task, seeds, config)
        place = "cpu" if resolve_device("auto") == "cpu" else "native"
        return train(task, seeds, config, place, learner=self.trainer)

    def judge(self, trained: TrainedAgents) -> xr.Dataset:
        """See `shares`; every agent of a task in the same lives, whoever trained it."""
        network = getattr(self.trainer, "network", None)
        parts = []
        for number in range(len(trained.seeds)):
            one = trained[number]
            policy = GreedyPolicy(one, network) if network else None
            parts.append(shares(one, LIVES, [SEED, 1], policy))
        return xr.concat(parts, "agent")


LEARNERS: dict[str, Learner] = {
    "A2C": Learner(),
    # whether it is the step where the transformer and PPO differ from A2C
    "A2C, small steps": Learner(step=0.4),
    "PPO": Learner(PPO, step=0.4),
    "evolution": Learner(step=4.0, evolves=True),
    "GRU": Learner(GRUTrainer),
    "transformer": Learner(TransformerTrainer, units=32, step=0.4),
    "wide LSTM": Learner(units=128),
}


def run(
    learner: Learner, way: str, tasks: list[GaussianBandit], seeds: Sequence[int]
) -> tuple[list[dict[str, Any]], float]:
    """Train agents with these seeds on each task, and measure them.

    Returns
    -------
    rows, seconds
        A row for each agent; how long training took.
    """
    task = GaussianBandit(
        *(
            np.repeat([getattr(one, name).item() for one in tasks], len(seeds))
            for name in ("sigma_p", "sigma_l", "lifetime", "mean")
        )
    )
    trained = learner.train(task, [*seeds] * len(tasks), way)
    measured = learner.judge(trained)
    rows: list[dict[str, Any]] = []
    for agent, seed in enumerate(trained.seeds.tolist()):
        row: dict[str, Any] = {"task": agent // len(seeds), "seed": seed}
        row |= {str(name): values[agent].item() for name, values in measured.items()}
        for name in ("risky_pulls", "mean_return"):
            curve = thin(trained.curve[name][[agent]], POINTS)
            row[f"curve_{name}"] = curve.values[0].round(3).tolist()
        rows.append(row)
    return rows, trained.curve.attrs["seconds"]


def main(*names: str) -> None:
    """Train by each of the learners that are named, all if none is; what is stored is kept."""
    tasks = draw(TASKS, np.random.default_rng(SEED))
    for seeds in SEEDS:
        for way in WAYS:
            for name in names or LEARNERS:
                add(name, way, tasks, seeds)


def add(name: str, way: str, tasks: list[GaussianBandit], seeds: Sequence[int]) -> None:
    """Add to what is stored agents of one learner, if they are not there."""
    stored = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {"learners": {}}
    own = stored["learners"].setdefault(name, {}).setdefault(way, {"seconds": 0.0, "rows": []})
    if {row["seed"] for row in own["rows"]} >= {*seeds}:
        return
    rows, seconds = run(LEARNERS[name], way, tasks, seeds)
    own["rows"] += rows
    own["seconds"] += seconds
    own["config"] = asdict(LEARNERS[name].config(way))
    done = thin(xr.DataArray(np.zeros((1, UPDATES)), dims=("agent", "update")), POINTS)
    about: dict[str, Any] = {
        "machine": machine("torch", "numpy"),
        "lives": LIVES,
        "epochs": EPOCHS,
        "clip": CLIP,
        "members": 2 * PAIRS,
        "spread": SPREAD,
        "updates": done["update"].values.tolist(),
        "tasks": [
            {key: value.item() for key, value in task.values.items()}
            | {
                "value": float(bayes_optimal(task).value),
                "commit_value": float(optimal_commit(task)[1]),
                "committed_edge": float(critical_sigma_l(task)),
                "adaptive_edge": float(stopping_critical_sigma_l(task)),
            }
            for task in tasks
        ],
    }
    found = stored["learners"]
    about["learners"] = {one: found[one] for one in LEARNERS if one in found}
    write_atomically(OUT, to_json(about) + "\n")
    said = [f"{row['share']:.2f}/{row['risky_pulls']:.1f}" for row in rows]
    print(f"{name}, {way}, {seconds:.0f} s:", *said, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
