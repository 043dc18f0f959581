r"""Two policies in place of one: an explorer that is not paid for its own pulls, and an exploiter.

First-Explore (Norman and Clune 2023, arXiv 2307.02276) trains one policy to explore and one to
exploit. What the explorer has seen is all that either knows; the exploiter's return is what both
learn from; and only after training is it settled for how long to explore. So no pull of an untried
arm has to be worth what it costs while training is under way, which is what holds agents on a rung
of the ladder (thm-ladder).

Theirs are the two policies, here as in their code two heads of one network, and how they are put
together: so many pulls by the explorer, then for good the arm that the exploiter chooses by what
was explored. Ours: the network is the LSTM of all agents here, not a transformer; both are taught
by what is known of the arms (prop-posterior), where theirs learn from sampled rewards. The explorer
learns by A2C and is paid, at every later pull, what the arm that then seems best is worth; in their
code one of its pulls is imitated if the exploiter's next pays more than any of the explorer's
before. The exploiter is told which arm seems best; theirs imitates its own pulls that paid best.
Paid by its own exploiter instead, our explorer stayed at arm 0 in the deceptive world: as long as
the exploiter has learned nothing of the other arms, nothing is gained by exploring them.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from meta_bandit.agents.a2c import Trainer
from meta_bandit.agents.many_arms import ManyArmsRollout
from meta_bandit.agents.policy import AgentPolicy
from meta_bandit.agents.trained import TrainedAgents
from meta_bandit.worlds import ManyArms, simulate
from meta_bandit.worlds.many_arms import ManyHistory


class FirstExploreRollout(ManyArmsRollout):
    """The explorer lives; before each of its pulls the exploiter says which arm it would take."""

    policies = 2
    noted = ManyArmsRollout.noted | {"exploited": "reward per pull"}

    def signal(self) -> Tensor:
        """What the best exploiter would expect to earn by its choice after each pull."""
        best = self.worth().amax(2)
        return torch.cat((best[1:] * self.mask[1:], torch.zeros_like(best[:1])))

    def worth(self) -> Tensor:
        """What each arm is worth before each pull by what was explored, (pulls, agents, K, lives).

        In units of reward: the posterior means, and what arm 0 pays.
        """
        estimate, _ = self.posterior()
        return torch.cat((self.pays[:, None].expand_as(estimate[:, :, :1]), estimate), 2)

    def exploiters(self, values: Tensor) -> Tensor:
        """View of the exploiter's part of what has the shape of ``net.heads``."""
        return values[:, :, self.arms : 2 * self.arms]

    def note(self) -> dict[str, Tensor]:
        """Note also what the exploiter would earn in a pull, mean over the life."""
        probabilities = self.exploiters(self.net.heads).softmax(2)
        paid = (probabilities * self.worth()).sum(2).mul_(self.mask).sum(0).mean(-1)
        return super().note() | {"exploited": paid / self.lifetime[:, 0]}


class FirstExploreTrainer(Trainer):
    """The explorer learns by A2C, as agents do; the exploiter is told which arm seems best."""

    rollouts: ClassVar = {ManyArms: FirstExploreRollout}

    def loss_slope(self, entropy_weight: Tensor, update: int | Tensor = 0) -> Tensor:
        """Write the slopes of both policies' logits; returns the entropy of the explorer."""
        entropy, lives = super().loss_slope(entropy_weight, update), self.lives
        assert isinstance(lives, FirstExploreRollout)
        slope = lives.exploiters(self.net.heads).softmax(2)
        best = lives.worth().argmax(2, keepdim=True)
        slope.scatter_add_(2, best, -torch.ones_like(slope[:, :, :1]))
        lives.exploiters(self.heads_slope).copy_(slope.mul_(lives.mask[:, :, None]))
        return entropy


class FirstExplore(AgentPolicy):
    """Explore for so many pulls, then pull for good the arm that the exploiter finds best.

    Parameters
    ----------
    trained
        What `train` makes with `FirstExploreTrainer`.
    explores
        Pulls of the explorer, >= 0.
    greedy
        Whether the explorer takes the arm that it finds most probable, instead of sampling.

    Attributes
    ----------
    choices : length pulls, shape (agents, lives)
        What the exploiter would have chosen before each pull of the last lives that was explored.
    """

    def __init__(self, trained: TrainedAgents, explores: int, greedy: bool = True) -> None:
        super().__init__(trained, greedy)
        self.explores = explores
        self.choices: list[NDArray[np.int64]] = []

    def choose(
        self, world: ManyArms, history: ManyHistory, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Arm of the coming pull, shape (agents, lives)."""
        if history.pull > self.explores:
            return history.last_action
        last, arms = (history.last_action, history.last_reward), int(world.arms)
        if history.pull == 0:
            self.choices = []
        logits = self._ask(world, history.pull, *last, arms=arms)[:, :, 0].double().numpy()
        explorer, exploiter = np.split(logits, 2, axis=1)
        self.choices.append(exploiter.argmax(axis=1))
        if history.pull == self.explores:
            return self.choices[-1]
        if not self.greedy:
            explorer = explorer + rng.gumbel(size=explorer.shape)
        return np.asarray(explorer.argmax(axis=1))


def by_exploration(
    trained: TrainedAgents, lives: int, seed: int, greedy: bool = True
) -> NDArray[np.float64]:
    """What a life earns by how many pulls are explored, from one set of explored lives.

    Parameters
    ----------
    trained
        What `train` makes with `FirstExploreTrainer`, of one lifetime.
    lives, seed
        Of each agent.
    greedy
        Whether the explorer is.

    Returns
    -------
    shape (agents, pulls)
        Mean return with 0, 1, ..., T - 1 pulls of the explorer, in units of reward.
    """
    task = trained.task
    pulls = int(task.lifetime.max())
    policy = FirstExplore(trained, pulls, greedy)
    lived = simulate(policy, task, lives, np.random.default_rng(seed))
    explored, chosen = (
        np.take_along_axis(lived.arm_means[None], arms[..., None], -1)[..., 0].mean(-1)
        for arms in (lived.actions.astype(np.int64), np.array(policy.choices))
    )
    before = np.cumsum(explored, axis=0) - explored
    left = pulls - np.arange(pulls)[:, None]
    return np.asarray((before + left * chosen).T)
