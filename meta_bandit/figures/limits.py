"""Figures of the ends of the ranges: wide worlds, the predictable side, long lives."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from meta_bandit.figures.style import BLUE, GREEN, GREY, RED, SIGMA_L, canvas


def wide_worlds(edges: xr.Dataset, approach: xr.Dataset) -> Figure:
    """Draw both edges in the units of wide worlds, and how finite lives approach the limit.

    Parameters
    ----------
    edges
        ``committed`` and ``adaptive`` over (lifetime, sigma_p): sigma_l abs(m) / (sigma_p^2
        sqrt(T)), without unit; sigma_p in units of abs(m). Their limits as attributes.
    approach
        ``missing`` over (lifetime): c - K_T / sqrt(T); ``chernoff`` and ``bound``, likewise.
    """
    with canvas(2, height=2.9) as (figure, (left, right)):
        marks = ("-", "--", ":")
        for lifetime, mark in zip(edges.lifetime.values, marks, strict=False):
            here = edges.sel(lifetime=lifetime)
            left.plot(here.sigma_p, here.adaptive, color=RED, ls=mark)
            left.plot(here.sigma_p, here.committed, color=BLUE, ls=mark)
            left.plot([], [], color="black", ls=mark, label=f"$T={lifetime}$")
        for name, colour in (("adaptive", RED), ("committed", BLUE)):
            level = edges.attrs[name]
            left.axhline(level, color=colour, lw=0.8)
            left.text(float(edges.sigma_p.min()), level * 1.02, name, color=colour, va="bottom")
        left.set(
            xscale="log", xlabel=r"ecological uncertainty $\sigma_p/|m|$ (unitless)", ylim=(0, 0.72)
        )
        left.set_ylabel(r"scaled complexity $\sigma_l |m| / (\sigma_p^2 \sqrt{T})$ (unitless)")
        left.legend(loc="center right")
        right.plot(approach.lifetime, approach.bound, color=GREY, ls="--", label="proved bound")
        right.plot(approach.lifetime, approach.chernoff, color="black", lw=1, label="Chernoff's")
        right.plot(approach.lifetime, approach.missing, "o", ms=4, color=RED, label="exact")
        right.set(xscale="log", yscale="log", xlabel="lifetime $T$ (pulls)")
        right.set_ylabel(r"missing to the limit $c - K_T/\sqrt{T}$ (unitless)")
        right.legend()
    return figure


def predictable_side(edges: xr.Dataset, starts: xr.Dataset) -> Figure:
    """Draw how the edges begin, and where, against the lifetime.

    Parameters
    ----------
    edges
        ``one_pull``, ``committed``, ``adaptive`` and the laws ``one_pull_law`` and
        ``adaptive_law`` over (excess): sigma_l against sigma_p - sigma_0, in units of reward;
        ``lifetime`` as an attribute.
    starts
        ``exact``, ``law`` and ``first_order`` over (lifetime): sigma_0, in units of reward.
    """
    with canvas(2, height=2.9) as (figure, (left, right)):
        for name, colour, words in (
            ("adaptive", RED, "adaptive"),
            ("committed", BLUE, "committed"),
            ("one_pull", GREEN, "knowledge gradient"),
        ):
            left.plot(edges.excess, edges[name], "o", ms=4, color=colour, label=words,
                      mfc="none" if name == "one_pull" else colour)  # fmt: skip
        left.plot(edges.excess, edges.adaptive_law, color=RED, lw=1)
        left.plot(edges.excess, edges.one_pull_law, color=GREEN, lw=1)
        left.set(xscale="log", yscale="log", title=f"$T={edges.attrs['lifetime']}$ pulls")
        left.set(
            xlabel=r"uncertainty beyond the edge's beginning $\sigma_p - \sigma_0$ (reward)",
            ylabel=SIGMA_L,
        )
        left.legend()
        right.plot(starts.lifetime, starts.exact, color="black", label=r"exact $\sigma_0$")
        right.plot(starts.lifetime, starts.law, color=RED, ls="--", label="with the correction")
        right.plot(starts.lifetime, starts.first_order, color=GREY, ls=":", label="without it")
        right.set(xscale="log", xlabel="lifetime $T$ (pulls)", ylim=(0, 1.5))
        right.set_ylabel(r"edges begin at $\sigma_0$ (reward)")
        right.legend()
    return figure


def long_regrets(regrets: xr.Dataset, little_noise: xr.DataArray) -> Figure:
    """Draw what both optima miss in long lives, and what a little noise costs.

    Parameters
    ----------
    regrets
        ``committed``, ``law`` and ``adaptive`` over (lifetime): what is missed of the return of
        one who knows the arm, in units of reward.
    little_noise
        ell_T over (lifetime), without unit.
    """
    with canvas(2, height=2.9) as (figure, (left, right)):
        left.plot(regrets.lifetime, regrets.committed, "o", ms=4, color=BLUE, label="committed")
        left.plot(regrets.lifetime, regrets.law, color=BLUE, lw=1, label="its law")
        left.plot(regrets.lifetime, regrets.adaptive, "s", ms=4, color=RED, label="adaptive")
        left.set(xscale="log", yscale="log", xlabel="lifetime $T$ (pulls)")
        left.set_ylabel("regret of a life (reward)")
        left.legend()
        lives = little_noise.lifetime
        right.plot(lives, (lives - 1) / 2, color=GREY, ls=":", label="one look, $(T-1)/2$")
        right.plot(lives, np.log(lives) ** 2 / 2, color="black", lw=1, label=r"$\ln^2(T)/2$")
        right.plot(lives, little_noise, "s", ms=4, color=RED, label=r"$\ell_T$")
        right.set(
            xscale="log", xlabel="lifetime $T$ (pulls)", ylabel="cost of a little noise (unitless)"
        )
        right.set_ylim(0, 1.3 * float(np.log(lives.max()) ** 2 / 2))
        right.legend()
    return figure
