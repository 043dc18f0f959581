"""Time to quality: how soon agents earn 95% of what the Bayes-optimal policy earns.

Ours (``companion``) and the JAX peer (written the usual way, on the task as it is) train five seeds
of one task side by side, and take turns. Their agents are judged by one function, on the same
lives, beside the Bayes-optimal policy on these very lives: a ratio of paired returns, which needs
far fewer lives than the return itself. Only training is timed, not judging nor compiling.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.contestant import CONFIG, LIFETIME, PULLS
from meta_bandit import GaussianBandit
from meta_bandit.agents import AgentPolicy, TrainedAgents
from meta_bandit.agents.a2c import Trainer
from meta_bandit.policies import Stopping
from meta_bandit.theory import bayes_optimal
from meta_bandit.worlds import simulate

TASKS = ((1.0, 0.1), (2.0, 2.0))
SEEDS = range(5)
GOAL = 0.95
LIVES = 2000
BETWEEN = {"ours": 20, "jax": 100}
"""Updates between two judgements."""
HAVE_JAX = all(find_spec(name) for name in ("jax", "gymnax", "optax"))


class Racer:
    """A trainer's five agents on one task, and when each first reached the goal."""

    def __init__(self, kind: str, sigma_p: float, sigma_l: float) -> None:
        self.kind, agents = kind, len(SEEDS)
        self.task = GaussianBandit([sigma_p] * agents, sigma_l, LIFETIME)
        self.between = BETWEEN[kind]
        self.updates, self.seconds = 0, 0.0
        self.last = CONFIG.updates if kind == "ours" else 10**6
        self.reached: dict[int, dict[str, float]] = {}
        self.history: list[tuple[int, float, list[float]]] = []
        if kind == "ours":
            trainer = Trainer(self.task, SEEDS, CONFIG, torch.device("cpu"))

            def train() -> None:
                for update in range(self.updates, min(self.updates + self.between, self.last)):
                    trainer.update(update)

            def weights() -> NDArray[np.float32]:
                return np.array(trainer.net.weights)

            self._train, self._weights = train, weights
        else:
            from benchmarks.peer_jax import RECIPES, JaxTrainer

            peer = JaxTrainer([sigma_p] * agents, [sigma_l] * agents, RECIPES["usual"], 20)
            peer.train()  # compiles; its updates count, its time does not
            self.updates = 20

            def train() -> None:
                for _ in range(self.between // 20):
                    peer.train()

            self._train, self._weights = train, peer.weights

    def go(self, optimum: NDArray[np.float64]) -> None:
        """Train until the next judgement, and judge."""
        began = time.perf_counter()
        self._train()
        self.seconds += time.perf_counter() - began
        self.updates = min(self.updates + self.between, self.last)
        ratio = returns(self.kind, self.task, self._weights()) / optimum
        self.history.append((self.updates, self.seconds, ratio.tolist()))
        for seed in SEEDS:
            if ratio[seed] >= GOAL and seed not in self.reached:
                steps = self.updates * PULLS
                self.reached[seed] = {"seconds": self.seconds, "steps": steps}

    def finished(self, cap: float) -> bool:
        """Tell whether all seeds are there, or time or updates have run out."""
        there = len(self.reached) == len(SEEDS)
        return there or self.seconds >= cap or self.updates >= self.last

    def result(self, cap: float) -> dict[str, object]:
        """Lay out for the file; a seed that did not get there says how long it was given."""
        late = f"not reached within {min(cap, self.seconds):.0f} s, {self.updates} updates"
        return {
            "kind": self.kind,
            "sigma_p": float(self.task.sigma_p[0]),
            "sigma_l": float(self.task.sigma_l),
            "seeds_there": len(self.reached),
            "each_seed": [self.reached.get(seed, late) for seed in SEEDS],
            "updates_seconds_and_ratios": self.history,
        }


def returns(kind: str, task: GaussianBandit, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean return of each agent's greedy policy on the lives of `optimum`."""
    config = replace(CONFIG, time_feature="fraction") if kind == "jax" else CONFIG
    agents = TrainedAgents(task, np.array(SEEDS, np.uint64), config, weights, xr.Dataset())
    lives = simulate(AgentPolicy(agents), task, LIVES, np.random.default_rng(1))
    return np.asarray(lives.expected_returns.mean(axis=-1))


def optimum(task: GaussianBandit) -> NDArray[np.float64]:
    """Mean return of the Bayes-optimal policy on the same lives: the arms and luck are equal."""
    best = Stopping(bayes_optimal(task).thresholds)
    lives = simulate(best, task, LIVES, np.random.default_rng(1))
    return np.asarray(lives.expected_returns.mean(axis=-1))


def quality(cap: float, note: Callable[[Mapping[str, object]], None]) -> None:
    """Race on both tasks; ``note`` gets what is known after each turn.

    Parameters
    ----------
    cap
        Seconds of training that each trainer is given for its five seeds of one task.
    note
        Called with the results so far.
    """
    torch.set_num_threads(1)
    kinds = ["ours", "jax"] if HAVE_JAX else ["ours"]
    about = {"goal": GOAL, "cap_seconds": cap, "lives": LIVES, "updates_between": BETWEEN}
    results: list[dict[str, object]] = []
    with torch.inference_mode():
        for sigma_p, sigma_l in TASKS:
            racers = [Racer(kind, sigma_p, sigma_l) for kind in kinds]
            best = optimum(racers[0].task)
            with tqdm(desc=f"({sigma_p:g}, {sigma_l:g})", unit="turn", disable=None) as bar:
                while running := [racer for racer in racers if not racer.finished(cap)]:
                    for racer in running:
                        racer.go(best)
                    bar.update()
                    note(about | {"rows": results + [racer.result(cap) for racer in racers]})
            results += [racer.result(cap) for racer in racers]
            for racer in racers:
                times = [f"{there['seconds']:.0f} s" for there in racer.reached.values()]
                print(
                    f"({sigma_p:g}, {sigma_l:g}) {racer.kind}: {len(times)} of {len(SEEDS)} seeds "
                    f"at {GOAL:.0%} after {', '.join(times) or 'no time'}; trained for "
                    f"{racer.seconds:.0f} s, {racer.updates} updates"
                )
