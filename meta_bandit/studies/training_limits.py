"""What the chapter *What limits training* draws, and the numbers that it quotes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from meta_bandit import GaussianBandit
from meta_bandit.agents import A2CConfig
from meta_bandit.agents.a2c import TRIAL
from meta_bandit.studies.facts import Facts, fact, interval
from meta_bandit.studies.grid import QUIET
from meta_bandit.theory import critical_sigma_l, gain, stopping_critical_sigma_l

Critical = Callable[[GaussianBandit], NDArray[np.float64]]

WAYS = ("fitted", "from the best", "default", "direct", "from never")
"""How agents came to be, in the order of the figure: see `benchmarks.causes`."""
SIGNALS = ("reward", "arm-mean", "posterior-mean")
"""What a risky pull may count: see `A2CConfig.learning_signal`."""
NEEDED = ("no path", "plain")
"""Recipes by which all agents end at never pulling: no path, and plain training, whose path ends
halfway."""
HALFWAY = "path ends halfway"
"""A recipe by which some do."""
BEFORE = "companion, seed 2028"
"""The default on the tasks that were drawn before these, in ``benchmarks/results/edge.json``."""
EARNING = ("near", "away", "quiet")
"""Kinds of drawn tasks on which learning pays: see `benchmarks.edge`."""
AIMS = {"near": (90.0, 75.0), "away": (98.5, 95.0)}
"""Least mean and worst agent that were aimed at on each task of a kind, in % of the optimum."""
STUCK = 75.0
"""An agent that earns less, in % of the optimum, counts as one that training failed."""


def ablation(stored: Mapping[str, Any]) -> tuple[xr.DataArray, Facts]:
    """Read what agents earn that were trained with one part of the default left out.

    Parameters
    ----------
    stored
        The section ``ablation`` of ``benchmarks/results/edge.json``.

    Returns
    -------
    DataArray
        Share of the Bayes-optimal return over (recipe, seed).
    Facts
        The task; what agents of the default, and with one part left out, earn.
    """
    rows = stored["rows"]
    data = xr.DataArray(
        [row["share"] for row in rows],
        dims=["recipe", "seed"],
        coords={"recipe": [row["recipe"] for row in rows], "seed": stored["seeds"]},
    )
    task = rows[0]
    share = 100 * data
    default = share.sel(recipe="companion")
    both, halfway = share.sel(recipe="both of these"), share.sel(recipe=HALFWAY)
    alone = share.drop_sel(recipe=["companion", "both of these", HALFWAY, *NEEDED])
    return data, {
        "edge-p": fact(task["sigma_p"], "sigma_p of the task, reward"),
        "edge-l": fact(task["sigma_l"], "sigma_l of the task, reward"),
        "edge-m": fact(task["mean"], "prior mean of the task, reward"),
        "edge-t": fact(task["lifetime"], "lifetime of the task, pulls"),
        "edge-rare": fact(
            1 / norm.sf(-task["mean"] / task["sigma_p"]), "arms for each that is worth pulling"
        ),
        "edge-value": fact(task["value"], "Bayes-optimal return of a life, reward"),
        "edge-seeds": fact(len(stored["seeds"]), "agents of each recipe, count"),
        "edge-lives": fact(f"{stored['lives']:,}", "lives in which each is looked at, count"),
        "edge-default-worst": fact(default.min(), "worst agent of the default, % of the optimum"),
        "edge-default-best": fact(default.max(), "best agent of the default, % of the optimum"),
        "edge-halfway-failed": fact(
            (halfway < STUCK).sum(), f"agents below {STUCK:g}% where the path ends early, count"
        ),
        "edge-alone": fact(alone.size, "agents with one other part changed, count"),
        "edge-alone-failed": fact((alone < STUCK).sum(), f"of these, below {STUCK:g}%, count"),
        "edge-alone-worst": fact(alone.min(), "the worst of them, % of the optimum"),
        "edge-both-failed": fact(
            (both < STUCK).sum(), f"agents below {STUCK:g}% where two parts are left out, count"
        ),
    }


def noisy(stored: Mapping[str, Any]) -> tuple[dict[str, dict[str, object]], Facts]:
    """Read what signal and step do on a noisy task that chose nothing.

    Parameters
    ----------
    stored
        The section ``noisy`` of ``benchmarks/results/edge.json``.

    Returns
    -------
    dict
        A row for each way of training: mean over seeds ± half of its 95% interval, the worst agent,
        and how many earn less than `STUCK`, in % of the optimum.
    Facts
        The task; what plain training earns there, with its own signal and with the default's.
    """
    rows = {row["recipe"]: 100 * np.array(row["share"]) for row in stored["rows"]}
    task = stored["rows"][0]
    table: dict[str, dict[str, object]] = {
        name: {
            "mean (%)": "{:.0f} ± {:.0f}".format(*interval(share)),
            "worst agent (%)": f"{share.min():.0f}",
            f"below {STUCK:g}%": f"{(share < STUCK).sum()} of {share.size}",
        }
        for name, share in rows.items()
    }
    return table, {
        "noisy-p": fact(task["sigma_p"], "sigma_p of the noisy task, reward"),
        "noisy-l": fact(task["sigma_l"], "sigma_l of the noisy task, reward"),
        "noisy-t": fact(task["lifetime"], "its lifetime, pulls"),
        "noisy-value": fact(task["value"], "its Bayes-optimal return of a life, reward"),
        "noisy-both-failed": fact(
            (rows["both of these"] < STUCK).sum(), f"agents below {STUCK:g}% by both, count"
        ),
        "noisy-plain": fact(rows["plain"].mean(), "mean by plain training, % of the optimum"),
        "noisy-mended": fact(
            rows["plain, posterior mean"].mean(), "the same with the posterior mean, % of it"
        ),
    }


def held_out(
    stored: Mapping[str, Any], drawn: Mapping[str, Any]
) -> tuple[dict[str, dict[str, Any]], Facts]:
    """Read what the default training finds on tasks that were drawn and chose nothing.

    Parameters
    ----------
    stored
        All of ``benchmarks/results/edge.json``.
    drawn
        ``benchmarks/results/causes.json``, whose tasks near the edge were drawn in the same way.

    Returns
    -------
    dict
        Columns of a table by name, with a row for each kind of task and lifetime.
    Facts
        What agents earn near the edge, away from it, and where not learning is optimal.
    """
    section = stored["companion"]
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in section["rows"]:
        groups.setdefault((row["kind"], row["lifetime"]), []).append(row)
    kinds = ("near", "away", "quiet", "beyond", "never")
    table: dict[str, dict[str, Any]] = {}
    for kind, lifetime in sorted(groups, key=lambda key: (kinds.index(key[0]), key[1])):
        rows = groups[kind, lifetime]
        pulls = max(pulled for row in rows for pulled in row["risky_pulls"])
        kept = sum(update < section["config"]["updates"] for row in rows for update in row["kept"])
        # where nothing can be earned there is no share of it
        levels = ("mean (%)", "worst task (%)", "worst agent (%)", "worst as training ended (%)")
        entry: dict[str, Any] = {"tasks": len(rows)} | dict.fromkeys(levels, "")
        if kind in EARNING:
            each = 100 * np.array([row["share"] for row in rows])
            found = (each.mean(), each.mean(1).min(), each.min(), _ended(rows).min())
            entry |= {name: round(level, 1) for name, level in zip(levels, found, strict=True)}
        entry["aims met"] = sum(_met(kind, row["share"]) for row in rows) if kind in AIMS else ""
        table[f"{kind}, T = {lifetime}"] = entry | {
            "ended losing": sum(earned < 0 for row in rows for earned in row["last"]),
            "earlier state kept": kept,
            "most pulls": round(pulls, 2),
        }
    share = {
        kind: 100 * np.array([row["share"] for row in section["rows"] if row["kind"] == kind])
        for kind in EARNING
    }
    quiet, half = interval(share["quiet"].mean(0))
    ended = _ended([row for row in section["rows"] if row["kind"] == "quiet"])
    outside = [row for row in section["rows"] if row["kind"] in ("beyond", "never")]
    pulled, earned = (np.array([row[key] for row in outside]) for key in ("risky_pulls", "last"))
    inside = [row["validation"] for row in section["rows"] if row not in outside]
    config = section["config"]
    longest = max(lifetime for _, lifetime in groups)
    rising = 100 * np.array([row["share"] for row in groups["near", longest]])
    near = [row for row in section["rows"] if row["kind"] == "near"]
    short = 100 * np.array([row["share"] for row in near if row["lifetime"] < longest])
    whole = 100 * np.array([row["share"] for row in stored["whole-returns"]["rows"]])
    before = stored[BEFORE]["rows"]
    long, away = (
        100 * np.array([row["share"] for row in before if (row["kind"], row["lifetime"]) == group])
        for group in (("near", longest), ("away", 30))
    )
    tried = [
        (row["kind"], row["lifetime"], row["share"])
        for row in [*section["rows"], *before]
        if row["kind"] in AIMS
    ]
    tried += [("near", row["lifetime"], row["agents"]["default"]["share"]) for row in drawn["rows"]]
    facts: Facts = {}
    for kind, (mean, least) in AIMS.items():
        own = [(lifetime, _met(kind, each)) for which, lifetime, each in tried if which == kind]
        long_missed = sum(not met for lifetime, met in own if lifetime == longest)
        facts |= {
            f"aim-{kind}-mean": fact(mean, f"{kind}: mean aimed at on each task, % of the optimum"),
            f"aim-{kind}-least": fact(least, f"{kind}: aim for the worst agent, % of the optimum"),
            f"aim-{kind}-tasks": fact(len(own), f"{kind}: tasks of all draws that chose nothing"),
            f"aim-{kind}-met": fact(sum(met for _, met in own), "of these, where both are met"),
        }
        if kind == "near":
            facts["aim-near-long"] = fact(long_missed, "of those missed, in the longest lives")
    optimum = "% of the optimum"
    return table, facts | {
        "held-seeds": fact(len(section["seeds"]), "agents of each task, count"),
        "held-lives": fact(f"{section['lives']:,}", "lives in which each is looked at, count"),
        "held-worst-task": fact(share["near"].mean(1).min(), f"near: mean, worst task, {optimum}"),
        "held-worst": fact(share["near"].min(), f"near: worst agent, {optimum}"),
        "short-worst": fact(short.min(), f"near, shorter lives: worst agent, {optimum}"),
        "long-stuck": fact((rising < STUCK).sum(), f"near, longest lives: below {STUCK:g}%, count"),
        "long-agents": fact(rising.size, "agents of the longest lives, count"),
        "held-longest": fact(longest, "lifetime of the longest lives, pulls"),
        "rising-mean": fact(rising.mean(), f"longest lives: mean by the default, {optimum}"),
        "whole-mean": fact(whole.mean(), f"longest lives: mean by whole returns, {optimum}"),
        "whole-stuck": fact(100 * (whole < STUCK).mean(), f"of these below {STUCK:g}%, %"),
        "away-mean": fact(share["away"].mean(), f"away: mean, {optimum}"),
        "away-worst": fact(share["away"].min(), f"away: worst agent, {optimum}"),
        "before-long": fact(long.mean(), f"drawn before, longest lives: mean, {optimum}"),
        "before-stuck": fact((long < STUCK).sum(), f"of these below {STUCK:g}%, count"),
        "before-agents": fact(long.size, "agents of the longest lives, drawn before, count"),
        "before-away": fact(away.mean(), f"drawn before, away: mean, {optimum}"),
        "before-away-worst": fact(away.min(), f"drawn before, away: worst agent, {optimum}"),
        "never-still": fact((pulled > 0).sum(), "agents that pull where none should, count"),
        "never-all": fact(pulled.size, "agents there, count"),
        "never-lost": fact(
            (earned < 0).sum(), "of these, those that lost as training ended, count"
        ),
        "never-cost": fact(-earned.min(), "most that one of them lost, reward a life"),
        "held-lost": fact((np.array(inside) < 0).sum(), "lost where learning pays, count"),
        "quiet-tasks": fact(len(share["quiet"]), "quiet tasks, count"),
        "quiet-agents": fact(share["quiet"].size, "agents on them, count"),
        "quiet-mean": fact(quiet, f"quiet: mean over tasks, then seeds, {optimum}"),
        "quiet-half": fact(half, "half of its 95% interval over seeds"),
        "quiet-worst": fact(share["quiet"].min(), f"quiet: worst agent, {optimum}"),
        "quiet-ended": fact((ended < STUCK).sum(), f"quiet: ended below {STUCK:g}%, count"),
        "quiet-ended-worst": fact(ended.min(), f"quiet: worst as training ended, {optimum}"),
        "check-cost": fact(
            1 + (config["snapshots"] * TRIAL + 2 * config["validation"]) / config["updates"],
            "lives of an agent, those of the check included, over those of its training",
        ),
        "snapshots": fact(config["snapshots"], "states of its training that are tried, count"),
        "trial-lives": fact(f"{TRIAL * config['lives']:,}", "lives in which each is tried, count"),
        "validation-lives": fact(
            f"{config['validation'] * config['lives']:,}", "lives of an agent's validation, count"
        ),
    }


def _met(kind: str, share: list[float]) -> bool:
    """Whether agents of a task, of which these are the shares, meet the aims."""
    mean, least = AIMS[kind]
    return 100 * float(np.mean(share)) >= mean and 100 * min(share) >= least


def _ended(rows: list[dict[str, Any]]) -> NDArray[np.float64]:
    """Share that each agent earned as training ended, in %: over (task, seed)."""
    return np.array([100 * np.array(row["last"]) / row["value"] for row in rows])


def lost_again(grid: xr.Dataset) -> tuple[xr.Dataset, Facts]:
    r"""Follow agents in quiet worlds through their training.

    Where noise is small the optimum earns nearly what one who knows the arm earns, under the prior
    mean :math:`s\,m` of an update

    .. math:: T\,E[\max(0, \mu)], \quad \mu \sim N(s\,m, \sigma_p^2)

    which is T times `theory.gain`. Followed are agents on tasks with sigma_l below `QUIET` times
    sigma_p, on which the optimum earns more than 90% of that.

    Parameters
    ----------
    grid
        Stored slices at one lifetime, with their learning curves, such as ``paper-grid``.

    Returns
    -------
    Dataset over (agent, update)
        ``share``, what the agents of an update earn, sampling, of that; ``pulls``, the risky pulls
        of a life; ``lost`` over (agent), whether the share ever falls below half after the entropy
        bonus has ended.
    Facts
        How many do, how often they then pull, and how many end below 75%; how many agents where a
        plan pays are not among them, though noise is small, and who of all others there ends low.
    """
    config = A2CConfig(**json.loads(grid.attrs["config"]))
    one = grid.isel(lifetime=0, drop=True)
    lifetime, updates = int(grid.lifetime[0]), one["update"].values
    way = np.array([config.at(int(made) - 1)[2] for made in updates])
    best = lifetime * gain(way * float(grid.attrs["mean"]), one.sigma_p.values[:, None])
    known = xr.DataArray(best, dims=("sigma_p", "update"))
    quiet = (one.sigma_l < QUIET * one.sigma_p) & (one.bayes_value > 0.9 * known.isel(update=-1))
    curves = xr.Dataset({"share": one.curve_return / known, "pulls": one.curve_risky_pulls})
    curves = curves.where(quiet).stack(agent=("sigma_p", "sigma_l", "seed")).dropna("agent")
    data = curves.transpose("agent", "update").reset_index("agent", drop=True)
    settled = data.where(data["update"] > config.entropy_until * config.updates, drop=True)
    data["lost"] = (settled.share < 0.5).any("update")
    lowest = settled.pulls.isel(update=settled.share.argmin("update"))
    share = (one.expected_return / one.bayes_value).where(one.commit_value > 0)
    ended, rest = share.where(quiet), share.where(~quiet)
    small = one.sigma_l < QUIET * one.sigma_p
    return data, {
        "lost-rest": fact(rest.where(small).count(), "agents of the same noise that are left out"),
        "lost-rest-low": fact(
            int((100 * rest < STUCK).where(small).sum()),
            f"of these, that ended below {STUCK:g}%, count",
        ),
        "lost-noisy-negative": fact(
            int((rest < 0).where(~small).sum()),
            "where a plan pays, in more noise: ended with a loss",
        ),
        "lost-agents": fact(data.sizes["agent"], "agents in quiet worlds, count"),
        "lost-seeds": fact(one.sizes["seed"], "agents on each of these tasks, count"),
        "lost-dip": fact(data.lost.sum(), "of these, those that fell below half, count"),
        "lost-low": fact((100 * ended < STUCK).sum(), f"that ended below {STUCK:g}%, count"),
        "lost-negative": fact((ended < 0).sum(), "that ended with a loss, count"),
        "lost-pulls": fact(
            lowest.where(data.lost).mean(), "risky pulls of a life of these, where they earn least"
        ),
        "stay-pulls": fact(lowest.where(~data.lost).mean(), "the same of all others"),
        "lost-noise": fact(QUIET, "sigma_l over sigma_p below which a world is quiet here"),
    }


def causes(stored: Mapping[str, Any]) -> tuple[xr.DataArray, Facts]:
    """Read what agents earn by where their training begins, and how noisy gradients are.

    Parameters
    ----------
    stored
        ``benchmarks/results/causes.json``.

    Returns
    -------
    DataArray
        Share of the Bayes-optimal return over (recipe, task, seed), tasks by what a life is worth.
    Facts
        What the network holds, what training keeps and finds, with the task that is worth least
        apart from the others; and the gradient's signal over its noise.
    """
    rows = sorted(stored["rows"], key=lambda row: -float(row["value"]))
    data = xr.DataArray(
        [[row["agents"][way]["share"] for row in rows] for way in WAYS],
        dims=["recipe", "task", "seed"],
        coords={
            "recipe": [*WAYS],
            "task": [f"{row['value']:.2f} ($T={row['lifetime']:.0f}$)" for row in rows],
            "seed": stored["seeds"],
        },
    )
    share = 100 * data
    least, others = share.isel(task=-1), share.isel(task=slice(-1))
    never = share.sel(recipe="from never")
    signal = {
        name: np.mean([row["signal_to_noise"][name] for row in rows]).item() for name in SIGNALS
    }
    optimum = "% of the optimum"
    facts = {
        "cause-tasks": fact(len(rows), "tasks, count"),
        "cause-others": fact(len(rows) - 1, "all but that worth least, count"),
        "cause-seeds": fact(len(stored["seeds"]), "agents of each task, count"),
        "cause-lives": fact(f"{stored['lives']:,}", "lives in which each is looked at, count"),
        "fitted-mean": fact(share.sel(recipe="fitted").mean(), f"fitted: mean, {optimum}"),
        "fitted-worst": fact(share.sel(recipe="fitted").min(), f"fitted: worst, {optimum}"),
        "direct-best": fact(share.sel(recipe="direct").max(), f"direct: best, {optimum}"),
        "never-out": fact((never > 0).sum(), "agents that get out of never pulling, count"),
        "never-from": fact(never.size, "agents trained from never pulling, count"),
        "kept-worst": fact(
            others.sel(recipe="from the best").min(), f"from the best, others: worst, {optimum}"
        ),
        "kept-least": fact(
            least.sel(recipe="from the best").max(), f"from the best, worth least: best, {optimum}"
        ),
        "least-worth": fact(rows[-1]["value"], "optimum of the task worth least, reward"),
        "snr-draws": fact(stored["draws"], "gradients drawn at the same weights, count"),
        "snr-gain": fact(
            signal["posterior-mean"] / signal["reward"],
            "signal over noise with the posterior mean, over that with rewards",
        ),
    }
    for key, some in (("least", least), ("others", others)):
        found = some.sel(recipe="default")
        facts |= {
            f"{key}-default": fact(found.mean(), f"default, {key}: mean, {optimum}"),
            f"{key}-default-worst": fact(found.min(), f"default, {key}: worst, {optimum}"),
        }
    for name, ratio in signal.items():
        facts[f"snr-{name}"] = fact(ratio, f"signal over noise of a gradient, {name}")
    return data, facts


def _inside(sigma_p: float, critical: Critical, noise: float, lifetime: int, mean: float) -> float:
    """Noise that a task may have more until its edge."""
    return float(critical(GaussianBandit(sigma_p, noise, lifetime, mean))) - noise


SIDES = {
    "below": "where no policy pays",
    "between": "between the edges",
    "beyond": "where a committed plan pays, too",
}
"""Of a row of tasks across both edges, by a word."""


def across_edges(grid: xr.Dataset, plain: xr.Dataset) -> tuple[xr.Dataset, Facts]:
    """Read what the default training finds on a fine row of tasks across both edges.

    Parameters
    ----------
    grid
        The slices of the study ``strip``.
    plain
        The study ``across``: plainly trained agents, some of whose tasks lie on that row.

    Returns
    -------
    Dataset over sigma_p
        ``best`` and ``plan``, what the Bayes-optimal policy and the best committed plan earn, and,
        with ``seed``, what agents earn, ``earned``; units of reward. Attributes ``best_edge`` and
        ``plan_edge``: from which sigma_p on either earns anything.
    Facts
        Below, between and beyond the two edges: agents, those that pull at all, and their return.
    """
    noise, lifetime, mean = float(grid.sigma_l[0]), int(grid.lifetime[0]), float(grid.attrs["mean"])
    row = grid.isel(sigma_l=0, lifetime=0, drop=True)
    names = {"expected_return": "earned", "bayes_value": "best", "commit_value": "plan"}
    data = row[[*names]].rename(names)
    low, high = 0.9 * float(row.sigma_p.min()), 1.1 * float(row.sigma_p.max())
    for name, critical in (("best", stopping_critical_sigma_l), ("plan", critical_sigma_l)):
        given = (critical, noise, lifetime, mean)
        data.attrs[f"{name}_edge"] = brentq(_inside, low, high, given, xtol=1e-6)
    pays, plans = data.sigma_p > data.best_edge, data.sigma_p > data.plan_edge
    pulls = row.risky_pulls > 0
    facts: Facts = {
        "strip-tasks": fact(data.sizes["sigma_p"], "tasks of the row"),
        "strip-seeds": fact(data.sizes["seed"], "agents of each"),
        "strip-lives": fact(f"{int(grid.attrs['lives']):,}", "lives in which each is looked at"),
        "strip-updates": fact(_updates(grid), "updates of their training"),
        "strip-plain-updates": fact(_updates(plain), "updates of those that are trained plainly"),
        "strip-l": fact(noise, "sigma_l of the row, reward"),
        "strip-t": fact(lifetime, "lifetime of the row, pulls"),
        "strip-m": fact(mean, "prior mean of the row, reward"),
        "strip-best-edge": fact(data.attrs["best_edge"], "adaptive edge in sigma_p, reward"),
        "strip-plan-edge": fact(data.attrs["plan_edge"], "committed edge in sigma_p, reward"),
    }
    for name, inside in zip(SIDES, (~pays, pays & ~plans, plans), strict=True):
        own = pulls.sel(sigma_p=inside)
        facts |= {
            f"strip-{name}": fact(own.size, f"agents {SIDES[name]}"),
            f"strip-{name}-pull": fact(
                own.sum(), f"of agents {SIDES[name]}, those that pull at all"
            ),
        }
        if name != "below":
            part = data.where(inside, drop=True)
            share, half = interval(100 * part.earned.sum("sigma_p") / part.best.sum("sigma_p"))
            said = f"return of agents {SIDES[name]}, % of the Bayes-optimal one"
            facts |= {
                f"strip-{name}-share": fact(share, f"{said}: mean over seeds"),
                f"strip-{name}-half": fact(half, f"{said}: half of its 95% interval over seeds"),
            }
    lost = -data.earned.where(~pays).min()
    facts["strip-lost"] = fact(lost, "most that an agent below both edges loses, reward a life")
    other = plain.sel(sigma_l=noise, lifetime=lifetime)
    there = (other.sigma_p > data.best_edge) & (other.sigma_p < data.plan_edge)
    pulled = (other.risky_pulls > 0).sel(sigma_p=there)
    return data, facts | {
        "strip-plain": fact(pulled.size, "plainly trained agents between the edges"),
        "strip-plain-pull": fact(pulled.sum(), "of these, those that pull at all"),
        "strip-plain-tasks": fact(int(there.sum()), "tasks that they are of"),
    }


def _updates(grid: xr.Dataset) -> int:
    return int(json.loads(grid.attrs["config"])["updates"])


def by_side(facts: Facts) -> dict[str, dict[str, object]]:
    """Lay out what `across_edges` counted: a row for each of `SIDES`."""
    rows: dict[str, dict[str, object]] = {}
    for name, where in SIDES.items():
        agents, pull = (facts[f"strip-{name}{end}"].value for end in ("", "-pull"))
        rows[where] = {"agents": agents, "that pull": pull, "return (%)": ""}
        if name != "below":
            share, half = (facts[f"strip-{name}-{end}"].value for end in ("share", "half"))
            rows[where]["return (%)"] = f"{share:.0f} ± {half:.0f}"
    return rows


def learned_edge(grid: xr.Dataset) -> tuple[xr.Dataset, Facts]:
    r"""Find up to which noise agents learn, by how long they were trained.

    Of the tasks of a row, in equal steps of :math:`\ln \sigma_l` from below both edges on, a seed's
    agents pull on k: its learned edge lies half a step beyond the k-th task. Its distance to the
    Bayes-optimal edge :math:`\sigma^*` is :math:`\ln(\sigma^*/\sigma_l)`, below 0 where agents pull
    beyond it. So is that of positive return, by the tasks on which they earn more than nothing.

    Parameters
    ----------
    grid
        The slices of the study ``length``, with the axis ``updates``.

    Returns
    -------
    Dataset over (updates, seed)
        ``edge``, the learned edge in sigma_l, units of reward, and its ``distance``; ``gain_edge``
        and ``gain_distance``, the same of positive return; ``share``, the return on the tasks
        between the two edges, of the Bayes-optimal one there. Attributes ``best_edge`` and
        ``plan_edge``, of the two optima, in sigma_l; ``least``, the noise of the first task.
    Facts
        Where seeds pull after the shortest and the longest training, and what that costs on the
        last task on which learning pays and beyond it; what a doubling of training changes in both
        distances, over all and without the shortest training, and the last one in the share, with
        95% intervals over seeds.
    """
    row = grid.isel(sigma_p=0, lifetime=0, drop=True)
    noise, mean = row.sigma_l.values, float(grid.attrs["mean"])
    spread, lifetime = float(grid.sigma_p[0]), int(grid.lifetime[0])
    task = GaussianBandit(spread, 1.0, lifetime, mean)
    best, plan = float(stopping_critical_sigma_l(task)), float(critical_sigma_l(task))
    step = float(np.log(noise[-1] / noise[0])) / (noise.size - 1)
    pulls = (row.risky_pulls > 0).sum("sigma_l")
    gains = (row.expected_return > 0).sum("sigma_l")
    edge, gain_edge = (noise[0] * np.exp((count - 0.5) * step) for count in (pulls, gains))
    between = row.sel(sigma_l=(row.sigma_l > plan) & (row.sigma_l < best))
    earned = between.expected_return.sum("sigma_l") / between.bayes_value.sum("sigma_l")
    data = xr.Dataset(
        {
            "edge": edge,
            "distance": np.log(best / edge),
            "gain_edge": gain_edge,
            "gain_distance": np.log(best / gain_edge),
            "share": earned,
        }
    )
    data.attrs = {"best_edge": best, "plan_edge": plan, "least": float(noise[0])}
    doublings = np.log2(data.updates.values)
    facts: Facts = {
        "length-tasks": fact(noise.size, "tasks of the row"),
        "length-between": fact(between.sizes["sigma_l"], "of these, tasks between the two edges"),
        "length-short": fact(int(data.updates[0]), "updates of the shortest training"),
        "length-short-agents": fact(
            between.risky_pulls.isel(updates=0).size, "agents between the edges, shortest training"
        ),
        "length-short-pull": fact(
            (between.risky_pulls.isel(updates=0) > 0).sum(), "of these, those that pull at all"
        ),
        "length-seeds": fact(data.sizes["seed"], "agents of each, by each length of training"),
        "length-p": fact(spread, "sigma_p of the row, reward"),
        "length-t": fact(lifetime, "lifetime of the row, pulls"),
        "length-best-edge": fact(best, "adaptive edge in sigma_l, reward"),
        "length-plan-edge": fact(plan, "committed edge in sigma_l, reward"),
        "length-longest": fact(int(data.updates[-1]), "updates of the longest training"),
        "length-from": fact(int(data.updates[1]), "updates of the second shortest training"),
    }
    last = row.isel(updates=-1)
    over = (last.risky_pulls > 0) & (last.bayes_value <= 0)
    right = ((row.risky_pulls > 0) == (row.bayes_value > 0)).all("sigma_l")
    edge_task = last.where(last.bayes_value > 0, drop=True).isel(sigma_l=-1)
    facts |= {
        "length-last-worth": fact(
            edge_task.bayes_value.max(), "optimum of the last task on which learning pays, reward"
        ),
        "length-last-lose": fact(
            (edge_task.expected_return < 0).sum(), "seeds that lose on it, longest training"
        ),
        "length-last-least": fact(
            -edge_task.expected_return.max(), "least they lose on it, reward"
        ),
        "length-last-most": fact(-edge_task.expected_return.min(), "most they lose there, reward"),
        "length-step": fact(float(np.exp(step)), "sigma_l of a task over that of the one before"),
        "length-exact": fact(
            right.isel(updates=-1).sum(), "seeds that pull where it pays alone, longest training"
        ),
        "length-over": fact(
            over.any("sigma_l").sum(), "seeds that pull where no policy pays, longest training"
        ),
        "length-over-lost": fact(
            -last.expected_return.where(over).min(), "most that such an agent loses, reward"
        ),
    }
    # one line for each seed, and the interval over these
    pulled, gained = (
        data[name].transpose("updates", "seed").values for name in ("distance", "gain_distance")
    )
    turn = 100 * data.share.isel(updates=[-2, -1]).diff("updates")
    for key, values, said in (
        ("distance-slope", _slopes(doublings, pulled), "change of the distance with a doubling"),
        ("gain-slope", _slopes(doublings, gained), "the same of positive return's"),
        ("distance-late", _slopes(doublings[1:], pulled[1:]), "the first, but for the shortest"),
        ("gain-late", _slopes(doublings[1:], gained[1:]), "the second, but for the shortest"),
        ("share-turn", turn, "change of the share with the last doubling, points of a hundred"),
    ):
        middle, half = interval(values)
        # no minus before a zero
        facts[f"length-{key}"] = fact(round(middle, 9) + 0.0, f"{said}: mean over seeds")
        facts[f"length-{key}-half"] = fact(half, f"{said}: half of its 95% interval")
    return data, facts


def _slopes(at: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slope of a straight line through each column."""
    return np.asarray(np.polyfit(at, values, 1)[0])


def by_length(longer: xr.Dataset) -> dict[int, dict[str, str]]:
    """Tell by the updates of training what `learned_edge` found: mean over seeds ± 95%."""
    columns = (
        ("pull up to σ_l", "edge", 1, 2),
        ("earn up to σ_l", "gain_edge", 1, 2),
        ("earn between the edges, %", "share", 100, 0),
    )
    return {
        updates: {
            said: "{0:.{2}f} ± {1:.{2}f}".format(*interval(unit * own[name]), digits)
            for said, name, unit, digits in columns
        }
        for updates in longer.updates.values.tolist()
        for own in [longer.sel(updates=updates)]
    }
