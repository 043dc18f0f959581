r"""The part of meta-training that knows no task: the loss, the update, what is kept.

RL^2 (Duan et al. 2016, Wang et al. 2016): the agent's memory is kept through a life and sees
rewards and actions, so that what its weights learn over lives is how to learn within one.
The update is A2C (the synchronous form of A3C, Mnih et al. 2016) with generalised advantage
estimation (Schulman et al. 2016) and Adam (Kingma and Ba 2015).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from meta_bandit.agents.config import CONFIGURATIONS, A2CConfig
from meta_bandit.agents.network import ACTION, INPUTS, LOGIT, REWARD, Ensemble
from meta_bandit.agents.noise import WEIGHTS, Noise
from meta_bandit.task import Task

FIRST_DECAY = 0.9
"""Decay of Adam's running mean of gradients (beta_1)."""


class Learner(ABC):
    """The state of a training run and its one update; `train` is the loop around it.

    What a single step of a life needs is allocated here, once: on a CPU, fresh memory costs more
    than the arithmetic on it. A world is a subclass, that plays the lives.

    Parameters
    ----------
    task : shape (agents, ...)
        What each agent lives on.
    seeds
        One for each agent.
    config
        How they are trained.
    device, dtype
        Of all numbers.
    widths
        Lives that are alive at each step, see `network.Ensemble`.

    Attributes
    ----------
    kind
        The task that agents of this world live on.
    usual
        How agents of this world are trained by default.
    logits
        How many an agent answers with: 1 for a coin to toss, else one for each action.
    noted
        Variables of a learning curve and their units; those of every world are in it.
    lifetime, mask, samples
        Of each agent and life, shape (agents, 1 or lives), in steps; 1 where it is alive and 0
        else, (steps, agents, 1 or lives); steps that are lived in an update, (agents,). A subclass
        sets them.
    weight
        How much each life counts in the loss, (agents, lives), 1 on average; None: all alike.
    limit
        Largest absolute logit that lives are played with, (agents, 1 or lives), see
        `A2CConfig.tremble`; None: any.
    """

    kind: ClassVar[type[Task]]
    usual: ClassVar[A2CConfig] = CONFIGURATIONS["companion"]
    logits: int = 1
    noted: ClassVar[Mapping[str, str]]
    lifetime: Tensor
    mask: Tensor
    samples: Tensor
    weight: Tensor | None = None
    limit: Tensor | None = None

    def __init__(
        self,
        task: Task,
        seeds: Sequence[int],
        config: A2CConfig,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        widths: Sequence[int] = (),
    ) -> None:
        self.config = config
        self.longest = int(task.lifetime.max())
        inputs, self.logits = self.inputs(task, config), self.answers(task, config)
        weights = initial_weights(seeds, config.units, inputs, self.logits).to(device, dtype)
        columns = config.lives * self.memories(task, config)
        self.net = Ensemble(weights, columns, self.longest, widths, self.logits)
        self.heads_slope = torch.zeros_like(self.net.heads)
        self.first_moment, self.second_moment = torch.zeros_like(weights), torch.zeros_like(weights)
        self.scratch = torch.zeros_like(weights)
        self.finite = torch.ones(len(seeds), dtype=torch.bool, device=device)
        shape = (config.updates, len(seeds))
        self.curves = {name: torch.zeros(shape, dtype=dtype, device=device) for name in self.noted}
        self.alive = torch.ones(shape, dtype=torch.bool, device=device)
        # what depends on the update is read from these, not from Python's numbers, so that on CUDA
        # one recording of the update does for all
        self.schedules = schedules(config).to(device, dtype)
        self.now = self.schedules[0].clone()
        self.index = torch.zeros(1, dtype=torch.int64, device=device)
        self.graph: torch.cuda.CUDAGraph | None = None

    @classmethod
    @abstractmethod
    def inputs(cls, task: Task, config: A2CConfig) -> int:
        """Rows of what agents of this task and configuration are told."""

    @classmethod
    def answers(cls, task: Task, config: A2CConfig) -> int:
        """Logits of one memory."""
        return cls.logits

    @classmethod
    def memories(cls, task: Task, config: A2CConfig) -> int:
        """Memories that an agent has in one life, all with the same weights."""
        return 1

    @abstractmethod
    def live(self, update: Tensor, share: Tensor) -> dict[str, Tensor]:
        """Play the lives of an update, and write what was done and paid into ``net.inputs``.

        Row `network.REWARD` holds the rewards in a unit in which lives pay about as much as they
        have steps; the rows from `network.ACTION` on the actions as one-hot.

        Parameters
        ----------
        update
            Its number, shape (1,).
        share
            How far the continuation has come, see `A2CConfig.continuation_until`.

        Returns
        -------
        dict of shape (agents,)
            What the learning curve shall hold of it.
        """

    def state(self, done: int) -> dict[str, Tensor]:
        """All that changes from update to update, after ``done`` of them, as views.

        With the same numbers in them a new trainer goes on as this one would.
        """
        curves = {f"curve.{name}": values[:done] for name, values in self.curves.items()}
        return curves | {
            "alive": self.alive[:done],
            "finite": self.finite,
            "weights": self.net.weights,
            "first_moment": self.first_moment,
            "second_moment": self.second_moment,
        }

    def update(self, update: int) -> None:
        """Play lives, compute the gradient, move the weights, note how it went."""
        self.now.copy_(self.schedules[update])
        self.index.fill_(update)
        if self.graph is None:
            self._update()
        else:
            self.graph.replay()

    def record(self) -> None:
        """Record the update once as a CUDA graph, which `update` then replays.

        An update is some thousands of small operations: replaying them costs the GPU's time alone,
        starting each from Python much more.
        """
        before = {name: values.clone() for name, values in self.state(self.config.updates).items()}
        # libraries set themselves up when first used, which cannot be recorded
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            self._update()
        torch.cuda.current_stream().wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self._update()
            self.graph = graph
        finally:
            for name, values in self.state(self.config.updates).items():
                values.copy_(before[name])

    def _update(self) -> None:
        rate, shorten_second, entropy_weight, share = self.now.unbind()
        update = self.index
        noted = self.live(update, share)
        entropy = self.loss_slope(entropy_weight, update)
        gradient = self.net.backward(self.heads_slope, self.config.backpropagation_clip)
        gradient.div_(self.samples[:, None, None])
        norm = self.descend(gradient, rate, shorten_second)
        for name, values in (noted | {"entropy": entropy, "gradient_norm": norm}).items():
            self.curves[name].index_copy_(0, update, values[None])
        self.alive.index_copy_(0, update, self.finite[None])

    def loss_slope(self, entropy_weight: Tensor, update: int | Tensor = 0) -> Tensor:
        r"""Write the loss's gradient with respect to logits and values; returns the entropy.

        With the probabilities p of the actions, :math:`\partial \log \pi(a)/\partial \ell_j =
        1_{j = a} - p_j` and :math:`\partial H/\partial \ell_j = -p_j (\log p_j + H)`. A single
        logit stands for :math:`p = \sigma(\ell)`: there :math:`\partial \log \pi(a)/\partial \ell
        = a - p` and :math:`\partial H/\partial \ell = -\ell\,p (1 - p)`.
        """
        config = self.config
        reward = self.signal() / self.lifetime
        advantage = advantages(reward, self.value(reward), config.discount, config.gae_lambda)
        if config.critic == "network":
            # the target R = v + A is a constant, so that v - R = -A
            torch.mul(advantage, -config.value_weight, out=self.heads_slope[:, :, self.logits])
        if config.normalise_advantages:
            self.normalise(advantage, update)
        entropy = self.policy_slope(advantage, entropy_weight)
        if self.weight is not None:
            self.heads_slope.mul_(self.weight[:, None])
            entropy.mul_(self.weight)
        return per_agent(entropy).div_(self.samples)

    def signal(self) -> Tensor:
        """What each step counts, in the unit of row `network.REWARD`: (steps, agents, lives)."""
        return self.net.inputs[1:, :, REWARD]

    def value(self, reward: Tensor) -> Tensor:
        """What is expected of the rest of a life before each step, in the unit of ``reward``.

        Parameters
        ----------
        reward : shape (steps, agents, lives)
            What each step counts, over the lifetime.

        Returns
        -------
        shape (steps, agents, lives), 0 after the end of a life
        """
        return self.net.heads[:, :, self.logits] * self.mask

    def normalise(self, advantage: Tensor, update: int | Tensor) -> None:
        """Bring each agent's advantages to mean 0 and variance 1, in place."""
        count = self.samples[:, None]
        advantage.sub_(self._weighed(advantage)[:, None] / count).mul_(self.mask)
        variance = self._weighed(advantage.square())[:, None] / count
        advantage.div_(variance.sqrt_().add_(1e-8))

    def _weighed(self, values: Tensor) -> Tensor:
        return per_agent(values if self.weight is None else values * self.weight)

    def policy_slope(self, advantage: Tensor, entropy_weight: Tensor) -> Tensor:
        """Write the slopes of the logits; returns the entropies, (steps, agents, lives)."""
        if self.logits == 1:
            return self._coin_slope(advantage, entropy_weight)
        return self.choice_slope(
            self.net.heads[:, :, : self.logits],
            self.net.inputs[1:, :, ACTION : ACTION + self.logits],
            advantage,
            entropy_weight,
            self.heads_slope[:, :, : self.logits],
        )

    def _coin_slope(self, advantage: Tensor, entropy_weight: Tensor) -> Tensor:
        """Write the slopes of a single logit; returns the entropies, (steps, agents, lives)."""
        raw, slope = self.net.heads[:, :, LOGIT], self.heads_slope[:, :, LOGIT]
        logit = raw if self.limit is None else raw.clamp(-self.limit, self.limit)
        probability = logit.sigmoid()
        spread = probability * (1 - probability) * logit
        torch.sub(probability, self.net.inputs[1:, :, ACTION], out=slope)
        slope.mul_(advantage).addcmul_(spread, entropy_weight).mul_(self.mask)
        if self.limit is not None:
            # a step goes against the slope: this one would lead further out
            slope.masked_fill_((raw.abs() >= self.limit) & (slope * raw < 0), 0.0)
        # H = softplus(l) - l p
        entropy = torch.nn.functional.softplus(logit).sub_(probability.mul_(logit))
        return entropy.mul_(self.mask)

    def choice_slope(
        self, logits: Tensor, taken: Tensor, advantage: Tensor, entropy_weight: Tensor, out: Tensor
    ) -> Tensor:
        """Write the slopes of a logit for each action, (steps, agents, actions, lives)."""
        log_probability = logits.log_softmax(2)
        probability = log_probability.exp()
        entropy = (probability * log_probability).sum(2).neg_()
        spread = log_probability.add_(entropy[:, :, None]).mul_(probability)
        torch.sub(probability, taken, out=out)
        out.mul_(advantage[:, :, None]).addcmul_(spread, entropy_weight)
        out.mul_(self.mask[:, :, None])
        return entropy.mul_(self.mask)

    def descend(self, gradient: Tensor, rate: Tensor, shorten_second: Tensor) -> Tensor:
        """Clip each agent's gradient and take one step of Adam; returns the norms before.

        ``rate`` and ``shorten_second`` are those of `schedules`.
        """
        # every operation here rounds once: where torch fuses two, an element's last bit can depend
        # on its place in memory, and so on how many agents there are
        scratch = self.scratch
        norm = torch.mul(gradient, gradient, out=scratch).sum(-1).sum(-1).sqrt_()
        # an agent whose gradient is not finite stops here, for good, and touches no other
        self.finite.logical_and_(norm.isfinite())
        shorten = (self.config.gradient_clip / norm.clamp(min=1e-30)).clamp_(max=1.0)
        gradient.mul_(shorten[:, None, None]).masked_fill_(~self.finite[:, None, None], 0.0)
        beta1, beta2, epsilon = FIRST_DECAY, self.config.second_decay, 1e-8
        first, second = self.first_moment, self.second_moment
        first.mul_(beta1).add_(torch.mul(gradient, 1 - beta1, out=scratch))
        torch.mul(gradient, gradient, out=scratch).mul_(1 - beta2)
        second.mul_(beta2).add_(scratch)
        torch.sqrt(second, out=scratch).mul_(shorten_second).add_(epsilon)
        step = torch.div(first, scratch, out=scratch).mul_(rate)
        self.net.weights.sub_(step.mul_(self.finite[:, None, None]))
        return norm


def schedules(config: A2CConfig) -> Tensor:
    r"""Everything that changes from update to update by plan, float64.

    Returns
    -------
    shape (updates, 4)
        Adam's rate over the correction of its first moment, :math:`\alpha / (1 - \beta_1^k)` at the
        k-th update; :math:`(1 - \beta_2^k)^{-1/2}`, by which the root of its second moment is
        multiplied; the entropy weight; the share of the prior mean.
    """
    rows = []
    for update in range(config.updates):
        learning_rate, entropy_weight, share = config.at(update)
        first, second = (1 - beta ** (update + 1) for beta in (FIRST_DECAY, config.second_decay))
        rows.append((learning_rate / first, second**-0.5, entropy_weight, share))
    return torch.tensor(rows, dtype=torch.float64)


def advantages(reward: Tensor, value: Tensor, discount: float, gae_lambda: float) -> Tensor:
    r"""Generalised advantage estimates, with the value 0 after the last pull.

    .. math:: \hat A_t = \sum_{k \ge 0} (\gamma\lambda)^k \delta_{t+k}, \quad
        \delta_t = r_t + \gamma v_{t+1} - v_t

    Parameters
    ----------
    reward, value : shape (pulls, agents, lives)
        0 after the end of a life. Index t: the reward that follows pull t, the value before it.
    discount, gae_lambda
        gamma and lambda.

    Returns
    -------
    shape (pulls, agents, lives)
        At gamma = lambda = 1 the sum of the coming rewards, less the value.
    """
    delta = reward - value
    delta[:-1].add_(value[1:], alpha=discount)
    steps = delta.unbind(0)
    for now, later in zip(steps[-2::-1], steps[:0:-1], strict=True):
        now.add_(later, alpha=discount * gae_lambda)
    return delta


def per_agent(values: Tensor) -> Tensor:
    """Sum (pulls, agents, lives) to (agents,).

    One dimension at a time: both at once are added up in an order that depends on how many agents
    there are.
    """
    return values.sum(0).sum(-1)


def initial_weights(
    seeds: Sequence[int], units: int, inputs: int = INPUTS, logits: int = 1
) -> Tensor:
    """Weights that training begins with, float64, each agent's from its own seed.

    Each gate reads the last output through an orthogonal matrix (Saxe, McClelland and Ganguli
    2014); forget gates begin at a bias of 1, open (Jozefowicz, Zaremba and
    Sutskever 2015). The heads begin small: at first every action is about as likely.
    """
    rows, columns = inputs + 1 + units, 4 * units + logits + 1
    normal, _ = Noise(seeds, rows, columns, torch.float64).draw(0, WEIGHTS)
    weights = normal.transpose(0, 1).clone()
    for recurrent in weights[:, inputs + 1 :, : 4 * units].chunk(4, dim=2):
        recurrent.copy_(torch.linalg.qr(recurrent)[0])
    weights[:, :inputs, : 4 * units] *= units**-0.5
    weights[:, :inputs, 4 * units :] = 0.0
    weights[:, inputs] = 0.0
    weights[:, inputs, 2 * units : 3 * units] = 1.0
    weights[:, inputs + 1 :, 4 * units :] *= 0.1 * units**-0.5
    return weights
