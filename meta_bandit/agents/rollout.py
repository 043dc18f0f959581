"""Lives in training: tasks are dealt, lives played with sampled actions, what counts is noted.

`Rollout` is what all worlds share. For each world a class below it says how lives are born, what an
action pays, and by which way of making the task harder training leads there (continuation).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from meta_bandit.agents.baseline import observe
from meta_bandit.agents.config import A2CConfig
from meta_bandit.agents.network import ACTION, LOGIT, REWARD, RISKY_ROW, Ensemble, initial_weights
from meta_bandit.agents.noise import ARMS, PULLS, Noise
from meta_bandit.agents.told import Told, tell_which, time_input
from meta_bandit.worlds import Foraging
from meta_bandit.worlds.foraging import travel
from meta_bandit.worlds.task import AnyTask

_SPECIAL = (
    *("learning_signal", "critic", "good_arms", "tremble", "task_context"),
    *("validation", "snapshots", "shared_memory", "free_finds"),
)
"""Fields of a configuration that not every world has a meaning for."""


class Rollout(ABC):
    """Lives of an ensemble on one world, and their network.

    An agent lives on one task, or on a table of them: then every life is dealt a task of its own,
    in turn. Within an update the longest lives come first, so that those that still live are the
    first so many, and nothing is computed for the others. What a single step needs is allocated
    here, once: on a CPU, fresh memory costs more than the arithmetic on it.

    Parameters
    ----------
    task : shape (agents,) or (agents, tasks)
        What each agent lives on.
    seeds
        One for each agent.
    config
        How they are trained.
    device, dtype
        Of all numbers.

    Attributes
    ----------
    default
        Name of the configuration that agents of this world are trained by, if none is given.
    takes, who
        Those of the special fields of a configuration that mean something here; whose they are not.
    noted
        Variables of a learning curve and their units.
    policies
        How many the network holds, with a logit for each action each; the first of them lives.
    task : dict of shape (agents, 1 or lives)
        Fields of the tasks that are lived on now; 1 where all of an agent's lives have the same.
    lifetime, unit : shape (agents, 1 or lives)
        In steps; that of rewards as agents are told them.
    mask : shape (steps, agents, 1 or lives)
        1 where a life goes on, 0 after its end.
    samples : shape (agents,)
        Steps that are lived in an update.
    weight : shape (agents, lives)
        How much each life counts in the loss, 1 on average; None: all alike.
    limit : shape (agents, 1 or lives)
        Largest absolute logit that lives are played with, see `A2CConfig.tremble`; None: any.
    greedy
        Whether bandits are played with the likelier arm, instead of sampled ones.
    """

    default: ClassVar[str] = "plain"
    takes: ClassVar[tuple[str, ...]] = ()
    who: ClassVar[str]
    noted: ClassVar[Mapping[str, str]]
    policies: ClassVar[int] = 1
    weight: Tensor | None = None
    limit: Tensor | None = None
    greedy: bool = False

    def __init__(
        self,
        task: AnyTask,
        seeds: Sequence[int],
        config: A2CConfig,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        plain = A2CConfig()
        for name in _SPECIAL:
            value, wanted = getattr(config, name), getattr(plain, name)
            if value != wanted and name not in self.takes:
                raise ValueError(f"{name} = {value!r}: must be {wanted!r} for {self.who}")
        self.config = config
        agents, lives, longest = len(seeds), config.lives, int(task.lifetime.max())
        self.told = told = Told(task, config, device)
        table = task_table(task, lives, config.task_context)
        names = list(task.values)
        self.widths = widths(table[names.index("lifetime")], longest, lives)
        logits = told.logits * self.policies
        weights = initial_weights(seeds, config.units, told.inputs, logits)
        columns = lives * told.memories
        self.net = Ensemble(
            weights.to(device, dtype),
            columns,
            longest,
            [w * told.memories for w in self.widths],
            logits,
        )
        self.answers = self.net.heads[:, :, : told.logits]
        self.actions = told.actions
        if task.coin:
            # in the numbers' own type: converting a truth value costs as much as tossing the coin
            self.answers, self.actions = self.answers[:, :, LOGIT], told.actions.to(dtype)
        self.tossed = torch.zeros((agents, lives), dtype=dtype, device=device)
        self.table = torch.tensor(table, dtype=dtype, device=device)
        # how many tasks an update takes from the table, and after how many updates it begins again
        self.dealt = 1 if len(task.shape) == 1 else lives
        self.rounds = table.shape[-1] // self.dealt
        self.tasks = torch.empty((len(table), agents, self.dealt), dtype=dtype, device=device)
        self.task: dict[str, Tensor] = dict(zip([*names, "unit"], self.tasks, strict=False))
        self.lifetime, self.unit = self.task["lifetime"], self.task["unit"]
        self.step_number = torch.arange(longest, dtype=dtype, device=device)[:, None, None]
        self.mask = torch.empty((longest, agents, self.dealt), dtype=dtype, device=device)
        self.samples = torch.empty(agents, dtype=dtype, device=device)
        # in double precision: in single, the last slice's end would round to 1
        self.birth_noise = Noise(seeds, 1, lives, torch.float64, device)
        self.deal(0)

    def compile(self) -> bool:
        """Compute by compiled code from now on, where that can be (`native`); returns whether."""
        compiled = self.net.compile()
        for part in vars(self).values():
            if compiled and isinstance(part, Noise):
                part.compile()
        return compiled

    def places(self, update: int | Tensor) -> Tensor:
        """Where in the table the tasks of an update stand."""
        places = torch.arange(self.dealt, device=self.table.device)
        return (places + update * self.dealt) % self.table.shape[-1]

    def deal(self, update: int | Tensor) -> None:
        """Hand the lives of an update their tasks, and tell the agents what they are told."""
        torch.index_select(self.table, 2, self.places(update), out=self.tasks)
        torch.lt(self.step_number, self.lifetime, out=self.mask)
        config, told, rows = self.config, self.told, self.net.inputs[:-1]
        torch.sum(self.lifetime.expand(len(self.samples), config.lives), -1, out=self.samples)
        if config.tremble:
            self.limit = (self.lifetime / config.tremble - 1).log()
        # where a life has ended nobody reads the time; it is kept finite
        rows[:, :, told.time] = time_input(config.time_feature, self.step_number, self.lifetime)
        if config.task_context:
            rows[:, :, told.task : told.inputs] = self.tasks[-3:].transpose(0, 1)

    def live(self, update: Tensor, share: Tensor) -> dict[str, Tensor]:
        """Deal tasks and play their lives; returns what the learning curve shall hold of it.

        Parameters
        ----------
        update
            Its number, shape (1,).
        share
            How far the continuation has come, see `A2CConfig.continuation_until`.

        Returns
        -------
        dict of shape (agents,)
        """
        if self.rounds > 1:
            self.deal(update)
        self.play(update, share)
        return self.note()

    def play(self, update: int | Tensor, share: float | Tensor = 1.0) -> None:
        """Play whole lives with sampled actions, and tell the agents what came of them."""
        chance = self.begin(update, share)
        net, told, lives = self.net, self.told, self.config.lives
        coin, tossed, actions = self.answers.ndim == 3, self.tossed, self.actions
        net.begin()
        if self.at_once(chance):
            return
        outcome = net.inputs[1:]
        steps = zip(
            self.widths,
            self.answers,
            chance,
            outcome[:, :, REWARD],
            outcome[:, :, ACTION : told.time],
            outcome[:, :, told.cell : told.task],
            strict=True,
        )
        for step, (alive, *views) in enumerate(steps):
            answer, limit, paid, acted, where = (
                views if alive == lives else (view[..., :alive] for view in views)
            )
            net.step(step)
            if coin:
                action = tossed if alive == lives else tossed[:, :alive]
                torch.gt(answer, limit, out=action)
            else:
                # the action with the highest logit + Gumbel noise is a sample of the softmax
                action = (answer + limit).argmax(1)
            tell_which(action, actions, acted)
            self.step(step, action, paid, where)

    def draw(self, update: int | Tensor) -> tuple[Tensor, Tensor]:
        """Draw for each life a normal number, and a share of a law of births: (agents, lives).

        Shares are uniform; if `A2CConfig.stratified_arms` says so, one in each of as many slices.
        """
        normal, logistic = self.birth_noise.draw(update, ARMS)
        share = logistic[0].sigmoid_()
        if self.config.stratified_arms:
            lives = self.config.lives
            slices = torch.arange(lives, device=share.device)
            if self.dealt > 1:
                # in an order of chance, or a task would always meet the same part of the law
                slices = normal[0].argsort(-1)
            share = (slices + share) / lives
        return normal[0], share

    @abstractmethod
    def begin(self, update: int | Tensor, share: float | Tensor) -> Tensor:
        """Begin the lives of an update, at that share of the way to the task.

        Returns
        -------
        shape (steps, agents, lives) or (steps, agents, logits, lives)
            What a single logit must exceed; or what is added to each before the highest is taken.
        """

    def at_once(self, chance: Tensor) -> bool:
        """Play the lives that were begun in one call, where that is compiled; returns whether."""
        return False

    @abstractmethod
    def step(self, step: int, action: Tensor, paid: Tensor, where: Tensor) -> None:
        """Let the first so many lives act, write what it pays, and where there are places, where.

        Rewards are written in a unit in which lives pay about as much as they have steps, and are 0
        after the end of a life.
        """

    @abstractmethod
    def note(self) -> dict[str, Tensor]:
        """What the learning curve shall hold of the lives that were played, shape (agents,)."""

    def by_action(self, values: Tensor) -> Tensor:
        """View of the actions' part of what has the shape of ``net.heads``, a logit each."""
        return values[:, :, : self.told.logits]

    def acted(self) -> Tensor:
        """What was done, as one-hot: (steps, agents, actions, lives)."""
        return self.net.inputs[1:, :, ACTION : self.told.time]

    def signal(self) -> Tensor:
        """What each step counts, in the unit of row `network.REWARD`: (steps, agents, lives)."""
        return self.net.inputs[1:, :, REWARD]

    def observed(self) -> Tensor:
        """What an ideal observer knows before each step, for `baseline.Baseline`."""
        raise ValueError(f"critic = 'regression': must be 'network' for {self.who}")


class BanditRollout(Rollout):
    """The risky arm's mean is drawn at birth; continuation moves its prior mean from 0 outwards."""

    default = "companion"
    takes = _SPECIAL[:-2]
    who = "agents of bandits"
    noted = {  # noqa: RUF012
        "mean_return": "reward",
        "risky_pulls": "pulls",
        "entropy": "nats per pull",
        "prior_mean": "reward",
        "gradient_norm": "1",
    }

    def __init__(
        self,
        task: AnyTask,
        seeds: Sequence[int],
        config: A2CConfig,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if config.validation and len(task.shape) > 1:
            raise ValueError(
                f"validation = {config.validation}: must be 0 for agents of many tasks, which may "
                "lose on some of them"
            )
        super().__init__(task, seeds, config, device, dtype)
        self.sigma_p, self.sigma_l, self.mean = (
            self.task[name] for name in ("sigma_p", "sigma_l", "mean")
        )
        # that of the update that is played
        self.prior_mean = self.mean.clone()
        self.noise = Noise(seeds, len(self.mask), config.lives, dtype, device)

    def begin(self, update: int | Tensor, share: float | Tensor) -> Tensor:
        """Draw the arms, and what each pull would pay; returns the thresholds of the coins."""
        torch.mul(self.mean, share, out=self.prior_mean)
        reward, threshold = self.noise.draw(update, PULLS)
        if self.greedy:
            threshold.zero_()
        elif self.limit is not None:
            # a logit beyond the limit acts as the limit would
            threshold.masked_fill_(threshold > self.limit, torch.inf)
            threshold.masked_fill_(threshold < -self.limit, -torch.inf)
        mean = self.prior_mean
        self.arm_mean = mean + self.sigma_p * self.draw_arms(update, mean).to(mean.dtype)
        # reward of each pull if it is risky; 0 after the end of a life
        reward.mul_(self.sigma_l).add_(self.arm_mean).div_(self.unit).mul_(self.mask)
        self.reward, self.pays = reward, reward.unbind()
        return threshold

    def at_once(self, chance: Tensor) -> bool:
        """Play by `network.Ensemble.play`: what `play` does pull by pull, to the last bit."""
        return self.net.play(chance, self.reward)

    def step(self, step: int, action: Tensor, paid: Tensor, where: Tensor) -> None:
        """Pay those who pulled the risky arm."""
        pays, alive = self.pays[step], action.shape[1]
        torch.mul(action, pays if alive == pays.shape[1] else pays[:, :alive], out=paid)

    def note(self) -> dict[str, Tensor]:
        """Note what was pulled, and what it was worth on average."""
        risky = (self.net.inputs[1:, :, RISKY_ROW] * self.mask).sum(0)
        if self.weight is not None:
            risky.mul_(self.weight)
        return {
            "mean_return": (risky * self.arm_mean).mean(-1),
            "risky_pulls": risky.mean(-1),
            "prior_mean": self.prior_mean.mean(-1),
        }

    def draw_arms(self, update: int | Tensor, mean: Tensor) -> Tensor:
        """Draw a standardised arm's mean for each life, and say what it weighs: (agents, lives)."""
        config = self.config
        normal, share = self.draw(update)
        if not (config.stratified_arms or config.good_arms):
            return normal
        if not config.good_arms:
            within: Tensor = torch.special.ndtri(share)
            return within
        # of the prior, a part is good; of the lives, that part of the others and some more
        good = torch.special.ndtr((mean / self.sigma_p).double())
        rest = 1 - config.good_arms
        drawn = rest * good + config.good_arms
        worse = share < 1 - drawn
        self.weight = torch.where(worse, 1 / rest, good / drawn).to(mean.dtype)
        # the better ones by their distance from the upper end, which rounding would lose
        above = (good * (1 - share) / drawn).clamp(min=1e-300)
        return torch.where(worse, torch.special.ndtri(share / rest), -torch.special.ndtri(above))

    def signal(self) -> Tensor:
        """What each pull counts, see `A2CConfig.learning_signal`."""
        if self.config.learning_signal == "reward":
            return super().signal()
        risky = self.net.inputs[1:, :, RISKY_ROW] * self.mask
        if self.config.learning_signal == "arm-mean":
            return risky * (self.arm_mean / self.unit)
        estimate, _ = self.posterior()
        return estimate.div_(self.unit).mul_(risky)

    def observed(self) -> Tensor:
        """What an ideal observer knows before each pull, see `baseline.observe`."""
        mean, std = self.posterior()
        left = 1 - self.step_number / self.lifetime
        risky = self.net.inputs[1:, :, RISKY_ROW]
        return observe(mean, std, left, risky, self.mask, self.unit)

    def posterior(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the arm before each pull, given what was seen of it.

        Under the prior mean of the update (prop-posterior), in units of reward.

        Returns
        -------
        mean, std : shape (pulls, agents, lives)
        """
        paid, risky = self.net.inputs[1:, :, REWARD], self.net.inputs[1:, :, RISKY_ROW]
        pulls = risky.cumsum(0).sub_(risky)
        seen = paid.cumsum(0).sub_(paid).mul_(self.unit)
        noise, spread = self.sigma_l**2, self.sigma_p**2
        weight = pulls.mul_(spread).add_(noise)
        mean = seen.mul_(spread).add_(self.prior_mean * noise).div_(weight)
        return mean, (noise * spread / weight).sqrt_()


class ForagingRollout(Rollout):
    """The hiding place is drawn at birth; continuation leads from the searching side.

    At first the near place pays nothing, though it sends home; in the end, what the task says.
    """

    default = "forage"
    who = "agents that forage"
    noted = {  # noqa: RUF012
        "mean_return": "reward",
        "found": "finds",
        "near_reward": "reward",
        "entropy": "nats per move",
        "gradient_norm": "1",
    }

    def __init__(
        self,
        task: AnyTask,
        seeds: Sequence[int],
        config: A2CConfig,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(task, seeds, config, device, dtype)
        assert isinstance(task, Foraging)
        self.grid = task.grid._replace(
            after=torch.tensor(task.grid.after, device=device),
            hiding=torch.tensor(task.grid.hiding, device=device),
        )
        self.far, self.near, self.many = (self.task[name] for name in ("far", "near", "places"))
        self.birth = torch.full((len(seeds), config.lives), self.grid.nest, device=device)
        where = self.net.inputs[0, :, self.told.cell : self.told.task]
        tell_which(self.birth, self.told.cells, where)
        # a block of random numbers has one for each move
        self.noise = Noise(seeds, len(self.mask), 2 * config.lives, dtype, device)

    def begin(self, update: int | Tensor, share: float | Tensor) -> Tensor:
        """Hide the large reward, and go to the nest; returns Gumbel noise for each move."""
        gumbel = self.noise.gumbel(update, PULLS)
        self.hidden = self.grid.hiding[self.draw_places(update)]
        self.position = self.birth
        self.pays_near = self.near * share
        self.small, self.large = self.pays_near / self.far, torch.ones_like(self.far)
        self.fed, self.found = self.far.new_zeros((2, *self.birth.shape)).unbind()
        return gumbel.permute(1, 2, 0, 3)

    def draw_places(self, update: int | Tensor) -> Tensor:
        """Draw where the large reward is in each life, as numbers of places, (agents, lives)."""
        places: Tensor = (self.draw(update)[1] * self.many).long()
        return places.clamp_(max=len(self.grid.hiding) - 1)

    def step(self, step: int, action: Tensor, paid: Tensor, where: Tensor) -> None:
        """Move, and eat."""
        alive = action.shape[1]
        here, hidden, mask = (
            part[:, :alive] for part in (self.position, self.hidden, self.mask[step])
        )
        self.position, fed, found = travel(self.grid, here, action, hidden)
        fed, found = fed * mask, found * mask
        torch.add(fed * self.small[:, :alive], found * self.large[:, :alive], out=paid)
        tell_which(self.position, self.told.cells, where)
        self.fed[:, :alive] += fed
        self.found[:, :alive] += found

    def note(self) -> dict[str, Tensor]:
        """Note what was earned, and how often the large reward was found."""
        return {
            "mean_return": (self.pays_near * self.fed + self.far * self.found).mean(-1),
            "found": self.found.mean(-1),
            "near_reward": self.pays_near.mean(-1),
        }


def task_table(task: AnyTask, lives: int, told: bool) -> NDArray[np.float64]:
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
    shape (fields + 1 or + 4, agents, 1 or tasks)
        The fields of the task, the unit of reward; then the context, where it is told. The tasks of
        an update are those of the table, with the longest first.
    """
    agents, fields = task.shape[0], list(task.values)
    context = np.moveaxis(task.context, -1, 0) if told else ()
    rows = [
        np.broadcast_to(part, task.shape) for part in (*task.full.values(), task.unit, *context)
    ]
    table = np.stack(rows).reshape(len(rows), agents, -1)
    if len(task.shape) == 1:
        return table
    updates = table.reshape(len(rows), agents, -1, lives)
    order = np.argsort(-updates[fields.index("lifetime")], axis=-1, kind="stable")
    return np.take_along_axis(updates, order[None], axis=-1).reshape(table.shape)


def widths(lifetime: NDArray[np.float64], steps: int, lives: int) -> list[int]:
    """Lives that may be alive at each step, in any update: the first so many.

    Parameters
    ----------
    lifetime : shape (agents, 1 or tasks)
        In the order of `task_table`.
    """
    if lifetime.shape[-1] == 1:
        return [lives] * steps
    longest = lifetime.reshape(-1, lives).max(axis=0)
    return [int((longest > step).sum()) for step in range(steps)]
