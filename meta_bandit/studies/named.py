"""The named studies: those that the book's stored results are, and those that are only run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from meta_bandit.agents import CONFIGURATIONS
from meta_bandit.studies.foraging import Foragers
from meta_bandit.studies.generalists import every_death, every_lifetime, every_task
from meta_bandit.studies.grid import Grid
from meta_bandit.studies.many_arms import Pullers
from meta_bandit.studies.study import Study
from meta_bandit.studies.treasure_room import RoomAgents

# what a plane of agents costs on two cores; the book's older studies are trained this way
_HALF = replace(CONFIGURATIONS["plain"], updates=600)
_DIRECT = replace(_HALF, continuation_until=0.0)
# half the values of "paper" along each axis
_PLANE = Grid(
    sigma_p=tuple(np.linspace(0.4, 4.0, 10).round(1).tolist()),
    sigma_l=tuple(np.geomspace(0.1, 16.0, 10).round(3).tolist()),
    seed=(0, 1, 2),
    config=_HALF,
)
# at sigma_l = 1, from below both edges to above both; chapters look into these agents, too
_ACROSS = Grid(
    sigma_p=(0.6, 0.7, 0.8, 0.9, 1.0, 1.2),
    sigma_l=(1.0,),
    seed=tuple(range(12)),
    config=_HALF,
    keep=True,
)
_LIFETIMES = Grid(
    sigma_p=(2.0,),
    sigma_l=(2.0,),
    lifetime=(5, 10, 20, 50, 100, 200, 400),
    seed=(0, 1, 2),
    config=_HALF,
    keep=True,
)

# the default training, as it ends: what is found is asked here, not what is handed over
_FOUND = replace(CONFIGURATIONS["companion"], validation=0, snapshots=0)

# at the paper's scale. Steps of sigma_p are equal: below one sigma_p (0.58) learning pays at no
# sigma_l, which is the first edge. Steps of sigma_l are ratios: n* is proportional to it
# (prop-sqrt-law), and the second edge runs from 0.15 at sigma_p = 0.6 to 14.6 at 2.4; with equal
# steps it would lie below the first cell up to sigma_p = 0.8, and with these hardly two rows share
# a cell there
_PAPER = Grid(
    sigma_p=tuple(np.linspace(0.2, 4.0, 20).round(1).tolist()),
    sigma_l=tuple(np.geomspace(0.1, 16.0, 20).round(3).tolist()),
    seed=(0, 1, 2, 3, 4),
    config=_FOUND,
)
_PAPER_DIRECT = replace(_PAPER, config=replace(CONFIGURATIONS["plain"], continuation_until=0.0))
# the default training in lives of another length
_LONG = replace(_PLANE, config=_FOUND, lifetime=(200,))
# at sigma_p = 1: from below the committed edge (1.55) to above the Bayes-optimal one (3.82)
_LENGTH = Grid(
    sigma_p=(1.0,),
    sigma_l=tuple(np.geomspace(1.3, 4.2, 17).round(3).tolist()),
    seed=_PAPER.seed,
    config=_FOUND,
)
# at sigma_l = 1: from below the Bayes-optimal edge (0.69) to above the committed one (0.87)
_STRIP = Grid(
    sigma_p=tuple(np.linspace(0.66, 0.92, 27).round(2).tolist()),
    sigma_l=(1.0,),
    seed=tuple(range(10)),
    config=_FOUND,
)

# Raised by the default training. Few of the pulls of an update are first ones, and little is at
# stake in tasks where the first should be left: so the advantages of every task are in units of
# their own
_WIDE = replace(
    _FOUND,
    good_arms=0.0,
    lives=128,
    time_feature="log-remaining",
    normalise_advantages="task",
    updates=4000,
)
_TOLD = replace(_WIDE, task_context=True)
_UNTOLD = replace(CONFIGURATIONS["plain"], time_feature="none", updates=800)

STUDIES: dict[str, Study] = {
    "smoke": Grid(
        sigma_p=(0.5, 2.0),
        sigma_l=(1.0, 4.0),
        lifetime=(20,),
        config=CONFIGURATIONS["smoke"],
        lives=200,
    ),
    # no task of the first row is worth learning, every one of the last is, and the edge runs
    # through the three between them
    "quick": Grid(sigma_p=(0.5, 1.0, 1.5, 2.0, 3.0), sigma_l=(0.25, 1.0, 3.0, 6.0, 12.0)),
    "paper": _PAPER,
    "plane": _PLANE,
    "plane-direct": replace(_PLANE, config=_DIRECT),
    "plane-short": replace(_PLANE, lifetime=(10, 30)),
    "across": _ACROSS,
    "across-direct": replace(_ACROSS, config=_DIRECT),
    "lifetimes-fraction": _LIFETIMES,
    "lifetimes-elapsed": replace(_LIFETIMES, config=replace(_HALF, time_feature="elapsed")),
    "lifetimes-remaining": replace(_LIFETIMES, config=replace(_HALF, time_feature="remaining")),
    "every-lifetime": every_lifetime((0, 1, 2), (_WIDE,)),
    "every-task": every_task((0, 1, 2), (_TOLD,), updates=32),
    "every-death": every_death((0, 1, 2), (_UNTOLD,)),
    "forage": Foragers(),
    "forage-smoke": Foragers(
        worlds=((8, 2, 4.0),),
        lifetime=(5, 8),
        places=(2,),
        kept=2,
        seed=(0,),
        config=replace(CONFIGURATIONS["forage"], updates=3),
    ),
    "many-arms": Pullers(),
    "many-arms-smoke": Pullers(
        arms=3,
        lifetime=10,
        seed=(0,),
        lives=100,
        config=replace(CONFIGURATIONS["many-arms"], updates=3),
        shared=replace(CONFIGURATIONS["many-arms-shared"], updates=3),
    ),
    # a map of what is found, a row of it at a time
    **{
        f"many-arms-map-{row}": Pullers(
            safe=(0.0, 0.5, 1.0, 1.5), sigma_l=noise, seed=(0, 1, 2), lives=5_000, keep=False
        )
        for row, noise in enumerate((0.25, 0.5, 1.0, 2.0, 4.0))
    },
    "treasure-room": RoomAgents(),
    "treasure-room-smoke": RoomAgents(
        lifetime=8,
        treasures=3,
        size=3,
        steps=4,
        seed=(0,),
        lives=100,
        config=replace(CONFIGURATIONS["treasure-room"], updates=3),
    ),
    # in slices, each a file of its own
    **{f"paper-grid-{seed}": replace(_PAPER, seed=(seed,)) for seed in _PAPER.seed},
    **{f"paper-direct-{seed}": replace(_PAPER_DIRECT, seed=(seed,)) for seed in _PAPER.seed},
    **{
        f"length-{updates}": replace(_LENGTH, config=replace(_LENGTH.config, updates=updates))
        for updates in (600, 1200, 2400, 4800, 9600)
    },
    "short": replace(_LONG, lifetime=(25,)),
    **{f"long-{seed}": replace(_LONG, seed=(seed,)) for seed in _LONG.seed},
    **{f"strip-{seed}": replace(_STRIP, seed=(seed,)) for seed in _STRIP.seed},
}
"""Named studies: those called ``smoke`` only run, ``quick`` is a grid for a laptop,
``paper`` is Figure 1's scale.

The others make the book's stored results. Trained plainly: ``plane``, the same plane on 10 x 10
tasks with 3 seeds; ``across``, many seeds on a row of tasks across the edge; ``-direct``: without
the continuation of the prior mean; ``-short``: in shorter lives; ``lifetimes-``: one task at many
lifetimes, by time feature. Agents raised on many tasks: ``every-lifetime``, one task in lives of 5
to 400 pulls; ``every-task``, the whole plane; ``every-death``, told nothing of the time, in lives
that may end at any pull. ``forage``: the second world; ``many-arms``: the third;
``many-arms-map-``: a row of a map of it, of one noise; ``treasure-room``: the fourth.
``paper-grid-`` and ``paper-direct-``: one seed of the paper's scale, by the default training and
directly;
``length-``: a row of tasks across both edges, by updates of training; ``short`` and ``long-``:
``plane`` by the default training, in lives of 25 and of 200 pulls; ``strip-``: a seed of a fine
row across both edges.
"""
