"""What the numbers in an agent's weights are, in words that its file carries.

With them, and NumPy alone, an agent can be played: ``tests/test_explained.py`` does.
"""

from __future__ import annotations

from typing import Any

from meta_bandit.agents.config import A2CConfig
from meta_bandit.task import Task

TIMES = {
    "fraction": "2 t/T - 1",
    "elapsed": "t/100",
    "remaining": "(T - t)/100",
    "log-remaining": "ln(max(T - t, 1)/20)/3",
    "none": "0",
}
"""`A2CConfig.time_feature` as formulas."""
_BANDIT = (
    "two arms, T pulls a life: the safe arm (0) pays 0; the risky arm (1) has a mean mu ~ "
    "N(mean, sigma_p^2), drawn once a life, and pays r ~ N(mu, sigma_l^2) at each pull"
)
_FORAGING = (
    "a grid of size x size cells, cell = y size + x, T moves a life: 0 up (y + 1), 1 right "
    "(x + 1), 2 down, 3 left; against a wall the animal stays. With h = (size - 1)/2 the nest, "
    "where lives begin, is (x, y) = (h, 0), the near place (0, 0) and the hiding places (2h, h), "
    "(2h, 2h), (h, 2h), (0, 2h), (0, h), of which the first K are used and one, drawn once a life, "
    "pays far; the near place always pays near; who is paid is back in the nest"
)
_MANY_ARMS = (
    "K = arms arms, T pulls a life: arm 0 pays safe; each other arm has a mean mu ~ N(mean, "
    "sigma_p^2), drawn once a life, and pays r ~ N(mu, sigma_l^2) at each pull"
)


def layout(task: Task, config: A2CConfig, shape: tuple[int, ...]) -> dict[str, Any]:
    """Describe the weights of agents, see `network.Ensemble`.

    Parameters
    ----------
    task
        What they were trained on, a bandit, a foraging world or many arms.
    config
        How they were trained.
    shape
        Of their weights.

    Returns
    -------
    What JSON can say: axes, rows, columns, the steps of a pull, units, the clock and the world.
    """
    units, inputs = config.units, shape[1] - 1 - config.units
    many = "arms" in task.values
    bandit = "sigma_p" in task.values and not many
    table = len(task.shape) > 1
    # what has no formula yet shall not lose a training: a test has all of them
    time = TIMES.get(config.time_feature, config.time_feature)
    if bandit:
        told = ["ln(sigma_p/|mean|)", "ln(sigma_l/|mean|)", "ln(T/100)"]
        last = ["last action was risky: 1, else 0", "last action was safe: 1, else 0"]
        x = ["last reward / reward_unit", *last, "time", *told[: inputs - 4]]
        logits = ["risky"]
        act = "greedy: pull the risky arm if its logit > 0; sampling: with probability 1/(1+e^-l)"
        unit = "sqrt(mean^2 + sigma_p^2 + sigma_l^2)"
        whose = "played" if table or config.task_context else "trained on, whichever is played"
    elif many:
        arms = [f"arm {arm}" for arm in range(int(task.values["arms"].flat[0]))]
        logits = ["this arm"] if config.shared_memory else arms
        x = ["last reward / reward_unit", *(f"last action was {arm}: 1, else 0" for arm in arms)]
        x += ["time"]
        act = "greedy: the arm of the largest logit; sampling: by the softmax of the logits"
        if config.shared_memory:
            own = "last reward / reward_unit if the last pull was of this arm, else 0"
            last = [f"last pull was of {whose} arm: 1, else 0" for whose in ("this", "another")]
            known = "this arm is arm 0: 1, else 0"
            x = [own, *last, "time", known, "last reward / reward_unit, of any arm"]
            act = f"each arm has its own x, h and c, all arms the same W; {act}"
        unit = "sqrt((mean - safe)^2 + safe^2 + sigma_p^2 + sigma_l^2)"
        whose = "trained on, whichever is played"
    else:
        logits = ["up", "right", "down", "left"]
        x = ["last reward / reward_unit", *(f"last move was {move}: 1, else 0" for move in logits)]
        x += ["time", *(f"in cell {cell}: 1, else 0" for cell in range(inputs - 6))]
        act = "greedy: the move of the largest logit; sampling: by the softmax of the logits"
        unit, whose = "far", "trained on, whichever is played"
    return {
        "axes": ["agent", "row", "column"],
        "rows": {"x": [0, inputs], "one": [inputs, inputs + 1], "h": [inputs + 1, shape[1]]},
        "columns": {
            **{gate: [at * units, (at + 1) * units] for at, gate in enumerate("oifg")},
            "logits": [4 * units, shape[2] - 1],
            "value": [shape[2] - 1, shape[2]],
        },
        "x": x,
        "logits": logits,
        "step": [
            "W = weights[agent]; before the first step h = c = 0, and in x last reward and action",
            "z = (x, 1, h); o, i, f = 1/(1 + exp(-z W[:, gate])); g = tanh(z W[:, g])",
            "c = f c + i g; h = o tanh(c)",
            "logits, value = (1, h) W[one and h, logits and value]",
        ],
        "act": act,
        "value": "expected rest of the return / (reward_unit T)",
        "reward_unit": f"{unit} of the task that is {whose}",
        "time": f"{time} of the life played, t = 0 before the first step",
        "world": _BANDIT if bandit else _MANY_ARMS if many else _FORAGING,
    }
