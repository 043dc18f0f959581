"""What the chapter *Learning to learn, and not to* draws, and the numbers that it quotes.

Each part of the chapter has a function that makes a dataset and facts of what studies found.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from meta_bandit import GaussianBandit
from meta_bandit.agents import AgentPolicy, TrainedAgents
from meta_bandit.studies.facts import Fact, Facts, fact, interval, percent
from meta_bandit.studies.results import stored, stored_agents, stored_slices
from meta_bandit.theory import (
    bayes_optimal,
    critical_sigma_l,
    gain,
    predictable_sigma_p,
    stopping_critical_sigma_l,
)
from meta_bandit.worlds import simulate

TRAININGS = ("continuation", "direct")
THEORIES = ("best committed plan", "Bayes-optimal")
ACTIONS = ("greedy", "sampled")
LED = {"training": "continuation"}
REGIONS = {
    "inside": "where a committed plan pays, too",
    "between": "between the two edges",
    "faint": "at 0.6 to 0.95 of the adaptive edge in σ_l",
    "never": "where no policy pays",
}
"""Of the plane, by a word; the third lies across the first two."""
TASKS = ["sigma_p", "sigma_l"]
SPREADS = np.linspace(0.2, 4.2, 41)
"""Values of sigma_p at which edges are drawn, in units of reward."""


def plane(
    led: xr.Dataset,
    direct: xr.Dataset,
    close: float = 0.25,
    enough: float = 0.9,
    spreads: NDArray[np.float64] = SPREADS,
) -> tuple[xr.Dataset, Facts]:
    """Compare the agents of two grids with both optima of their tasks.

    Parameters
    ----------
    led, direct
        Grids of the same tasks at one lifetime, trained with and without the continuation.
    close
        Exploration is the same within this share, or half a pull.
    enough
        A return is as good from this share of it on.
    spreads
        Where the edges are computed, values of sigma_p in units of reward.

    Returns
    -------
    Dataset
        What the two grids hold, over (training, sigma_p, sigma_l, seed); of each agent, whether
        it ``learns`` (pulls, and not the same number of pulls in every life) or ``never`` pulls,
        ``normalised`` (share of the Bayes-optimal return; NaN where that is 0), ``beats`` (earns
        more than the best committed plan by 2 standard errors), ``missed`` (never pulls where
        learning pays), ``needless`` (pulls where it does not), ``undecided`` (missed, but pulls at
        least once a life if it samples). Of each task both optima; where learning ``pays`` for the
        Bayes-optimal policy, behaviour is ``predictable``, any agent ``reached`` more than never
        learning by 3 standard errors; ``ratio`` and ``commit_ratio``, sigma_l in units of its
        value at either edge. Over theory: ``aim``, what it explores; ``whether``, ``how_long``
        and ``how_well``, shares that agree, by training and seed. Over ``spread``: both edges.
    Facts
    """
    data = _measured([led, direct])
    spread = GaussianBandit(spreads, 1.0, data.attrs["lifetime"], data.attrs["mean"])
    data = data.assign_coords(spread=spreads)
    data["commit_edge"] = "spread", critical_sigma_l(spread)
    data["stopping_edge"] = "spread", stopping_critical_sigma_l(spread)
    data = _agreement(data, close, enough)
    data = _near_the_edge(data)
    facts = _what_was_trained(data) | _cases(data) | _comparison(data) | _failures(data)
    facts["close-percent"] = fact(100 * close, "exploration is the same within this, %")
    facts["enough-percent"] = fact(100 * enough, "a return is as good from this share on, %")
    return data, facts


def _measured(grids: list[xr.Dataset]) -> xr.Dataset:
    """Put both grids side by side, and say of each agent what it does."""
    results = [grid.isel(lifetime=0) for grid in grids]
    trainings = xr.Variable("training", list(TRAININGS))
    data = xr.concat(
        [result.drop_vars("lifetime") for result in results],
        trainings,
        join="outer",
        combine_attrs="override",
    )
    for name in ("optimal_pulls", "commit_value", "bayes_value", "bayes_error"):
        data[name] = results[0][name].drop_vars("lifetime")
    lifetime, mean = int(results[0].lifetime), float(results[0].attrs["mean"])
    data.attrs |= {
        "lifetime": lifetime,
        "mean": mean,
        "wall_seconds": float(sum(result.attrs["wall_seconds"] for result in results)),
    }
    tasks = GaussianBandit(data.sigma_p.values[:, None], data.sigma_l.values, lifetime, mean)
    data["bayes_exploration"] = TASKS, bayes_optimal(tasks).exploration
    aims = [data.optimal_pulls, data.bayes_exploration]
    data["aim"] = xr.concat(aims, xr.Variable("theory", list(THEORIES)))
    # all, unless a training has fewer seeds
    data["trained"] = data.risky_pulls.notnull()
    data["learns"] = data.risky_pulls_se > 0
    data["never"] = data.risky_pulls == 0
    data["pays"] = data.bayes_value > 0
    informed = (lifetime - 1) * gain(mean, data.sigma_p.values)
    data["predictable"] = "sigma_p", informed <= -mean
    data["normalised"] = (data.expected_return / data.bayes_value).where(data.pays)
    surely = data.expected_return - 2 * data.expected_return_se
    data["beats"] = surely > data.commit_value
    return data


def share(data: xr.Dataset, agrees: xr.DataArray, among: xr.DataArray) -> xr.DataArray:
    """Share of the tasks for each seed; NaN where none was trained."""
    return agrees.where(data.trained & among).mean(TASKS)


def _agreement(data: xr.Dataset, close: float, enough: float) -> xr.Dataset:
    """Say how many agents agree with either theory on whether, how long and how well."""
    worth = xr.concat([data.commit_value, data.bayes_value], data.theory)
    everywhere = xr.ones_like(data.pays)
    same = abs(data.exploration - data.aim) <= np.maximum(close * data.aim, 0.5)
    data["earned"] = (data.expected_return / worth).where(worth > 0)
    return data.assign(
        whether=share(data, data.learns == (worth > 0), everywhere),
        how_long=share(data, same, data.learns & (data.aim > 0)),
        how_well=share(data, data.earned >= enough, worth > 0),
    )


def _near_the_edge(data: xr.Dataset) -> xr.Dataset:
    """Say how far each task is from both edges, and which agents fail."""
    at = edges(data).sel(sigma_p=data.sigma_p, method="nearest")
    at = at.assign_coords(sigma_p=data.sigma_p)
    lead = data.expected_return - 3 * data.expected_return_se
    missed = data.never & data.pays
    return data.assign(
        # infinite where behaviour is predictable
        ratio=data.sigma_l / at.stopping_edge,
        commit_ratio=data.sigma_l / at.commit_edge,
        missed=missed,
        needless=data.trained & ~data.never & ~data.pays,
        undecided=missed & (data.risky_pulls_sampled >= 1),
        reached=(lead > 0).any(["training", "seed"]),
        split=data.learns.any("seed") & data.never.any("seed"),
    )


def edges(data: xr.Dataset) -> xr.Dataset:
    """Both edges as curves over sigma_p."""
    return data[["commit_edge", "stopping_edge"]].rename(spread="sigma_p")


def maps(data: xr.Dataset) -> xr.DataArray:
    """Exploration of both optima, and of the agents led by continuation, mean over seeds."""
    found = data.exploration.sel(LED, drop=True).mean("seed")
    titles = xr.Variable("map", [*THEORIES, "trained agents"])
    three: xr.DataArray = xr.concat([*data.aim.drop_vars("theory"), found], titles)
    return three


def cloud(data: xr.Dataset) -> xr.Dataset:
    """Exploration of every agent, beside both optima of its task."""
    both = data[["exploration"]].assign(optimal=data.aim * xr.ones_like(data.seed))
    return both.stack(agent=(*TASKS, "seed"))


def from_edge(data: xr.Dataset) -> xr.Dataset:
    """What every agent earns where learning pays, by the distance of its task from the edge."""
    found = xr.Dataset(
        {
            "ratio": data.ratio,
            "normalised_return": data.normalised,
            "committed": data.commit_value / data.bayes_value,
        }
    )
    each: xr.Dataset = found.where(data.pays) * xr.ones_like(data.seed)
    return each.stack(agent=(*TASKS, "seed"))


def _share_of_seeds(name: str, shares: xr.DataArray, about: str) -> Facts:
    """Make the facts of a share: its mean over seeds and half of its 95% interval, percent."""
    mean, half = interval(100 * shares)
    return {
        name: fact(mean, f"{about}, %"),
        f"{name}-half": fact(half, f"{about}: half of its 95% interval over seeds, %"),
    }


def agreement(data: xr.Dataset) -> dict[str, dict[str, str]]:
    """Lay out who agrees with which theory: a column for each question, percent."""
    columns = {"whether": "whether", "how long": "how_long", "how well": "how_well"}
    return {
        title: {
            f"{theory}, {training}": percent(data[name].sel(theory=theory, training=training))
            for training in TRAININGS
            for theory in THEORIES
        }
        for title, name in columns.items()
    }


def failures(data: xr.Dataset) -> dict[str, dict[str, int]]:
    """Count failures: a column for each training."""
    outcome = {
        "agents that never pull where learning pays": data.missed,
        "... and a stored agent earns more there": data.missed & data.reached,
        "... and if they sample, pull once a life or more": data.undecided,
        "agents that pull where learning does not pay": data.needless,
        "tasks on which seeds disagree": data.split,
    }
    return {
        training: {said: int(which.sel(training=training).sum()) for said, which in outcome.items()}
        for training in TRAININGS
    }


def _what_was_trained(data: xr.Dataset) -> Facts:
    about, config = data.attrs, json.loads(data.attrs["config"])
    facts: Facts = {}
    for training, suffix in (("continuation", ""), ("direct", "-direct")):
        trained = data.trained.sel(training=training).any(TASKS)
        seeds = data.seed[trained.values].values
        facts |= {
            f"seeds-{training}": fact(len(seeds), f"agents on each task ({training})"),
            f"seed-list{suffix}": fact(", ".join(map(str, seeds)), f"their seeds ({training})"),
        }
    return facts | {
        "tasks-p": fact(data.sizes["sigma_p"], "values of sigma_p"),
        "tasks-l": fact(data.sizes["sigma_l"], "values of sigma_l"),
        "lifetime": fact(about["lifetime"], "pulls in a life"),
        "mean": fact(about["mean"], "prior mean of the risky arm, reward"),
        "updates": fact(config["updates"], "updates of each training"),
        "batch": fact(config["lives"], "lives of an update"),
        "count": fact(data.trained.sum(), "agents of both trainings"),
        "minutes": fact(about["wall_seconds"] / 60, "minutes that training all of them took"),
        "lives": fact(f"{about['lives']:,}", "lives in which each agent is measured"),
        "stored-each": fact(
            data.trained.any(TASKS).sum(), "agents stored for each task, of both trainings"
        ),
    }


def _cases(data: xr.Dataset) -> Facts:
    lifetime, mean = data.attrs["lifetime"], data.attrs["mean"]
    trained, never, learns = data.trained, data.never, data.learns
    alike = predictable_sigma_p(lifetime, mean)
    unmoved = trained & ~learns & ~never
    facts = {
        "never-count": fact(never.sum(), "agents that never pull, both trainings"),
        "learn-count": fact(learns.sum(), "agents that learn, both trainings"),
        "fixed-count": fact(unmoved.sum(), "agents that pull alike in every life"),
        "predictable": fact(alike, "largest sigma_p that is predictable, reward"),
    }
    for name, where, case in (
        ("case1", "where behaviour is predictable", data.predictable),
        ("case2", "where life is too short", ~data.pays & ~data.predictable),
    ):
        facts[f"{name}-count"] = fact((case & trained).sum(), f"agents {where}")
        facts[f"{name}-never"] = fact((case & never).sum(), f"agents {where} that never pull")
    return facts


def _comparison(data: xr.Dataset) -> Facts:
    """Whether, how well and how long: agents led by continuation, and both theories."""
    led = data.sel(LED)
    facts: Facts = {}
    for key, theory in zip(("commit", "bayes"), THEORIES, strict=True):
        agree = led.whether.sel(theory=theory)
        facts |= _share_of_seeds(f"whether-{key}", agree, f"agree on whether: {theory}")
    between = data.pays & (data.commit_value == 0)
    inside = data.commit_value > 0
    facts["between-tasks"] = fact(between.sum(), "tasks between the two edges")
    for name, region in (("between", between), ("inside", inside)):
        where = {"between": "between the edges", "inside": "where learning pays in both theories"}
        facts |= {
            f"{name}-agents": fact((region & led.trained).sum(), f"agents {where[name]}"),
            f"{name}-learn": fact((region & led.learns).sum(), "of them, those that learn"),
        }
    headroom = data.bayes_value / data.commit_value - 1
    for name, which, said in (
        ("wide", inside & (headroom > 0.05), "at least 5% more"),
        ("narrow", inside & (headroom <= 0.05), "less than 5% more"),
    ):
        facts[f"{name}-tasks"] = fact(which.sum(), f"tasks on which the adaptive earns {said}")
        beats = share(led, led.beats, which)
        facts |= _share_of_seeds(f"beats-{name}", beats, "agents there above the plan by 2 s.e.")
    compared = led.learns & inside
    below = led.expected_return + 2 * led.expected_return_se < led.commit_value
    rival = (led.expected_return / led.commit_value).where(inside & (headroom > 0.05) & led.learns)
    off = abs(np.log((led.exploration / led.aim).where(compared)))
    nearer = (off.sel(theory="Bayes-optimal") < off.sel(theory="best committed plan")).where(
        compared
    )
    facts |= _share_of_seeds("nearer", nearer.mean(TASKS), "nearer to the adaptive exploration")
    facts |= {
        "compared": fact(compared.sum(), "learners where learning pays in both theories"),
        "below": fact((below & compared).sum(), "of them, below the plan by 2 s.e."),
        "rival": fact(rival.median(), "median learner's return over the plan's, wide tasks"),
        "noisy-share": fact(
            100 * _noisiest(data).median(), "median exploration of noisy tasks, % of optimal"
        ),
    }
    for key, theory in zip(("commit", "bayes"), THEORIES, strict=True):
        factor = float(np.exp(off.sel(theory=theory).median()))
        facts[f"factor-{key}"] = fact(factor, f"typical factor from the exploration of: {theory}")
    return facts


def _noisiest(data: xr.Dataset) -> xr.DataArray:
    """Exploration as a share of the optimal, of learners where that is 5 pulls or more."""
    led = data.sel(LED)
    own = led.exploration / data.bayes_exploration
    noisiest: xr.DataArray = own.where(led.learns & (data.bayes_exploration >= 5))
    return noisiest


def _failures(data: xr.Dataset) -> Facts:
    """Near the edge and beyond: which agents fail, for each training."""
    facts: Facts = {}
    for training in TRAININGS:
        own = data.sel(training=training)
        missed, learns, commit = own.missed, own.learns, data.commit_ratio
        earned = own.normalised.where(learns)
        learnt, left = share(own, learns, data.pays), share(own, own.never, ~data.pays)
        lost = data.bayes_value.where(missed)
        excused = missed & (data.commit_value == 0)
        noisy = data.ratio > 0.1
        own_facts = {
            "missed": fact(missed.sum(), "agents that never pull where learning pays"),
            "pays": fact((data.pays & own.trained).sum(), "agents for which learning pays"),
            "failures": fact((missed & data.reached).sum(), "missed, where another agent earns"),
            "undecided": fact(own.undecided.sum(), "missed, but pull once a life if they sample"),
            "needless": fact(own.needless.sum(), "agents that pull where learning does not pay"),
            "split": fact(own.split.sum(), "tasks on which seeds disagree"),
            "ratio": fact(data.ratio.where(missed).min(), "least noise of one, / adaptive edge's"),
            "commit-ratio": fact(commit.where(missed).min(), "the same, / committed edge's"),
            "commit-reach": fact(commit.where(learns).max(), "most noise of a learner, / the same"),
            "lost-least": fact(lost.min(), "least that a missed one misses, reward"),
            "lost": fact(lost.median(), "median that a missed one misses, reward"),
            "lost-most": fact(lost.max(), "most that a missed one misses, reward"),
            "excused": fact(excused.sum(), "missed, where no committed plan earns anything"),
            "typical": fact(100 * earned.median(), "median learner, % of the Bayes-optimal return"),
            "typical-half": fact(
                interval(100 * earned.median(TASKS))[1],
                "half of the 95% interval of medians over seeds, % of the Bayes-optimal return",
            ),
            "near": fact(
                100 * earned.where(noisy).median(), "the same, above a tenth of the edge's noise"
            ),
            "far": fact(100 * earned.where(~noisy).median(), "the same, up to a tenth of it"),
        }
        own_facts |= _share_of_seeds("learn", learnt, "agents that learn where learning pays")
        own_facts |= _share_of_seeds("leave", left, "agents that never pull where it does not")
        for name, found in own_facts.items():
            facts[f"{name}-{training}"] = fact(found.value, f"{found.about} ({training})")
    led, direct = (data.sel(training=training) for training in TRAININGS)
    opposite = led.learns.all("seed") & (direct.never | ~direct.trained).all("seed")
    facts["opposite"] = fact(opposite.sum(), "tasks on which all led learn, and none direct")
    return facts


def greedy_and_sampled(grid: xr.Dataset, enough: float = 1.0) -> tuple[xr.Dataset, Facts]:
    """Compare agents that take the likelier arm with themselves as they were trained.

    Parameters
    ----------
    grid
        A stored grid at one lifetime, such as ``plane.nc``.
    enough
        Risky pulls of a life, on average, from which on an agent that samples is said to pull.

    Returns
    -------
    Dataset
        Over (map, sigma_p, sigma_l): ``exploration``, in pulls, mean over seeds; the coordinate
        ``map`` is of `ACTIONS`, and fit for `figures.exploration_maps`. Over (sigma_p, sigma_l,
        seed): ``gained``, what greed adds to the return of a life, in units of reward; ``pulls``
        over (map, sigma_p, sigma_l, seed), whether the agent pulls.
    Facts
    """
    one = grid.isel(lifetime=0)
    titles = xr.Variable("map", [*ACTIONS])
    both = xr.concat([one.exploration, one.exploration_sampled], titles)
    data = both.mean("seed").to_dataset(name="exploration").drop_vars("lifetime")
    pulls = [one.risky_pulls > 0, one.risky_pulls_sampled >= enough]
    data["pulls"] = xr.concat(pulls, titles).drop_vars("lifetime")
    data["gained"] = (one.expected_return - one.expected_return_sampled).drop_vars("lifetime")
    greedy, sampled = (data.pulls.sel({"map": name}) for name in ACTIONS)
    pays = one.bayes_value > 0
    share = 100 * (data.gained / one.bayes_value).where(pays & greedy)
    mean, half = interval(share.mean(TASKS))
    by_map = data.exploration.where(greedy.any("seed")).mean(TASKS)
    return data, {
        "greed-agents": fact(greedy.size, "agents"),
        "greed-changed": fact((greedy != sampled).sum(), "agents of which only one of both pulls"),
        "greed-hidden": fact((sampled & ~greedy).sum(), "agents that pull only if they sample"),
        "greed-longer": fact(by_map.sel(map="sampled"), "exploration where any pulls, sampled"),
        "greed-shorter": fact(by_map.sel(map="greedy"), "exploration where any pulls, greedy"),
        "greed-gain": fact(
            mean, "what greed adds, in % of the optimum, of those that pull: mean over seeds"
        ),
        "greed-gain-half": fact(half, "half of its 95% interval over seeds (Student's)"),
        "greed-seeds": fact(greedy.sizes["seed"], "agents of each task"),
    }


def in_regions(name: str, grid: xr.Dataset) -> Facts:
    """Count, region by region, the agents of a grid that pull, and what they earn.

    Parameters
    ----------
    name
        What to call the grid.
    grid
        Agents over sigma_p, sigma_l and seed, at one lifetime.

    Returns
    -------
    Facts
        With ``scale-`` and the name before them: agents that pull at all in each of `REGIONS`,
        and those of them that lose; their return there, the share of agents that earn at least 75%
        of the optimum where learning pays, and how many agree with either optimum on whether to
        learn, means over seeds with 95% intervals.
    """
    own, key = grid.isel(lifetime=0, drop=True), f"scale-{name}"
    best, plan, spread, noise = own.bayes_value, own.commit_value, own.sigma_p, own.sigma_l
    edge = stopping_critical_sigma_l(_line(grid))
    with np.errstate(divide="ignore"):
        reach = noise / spread.copy(data=edge)
    inside = (plan > 0, (best > 0) & (plan <= 0), (reach >= 0.6) & (reach <= 0.95), best <= 0)
    regions = dict(zip(REGIONS, inside, strict=True))
    pulls, lose = own.risky_pulls > 0, own.expected_return < 0
    each = own.expected_return / best.where(best > 0)
    facts: Facts = {
        f"{key}-lifetime": fact(grid.lifetime[0], f"pulls in a life ({name})"),
        f"{key}-seeds": fact(own.sizes["seed"], f"agents of each task ({name})"),
        f"{key}-agents": fact(pulls.size, f"agents ({name})"),
        f"{key}-updates": fact(
            json.loads(grid.attrs["config"])["updates"], f"updates of their training ({name})"
        ),
    }
    for theory, value in (("bayes", best), ("plan", plan)):
        agree = (pulls == (value > 0)).mean(TASKS)
        said = f"whether to pull as the {theory} ({name}), %: mean over seeds ± 95%"
        facts[f"{key}-{theory}"] = fact(percent(agree), said)
    for region, inside in regions.items():
        there, where = pulls.where(inside), REGIONS[region]
        facts |= {
            f"{key}-{region}": fact(int(there.count()), f"agents {where} ({name})"),
            f"{key}-{region}-pull": fact(int(there.sum()), f"of these, that pull ({name})"),
            f"{key}-{region}-lose": fact(
                int(lose.where(inside).sum()), f"of these, that earn less than nothing ({name})"
            ),
        }
        if region == "never":
            lost = -own.expected_return.where(inside).min()
            facts[f"{key}-lost"] = fact(
                lost, f"most that one loses {where} ({name}), rewards a life"
            )
            continue
        earned = own.expected_return.where(inside).sum(TASKS) / best.where(inside).sum()
        said = f"return {where}, % of the Bayes-optimal ({name}), ± 95%"
        less = f"agents {where} that earn less than 75% ({name})"
        facts |= {
            f"{key}-{region}-share": fact(percent(earned), said),
            f"{key}-{region}-low": fact((each < 0.75).where(inside).sum(), less),
        }
    enough = (each >= 0.75).where(best > 0).mean(TASKS)
    facts |= {
        f"{key}-enough": fact(
            percent(enough), f"of agents where learning pays, those of 75% or more ({name}), ± 95%"
        ),
        f"{key}-worst": fact(
            -own.expected_return.where(best > 0).min(),
            f"most that one loses where learning pays ({name}), rewards a life",
        ),
    }
    return facts


def _line(grid: xr.Dataset) -> GaussianBandit:
    """Make one task for each sigma_p of a grid, as edges need them."""
    return GaussianBandit(grid.sigma_p.values, 1.0, int(grid.lifetime[0]), grid.attrs["mean"])


def at_scale(grids: Mapping[str, xr.Dataset]) -> tuple[xr.Dataset, Facts]:
    """Compare the agents of grids at the paper's scale with both optima, region by region.

    Parameters
    ----------
    grids
        By the name of their training, grids of the same tasks at one lifetime.

    Returns
    -------
    Dataset
        Over (map, sigma_p, sigma_l): ``exploration`` in pulls, of both optima (`THEORIES`) and,
        mean over seeds, of the agents of each training. Over ``sigma_p`` alone: ``commit_edge`` and
        ``stopping_edge`` in units of reward.
    Facts
        Those of `in_regions` for each training.
    """
    first = next(iter(grids.values()))
    spread, line = first.sigma_p, _line(first)
    tasks = GaussianBandit(spread.values[:, None], first.sigma_l.values, line.lifetime, line.mean)
    plan = first.optimal_pulls.isel(lifetime=0, drop=True).astype(float).drop_attrs()
    explored = [plan, plan.copy(data=bayes_optimal(tasks).exploration)]
    facts: Facts = {
        "scale-tasks": fact(
            f"{spread.size} times {first.sizes['sigma_l']}", "values of sigma_p, and of sigma_l"
        ),
        "scale-lives": fact(f"{int(first.attrs['lives']):,}", "lives of each agent"),
    }
    for name, grid in grids.items():
        explored.append(grid.isel(lifetime=0, drop=True).exploration.mean("seed"))
        facts |= in_regions(name, grid)
    titles = xr.Variable("map", [*THEORIES, *grids])
    data = xr.concat(explored, titles, coords="minimal", compat="override")
    edges = {
        "commit_edge": ("sigma_p", critical_sigma_l(line)),
        "stopping_edge": ("sigma_p", stopping_critical_sigma_l(line)),
    }
    return data.to_dataset(name="exploration").assign(edges), facts


def by_region(facts: Facts, grids: Iterable[str]) -> dict[tuple[str, str], dict[str, object]]:
    """Lay out what `in_regions` counted of grids: a row for each of `REGIONS` and each grid."""
    columns = {
        "agents": "",
        "that pull": "-pull",
        "return (%)": "-share",
        "that earn less than 75%": "-low",
        "that lose": "-lose",
    }
    none = Fact("", "not defined where no policy pays")
    return {
        (where, name): {
            title: facts.get(f"scale-{name}-{region}{end}", none).value
            for title, end in columns.items()
        }
        for region, where in REGIONS.items()
        for name in grids
    }


def by_length_of_life(facts: Facts, grids: Iterable[str]) -> dict[int, dict[str, object]]:
    """Lay out what `in_regions` counted of grids: a row for each, by pulls in a life."""
    columns = {
        "agents": "agents",
        "as the Bayes-optimal (%)": "bayes",
        "as a plan (%)": "plan",
        "between the edges": "between",
        "of these, that pull": "between-pull",
        "their return (%)": "between-share",
        "where no policy pays": "never",
        "of them, that pull": "never-pull",
    }
    return {
        facts[f"scale-{name}-lifetime"].value: {
            title: facts[f"scale-{name}-{end}"].value for title, end in columns.items()
        }
        for name in grids
    }


def elsewhere(
    data: xr.Dataset, grids: Mapping[str, xr.Dataset]
) -> tuple[dict[str, dict[str, int]], Facts]:
    """Try on other agents a threshold that was read off those of the plane.

    It is the least noise, in units of that at the committed edge, at which an agent led by
    continuation never pulls although learning pays. Below it all of the plane's learn.

    Parameters
    ----------
    data
        What `plane` makes.
    grids
        Stored grids of other agents that were led by continuation, by name.

    Returns
    -------
    table
        Columns, each with a row for each grid and lifetime: seeds, tasks below the threshold,
        agents on them, and those of the agents that never pull.
    Facts
    """
    threshold = float(data.commit_ratio.where(data.missed.sel(LED)).min())
    rows = {}
    for name, grid in grids.items():
        for lifetime in grid.lifetime.values.tolist():
            here = grid.sel(lifetime=lifetime)
            worlds = GaussianBandit(here.sigma_p.values, 1.0, lifetime, grid.attrs["mean"])
            at = here.sigma_p.copy(data=critical_sigma_l(worlds))
            below = (here.sigma_l < threshold * at) & here.risky_pulls.notnull()
            rows[f"{name}, T = {lifetime}"] = (
                here.sizes["seed"],
                int(below.any("seed").sum()),
                int(below.sum()),
                int((below & (here.risky_pulls == 0)).sum()),
            )
    columns = ("seeds", "tasks below it", "agents on them", "of those never pull")
    table = {
        title: {name: row[column] for name, row in rows.items()}
        for column, title in enumerate(columns)
    }
    facts: Facts = {
        "elsewhere": fact(sum(table[columns[2]].values()), "other agents below the threshold"),
        "elsewhere-never": fact(sum(table[columns[3]].values()), "of them, those that never pull"),
    }
    return table, facts


def move(agents: TrainedAgents, sigma_l: float, lives: int, seed: int = 0) -> NDArray[np.float64]:
    """Tell what agents earn, greedily, on their tasks but with another noise.

    Parameters
    ----------
    agents
        With their weights as they are.
    sigma_l
        The noise, in units of reward.
    lives, seed
        Of each agent, and of their random numbers.

    Returns
    -------
    shape (agents,)
        Mean return of a life, in units of reward.
    """
    task = agents.task
    world = GaussianBandit(task.sigma_p, sigma_l, task.lifetime, task.mean)
    lived = simulate(AgentPolicy(agents), world, lives, np.random.default_rng(seed))
    return np.asarray(lived.expected_returns.mean(axis=-1))


def shares_elsewhere(
    agents: TrainedAgents, sigma_l: float, lives: int, seed: int = 0
) -> NDArray[np.float64]:
    """Give the same as shares of the Bayes-optimal return there; see `move`."""
    task = agents.task
    world = GaussianBandit(task.sigma_p, sigma_l, task.lifetime, task.mean)
    return np.asarray(move(agents, sigma_l, lives, seed) / bayes_optimal(world).value)


def moved(
    data: xr.Dataset, sigma_p: float, earned: Mapping[float, NDArray[np.float64]]
) -> tuple[dict[str, dict[float, str]], Facts]:
    """Compare agents that were moved into more noise with those that were trained there.

    Parameters
    ----------
    data
        What `plane` makes.
    sigma_p
        Of all tasks, in units of reward.
    earned
        By sigma_l (of the plane), what each of the moved agents earns there, in units of reward.

    Returns
    -------
    table
        Columns, each with a row for each sigma_l: returns of those moved (mean over agents, half
        of its 95% interval) and of those trained there (each), and both optima.
    Facts
        Of the first sigma_l, with ``moved-`` before them, and of the last, with ``far-``.
    """
    table: dict[str, dict[float, str]] = {}
    facts: Facts = {"moved-p": fact(sigma_p, "sigma_p of agents that are moved, reward")}
    for number, (sigma_l, values) in enumerate(earned.items()):
        native = data.sel(LED).sel(sigma_p=sigma_p, sigma_l=sigma_l)
        mean, half = interval(xr.DataArray(values, dims="seed"))
        row = {
            "moved here": f"{mean:.1f} ± {half:.1f}",
            "trained here": ", ".join(f"{one:.1f}" for one in native.expected_return.values),
            "best committed plan": f"{float(native.commit_value):.1f}",
            "Bayes-optimal": f"{float(native.bayes_value):.1f}",
        }
        for title, cell in row.items():
            table.setdefault(title, {})[sigma_l] = cell
        name = "far-moved" if number else "moved"
        facts |= {
            f"{name}-l": fact(sigma_l, "sigma_l to which they are moved, reward"),
            f"{name}-return": fact(mean, "what they earn there, mean over agents, reward"),
            f"{name}-half": fact(half, "half of its 95% interval, reward"),
            f"{name}-bayes": fact(native.bayes_value, "Bayes-optimal return there, reward"),
            f"{name}-native": fact(native.never.sum(), "agents trained there that never pull"),
        }
    facts["moved-agents"] = fact(len(values), "agents that are moved")
    return table, facts


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def shorter(
    short: xr.Dataset, long: xr.Dataset, spreads: NDArray[np.float64] = SPREADS
) -> tuple[xr.Dataset, Facts]:
    """Compare the agents of several lifetimes with both optima.

    Parameters
    ----------
    short, long
        Grids of the same values of sigma_p and sigma_l in shorter and in longer lives.
    spreads
        Where the edges are computed, values of sigma_p in units of reward.

    Returns
    -------
    Dataset
        What the grids hold, over (sigma_p, sigma_l, lifetime, seed); agents that ``learns`` and
        whether they do as the plan (``by_plan``) and the Bayes-optimal policy do (``by_bayes``);
        ``earn``, share of the Bayes-optimal return of learners where that is positive; tasks
        ``at_odds``, between the edges. Over ``spread`` and lifetime: both edges.
    Facts
    """
    data = xr.concat([short, long], "lifetime", combine_attrs="override")
    mean, lifetimes = data.attrs["mean"], data.lifetime.values
    worlds = GaussianBandit(
        data.sigma_p.values[:, None, None], data.sigma_l.values[:, None], lifetimes, mean
    )
    data["bayes_exploration"] = (*TASKS, "lifetime"), bayes_optimal(worlds).exploration
    line = GaussianBandit(spreads[:, None], 1.0, lifetimes, mean)
    data = data.assign_coords(spread=spreads)
    data["commit_edge"] = ("spread", "lifetime"), critical_sigma_l(line)
    data["stopping_edge"] = ("spread", "lifetime"), stopping_critical_sigma_l(line)
    learns, pays = data.risky_pulls_se > 0, data.bayes_value > 0
    data = data.assign(
        learns=learns,
        by_plan=learns == (data.commit_value > 0),
        by_bayes=learns == pays,
        at_odds=pays & (data.commit_value == 0),
        earn=(data.expected_return / data.bayes_value).where(learns & pays),
    )
    earned = 100 * data.earn.median([*TASKS, "seed"])
    agree = {
        name: _listed(percent(data[name].sel(lifetime=T).mean(TASKS)) for T in lifetimes)
        for name in ("by_plan", "by_bayes")
    }
    facts: Facts = {
        "short-list": fact(_listed(map(str, short.lifetime.values)), "shorter lifetimes"),
        "all-list": fact(_listed(map(str, lifetimes)), "all lifetimes"),
        "by-plan-list": fact(agree["by_plan"], "agree with the best committed plan, %"),
        "by-bayes-list": fact(agree["by_bayes"], "agree with the Bayes-optimal policy, %"),
        "short-count": fact(short.expected_return.size, "agents of those"),
        "earn-least": fact(earned.min(), "median learner's share, lowest lifetime, %"),
        "needless-short": fact((learns & ~pays).sum(), "agents that learn where it pays not"),
    }
    return data, facts


def maps_by_lifetime(data: xr.Dataset) -> xr.DataArray:
    """Exploration of the optimum and of agents (mean over seeds) of each lifetime."""
    titles = xr.Variable("map", ["optimum", "agents"])
    two: xr.DataArray = xr.concat([data.bayes_exploration, data.exploration.mean("seed")], titles)
    return two


class Page(NamedTuple):
    """All that the chapter draws and quotes: see the functions that make it."""

    plane: xr.Dataset
    scale: xr.Dataset
    greed: xr.Dataset
    lifetimes: xr.Dataset
    movers: TrainedAgents
    moved: dict[str, dict[float, str]]
    facts: Facts


def page(
    close: float,
    enough: float,
    moved_p: float,
    moved_l: Sequence[float],
    lives: int,
    seed: int,
    coarse: int = 1,
) -> Page:
    """Compute the chapter from what is stored.

    Parameters
    ----------
    close, enough
        See `plane`.
    moved_p, moved_l
        The sigma_p of the agents that are moved, and the values of sigma_l to which they are.
    lives, seed
        Of each agent that is moved.
    coarse
        Edges, and the paper's grid, are taken at every ``coarse``-th value of sigma_p alone.
    """
    led, short, across = (stored(f"{name}.nc") for name in ("plane", "plane-short", "across"))
    spreads = SPREADS[coarse // 2 :: coarse]
    data, facts = plane(led, stored("plane-direct.nc"), close, enough, spreads)
    grid = stored_slices("paper-grid").isel(sigma_p=slice(None, None, coarse))
    direct = stored_slices("paper-direct").isel(sigma_p=slice(None, None, coarse))
    scale, of_scale = at_scale({"default": grid, "direct": direct})
    of_short = in_regions("short", stored("short.nc"))
    greed, of_greed = greedy_and_sampled(led)
    lifetimes, of_lifetimes = shorter(short, led, spreads)
    _, of_others = elsewhere(data, {"across": across, "plane-short": short})
    quiet = stored_agents("across.safetensors")
    movers = quiet[np.flatnonzero(quiet.task.sigma_p == moved_p)]
    earned = {noise: move(movers, noise, lives, seed) for noise in moved_l}
    table, of_moved = moved(data, moved_p, earned)
    facts |= of_scale | of_short | of_greed | of_lifetimes | of_others | of_moved
    return Page(data, scale, greed, lifetimes, movers, table, facts)
