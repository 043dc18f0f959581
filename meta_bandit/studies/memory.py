"""What *What the memory does* draws, and the numbers that it quotes.

The memory of stored agents is taken to where no life leads: it is pushed, and it is left alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from scipy.special import expit

from meta_bandit.agents import AgentPolicy, TrainedAgents, Watch
from meta_bandit.agents.memory import fixed_points, log_odds, step
from meta_bandit.agents.told import time_input
from meta_bandit.measure import decoded_direction, estimates, held_out_r2, lay_out, raw_inputs
from meta_bandit.policies import Constant
from meta_bandit.studies.facts import Facts, fact, interval_ends
from meta_bandit.theory import bayes_optimal
from meta_bandit.worlds import simulate
from meta_bandit.worlds.bandit import Lives

Array = NDArray[np.float64]
DIRECTIONS = (
    "other rewards",
    "with the estimate",
    "probe's weights",
    "random",
    "random, as memory varies",
)
"""Ways to change memory. No push: all rewards that were seen are moved together, so that the exact
posterior mean moves by the dose. Then pushes of one length: as memory moves with the posterior mean
over lives; along the weights of the probe that reads it off; and two random controls, one free and
one within what else memory varies by."""
HELD = {"safe, paid 0": None, "risky, paid -1": -1.0, "risky, paid 0": 0.0, "risky, paid 1": 1.0}
"""What agents are told at every pull while nothing new is told: rewards in units of reward."""


def some(agents: TrainedAgents, sigma_p: Sequence[float], most: int) -> TrainedAgents:
    """Choose stored agents of some tasks, the first so many of each.

    Raises
    ------
    ValueError
        If there are none of a task.
    """
    chosen = [np.flatnonzero(agents.task.sigma_p == value)[:most] for value in sigma_p]
    for value, own in zip(sigma_p, chosen, strict=True):
        if not own.size:
            known = ", ".join(f"{one:g}" for one in np.unique(agents.task.sigma_p))
            raise ValueError(f"sigma_p = {value}: must be one of {known}")
    return agents[np.concatenate(chosen)]


def watched(agents: TrainedAgents, lives: int, seed: int) -> tuple[Lives, Array, Array]:
    """Show agents lives that always pull the risky arm.

    Returns
    -------
    lives
        Of all agents.
    memory : shape (pulls, agents, 2 units, lives)
        See `AgentPolicy.memory`.
    told : shape (pulls, agents, inputs, lives)
        What they are told before each pull.
    """
    watcher = AgentPolicy(agents, remember=True)
    rng = np.random.default_rng([seed, 1])
    lived = simulate(Watch(Constant(1.0), watcher), agents.task, lives, rng)
    told = raw_inputs(lived).swapaxes(1, 2).copy()
    told[:, :, 0] /= lived.task.per_life.unit
    told[:, :, -1] = _clock(agents, told[:, :, -1])
    return lived, watcher.memory.astype(np.float64), told


def _clock(agents: TrainedAgents, pull: Array) -> Array:
    lifetime = torch.as_tensor(np.broadcast_to(agents.task.lifetime, pull.shape[-2]).copy())
    kind = agents.config.time_feature
    return np.asarray(time_input(kind, torch.as_tensor(pull), lifetime[:, None].double()).numpy())


# --- pushes ---


def pushed(
    agents: TrainedAgents,
    doses: Sequence[float],
    after: int = 5,
    lives: int = 400,
    draws: int = 4,
    onward: int = 10,
    seed: int = 0,
) -> tuple[xr.Dataset, Facts]:
    r"""Push memory as if the posterior mean had been another, and see what agents then do.

    They watch lives that always pull. Of half of them it is learnt how memory moves with the
    posterior mean before pull ``after``; in the other half memory is moved, there, and told the
    next reward. An ideal observer that is moved by a dose d keeps of it, n pulls having been made,

    .. math:: d\,\frac{n \sigma_p^2 + \sigma_l^2}{(n + 1) \sigma_p^2 + \sigma_l^2}

    after one more pull (prop-posterior).

    Parameters
    ----------
    agents
        See `some`.
    doses
        In units of reward, symmetric about 0.
    after
        Pulls seen when memory is pushed, 1 or more.
    lives
        That are watched.
    draws
        Of each random direction.
    onward
        Pulls for which a push is followed.
    seed
        Of lives and directions.

    Returns
    -------
    Dataset
        Over (task, seed, direction, dose): ``risky``, the mean probability of a risky pull at the
        next pull, and ``answer``, the mean log-odds. Over (task, dose): ``exact``, the share of
        the lives in which the Bayes-optimal policy pulls there. Over (task, seed, direction,
        later): ``slope``, by how much the log-odds grow with a small dose, in nats per unit of
        reward, so many pulls later; ``effect``, that over the slope with other rewards: 1, if a
        push counts as much as evidence. ``read`` over (task, seed): held-out R^2 of the posterior
        mean.
    Facts
    """
    lived, memory, told = watched(agents, lives, seed)
    estimate = estimates(lived)
    fit, test = slice(0, None, 2), slice(1, None, 2)
    levels = np.asarray(doses, dtype=np.float64)
    rng = np.random.default_rng([seed, 2])
    task, per_agent = agents.task, []
    # what all rewards must be raised by, to raise the posterior mean by 1
    raised = (after * task.sigma_p**2 + task.sigma_l**2) / (after * task.sigma_p**2)
    raised = raised / np.broadcast_to(task.unit, task.shape)
    for agent in range(len(agents.seeds)):
        begun, heard = memory[after, agent][:, test], told[: after + 1 + onward, agent][..., test]
        pushes = _moves(memory[after, agent][:, fit], estimate[after, agent][fit], draws, rng)
        respond = _Watcher(agents.weights[agent], begun, heard, after, float(raised[agent]))
        per_agent.append(respond.all(pushes, levels))
    data = xr.concat(per_agent, "agent")
    data["effect"] = data.slope / data.slope.sel(direction=DIRECTIONS[0])
    data["read"] = (
        "agent",
        [
            held_out_r2(memory[after : after + 1, i], estimate[after : after + 1, i])
            for i in range(len(agents.seeds))
        ],
    )
    keeps = (after * task.sigma_p**2 + task.sigma_l**2) / (
        (after + 1) * task.sigma_p**2 + task.sigma_l**2
    )
    then = estimate[after + 1][:, None, test] + (keeps[:, None] * levels)[..., None]
    bound = bayes_optimal(task).thresholds[after + 1][:, None, None]
    data["exact"] = ("agent", "dose"), (then >= bound).mean(axis=-1)
    names = task.sigma_p.tolist()
    data = lay_out(data, "agent", task=names, seed=[int(one) for one in agents.seeds])
    data["exact"] = data.exact.mean("seed")
    return data, _push_facts(data) | {
        "after": fact(after, "pulls seen when memory is pushed"),
        "push-lives": fact(lives // 2, "lives in which memory is pushed"),
        "draws": fact(draws, "random directions of each sort, of each agent"),
    }


def _moves(
    memory: Array, estimate: Array, draws: int, rng: np.random.Generator
) -> dict[str, Array]:
    """Pushes by one unit of reward, or as long, shape (draws or 1, 2 units)."""
    weights, pattern = decoded_direction(memory, estimate)
    free = rng.standard_normal((draws, len(pattern)))
    rest = memory - memory.mean(axis=1, keepdims=True)
    rest = rest - np.outer(pattern, estimate - estimate.mean())
    bound = rng.standard_normal((draws, rest.shape[1])) @ rest.T
    ways = (pattern[None], weights[None], free, bound)
    length = np.linalg.norm(pattern)
    long = [length * way / np.linalg.norm(way, axis=1, keepdims=True) for way in ways]
    return dict(zip(DIRECTIONS[1:], long, strict=True))


@dataclass(frozen=True)
class _Watcher:
    """One agent in lives that it watches, to be asked what it would answer.

    Attributes
    ----------
    weights
        Its own.
    begun : shape (2 units, lives)
        Memory before pull ``after``.
    told : shape (pulls, inputs, lives)
    after
        Pull at which memory is pushed.
    raised
        What all rewards are raised by, as it is told them, for a posterior mean 1 higher.
    """

    weights: NDArray[np.float32]
    begun: Array
    told: Array
    after: int
    raised: float

    def pushed(self, shift: Array, pulls: int) -> Array:
        """Log-odds at the next pulls, shape (pulls, lives), once memory was shifted."""
        state, said = self.begun + shift, []
        for told in self.told[self.after + 1 :][:pulls]:
            state = step(self.weights, told, state)
            said.append(log_odds(self.weights, state))
        return np.array(said)

    def paid(self, dose: float, pulls: int) -> Array:
        """The same, had all rewards before been other ones."""
        state = np.zeros_like(self.begun)
        for pull, told in enumerate(self.told[: self.after + 1]):
            other = told.copy()
            other[0] += dose * self.raised * (pull > 0)
            state = step(self.weights, other, state)
        return self.pushed(state - self.begun, pulls)

    def all(self, moves: Mapping[str, Array], doses: Array, small: float = 0.1) -> xr.Dataset:
        """Try all moves in all doses."""
        pulls = len(self.told) - self.after - 1
        found = []
        for name in DIRECTIONS:
            ways: list[Callable[[float, int], Array]] = [self.paid]
            if name in moves:
                ways = [partial(self._along, way) for way in moves[name]]
            said = np.array([[way(dose, 1)[0] for dose in doses] for way in ways])
            ends = np.array([way(small, pulls) - way(-small, pulls) for way in ways])
            found.append(
                {
                    "risky": ("dose", expit(said).mean(axis=(0, -1))),
                    "answer": ("dose", said.mean(axis=(0, -1))),
                    "slope": ("later", (ends / (2 * small)).mean(axis=(0, -1))),
                }
            )
        labels = {"dose": doses, "later": np.arange(1, pulls + 1)}
        each = [xr.Dataset(one, labels) for one in found]
        return xr.concat(each, xr.Variable("direction", list(DIRECTIONS)))

    def _along(self, way: Array, dose: float, pulls: int) -> Array:
        return self.pushed(dose * way[:, None], pulls)


_KEYS = ("paid", "with", "probe", "random", "bound")


def strengths(facts: Facts) -> dict[str, dict[str, str]]:
    """Lay out what each push moves, in parts of what other rewards do: mean and 95% interval."""
    columns = {"at once": "soon", f"{facts['later'].value} pulls later": "late"}
    return {
        direction: {
            title: "{:.2f} ({:.2f} to {:.2f})".format(
                *(facts[f"{key}-{when}{end}"].value for end in ("", "-least", "-most"))
            )
            for title, when in columns.items()
        }
        for key, direction in zip(_KEYS[1:], DIRECTIONS[1:], strict=True)
    }


def _push_facts(data: xr.Dataset) -> Facts:
    facts: Facts = {}
    names = dict(zip(_KEYS, DIRECTIONS, strict=True))
    ends = {"low": data.dose.min(), "none": 0.0, "high": data.dose.max()}
    for task, which in zip(data.task.values, ("first", "last"), strict=False):
        own = data.sel(task=task)
        facts[f"{which}-p"] = fact(task, "sigma_p of the task, reward")
        facts[f"{which}-read"] = fact(own.read.min(), "R^2 of the posterior mean, least agent")
        for key, direction in names.items():
            risky = own.risky.sel(direction=direction).mean("seed")
            for end, dose in ends.items():
                value = risky.sel(dose=dose, method="nearest")
                facts[f"{which}-{key}-{end}"] = fact(value, f"P(risky), dose {end}")
        for end, dose in ends.items():
            value = own.exact.sel(dose=dose, method="nearest")
            facts[f"{which}-exact-{end}"] = fact(value, f"exact share that pulls, dose {end}")
    first = data.isel(task=0)
    for key, direction in names.items():
        for name, later in (("soon", 0), ("late", -1)):
            effect = first.effect.sel(direction=direction).isel(later=later).values
            facts[f"{key}-{name}"] = fact(effect.mean(), "effect, in parts of other rewards'")
            for end, value in zip(("least", "most"), interval_ends(effect), strict=True):
                facts[f"{key}-{name}-{end}"] = fact(value, "its 95% interval over seeds")
    facts["dose"] = fact(data.dose.max(), "largest dose, reward")
    facts["later"] = fact(data.later[-1], "pulls for which a push is followed")
    facts["seeds"] = fact(data.sizes["seed"], "agents of each task")
    return facts


def halves(weights: Array, states: Array, told: Array, pattern: Array) -> list[str]:
    """Say what pushes of both halves of memory do to the next answer, and of each half alone.

    Parameters
    ----------
    weights
        Of an agent.
    states, told : shape (2 units, lives), (inputs, lives)
        Its memory, and what it is told next.
    pattern : shape (2 units,)
        The push of a unit of reward; a tenth of it is made, up and down.
    """
    units, small, lines = len(pattern) // 2, 0.1, []
    for name, part in {"both": slice(None), "h": slice(units), "c": slice(units, None)}.items():
        push = np.zeros_like(pattern)
        push[part] = small * pattern[part]
        low, high = (
            log_odds(weights, step(weights, told, states + sign * push[:, None]))
            for sign in (-1, 1)
        )
        slope = (high - low).mean() / (2 * small)
        lines.append(f"{name}: log-odds for each unit of dose {slope:.2f}")
    return lines


# --- left alone ---


def at_rest(
    agents: TrainedAgents,
    held: int = 300,
    told: Mapping[str, float | None] = HELD,
    seed: int = 0,
) -> tuple[xr.Dataset, Facts]:
    """Find where memory stays while agents are told the same at every pull, halfway through life.

    Parameters
    ----------
    agents
        See `some`.
    held
        Pulls for which memory is iterated. It begins as it is early, midway and late in lives that
        always pull, from the worst arm of 200 to the best.
    told
        By name: what the risky arm paid at every pull, in units of reward; None: the safe arm was
        pulled.
    seed
        Of the lives.

    Returns
    -------
    Dataset
        Over (point), every state that was found to stay: ``answer``, its log-odds; ``size``, the
        largest absolute eigenvalue of the slopes there, ``pulls``, in how many pulls what is off
        it along the slowest direction shrinks by e (NaN where it grows); ``reached``, the share of
        starts that end there; ``task``, ``seed`` and ``told``. Over (task, seed, told):
        ``attracting`` and ``repelling``, how many. Over (task, seed, later): ``read``, held-out R^2
        (0, if less) of the posterior mean after 10 pulls, once so many more have told nothing but
        that the safe arm was pulled.
    Facts
    """
    lived, memory, _ = watched(agents, 200, seed)
    by_arm = lived.arm_mean.argsort(axis=-1)[:, [0, 50, 100, 150, 199]]
    when = np.linspace(2, len(memory) - 1, 4).astype(int)
    clock = _clock(agents, np.full((len(agents.seeds), 1), len(memory) / 2))[:, 0]
    unit = np.broadcast_to(agents.task.unit, agents.task.shape)
    rows = []
    for agent, number in enumerate(agents.seeds):
        begun = np.concatenate([memory[pull, agent][:, by_arm[agent]] for pull in when], axis=1)
        for name, paid in told.items():
            x = _held(paid, float(unit[agent]), float(clock[agent]))
            points, values, ends = fixed_points(agents.weights[agent], x, begun, held)
            answers = log_odds(agents.weights[agent], points.T)
            rows += [
                {
                    "task": float(agents.task.sigma_p[agent]),
                    "seed": int(number),
                    "told": name,
                    "answer": float(answer),
                    "size": float(np.abs(own[0])),
                    "reached": float((ends == point).mean()),
                }
                for point, (answer, own) in enumerate(zip(answers, values, strict=True))
            ]
    data = xr.Dataset({key: ("point", [row[key] for row in rows]) for key in rows[0]})
    inside = data["size"] < 1
    times = -1 / np.log(np.where(inside, data["size"], math.exp(-1)))
    data["pulls"] = "point", np.where(inside, times, np.nan)
    tasks = list(dict.fromkeys(agents.task.sigma_p.tolist()))
    seeds = list(dict.fromkeys(int(one) for one in agents.seeds))
    for kind, chosen in (("attracting", inside), ("repelling", ~inside)):
        counts = [[[int((chosen & (data.task == task) & (data.seed == one) & (data.told == name))
                        .sum()) for name in told] for one in seeds] for task in tasks]  # fmt: skip
        data[kind] = ("of_task", "of_seed", "of_told"), counts
    data = data.assign_coords(of_task=tasks, of_seed=seeds, of_told=list(told))
    kept = _forgotten(agents, lived, memory[10])
    data["later"] = kept.later
    data["read"] = ("of_task", "of_seed", "later"), kept.read.values
    return data, _rest_facts(data)


def rest(facts: Facts) -> dict[str, dict[str, str]]:
    """Lay out the states at rest, of agents that learn and of those that never do."""
    rows = {
        "states that stay, at most": ("most", "d"),
        "agents with two that attract, if the arm pays -1": ("bad-two", "d"),
        "... if it pays 0": ("zero-two", "d"),
        "... if it pays 1": ("good-two", "d"),
        "log-odds where they do not pull": ("leave", ".0f"),
        "log-odds where they pull": ("pull", ".0f"),
        "pulls to shrink by e, median": ("pulls", ".0f"),
        "starts that end pulling, if the arm pays 0 (%)": ("zero-reach", ".0f"),
        "R² after 20 quiet pulls": ("read-20", ".2f"),
        "R² after 80": ("read-80", ".2f"),
    }
    return {
        title: {
            f"{who} (of {facts['seeds'].value})": format(facts[f"{which}-{name}"].value, form)
            for which, who in (("first", "learn"), ("last", "never learn"))
        }
        for title, (name, form) in rows.items()
    }


def _held(paid: float | None, unit: float, clock: float) -> Array:
    return np.array([0.0, 0.0, 1.0, clock] if paid is None else [paid / unit, 1.0, 0.0, clock])


def _forgotten(agents: TrainedAgents, lived: Lives, state: Array) -> xr.Dataset:
    """How well the posterior mean is read off memory after pulls that tell nothing."""
    estimate, read, laters = estimates(lived)[10], [], (0, 5, 10, 20, 40, 80)
    for later in range(max(laters) + 1):
        if later in laters:
            each = [held_out_r2(state[i][None], estimate[i][None]) for i in range(len(state))]
            read.append(np.maximum(each, 0.0))
        pull = np.full((len(state), 1), 11.0 + later)
        quiet = [_held(None, 1.0, float(now[0])) for now in _clock(agents, pull)]
        state = step(agents.weights, np.array(quiet)[:, :, None], state)
    found = xr.Dataset({"read": (("later", "agent"), read)}, {"later": list(laters)})
    names = agents.task.sigma_p.tolist()
    found = lay_out(found, "agent", task=names, seed=[int(one) for one in agents.seeds])
    return found.transpose("task", "seed", "later")


def _rest_facts(data: xr.Dataset) -> Facts:
    facts: Facts = {}
    for task, which in zip(data.of_task.values, ("first", "last"), strict=False):
        own = data.isel(point=np.flatnonzero(data.task == task))
        stable = own.isel(point=np.flatnonzero(own["size"] < 1))
        for key, name in zip(("safe", "bad", "zero", "good"), data.of_told.values, strict=False):
            counts = data.attracting.sel(of_task=task, of_told=name)
            facts[f"{which}-{key}-two"] = fact((counts == 2).sum(), "agents with 2 that attract")
            facts[f"{which}-{key}-one"] = fact((counts == 1).sum(), "agents with 1 that attracts")
            there = stable.isel(point=np.flatnonzero(stable.told == name))
            high = there.isel(point=np.flatnonzero(there.answer > 0))
            facts[f"{which}-{key}-reach"] = fact(
                100 * high.reached.sum() / data.sizes["of_seed"],
                "starts that end where the agent pulls, % of all",
            )
        saddles = own.repelling.sel(of_task=task)
        facts[f"{which}-most"] = fact(
            (own.attracting.sel(of_task=task) + saddles).max(), "most states that stay"
        )
        low = stable.isel(point=np.flatnonzero(stable.answer < 0))
        high = stable.isel(point=np.flatnonzero(stable.answer > 0))
        facts[f"{which}-leave"] = fact(low.answer.mean(), "mean log-odds where it does not pull")
        facts[f"{which}-pull"] = fact(high.answer.mean(), "mean log-odds where it pulls")
        facts[f"{which}-pulls"] = fact(stable.pulls.median(), "median time to shrink by e, pulls")
        facts[f"{which}-slowest"] = fact(stable.pulls.max(), "the longest of them, pulls")
        for later in (0, 20, 80):
            read = data.read.sel(of_task=task, later=later)
            facts[f"{which}-read-{later}"] = fact(read.mean(), f"R^2 after {later} quiet pulls")
    facts["points"] = fact(data.sizes["point"], "states that stay, in all")
    facts["starts"] = fact(len(data.of_task) * len(data.of_seed), "agents")
    return facts
