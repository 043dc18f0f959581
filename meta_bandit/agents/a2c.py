r"""Advantage actor-critic over whole lives, for an ensemble: the rollout, the loss, the update.

RL^2 (Duan et al. 2016, Wang et al. 2016): the agent's memory is kept through a life and sees
rewards and actions, so that what its weights learn over lives is how to learn within one.
The update is A2C (the synchronous form of A3C, Mnih et al. 2016) with generalised advantage
estimation (Schulman et al. 2016) and Adam (Kingma and Ba 2015).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from meta_bandit.agents.config import A2CConfig
from meta_bandit.agents.network import (
    CONTEXT,
    HEADS,
    INPUTS,
    LOGIT,
    REWARD,
    RISKY_ROW,
    SAFE_ROW,
    TIME,
    VALUE,
    Ensemble,
)
from meta_bandit.agents.noise import ARMS, PULLS, WEIGHTS, Noise
from meta_bandit.task import GaussianBandit

CURVES = {
    "mean_return": "reward",
    "risky_pulls": "pulls",
    "entropy": "nats per pull",
    "prior_mean": "reward",
    "gradient_norm": "1",
}
"""Variables of a learning curve and their units."""
BETAS = (0.9, 0.999)
"""Adam's, for the first and the second moment."""
_UNIT_RATE = 0.03
"""Weight of a new life in the unit of its task: small, or losses would count most in dry spells."""


class Trainer:
    """The state of a training run and its one update; `train` is the loop around it.

    What a single pull needs is allocated here, once: on a CPU, fresh memory costs more than the
    arithmetic on it.

    An agent lives on one task, or on a table of them: then every life is dealt a task of its own,
    in turn. Within an update the longest lives come first, so that those that still live are the
    first so many, and nothing is computed for the others.
    """

    def __init__(
        self,
        task: GaussianBandit,
        seeds: Sequence[int],
        config: A2CConfig,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.config = config
        agents, lives = len(seeds), config.lives
        table = task_table(task, lives, config.task_context)
        self.longest = longest = int(task.lifetime.max())
        self.table = torch.tensor(table, dtype=dtype, device=device)
        # how many tasks an update takes from the table, and after how many updates it begins again
        self.dealt = 1 if len(task.shape) == 1 else lives
        self.rounds = table.shape[-1] // self.dealt
        # the tasks of the lives that are played now: (agents, 1) where all of an agent's are alike
        self.tasks = torch.empty((len(table), agents, self.dealt), dtype=dtype, device=device)
        self.sigma_p, self.sigma_l, self.mean, self.lifetime, self.reward_scale = self.tasks[
            :5
        ].unbind()
        self.pull = torch.arange(longest, dtype=dtype, device=device)[:, None, None]
        self.mask = torch.empty((longest, agents, self.dealt), dtype=dtype, device=device)
        self.samples = torch.empty(agents, dtype=dtype, device=device)

        inputs = INPUTS + CONTEXT * config.task_context
        weights = initial_weights(seeds, config.units, inputs).to(device, dtype)
        self.widths = widths(table[3], longest, lives)
        self.net = Ensemble(weights, lives, longest, self.widths)
        self.deal(0)
        self.noise = Noise(seeds, longest, lives, dtype, device)
        # in double precision: in single, the last slice's end would round to 1, an infinite mean
        self.arm_noise = Noise(seeds, 1, lives, torch.float64, device)
        # of each task of the table, the squared unit of its advantages; 0: none yet
        self.task_square = torch.zeros(table.shape[1:], dtype=dtype, device=device)
        self.heads_slope = torch.zeros_like(self.net.heads)
        self.first_moment, self.second_moment = torch.zeros_like(weights), torch.zeros_like(weights)
        self.scratch = torch.zeros_like(weights)
        self.finite = torch.ones(agents, dtype=torch.bool, device=device)
        shape = (config.updates, agents)
        self.curves = {name: torch.zeros(shape, dtype=dtype, device=device) for name in CURVES}
        self.alive = torch.ones(shape, dtype=torch.bool, device=device)
        # what depends on the update is read from these, not from Python's numbers, so that on CUDA
        # one recording of the update does for all
        self.schedules = schedules(config).to(device, dtype)
        self.now = self.schedules[0].clone()
        self.index = torch.zeros(1, dtype=torch.int64, device=device)
        self.graph: torch.cuda.CUDAGraph | None = None

    def state(self, done: int) -> dict[str, Tensor]:
        """All that changes from update to update, after ``done`` of them, as views.

        With the same numbers in them a new trainer goes on as this one would.
        """
        curves = {f"curve.{name}": values[:done] for name, values in self.curves.items()}
        if self.config.normalise_advantages == "task":
            curves["task_square"] = self.task_square
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

    def deal(self, update: int | Tensor) -> None:
        """Hand the lives of an update their tasks, and tell the agents what they are told."""
        torch.index_select(self.table, 2, self.places(update), out=self.tasks)
        torch.lt(self.pull, self.lifetime, out=self.mask)
        agents, lives = len(self.samples), self.config.lives
        torch.sum(self.lifetime.expand(agents, lives), -1, out=self.samples)
        told, config = self.net.inputs[:-1], self.config
        # where a life has ended nobody reads the time; it is kept finite
        told[:, :, TIME] = time_input(config.time_feature, self.pull, self.lifetime)
        if config.task_context:
            told[:, :, INPUTS : INPUTS + CONTEXT] = self.tasks[5:].transpose(0, 1)

    def places(self, update: int | Tensor) -> Tensor:
        """Where in the table the tasks of an update stand."""
        places = torch.arange(self.dealt, device=self.table.device)
        return (places + update * self.dealt) % self.table.shape[-1]

    def _update(self) -> None:
        rate, shorten_second, entropy_weight, share = self.now.unbind()
        update = self.index
        if self.rounds > 1:
            self.deal(update)
        mean = self.mean * share
        arm_mean = self.play(update, mean)
        entropy = self.loss_slope(entropy_weight, update)
        gradient = self.net.backward(self.heads_slope, self.config.backpropagation_clip)
        gradient.div_(self.samples[:, None, None])
        norm = self.descend(gradient, rate, shorten_second)

        risky = (self.net.inputs[1:, :, RISKY_ROW] * self.mask).sum(0)
        noted = {
            "mean_return": (risky * arm_mean).mean(-1),
            "risky_pulls": risky.mean(-1),
            "entropy": entropy,
            "prior_mean": mean.mean(-1),
            "gradient_norm": norm,
        }
        for name, values in noted.items():
            self.curves[name].index_copy_(0, update, values[None])
        self.alive.index_copy_(0, update, self.finite[None])

    def play(self, update: int | Tensor, mean: Tensor) -> Tensor:
        """Play whole lives with sampled actions; returns the arms' means, (agents, lives)."""
        reward, threshold = self.noise.draw(update, PULLS)
        arm_mean = mean + self.sigma_p * self.draw_arms(update).to(mean.dtype)
        # reward of each pull if it is risky; 0 after the end of a life
        reward.mul_(self.sigma_l).add_(arm_mean).div_(self.reward_scale).mul_(self.mask)
        net = self.net
        net.begin()
        outcome = net.inputs[1:]
        steps = zip(
            self.widths,
            net.heads[:, :, LOGIT],
            threshold,
            reward,
            outcome[:, :, RISKY_ROW],
            outcome[:, :, SAFE_ROW],
            outcome[:, :, REWARD],
            strict=True,
        )
        for pull, (alive, *views) in enumerate(steps):
            logit, limit, pays, risky, safe, paid = (
                views if alive == self.config.lives else (view[:, :alive] for view in views)
            )
            net.step(pull)
            torch.gt(logit, limit, out=risky)
            torch.le(logit, limit, out=safe)
            torch.mul(risky, pays, out=paid)
        return arm_mean

    def draw_arms(self, update: int | Tensor) -> Tensor:
        """Draw a standardised arm's mean for each life, (agents, lives)."""
        normal, logistic = self.arm_noise.draw(update, ARMS)
        if not self.config.stratified_arms:
            return normal[0]
        slices = torch.arange(self.config.lives, device=normal.device)
        if self.dealt > 1:
            # in an order of chance, or a task would always meet the same part of the prior
            slices = normal[0].argsort(-1)
        within: Tensor = torch.special.ndtri((slices + logistic[0].sigmoid_()) / self.config.lives)
        return within

    def loss_slope(self, entropy_weight: Tensor, update: int | Tensor = 0) -> Tensor:
        r"""Write the loss's gradient with respect to logits and values; returns the entropy.

        With :math:`p = \sigma(\ell)`: :math:`\partial \log \pi(a)/\partial \ell = a - p` and
        :math:`\partial H/\partial \ell = -\ell\,p (1 - p)`.
        """
        config, mask = self.config, self.mask
        logit, value = self.net.heads[:, :, LOGIT], self.net.heads[:, :, VALUE] * mask
        risky, reward = self.net.inputs[1:, :, RISKY_ROW], self.net.inputs[1:, :, REWARD]
        advantage = advantages(reward / self.lifetime, value, config.discount, config.gae_lambda)
        logit_slope, value_slope = self.heads_slope.unbind(2)
        # the target R = v + A is a constant, so that v - R = -A
        torch.mul(advantage, -config.value_weight, out=value_slope)
        if config.normalise_advantages == "task":
            self.normalise_by_task(advantage, update)
        elif config.normalise_advantages:
            count = self.samples[:, None]
            advantage.sub_(per_agent(advantage)[:, None] / count).mul_(mask)
            variance = per_agent(advantage.square())[:, None] / count
            advantage.div_(variance.sqrt_().add_(1e-8))
        probability = logit.sigmoid()
        spread = probability * (1 - probability) * logit
        torch.sub(probability, risky, out=logit_slope)
        logit_slope.mul_(advantage).addcmul_(spread, entropy_weight).mul_(mask)
        # H = softplus(l) - l p
        entropy = torch.nn.functional.softplus(logit).sub_(probability.mul_(logit)).mul_(mask)
        return per_agent(entropy).div_(self.samples)

    def normalise_by_task(self, advantage: Tensor, update: int | Tensor) -> None:
        """Give the advantages of every task a unit of its own, in place.

        It is the root mean square over lives of the largest in each life: that of all pulls would
        be small where most lives are left early, and single lucky ones would be all that counts.
        It comes from earlier lives on the task, since the luck of this one must not weigh itself.
        """
        places = self.places(update)
        before = self.task_square.index_select(1, places)
        now = advantage.square().amax(0)
        overall = now.mean(-1, keepdim=True)
        if self.dealt == 1:
            now = overall
        known = before > 0
        advantage.div_(torch.where(known, before, overall).sqrt_().add_(1e-8))
        after = torch.where(known, before + _UNIT_RATE * (now - before), now)
        self.task_square.index_copy_(1, places, after)

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
        beta1, beta2, epsilon = *BETAS, 1e-8
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
        first, second = (1 - beta ** (update + 1) for beta in BETAS)
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


def initial_weights(seeds: Sequence[int], units: int, inputs: int = INPUTS) -> Tensor:
    """Weights that training begins with, float64, each agent's from its own seed.

    Each gate reads the last output through an orthogonal matrix (Saxe, McClelland and Ganguli
    2014); forget gates begin at a bias of 1, open (Jozefowicz, Zaremba and
    Sutskever 2015). The heads begin small: at first every pull is a coin flip.
    """
    rows, columns = inputs + 1 + units, 4 * units + HEADS
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


def reward_scale(task: GaussianBandit) -> NDArray[np.float64]:
    r"""Unit in which an agent is told its rewards: their root mean square (prop-scale).

    .. math:: \sqrt{m^2 + \sigma_p^2 + \sigma_l^2}

    This unit is our choice; any that scales with the task, such as abs(m), states the same task.
    """
    return np.asarray(np.sqrt(task.mean**2 + task.sigma_p**2 + task.sigma_l**2))


def task_table(task: GaussianBandit, lives: int, told: bool) -> NDArray[np.float64]:
    """Lay out the tasks that agents are dealt, and what is told of them.

    Parameters
    ----------
    task : shape (agents,) or (agents, tasks)
        One task for each agent, or a table that is a whole number of updates long.
    lives
        Lives of an update.
    told
        Whether agents are told their task.

    Returns
    -------
    shape (5 or 8, agents, 1 or tasks)
        sigma_p, sigma_l, m, T, `reward_scale`; then the three `task_inputs`, where they are told.
        The tasks of an update are those of the table, with the longest first.
    """
    agents = task.shape[0]
    parts = [task.sigma_p, task.sigma_l, task.mean, task.lifetime, reward_scale(task)]
    context = np.moveaxis(task_inputs(task), -1, 0) if told else ()
    rows = [np.broadcast_to(part, task.shape) for part in (*parts, *context)]
    table = np.stack(rows).reshape(len(rows), agents, -1)
    if len(task.shape) == 1:
        return table
    updates = table.reshape(len(rows), agents, -1, lives)
    order = np.argsort(-updates[3], axis=-1, kind="stable")
    return np.take_along_axis(updates, order[None], axis=-1).reshape(table.shape)


def widths(lifetime: NDArray[np.float64], pulls: int, lives: int) -> list[int]:
    """Lives that may be alive at each pull, in any update: the first so many.

    Parameters
    ----------
    lifetime : shape (agents, 1 or tasks)
        In the order of `task_table`.
    """
    if lifetime.shape[-1] == 1:
        return [lives] * pulls
    longest = lifetime.reshape(-1, lives).max(axis=0)
    return [int((longest > pull).sum()) for pull in range(pulls)]


def task_inputs(task: GaussianBandit) -> NDArray[np.float64]:
    r"""What an agent is told of its task with `A2CConfig.task_context`.

    .. math:: \ln(\sigma_p/|m|),\quad \ln(\sigma_l/|m|),\quad \ln(T / 100)

    For m < 0 that is all that matters, by prop-scale; as logarithms, since it matters by factors.
    Our choice.

    Returns
    -------
    shape (*task.shape, 3)

    Raises
    ------
    ValueError
        If a prior mean is 0.
    """
    if (task.mean == 0).any():
        raise ValueError("mean = 0: must not be 0 for agents that are told their task")
    unit = np.abs(task.mean)
    parts = (task.sigma_p / unit, task.sigma_l / unit, task.lifetime / 100)
    return np.stack([np.log(np.broadcast_to(part, task.shape)) for part in parts], axis=-1)


def time_input(kind: str, pull: Tensor, lifetime: Tensor) -> Tensor:
    """Time as an agent sees it before pull t of T, see `A2CConfig.time_feature`."""
    if kind == "fraction":
        return 2 * pull / lifetime - 1
    if kind == "elapsed":
        return pull / 100 + 0 * lifetime
    if kind == "remaining":
        return (lifetime - pull) / 100
    if kind == "log-remaining":
        return ((lifetime - pull).clamp(min=1) / 20).log() / 3
    return 0 * (pull + lifetime)
