"""The one figure of the page *In short*: a panel for each of the authors' claims."""

from __future__ import annotations

import xarray as xr
from matplotlib.figure import Figure

from meta_bandit.figures.learned import (
    draw_distance,
    draw_map,
    exploration_colours,
    name_exploration,
)
from meta_bandit.figures.lifetimes import draw_shares
from meta_bandit.figures.style import BLUE, SIGMA_L, SIGMA_P, canvas


def four_claims(maps: xr.Dataset, agents: xr.Dataset, elsewhere: xr.Dataset) -> Figure:
    """Draw the optimum, what agents explore, what they earn near the edge, and other lifetimes.

    Parameters
    ----------
    maps
        ``exploration`` over (map, sigma_l, sigma_p), in pulls, of the optimum and of agents;
        ``commit_edge`` and ``stopping_edge`` over (sigma_p), in units of reward.
    agents
        Over (agent), see `distance_from_edge`.
    elsewhere
        ``agents`` over (trained, tested), return as a share of ``optimum`` over (tested); where
        that is 0, the return itself in units of reward.
    """
    with canvas(2, 2, height=2.7) as (figure, axes):
        titles = ("1  What is optimal", "2  What agents do")
        for ax, title, values in zip(axes[0], titles, maps.exploration, strict=True):
            mesh = draw_map(ax, values, maps, **exploration_colours())
            ax.set(title=title, xlabel=SIGMA_P, ylabel=SIGMA_L)
        axes[0, 1].set(ylabel="", yticklabels=[])
        name_exploration(figure, axes[0], mesh)
        near, far = axes[1]
        draw_distance(near, agents, BLUE, "agents")
        near.set(
            title="3  What they earn", xlabel=r"$\sigma_l$ (of that at the edge)",
            ylabel="share of the optimum",
        )  # fmt: skip
        shares = elsewhere.agents.transpose("trained", "tested")
        mesh = draw_shares(far, shares, elsewhere.optimum, numbers=False)
        far.set(
            title="4  In other lives", xlabel="lifetime lived (pulls)",
            ylabel="trained on (pulls)",
        )  # fmt: skip
        bar = figure.colorbar(mesh, ax=far, extend="min", label="share of the optimum")
        bar.set_ticks([-1, 0, 0.5, 0.75, 1])
    return figure
