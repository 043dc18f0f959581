"""Lives of any policy on any world, in batches."""

from __future__ import annotations

import numpy as np

from meta_bandit.worlds.task import Asked, Played, Task


def simulate(
    policy: Asked, task: Task[Asked, Played], lives: int | None, rng: np.random.Generator
) -> Played:
    """Play lives: born on a task, they go on step by step until the longest is over.

    Parameters
    ----------
    policy
        Who acts: a `worlds.bandit.Policy`, a `worlds.foraging.Forager`, a
        `worlds.many_arms.ManyPolicy` or a `worlds.treasure_room.Walker`, as the world wants it.
    task
        One task of any world, or an array of them; each plays the same number of lives.
    lives
        Lives for each task, >= 1. In the foraging world None plays one life for each place that may
        hold the large reward, in turn, which is every life that there is for a policy that never
        tosses a coin: means over them are then exact. The tasks of an array must then have equally
        many places.
    rng
        Where all randomness comes from. The same generator state gives the same births, and on
        bandits the same reward noise, whatever the policy does, so that policies can be compared in
        pairs.

    Returns
    -------
    `worlds.bandit.Lives`, `worlds.foraging.ForagingLives`, `worlds.many_arms.ManyLives` or
    `worlds.treasure_room.RoomLives`
        A bandit's needs 17 bytes a pull, one of many arms 10: split very long runs into several
        calls.

    Raises
    ------
    ValueError
        If ``lives`` is below 1, or the policy's answer is no probability or no action.
    """
    if lives is not None and lives < 1:
        raise ValueError(f"lives = {lives}: must be a whole number >= 1")
    life = task.birth(lives, rng)
    for _ in range(int(task.lifetime.max())):
        life.step(life.choose(policy))
    return life.played()
