"""Agents that are raised on many tasks at once, by name, and how their files are made.

A sweep trains an agent on each task; here each agent is dealt a new task for every life, from a
table (`agents.train`). What they are worth is measured by who plays them.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import qmc

from meta_bandit.agents import (
    CONFIGURATIONS,
    A2CConfig,
    AgentPolicy,
    TrainedAgents,
    load_agents,
    save_agents,
    train,
)
from meta_bandit.files import only_one, write_atomically
from meta_bandit.measure import measure
from meta_bandit.metadata import BANDIT, earlier_seconds, explain, made_now
from meta_bandit.sweep.results import ABOUT as SWEEP
from meta_bandit.sweep.results import provenance, to_netcdf
from meta_bandit.theory import bayes_optimal
from meta_bandit.worlds import GaussianBandit, simulate

ABOUT = {
    "title": "Agents raised on many two-armed Gaussian bandits, measured on tasks of theirs",
    "summary": "Each agent, an LSTM trained by A2C (RL^2), was dealt another task in every life, "
    "from a table in the file of weights of this name. Here each lives on some of these tasks, "
    "with its weights frozen: arm 0 is safe and pays 0; arm 1 is risky, its mean mu is drawn once "
    "a life from N(mean, sigma_p^2), and each pull of it pays N(mu, sigma_l^2).",
    "keywords": SWEEP["keywords"],
    "comment": "Attribute lives: lives in which each agent is measured on each task; how many it "
    "plays between two updates of its training, config.lives, is in the file of weights. Agents "
    "that know only a hazard are not told the lifetime that they are measured at. wall_seconds: of "
    "training. The agents are those of the file of weights, in its order.",
}
"""What the dataset of their returns says of itself."""


@dataclass(frozen=True)
class Generalist:
    """Agents that are raised on many tasks, as data.

    Attributes
    ----------
    task
        The table of tasks that each agent is dealt; shape (agents, tasks).
    seeds : length agents
        Where their random numbers come from.
    stages
        How they are trained: each stage begins with the weights that the one before it ended with.
    hazard : length agents
        Probability to die at a pull, if that is the law of their lives.
    """

    task: GaussianBandit
    seeds: tuple[int, ...]
    stages: tuple[A2CConfig, ...]
    hazard: tuple[float, ...] = ()


def log_uniform(shortest: int, longest: int, share: NDArray[np.float64]) -> NDArray[np.int64]:
    r"""Lengths of life whose logarithm is uniform, at given shares of the law.

    .. math:: T = \lfloor a\,((b + 1)/a)^u \rfloor

    Parameters
    ----------
    shortest, longest
        a and b in pulls, both included.
    share : shape (...)
        u in [0, 1).

    Returns
    -------
    shape (...), whole
        In pulls.
    """
    lengths = shortest * ((longest + 1) / shortest) ** np.asarray(share)
    return np.asarray(np.floor(lengths).clip(shortest, longest).astype(np.int64))


def geometric(survival: float, share: NDArray[np.float64]) -> NDArray[np.int64]:
    r"""Lengths of life under a hazard of death, at given shares of their law (prop-hazard).

    .. math:: T = \lceil \ln(1 - u)/\ln \gamma \rceil, \qquad P(T > t) = \gamma^t

    Parameters
    ----------
    survival
        gamma, in (0, 1): the probability to live on after a pull.
    share : shape (...)
        u in (0, 1).

    Returns
    -------
    shape (...), whole
        In pulls.
    """
    return np.asarray(np.ceil(np.log1p(-share) / np.log(survival)).clip(1).astype(np.int64))


def spread_out(lives: int, updates: int) -> NDArray[np.float64]:
    """Shares of a law for a table of so many updates: each update has the whole law.

    Returns
    -------
    shape (lives * updates,)
        The middles of equal slices; of every slice of 1/lives each update has one.
    """
    count = lives * updates
    return ((np.arange(count) + 0.5) / count).reshape(lives, updates).T.ravel()


def every_lifetime(
    seeds: tuple[int, ...],
    stages: tuple[A2CConfig, ...],
    sigma_p: float = 2.0,
    sigma_l: float = 2.0,
    shortest: int = 5,
    longest: int = 400,
) -> Generalist:
    """One task in lives of every length: log-uniform, the same lengths in each update."""
    lengths = log_uniform(shortest, longest, spread_out(stages[0].lives, 1))
    table = GaussianBandit(sigma_p, sigma_l, np.tile(lengths, (len(seeds), 1)))
    return Generalist(table, seeds, stages)


def every_task(
    seeds: tuple[int, ...],
    stages: tuple[A2CConfig, ...],
    updates: int = 8,
    sigma_p: tuple[float, float] = (0.4, 4.0),
    sigma_l: tuple[float, float] = (0.1, 16.0),
    lifetime: tuple[int, int] = (8, 125),
) -> Generalist:
    """The whole plane in lives of many lengths: a table of Sobol points (Sobol 1967).

    sigma_p is uniform, sigma_l and the lifetime are log-uniform between the given ends.
    """
    share = qmc.Sobol(3, seed=0).random(stages[0].lives * updates)
    # a few digits say enough, and keep the file of the agents small
    across = np.round(sigma_p[0] + share[:, 0] * (sigma_p[1] - sigma_p[0]), 3)
    within = np.round(sigma_l[0] * (sigma_l[1] / sigma_l[0]) ** share[:, 1], 3)
    lengths = log_uniform(*lifetime, share[:, 2])
    # the same table for all: an axis of agents in one field is enough
    table = GaussianBandit(across, within, lengths, np.full((len(seeds), 1), -1.0))
    return Generalist(table, seeds, stages)


def every_death(
    seeds: tuple[int, ...],
    stages: tuple[A2CConfig, ...],
    mean_lifetimes: tuple[int, ...] = (10, 25, 60),
    updates: int = 16,
    sigma_p: float = 2.0,
    sigma_l: float = 2.0,
) -> Generalist:
    """One task in lives that may end at any pull: each agent knows one hazard, all seeds of each.

    Agents are ordered by hazard, then by seed. The longest life of a table is the middle of the
    last slice of the law.
    """
    share = spread_out(stages[0].lives, updates)
    lengths = [geometric(1 - 1 / mean, share) for mean in mean_lifetimes for _ in seeds]
    table = GaussianBandit(sigma_p, sigma_l, np.stack(lengths))
    hazard = tuple(1 / mean for mean in mean_lifetimes for _ in seeds)
    return Generalist(table, seeds * len(mean_lifetimes), stages, hazard)


# Raised first as any agent is, from lives in which trying costs nothing. Few of the pulls of an
# update are first ones, and little is at stake in tasks where the first should be left: so then
# once more, with the advantages of every task in units of their own
_FIRST = replace(CONFIGURATIONS["plain"], lives=128, time_feature="log-remaining", updates=1000)
_THEN = replace(_FIRST, normalise_advantages="task", continuation_until=0.0, learning_rate=2e-3)
_TOLD = tuple(
    replace(stage, task_context=True, updates=updates)
    for stage, updates in ((_FIRST, 1200), (_THEN, 1500))
)
_UNTOLD = replace(_FIRST, time_feature="none", lives=64, updates=800)
GENERALISTS = {
    "every-lifetime": every_lifetime((0, 1, 2), (_FIRST, _THEN)),
    "every-task": every_task((0, 1, 2), _TOLD),
    "every-death": every_death((0, 1, 2), (_UNTOLD,)),
}
"""By name: ``every-lifetime``, one task in lives of 5 to 400 pulls; ``every-task``, the whole
plane; ``every-death``, told nothing of the time, in lives that may end at any pull."""


def raise_agents(
    generalist: Generalist,
    device: str = "auto",
    checkpoint: Path | None = None,
    every: float = 30.0,
) -> TrainedAgents:
    """Train agents through all stages.

    Parameters
    ----------
    generalist
        What to train.
    device
        ``"cpu"``, ``"cuda"``, or ``"auto"``: CUDA where there is one.
    checkpoint
        File that holds the state, beside it one of every later stage (``.1``, ``.2``, ...): after a
        stop of any kind the same call goes on from there.
    every
        Seconds between two checkpoints.

    Returns
    -------
    TrainedAgents
        Its config is that of the last stage.
    """
    initial = None
    for number, config in enumerate(generalist.stages):
        at = checkpoint and checkpoint.with_name(
            f"{checkpoint.name}{f'.{number}' if number else ''}"
        )
        trained = train(
            generalist.task,
            generalist.seeds,
            config,
            device,
            checkpoint=at,
            every=every,
            initial=initial,
        )
        initial = trained.weights
    return trained


def run_generalist(
    generalist: Generalist, out: Path, device: str = "auto", every: float = 30.0
) -> TrainedAgents:
    """Train the agents and write them to one file, or read the file if it is there.

    Beside it a dataset says what they earn, see `measure_generalist`: its name ends in ``.nc``.

    Parameters
    ----------
    generalist
        What to train.
    out
        File to make (safetensors), without learning curves; ``curve.attrs`` says where it came
        from. Checkpoints lie beside it while it is made.
    device, every
        See `raise_agents`.

    Raises
    ------
    ValueError
        If the file or a checkpoint is there and of something else.
    """
    if out.exists():
        return _finished(generalist, out)
    with only_one(out):
        if out.exists():  # since a moment ago
            return _finished(generalist, out)
        checkpoint = out.with_name(f"{out.name}.checkpoint")
        beside = out.with_name(f"{out.stem}.nc")
        if beside == out or (beside.exists() and not checkpoint.exists()):
            raise ValueError(
                f"out = {out}: their returns go to {beside}: must be another, new file"
            )
        started, about = time.perf_counter(), made_now()
        resumed = checkpoint.exists()
        clock = out.with_name(f"{checkpoint.name}.clock")
        before = earlier_seconds(clock, out.parent.glob(f"{checkpoint.name}*"))
        trained = raise_agents(generalist, device, checkpoint, every)
        curve = trained.curve
        curve = curve.drop_vars([name for name in curve if "update" in curve[name].dims])
        if generalist.hazard:
            curve["hazard"] = "agent", np.array(generalist.hazard)
        curve.attrs |= about | {
            "stages": _in_json(generalist),
            "wall_seconds": before + time.perf_counter() - started,
            "resumed": int(resumed),
        }
        kept = replace(trained, curve=curve)
        write_atomically(beside, to_netcdf(measure_generalist(kept)))
        save_agents(kept, out)
        for made in out.parent.glob(f"{checkpoint.name}*"):
            made.unlink()
        return kept


def _finished(generalist: Generalist, out: Path) -> TrainedAgents:
    """Read agents that are made, and refuse any others."""
    found = load_agents(out)
    if not is_from(found, generalist):
        raise ValueError(f"{out}: exists, and holds other agents than these")
    return found


def measure_generalist(trained: TrainedAgents, lives: int = 1000, most: int = 100) -> xr.Dataset:
    """Measure greedy agents on tasks of their tables, one after the other.

    Parameters
    ----------
    trained
        The agents.
    lives
        Lives for each agent and task.
    most
        Of more different tasks than these, so many, evenly along their order by lifetime.

    Returns
    -------
    Dataset over (agent, task)
        Of `measure.measure`; ``bayes_value`` and ``bayes_error`` of each task.
    """
    table = {name: values.ravel() for name, values in trained.task.full.items()}
    names = ("lifetime", "sigma_p", "sigma_l", "mean")
    every = np.unique(np.stack([table[name] for name in names], axis=1), axis=0)
    chosen = every[np.unique(np.linspace(0, len(every) - 1, most).round().astype(int))]
    columns = dict(zip(names, chosen.T, strict=True))
    tasks = GaussianBandit(**columns)
    parts = []
    for number in range(len(chosen)):
        alike = tasks[np.full(len(trained.seeds), number)]
        lived = simulate(AgentPolicy(trained), alike, lives, np.random.default_rng(number))
        parts.append(measure(lived, ["agent"]))
    dataset = xr.concat(parts, "task").transpose("agent", "task")
    best = bayes_optimal(tasks)
    dataset["bayes_value"], dataset["bayes_error"] = ("task", best.value), ("task", best.error)
    dataset = dataset.assign_coords({name: ("task", column) for name, column in columns.items()})
    dataset = dataset.assign_coords(seed=("agent", trained.seeds.astype(np.int32)))
    if "hazard" in trained.curve:
        dataset = dataset.assign_coords(hazard=("agent", trained.curve.hazard.values))
    dataset.attrs = provenance(trained.curve.attrs) | {"lives": lives, "policy": "greedy"}
    return explain(dataset, BANDIT, **ABOUT)


def is_from(trained: TrainedAgents, generalist: Generalist) -> bool:
    """Tell whether agents of `run_generalist` were trained as this says."""
    try:
        # a setting that is newer than the file has its default
        stages = [A2CConfig(**stage) for stage in json.loads(trained.curve.attrs["stages"])]
    except (KeyError, TypeError, ValueError):
        return False
    return (
        trained.task == generalist.task
        and trained.seeds.tolist() == list(generalist.seeds)
        and stages == list(generalist.stages)
    )


def _in_json(generalist: Generalist) -> str:
    return json.dumps([asdict(config) for config in generalist.stages])
