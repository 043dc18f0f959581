"""How well trained agents do, as data and in words; importing this loads torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from meta_bandit.agents import AgentPolicy, TrainedAgents
from meta_bandit.measure import evaluate
from meta_bandit.theory import bayes_optimal, optimal_commit
from meta_bandit.worlds import GaussianBandit


def report(trained: TrainedAgents, lives: int) -> list[dict[str, Any]]:
    """Measure agents one by one, greedy and sampling, beside the optima of their tasks.

    Parameters
    ----------
    trained
        The agents.
    lives
        Lives for each agent and policy, >= 1.

    Returns
    -------
    One for each agent: its task and seed, ``greedy`` and ``sampled`` with what
    `measure.measure` says, ``optimal_pulls``, ``commit_value``, ``bayes_value``. JSON can hold it.

    Raises
    ------
    ValueError
        If agents were trained on many tasks, or live in another world than the book's bandit.
    """
    if not isinstance(trained.task, GaussianBandit):
        world = type(trained.task).__name__
        raise ValueError(f"they live in another world, {world}: must be agents of bandits")
    if len(trained.task.shape) > 1:
        raise ValueError(
            "these agents were dealt many tasks, not one each: there is no task to measure them on"
        )
    results: list[dict[str, Any]] = []
    for agent in map(trained.__getitem__, range(len(trained.seeds))):
        policies = {"greedy": AgentPolicy(agent), "sampled": AgentPolicy(agent, greedy=False)}
        measured = evaluate(policies, agent.task, lives, seed=1, dims=["agent"])
        task = agent.task[0]
        pulls, value = optimal_commit(task)
        result: dict[str, Any] = {
            "sigma_p": float(task.sigma_p),
            "sigma_l": float(task.sigma_l),
            "lifetime": int(task.lifetime),
            "mean": float(task.mean),
            "seed": int(agent.seeds[0]),
            "lives": lives,
        }
        for policy in policies:
            numbers = measured.sel(policy=policy).isel(agent=0)
            # JSON has no NaN: a measure that no life counts for is null
            result[policy] = {
                str(name): float(number) if np.isfinite(number) else None
                for name, number in numbers.data_vars.items()
            }
        result |= {"optimal_pulls": int(pulls), "commit_value": float(value)}
        result["bayes_value"] = float(bayes_optimal(task).value)
        results.append(result)
    return results


def agent_in_words(result: Mapping[str, Any]) -> str:
    """Lay one agent's result out for a person."""
    lines = [
        "sigma_p = {sigma_p:g}, sigma_l = {sigma_l:g}, lifetime = {lifetime}, mean = {mean:g}, "
        "seed = {seed}, {lives} lives".format(**result),
        f"{'':<22} {'return':>18} {'exploration':>18} {'ends safe':>18}",
    ]
    for policy in ("greedy", "sampled"):
        numbers = result[policy]
        cells = [
            _with_error(numbers[name], numbers[f"{name}_se"])
            for name in ("expected_return", "exploration", "ends_safe")
        ]
        lines.append(f"{policy:<22} " + " ".join(f"{cell:>18}" for cell in cells))
    lines += [
        "{:<22} {commit_value:>18.4g} {optimal_pulls:>18}".format("best committed plan", **result),
        "{:<22} {bayes_value:>18.4g}".format("Bayes-optimal", **result),
    ]
    return "\n".join(lines)


def _with_error(value: float | None, error: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if error is None else f"{value:.4g} +- {error:.1g}"
