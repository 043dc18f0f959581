r"""How the recursion of `stopping` is solved: series above the threshold, quadrature, a root.

C_n is increasing and convex with slope >= 1, so that it has one root, the threshold b_n.

Above the threshold

.. math:: J_n(x) = (T - n)\,x + R_n(x), \qquad x > b_n:

staying for good, plus R_n, what the option to leave is worth. R_n is smooth, and falls to zero like
a Gaussian tail on the scale of all movement of the estimate that is still to come,
:math:`\rho_n = \sqrt{v_n - v_{T-1}}`. So R_n is kept as one Chebyshev series on
:math:`[b_n, c \rho_n]`, in a variable that crowds the nodes at the threshold, where R_n varies on
the shorter scale d_n. The expectation is cut at b_{n+1}: the linear part is integrated in closed
form, the smooth part by Gauss-Legendre quadrature from the threshold on. The kink of J is
therefore never interpolated, and no accuracy is lost where the noise is small. Two more functions
ride on the same quadrature: the probability to leave before the end of life, and the expected
pulls of the lives that do.

Where a life ends after each pull with probability 1 - gamma (prop-hazard), all that comes later
counts only if it is lived to see: every expectation is multiplied by gamma, and the T - n pulls
that are left become the :math:`(1 - \gamma^{T-n})/(1 - \gamma)` that are to be expected.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from meta_bandit.compiled import compiled
from meta_bandit.worlds.bandit import GaussianBandit

Floats = NDArray[np.float64]

LONGEST_HORIZON = 1e6
# pulls times tasks: 0.8 GB of thresholds
_MOST_THRESHOLDS = 1e8


@dataclass(frozen=True)
class Resolution:
    """How finely the functions of the posterior mean are resolved."""

    nodes: int
    """Chebyshev nodes of a function."""
    quadrature: int
    """Gauss-Legendre nodes of an expectation."""
    window: float
    """Where the Gaussian kernel is cut, in units of d_n."""
    reach: float
    """Where R_n is taken to be zero, in units of rho_n."""


FINE = Resolution(nodes=36, quadrature=32, window=7.0, reach=8.0)
# they differ in all four, and from each other: it is rare that the errors of one nearly cancel, and
# very rare that those of both do
_COARSE = (
    Resolution(nodes=26, quadrature=28, window=6.8, reach=7.3),
    Resolution(nodes=28, quadrature=22, window=6.2, reach=7.7),
)

# the series are polynomials in log(1 + crowding * share of the interval)
_CROWDING = 10.0

# the functions that fall to zero above the threshold: R_n; the probability to leave before the
# end; the expected pulls yet to come, counted over lives that leave
_FUNCTIONS = 3
# Newton steps end once they are below this many d_n: what is missing then is its square
_NEWTON_TOLERANCE = 1e-5
_NEWTON_STEPS = 100
# Chebyshev nodes, as in stopping.c
_MOST_COMPILED = 96
# numbers that one array of polynomials may hold: enough to outweigh the calls, few for the cache
_CHUNK = 500_000


@dataclass(frozen=True)
class Solution:
    """Outcome of the recursion where the first pull is made; shapes as in `BayesOptimum`."""

    worth: Floats
    """C_0(m)."""
    leaving: Floats
    """Probability to end on the safe arm."""
    leavers_pulls: Floats
    """Expected pulls, counted over lives that end on the safe arm (others count 0)."""
    thresholds: Floats


@dataclass(frozen=True)
class _Ahead:
    """What lies ahead after one more pull, for tasks on the first axis."""

    pulls_left: Floats
    """T - n - 1, or those of them that are lived to be expected, shape (tasks,)."""
    survival: float
    """Probability to live to see it, gamma."""
    threshold: Floats
    """b_{n+1}, shape (tasks,)."""
    length: Floats
    """Length of the interval above it that the series cover, shape (tasks,)."""
    series: Floats
    """Chebyshev coefficients, shape (tasks, functions, nodes)."""


def solve_with_error(task: GaussianBandit, survival: float = 1.0) -> tuple[Solution, Floats]:
    """Solve finely, and bound the error of what the first pull is worth by coarser solutions."""
    fine = solve(task, FINE, survival)
    distances = [np.abs(fine.worth - solve(task, coarse, survival).worth) for coarse in _COARSE]
    # what is cut from the kernel all solutions may miss alike, and rounding is less
    lived = _expected_pulls(task.lifetime, survival)
    cut = ndtr(-FINE.window) * lived * (np.abs(task.mean) + task.sigma_p)
    return fine, np.maximum(*distances) + cut


def _expected_pulls(pulls: ArrayLike, survival: float) -> Floats:
    r"""Pulls that are lived of so many: k, or :math:`(1 - \gamma^k)/(1 - \gamma)` (prop-hazard)."""
    left = np.asarray(pulls, dtype=np.float64)
    return left if survival == 1 else (1 - survival**left) / (1 - survival)


def solve(task: GaussianBandit, resolution: Resolution, survival: float = 1.0) -> Solution:
    """Solve every task, in chunks of tasks with similar lifetimes."""
    shape = task.shape
    fields = (task.sigma_p, task.sigma_l, task.lifetime, task.mean)
    flat = GaussianBandit(*(np.broadcast_to(field, shape).ravel() for field in fields))
    longest = int(flat.lifetime.max(initial=1))
    if longest > LONGEST_HORIZON or longest * flat.lifetime.size > _MOST_THRESHOLDS:
        raise ValueError(
            f"lifetime = {longest:g} for {flat.lifetime.size} tasks: must be at most "
            f"{LONGEST_HORIZON:g} pulls, and {_MOST_THRESHOLDS:g} pulls of all tasks together"
        )
    functions = np.empty((flat.lifetime.size, _FUNCTIONS))
    thresholds = np.full((longest, flat.lifetime.size), np.nan)
    if resolution.nodes <= _MOST_COMPILED and (found := library()):
        _compiled_recursion(found, flat, resolution, survival, functions, thresholds)
    else:
        longest_first = np.argsort(-flat.lifetime, kind="stable")
        size = max(1, _CHUNK // (resolution.nodes**2 * resolution.quadrature))
        for start in range(0, longest_first.size, size):
            chunk = longest_first[start : start + size]
            own = GaussianBandit(
                flat.sigma_p[chunk], flat.sigma_l[chunk], flat.lifetime[chunk], flat.mean[chunk]
            )
            functions[chunk], thresholds[: int(own.lifetime[0]), chunk] = _recursion(
                own, resolution, survival
            )
    option, leaving, leavers_pulls = functions.T.reshape(_FUNCTIONS, *shape)
    return Solution(
        worth=np.asarray(_expected_pulls(task.lifetime, survival) * task.mean + option),
        leaving=leaving,
        leavers_pulls=leavers_pulls,
        thresholds=thresholds.reshape(-1, *shape),
    )


@cache
def library() -> ctypes.CDLL | None:
    """Compile ``stopping.c``, once in a process; None where that cannot be."""
    return compiled(Path(__file__).with_name("stopping.c"), [["-DCLONES", "-lm"], ["-lm"]])


class _Method(ctypes.Structure):
    """As in ``stopping.c``."""

    _fields_ = (
        *((name, ctypes.c_long) for name in ("nodes", "quadrature", "newton_steps")),
        *((name, ctypes.c_double) for name in ("window", "reach", "crowding", "newton_tolerance")),
        *((name, ctypes.c_void_p) for name in ("place", "weight", "shares", "to_series")),
    )


def _compiled_recursion(
    found: ctypes.CDLL,
    task: GaussianBandit,
    resolution: Resolution,
    survival: float,
    functions: Floats,
    thresholds: Floats,
) -> None:
    """Do as `_recursion` for tasks in any order, into the last two."""
    # as many as it takes at a time, by nodes of no weight
    place, weight = (
        np.pad(part, (0, -len(part) % 32)) for part in _gauss_legendre(resolution.quadrature)
    )
    shares, to_series = _chebyshev_nodes(resolution.nodes)
    fields = [
        np.ascontiguousarray(field)
        for field in (task.sigma_p, task.sigma_l, task.lifetime.astype(ctypes.c_long), task.mean)
    ]
    method = _Method(
        resolution.nodes,
        resolution.quadrature,
        _NEWTON_STEPS,
        resolution.window,
        resolution.reach,
        _CROWDING,
        _NEWTON_TOLERANCE,
        *(part.ctypes.data for part in (place, weight, shares, to_series)),
    )
    found.solve.restype = None
    found.solve(
        ctypes.byref(method),
        ctypes.c_long(len(functions)),
        *(ctypes.c_void_p(field.ctypes.data) for field in fields),
        ctypes.c_double(survival),
        *(ctypes.c_void_p(array.ctypes.data) for array in (functions, thresholds)),
    )


def _chebyshev_nodes(number: int) -> tuple[Floats, Floats]:
    """Where the nodes are, as shares of the interval, and what makes a series of values there."""
    angles = (np.arange(number) + 0.5) * np.pi / number
    shares = np.expm1((1 + np.cos(angles)) / 2 * np.log1p(_CROWDING)) / _CROWDING
    to_series = np.cos(np.outer(angles, np.arange(number))) * (2 / number)
    to_series[:, 0] /= 2
    return shares, to_series


def _recursion(
    task: GaussianBandit, resolution: Resolution, survival: float
) -> tuple[Floats, Floats]:
    """Go back from the last pull to the first; tasks have one axis, the longest come first.

    Returns the functions at (n = 0, x = m), shape (tasks, functions), and the thresholds, shape
    (pulls, tasks).
    """
    tasks, longest = task.lifetime.size, int(task.lifetime[0])
    nodes, to_series = _chebyshev_nodes(resolution.nodes)

    # before the last pull: J_{T-1}(x) = max(0, x), there is nothing to be learned any more
    threshold, length = np.zeros(tasks), np.ones(tasks)
    series = np.zeros((tasks, _FUNCTIONS, resolution.nodes))
    thresholds = np.full((longest, tasks), np.nan)
    thresholds[task.lifetime - 1, np.arange(tasks)] = 0.0
    at_start = np.zeros((tasks, _FUNCTIONS))
    drop = np.zeros(tasks)
    for pulls in range(longest - 2, -1, -1):
        # tasks with at least this many pulls before their last: a leading part of the arrays
        alive = slice(int(np.searchsorted(-task.lifetime, -(pulls + 1))))
        sigma_p, sigma_l = task.sigma_p[alive], task.sigma_l[alive]
        last = task.lifetime[alive].astype(np.float64) - 1
        step = _movement(sigma_p, sigma_l, pulls, pulls + 1.0)
        pulls_left = _expected_pulls(last - pulls, survival)
        ahead = _Ahead(pulls_left, survival, threshold[alive], length[alive], series[alive])
        here = _root(ahead, step, drop[alive], resolution)
        thresholds[pulls, alive] = here
        if pulls == 0:
            at_start[alive] = _look_ahead(task.mean[alive, None], step, ahead, resolution)[:, :, 0]
            break
        reach = resolution.reach * _movement(sigma_p, sigma_l, pulls, last) - here
        points = here[:, None] + reach[:, None] * nodes
        series[alive] = _look_ahead(points, step, ahead, resolution) @ to_series
        # the next threshold lies about as far below this one as this one below the last
        drop[alive] = threshold[alive] - here
        threshold[alive], length[alive] = here, reach
    return at_start, thresholds


def _movement(sigma_p: Floats, sigma_l: Floats, pulls: ArrayLike, later_pulls: ArrayLike) -> Floats:
    r"""Standard deviation of the estimate's movement from n pulls to k: sqrt(v_n - v_k).

    .. math:: v_n - v_k = \frac{(k - n)\,\sigma_p^4 \sigma_l^2}
        {(n \sigma_p^2 + \sigma_l^2)(k \sigma_p^2 + \sigma_l^2)}
    """
    now = np.hypot(np.sqrt(pulls) * sigma_p, sigma_l)
    later = np.hypot(np.sqrt(later_pulls) * sigma_p, sigma_l)
    pulls_between = np.asarray(later_pulls) - np.asarray(pulls)
    moved = np.sqrt(pulls_between) * sigma_p * (sigma_p / later) * (sigma_l / now)
    # it is divided by, and next to nothing is as good as nothing
    least = np.where(pulls_between > 0, np.finfo(np.float64).tiny, 0.0)
    return np.asarray(np.maximum(moved, least))


def _look_ahead(estimate: Floats, step: Floats, ahead: _Ahead, resolution: Resolution) -> Floats:
    r"""Take the functions one pull back, from the series at n + 1 to points at n.

    With u = (x - b_{n+1}) / d_n, k = T - n - 1 and the expectation over Y ~ N(x, d_n^2),

    .. math:: R_n(x) &= \gamma\{k\,[d_n \varphi(u) - x\,\Phi(-u)]
        + E[R_{n+1}(Y);\, Y > b_{n+1}]\} \\
        U_n(x) &= \gamma\{\Phi(-u) + E[U_{n+1}(Y);\, Y > b_{n+1}]\} \\
        H_n(x) &= U_n(x) + \gamma\,E[H_{n+1}(Y);\, Y > b_{n+1}]

    are the option to leave, the probability to leave, and the pulls of those who leave; gamma is 1
    where the lifetime is known, and else k is what is to be expected of those pulls.

    Parameters
    ----------
    estimate : shape (tasks, points)
        x, in units of reward.
    step : shape (tasks,)
        d_n, in units of reward.

    Returns
    -------
    shape (tasks, functions, points)
    """
    at, weights, _ = _quadrature(estimate, step, ahead, resolution)
    tasks, points = estimate.shape
    polynomials = _chebyshev(at.reshape(tasks, -1), resolution.nodes)
    integrand = (ahead.series @ polynomials).reshape(tasks, _FUNCTIONS, points, -1)
    option, leaving, leavers_pulls = np.einsum("tfpq,tpq->ftp", integrand, weights)
    leave_now, density = _leaving_now(estimate, step, ahead)
    pulls_left, step = ahead.pulls_left[:, None], step[:, None]
    option += pulls_left * (step * density - estimate * leave_now)
    leaving += leave_now
    if ahead.survival < 1:
        option, leaving, leavers_pulls = (
            ahead.survival * part for part in (option, leaving, leavers_pulls)
        )
    return np.stack([option, leaving, leaving + leavers_pulls], axis=1)


def _root(ahead: _Ahead, step: Floats, drop: Floats, resolution: Resolution) -> Floats:
    """Threshold b_n, the root of C_n, shape (tasks,).

    C_n is increasing and convex, and C_n(b_{n+1}) >= 0. So Newton's method needs no bracket: from
    any start it is right of the root after one step, and falls towards it from then on.
    """
    estimate = ahead.threshold - drop
    pulls_left = ahead.pulls_left
    for _ in range(_NEWTON_STEPS):
        at, weights, deviation = _quadrature(estimate[:, None], step, ahead, resolution)
        polynomials = _chebyshev(at[:, 0], resolution.nodes)
        values = (ahead.series[:, :1] @ polynomials)[:, 0] * weights[:, 0]
        leave_now, density = _leaving_now(estimate[:, None], step, ahead)
        stay_now, density = 1 - leave_now[:, 0], density[:, 0]
        later = pulls_left * (estimate * stay_now + step * density) + values.sum(axis=-1)
        later_slope = (
            pulls_left * (stay_now + ahead.threshold / step * density)
            + (values * deviation[:, 0]).sum(axis=-1) / step
        )
        worth = estimate + ahead.survival * later
        slope = 1 + ahead.survival * later_slope
        improved = np.minimum(estimate - worth / slope, ahead.threshold)
        moved = np.abs(improved - estimate)
        estimate = improved
        if (moved <= _NEWTON_TOLERANCE * step).all():
            break
    return estimate


def _leaving_now(estimate: Floats, step: Floats, ahead: _Ahead) -> tuple[Floats, Floats]:
    r"""Probability that the next estimate says to leave, Phi(-u), and the density phi(u)."""
    distance = (estimate - ahead.threshold[:, None]) / step[:, None]
    return ndtr(-distance), np.exp(-0.5 * np.square(distance)) / np.sqrt(2 * np.pi)


def _quadrature(
    estimate: Floats, step: Floats, ahead: _Ahead, resolution: Resolution
) -> tuple[Floats, Floats, Floats]:
    """Nodes and weights of the Gaussian expectation over the interval of the series.

    Returns
    -------
    at, weights, deviation : shape (tasks, points, nodes)
        Place in the interval, from -1 to 1; weight, with the Gaussian density in it; and distance
        from the estimate in units of the step.
    """
    place, weight = _gauss_legendre(resolution.quadrature)
    left, length = ahead.threshold[:, None], ahead.length[:, None]
    step = step[:, None]
    cut = resolution.window * step
    low = np.maximum(left, estimate - cut)
    high = np.maximum(low, np.minimum(left + length, estimate + cut))
    half = ((high - low) / 2)[..., None]
    # measured from the threshold, so that rounding cannot leave the interval by much
    above = ((low - left) + (high - low) / 2)[..., None] + half * place
    deviation = (above + (left - estimate)[..., None]) / step[..., None]
    density = np.exp(-0.5 * np.square(deviation)) / np.sqrt(2 * np.pi)
    at = 2 * np.log1p(_CROWDING / length[..., None] * above) / np.log1p(_CROWDING) - 1
    at = np.clip(at, -1, 1)
    return at, half / step[..., None] * weight * density, deviation


@cache
def _gauss_legendre(number: int) -> tuple[Floats, Floats]:
    """Nodes and weights on [-1, 1]; to find them costs more than a step of the recursion."""
    return np.polynomial.legendre.leggauss(number)


def _chebyshev(at: Floats, number: int) -> Floats:
    """First Chebyshev polynomials, shape (tasks, number, points), for ``at`` (tasks, points).

    T_{j+i} = 2 T_j T_i - T_{j-i} doubles how many there are, in one operation over all of them.
    """
    polynomials = np.empty((at.shape[0], number, at.shape[1]))
    polynomials[:, 0] = 1
    polynomials[:, 1] = at
    known = 2
    while known < number:
        top = known - 1
        new = min(top, number - known)
        fresh = polynomials[:, known : known + new]
        np.multiply(polynomials[:, 1 : new + 1], 2 * polynomials[:, top : top + 1], out=fresh)
        fresh -= polynomials[:, top - new : top][:, ::-1]
        known += new
    return polynomials
