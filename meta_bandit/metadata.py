"""What stored files say of themselves: units, meanings, licence, and where they came from.

Whoever has xarray or safetensors, and not this package, shall understand them. Global attributes
are those of ACDD 1.3. Units are words (reward, pulls): there is none of physics in these files.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import xarray as xr

from meta_bandit import __version__
from meta_bandit.files import write_atomically


class Meaning(NamedTuple):
    """What a variable is, as attributes of a file."""

    units: str
    long_name: str
    comment: str = ""


COMMON = {
    "seed": Meaning("1", "seed that all random numbers of the agent came from"),
    "update": Meaning("updates", "updates made", "the last of the stretch that a curve is over"),
    "diverged_at": Meaning(
        "updates",
        "update at which training stopped for lack of a finite gradient",
        "-1: never, the agent was trained to its end",
    ),
}
BANDIT = COMMON | {
    "validation_return": Meaning(
        "reward",
        "return of a life in the validation of a trained agent",
        "greedy, mean over lives after training; an agent with less than 0 never pulls since",
    ),
    "last_return": Meaning(
        "reward",
        "return of a life in the validation, as training ended",
        "greedy, on the same lives; less than validation_return where an earlier state was kept",
    ),
    "kept_update": Meaning(
        "updates", "updates after which the agent was as it is", "the last: at the end of training"
    ),
    "sigma_p": Meaning(
        "reward", "ecological uncertainty: standard deviation of the risky arm's mean over lives"
    ),
    "sigma_l": Meaning("reward", "task complexity: standard deviation of a reward within a life"),
    "lifetime": Meaning("pulls", "pulls in one life (T)"),
    "mean": Meaning("reward", "prior mean of the risky arm (m)"),
    "hazard": Meaning("1", "probability to die at a pull; lives are drawn from their law once"),
    "expected_return": Meaning(
        "reward",
        "expected return of a life",
        "mean over lives of mu N: N risky pulls, and the arm's mean mu of that life in place of "
        "the rewards that it drew",
    ),
    "regret": Meaning(
        "reward",
        "regret of a life: what knowing the arm from birth would add",
        "mean over lives of T max(mu, 0) - mu N, on the lives of expected_return",
    ),
    "exploration": Meaning(
        "pulls",
        "exploration: risky pulls before the last switch to the safe arm",
        "mean over those lives alone that end on the safe arm, see ends_safe; 0 if the risky arm "
        "is never pulled, NaN if no life ends on the safe arm",
    ),
    "ends_safe": Meaning("share of lives", "lives whose last pull is safe"),
    "risky_pulls": Meaning("pulls", "risky pulls in a life", "mean over all lives"),
    "optimal_pulls": Meaning(
        "pulls",
        "optimal length of exploration (n*) of a plan that explores, then commits",
        "commits by the posterior mean, not by the mean of the sample",
    ),
    "commit_value": Meaning("reward", "expected return of the plan of optimal_pulls"),
    "bayes_value": Meaning(
        "reward", "expected return of the Bayes-optimal policy, which may stop at any pull"
    ),
    "bayes_error": Meaning("reward", "estimated bound of the numerical error of bayes_value"),
    "curve_return": Meaning(
        "reward",
        "expected return in training",
        "under the prior mean of the time, which moves from 0 to that of the task in the first "
        "config.continuation_until of the updates; actions sampled; mean over a stretch of updates",
    ),
    "curve_risky_pulls": Meaning(
        "pulls", "risky pulls in a life in training", "as curve_return: of lives in training"
    ),
    "curve_entropy": Meaning(
        "nats per pull", "entropy of the policy in training", "as curve_return: of training"
    ),
}
FORAGING = COMMON | {
    "lifetime": Meaning("moves", "moves in one life (T)"),
    "places": Meaning("1", "hiding places, one of which pays (K)"),
    "far": Meaning("reward", "the large reward, hidden (R)"),
    "near": Meaning("reward", "the small reward, certain"),
    "size": Meaning("cells", "cells along a side of the grid"),
    "recipe": Meaning(
        "1",
        "how the agent was trained",
        "led: the near place pays nothing at first, and more and more over the first "
        "config.continuation_until of the updates; direct: all of it from the beginning",
    ),
    "return": Meaning(
        "reward", "return of a life", "exact: the greedy agent lives once with each hiding place"
    ),
    "searched": Meaning("share of lives", "lives that enter a hiding place"),
    "returned": Meaning(
        "share of lives", "lives whose first find is followed by another on the shortest way"
    ),
    "optimum": Meaning("reward", "expected return of the optimal policy of this world"),
    "habit": Meaning("reward", "expected return of the best policy that does not learn"),
    "stay": Meaning("reward", "return of a life that only goes to the near place"),
    "edge": Meaning("reward", "large reward from which on learning pays in this world"),
    "kept": Meaning("1", "whether the agent's weights are stored", "1: yes, 0: no"),
    "curve_return": Meaning(
        "reward",
        "return in training",
        "under the near reward of the time, see recipe; moves sampled; mean over a stretch",
    ),
    "curve_found": Meaning("finds", "large rewards in a life in training", "as curve_return"),
}
MANY_ARMS = COMMON | {
    "arms": Meaning("1", "arms in all, the known one included (K)"),
    "sigma_p": Meaning("reward", "standard deviation of an unknown arm's mean over lives"),
    "sigma_l": Meaning("reward", "standard deviation of a reward of an unknown arm within a life"),
    "lifetime": Meaning("pulls", "pulls in one life (T)"),
    "mean": Meaning("reward", "prior mean of each unknown arm (m)"),
    "safe": Meaning("reward", "what arm 0 pays, without noise"),
    "expected_return": Meaning(
        "reward",
        "expected return of a life of the greedy agent",
        "mean over lives of the arms' means, one for each pull, in place of the rewards",
    ),
    "tried": Meaning("arms", "unknown arms pulled at least once in a life of training"),
    "mean_return": Meaning(
        "reward", "expected return in training", "actions sampled; arm 0 pays known_reward"
    ),
    "safe_pulls": Meaning("pulls", "pulls of arm 0 in a life of training"),
    "known_reward": Meaning("reward", "what arm 0 pays in the lives of an update of training"),
    "entropy": Meaning("nats per pull", "entropy of the policy in training"),
    "gradient_norm": Meaning("1", "norm of the gradient, before it is shortened"),
    "recipe": Meaning(
        "1",
        "how the agent was trained",
        "default: one memory, arm 0 pays less at first; direct: one memory, the world as it is; "
        "shared: as direct, a memory for each arm, all with the same weights",
    ),
    "greedy_tried": Meaning("arms", "unknown arms pulled at least once in a life, greedy agent"),
    "greedy_safe": Meaning("pulls", "pulls of arm 0 in a life, greedy agent"),
    "arms_tried": Meaning("arms", "number of unknown arms pulled at least once in a life"),
    "share_tried": Meaning("share of lives", "lives in which arms_tried arms are, greedy agent"),
    "curve_return": Meaning(
        "reward",
        "expected return in training",
        "actions sampled; arm 0 pays what it does at the time, see recipe; mean over a stretch",
    ),
    "curve_tried": Meaning("arms", "unknown arms tried in a life of training", "as curve_return"),
}
TREASURE_ROOM = COMMON | {
    "lifetime": Meaning("steps", "steps in one life (T)"),
    "low": Meaning("reward", "least that a treasure may be worth"),
    "high": Meaning("reward", "most that a treasure may be worth"),
    "treasures": Meaning("1", "treasures in a room (n)"),
    "size": Meaning("cells", "cells along a side of the room"),
    "steps": Meaning("steps", "steps in an episode"),
    "recipe": Meaning(
        "1",
        "how the agent was trained",
        "direct: the room as it is; led: least_worth rises from 0 to low in the first "
        "config.continuation_until of the updates; free: over these, what is bad at the first "
        "sight of a cell counts more and more, at first nothing",
    ),
    "return": Meaning("reward", "return of a life of the greedy agent", "mean over lives"),
    "greedy_seen": Meaning("cells", "cells entered at least once in a life, greedy agent"),
    "by_episode": Meaning("reward", "return of an episode of the greedy agent", "as return"),
    "episode": Meaning("1", "number of the episode in its life, from 1"),
    "mean_return": Meaning(
        "reward", "return in training", "moves sampled; treasures are worth least_worth or more"
    ),
    "seen": Meaning("cells", "cells entered at least once in a life of training"),
    "least_worth": Meaning("reward", "least that a treasure may be worth in an update of training"),
    "entropy": Meaning("nats per move", "entropy of the policy in training"),
    "gradient_norm": Meaning("1", "norm of the gradient, before it is shortened"),
    "curve_return": Meaning(
        "reward",
        "return in training",
        "moves sampled; with the treasures of the time, see recipe; mean over a stretch",
    ),
    "curve_seen": Meaning("cells", "cells entered in a life of training", "as curve_return"),
}

LICENCE = {
    "license": "CC-BY-4.0, https://creativecommons.org/licenses/by/4.0/",
    "creator_name": "The meta-bandit contributors",
    "references": "companion to R. T. Lange and H. Sprekeler, Learning not to learn: nature versus "
    "nurture in silico, AAAI 2022, https://arxiv.org/abs/2010.04466",
}


def meaning(name: str, known: Mapping[str, Meaning]) -> dict[str, str]:
    """Attributes of a variable, by its name; of none that is not known.

    Of a measure's standard error (``_se``), and under the sampling policy (``_sampled``), too.
    """
    plain = name.removesuffix("_se").removesuffix("_sampled")
    if plain not in known:
        return {}
    about = {key: text for key, text in known[plain]._asdict().items() if text}
    if "_sampled" in name:
        about["long_name"] += "; actions sampled as in training, not greedy"
    if name.endswith("_se"):
        about["long_name"] = f"standard error of: {about['long_name']}"
    return about


def explain(dataset: xr.Dataset, known: Mapping[str, Meaning], **about: object) -> xr.Dataset:
    """Describe a dataset and its variables, as attributes.

    Parameters
    ----------
    dataset
        Its attributes are added to, in place.
    known
        What variables are, such as `BANDIT`.
    **about
        Global attributes: ``title``, ``summary`` and others.
    """
    for name, variable in dataset.variables.items():
        variable.attrs |= meaning(str(name), known)
    dataset.attrs |= {"Conventions": "ACDD-1.3", **about, **LICENCE}
    return dataset


def made_now() -> dict[str, str]:
    """Say by what, and when, something is made: version, commit and date."""
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return {"meta_bandit": __version__, "commit": code_commit(), "date": date}


def code_commit() -> str:
    """Commit of the package's code, with ``-dirty`` if it was changed; "unknown" if installed."""
    here = Path(__file__)

    def git(*command: str) -> str:
        said = subprocess.run(
            ["git", "-C", str(here.parent), *command], check=True, capture_output=True, text=True
        )
        return said.stdout.strip()

    try:
        # inside some other repository, an environment or an archive is not that repository's code
        git("ls-files", "--error-unmatch", here.name)
        if not here.parents[1].samefile(git("rev-parse", "--show-toplevel")):
            return "unknown"
        return git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def earlier_seconds(clock: Path, kept: Iterable[Path]) -> float:
    """Wall time of the sessions before this one, which begins now.

    Parameters
    ----------
    clock
        File that remembers when sessions began.
    kept
        Files of the work: the one before ended, at the latest, when it last wrote one.
    """
    now, before = time.time(), 0.0
    try:
        last = json.loads(clock.read_bytes())
        ended = max(path.stat().st_mtime for path in kept)
        before = last["before"] + max(0.0, ended - last["began"])
    except (OSError, ValueError, KeyError, TypeError):
        # the first session; or nobody can say any more, and what is known is less
        pass
    write_atomically(clock, json.dumps({"before": before, "began": now}))
    return before
