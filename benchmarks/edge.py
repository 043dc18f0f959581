"""What the default training finds near the edge, on tasks that it was not chosen on.

Tasks are drawn by a seed that was not used while settings were tried: near the edge, with
sigma_l at 0.6 to 1.1 times the committed edge and 0.25 to 0.6 times the Bayes-optimal one; away
from it, at 0.1 to 0.4 times the committed edge; where not learning is optimal, at 1.3 to 3 times
the Bayes-optimal edge, and right beyond it, at 1.02 to 1.3 times; and in quiet worlds, at 0.03 to
0.5 times sigma_p, log-uniform, which is below the committed edge.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from joblib import Parallel, cpu_count, delayed

from benchmarks.machine import machine
from meta_bandit import GaussianBandit
from meta_bandit.agents import CONFIGURATIONS, A2CConfig, train
from meta_bandit.agents.training import resolve_device
from meta_bandit.files import to_json, write_atomically
from meta_bandit.studies.training import shares
from meta_bandit.theory import bayes_optimal, critical_sigma_l, stopping_critical_sigma_l

OUT = Path(__file__).parent / "results" / "edge.json"
SEED = 2031
SEEDS = tuple(range(5))
COUNTS = {
    "near": {30: 6, 100: 4, 250: 4},
    "away": {30: 3, 100: 3},
    "never": {30: 3, 100: 3, 250: 1},
    "beyond": {30: 6, 100: 3},
    "quiet": {100: 8},
}
"""Tasks of each kind and lifetime."""
TRAININGS = {
    "companion": (CONFIGURATIONS["companion"], COUNTS),
    # returns as they were from the start: what long lives need the estimates for
    "whole-returns": (
        replace(CONFIGURATIONS["companion"], gae_lambda=1.0),
        {"near": {250: 4}},
    ),
}
"""Ways of training, and the tasks of each."""
# as training ends: an agent that loses is shown as it is
_BEST = replace(CONFIGURATIONS["companion"], validation=0, snapshots=0)
_CONSTANT = replace(_BEST, gae_lambda=0.97, gae_lambda_rises=False)
RECIPES = {
    "companion": _BEST,
    "sampled rewards": replace(_BEST, learning_signal="reward"),
    "network as critic": replace(_BEST, critic="network"),
    "lambda 0.97 throughout": _CONSTANT,
    "both of these": replace(_CONSTANT, critic="network"),
    "whole returns": replace(_BEST, gae_lambda=1.0),
    "arms as they come": replace(_BEST, good_arms=0.0),
    "no tremble": replace(_BEST, tremble=0.0),
    "Adam as usual": replace(_BEST, second_decay=0.999),
    "arm's mean as the signal": replace(_BEST, learning_signal="arm-mean"),
    "steps of 0.005": replace(_BEST, learning_rate=0.005),
    "path ends halfway": replace(_BEST, continuation_until=0.5),
    "no path": replace(_BEST, continuation_until=0.0),
    "plain": CONFIGURATIONS["plain"],
}
"""The default with one part left out at a time, and none of them. A critic that is a network is
commonly used with a constant lambda: each of the two is changed alone, and both together."""
NARROW = GaussianBandit(1.7, 0.7, 30, -2.0)
"""What they are compared on, just below the committed edge; it was looked at in choosing."""
NOISY_SEED = 2033
NOISY = {
    "companion": _BEST,
    "sampled rewards": RECIPES["sampled rewards"],
    "steps of 0.005": RECIPES["steps of 0.005"],
    "both of these": replace(_BEST, learning_signal="reward", learning_rate=0.005),
    "plain": CONFIGURATIONS["plain"],
    "plain, posterior mean": replace(CONFIGURATIONS["plain"], learning_signal="posterior-mean"),
}
"""The default with its signal and its step as in plain training, each and both, and plain training
with the signal of the default, on the noisiest of four tasks that another seed draws near the edge
at T = 100: one that chose nothing."""
LIVES = 10_000


def draw(kind: str, lifetime: int, count: int, rng: np.random.Generator) -> list[GaussianBandit]:
    """Draw tasks of a kind: sigma_p log-uniform in [0.7, 3], m = -1 or -2."""
    tasks: list[GaussianBandit] = []
    while len(tasks) < count:
        sigma_p = float(np.exp(rng.uniform(np.log(0.7), np.log(3.0))))
        mean, part = float(rng.choice([-2.0, -1.0])), float(rng.uniform())
        unit = GaussianBandit(sigma_p, 1.0, lifetime, mean)
        committed, adaptive = (
            float(find(unit)) for find in (critical_sigma_l, stopping_critical_sigma_l)
        )
        if not 0 < committed < adaptive < np.inf:
            continue
        if kind == "never":
            noise = adaptive * (1.3 + 1.7 * part)
        elif kind == "beyond":
            noise = adaptive * (1.02 + 0.28 * part)
        elif kind == "away":
            noise = committed * (0.1 + 0.3 * part)
        elif kind == "quiet":
            noise = sigma_p * float(np.exp(np.log(0.03) * (1 - part) + np.log(0.5) * part))
            if not noise < committed:
                continue
        else:
            noise = committed * (0.6 + 0.5 * part)
            if not 0.25 <= noise / adaptive <= 0.6:
                continue
        tasks.append(GaussianBandit(sigma_p, noise, lifetime, mean))
    return tasks


def earn(task: GaussianBandit, config: A2CConfig) -> dict[str, object]:
    """Train agents on a task, and compare each with the optimum on the same lives.

    Returns
    -------
    dict
        The task, its Bayes-optimal ``value``; of each agent, acting greedily, its ``share`` of that
        value with a standard error, 0 if it never pulls; its ``risky_pulls`` in a life; its
        ``validation``, what a life earned before one that loses was made to never pull; what it
        earned on the same lives as training ended, ``last``; and after how many updates it was as
        it is, ``kept``.
    """
    alike = GaussianBandit(
        np.full(len(SEEDS), task.sigma_p), task.sigma_l, task.lifetime, task.mean
    )
    trained = train(alike, SEEDS, config, progress=False)
    measured = shares(trained, LIVES, [SEED, 1])
    value = float(bayes_optimal(task).value)
    found: dict[str, object] = {
        "sigma_p": float(task.sigma_p),
        "sigma_l": float(task.sigma_l),
        "lifetime": int(task.lifetime),
        "mean": float(task.mean),
        "value": value,
        "risky_pulls": measured.risky_pulls.values.tolist(),
    }
    if config.validation:
        names = {"validation": "validation_return", "last": "last_return", "kept": "kept_update"}
        found |= {name: trained.curve[variable].values.tolist() for name, variable in names.items()}
    if value > 0:
        found |= {name: measured[name].values.tolist() for name in ("share", "share_se")}
    return found


def held_out(name: str) -> dict[str, object]:
    """Train in one of the ways on tasks that were drawn for it."""
    rng = np.random.default_rng(SEED)
    config, counts = TRAININGS[name]
    # all are drawn, so that each way meets the same
    chosen = [
        (kind, task)
        for kind, of in COUNTS.items()
        for lifetime, count in of.items()
        for task in draw(kind, lifetime, count, rng)
        if lifetime in counts.get(kind, {})
    ]
    # the longest first
    chosen.sort(key=lambda one: -int(one[1].lifetime))
    rows = Parallel(n_jobs=cpu_count(), verbose=5)(
        delayed(earn)(task, config) for _, task in chosen
    )
    rows = [{"kind": kind} | row for (kind, _), row in zip(chosen, rows, strict=True)]
    return {"config": asdict(config), "rows": rows}


def ablation(task: GaussianBandit, recipes: Mapping[str, A2CConfig]) -> dict[str, object]:
    """Train on one task in each of several ways."""
    rows = Parallel(n_jobs=cpu_count(), verbose=5)(
        delayed(earn)(task, config) for config in recipes.values()
    )
    return {"rows": [{"recipe": name} | row for name, row in zip(recipes, rows, strict=True)]}


def noisiest() -> GaussianBandit:
    """Draw the task of ``NOISY``."""
    drawn = draw("near", 100, 4, np.random.default_rng(NOISY_SEED))
    return max(drawn, key=lambda task: float(task.sigma_l))


def main(*names: str) -> None:
    """Measure what is named, all if nothing is, and store it under its name."""
    for name in names or (*TRAININGS, "ablation", "noisy"):
        if name == "ablation":
            found = ablation(NARROW, RECIPES)
        elif name == "noisy":
            found = ablation(noisiest(), NOISY)
        else:
            found = held_out(name)
        stored = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
        stored[name] = {
            "machine": machine("torch", "numpy"),
            "device": resolve_device("auto"),
            "seeds": SEEDS,
            "lives": LIVES,
        } | found
        write_atomically(OUT, to_json(stored, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
