"""What the chapter *Lives of another length* draws, and the numbers that it quotes.

Each part of the chapter has a function that makes a dataset and facts of how stored agents live:
in lives of other lengths, and with clocks that were tampered with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple, get_args

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from meta_bandit import GaussianBandit
from meta_bandit.agents import CONFIGURATIONS, AgentPolicy, TrainedAgents, train
from meta_bandit.measure import controlled_mean, measure
from meta_bandit.policies import Stopping, foreign_thresholds
from meta_bandit.policies.bandit import Clock
from meta_bandit.studies.facts import Facts, fact, interval
from meta_bandit.studies.results import stored_agents
from meta_bandit.theory import bayes_optimal
from meta_bandit.worlds import simulate
from meta_bandit.worlds.bandit import Policy

CLOCKS: tuple[Clock, ...] = get_args(Clock)
"""What agents are told of the time: one study, ``lifetimes-CLOCK``, for each."""
OFF_DIAGONAL = ("longer", "shorter")
AGENTS, EXACT = "agents", "specialists"
Teams = Mapping[Clock, TrainedAgents]


class Budget(NamedTuple):
    """How many lives are played, and which.

    Attributes
    ----------
    seed
        Of the lives; whole number.
    pulls, fewest
        Pulls that each policy plays at each lifetime, but at least so many lives.
    """

    seed: int = 0
    pulls: int = 60_000
    fewest: int = 250

    def lives(self, lifetime: int, times: int = 1) -> int:
        """Count the lives of a lifetime, of ``times`` the pulls."""
        return max(self.fewest, times * self.pulls // lifetime)


@lru_cache(maxsize=64)
def _thresholds(task: tuple[float, float, int, float]) -> tuple[NDArray[np.float64], float]:
    best = bayes_optimal(GaussianBandit(*task))
    return best.thresholds, float(best.value)


def _one(task: GaussianBandit) -> tuple[float, float, int, float]:
    """Numbers of a task, or of the first of many."""
    sigma_p, sigma_l, lifetime, mean = (value.flat[0].item() for value in task.values.values())
    return sigma_p, sigma_l, lifetime, mean


def shares(
    policy: Policy, tasks: GaussianBandit, budget: Budget
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Play equal tasks beside the optimum, in the very same lives.

    Parameters
    ----------
    policy
        Who acts.
    tasks : shape (agents,)
        The same task for each agent.
    budget
        How many lives.

    Returns
    -------
    share, standard_error : shape (agents,)
        Expected return as a share of the Bayes-optimal one, whose luck is taken out of the mean
        (`measure.controlled_mean`); where the optimum is 0, the return in units of reward.
    """
    lifetime = _one(tasks)[2]
    thresholds, value = _thresholds(_one(tasks))
    returns = [
        simulate(
            player,
            tasks,
            budget.lives(lifetime),
            np.random.default_rng([budget.seed, lifetime]),
        ).expected_returns
        for player in (Stopping(thresholds[:, None]), policy)
    ]
    mean, error = controlled_mean(returns[1], returns[0], value)
    return mean / (value or 1), error / (value or 1)


def optima(team: TrainedAgents) -> xr.Dataset:
    """Tell what is best at each lifetime: return, exploration and first threshold."""
    lifetimes = np.unique(team.task.lifetime)
    sigma_p, sigma_l, _, mean = _one(team.task)
    data = xr.Dataset(coords={"lifetime": lifetimes})
    best = bayes_optimal(GaussianBandit(sigma_p, sigma_l, lifetimes, mean))
    data["return"] = "lifetime", best.value
    data["exploration"] = "lifetime", best.exploration
    data["first threshold"] = "lifetime", best.thresholds[0]
    return data


def lived_elsewhere(team: TrainedAgents, budget: Budget) -> xr.Dataset:
    """Put specialists of one lifetime, and of one clock, into lives of every other.

    Parameters
    ----------
    team
        Agents of one task at many lifetimes and seeds.
    budget
        How many lives.

    Returns
    -------
    Dataset
        Normalised returns (`shares`): ``agents`` and their ``error`` over (tested, trained, seed);
        over tested: ``optimum``, in units of reward.
    """
    sigma_p, sigma_l, _, mean = _one(team.task)
    lifetimes, seeds = np.unique(team.task.lifetime).tolist(), np.unique(team.seeds).tolist()
    data = xr.Dataset(coords={"trained": lifetimes, "tested": lifetimes, "seed": seeds})
    data["optimum"] = "tested", [_thresholds((sigma_p, sigma_l, T, mean))[1] for T in lifetimes]
    tasks = [GaussianBandit(np.full(len(team.seeds), sigma_p), sigma_l, T, mean) for T in lifetimes]
    played = np.array([shares(AgentPolicy(team), task, budget) for task in tasks])
    size = (len(lifetimes), 2, len(lifetimes), len(seeds))
    over = ("tested", "what", "trained", "seed")
    both = xr.DataArray(played.reshape(size), dims=over)
    data[AGENTS], data["error"] = both.isel(what=0), both.isel(what=1)
    return data


def elsewhere(teams: Teams, budget: Budget) -> tuple[xr.Dataset, Facts]:
    """Put specialists of one lifetime into lives of every other.

    Parameters
    ----------
    teams
        By what they are told of the time; each of the same task at many lifetimes and seeds.
    budget
        How many lives.

    Returns
    -------
    Dataset
        Normalised returns (`shares`): ``agents`` and their ``error`` over (clock, tested, trained,
        seed), exact ``specialists`` of a lifetime, who follow a clock, over (clock, tested,
        trained). Over tested: ``optimum``, in units of reward. ``longer`` and ``shorter``: cells
        off the diagonal where learning pays at both lifetimes.
    Facts
    """
    team = next(iter(teams.values()))
    sigma_p, sigma_l, _, mean = _one(team.task)
    lifetimes = np.unique(team.task.lifetime).tolist()
    best = {T: _thresholds((sigma_p, sigma_l, T, mean)) for T in lifetimes}
    clocks = list(teams)

    def specialists(clock: Clock, tested: int) -> ArrayLike:
        levels = [foreign_thresholds(own, tested, clock) for own, _ in best.values()]
        tasks = GaussianBandit(np.full(len(lifetimes), sigma_p), sigma_l, tested, mean)
        return shares(Stopping(np.stack(levels, axis=-1)), tasks, budget)[0]

    exact = [[specialists(clock, T) for T in lifetimes] for clock in clocks]
    lived = [lived_elsewhere(own, budget) for own in teams.values()]
    data = xr.concat(lived, xr.Variable("clock", clocks), data_vars=[AGENTS, "error"])
    data[EXACT] = ("clock", "tested", "trained"), exact
    learns = data.optimum > 0
    worth = learns & learns.rename(tested="trained")
    data["longer"] = worth & (data.tested > data.trained)
    data["shorter"] = worth & (data.tested < data.trained)
    data["at_home"] = data.agents.sel(trained=data.tested).where(learns)
    facts = _who(team, budget) | _at_home(data) | _abroad(data)
    return data, facts


def _who(team: TrainedAgents, budget: Budget) -> Facts:
    sigma_p, _, _, mean = _one(team.task)
    lifetimes, seeds = np.unique(team.task.lifetime), np.unique(team.seeds)
    most = budget.lives(int(lifetimes[0]))
    return {
        "sigma": fact(sigma_p, "sigma_p and sigma_l of the world, reward"),
        "mean": fact(mean, "prior mean of the risky arm, reward"),
        "shortest": fact(lifetimes[0], "shortest lifetime, pulls"),
        "seeds": fact(len(seeds), "agents of each lifetime and clock"),
        "seed-list": fact(", ".join(map(str, seeds)), "their seeds"),
        "first-seed": fact(seeds[0], "the first of them"),
        "updates": fact(team.config.updates, "updates of each training"),
        "batch": fact(team.config.lives, "lives of an update"),
        "lives-least": fact(budget.lives(int(lifetimes[-1])), "fewest lives of an agent"),
        "lives-most": fact(f"{most:,}", "most lives of an agent"),
    }


def _at_home(data: xr.Dataset) -> Facts:
    home, worth = 100 * data.at_home, data.longer | data.shorter
    error = data.error.where(worth)
    idle = data.agents.isel(trained=0).where(data.optimum > 0)
    hard = abs(idle.sel(clock=idle.clock != "elapsed"))
    woken = abs(idle.sel(clock="elapsed")).max("tested")
    return {
        "home-median": fact(home.median(), "median agent at home, % of the optimum"),
        "home-least": fact(home.min(), "lowest agent at home, % of the optimum"),
        "home-most": fact(home.max(), "highest agent at home, % of the optimum"),
        "error": fact(error.median(), "median standard error over lives, of the optimum"),
        "error-most": fact(error.max(), "largest standard error, of the optimum"),
        "idle-most": fact(
            100 * hard.max(), "most of those from the shortest life, not told elapsed, %"
        ),
        "woken": fact((woken > 0).sum(), "of those, told elapsed: agents that pull somewhere"),
        "woken-most": fact(100 * woken.max(), "and the most that one earns, % of the optimum"),
    }


def _abroad(data: xr.Dataset) -> Facts:
    means = abroad(data)
    facts = {
        f"{who}-{where}-{clock}": fact(
            100 * means[f"{who}, {where}"].sel(clock=clock),
            f"{who} told {clock}, in {where} lives, % of the optimum",
        )
        for where in OFF_DIAGONAL
        for who in (AGENTS, EXACT)
        for clock in data.clock.values
    }
    for where in OFF_DIAGONAL:
        for clock in data.clock.values:
            own = data[AGENTS].sel(clock=clock).where(data[where]).mean(["tested", "trained"])
            _, half = interval(100 * own)
            said = f"half of the 95% interval over seeds, told {clock}, {where} lives, %"
            facts[f"half-{where}-{clock}"] = fact(half, said)
        for key, who in (("exact", EXACT), ("lost", AGENTS)):
            earns = means[f"{who}, {where}"].sel(clock="fraction")
            said = f"what {who} told the fraction lose in {where} lives, % of the optimum"
            facts[f"{key}-{where}"] = fact(100 * (1 - earns), said)
    return facts


def abroad(data: xr.Dataset) -> xr.Dataset:
    """Mean share of the optimum off the diagonal, of agents and exact specialists, by clock."""
    means = xr.Dataset(coords={"clock": data.clock})
    for where in OFF_DIAGONAL:
        for who in (AGENTS, EXACT):
            over = [dim for dim in data[who].dims if dim != "clock"]
            means[f"{who}, {where}"] = data[who].where(data[where]).mean(over)
    return means


def worst(data: xr.Dataset) -> list[str]:
    """Say where exact specialists are worst off, a line for each clock; see `elsewhere`."""
    lines = []
    for clock in data.clock.values:
        cells = data[EXACT].sel(clock=clock).where(data.longer | data.shorter)
        least = cells.where(cells == cells.min(), drop=True)
        one, other = int(least.trained[0]), int(least.tested[0])
        share = f"{100 * float(cells.min()):.0f}% of the optimum"
        lines.append(f"{clock}: trained at {one}, living {other}: {share}")
    return lines


def staying(team: TrainedAgents, lifetime: int, budget: Budget) -> tuple[xr.Dataset, Facts]:
    """Count who is still on the risky arm, pull by pull, on good arms and on bad ones.

    Parameters
    ----------
    team
        Agents of one task at many lifetimes.
    lifetime
        Of the lives that all of them live, one of theirs, in pulls.
    budget
        How many lives.

    Returns
    -------
    Dataset
        Share of lives on the risky arm: ``agents`` over (arm, trained, pull), mean over seeds, from
        the second lifetime on; ``optimum`` over (arm, pull).
    Facts
    """
    sigma_p, sigma_l, _, mean = _one(team.task)
    lifetimes = np.unique(team.task.lifetime)
    few, lives = lifetimes[1], budget.lives(lifetime, 2)
    crowd = GaussianBandit(np.full(len(team.seeds), sigma_p), sigma_l, lifetime, mean)
    thresholds, _ = _thresholds(_one(crowd))
    shares_on = []
    for player in (AgentPolicy(team), Stopping(thresholds[:, None])):
        played = simulate(player, crowd, lives, np.random.default_rng([budget.seed, 1]))
        kinds = {
            "good arms, $\\mu > 0$": played.arm_mean > 0,
            "bad arms, $\\mu < 0$": played.arm_mean < 0,
        }
        shares_on.append(
            [(played.actions * arms).sum(-1) / arms.sum(-1) for arms in kinds.values()]
        )
    on = xr.DataArray(shares_on, dims=("who", "arm", "pull", "agent"))
    on = on.assign_coords(
        arm=list(kinds), pull=np.arange(lifetime), trained=("agent", team.task.lifetime)
    )
    own = on.sel(who=0).groupby("trained").mean()
    data = xr.Dataset({"agents": own.sel(trained=lifetimes[1:])})
    data["optimum"] = on.sel(who=1).mean("agent")
    late = 100 * data.isel(arm=0, pull=-1)
    facts = {
        "stage": fact(lifetime, "pulls of a life"),
        "few": fact(few, "short lifetime to compare with, pulls"),
        "lives-stage": fact(f"{lives:,}", "lives of each agent"),
        "kept-best": fact(late.optimum, "good arms kept to the end by the optimum, %"),
        "kept-few": fact(late.agents.sel(trained=few), "by agents of the short lifetime, %"),
        "kept-stage": fact(late.agents.sel(trained=lifetime), "by agents at home, %"),
    }
    return data, facts


def raised(
    lengths: Sequence[int], like: Teams, seeds: Sequence[int], device: str, smoke: bool = False
) -> dict[Clock, TrainedAgents]:
    """Train agents on a mixture of lifetimes, a team for each clock.

    Parameters
    ----------
    lengths
        The mixture: lives of these lengths, in pulls, are dealt in turn to an update.
    like
        Agents of one lifetime each, whose world, clocks and number of updates the new ones get.
    seeds
        Of the new agents.
    device
        Where they are trained: ``cpu``, ``cuda`` or ``auto``.
    smoke
        Whether to train next to nothing.
    """
    team = next(iter(like.values()))
    sigma_p, sigma_l, _, mean = _one(team.task)
    recipe = replace(CONFIGURATIONS["plain"], updates=team.config.updates)
    recipe = CONFIGURATIONS["smoke"] if smoke else recipe
    dealt = np.resize(lengths, (len(seeds), recipe.lives))
    world = GaussianBandit(sigma_p, sigma_l, dealt, mean)
    return {
        clock: train(world, list(seeds), replace(recipe, time_feature=clock), device)
        for clock in like
    }


def mixture(
    data: xr.Dataset, mixed: Teams, budget: Budget, few: int = 10, many: int = 100
) -> tuple[xr.Dataset, Facts]:
    """Put agents that were trained on a mixture of lifetimes beside the specialists.

    Parameters
    ----------
    data
        What `elsewhere` made of the same clocks.
    mixed
        Agents of the same world; each has a table of lifetimes.
    budget
        How many lives.
    few, many
        Lifetimes to compare with the specialists of ``many``, in pulls.

    Returns
    -------
    Dataset
        ``data`` with ``mixed`` over (clock, tested, mixed_seed), and the longest lifetime of the
        mixture as attribute.
    Facts
    """
    team = next(iter(mixed.values()))
    sigma_p, sigma_l, _, mean = _one(team.task)
    lengths, seeds = np.unique(team.task.lifetime).tolist(), team.seeds.tolist()
    spread = np.full(len(seeds), sigma_p)
    raised = [
        [
            shares(AgentPolicy(mixed[clock]), GaussianBandit(spread, sigma_l, T, mean), budget)[0]
            for T in data.tested.values
        ]
        for clock in data.clock.values
    ]
    data = data.assign_coords(mixed_seed=seeds)
    data["mixed"] = ("clock", "tested", "mixed_seed"), raised
    data.attrs["longest"] = max(lengths)
    known = [T for T in lengths if T in data.tested and data.optimum.sel(tested=T) > 0]
    beyond = data.tested.values[data.tested > max(lengths)]
    facts: Facts = {
        "mixed-count": fact(len(lengths), "lifetimes of the mixture"),
        "mixed-list": fact(_listed(team), "those, pulls"),
        "mixed-updates": fact(team.config.updates, "updates of its agents"),
        "mixed-agents": fact(len(seeds), "agents for each clock"),
        "mixed-seeds": fact(", ".join(map(str, seeds)), "their seeds"),
    }
    worth = data.longer | data.shorter
    for clock in data.clock.values:
        here = 100 * data[["mixed", AGENTS, "at_home"]].sel(clock=clock)
        inside = here.agents.where(worth).sel(tested=known)
        facts |= {
            f"{name}-{clock}": fact(found, f"{said}, told {clock}, % of the optimum")
            for name, found, said in (
                ("mixed", here.mixed.sel(tested=known).mean(), "mixture, at its lifetimes"),
                ("beyond", here.mixed.sel(tested=beyond).mean(), "mixture, in longer lives"),
                ("own", here.at_home.sel(tested=known).mean(), "specialists, there at home"),
                ("abroad", inside.mean(), "specialists, there abroad"),
            )
        }
    return data, facts | _traded(data, known, few, many)


def _traded(data: xr.Dataset, known: list[int], few: int, many: int) -> Facts:
    """What being general costs and brings, told the fraction."""
    here = 100 * data[["mixed", AGENTS, "at_home"]].sel(clock="fraction")
    foreign = here.agents.sel(trained=many, tested=few).mean()
    single = here.agents.mean("seed").sel(trained=known, tested=known).min("tested")
    worst = here.mixed.mean("mixed_seed").sel(tested=known).min()
    return {
        "mixed-few": fact(here.mixed.sel(tested=few).mean(), "mixture in short lives, %"),
        "mixed-stage": fact(here.mixed.sel(tested=many).mean(), "mixture in long lives, %"),
        "stage-few": fact(foreign, "agents from long lives, in short ones, %"),
        "own-stage": fact(here.at_home.sel(tested=many).mean(), "specialists of long lives, %"),
        "single-best": fact(single.idxmax(), "lifetime whose specialists' worst is best, pulls"),
        "single-worst": fact(single.max(), "their worst, %"),
        "mixed-worst": fact(worst, "the mixture's worst, %"),
    }


CLOCK_NAMES = {
    "right": "right",
    "early": "a quarter of life behind",
    "late": "a quarter of life ahead",
    "first": "stands at the first pull",
    "middle": "stands at the middle",
    "last": "stands at the last pull",
    "backwards": "runs backwards",
}
"""Clocks that `tampered` shows, in words."""


ACROSS = "fraction (across)"
"""What `turned_teams` calls the stored agents of other worlds, which are more seeds."""


def turned_teams(teams: Teams, turned: Sequence[int]) -> dict[str, TrainedAgents]:
    """Choose the agents whose clock is turned: those of these lifetimes, and stored ``across``.

    Of the latter, who live at sigma_l = 1 and are told the fraction, those of the three worlds in
    which learning pays most.
    """
    own = {
        told: team[np.flatnonzero(np.isin(team.task.lifetime, turned))]
        for told, team in teams.items()
    }
    across = stored_agents("across.safetensors")
    return own | {ACROSS: across[np.flatnonzero(across.task.sigma_p >= 0.9)]}


def told_pull(tampering: str, shift: float = 0.25) -> Callable[[int, NDArray[np.int64]], ArrayLike]:
    r"""Make the clock of `agents.AgentPolicy`: which pull agents are told that it is.

    .. math:: k(t) = \begin{cases} t & \text{right} \\
        \min(\max(t \pm \lfloor sT \rfloor, 0), T - 1) & \text{late, early} \\
        0,\ \lfloor T/2 \rfloor,\ T - 1 & \text{first, middle, last} \\
        T - 1 - t & \text{backwards} \end{cases}

    All are pulls that lives of T pulls have, so that no agent is told a number that it never read.

    Parameters
    ----------
    tampering
        One of `CLOCK_NAMES`.
    shift
        s, share of life by which the clock is early or late.
    """
    if tampering not in CLOCK_NAMES:
        raise ValueError(f"tampering = {tampering!r}: must be one of {', '.join(CLOCK_NAMES)}")

    def told(pull: int, lifetime: NDArray[np.int64]) -> ArrayLike:
        off = (shift * lifetime).astype(np.int64)
        shown = {
            "right": pull + 0 * lifetime,
            "early": pull - off,
            "late": pull + off,
            "first": 0 * lifetime,
            "middle": lifetime // 2,
            "last": lifetime - 1,
            "backwards": lifetime - 1 - pull,
        }
        return shown[tampering].clip(0, lifetime - 1)

    return told


def tampered(
    teams: Mapping[str, TrainedAgents], budget: Budget, shift: float = 0.25
) -> tuple[xr.Dataset, Facts]:
    """Turn the clock while agents live, at home: do they follow it, or what they have lived.

    Parameters
    ----------
    teams
        By what they are told, each of one or several worlds, with the same seeds in each; who
        never pulls can follow no clock, and is left out.
    budget
        How many lives; the same ones whatever the clock shows.
    shift
        Share of life by which clocks are early or late.

    Returns
    -------
    Dataset
        Over (tampering, world, told, seed), means over lives of ``agents_risky`` (risky pulls as a
        share of life), ``agents_share`` (return as a share of the Bayes optimum, its luck taken
        out) and ``agents_switch`` (pull of the last switch, of lives that end on the safe arm, as
        a share of life). The same, ``reader_``, over (tampering, world), of an exact reader: the
        Bayes-optimal policy, who takes the clock at its word. ``follows`` over (told, seed):
        change of the agents' risky share by the change of the reader's, a least-squares line
        through 0 over all clocks and worlds; 0 if lived pulls alone count, 1 if the clock alone
        does. NaN where there is no such agent.
    Facts
    """
    rows = []
    for told, team in teams.items():
        tasks = list(zip(*(v.tolist() for v in team.task.values.values()), strict=True))
        for task in dict.fromkeys(tasks):
            own = team[np.flatnonzero([other == task for other in tasks])]
            rows.append(_turned(own, told, budget, shift))
    data = xr.merge(rows, join="outer", compat="no_conflicts")
    order = {dim: list(dict.fromkeys(row[dim].item() for row in rows)) for dim in ("world", "told")}
    data = data.sel(order)
    change = data - data.sel(tampering="right")
    by = ["tampering", "world"]
    known = change.agents_risky.notnull()
    size = (change.reader_risky**2).where(known).sum(by)
    data["follows"] = (change.agents_risky * change.reader_risky).sum(by) / size.where(size > 0)
    per_world = (change.agents_risky * change.reader_risky).sum("tampering")
    per_world = per_world / (change.reader_risky**2).where(known).sum("tampering").where(
        known.any("tampering")
    )
    most = 100 * per_world.mean("seed")
    facts = {
        "worlds": fact(data.sizes["world"], "worlds in which the clock was turned"),
        "turned": fact(_listed(teams["fraction"]), "lifetimes of the page's worlds, pulls"),
        "idlers": fact(
            data.idle.sum(), "agents of a world that never pull in it, and are left out"
        ),
        "lives-turned": fact(
            min(budget.lives(int(team.task.lifetime.max())) for team in teams.values()),
            "fewest lives",
        ),
        "shift-percent": fact(100 * shift, "by which it is early or late, % of life"),
        "follows-world-least": fact(most.min(), "the least in one world, mean over seeds, %"),
        "follows-world-most": fact(most.max(), "the most in one world, mean over seeds, %"),
    }
    still, _ = moved(data, "share")
    lost, half = interval(still.sel(tampering="last", told="fraction").mean("world"))
    facts |= {
        "stopped": fact(-lost, "what agents told the fraction lose by a clock at the last pull, %"),
        "stopped-half": fact(half, "half of its 95% interval over seeds, %"),
    }
    for told in data.told.values:
        mean, half = interval(100 * data.follows.sel(told=told))
        key = "across" if told == ACROSS else told
        facts |= {
            f"follows-{key}": fact(mean, f"of the reader's change, agents told {told}, %"),
            f"follows-half-{key}": fact(half, "half of its 95% interval over seeds, %"),
            f"seeds-{key}": fact(
                known.sel(told=told).any(by).sum(), f"seeds of agents told {told}"
            ),
        }
    return data, facts


def _listed(team: TrainedAgents) -> str:
    """Lifetimes of agents, in words."""
    return ", ".join(map(str, np.unique(team.task.lifetime)))


def _turned(team: TrainedAgents, told: str, budget: Budget, shift: float) -> xr.Dataset:
    """Play the agents of one world under every clock, and the exact reader."""
    one = _one(team.task)
    sigma_p, sigma_l, lifetime, _ = one
    thresholds, value = _thresholds(one)
    reader_task, count = team.task[:1], budget.lives(lifetime)
    found: dict[str, list[NDArray[np.float64]]] = {}
    right = simulate(
        Stopping(thresholds[:, None]),
        reader_task,
        count,
        np.random.default_rng([budget.seed, 3]),
    ).expected_returns
    for tampering in CLOCK_NAMES:
        clock = told_pull(tampering, shift)
        read = [np.ravel(clock(pull, np.array([lifetime])))[0] for pull in range(lifetime)]
        players: dict[str, tuple[Policy, GaussianBandit]] = {
            "agents": (AgentPolicy(team, clock=clock), team.task),
            "reader": (Stopping(thresholds[read][:, None]), reader_task),
        }
        for who, (player, task) in players.items():
            lives = simulate(player, task, count, np.random.default_rng([budget.seed, 3]))
            for name, values in (
                ("risky", lives.risky_pulls.mean(-1) / lifetime),
                ("share", controlled_mean(lives.expected_returns, right, value)[0] / value),
                ("switch", measure(lives, ("seed",)).exploration.values / lifetime),
            ):
                found.setdefault(f"{who}_{name}", []).append(values)
    world = f"$\\sigma_p={sigma_p:g}$, $\\sigma_l={sigma_l:g}$, $T={lifetime}$"
    data = xr.Dataset(
        coords={
            "tampering": list(CLOCK_NAMES),
            "world": [world],
            "told": [told],
            "seed": team.seeds.astype(np.int64),
        }
    )
    for name, values in found.items():
        table = np.array(values)
        if name.startswith("agents"):
            data[name] = ("tampering", "world", "told", "seed"), table[:, None, None]
        else:
            data[name] = ("tampering", "world"), table
    idle = data.agents_risky.sel(tampering="right", drop=True) == 0
    own = [name for name in data.data_vars if str(name).startswith("agents")]
    return data.assign(data[own].where(~idle)).assign(idle=idle.astype(float))


def moved(data: xr.Dataset, name: str) -> tuple[xr.DataArray, xr.DataArray]:
    """Tell what turning the clock changes, in % points, of agents and of the exact reader.

    Parameters
    ----------
    data
        What `tampered` made.
    name
        ``risky``, ``share`` or ``switch``.

    Returns
    -------
    agents, reader
        Over (tampering, world, told, seed) and (tampering, world), against the right clock in the
        same lives.
    """
    change = 100 * (data - data.sel(tampering="right")).drop_sel(tampering="right")
    return change[f"agents_{name}"], change[f"reader_{name}"]


def changes(data: xr.Dataset) -> tuple[dict[str, xr.DataArray], dict[str, xr.DataArray]]:
    """What wrong clocks change, in words: of agents and of exact readers, points of % of life."""
    both = {
        f"change of {words}\n(points of % of life)": moved(data, name)
        for words, name in (("risky pulls", "risky"), ("the last switch", "switch"))
    }
    return {key: one for key, (one, _) in both.items()}, {
        key: two for key, (_, two) in both.items()
    }


def tampering_table(data: xr.Dataset, name: str = "share") -> dict[str, dict[str, str]]:
    """Lay out what turning the clock changes: mean over worlds, 95% interval over seeds."""
    agents, reader = moved(data, name)
    return {
        CLOCK_NAMES[tampering]: {
            **{
                f"told {told}": "{:+.1f} ± {:.1f}".format(
                    *interval(agents.sel(tampering=tampering, told=told).mean("world"))
                )
                for told in data.told.values
            },
            "exact reader": f"{float(reader.sel(tampering=tampering).mean()):+.0f}",
        }
        for tampering in agents.tampering.values
    }
