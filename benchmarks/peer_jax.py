"""The jitted peer: LSTM actor-critics by A2C in JAX, on the environment of the paper's author.

The network, the loss and the update are those of `meta_bandit.agents`, written the way JAX wants
it: `lax.scan` over pulls, `vmap` over lives and agents, one jitted call for many updates. The
lives are differentiated as they are played, so that the network runs forward once, as in ours.
The environment is gymnax's ``GaussianBandit-misc``. Needs the extra ``peers``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import gymnax
import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from meta_bandit.agents.config import CONFIGURATIONS, A2CConfig

PULLS = 100
"""Of a life: gymnax's environment tells the time on this scale whatever its length."""

Array = Any  # jax.Array, where jax is there to say so
Weights = dict[str, Array]


@dataclass(frozen=True)
class Recipe:
    """A configuration and what ours cannot say of it."""

    config: A2CConfig
    # rewards, returns and values as the task pays them, instead of over (reward scale x lifetime)
    raw_rewards: bool = False
    # factor of the entropy weight from update to update, down to a floor; None: as ours falls
    entropy_decay: float | None = None
    entropy_floor: float = 0.01


RECIPES = {
    # what ours does, for comparing rates; its arms are drawn by gymnax, independently
    "plain": Recipe(CONFIGURATIONS["plain"]),
    # what is commonly written: whole returns, the entropy weight from 1 down to 0.01, the task as
    # it is from the first update on
    "usual": Recipe(
        A2CConfig(
            updates=10**6,
            stratified_arms=False,
            learning_rate=5e-3,
            learning_rate_hold=1.0,
            gae_lambda=1.0,
            entropy=1.0,
            value_weight=0.5,
            normalise_advantages=False,
            gradient_clip=float("inf"),
            continuation_until=0.0,
        ),
        raw_rewards=True,
        entropy_decay=0.999,
    ),
}


class State(NamedTuple):
    """What changes from update to update; every array has the agents in front."""

    weights: Weights
    optimiser: Any
    update: Array
    key: Array


class JaxTrainer:
    """Agents side by side, one task and one seed each.

    Parameters
    ----------
    sigma_p, sigma_l : length agents
        The tasks; lives of 100 pulls, prior mean -1.
    recipe
        How to train.
    at_once
        Updates of one jitted call.
    """

    def __init__(
        self, sigma_p: list[float], sigma_l: list[float], recipe: Recipe, at_once: int
    ) -> None:
        self.at_once = at_once
        self._tasks = jnp.asarray(sigma_p), jnp.asarray(sigma_l)
        self._state = _begin(jnp.arange(len(sigma_p)), recipe.config)
        self._train = _make_train(recipe, at_once)

    def train(self) -> None:
        """Make ``at_once`` updates, and wait for them."""
        self._state = self._train(self._state, *self._tasks)
        jax.block_until_ready(self._state)

    def weights(self) -> NDArray[np.float32]:
        """Weights as `meta_bandit.agents.network.Ensemble` has them, where they act the same."""
        parts = {name: np.asarray(values) for name, values in self._state.weights.items()}
        agents, units, columns = parts["hidden"].shape
        weights = np.zeros((agents, 4 + 1 + units, columns + 2), np.float32)
        weights[:, :4, :columns] = parts["input"]
        weights[:, 4, :columns], weights[:, 4, columns:] = parts["bias"], parts["heads_bias"]
        weights[:, 5:, :columns], weights[:, 5:, columns:] = parts["hidden"], parts["heads"]
        return weights


def _begin(seeds: Array, config: A2CConfig) -> State:
    units = config.units

    def one(seed: Array) -> State:
        key, *keys = jax.random.split(jax.random.key(seed), 4)
        orthogonal = jax.nn.initializers.orthogonal()
        gates = [orthogonal(part, (units, units)) for part in jax.random.split(keys[1], 4)]
        weights = {
            "input": jax.random.normal(keys[0], (4, 4 * units)) * units**-0.5,
            "hidden": jnp.hstack(gates),
            # forget gates begin open
            "bias": jnp.zeros(4 * units).at[2 * units : 3 * units].set(1.0),
            "heads": 0.1 * units**-0.5 * jax.random.normal(keys[2], (units, 2)),
            "heads_bias": jnp.zeros(2),
        }
        return State(weights, _optimiser(config).init(weights), jnp.zeros((), jnp.int32), key)

    state: State = jax.vmap(one)(seeds)
    return state


def _optimiser(config: A2CConfig) -> Any:
    hold = int(config.learning_rate_hold * config.updates)
    falling = optax.linear_schedule(config.learning_rate, 0.0, config.updates - hold, hold)
    rate = falling if hold < config.updates else config.learning_rate
    return optax.chain(optax.clip_by_global_norm(config.gradient_clip), optax.adam(rate))


def _make_train(recipe: Recipe, at_once: int) -> Callable[[State, Array, Array], State]:
    config = recipe.config
    optimiser = _optimiser(config)

    def update(state: State, sigma_p: Array, sigma_l: Array) -> State:
        key, lives_key = jax.random.split(state.key)
        done = state.update / config.updates
        if recipe.entropy_decay is None:
            entropy_weight = config.entropy * jnp.maximum(0.0, 1 - done / config.entropy_until)
        else:
            fallen = config.entropy * recipe.entropy_decay**state.update
            entropy_weight = jnp.maximum(recipe.entropy_floor, fallen)
        until = config.continuation_until
        mean = -jnp.minimum(1.0, done / until) if until else -1.0
        gradient = jax.grad(_loss)(
            state.weights, lives_key, sigma_p, sigma_l, mean, entropy_weight, recipe
        )
        change, moments = optimiser.update(gradient, state.optimiser)
        weights = optax.apply_updates(state.weights, change)
        return State(weights, moments, state.update + 1, key)

    def train(state: State, sigma_p: Array, sigma_l: Array) -> State:
        def several(state: State, _: None) -> tuple[State, None]:
            return jax.vmap(update)(state, sigma_p, sigma_l), None

        trained: State = jax.lax.scan(several, state, None, length=at_once)[0]
        return trained

    jitted: Callable[[State, Array, Array], State] = jax.jit(train, donate_argnums=0)
    return jitted


def _loss(
    weights: Weights,
    key: Array,
    sigma_p: Array,
    sigma_l: Array,
    mean: Array | float,
    entropy_weight: Array,
    recipe: Recipe,
) -> Array:
    config = recipe.config
    env, params = gymnax.make("GaussianBandit-misc")
    params = params.replace(sigma_p=sigma_p, sigma_l=sigma_l, mean_mu=mean)
    scale = jnp.sqrt(1 + sigma_p**2 + sigma_l**2)
    reset_key, key = jax.random.split(key)
    seen, world = jax.vmap(env.reset_env, (0, None))(
        jax.random.split(reset_key, config.lives), params
    )
    # gymnax shows the safe action before the first pull, ours none
    seen = seen.at[:, 1:3].set(0.0)

    def pull(carry: Any, key: Array) -> Any:
        seen, world, hidden, cell = carry
        seen = seen.at[:, 0].divide(scale)
        gates = seen @ weights["input"] + hidden @ weights["hidden"] + weights["bias"]
        o, i, f, g = jnp.split(gates, 4, axis=1)
        cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
        hidden = jax.nn.sigmoid(o) * jnp.tanh(cell)
        logit, value = (hidden @ weights["heads"] + weights["heads_bias"]).T
        action_key, world_key = jax.random.split(key)
        limit = jax.random.logistic(action_key, (config.lives,))
        action = (jax.lax.stop_gradient(logit) > limit).astype(jnp.int32)
        seen, world, reward, _, _ = jax.vmap(env.step_env, (0, 0, 0, None))(
            jax.random.split(world_key, config.lives), world, action, params
        )
        return (seen, world, hidden, cell), (logit, value, action, reward)

    zeros = jnp.zeros((config.lives, config.units))
    _, (logit, value, action, reward) = jax.lax.scan(
        pull, (seen, world, zeros, zeros), jax.random.split(key, PULLS)
    )
    if not recipe.raw_rewards:
        reward = reward / (scale * PULLS)
    fixed = jax.lax.stop_gradient(value)
    after = jnp.concatenate([fixed[1:], jnp.zeros_like(fixed[:1])])
    delta = reward + config.discount * after - fixed

    def back(later: Array, now: Array) -> tuple[Array, Array]:
        advantage = now + config.discount * config.gae_lambda * later
        return advantage, advantage

    _, advantage = jax.lax.scan(back, jnp.zeros_like(delta[0]), delta, reverse=True)
    target = fixed + advantage
    if config.normalise_advantages:
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    log_probability = jax.nn.log_sigmoid(jnp.where(action == 1, logit, -logit))
    entropy = jax.nn.softplus(logit) - logit * jax.nn.sigmoid(logit)
    error = 0.5 * config.value_weight * (value - target) ** 2
    return (error - advantage * log_probability - entropy_weight * entropy).mean()
