"""Meta-training from task to trained agents: the loop, its checks and its learning curves."""

from __future__ import annotations

import ctypes
import functools
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from tqdm import tqdm

from meta_bandit.agents.a2c import ROLLOUTS, Trainer
from meta_bandit.agents.checkpoint import load_progress, made_from, save_progress
from meta_bandit.agents.config import CONFIGURATIONS, A2CConfig
from meta_bandit.agents.native import library
from meta_bandit.agents.trained import TrainedAgents
from meta_bandit.files import to_json
from meta_bandit.worlds.task import AnyTask


def train(
    task: AnyTask,
    seeds: Sequence[int],
    config: A2CConfig | None = None,
    device: str = "auto",
    progress: bool | Callable[[int], None] = True,
    threads: int = 1,
    checkpoint: Path | None = None,
    every: float = 60.0,
    initial: NDArray[np.float32] | None = None,
    learner: type[Trainer] = Trainer,
) -> TrainedAgents:
    r"""Meta-train one agent on each task of any world, all side by side.

    Each update plays lives with sampled actions and descends, for each agent,

    .. math:: \frac1{TB} \sum_{t, \text{lives}} \Bigl[-\hat A_t \log \pi_t(a_t)
        - \beta H(\pi_t) + \tfrac{\kappa}{2} (v_t - \hat R_t)^2\Bigr]

    with :math:`\beta` and :math:`\kappa` the weights of `A2CConfig`, and the advantages and returns
    of `a2c.advantages`, each life weighed where `A2CConfig.good_arms` says so. The last term is
    there only with the network as critic; on bandits returns are by default compared with
    `baseline.Baseline` instead (`A2CConfig.critic`).

    At the end agents are validated (`A2CConfig.validation`): by default an agent is handed over as
    it was at its best, of ten states of its training and the last one (`A2CConfig.snapshots`), and
    one that loses on the bandit it was trained for as one that never pulls.

    An agent's result depends on its task,
    its seed, the configuration and the kind of machine, not on the agents beside it: on a CPU with
    one thread bit for bit if the lives are a multiple of 64. Otherwise an agent's numbers may fall
    into the rest that is left over when all are computed in vectors, and then differ in the last
    bit.

    Parameters
    ----------
    task : shape (agents,) or (agents, tasks)
        One task of a world in `a2c.ROLLOUTS` for each agent; or a table of them, of which the
        lives of each update are dealt the next ones in turn, from the start again after the last.
        Its length must be a multiple of ``config.lives``. Lifetimes may differ.
    seeds : length agents
        Whole numbers in [0, 2^64). Agents with the same seed begin with the same weights and meet
        the same random numbers.
    config
        How to train; by default as the world's ``default`` in `a2c.ROLLOUTS` says.
    device
        ``"cpu"``; ``"native"``: a CPU, with what takes long compiled from C (`native`; on lives
        that are no multiple of 16 as ``"cpu"``); ``"cuda"``; or ``"auto"``: CUDA where there is
        one, else native where there is a C compiler, else the CPU. On CUDA the whole update is one
        CUDA graph, or, where that cannot be recorded, a RuntimeWarning says so; the curve's
        attribute ``cuda_graph`` keeps which it was.
    progress
        Show a bar where standard error is a terminal; or a function, called with the number of
        updates made after each.
    threads
        Threads for the arithmetic on a CPU. Use processes to fill more cores.
    checkpoint
        File that holds the state of the run. If it is there the run goes on from it, and ends with
        the numbers that it would have had without a stop. It is there at the end too.
    every
        Seconds between two writings of the checkpoint, >= 0; 0 for each update.
    initial : shape (agents, inputs + 1 + units, 4 units + logits + 1)
        Weights to begin with instead of random ones, such as those of other trained agents. The
        optimiser and the schedules start afresh; rewards reach the agents in the unit of these
        tasks.
    learner
        What makes an update; a subclass may play lives or judge them in another way.

    Returns
    -------
    TrainedAgents
        An agent whose gradient stops being finite keeps the weights it then had; a RuntimeWarning
        names it and its task.

    Raises
    ------
    ValueError
        If the world, the shape of the task, the configuration, the seeds, the device or the initial
        weights do not fit, or the checkpoint is damaged or of another run.
    """
    if type(task) not in learner.rollouts:
        known = ", ".join(world.__name__ for world in learner.rollouts)
        raise ValueError(f"task: {type(task).__name__}: agents are trained on {known}")
    if config is None:
        config = CONFIGURATIONS[ROLLOUTS[type(task)].default]
    seeds = _check(task, seeds, config)
    if not every >= 0:
        raise ValueError(f"every = {every}: must be a number of seconds >= 0")
    place = resolve_device(device)
    source = made_from(task, seeds, config, place, initial)
    if learner is not Trainer:
        source["learner"] = learner.__name__
    keep_memory()
    with torch_threads(threads), torch.inference_mode():
        where = torch.device("cuda" if place == "cuda" else "cpu")
        trainer = learner(task, seeds, config, where, native=place == "native")
        if initial is not None:
            wanted = tuple(trainer.net.weights.shape)
            if initial.shape != wanted:
                raise ValueError(f"initial: weights of shape {initial.shape}: must be {wanted}")
            trainer.net.weights.copy_(torch.from_numpy(initial))
        done, before = 0, 0.0
        if checkpoint is not None and checkpoint.exists():
            done, before = load_progress(checkpoint, trainer, source)
        if place == "cuda":
            _record(trainer)
        started = saved = time.perf_counter()
        bar = tqdm(
            range(done, config.updates),
            desc=f"{len(seeds)} agents",
            unit="update",
            initial=done,
            total=config.updates,
            disable=None if progress is True else True,
        )
        for update in bar:
            trainer.update(update)
            now = time.perf_counter()
            last = update == config.updates - 1
            if checkpoint is not None and (last or now - saved >= every):
                save_progress(
                    checkpoint, trainer, source, update + 1, seconds=before + now - started
                )
                saved = time.perf_counter()
            if callable(progress):
                progress(update + 1)
        validated = trainer.validate() if config.validation else {}
        found = {name: values.cpu().numpy() for name, values in validated.items()}
        weights = trainer.net.weights.cpu().numpy()  # waits for the device
        seconds = before + time.perf_counter() - started
    curve = _curve(trainer, task, seeds, config, seconds)
    for name, values in found.items():
        units = "updates" if name == "kept_update" else "reward"
        curve[name] = "agent", values, {"units": units}
    return TrainedAgents(task, np.array(seeds, dtype=np.uint64), config, weights, curve)


def _record(trainer: Trainer) -> None:
    """Record the update as a CUDA graph, or say that it could not be."""
    try:
        trainer.record()
    except RuntimeError as error:
        warnings.warn(
            f"the update could not be recorded as a CUDA graph, and runs without: {error}",
            RuntimeWarning,
            stacklevel=3,
        )


def _check(task: AnyTask, seeds: Sequence[int], config: A2CConfig) -> list[int]:
    """Check that each agent has its tasks and a valid seed; returns the seeds as plain integers."""
    if len(task.shape) not in (1, 2) or task.shape[0] != len(seeds) or not len(seeds):
        raise ValueError(
            f"task: shape {task.shape} with {len(seeds)} seeds: must be (agents,) or (agents, "
            "tasks), one seed for each agent"
        )
    if len(task.shape) == 2 and (task.shape[1] == 0 or task.shape[1] % config.lives):
        raise ValueError(
            f"task: {task.shape[1]} tasks for each agent: must be a multiple of the "
            f"{config.lives} lives of an update"
        )
    for seed in seeds:
        if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
            raise ValueError(f"seed = {seed}: must be a whole number in [0, 2^64)")
    return [int(seed) for seed in seeds]


def resolve_device(name: str) -> str:
    """Resolve ``"auto"`` and refuse what is not there."""
    if name not in ("auto", "cpu", "native", "cuda"):
        raise ValueError(f"device = {name!r}: must be one of auto, cpu, native, cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device = 'cuda': torch finds no CUDA device here; use 'cpu' or 'auto'")
    if name == "native" and library() is None:
        raise ValueError(
            "device = 'native': needs a C compiler (cc) and a processor with AVX2; use 'cpu'"
        )
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "native" if library() else "cpu"
    return name


@functools.cache
def keep_memory() -> None:
    """Have freed memory kept, where the C library is glibc (mallopt(3)).

    Else each medium tensor is mapped anew and given back, which costs more than its arithmetic.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        trim_threshold, mmap_threshold, most = -1, -3, 2**30
        mallopt(trim_threshold, most)
        mallopt(mmap_threshold, most)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Compute with so many threads, then as before."""
    if count < 1:
        raise ValueError(f"threads = {count}: must be a whole number >= 1")
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _curve(
    trainer: Trainer,
    task: AnyTask,
    seeds: Sequence[int],
    config: A2CConfig,
    seconds: float,
) -> xr.Dataset:
    """Label the learning curves and warn of agents that diverged."""
    curve = xr.Dataset(coords={"update": np.arange(config.updates)})
    for name, units in trainer.lives.noted.items():
        curve[name] = (("agent", "update"), trainer.curves[name].T.cpu().numpy(), {"units": units})
    if len(task.shape) == 1:
        for name, values in task.full.items():
            curve[name] = "agent", values
    curve["seed"] = ("agent", np.array(seeds, dtype=np.uint64))
    alive = trainer.alive.cpu().numpy()
    diverged_at = np.where(alive.all(axis=0), -1, alive.argmin(axis=0))
    curve["diverged_at"] = ("agent", diverged_at)
    for agent in np.flatnonzero(diverged_at >= 0).tolist():
        own = [
            f"{name} = {curve[name].values[agent]:g}"
            for name in ("sigma_p", "sigma_l")
            if name in curve
        ]
        warnings.warn(
            f"agent {agent} ({', '.join([*own, f'seed = {seeds[agent]}'])}) diverged: its gradient "
            f"was not finite at update {diverged_at[agent]}; it keeps the weights it had then",
            RuntimeWarning,
            stacklevel=3,
        )
    lifetimes = np.broadcast_to(task.lifetime, task.shape).reshape(len(seeds), -1)
    pulls = float(lifetimes.mean(axis=-1).sum()) * config.lives * config.updates
    curve.attrs = {
        "config": to_json(asdict(config)),
        "device": "native" if trainer.native else trainer.net.weights.device.type,
        "torch": torch.__version__,
        # 1: the update was recorded and replayed; 0: it was not, as on every CPU
        "cuda_graph": int(trainer.graph is not None),
        "seconds": seconds,
        "pulls_per_second": pulls / seconds,
    }
    return curve
