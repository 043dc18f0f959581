"""What trained agents earn: ``plain`` on nine tasks, five seeds each, beside exact optima."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from joblib import Parallel, cpu_count, delayed
from numpy.typing import NDArray

from meta_bandit import GaussianBandit
from meta_bandit.agents import CONFIGURATIONS, A2CConfig, AgentPolicy, train
from meta_bandit.measure import measure
from meta_bandit.theory import bayes_optimal, full_information_value, optimal_commit
from meta_bandit.worlds import simulate

LEARNING = ((1.0, 0.1), (1.0, 0.5), (1.5, 1.0), (2.0, 2.0), (2.0, 4.0), (3.0, 8.0))
NEVER = ((0.3, 1.0), (0.5, 4.0), (1.0, 8.0))
SEEDS = tuple(range(5))
LIFETIME = 100
AT_ONCE = 5_000
"""Lives that are played at once, for memory's sake."""
LEAST, LEAST_MEAN, LOSS, BUDGET = 0.95, 0.97, -0.02, 20e6


def returns(
    config: A2CConfig, lives: int, store: Callable[[Mapping[str, object]], None]
) -> list[dict[str, object]]:
    """Train, play greedily, store what each agent earns, and compare with the bars."""
    pairs = np.array(LEARNING + NEVER)
    cells = np.repeat(pairs, len(SEEDS), axis=0)
    seeds = np.tile(SEEDS, len(pairs))
    shares = np.array_split(np.arange(len(cells)), cpu_count())
    parts = Parallel(n_jobs=len(shares))(
        delayed(earn)(cells[share], seeds[share].tolist(), config, lives) for share in shares
    )
    earned, error, pulls = (
        np.concatenate(part).reshape(len(pairs), len(SEEDS)) for part in zip(*parts, strict=True)
    )
    tasks = GaussianBandit(pairs[:, 0], pairs[:, 1], LIFETIME)
    best, committed = bayes_optimal(tasks).value, optimal_commit(tasks)[1]
    rows = [
        {
            "sigma_p": pair[0],
            "sigma_l": pair[1],
            "bayes_optimal": float(best[i]),
            "committed": float(committed[i]),
            "return": earned[i].tolist(),
            "return_se": error[i].tolist(),
            "risky_pulls": pulls[i].tolist(),
        }
        for i, pair in enumerate(pairs.tolist())
    ]
    learning = slice(len(LEARNING))
    share = earned[learning] / best[learning, None]
    margin = (earned[learning] - committed[learning, None]).min()
    steps = config.updates * config.lives * LIFETIME
    found = [
        ("least mean of a task, of Bayes-optimal", share.mean(axis=1).min(), LEAST),
        ("mean of tasks, of Bayes-optimal", share.mean(), LEAST_MEAN),
        ("worst agent, of Bayes-optimal", share.min(), None),
        ("worst agent, above the committed plan", margin, 0.0),
        ("worst agent where not learning is optimal", earned[len(LEARNING) :].min(), LOSS),
        ("million pulls of an agent (at most)", -steps / 1e6, -BUDGET / 1e6),
    ]
    bars = [
        {
            "what": what,
            "measured": abs(measured) if "at most" in what else float(measured),
            "bar": least if least is None else abs(least) if "at most" in what else least,
            "met": None if least is None else bool(measured >= least),
        }
        for what, measured, least in found
    ]
    store({"lives": lives, "updates": config.updates, "rows": rows, "bars": bars})
    return bars


def earn(
    cells: NDArray[np.float64], seeds: list[int], config: A2CConfig, lives: int
) -> tuple[NDArray[np.float64], ...]:
    """Train agents and play; returns their return, its standard error and their risky pulls.

    The return is what full information would earn less the regret, which has the smaller error of
    the two ways to measure it; an agent that never pulls earns 0 exactly.
    """
    task = GaussianBandit(cells[:, 0], cells[:, 1], LIFETIME)
    trained = train(task, seeds, config, "cpu", progress=False)
    informed = full_information_value(task)
    values, squares, pulls = [], [], []
    for part in range(max(1, lives // AT_ONCE)):
        rng = np.random.default_rng([part])
        played = simulate(AgentPolicy(trained), task, min(lives, AT_ONCE), rng)
        measured = measure(played, ["agent"])
        values.append(informed - measured.regret.values)
        squares.append(measured.regret_se.values**2)
        pulls.append(played.risky_pulls.mean(axis=-1))
    error = np.sqrt(np.mean(squares, axis=0) / len(squares))
    risky = np.mean(pulls, axis=0)
    never = risky == 0
    mean = np.where(never, 0.0, np.mean(values, axis=0))
    return mean, np.where(never, 0.0, error), risky


CONFIG = CONFIGURATIONS["plain"]
