r"""Meta-training, one update from top to bottom: lives, advantages, loss, gradient, Adam.

RL^2 (Duan et al. 2016, Wang et al. 2016): the agent's memory is kept through a life and sees
rewards and actions, so that what its weights learn over lives is how to learn within one.
The update is A2C (the synchronous form of A3C, Mnih et al. 2016) with generalised advantage
estimation (Schulman et al. 2016) and Adam (Kingma and Ba 2015).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from meta_bandit.agents.baseline import Baseline
from meta_bandit.agents.config import A2CConfig
from meta_bandit.agents.many_arms import ManyArmsRollout
from meta_bandit.agents.native import accumulate
from meta_bandit.agents.network import ACTION, LOGIT
from meta_bandit.agents.rollout import BanditRollout, ForagingRollout, Rollout
from meta_bandit.agents.treasure_room import TreasureRoomRollout
from meta_bandit.worlds import Foraging, GaussianBandit, ManyArms, TreasureRoom
from meta_bandit.worlds.task import AnyTask

ROLLOUTS: dict[type[AnyTask], type[Rollout]] = {
    GaussianBandit: BanditRollout,
    Foraging: ForagingRollout,
    ManyArms: ManyArmsRollout,
    TreasureRoom: TreasureRoomRollout,
}
"""Worlds that agents can be trained on, and how lives are played there."""
FIRST_DECAY = 0.9
"""Decay of Adam's running mean of gradients (beta_1)."""
SURE = 20.0
"""Logit at which an action is as good as never taken, once in some 10^9 pulls."""
TRIAL = 16
"""Updates' worth of lives in which an agent is tried while it is trained."""
_UNIT_RATE = 0.03
"""Weight of a new life in the unit of its task: small, or losses would count most in dry spells."""


class Trainer:
    """The state of a training run and its one update; `train` is the loop around it.

    Parameters
    ----------
    task : shape (agents,) or (agents, tasks)
        What each agent lives on, of any world in `a2c.ROLLOUTS`.
    seeds
        One for each agent.
    config
        How they are trained.
    device, dtype
        Of all numbers.
    native
        Play, draw and go back by compiled code, where that can be (`rollout.Rollout.compile`).

    Attributes
    ----------
    rollouts
        How lives are played in each world.
    lives
        How they are played: the only part that knows the world.
    net
        The agents.
    native
        Whether compiled code computes them.
    logits
        How many each answers with: 1 for a coin to toss, else one for each action.
    """

    rollouts: ClassVar[Mapping[type[AnyTask], type[Rollout]]] = ROLLOUTS

    def __init__(
        self,
        task: AnyTask,
        seeds: Sequence[int],
        config: A2CConfig,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        native: bool = False,
    ) -> None:
        self.config = config
        self.lives = self.rollouts[type(task)](task, seeds, config, device, dtype)
        self.net, self.logits = self.lives.net, self.lives.told.logits
        self.coin = task.coin
        self.native = native and self.lives.compile()
        weights = self.net.weights
        self.heads_slope = torch.zeros_like(self.net.heads)
        self.first_moment, self.second_moment = torch.zeros_like(weights), torch.zeros_like(weights)
        self.scratch = torch.zeros_like(weights)
        self.finite = torch.ones(len(seeds), dtype=torch.bool, device=device)
        self.baseline = Baseline(len(seeds), device)
        # of each task of the table, the squared unit of its advantages; 0: none yet
        self.task_square = torch.zeros(self.lives.table.shape[1:], dtype=dtype, device=device)
        # the best state that was tried so far, what it earned, and after how many updates it was
        self.best, self.best_earned = (
            weights.clone(),
            torch.full_like(self.lives.samples, -torch.inf),
        )
        self.best_update = torch.zeros(len(seeds), dtype=torch.int64, device=device)
        count = config.snapshots
        self.tried = {round(config.updates * (count + k) / (2 * count)) for k in range(count)}
        shape = (config.updates, len(seeds))
        self.curves = {
            name: torch.zeros(shape, dtype=dtype, device=device) for name in self.lives.noted
        }
        self.alive = torch.ones(shape, dtype=torch.bool, device=device)
        # what depends on the update is read from these, not from Python's numbers, so that on CUDA
        # one recording of the update does for all
        self.schedules = schedules(config).to(device, dtype)
        self.now = self.schedules[0].clone()
        self.index = torch.zeros(1, dtype=torch.int64, device=device)
        self.graph: torch.cuda.CUDAGraph | None = None

    def update(self, update: int) -> None:
        """Play lives, compute the gradient, move the weights, note how it went."""
        self.now.copy_(self.schedules[update])
        self.index.fill_(update)
        if self.graph is None:
            self._update()
        else:
            self.graph.replay()
        if update + 1 in self.tried:
            self.snapshot(update + 1)

    def _update(self) -> None:
        rate, shorten_second, entropy_weight, share, _ = self.now.unbind()
        update = self.index
        noted = self.lives.live(update, share)
        entropy = self.loss_slope(entropy_weight, update)
        gradient = self.net.backward(self.heads_slope, self.config.backpropagation_clip)
        gradient.div_(self.lives.samples[:, None, None])
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
        config, lives = self.config, self.lives
        reward = lives.signal() / lives.lifetime
        if config.critic == "regression":
            returns = reward.flip(0).cumsum(0).flip(0)
            value = self.baseline.fit(lives.observed(), returns, lives.weight)
        else:
            value = self.net.heads[:, :, self.logits] * lives.mask
        gae_lambda = self.now[4] if config.gae_lambda_rises else config.gae_lambda
        advantage = advantages(reward, value, config.discount, gae_lambda, self.native)
        if config.critic == "network":
            # the target R = v + A is a constant, so that v - R = -A
            torch.mul(advantage, -config.value_weight, out=self.heads_slope[:, :, self.logits])
        if config.normalise_advantages == "task":
            self.normalise_by_task(advantage, update)
        elif config.normalise_advantages:
            self.normalise(advantage)
        slope = self._coin_slope if self.coin else self._choice_slope
        entropy = slope(advantage, entropy_weight)
        if lives.weight is not None:
            self.heads_slope.mul_(lives.weight[:, None])
            entropy.mul_(lives.weight)
        return per_agent(entropy).div_(lives.samples)

    def normalise(self, advantage: Tensor) -> None:
        """Bring each agent's advantages to mean 0 and variance 1, in place."""
        count = self.lives.samples[:, None]
        advantage.sub_(self._weighed(advantage)[:, None] / count).mul_(self.lives.mask)
        variance = self._weighed(advantage.square())[:, None] / count
        advantage.div_(variance.sqrt_().add_(1e-8))

    def _weighed(self, values: Tensor) -> Tensor:
        weight = self.lives.weight
        return per_agent(values if weight is None else values * weight)

    def normalise_by_task(self, advantage: Tensor, update: int | Tensor) -> None:
        """Give the advantages of each task a unit of their own, in place.

        It is the root mean square over lives of the largest in each life: that of all steps would
        be small where most lives are left early, and single lucky ones would be all that counts. It
        comes from earlier lives on the task, since the luck of this one must not weigh itself.
        """
        places = self.lives.places(update)
        before = self.task_square.index_select(1, places)
        now = advantage.square().amax(0)
        overall = now.mean(-1, keepdim=True)
        if self.lives.dealt == 1:
            now = overall
        known = before > 0
        advantage.div_(torch.where(known, before, overall).sqrt_().add_(1e-8))
        after = torch.where(known, before + _UNIT_RATE * (now - before), now)
        self.task_square.index_copy_(1, places, after)

    def _coin_slope(self, advantage: Tensor, entropy_weight: Tensor) -> Tensor:
        """Write the slopes of a single logit; returns the entropies, (steps, agents, lives)."""
        raw, slope = self.net.heads[:, :, LOGIT], self.heads_slope[:, :, LOGIT]
        limit = self.lives.limit
        logit = raw if limit is None else raw.clamp(-limit, limit)
        probability = logit.sigmoid()
        spread = probability * (1 - probability) * logit
        torch.sub(probability, self.net.inputs[1:, :, ACTION], out=slope)
        slope.mul_(advantage).addcmul_(spread, entropy_weight).mul_(self.lives.mask)
        if limit is not None:
            # a step goes against the slope: this one would lead further out
            slope.masked_fill_((raw.abs() >= limit) & (slope * raw < 0), 0.0)
        # H = softplus(l) - l p
        entropy = torch.nn.functional.softplus(logit).sub_(probability.mul_(logit))
        return entropy.mul_(self.lives.mask)

    def _choice_slope(self, advantage: Tensor, entropy_weight: Tensor) -> Tensor:
        """Write the slopes of a logit for each action; returns the entropies."""
        lives = self.lives
        slope = lives.by_action(self.heads_slope)
        log_probability = lives.by_action(self.net.heads).log_softmax(2)
        probability = log_probability.exp()
        entropy = (probability * log_probability).sum(2).neg_()
        spread = log_probability.add_(entropy[:, :, None]).mul_(probability)
        torch.sub(probability, lives.acted(), out=slope)
        slope.mul_(advantage[:, :, None]).addcmul_(spread, entropy_weight)
        slope.mul_(lives.mask[:, :, None])
        return entropy.mul_(lives.mask)

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

    def snapshot(self, done: int) -> None:
        """Try agents after so many updates; keep those that are better than at any time before."""
        earned = self.live_greedily(self.config.updates + self.config.validation, TRIAL)
        better = earned > self.best_earned
        self.best.copy_(torch.where(better[:, None, None], self.net.weights, self.best))
        self.best_earned.copy_(torch.where(better, earned, self.best_earned))
        self.best_update.masked_fill_(better, done)

    def live_greedily(self, first: int, count: int) -> Tensor:
        """What a life earns on the task itself, mean over those of so many updates: (agents,)."""
        earned = torch.zeros_like(self.lives.samples)
        self.lives.greedy = True
        for number in range(first, first + count):
            self.lives.play(self.index.fill_(number))
            earned += self.lives.note()["mean_return"]
        self.lives.greedy = False
        return earned.div_(count)

    def validate(self) -> dict[str, Tensor]:
        """Hand over the better of each agent's last and best state, or one that never acts.

        They live greedily and meet lives that were never trained on, both states the same: see
        `A2CConfig.validation` and `A2CConfig.snapshots`. Never acting, with a logit of -`SURE`
        whatever was seen, earns 0.

        Returns
        -------
        dict of shape (agents,)
            ``validation_return``: mean return of a life, in units of reward, before those that lose
            are changed; ``last_return``: the same of the last state; ``kept_update``: after how
            many updates agents were as they are handed over.
        """
        config, weights = self.config, self.net.weights
        earned = ended = self.live_greedily(config.updates, config.validation)
        kept = torch.full_like(self.best_update, config.updates)
        if config.snapshots:
            last = weights.clone()
            weights.copy_(self.best)
            before = self.live_greedily(config.updates, config.validation)
            earlier = (before > earned) & (self.best_update > 0)
            weights.copy_(torch.where(earlier[:, None, None], self.best, last))
            earned = torch.where(earlier, before, earned)
            kept = torch.where(earlier, self.best_update, kept)
        logit = weights[..., 4 * self.net.units + LOGIT]
        logit.masked_fill_((earned < 0)[:, None], 0.0)
        logit[:, self.net.read].masked_fill_(earned < 0, -SURE)
        return {"validation_return": earned, "last_return": ended, "kept_update": kept}

    def state(self, done: int) -> dict[str, Tensor]:
        """All that changes from update to update, after ``done`` of them, as views.

        With the same numbers in them a new trainer goes on as this one would.
        """
        known = {f"curve.{name}": values[:done] for name, values in self.curves.items()} | {
            "alive": self.alive[:done],
            "finite": self.finite,
            "weights": self.net.weights,
            "first_moment": self.first_moment,
            "second_moment": self.second_moment,
        }
        if self.config.normalise_advantages == "task":
            known["task_square"] = self.task_square
        if self.config.critic == "regression":
            known["baseline"] = self.baseline.products
        if self.config.snapshots:
            known |= {
                "best": self.best,
                "best_earned": self.best_earned,
                "best_update": self.best_update,
            }
        return known

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


def schedules(config: A2CConfig) -> Tensor:
    r"""Everything that changes from update to update by plan, float64.

    Returns
    -------
    shape (updates, 5)
        Adam's rate over the correction of its first moment, :math:`\alpha / (1 - \beta_1^k)` at the
        k-th update; :math:`(1 - \beta_2^k)^{-1/2}`, by which the root of its second moment is
        multiplied; the entropy weight; the share of the prior mean; lambda.
    """
    rows = []
    for update in range(config.updates):
        learning_rate, entropy_weight, share = config.at(update)
        first, second = (1 - beta ** (update + 1) for beta in (FIRST_DECAY, config.second_decay))
        gae_lambda = config.gae_lambda
        if config.gae_lambda_rises:
            gae_lambda += (1 - gae_lambda) * update / config.updates
        rows.append((learning_rate / first, second**-0.5, entropy_weight, share, gae_lambda))
    return torch.tensor(rows, dtype=torch.float64)


def advantages(
    reward: Tensor,
    value: Tensor,
    discount: float,
    gae_lambda: float | Tensor,
    native: bool = False,
) -> Tensor:
    r"""Generalised advantage estimates, with the value 0 after the last pull.

    .. math:: \hat A_t = \sum_{k \ge 0} (\gamma\lambda)^k \delta_{t+k}, \quad
        \delta_t = r_t + \gamma v_{t+1} - v_t

    Parameters
    ----------
    reward, value : shape (pulls, agents, lives)
        0 after the end of a life. Index t: the reward that follows pull t, the value before it.
    discount, gae_lambda
        gamma and lambda, which may be a tensor of one number.
    native
        Compute by compiled code.

    Returns
    -------
    shape (pulls, agents, lives)
        At gamma = lambda = 1 the sum of the coming rewards, less the value.
    """
    delta = (reward - value).contiguous()
    delta[:-1].add_(value[1:], alpha=discount)
    if native:
        accumulate(delta, discount * float(gae_lambda))
        return delta
    steps = delta.unbind(0)
    for now, later in zip(steps[-2::-1], steps[:0:-1], strict=True):
        if isinstance(gae_lambda, Tensor):
            now.addcmul_(later, gae_lambda, value=discount)
        else:
            now.add_(later, alpha=discount * gae_lambda)
    return delta


def per_agent(values: Tensor) -> Tensor:
    """Sum (pulls, agents, lives) to (agents,).

    One dimension at a time: both at once are added up in an order that depends on how many agents
    there are.
    """
    return values.sum(0).sum(-1)
