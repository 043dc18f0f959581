"""How well agents do, of every world, as data and in words."""

import json

import numpy as np
import pytest

from meta_bandit.agents import AgentPolicy
from meta_bandit.measure import measure
from meta_bandit.report import agent_in_words, report
from meta_bandit.studies import stored_agents
from meta_bandit.theory import bayes_optimal, optimal_commit
from meta_bandit.theory.foraging import best_habit, optimum
from meta_bandit.theory.many_arms import many_full_information, many_optimal_commit
from meta_bandit.theory.treasure_room import blind
from meta_bandit.worlds import simulate

KNOWN = {
    "across": {
        "optimal_pulls": lambda task: optimal_commit(task)[0],
        "commit_value": lambda task: optimal_commit(task)[1],
        "bayes_value": lambda task: bayes_optimal(task).value,
    },
    "forage-led": {
        "optimum": lambda task: optimum(task).value,
        "habit": lambda task: best_habit(task).value,
        "stay": lambda task: task.stay,
    },
    "many-arms-shared": {
        "optimal_tried": lambda task: many_optimal_commit(task)[0],
        "commit_value": lambda task: many_optimal_commit(task)[2],
        "full_information": many_full_information,
    },
    "treasure-room-led": {"blind": blind},
}


@pytest.mark.parametrize("name", KNOWN)
def test_agents_of_every_world_are_measured_beside_what_is_known_of_it(name):
    agents = stored_agents(f"{name}.safetensors")[np.array([-1])]
    (result,) = json.loads(json.dumps(report(agents, 60), allow_nan=False))
    task = agents.task[0]
    assert {field: result[field] for field in task.values} == {
        field: value.item() for field, value in task.values.items()
    }
    for who, greedy in (("greedy", True), ("sampled", False)):
        policy = AgentPolicy(agents, greedy=greedy)
        own = measure(simulate(policy, agents.task, 60, np.random.default_rng(1)), ["agent"])
        assert result[who].keys() == own.data_vars.keys()
        for measured, value in result[who].items():
            found = float(own[measured][0])
            assert value == found or (value is None and not np.isfinite(found))
    told = agent_in_words(result)
    for key, find in KNOWN[name].items():
        assert result[key] == find(task)
        assert f"{result[key]:.4g}" in told
    first = next(iter(result["greedy"]))
    assert f"{result['greedy'][first]:.4g} +- " in told
    assert f"seed = {result['seed']}, 60 lives" in told
