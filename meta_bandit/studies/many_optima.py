"""What *Many optima* and *Between the optima* draw, and the numbers that they quote.

Each part of the two chapters has a function that makes a dataset and facts of what agents do: of
those that are stored, and of those that a chapter trains.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, mannwhitneyu

from meta_bandit import GaussianBandit
from meta_bandit.agents import AgentPolicy, TrainedAgents
from meta_bandit.measure import measure
from meta_bandit.studies.facts import Facts, fact
from meta_bandit.theory import (
    bayes_optimal,
    commit_value,
    first_pull_value,
    gain,
    optimal_commit,
)
from meta_bandit.worlds import simulate
from meta_bandit.worlds.bandit import History, Policy

TRAININGS = ("direct", "continuation")
KINDS = ("learns", "hesitates", "never")
"""Agents that learn; that do not begin, but go on in some lives once pushed; that never go on."""

Lines = Mapping[str, xr.Dataset]
Moves = Mapping[str, tuple[xr.Dataset, xr.Dataset]]


@dataclass(frozen=True)
class Pushed:
    """A policy that is made to begin every life with the risky arm.

    Attributes
    ----------
    policy
        What it does from the second pull on.
    """

    policy: Policy

    def risky_probability(self, task: GaussianBandit, history: History) -> NDArray[np.float64]:
        """Probability of the risky arm at the coming pull."""
        asked = self.policy.risky_probability(task, history)
        return np.ones_like(asked) if history.pull == 0 else asked


@dataclass(frozen=True)
class Mixed:
    """At each pull one of two policies decides, the second with a given probability.

    Attributes
    ----------
    first, second
        The policies.
    share
        Probability that the second decides.
    """

    first: Policy
    second: Policy
    share: float

    def risky_probability(self, task: GaussianBandit, history: History) -> NDArray[np.float64]:
        """Probability of the risky arm at the coming pull."""
        both = [x.risky_probability(task, history) for x in (self.first, self.second)]
        return np.asarray((1 - self.share) * both[0] + self.share * both[1])


def trap(sigma_p: ArrayLike, mean: ArrayLike, lifetime: int) -> NDArray[np.float64]:
    """Probability of a pull below which it is best never to pull (eq-trap); 0 where m >= 0.

    Parameters
    ----------
    sigma_p, mean
        Of the task, in units of reward; they broadcast.
    lifetime
        Pulls in a life, 2 or more.
    """
    worth = (lifetime - 1) * gain(np.minimum(mean, 0.0), sigma_p)
    return np.asarray(np.minimum(np.maximum(-np.asarray(mean), 0.0) / worth, 1.0))


# --- a row of tasks ---


def look_into(agents: TrainedAgents, task: GaussianBandit, lives: int, seed: int) -> xr.Dataset:
    """Measure how readily agents begin, and what they do and earn, greedily, once pushed.

    Returns
    -------
    Dataset over agent
        ``begins``, the probability of the risky arm at the first pull; ``pushed``, the return of a
        life whose first pull is forced, in units of reward, with its standard error
        ``pushed_se``; ``goes_on``, the share of those lives with a second risky pull.
    """
    rng = np.random.default_rng([seed, 1])
    lived = simulate(Pushed(AgentPolicy(agents)), task, lives, rng)
    own = simulate(AgentPolicy(agents, greedy=False), task, 1, rng)
    found = measure(lived, ["agent"])
    found = found.rename(expected_return="pushed", expected_return_se="pushed_se")
    found["begins"] = "agent", own.risky_probability[0, :, 0]
    found["goes_on"] = "agent", (lived.risky_pulls > 1).mean(axis=-1)
    return found[["begins", "pushed", "pushed_se", "goes_on"]]


def observe(agents: TrainedAgents, task: GaussianBandit, lives: int, seed: int) -> xr.Dataset:
    """Measure agents when pushed, and when left alone in the same lives.

    Returns
    -------
    Dataset over agent
        See `look_into`; and ``earned``, what they earn left alone, with its standard error
        ``earned_se``, and of which of the `KINDS` they are.
    """
    found = look_into(agents, task, lives, seed)
    free = simulate(AgentPolicy(agents), task, lives, np.random.default_rng([seed, 1]))
    earned = measure(free, ["agent"])
    found["earned"], found["earned_se"] = earned.expected_return, earned.expected_return_se
    learns = free.risky_pulls.std(axis=-1) > 0
    found["kind"] = "agent", _kinds(learns, found.goes_on.values)
    return found


def _kinds(learns: ArrayLike, goes_on: ArrayLike) -> NDArray[np.str_]:
    others = np.where(np.asarray(goes_on) >= 0.01, KINDS[1], KINDS[2])
    return np.where(learns, KINDS[0], others)


def row(
    results: Sequence[xr.Dataset], agents: Sequence[TrainedAgents], lives: int, seed: int = 0
) -> tuple[xr.Dataset, Facts]:
    """Look at the agents of a row of tasks, trained in two ways.

    Parameters
    ----------
    results
        What is stored of those trained directly, and with continuation: grids of one sigma_l and
        one lifetime.
    agents
        The agents of each.
    lives
        In which each is pushed.
    seed
        Of those lives.

    Returns
    -------
    Dataset
        What the two grids hold, over (training, sigma_p, seed), and of each agent: what
        `look_into` finds, its ``kind``, one of `KINDS`, and whether it ``missed``: does not learn,
        acting greedily, where learning pays. Of each task both optima, and where learning
        ``pays``. Attributes ``mean``, ``sigma_l`` and ``lifetime``.
    Facts
    """
    grids = [grid.isel(sigma_l=0, lifetime=0, drop=True) for grid in results]
    trainings = xr.Variable("training", list(TRAININGS))
    data = xr.concat(grids, trainings, combine_attrs="override")
    for name in ("commit_value", "bayes_value", "optimal_pulls"):
        data[name] = data[name].isel(training=0, drop=True)
    data.attrs |= {
        "mean": float(results[0].attrs["mean"]),
        "sigma_l": float(results[0].sigma_l[0]),
        "lifetime": int(results[0].lifetime[0]),
    }
    inside = [look_into(team, team.task, lives, seed) for team in agents]
    shape = data.risky_pulls.shape
    for name in map(str, inside[0]):
        # the order of the agents in the files: sigma_p, then seed
        values = np.stack([found[name] for found in inside]).reshape(shape)
        data[name] = data.risky_pulls.dims, values
    data["learns"] = data.risky_pulls_se > 0
    data["kind"] = data.learns.dims, _kinds(data.learns, data.goes_on)
    data["pays"] = data.bayes_value > 0.01  # more than the error of the solver
    data["missed"] = ~data.learns & data.pays
    facts = _setting(data) | _branches(data) | _reluctant(data) | _first_lesson(data)
    facts["pushed-lives"] = fact(f"{lives:,}", "lives in which each agent is pushed")
    return data, facts


def _setting(data: xr.Dataset) -> Facts:
    about, config = data.attrs, json.loads(data.attrs["config"])
    return {
        "noise": fact(about["sigma_l"], "sigma_l of the row, reward"),
        "lifetime": fact(about["lifetime"], "pulls in a life"),
        "mean": fact(about["mean"], "prior mean of the risky arm, reward"),
        "seeds": fact(data.sizes["seed"], "agents of each training on each task"),
        "updates": fact(config["updates"], "updates of each training"),
        "batch": fact(config["lives"], "lives of an update"),
        "agents": fact(data.learns.size, "agents of both trainings"),
        "measured": fact(f"{about['lives']:,}", "lives in which each agent is measured"),
    }


def _branches(data: xr.Dataset) -> Facts:
    least = data.exploration.where(data.learns).min()
    return {
        "never-count": fact((data.risky_pulls == 0).sum(), "agents that do not pull at all"),
        "least": fact(least, "least exploration of an agent that learns, pulls"),
    }


def _reluctant(data: xr.Dataset) -> Facts:
    """What lies beneath the greed."""
    direct, led = (data.sel(training=training) for training in TRAININGS)
    lost = direct.kind == "never"
    most = int(abs(lost.sum("seed") - lost.sizes["seed"] / 2).argmin("sigma_p"))
    hesitate = (led.kind == "hesitates").all("seed")
    shy = led.begins.where(hesitate)
    return {
        "pushed-se": fact(data.pushed_se.max(), "largest standard error of a pushed return"),
        "half-agents": fact(lost.size, "agents trained directly"),
        "direct-never": fact(lost.sum(), "of them, those that never go on"),
        "never-highest": fact(direct.begins.where(lost).max(), "most readily one of them begins"),
        "react-lowest": fact(direct.begins.where(~lost).min(), "least readily one of the others"),
        "most-split": fact(data.sigma_p[most], "sigma_p on which direct seeds differ most"),
        "most-never": fact(lost[most].sum(), "never go on there"),
        "most-react": fact((~lost[most]).sum(), "react there to what they see"),
        "most-learn": fact(direct.learns[most].sum(), "of them, learn, acting greedily"),
        "all-hesitate": fact(
            data.sigma_p.where(hesitate).max(), "sigma_p on which all that are led hesitate"
        ),
        "shy-lowest": fact(shy.min(), "least readily one of them begins, probability"),
        "shy-highest": fact(shy.max(), "most readily one of them begins, probability"),
    }


def _first_lesson(data: xr.Dataset) -> Facts:
    direct = data.sel(training="direct")
    pulled = (direct.curve_risky_pulls / data.attrs["lifetime"]).mean("seed")
    first, last = 0.8, float(data.sigma_p[-1])
    narrow = trap(last, data.attrs["mean"], data.attrs["lifetime"])
    near = pulled.sel(sigma_p=first, method="nearest")
    return {
        "stretch": fact(data["update"][0], "updates of each point of a learning curve"),
        "first-shown": fact(first, "sigma_p of the first task shown"),
        "lowest-share": fact(near.min(), "least share of risky pulls there, mean over seeds"),
        "last-p": fact(last, "largest sigma_p of the row"),
        "dip-last": fact(pulled[-1].min(), "least share of risky pulls there, mean over seeds"),
        "end-last": fact(pulled[-1, -1], "share of risky pulls there in the end"),
        "trap-last": fact(narrow, "the trap there, probability of a pull"),
    }


def dips(data: xr.Dataset, sigma_p: Sequence[float] = (0.8, 0.9, 1.0)) -> xr.Dataset:
    """How often directly trained agents pull while they are trained, on some tasks."""
    share = data.curve_risky_pulls / data.attrs["lifetime"]
    curves = xr.Dataset({"pull_share": share, "kind": data.kind})
    return curves.sel(training="direct", sigma_p=list(sigma_p))


def optima(data: xr.Dataset, sigma_p: NDArray[np.float64]) -> tuple[xr.Dataset, Facts]:
    """Both optima along a row of tasks, exact.

    Parameters
    ----------
    data
        Of the row, see `row`.
    sigma_p
        Where they are computed, in units of reward.

    Returns
    -------
    Dataset over sigma_p
        ``optimal_pulls`` and ``bayes_exploration``, in pulls; ``commit_value``, what the best plan
        with a pull or more earns, and ``bayes_value``, the best policy that begins with a pull, in
        units of reward. As attributes, where either takes the lead over never learning:
        ``commit_edge`` and ``bayes_edge``.
    Facts
    """
    mean, noise, lifetime = (data.attrs[name] for name in ("mean", "sigma_l", "lifetime"))
    line = GaussianBandit(sigma_p, noise, lifetime, mean)
    each = GaussianBandit(sigma_p[:, None], noise, lifetime, mean)
    plans = commit_value(each, np.arange(1, lifetime)).max(axis=-1)
    begun = first_pull_value(line)
    edges = [float(np.interp(0.0, values, sigma_p)) for values in (plans, begun)]
    found = xr.Dataset(
        {
            "optimal_pulls": ("sigma_p", optimal_commit(line)[0]),
            "bayes_exploration": ("sigma_p", bayes_optimal(line).exploration),
            "commit_value": ("sigma_p", plans),
            "bayes_value": ("sigma_p", begun),
        },
        {"sigma_p": sigma_p},
        {"commit_edge": edges[0], "bayes_edge": edges[1]},
    )
    there = bayes_optimal(GaussianBandit(edges[0], noise, lifetime, mean)).value
    return found, {
        "commit-edge": fact(edges[0], "sigma_p from which a plan earns more than 0"),
        "bayes-edge": fact(edges[1], "sigma_p from which a policy that pulls does"),
        "at-commit-edge": fact(there, "what the best policy earns at the edge of commitment"),
        "trap-commit": fact(trap(edges[0], mean, lifetime), "the trap there, probability"),
    }


def shares(data: xr.Dataset) -> xr.Dataset:
    """Share of the agents of a task in two groups, with Wilson's 95% interval.

    Returns
    -------
    Dataset over (group, training, sigma_p)
        ``share``, and the ends of its interval, ``low`` and ``high``.
    """
    groups = {"learn": data.learns, "learn or hesitate": data.kind != "never"}
    names = xr.Variable("group", list(groups))
    counts = xr.concat([group.sum("seed") for group in groups.values()], names)
    seeds = data.sizes["seed"]
    tests = [binomtest(int(k), seeds).proportion_ci(method="wilson") for k in counts.values.flat]
    ends = np.array(tests).reshape(*counts.shape, 2)
    return xr.Dataset(
        {
            "share": counts / seeds,
            "low": (counts.dims, ends[..., 0]),
            "high": (counts.dims, ends[..., 1]),
        }
    )


def failures(data: xr.Dataset) -> tuple[dict[str, dict[str, str]], Facts]:
    """Count who misses out, and what is missed: a column for each training."""
    trapped = data.missed & (data.kind == "never")
    hesitant = data.missed & (data.kind == "hesitates")
    sure = data.learns & (data.expected_return > 3 * data.expected_return_se)
    known = trapped & sure.any(["seed", "training"])
    short = (data.bayes_value - data.expected_return).mean("seed")
    lacking = (~data.learns).any("seed")
    # the first task beyond the last on which an agent does not learn
    beyond = data.sigma_p.where(data.sigma_p > data.sigma_p.where(lacking, 0.0).max("sigma_p"))
    everyone = data.pays & xr.ones_like(data.learns)
    counts = {
        "agents for which learning pays": everyone.sum(["sigma_p", "seed"]),
        "do not learn": data.missed.sum(["sigma_p", "seed"]),
        "- never go on": trapped.sum(["sigma_p", "seed"]),
        "- and another agent does better": known.sum(["sigma_p", "seed"]),
        "- hesitate": hesitant.sum(["sigma_p", "seed"]),
        "learn where it does not pay": (data.learns & ~data.pays).sum(["sigma_p", "seed"]),
    }
    numbers = {
        "all learn from this σₚ on": beyond.min("sigma_p"),
        "most lost": short.max("sigma_p"),
    }
    table = {
        training: {said: f"{int(n.sel(training=training))}" for said, n in counts.items()}
        | {said: f"{float(n.sel(training=training)):.2f}" for said, n in numbers.items()}
        for training in TRAININGS
    }
    nerve = hesitant & (data.commit_value > 0)
    led = sure.sel(training="continuation", drop=True)
    unknown = trapped & ~known
    first = data.sigma_p.where(data.pays).min()
    return table, {
        "same-seed": fact(
            (trapped.sel(training="direct", drop=True) & led).sum(),
            "never go on, and the same seed learns when led",
        ),
        "known": fact(known.sum(), "never go on, where a stored agent does better"),
        "unknown": fact(unknown.sum(), "never go on, where no stored agent does better"),
        "nerve": fact(nerve.sum(), "hesitate where a committed plan earns more than 0"),
        "nerve-worth": fact(mean_se(data.pushed.where(nerve)), "what they earn if pushed"),
        "hesitant": fact(hesitant.sum(), "agents that hesitate where learning pays"),
        "tie-p": fact(first, "least sigma_p of the row where learning pays"),
        "tie": fact(data.bayes_value.sel(sigma_p=first), "what the best policy earns there"),
    }


def mean_se(values: ArrayLike) -> str:
    """Mean of the values that are there, with its standard error."""
    there = np.asarray(values, dtype=float).ravel()
    there = there[np.isfinite(there)]
    return f"{there.mean():.2f} ± {there.std(ddof=1) / np.sqrt(there.size):.2f}"


# --- there and back ---


def walked(
    falling: Sequence[TrainedAgents],
    rising: Sequence[TrainedAgents],
    lives: int,
    seed: int = 0,
    mean: float = -1.0,
) -> tuple[xr.Dataset, Facts]:
    """Follow agents that went on training while the prior mean fell, and while it rose again.

    Parameters
    ----------
    falling, rising
        The agents after each stop, on its task.
    lives
        In which each is looked at, with sampled actions.
    seed
        Of those lives.
    mean
        Prior mean at which both ways are compared, at the nearest stop; units of reward.

    Returns
    -------
    Dataset
        Over (down, agent), and in the same way over (up, agent): ``mean_down``, the prior mean of
        each stop; ``return_down`` in units of reward; ``pulls_down``, risky pulls of a life;
        ``largest_down``, the largest probability of a pull in a life, mean over lives. Over
        ``mean``: ``commit_value`` and ``bayes_value`` of the optima and the ``trap``. Attributes
        ``commit_edge`` and ``bayes_edge``: prior means.
    Facts
    """
    task = falling[0].task
    sigma_p, noise, lifetime = (
        task.values[name].flat[0].item() for name in ("sigma_p", "sigma_l", "lifetime")
    )
    ways: dict[str, tuple[object, object]] = {}
    stops = {}
    for way, teams in (("down", falling), ("up", rising)):
        stops[way] = np.array([team.task.values["mean"].flat[0].item() for team in teams])
        ways[f"mean_{way}"] = way, stops[way]
        seen = [_sampled(team, lives, seed) for team in teams]
        for name, values in zip(
            ("return", "pulls", "largest"), zip(*seen, strict=True), strict=True
        ):
            ways[f"{name}_{way}"] = (way, "agent"), np.array(values)
    fine = np.linspace(min(map(np.min, stops.values())), 0.0, 73)
    tasks = GaussianBandit(sigma_p, noise, lifetime, fine)
    each = GaussianBandit(sigma_p, noise, lifetime, fine[:, None])
    steps = xr.Dataset(ways, {"mean": fine})
    steps["commit_value"] = "mean", optimal_commit(tasks)[1]
    steps["bayes_value"] = "mean", bayes_optimal(tasks).value
    steps["trap"] = "mean", trap(sigma_p, fine, lifetime)
    plans = commit_value(each, np.arange(1, lifetime)).max(axis=-1)
    steps.attrs["commit_edge"] = float(np.interp(0.0, plans, fine))
    steps.attrs["bayes_edge"] = float(np.interp(0.0, first_pull_value(tasks), fine))
    return steps, _hysteresis(steps, GaussianBandit(sigma_p, noise, lifetime, mean))


def _sampled(agents: TrainedAgents, lives: int, seed: int) -> list[NDArray[np.float64]]:
    """Return, risky pulls, and largest probability of a pull in a life, of each agent."""
    rng = np.random.default_rng([seed, 3])
    seen = simulate(AgentPolicy(agents, greedy=False), agents.task, lives, rng)
    largest = seen.risky_probability.max(axis=0)
    return [values.mean(axis=-1) for values in (seen.expected_returns, seen.risky_pulls, largest)]


def _hysteresis(steps: xr.Dataset, task: GaussianBandit) -> Facts:
    down, up = steps.mean_down, steps.mean_up
    fell = down.where(steps.pulls_down < 1).max("down")
    back = up.where(steps.pulls_up > 1).min("up")
    there = abs(down - float(task.mean)).argmin("down")
    m = float(down[there])
    coming = steps.return_up[abs(up - m).argmin("up")]
    going = steps.return_down[there]
    best = bayes_optimal(GaussianBandit(task.sigma_p, task.sigma_l, task.lifetime, m)).value
    free = steps.largest_up[abs(up).argmin("up")]
    facts = {
        "walk-commit-edge": fact(steps.attrs["commit_edge"], "prior mean of the edge of plans"),
        "walk-bayes-edge": fact(steps.attrs["bayes_edge"], "prior mean of the adaptive edge"),
        "stops": fact(down.size + up.size, "stops of the walk"),
        "returned": fact(back.notnull().sum(), "agents that pull again on the way up"),
        "compare": fact(m, "a prior mean that is met on both ways"),
        "there-best": fact(best, "what the best policy earns there"),
        "still": fact((free < 0.1).sum(), "agents that hardly pull where a pull is free"),
    }
    for name, values, about in (
        ("falls", fell, "prior mean from which agents do not pull, way down"),
        ("returns", back, "prior mean from which agents pull again, way up"),
        ("going", going, "return at the compared prior mean, way down"),
        ("coming", coming, "the same, way up"),
    ):
        # the sum turns -0.0 into 0.0
        facts[f"{name}-lowest"] = fact(values.min() + 0.0, f"{about}: lowest agent")
        facts[f"{name}-highest"] = fact(values.max() + 0.0, f"{about}: highest agent")
    return facts


# --- between the optima ---


def some_of(
    data: xr.Dataset, agents: TrainedAgents, training: str, kind: str, sigma_p: float, most: int
) -> TrainedAgents:
    """Choose stored agents of one kind from one task, the first of them.

    Raises
    ------
    ValueError
        If there is none.
    """
    chosen = (data.kind == kind).sel(training=training).values.ravel()
    chosen &= agents.task.sigma_p == sigma_p
    if not chosen.any():
        raise ValueError(f"sigma_p = {sigma_p}: no agent of training {training} {kind}")
    return agents[np.flatnonzero(chosen)[:most]]


def heirs(data: xr.Dataset, moves: Moves, sigma_p: float, lives: int) -> Facts:
    """Say what became of agents that were trained on.

    Parameters
    ----------
    data
        Of the row, see `row`.
    moves
        Two groups, each as `observe` saw it before and after: agents moved to a task, and agents
        that hesitate on their own.
    sigma_p
        Of the task that the first were moved to.
    lives
        In which they were observed.
    """
    here = data.sel(sigma_p=sigma_p)
    before, _ = next(iter(moves.values()))
    spread = float(before.pushed_se.mean()) * np.sqrt(lives)
    batch = json.loads(data.attrs["config"])["lives"]
    task = GaussianBandit(sigma_p, *(data.attrs[name] for name in ("sigma_l", "lifetime", "mean")))
    plans = commit_value(task, np.arange(1, data.attrs["lifetime"]))
    return {
        "heir-stored": fact(here.learns.sum(), "stored agents of that task that learn"),
        "heir-all": fact(here.learns.size, "stored agents of that task"),
        "heir-best": fact(here.bayes_value, "what the best policy earns there"),
        "heir-commit": fact(plans.max(), "what the best plan that explores earns there"),
        "donor-count": fact(before.sizes["agent"], "learners that are moved there"),
        "donor-return": fact(mean_se(before.earned), "what they earn there as they are"),
        "life-sd": fact(spread, "standard deviation of the return of a life once begun"),
        "update-sd": fact(spread / np.sqrt(batch), "the same of the mean of an update's lives"),
    }


def became(moves: Moves) -> dict[str, dict[str, str | int]]:
    """Count what became of agents: a column for each group, before and after."""
    return {
        f"{title}, {when}": {
            **{kind: int((found.kind == kind).sum()) for kind in KINDS},
            "probability to begin": mean_se(found.begins),
            "a life once begun": mean_se(found.pushed),
        }
        for title, pair in moves.items()
        for when, found in zip(("before", "after"), pair, strict=True)
    }


def pairs(
    data: xr.Dataset, agents: Mapping[str, TrainedAgents], most: int
) -> tuple[dict[str, tuple[TrainedAgents, TrainedAgents]], Facts]:
    """Choose pairs of stored agents on the task where the two trainings differ most.

    Parameters
    ----------
    data
        Of the row, see `row`.
    agents
        By training.
    most
        Pairs of each sort, at most.

    Returns
    -------
    dict
        From an agent that never goes on to the one of the same seed that learns; and from one that
        learns to the next.
    Facts
    """
    led, learns = agents["continuation"], data.learns.sel(training="continuation")
    apart = ((data.kind == "never").sel(training="direct", drop=True) & learns).values
    chosen = int(apart.sum(axis=1).argmax())
    own = np.arange(data.sizes["seed"]) + chosen * data.sizes["seed"]
    mixed = own[apart[chosen]][:most]
    learners = own[learns.values[chosen]][: most + 1]
    couples = {
        "never to learner": (agents["direct"][mixed], led[mixed]),
        "two learners": (led[learners[:-1]], led[learners[1:]]),
    }
    task = fact(data.sigma_p[chosen], "sigma_p of the pairs")
    return {name: ends for name, ends in couples.items() if len(ends[0].seeds)}, {"line-p": task}


def on_line(
    first: TrainedAgents, second: TrainedAgents, points: int, lives: int, seed: int = 0
) -> xr.Dataset:
    """Let the networks on straight lines between the weights of agents live, in pairs.

    Returns
    -------
    Dataset over (pair, along)
        ``value``, the return with sampled actions, in units of reward, with its standard error
        ``value_se``; ``along`` is 0 at the first agent and 1 at the second.
    """
    way = np.linspace(0, 1, points)
    found = []
    for share in way:
        between = (1 - share) * first.weights + share * second.weights
        policy = AgentPolicy(replace(second, weights=between), greedy=False)
        rng = np.random.default_rng([seed, 4])
        found.append(measure(simulate(policy, second.task, lives, rng), ["pair"]))
    line = xr.concat(found, xr.Variable("along", way))
    line = line.rename(expected_return="value", expected_return_se="value_se")
    return line[["value", "value_se"]].transpose("pair", "along")


def barriers(lines: Lines) -> dict[str, dict[str, float]]:
    """Lay out how many lines have a barrier, a point below both ends by 3 standard errors."""
    table: dict[str, dict[str, float]] = {"lines": {}, "with a barrier": {}, "deepest": {}}
    for title, found in lines.items():
        inner, ends = found.isel(along=slice(1, -1)), found.isel(along=[0, -1])
        bottom = inner.isel(along=inner.value.argmin("along"))
        end = ends.isel(along=ends.value.argmin("along"))
        depth = (end.value - bottom.value).values
        error = np.hypot(end.value_se, bottom.value_se).values
        table["lines"][title] = depth.size
        table["with a barrier"][title] = int((depth > 3 * error).sum())
        table["deepest"][title] = round(max(float(depth.max()), 0.0), 1)
    return table


def handicaps(
    teams: Mapping[str, TrainedAgents], lives: int, seed: int = 0
) -> tuple[xr.Dataset, dict[str, dict[str, str | int]]]:
    """Compare agents that were trained in several ways with those of the first.

    Parameters
    ----------
    teams
        Agents of one task, by the way in which they were trained.
    lives
        In which each is looked at.
    seed
        Of those lives.

    Returns
    -------
    Dataset over (variation, seed)
        ``kind``, one of `KINDS`; ``pulls``, risky pulls of a life when actions are sampled.
    dict
        The number of agents of each kind, and whether they pull more or less often than those of
        the first way: Mann and Whitney's test, exact, at 5% after Bonferroni's correction.
    """
    data = xr.Dataset(coords={"variation": list(teams)})
    kinds, pulls = [], []
    for team in teams.values():
        rng = np.random.default_rng([seed, 5])
        lived = simulate(AgentPolicy(team, greedy=False), team.task, lives, rng)
        pulls.append(lived.risky_pulls.mean(axis=-1))
        kinds.append(observe(team, team.task, lives, seed).kind.values)
    data["kind"] = ("variation", "seed"), np.array(kinds)
    data["pulls"] = ("variation", "seed"), np.array(pulls)
    table: dict[str, dict[str, str | int]] = {
        kind: {way: int((data.kind.sel(variation=way) == kind).sum()) for way in teams}
        for kind in KINDS
    }
    usual, *others = list(teams)
    first = data.pulls.sel(variation=usual).values
    table["pull"] = {usual: ""}
    for way in others:
        own = data.pulls.sel(variation=way).values
        told = mannwhitneyu(own, first, method="exact").pvalue * len(others) < 0.05
        more = "more" if np.median(own) > np.median(first) else "less"
        table["pull"][way] = more if told else "alike"
    return data, table
