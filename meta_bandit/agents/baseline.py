"""A baseline for the returns of bandit agents, fitted to what an ideal observer would know."""

from __future__ import annotations

import math

import torch
from torch import Tensor

RATE = 0.1
"""Weight of the newest lives in the fit."""
FEATURES = 14


class Baseline:
    r"""Expected return to come, by linear regression on the state of an ideal observer.

    .. math:: b = w \cdot \phi, \quad \phi = (1, \tau, \tau^2, \tau e, \tau g, e, g) \otimes (1, a)

    with the share of life to come, :math:`\tau = (T - t)/T`; the posterior mean e
    (prop-posterior); what full information about the arm would be worth,
    :math:`g = E[\mu^+]` under the posterior; and a = 1 if the last pull was risky or is still to
    come. The coefficients are those of earlier lives only. So the baseline depends on nothing that
    follows a pull, and the gradient with it is the same on average (Williams 1992).

    A network's value is a guess of the same; ours err where it matters: at the edge a life is worth
    a hundredth of what its luck varies by, and the error of a critic that follows the policy late
    drives that policy about. Regression on such features is how RL^2 was first trained (Duan et al.
    2016), there on observations; what only the simulator knows stays in training.

    Parameters
    ----------
    agents
        How many.
    device
        Where they are.

    Attributes
    ----------
    products : shape (agents, features, features + 1), float64
        Running means of :math:`\phi \phi^\top` and, in the last column, of :math:`\phi` times the
        return; all that is remembered. 0 before the first lives.
    """

    def __init__(self, agents: int, device: torch.device) -> None:
        shape = (agents, FEATURES, FEATURES + 1)
        self.products = torch.zeros(shape, dtype=torch.float64, device=device)
        self._ridge = 1e-6 * torch.eye(FEATURES, dtype=torch.float64, device=device)

    def fit(self, features: Tensor, returns: Tensor, weight: Tensor | None) -> Tensor:
        """Guess the returns from earlier lives, then learn from these.

        Parameters
        ----------
        features : shape (pulls, agents, features, lives)
            See `observe`.
        returns : shape (pulls, agents, lives)
            Sum of what follows each pull.
        weight : shape (agents, lives)
            How much each life counts; None: all alike.

        Returns
        -------
        shape (pulls, agents, lives)
            The guesses. Of the very first lives, which have no earlier ones, by their own fit.
        """
        both = torch.cat((features, returns[:, :, None]), 2).double()
        weighed = (
            both[:, :, :FEATURES] if weight is None else (both[:, :, :FEATURES] * weight[:, None])
        )
        now = torch.zeros_like(self.products)
        # pull by pull, so that an agent's sums do not depend on how long others live
        for left, right in zip(weighed.unbind(), both.transpose(2, 3).unbind(), strict=True):
            now.baddbmm_(left, right)
        known = self.products[:, :1, :1] > 0
        products = torch.where(known, self.products, now)
        self.products.copy_(torch.where(known, torch.lerp(self.products, now, RATE), now))
        matrix, moments = products[..., :FEATURES], products[..., FEATURES:]
        scale = matrix.diagonal(dim1=1, dim2=2).mean(-1)[:, None, None]
        factor, _ = torch.linalg.cholesky_ex(matrix + scale * self._ridge)
        coefficients = torch.cholesky_solve(moments, factor).to(features.dtype)
        return (features * coefficients).sum(2)


def observe(
    estimate: Tensor, std: Tensor, left: Tensor, risky: Tensor, mask: Tensor, unit: Tensor
) -> Tensor:
    r"""Features of `Baseline` before each pull.

    .. math:: g = e\,\Phi(e/s) + s\,\varphi(e/s)

    Parameters
    ----------
    estimate, std : shape (pulls, agents, lives)
        Posterior mean e and standard deviation s of the arm.
    left : shape (pulls, agents, 1 or lives)
        Share of life to come.
    risky, mask : shape (pulls, agents, lives)
        1 where the pull is risky; 1 where the agent is alive.
    unit : shape (agents, 1 or lives)
        Of rewards.

    Returns
    -------
    shape (pulls, agents, features, lives)
    """
    z = estimate / std
    density = (z * z).mul_(-0.5).exp_().mul_(1 / math.sqrt(2 * math.pi))
    gain = (estimate * torch.special.ndtr(z)).add_(density.mul_(std)).div_(unit)
    mean = estimate / unit
    left = left.expand_as(mean)
    last = torch.cat((torch.ones_like(risky[:1]), risky[:-1]))
    plain = torch.stack(
        (torch.ones_like(mean), left, left**2, left * mean, left * gain, mean, gain), 2
    ).mul_(mask[:, :, None])
    return torch.cat((plain, plain * last[:, :, None]), 2)
