"""What the numbers in an agent's weights are, in words that its file carries.

With them, and NumPy alone, an agent can be played: ``tests/test_explained.py`` does.
"""

from __future__ import annotations

from typing import Any

from meta_bandit.agents.config import A2CConfig
from meta_bandit.agents.told import Told
from meta_bandit.worlds.task import AnyTask

TIMES = {
    "fraction": "2 t/T - 1",
    "elapsed": "t/100",
    "remaining": "(T - t)/100",
    "log-remaining": "ln(max(T - t, 1)/20)/3",
    "none": "0",
}
"""`A2CConfig.time_feature` as formulas."""


def layout(task: AnyTask, config: A2CConfig) -> dict[str, Any]:
    """Describe the weights of agents, see `network.Ensemble`.

    Parameters
    ----------
    task
        What they were trained on.
    config
        How they were trained.

    Returns
    -------
    What JSON can say: axes, rows, columns, the steps of a pull, units, the clock and the world.
    """
    units, told, names = config.units, Told(task, config, "cpu"), list(task.actions)
    inputs, heads, action = told.inputs, 4 * units, task.action_in_words
    # what has no formula yet shall not lose a training: a test has all of them
    time = TIMES.get(config.time_feature, config.time_feature)
    x = ["last reward / reward_unit", *(f"last {action} was {it}: 1, else 0" for it in names)]
    x += ["time", *task.cells_in_words]
    x += task.context_in_words * config.task_context
    if config.shared_memory:
        known = "this arm is arm 0: 1, else 0"
        last = [f"last pull was of {whose} arm: 1, else 0" for whose in ("this", "another")]
        x = ["last reward / reward_unit if the last pull was of this arm, else 0", *last]
        x += ["time", known, "last reward / reward_unit, of any arm"]
        names = ["this arm"]
        act = "each arm has its own x, h and c, all arms the same W; greedy: the arm of the "
        act += "largest logit, where each of arms 1, 2, ... that was not pulled yet has ln(number "
        act += "of these) added to its own; sampling: by the softmax of the logits as they are"
    elif task.coin:
        act = f"greedy: pull the {names[0]} arm if its logit > 0"
        act += "; sampling: with probability 1/(1+e^-l)"
    else:
        act = f"greedy: the {action} of the largest logit; sampling: by the softmax of the logits"
    own = len(task.shape) == 1 and not config.task_context
    whose = "trained on, whichever is played" if own else "played"
    return {
        "axes": ["agent", "row", "column"],
        "rows": {
            "x": [0, inputs],
            "one": [inputs, inputs + 1],
            "h": [inputs + 1, inputs + 1 + units],
        },
        "columns": {
            **{gate: [at * units, (at + 1) * units] for at, gate in enumerate("oifg")},
            "logits": [heads, heads + told.logits],
            "value": [heads + told.logits, heads + told.logits + 1],
        },
        "x": x,
        "logits": names[: told.logits],
        "step": [
            "W = weights[agent]; before the first step h = c = 0, and in x last reward and action",
            "z = (x, 1, h); o, i, f = 1/(1 + exp(-z W[:, gate])); g = tanh(z W[:, g])",
            "c = f c + i g; h = o tanh(c)",
            "logits, value = (1, h) W[one and h, logits and value]",
        ],
        "act": act,
        "value": "expected rest of the return / (reward_unit T)",
        "reward_unit": f"{task.unit_in_words} of the task that is {whose}",
        "time": f"{time} of the life played, t = 0 before the first step",
        "world": task.in_words,
    }
