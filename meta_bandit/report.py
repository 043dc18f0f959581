"""How well trained agents do, as data and in words; importing this loads torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from meta_bandit.agents import AgentPolicy, TrainedAgents
from meta_bandit.measure import evaluate
from meta_bandit.theory import bayes_optimal, optimal_commit
from meta_bandit.theory.foraging import best_habit, optimum
from meta_bandit.theory.many_arms import many_full_information, many_optimal_commit
from meta_bandit.theory.treasure_room import blind
from meta_bandit.worlds import Foraging, GaussianBandit, ManyArms, TreasureRoom


def _of_bandit(task: GaussianBandit) -> dict[str, float]:
    pulls, value = optimal_commit(task)
    return {
        "optimal_pulls": int(pulls),
        "commit_value": float(value),
        "bayes_value": float(bayes_optimal(task).value),
    }


def _of_foraging(task: Foraging) -> dict[str, float]:
    return {
        "optimum": optimum(task).value,
        "habit": best_habit(task).value,
        "stay": float(task.stay),
    }


def _of_many_arms(task: ManyArms) -> dict[str, float]:
    tried, _, value = many_optimal_commit(task)
    informed = many_full_information(task)
    return {"optimal_tried": tried, "commit_value": value, "full_information": informed}


def _of_treasure_room(task: TreasureRoom) -> dict[str, float]:
    return {"blind": blind(task)}


_OPTIMA: dict[type, Callable[[Any], dict[str, float]]] = {
    GaussianBandit: _of_bandit,
    Foraging: _of_foraging,
    ManyArms: _of_many_arms,
    TreasureRoom: _of_treasure_room,
}
"""What agents of each world are compared with; all returns in units of reward."""
_IN_WORDS = (
    ("best committed plan", ("commit_value", "optimal_pulls", "optimal_tried")),
    ("Bayes-optimal", ("bayes_value",)),
    ("told all arms", ("full_information",)),
    ("optimal", ("optimum",)),
    ("best without learning", ("habit",)),
    ("near place alone", ("stay",)),
    ("best blind plan", ("blind",)),
)
"""Rows of a report: who is compared with, and what of it is known."""
_COLUMN = {"optimal_pulls": "exploration", "optimal_tried": "tried"}
"""Measures that are compared with them; all else with the return, which is the first."""


def report(trained: TrainedAgents, lives: int) -> list[dict[str, Any]]:
    """Measure agents of any world one by one, greedy and sampling, beside what is known of it.

    Parameters
    ----------
    trained
        The agents.
    lives
        Lives for each agent and policy, >= 1.

    Returns
    -------
    One for each agent, which JSON can hold: the fields of its task, ``seed`` and ``lives``;
    ``greedy`` and ``sampled`` with what `measure.measure` says; and, returns in units of reward, on
    a bandit ``optimal_pulls``, ``commit_value`` and ``bayes_value``; of foragers ``optimum``,
    ``habit`` and ``stay``; with many arms ``optimal_tried``, ``commit_value`` and
    ``full_information``; in a dark room ``blind``, what the best plan earns that learns nothing.

    Raises
    ------
    ValueError
        If agents were trained on many tasks.
    """
    if len(trained.task.shape) > 1:
        raise ValueError(
            "these agents were dealt many tasks, not one each: there is no task to measure them on"
        )
    results: list[dict[str, Any]] = []
    for number in range(len(trained.seeds)):
        agent = trained[np.array([number])]
        policies = {"greedy": AgentPolicy(agent), "sampled": AgentPolicy(agent, greedy=False)}
        measured = evaluate(policies, agent.task, lives, seed=1, dims=["agent"])
        task = agent.task[0]
        result: dict[str, Any] = {name: value.item() for name, value in task.values.items()}
        result |= {"seed": int(agent.seeds[0]), "lives": lives}
        for policy in policies:
            numbers = measured.sel(policy=policy).isel(agent=0)
            # JSON has no NaN: a measure that no life counts for is null
            result[policy] = {
                str(name): float(number) if np.isfinite(number) else None
                for name, number in numbers.data_vars.items()
            }
        results.append(result | _OPTIMA[type(task)](task))
    return results


def agent_in_words(result: Mapping[str, Any]) -> str:
    """Lay one agent's result out for a person."""
    names = [name for name in result["greedy"] if not name.endswith("_se")]
    fields = list(result)[: list(result).index("lives")]
    told = ", ".join(f"{name} = {result[name]:g}" for name in fields)
    rows = [
        (f"{told}, {result['lives']} lives", None),
        ("", [name.replace("_", " ") for name in names]),
    ]
    for policy in ("greedy", "sampled"):
        numbers = result[policy]
        rows.append((policy, [_with_error(numbers[name], numbers[f"{name}_se"]) for name in names]))
    for who, known in _IN_WORDS:
        values = {_COLUMN.get(key, names[0]): result[key] for key in known if key in result}
        if values:
            cells = [f"{values[name]:.4g}" if name in values else "" for name in names]
            rows.append((who, cells))
    return "\n".join(
        who if cells is None else f"{who:<22} " + " ".join(f"{cell:>18}" for cell in cells)
        for who, cells in rows
    )


def _with_error(value: float | None, error: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if error is None else f"{value:.4g} +- {error:.1g}"
