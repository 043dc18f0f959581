"""Trained agents as a policy that `worlds.simulate` plays like any other, in any world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from meta_bandit.agents.network import ACTION, LOGIT, REWARD, Ensemble
from meta_bandit.agents.told import KNOWN, Told, tell_arms, tell_where, tell_which, time_input
from meta_bandit.agents.trained import TrainedAgents
from meta_bandit.agents.training import torch_threads
from meta_bandit.worlds import Foraging, GaussianBandit, ManyArms, TreasureRoom
from meta_bandit.worlds.bandit import History, Policy
from meta_bandit.worlds.foraging import ForagingHistory
from meta_bandit.worlds.many_arms import ManyHistory
from meta_bandit.worlds.task import AnyTask
from meta_bandit.worlds.treasure_room import RoomHistory


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
        Take the action that the agent finds most probable, instead of sampling.
    remember
        Keep the agents' memory at every step, for `memory`.
    clock
        An intervention: which pull, counted from 0, agents are told that it is, by the pull that it
        is and the lifetimes, shape (agents, 1). The right one, if nothing is said.
    """

    def __init__(
        self,
        trained: TrainedAgents,
        greedy: bool = True,
        remember: bool = False,
        clock: Callable[[int, NDArray[np.int64]], ArrayLike] = lambda pull, _: pull,
    ) -> None:
        self.trained = trained
        self.greedy = greedy
        self.remember = remember
        self.clock = clock
        self._told = Told(trained.task, trained.config, "cpu")
        self._kept: list[NDArray[np.float32]] = []
        self._unit: NDArray[np.float64] | None = None
        if len(trained.task.shape) == 1 and not trained.config.task_context:
            self._unit = np.broadcast_to(trained.task.unit, trained.task.shape)[:, None]
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
        logit = self._ask(task, history.pull, history.last_action, history.last_reward)[:, LOGIT]
        probability = (logit > 0) if self.greedy else logit.sigmoid()
        return np.asarray(probability.double().numpy())

    def move_probabilities(
        self, task: Foraging | TreasureRoom, history: ForagingHistory | RoomHistory
    ) -> NDArray[np.float64]:
        """Probabilities of the moves, shape (agents, lives, moves)."""
        last = history.last_move, history.last_reward
        logits = self._ask(task, history.time, *last, history.told).transpose(1, 2)
        if self.greedy:
            return np.asarray(np.eye(logits.shape[-1])[logits.argmax(-1).numpy()])
        return np.asarray(logits.double().softmax(-1).numpy())

    def choose(
        self, world: ManyArms, history: ManyHistory, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Arm of the coming pull, shape (agents, lives); with a memory for each arm, of any number.

        Of such agents the greedy one takes arms that were never pulled as one choice: they are all
        alike to it, and together as likely as their sum.
        """
        shared, arms = self.trained.config.shared_memory, int(world.arms)
        trained_on = len(self._told.actions)
        if not shared and arms != trained_on:
            raise ValueError(f"arms = {arms}: must be {trained_on} for agents with one memory")
        last = history.last_action, history.last_reward
        heads = self._ask(world, history.pull, *last, arms=arms)
        logits = (heads[:, 0] if shared else heads[:, :, 0]).double().numpy()
        if not self.greedy:
            logits = logits + rng.gumbel(size=logits.shape)
        elif shared:
            untried = np.moveaxis(history.pulls == 0, -1, 1)
            together = np.log(np.maximum(untried.sum(axis=1, keepdims=True), 1))
            logits[:, 1:] += np.where(untried, together, 0.0)
        return np.asarray(logits.argmax(axis=1))

    def _ask(
        self,
        task: AnyTask,
        step: int,
        last_action: NDArray[np.int8] | NDArray[np.int64],
        last_reward: NDArray[np.float64],
        cell: NDArray[np.int64] | None = None,
        arms: int = 0,
    ) -> Tensor:
        """Tell the agents what they are told in training; returns logits, (agents, ., lives).

        With many arms there is an axis for the memories before that of the lives.
        """
        agents, lives = len(self.trained.seeds), last_reward.shape[-1]
        if last_reward.shape != (agents, lives):
            raise ValueError(
                f"task: shape {last_reward.shape[:-1]}: must be ({agents},), one for each agent"
            )
        told, config = self._told, self.trained.config
        columns = lives * arms if config.shared_memory else lives
        # one thread: results as in training, and no threads that wait for each other on busy cores
        with torch_threads(1), torch.inference_mode():
            if step == 0:
                weights = torch.from_numpy(self.trained.weights)
                logits = weights.shape[-1] - 4 * config.units - 1
                self._net = Ensemble(weights, columns, pulls=0, logits=logits)
                self._kept.clear()
            if self._net is None or self._net.inputs.shape[-1] != columns:
                raise ValueError("these lives were not begun: the policy must be asked at pull 0")
            x = self._net.inputs[0]
            unit = task.unit if self._unit is None else self._unit
            paid, action = torch.from_numpy(last_reward / unit), torch.from_numpy(last_action)
            by_arm = x.unflatten(2, (-1, lives))
            if arms:
                taken = (action[:, None] == torch.arange(arms)[:, None]) & (step > 0)
                tell_arms(
                    by_arm, taken.to(x.dtype), paid.to(x.dtype), config.shared_memory, step > 0
                )
                if config.shared_memory:
                    by_arm[:, KNOWN, 0] = 1.0
            else:
                x[:, REWARD] = paid
                if step > 0:
                    tell_which(action, told.actions, x[:, ACTION : told.time])
            lifetimes = np.broadcast_to(task.lifetime, (agents, 1))
            time = torch.as_tensor(self.clock(step, lifetimes), dtype=torch.float32)
            lifetime = torch.from_numpy(lifetimes.astype(float))
            x[:, told.time] = time_input(config.time_feature, time, lifetime)
            if cell is not None:
                numbers = torch.from_numpy(cell).reshape(-1, agents, lives).transpose(0, 1)
                tell_where(numbers, x[:, told.cell : told.task])
            if config.task_context:
                context = task.context.reshape(agents, -1, 1)
                x[:, told.task : told.inputs] = torch.from_numpy(context)
            answers = self._net.step(0)[:, :-1]
            if self.remember:
                self._kept.append(torch.cat(self._net.memory(0), dim=1).numpy())
            return answers.unflatten(2, (-1, lives)) if arms else answers


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
