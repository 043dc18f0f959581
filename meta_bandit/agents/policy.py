"""Trained agents as a policy that `worlds.simulate` plays like any other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from meta_bandit.agents.a2c import reward_scale, task_inputs, time_input
from meta_bandit.agents.network import (
    CONTEXT,
    INPUTS,
    LOGIT,
    REWARD,
    RISKY_ROW,
    SAFE_ROW,
    TIME,
    Ensemble,
)
from meta_bandit.agents.trained import TrainedAgents
from meta_bandit.agents.training import torch_threads
from meta_bandit.worlds import RISKY, SAFE, GaussianBandit
from meta_bandit.worlds.bandit import History, Policy


class AgentPolicy:
    """Each agent of an ensemble on its own element of the task, weights frozen.

    The task that is played may differ from the one an agent was trained on: the time reaches it as
    that of the life it plays, and rewards in the unit of its training. Agents that are told their
    task, or were trained on many, get rewards in the unit of the task that they play.

    Memory can be looked into while agents act, or while they only `Watch`.

    Parameters
    ----------
    trained
        The agents.
    greedy
        Pull the arm that the agent finds more probable, instead of sampling.
    remember
        Keep the agents' memory at every pull, for `memory`.
    """

    def __init__(self, trained: TrainedAgents, greedy: bool = True, remember: bool = False) -> None:
        self.trained = trained
        self.greedy = greedy
        self.remember = remember
        self._kept: list[NDArray[np.float32]] = []
        self._scale: NDArray[np.float64] | None = None
        if len(trained.task.shape) == 1 and not trained.config.task_context:
            own = np.broadcast_to(reward_scale(trained.task), trained.task.shape)
            self._scale = own[:, None]
        self._net: Ensemble | None = None

    @property
    def memory(self) -> NDArray[np.float32]:
        """What the agents had in memory when they answered at each pull of the last lives.

        Returns
        -------
        shape (pulls, agents, 2 units, lives)
            Outputs h, then cells c. Row t follows from what happened before pull t, as row t of
            `measure.estimates` does. Takes 8 bytes for each unit, pull and life.

        Raises
        ------
        ValueError
            If no lives were played, or the policy was not told to remember.
        """
        if not self._kept:
            raise ValueError("memory: nothing was kept: play lives with remember=True first")
        return np.stack(self._kept)

    def risky_probability(self, task: GaussianBandit, history: History) -> NDArray[np.float64]:
        """Probability of the risky arm at the coming pull, shape (agents, lives)."""
        agents, lives = len(self.trained.seeds), history.last_reward.shape[-1]
        if history.last_reward.shape != (agents, lives):
            raise ValueError(
                f"task: shape {history.last_reward.shape[:-1]}: must be ({agents},), one for each "
                "agent"
            )
        # one thread: results as in training, and no threads that wait for each other on busy cores
        with torch_threads(1), torch.inference_mode():
            if history.pull == 0:
                self._net = Ensemble(torch.from_numpy(self.trained.weights), lives, pulls=0)
                self._kept.clear()
            if self._net is None or self._net.inputs.shape[-1] != lives:
                raise ValueError("these lives were not begun: the policy must be asked at pull 0")
            begun = history.pull > 0
            scale = reward_scale(task) if self._scale is None else self._scale
            x = self._net.inputs[0]
            x[:, REWARD] = torch.from_numpy(history.last_reward / scale)
            x[:, RISKY_ROW] = torch.from_numpy((history.last_action == RISKY) & begun)
            x[:, SAFE_ROW] = torch.from_numpy((history.last_action == SAFE) & begun)
            pull = torch.tensor(float(history.pull))
            lifetime = torch.from_numpy(np.broadcast_to(task.lifetime, (agents, 1)).astype(float))
            x[:, TIME] = time_input(self.trained.config.time_feature, pull, lifetime)
            if self.trained.config.task_context:
                told = task_inputs(task).reshape(agents, CONTEXT, 1)
                x[:, INPUTS : self._net.read] = torch.from_numpy(told)
            logit = self._net.step(0)[:, LOGIT]
            if self.remember:
                self._kept.append(torch.cat(self._net.memory(0), dim=1).numpy())
            probability = (logit > 0) if self.greedy else logit.sigmoid()
            return probability.double().numpy()


@dataclass(frozen=True)
class Watch:
    """One acts, another is shown what happens: both are asked, and the actor's answer counts.

    So networks can be compared on the very same lives, whatever each of them would do.

    Parameters
    ----------
    actor
        Who plays.
    watcher
        Who looks on, such as an `AgentPolicy` that remembers.
    """

    actor: Policy
    watcher: Policy

    def risky_probability(self, task: GaussianBandit, history: History) -> NDArray[np.float64]:
        """Probability of the risky arm at the coming pull, the actor's."""
        self.watcher.risky_probability(task, history)
        return self.actor.risky_probability(task, history)
