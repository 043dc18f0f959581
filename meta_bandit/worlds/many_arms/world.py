"""A bandit with one known arm and several unknown ones, as one validated value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meta_bandit.task import GaussianBandit, Task, real, require, whole


@dataclass(frozen=True, init=False, eq=False, repr=False)
class ManyArms(Task):
    r"""K arms, one life: arm 0 always pays the same, the others what their means allow.

    .. math:: \mu_i \sim N(m, \sigma_p^2) \text{ once a life, for } i = 1, \ldots, K - 1, \qquad
        r \sim N(\mu_i, \sigma_l^2) \text{ at each pull of arm } i.

    The means are independent, and arm 0 pays ``safe`` without noise. As it stands by default it is
    the deceptive form of the bandit with one fixed arm of Norman and Clune (First-Explore, 2024);
    with ``safe=0`` it is the plain form. With two arms it is `GaussianBandit` with ``safe`` added
    to every reward: `one_armed`.

    Parameters
    ----------
    arms : whole
        All arms, the known one included (K), >= 2; one number.
    sigma_p : shape (...)
        Standard deviation of an unknown arm's mean between lives, > 0.
    sigma_l : shape (...)
        Standard deviation of a reward of an unknown arm within a life, > 0.
    lifetime : shape (...), whole
        Pulls in one life (T), >= 1.
    mean : shape (...)
        Prior mean of each unknown arm (m), finite.
    safe : shape (...)
        What arm 0 pays, finite.

    Raises
    ------
    ValueError
        If a value lies outside its range, or the shapes do not broadcast. The message names
        the field, the value and the range.
    """

    arms: NDArray[np.int64]
    sigma_p: NDArray[np.float64]
    sigma_l: NDArray[np.float64]
    lifetime: NDArray[np.int64]
    mean: NDArray[np.float64]
    safe: NDArray[np.float64]

    def __init__(
        self,
        arms: ArrayLike = 10,
        sigma_p: ArrayLike = 1.0,
        sigma_l: ArrayLike = 0.5,
        lifetime: ArrayLike = 100,
        mean: ArrayLike = 0.0,
        safe: ArrayLike = 0.5,
    ) -> None:
        number = np.unique(whole("arms", arms, 2))
        require("arms", number, number == number[0], "the same in all worlds of an array")
        values: dict[str, NDArray[np.float64] | NDArray[np.int64]] = {
            "arms": number[0].reshape(()),
            "sigma_p": real("sigma_p", sigma_p),
            "sigma_l": real("sigma_l", sigma_l),
            "lifetime": whole("lifetime", lifetime, 1),
            "mean": real("mean", mean),
            "safe": real("safe", safe),
        }
        for name in ("sigma_p", "sigma_l"):
            require(name, values[name], values[name] > 0, "a finite number > 0")
        self._keep(**values)

    @property
    def per_life(self) -> ManyArms:
        """The same worlds, each field with an axis of length 1 at its end, for lives."""
        fields = (self.sigma_p, self.sigma_l, self.lifetime, self.mean, self.safe)
        return ManyArms(self.arms, *(field[..., None] for field in fields))

    @property
    def unknown(self) -> int:
        """Arms that are not known, K - 1."""
        return int(self.arms) - 1

    @property
    def one_armed(self) -> GaussianBandit:
        """Each unknown arm against arm 0 alone, in rewards beyond what arm 0 pays."""
        return GaussianBandit(self.sigma_p, self.sigma_l, self.lifetime, self.mean - self.safe)

    def with_arms(self, arms: int) -> ManyArms:
        """The same world with another number of arms in all."""
        return ManyArms(arms, self.sigma_p, self.sigma_l, self.lifetime, self.mean, self.safe)
