"""What the page *In short* draws, a panel for each of the authors' claims, and what it quotes."""

from __future__ import annotations

from typing import NamedTuple

import xarray as xr

from meta_bandit.studies.facts import Facts, fact, percent
from meta_bandit.studies.learning_to_learn import TASKS, THEORIES, at_scale
from meta_bandit.studies.lifetimes import Budget, lived_elsewhere
from meta_bandit.studies.results import stored_agents, stored_slices


class Page(NamedTuple):
    """The four panels.

    Attributes
    ----------
    maps
        ``exploration`` and edges of the Bayes-optimal policy and of agents, see `at_scale`.
    agents
        Of tasks for which learning pays, over (agent): ``ratio``, sigma_l in units of that of the
        adaptive edge; ``normalised_return`` and ``committed``, the agent's return and that of the
        best committed plan as a share of the Bayes-optimal one.
    elsewhere
        ``agents``, returns in lives of other lengths as a share of the ``optimum``, see
        `lived_elsewhere`; mean over seeds.
    facts
        Numbers of the text.
    """

    maps: xr.Dataset
    agents: xr.Dataset
    elsewhere: xr.Dataset
    facts: Facts


def page(budget: Budget, shown: tuple[float, float]) -> Page:
    """Compute the page from what is stored.

    Parameters
    ----------
    budget
        How many lives of other lengths are lived.
    shown
        Between which shares of the optimum the third panel shows returns as they are.
    """
    grid = stored_slices("paper-grid")
    maps, counted = at_scale({"agents": grid})
    maps = maps.sel(map=[THEORIES[1], "agents"])
    own = grid.isel(lifetime=0, drop=True)
    pays, pulls = own.bayes_value > 0, own.risky_pulls > 0
    each = xr.Dataset(
        {
            "ratio": own.sigma_l / maps.stopping_edge,
            "normalised_return": own.expected_return / own.bayes_value,
            "committed": own.commit_value / own.bayes_value,
        }
    )
    each = each.where(pays)
    agents = (each * xr.ones_like(own.seed)).stack(agent=(*TASKS, "seed")).dropna("agent")
    low, high = (agents.normalised_return < shown[0], agents.normalised_return > shown[1])
    split = pays & pulls.any("seed") & ~pulls.all("seed")
    team = stored_agents("lifetimes-fraction.safetensors")
    facts = {
        "lifetime": fact(grid.lifetime[0], "pulls in a life"),
        "mean": fact(grid.attrs["mean"], "prior mean of the risky arm, reward"),
        "seeds": counted["scale-agents-seeds"],
        "lives": counted["scale-lives"],
        "below": fact(low.sum(), "agents that earn less than the third panel shows"),
        "above": fact(high.sum(), "agents that earn more"),
        "tasks": fact(pays.size, "tasks of the plane"),
        "never": fact((~pays).sum(), "of them, those where no policy pays"),
        "pull": fact(
            percent(pulls.where(pays).mean(TASKS)), "of agents that should, pull, % ± 95%"
        ),
        "leave": fact(
            percent((~pulls).where(~pays).mean(TASKS)), "of agents that should not, never pull, %"
        ),
        "enough": counted["scale-agents-enough"],
        "typical": fact(
            percent(each.normalised_return.where(pulls).median(TASKS)),
            "median agent that pulls, % of the optimum: mean over seeds ± 95%",
        ),
        "split": fact(split.sum(), "tasks where learning pays, and some seeds pull, some do not"),
        "missed": fact((pays & ~pulls).sum(), "agents that never pull where learning pays"),
        "between-missed": fact(
            counted["scale-agents-between"].value - counted["scale-agents-between-pull"].value,
            "of them, those between the two edges",
        ),
        "lifetimes-seeds": fact(len(set(team.seeds.tolist())), "agents of each lifetime"),
    }
    elsewhere = lived_elsewhere(team, budget)[["agents", "optimum"]].mean("seed")
    return Page(maps, agents, elsewhere, facts)
