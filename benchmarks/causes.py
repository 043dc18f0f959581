"""What limits training near the edge: the network, the search, or the noise of the signal.

An agent that is fitted to the Bayes-optimal policy says what the network can do. Training that
starts from it, without a path, says whether reinforcement keeps what it is given; training that
starts from an agent that never pulls, whether it gets out. And a gradient is drawn many times at
the same weights: how much of it is signal, by what a risky pull counts.

Tasks are drawn as in `benchmarks.edge`, by a seed of their own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from benchmarks.edge import draw
from benchmarks.machine import machine
from meta_bandit import GaussianBandit
from meta_bandit.agents import CONFIGURATIONS, A2CConfig, train
from meta_bandit.agents.a2c import Trainer
from meta_bandit.agents.config import LearningSignal
from meta_bandit.agents.network import LOGIT, RISKY_ROW
from meta_bandit.agents.rollout import BanditRollout
from meta_bandit.files import to_json, write_atomically
from meta_bandit.studies.training import shares
from meta_bandit.theory import bayes_optimal

OUT = Path(__file__).parent / "results" / "causes.json"
SEED = 2029
SEEDS = tuple(range(5))
COUNTS = {30: 4, 100: 2}
"""Tasks near the edge, by lifetime."""
LIVES = 10_000
# as training ends: an agent that loses is shown as it is
DEFAULT = replace(CONFIGURATIONS["companion"], validation=0, snapshots=0)
DIRECT = replace(DEFAULT, continuation_until=0.0)
SIGNALS: tuple[LearningSignal, ...] = get_args(LearningSignal)
DRAWS = 200
"""Gradients that are drawn at the same weights."""


class Imitator(Trainer):
    """Supervised in its own lives: each pull's label is what the best policy would do there.

    Attributes
    ----------
    thresholds : shape (pulls, agents, 1)
        Posterior means from which on to pull, units of reward; infinite: never.
    """

    thresholds: Tensor

    def loss_slope(self, entropy_weight: Tensor, update: int | Tensor = 0) -> Tensor:
        """Write the slope of the labels' cross-entropy, p less the label; returns zeros."""
        lives = self.lives
        assert isinstance(lives, BanditRollout)
        mean, _ = lives.posterior()
        risky = self.net.inputs[1:, :, RISKY_ROW]
        # who has left once has nothing to come back for
        stays = (risky.cumsum(0) - risky) >= lives.step_number
        label = (stays & (mean >= self.thresholds)).to(mean.dtype)
        self.heads_slope.zero_()
        slope = self.heads_slope[:, :, LOGIT]
        torch.sub(self.net.heads[:, :, LOGIT].sigmoid(), label, out=slope)
        slope.mul_(lives.mask)
        return torch.zeros_like(lives.samples)


def fit(task: GaussianBandit, seeds: Sequence[int], ever: bool) -> NDArray[np.float32]:
    """Fit agents to the Bayes-optimal policy, or to never pulling; returns their weights."""
    config = replace(DIRECT, entropy=0.0)
    with torch.inference_mode():
        trainer = Imitator(task, seeds, config, torch.device("cpu"))
        best = np.array([bayes_optimal(task[agent]).thresholds for agent in range(len(seeds))])
        limits = np.where(np.isfinite(best), best, np.inf) if ever else np.full(best.shape, np.inf)
        trainer.thresholds = torch.tensor(limits.T[:, :, None], dtype=torch.float32)
        for update in tqdm(range(config.updates), desc="fit", disable=None):
            trainer.update(update)
        weights: NDArray[np.float32] = trainer.net.weights.numpy().copy()
    return weights


def signal_to_noise(task: GaussianBandit, seeds: Sequence[int]) -> dict[str, list[float]]:
    r"""Draw the gradient many times halfway through the default training.

    Returns
    -------
    dict
        Of each learning signal, for each agent :math:`\|E g\|^2 / \operatorname{tr} \operatorname
        {Cov} g`, with the estimate's own bias taken off (so that it can be below 0).
    """
    found: dict[str, list[float]] = {}
    with torch.inference_mode():
        for signal in SIGNALS:
            # all are trained the same way, and differ only in the gradient that is looked at
            trainer = Trainer(task, seeds, DEFAULT, torch.device("cpu"))
            half = DEFAULT.updates // 2
            for update in tqdm(range(half), desc="to half", disable=None):
                trainer.update(update)
            config: A2CConfig = replace(DEFAULT, learning_signal=signal)
            trainer.config = trainer.lives.config = config
            _, _, entropy_weight, share, _ = trainer.now.unbind()
            total = torch.zeros_like(trainer.net.weights, dtype=torch.float64)
            square = torch.zeros(len(seeds), dtype=torch.float64)
            # the regression needs some lives to settle on another signal
            settle = DRAWS // 4
            for number in range(settle + DRAWS):
                trainer.lives.live(torch.tensor([half + number]), share)
                trainer.loss_slope(entropy_weight, half + number)
                gradient = trainer.net.backward(trainer.heads_slope, config.backpropagation_clip)
                if number >= settle:
                    total += gradient
                    square += gradient.double().square().sum((-1, -2))
            mean = (total / DRAWS).square().sum((-1, -2))
            noise = (square / DRAWS - mean) * DRAWS / (DRAWS - 1)
            found[signal] = ((mean - noise / DRAWS) / noise).tolist()
    return found


def main() -> None:
    """Measure all of it, and store it."""
    rng = np.random.default_rng(SEED)
    rows: list[dict[str, Any]] = []
    for lifetime, count in COUNTS.items():
        tasks = draw("near", lifetime, count, rng)
        fields = {
            name: np.repeat([float(getattr(task, name)) for task in tasks], len(SEEDS))
            for name in ("sigma_p", "sigma_l", "mean")
        }
        all_tasks = GaussianBandit(fields["sigma_p"], fields["sigma_l"], lifetime, fields["mean"])
        seeds = [*SEEDS] * count
        fitted, never = fit(all_tasks, seeds, True), fit(all_tasks, seeds, False)
        rounds = {
            "default": train(all_tasks, seeds, DEFAULT, "cpu"),
            "direct": train(all_tasks, seeds, DIRECT, "cpu"),
            "from the best": train(all_tasks, seeds, DIRECT, "cpu", initial=fitted),
            "from never": train(all_tasks, seeds, DIRECT, "cpu", initial=never),
        }
        like = rounds["default"]
        teams = {
            "fitted": replace(like, weights=fitted),
            "fitted to never": replace(like, weights=never),
        } | rounds
        found = {
            name: {
                key: values.values.tolist()
                for key, values in shares(agents, LIVES, [SEED, 1]).items()
            }
            for name, agents in teams.items()
        }
        ratio = signal_to_noise(all_tasks, seeds)
        for number, task in enumerate(tasks):
            own = slice(number * len(SEEDS), (number + 1) * len(SEEDS))
            rows.append(
                {name: float(getattr(task, name)) for name in (*fields, "lifetime")}
                | {"value": float(bayes_optimal(task).value)}
                | {
                    "agents": {
                        name: {key: values[own] for key, values in measured.items()}
                        for name, measured in found.items()
                    },
                    "signal_to_noise": {name: values[own] for name, values in ratio.items()},
                }
            )
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    about = {"machine": machine("torch", "numpy"), "seeds": SEEDS, "lives": LIVES, "draws": DRAWS}
    stored = about | {"config": asdict(DEFAULT), "rows": rows}
    write_atomically(OUT, to_json(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
