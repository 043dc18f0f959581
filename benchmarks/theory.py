"""Measure what the theory promises: exactness and speed, each against its bar.

    python -m benchmarks.theory

prints a table and writes it, with machine and versions, to ``benchmarks/results/theory.json``.
Every accuracy is taken against something that shares no code with what it judges.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from unittest import mock

import mpmath as mp  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.signal import fftconvolve
from scipy.stats import norm
from tqdm import tqdm

from benchmarks.machine import machine
from meta_bandit import GaussianBandit
from meta_bandit.policies import Stopping
from meta_bandit.theory import (
    Estimator,
    bayes_optimal,
    commit_value,
    first_pull_value,
    optimal_commit,
    stopping_solver,
)
from meta_bandit.worlds import simulate

RESULTS = Path(__file__).parent / "results" / "theory.json"
SEED = 20220703


@dataclass(frozen=True)
class Row:
    """One measurement against its bar; lower is better."""

    what: str
    measured: float
    bar: float
    unit: str
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        """Tell whether the measurement keeps to the bar."""
        return self.measured <= self.bar


def random_tasks(count: int, longest: int, rng: np.random.Generator) -> GaussianBandit:
    """Tasks evenly spread in the logarithms of sigma_p, sigma_l and T, with mean -1."""
    return GaussianBandit(
        np.exp(rng.uniform(np.log(0.2), np.log(10), count)),
        np.exp(rng.uniform(np.log(0.01), np.log(100), count)),
        np.floor(np.exp(rng.uniform(0, np.log(longest + 1), count))),
    )


def timed(call: Callable[[], object], repeats: int) -> dict[str, float]:
    """Processor time of a call in seconds: shortest, median and longest of some repeats.

    It is that of all threads together, so that it bounds what one core takes, and what the machine
    does beside counts only as far as it slows the core.
    """
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return {
        "shortest_s": min(seconds),
        "median_s": float(np.median(seconds)),
        "longest_s": max(seconds),
        "repeats": repeats,
    }


def quadrature_value(task: GaussianBandit, pulls: int, estimator: Estimator) -> mp.mpf:
    r"""V(n) in 30 digits from its definition, a double integral over mu and the sample mean.

    .. math:: V(n) = n m + (T - n) \int \mu\, P(\text{estimate} > 0 \mid \mu)\, p(\mu)\, d\mu

    The inner integral is a Gaussian tail, the outer one is cut where either factor bends.
    """
    with mp.workdps(40):
        m, sigma_p, sigma_l = (mp.mpf(float(x)) for x in (task.mean, task.sigma_p, task.sigma_l))
        lifetime = int(task.lifetime)
        if pulls == 0:
            return lifetime * max(m, mp.mpf(0))
        width = sigma_l / mp.sqrt(pulls)
        # the posterior mean is positive where the sample mean is above this
        cut = -m * width**2 / sigma_p**2 if estimator == "map" else mp.mpf(0)

        def integrand(mu: mp.mpf) -> mp.mpf:
            return mu * mp.npdf(mu, m, sigma_p) * mp.erfc((cut - mu) / width / mp.sqrt(2)) / 2

        low, high = m - 15 * sigma_p, m + 15 * sigma_p
        bends = [m + k * sigma_p for k in (-6, -3, -1, 1, 3, 6)]
        bends += [cut + k * width for k in (-15, -8, -4, -2, 0, 2, 4, 8, 15)]
        edges = [low, *sorted(x for x in bends if low < x < high), high]
        return pulls * m + (lifetime - pulls) * mp.quad(integrand, edges)


def commit_value_error(rng: np.random.Generator, count: int = 300) -> Row:
    """Error of V against 30-digit quadrature, relative to max(1, V)."""
    tasks = random_tasks(count, 10**6, rng)
    worst, where = 0.0, ""
    for i in tqdm(range(count), disable=None, desc="V against quadrature"):
        task = tasks[i]
        lifetime = int(task.lifetime)
        some = int(np.exp(rng.uniform(0, np.log(lifetime + 1))))
        pulls = (0, lifetime, min(some, lifetime))[i % 3]
        estimator: Estimator = "map" if i % 2 else "ml"
        exact = quadrature_value(task, pulls, estimator)
        value = mp.mpf(float(commit_value(task, pulls, estimator)))
        error = float(abs(value - exact) / max(1, abs(exact)))
        if not error <= worst:
            worst, where = error, f"{task!r}, n = {pulls}, {estimator}"
    return Row(
        "V: error / max(1, |V|) against 30-digit quadrature",
        worst, 1e-12, "", {"tasks": count, "worst": where},
    )  # fmt: skip


def optimal_pulls_errors(
    rng: np.random.Generator, estimator: Estimator, count: int = 10_000
) -> Row:
    """How many n* differ from brute force over all n by more than a tie."""
    tasks = random_tasks(count, 2000, rng)
    found, value = optimal_commit(tasks, estimator)
    wrong, ties = 0, []
    for i in tqdm(range(count), disable=None, desc="n* against brute force"):
        values = commit_value(tasks[i], np.arange(int(tasks.lifetime[i]) + 1), estimator)
        best = int(values.argmax())
        if best == found[i]:
            continue
        if abs(values[best] - value[i]) <= 1e-12 * max(1.0, abs(values[best])):
            ties.append(f"{tasks[i]!r}: {found[i]} and {best}")
        else:
            wrong += 1
    return Row(
        f"n* ({estimator}): differs from brute force over all n",
        wrong,
        0,
        "tasks",
        {"tasks": count, "ties": ties},
    )


def commit_times() -> list[Row]:
    """Time of one n* in a very long life, and of a phase diagram."""
    longest = GaussianBandit(1.0, 1.0, 10**9)
    grid = GaussianBandit(
        np.linspace(0.2, 5, 200)[:, None], np.linspace(0.1, 20, 200)[None], lifetime=100
    )
    rows = []
    for what, task, bar, repeats in (
        ("n* at T = 1e9", longest, 1e-3, 200),
        ("phase diagram of n*, 200 x 200, T = 100", grid, 0.1, 10),
    ):
        optimal_commit(task)
        spread = timed(lambda task=task: optimal_commit(task), repeats)  # type: ignore[misc]
        rows.append(Row(what, spread["median_s"], bar, "s", dict(spread)))
    return rows


def relative_to_bar(error: NDArray[np.float64], value: NDArray[np.float64]) -> float:
    """Largest of error / (1e-4 |value| + 1e-5)."""
    return float((np.abs(error) / (1e-4 * np.abs(value) + 1e-5)).max())


def bayes_refinement(rng: np.random.Generator, count: int = 200) -> list[Row]:
    """Distance of V* to a solution with twice the nodes, and whether its error bounds it."""
    finest = stopping_solver.Resolution(nodes=72, quadrature=60, window=8.5, reach=9.5)
    tasks = random_tasks(count, 1000, rng)
    best = bayes_optimal(tasks)
    exact = np.maximum(stopping_solver.solve(tasks, finest).worth, 0)
    true_error = np.abs(best.value - exact)
    committed = optimal_commit(tasks)[1]
    raw = np.maximum(first_pull_value(tasks), 0)
    about = {"tasks": count, "longest": 1000}
    return [
        Row("V*: error / bar, against twice the nodes", relative_to_bar(true_error, exact), 1, "",
            about),
        Row("V*: its own error estimate / bar", relative_to_bar(best.error, best.value), 1, "",
            about),
        Row("V*: true error / error estimate", float((true_error / best.error).max()), 1, "",
            about),
        Row("V*: shortfall below commitment / max(1, V)",
            float(((committed - raw) / np.maximum(1, committed)).max()), 1e-12, "",
            about | {"note": "before the value is raised to the committed plan's"}),
    ]  # fmt: skip


def lattice_value(task: GaussianBandit, points: int) -> float:
    """V* by brute force: the trapezoidal rule on an even lattice of estimates."""
    mean, sigma_p, sigma_l = float(task.mean), float(task.sigma_p), float(task.sigma_l)
    prior_pulls = (sigma_l / sigma_p) ** 2
    estimates = np.linspace(mean - 8 * sigma_p, mean + 8 * sigma_p, points)
    spacing = estimates[1] - estimates[0]
    value = np.maximum(estimates, 0)
    for n in range(int(task.lifetime) - 2, -1, -1):
        std = sigma_l / np.sqrt((n + prior_pulls) * (n + prior_pulls + 1))
        kernel = norm.pdf((estimates[None] - estimates[:, None]) / std) * (spacing / std)
        above = norm.sf((estimates[-1] + spacing / 2 - estimates) / std)
        value = np.maximum(estimates + kernel @ value + above * value[-1], 0)
    return float(value[points // 2])


def bayes_lattice() -> Row:
    """Distance of V* to the lattice, extrapolated to spacing zero, on short lives."""
    tasks = [(1.5, 1.0, 3), (1.0, 0.5, 5), (2.0, 3.0, 8), (3.0, 9.0, 12), (5.0, 8.0, 6)]
    worst = 0.0
    for sigma_p, sigma_l, lifetime in tqdm(tasks, disable=None, desc="V* against a lattice"):
        task = GaussianBandit(sigma_p, sigma_l, lifetime)
        coarse, fine = lattice_value(task, 2001), lattice_value(task, 4001)
        # the kink makes the rule's error fall as the square of the spacing
        extrapolated = np.array(fine + (fine - coarse) / 3)
        worst = max(worst, relative_to_bar(bayes_optimal(task).value - extrapolated, extrapolated))
    return Row("V*: error / bar, against a fine lattice, T <= 12", worst, 1, "", {"tasks": tasks})


def kinked_lattice_value(task: GaussianBandit, per_move: float = 6.0) -> float:
    r"""C_0(m) on an even lattice of estimates, the kink of J at each threshold corrected.

    The trapezoidal rule is all but exact for what is smooth. At the kink b, a share alpha of the
    spacing h below the next point, it lacks the terms of Euler and Maclaurin,

    .. math:: \sum_{k=1}^{3} \frac{h^{k+1}}{(k + 1)!}\, B_{k+1}(\alpha)\,
        \frac{d^k}{dy^k}\Big[C(y)\,\varphi\big(\tfrac{y - x}{d}\big)/d\Big]_{y = b}

    with Bernoulli's polynomials. Nothing of `stopping_solver` is used. ``per_move`` is the number
    of points in the smallest move of the estimate.
    """
    mean, sigma_p, sigma_l = float(task.mean), float(task.sigma_p), float(task.sigma_l)
    before = np.arange(int(task.lifetime) - 1) + (sigma_l / sigma_p) ** 2
    moves = sigma_l / np.sqrt(before * (before + 1))
    h = moves[-1] / per_move
    half = int(np.ceil(9 * sigma_p / h))
    x = mean + h * np.arange(-half, half + 1)
    going_on, threshold, slopes = x, 0.0, (1.0, 0.0, 0.0)
    for left, d in enumerate(moves[::-1], start=1):
        reach = int(np.ceil(9 * d / h))
        kernel = norm.pdf(h * np.arange(-reach, reach + 1), scale=d) * h
        # below the lattice all leave, and above it all stay
        above = left * (x[-1] + h * np.arange(1, reach + 1))
        worth = np.concatenate([np.zeros(reach), np.where(x > threshold, going_on, 0), above])
        ahead = fftconvolve(worth, kernel, "valid")
        alpha = (x[np.searchsorted(x, threshold, side="right")] - threshold) / h
        away = (threshold - x) / d
        density = norm.pdf(away) / d
        first, second = -away / d * density, (away**2 - 1) / d**2 * density
        ahead += h**2 / 2 * (alpha**2 - alpha + 1 / 6) * slopes[0] * density
        cubic = alpha**3 - 1.5 * alpha**2 + 0.5 * alpha
        ahead += h**3 / 6 * cubic * (slopes[1] * density + 2 * slopes[0] * first)
        quartic = alpha**4 - 2 * alpha**3 + alpha**2 - 1 / 30
        third = slopes[2] * density + 3 * slopes[1] * first + 3 * slopes[0] * second
        going_on = x + ahead + h**4 / 24 * quartic * third
        # the root and the slopes there, by a polynomial through the points around it
        at = int(np.searchsorted(going_on, 0.0))
        around = np.arange(-10, 10)
        fit = np.polynomial.Chebyshev.fit(around, going_on[at + around] / d, 13)
        root = brentq(fit, -1, 0)
        threshold = x[at] + h * root
        slopes = tuple(float(fit.deriv(k)(root)) * d / h**k for k in (1, 2, 3))
    return float(going_on[half])


KINKED = (
    (1.0, 1.0, 100), (2.0, 2.0, 100), (2.0, 4.0, 100), (4.0, 8.0, 100), (1.0, 3.0, 200),
    (0.8, 1.0, 60), (1.0, 0.5, 30), (1.5, 4.0, 50), (1.5, 1.0, 20), (2.0, 1.0, 40),
    (2.0, 8.0, 60), (3.0, 3.0, 12), (3.0, 9.0, 25), (4.0, 20.0, 40), (5.0, 5.0, 7),
    (5.0, 30.0, 30), (6.0, 6.0, 90), (8.0, 40.0, 16), (10.0, 10.0, 4), (10.0, 60.0, 35),
)  # fmt: skip
"""Tasks on which learning pays: sigma_p, sigma_l and T."""


def bayes_kinked_lattice() -> Row:
    """Distance of V* to the corrected lattice, relative, on twenty tasks."""
    errors = {}
    for sigma_p, sigma_l, lifetime in tqdm(KINKED, disable=None, desc="V* against a lattice"):
        task = GaussianBandit(sigma_p, sigma_l, lifetime)
        exact = kinked_lattice_value(task)
        found = float(bayes_optimal(task).value)
        errors[f"sigma_p {sigma_p}, sigma_l {sigma_l}, T {lifetime}"] = abs(found / exact - 1)
    return Row("V*: relative error against a corrected lattice, 20 tasks", max(errors.values()),
               1e-6, "", {"errors": errors})  # fmt: skip


def bayes_simulation(lives: int = 10**6) -> Row:
    """Distance of V* to what lives under its thresholds earn, in standard errors."""
    scores: dict[str, float] = {}
    rng = np.random.default_rng(SEED)
    for sigma_p, sigma_l in tqdm(
        [(1.0, 1.0), (2.0, 4.0), (1.0, 0.1)], disable=None, desc="V* simulated"
    ):
        task = GaussianBandit(sigma_p, sigma_l, 100)
        best = bayes_optimal(task)
        policy = Stopping(best.thresholds)
        batches = [
            simulate(policy, task, 20_000, rng).expected_returns for _ in range(lives // 20_000)
        ]
        returns = np.concatenate(batches)
        standard_error = returns.std() / np.sqrt(returns.size)
        scores[f"sigma_p {sigma_p}, sigma_l {sigma_l}"] = float(
            (returns.mean() - best.value) / standard_error
        )
    return Row(
        "V*: distance to 1e6 simulated lives", max(map(abs, scores.values())), 4,
        "standard errors", {"lives": lives, "scores": scores},
    )  # fmt: skip


def bayes_times() -> list[Row]:
    """Time of a grid, of a long life, and how it grows with the lifetime."""
    grid = GaussianBandit(np.geomspace(0.2, 10, 20)[:, None], np.geomspace(0.01, 100, 20)[None])
    on_grid = timed(lambda: bayes_optimal(grid), 3)
    with mock.patch.object(stopping_solver, "library", return_value=None):
        by_numpy = timed(lambda: bayes_optimal(grid), 3)
    lifetimes = np.array([250, 500, 1000, 2000, 4000])
    spreads = []
    for lifetime in lifetimes:
        task = GaussianBandit(1.0, 5.0, lifetime)
        spreads.append(timed(lambda task=task: bayes_optimal(task), 3))  # type: ignore[misc]
    medians = np.array([spread["median_s"] for spread in spreads])
    exponent = float(np.polyfit(np.log(lifetimes), np.log(medians), 1)[0])
    return [
        Row("V*: 400 tasks at T = 100", on_grid["median_s"], 10, "s", dict(on_grid)),
        Row("V*: the same, time compiled from C / by NumPy",
            on_grid["median_s"] / by_numpy["median_s"], 0.25, "", dict(by_numpy)),
        Row("V*: one task at T = 1000", spreads[2]["median_s"], 5, "s", dict(spreads[2])),
        Row("V*: exponent of time in T, 250 to 4000", exponent, 1.2, "",
            {"median_s": dict(zip(lifetimes.tolist(), medians.tolist(), strict=True))}),
    ]  # fmt: skip


def main() -> None:
    """Measure everything, print the table, write the file."""
    rng = np.random.default_rng(SEED)
    before = machine("numpy", "scipy", "mpmath", "meta-bandit") | {"seed": SEED}
    rows = [
        *commit_times(),
        *bayes_times(),
        commit_value_error(rng),
        optimal_pulls_errors(rng, "map"),
        optimal_pulls_errors(rng, "ml"),
        *bayes_refinement(rng),
        bayes_lattice(),
        bayes_kinked_lattice(),
        bayes_simulation(),
    ]
    print(f"{'what':<56} {'measured':>10} {'bar':>8}")
    for row in rows:
        mark = "" if row.met else "   MISSED"
        print(f"{row.what:<56} {row.measured:>10.3g} {row.bar:>8.3g} {row.unit}{mark}")
    RESULTS.parent.mkdir(exist_ok=True)
    record = {"machine": before, "rows": [asdict(row) | {"met": row.met} for row in rows]}
    RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
