"""Walks of the prior mean across the edge and back, at several rates: whether the loop closes.

The walk is that of *Many optima*: agents that keep training while the prior mean falls in steps,
and while it rises again. Here it is made again and again, each time slower.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from meta_bandit import GaussianBandit
from meta_bandit.agents import (
    CONFIGURATIONS,
    A2CConfig,
    TrainedAgents,
    load_agents,
    save_agents,
    train,
)
from meta_bandit.studies.facts import Facts, fact, interval
from meta_bandit.studies.many_optima import walked

Array = NDArray[np.float64]
_PLAIN = CONFIGURATIONS["plain"]


@dataclass(frozen=True)
class Walk:
    """A walk of the prior mean, down and back up.

    Attributes
    ----------
    updates
        Updates at each stop; the first training, at a prior mean of 0, takes ``first``, and the
        one at the turn four times a stop's.
    walkers
        Agents; they keep their seeds, and so their first training, at all rates.
    lowest, highest, step
        Prior means at which the walk turns and ends, and between two stops; units of reward.
    sigma_p, sigma_l, lifetime
        The rest of the task; units of reward, and pulls.
    seed
        Of the first walker's first training.
    config
        How agents are trained, but for the updates.
    """

    updates: int
    walkers: int = 10
    first: int = 160
    lowest: float = -1.5
    highest: float = 0.25
    step: float = 0.25
    sigma_p: float = 1.0
    sigma_l: float = 1.0
    lifetime: int = 30
    seed: int = 0
    config: A2CConfig = field(
        default=replace(
            _PLAIN,
            continuation_until=0.0,
            learning_rate=0.6 * _PLAIN.learning_rate,
            learning_rate_hold=1.0,
            entropy_until=1.0,
        )
    )

    @property
    def stops(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Prior means on the way down, from 0, and up."""
        down = np.round(np.arange(0.0, self.lowest - self.step / 2, -self.step), 6)
        up = np.round(np.arange(self.lowest, self.highest + self.step / 2, self.step), 6)
        return down, up

    def trainings(self) -> Iterator[tuple[str, float, int, int]]:
        """Say what follows what: a name, the prior mean, updates, and the first agent's seed."""
        down, up = self.stops
        yield "start", 0.0, self.first, self.seed
        for number, m in enumerate(down):
            yield f"down-{number}", m, self.updates, self.seed + 10_000 + 100 * number
        yield "turn", self.lowest, 4 * self.updates, self.seed + 20_000
        for number, m in enumerate(up):
            yield f"up-{number}", m, self.updates, self.seed + 30_000 + 100 * number


def go(walk: Walk, folder: Path | None = None) -> tuple[list[TrainedAgents], list[TrainedAgents]]:
    """Train walkers from stop to stop.

    Parameters
    ----------
    walk
        Which walk.
    folder
        Where the agents of each stop are kept: what is there is not trained again.

    Returns
    -------
    falling, rising
        The agents after each stop of either way.
    """
    weights: NDArray[np.float32] | None = None
    ways: dict[str, list[TrainedAgents]] = {"start": [], "down": [], "turn": [], "up": []}
    for name, m, updates, first in walk.trainings():
        # all rates have the first training in common
        own = name if name == "start" else f"{walk.updates}-{name}"
        kept = None if folder is None else folder / f"{own}.safetensors"
        if kept is not None and kept.exists():
            agents = load_agents(kept)
        else:
            task = GaussianBandit(np.full(walk.walkers, walk.sigma_p), walk.sigma_l,
                                  walk.lifetime, m)  # fmt: skip
            seeds = [first + number for number in range(walk.walkers)]
            config = replace(walk.config, updates=updates)
            agents = train(task, seeds, config, "cpu", initial=weights, progress=False)
            if kept is not None:
                save_agents(agents, kept)
        weights = agents.weights
        ways[name.partition("-")[0]].append(agents)
    return ways["down"], ways["up"]


def lived(walk: Walk, entropy: float, lives: int) -> tuple[xr.Dataset, Facts]:
    """Walk here and now, and look at the walkers after each stop, as *Many optima* does.

    Parameters
    ----------
    walk
        Which walk; both ways are compared halfway down.
    entropy
        Weight of the entropy at the start of each training, nats a pull.
    lives
        In which each agent is looked at, with sampled actions.

    Returns
    -------
    Dataset
        What `many_optima.walked` gives.
    Facts
        Its facts, and the walk.
    """
    ways = go(replace(walk, config=replace(walk.config, entropy=entropy)))
    steps, facts = walked(*ways, lives, walk.seed, walk.lowest / 2)
    return steps, facts | {
        "seed": fact(walk.seed, "of the first walker and of all lives"),
        "walkers": fact(walk.walkers, "agents that walk"),
        "walk-p": fact(walk.sigma_p, "sigma_p of the walk, reward"),
        "walk-l": fact(walk.sigma_l, "sigma_l of the walk, reward"),
        "walk-lifetime": fact(walk.lifetime, "lifetime of the walk, pulls"),
        "walk-lives": fact(f"{lives:,}", "lives in which each agent is looked at"),
        "lowest": fact(walk.lowest, "prior mean at which the walk turns, reward"),
        "step": fact(walk.step, "of the prior mean, between two stops, reward"),
        "brief": fact(walk.updates, "updates at each stop"),
    }


def measured(
    walks: Mapping[int, tuple[list[TrainedAgents], list[TrainedAgents]]], lives: int, seed: int = 0
) -> dict[str, Any]:
    """Look at walkers after each stop, as many_optima.walked does; what JSON can say.

    Parameters
    ----------
    walks
        Of each number of updates, the agents of both ways, see `go`.
    lives
        In which each agent is looked at, with sampled actions.
    seed
        Of those lives.
    """
    rows = []
    for updates, (falling, rising) in walks.items():
        steps, _ = walked(falling, rising, lives, seed)
        row: dict[str, Any] = {"updates": updates}
        for way in ("down", "up"):
            row[f"mean_{way}"] = steps[f"mean_{way}"].values.tolist()
            for name in ("pulls", "return"):
                row[f"{name}_{way}"] = steps[f"{name}_{way}"].values.round(4).tolist()
        rows.append(row)
    return {"lives": lives, "edges": dict(steps.attrs), "rows": rows}


def loops(stored: Mapping[str, Any], enough: float = 1.0) -> tuple[xr.Dataset, Facts]:
    """Say where walkers stop pulling and where they pull again, at each rate of the walk.

    Parameters
    ----------
    stored
        What `benchmarks.hysteresis` wrote: ``walk`` and what `measured` returns.
    enough
        Risky pulls of a life, on average, from which on an agent is said to pull.

    Returns
    -------
    Dataset
        Over (updates, walker): ``fell``, the prior mean at which it stops to pull on its way down,
        and ``back``, at which it pulls again, both interpolated between two stops; ``returned``,
        whether it pulls again before the walk ends: if not, ``back`` is the last prior mean, and
        all that is known is that it is further. Over (updates, down or up, walker): ``share_down``
        and ``share_up``, risky pulls over the lifetime. Attributes ``commit_edge`` and
        ``bayes_edge``.
    Facts
    """
    rows, lifetime = stored["rows"], stored["walk"]["lifetime"]
    found: dict[str, list[Any]] = {name: [] for name in ("fell", "back", "returned")}
    for row in rows:
        down, up = np.array(row["mean_down"]), np.array(row["mean_up"])
        fell = [crossing(down, pulls, enough) for pulls in np.transpose(row["pulls_down"])]
        back = [crossing(up, pulls, enough) for pulls in np.transpose(row["pulls_up"])]
        found["fell"].append([down[-1] if m is None else m for m in fell])
        found["back"].append([up[-1] if m is None else m for m in back])
        found["returned"].append([m is not None for m in back])
    data = xr.Dataset(
        {
            **{name: (("updates", "walker"), values) for name, values in found.items()},
            **{
                f"share_{way}": (
                    ("updates", way, "walker"),
                    np.array([row[f"pulls_{way}"] for row in rows]) / lifetime,
                )
                for way in ("down", "up")
            },
        },
        {
            "updates": [row["updates"] for row in rows],
            "mean_down": ("down", rows[0]["mean_down"]),
            "mean_up": ("up", rows[0]["mean_up"]),
        },
        stored["edges"],
    )
    return data, _loop_facts(data, stored)


def crossing(mean: Array, pulls: Array, enough: float) -> float | None:
    """Where a walker's pulls first cross a number on its way; None if they never do.

    Parameters
    ----------
    mean, pulls : shape (stops,)
        In the order of the walk; interpolated between two stops.
    enough
        The number. A walker that is across it at the first stop crosses there.
    """
    across = (pulls > enough) if mean[-1] > mean[0] else (pulls < enough)
    if not across.any():
        return None
    at = int(across.argmax())
    if at == 0:
        return float(mean[0])
    way = (enough - pulls[at - 1]) / (pulls[at] - pulls[at - 1])
    return float(mean[at - 1] + way * (mean[at] - mean[at - 1]))


def _loop_facts(data: xr.Dataset, stored: Mapping[str, Any]) -> Facts:
    walk = stored["walk"]
    slow = data.isel(updates=-1)
    facts = {
        "loop-walkers": fact(data.sizes["walker"], "walkers at each rate"),
        "loop-rates": fact(data.sizes["updates"], "rates"),
        "loop-all": fact(data.returned.size, "walks at all rates"),
        "loop-returned": fact(data.returned.sum(), "of these, those on which they pull again"),
        "loop-first-back": fact(data.back.min(), "least prior mean at which one does, reward"),
        "loop-lifetime": fact(walk["lifetime"], "pulls in a life"),
        "loop-step": fact(walk["step"], "step of the prior mean, reward"),
        "loop-lowest": fact(walk["lowest"], "where the walk turns, reward"),
        "loop-highest": fact(walk["highest"], "where it ends, reward"),
        "loop-p": fact(walk["sigma_p"], "sigma_p, reward"),
        "loop-l": fact(walk["sigma_l"], "sigma_l, reward"),
        "loop-lives": fact(stored["lives"], "lives in which each agent is looked at"),
        "loop-commit-edge": fact(data.attrs["commit_edge"], "prior mean of the edge of plans"),
        "loop-bayes-edge": fact(data.attrs["bayes_edge"], "prior mean of the adaptive edge"),
        "slow-narrowest": fact((slow.back - slow.fell).min(), "narrowest loop, slowest, reward"),
    }
    for name, place in (("fast", 0), ("slow", -1)):
        row = data.isel(updates=place)
        middle, half = interval(row.fell)
        facts |= {
            f"{name}-updates": fact(row.updates, "updates at each stop"),
            f"{name}-fell": fact(middle, "prior mean at which they stop pulling, mean"),
            f"{name}-fell-half": fact(half, "half of its 95% interval"),
            f"{name}-returned": fact(row.returned.sum(), "walkers that pull again"),
        }
    return facts
