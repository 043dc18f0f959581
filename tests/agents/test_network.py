import math

import pytest
import torch

from meta_bandit.agents.network import INPUTS, Ensemble
from tests.agents.unrolled import random_weights, unrolled_heads

AGENTS, UNITS, LIVES, PULLS = 3, 7, 5, 11


def played(seed: int = 1) -> tuple[Ensemble, torch.Tensor]:
    net = Ensemble(random_weights(AGENTS, UNITS), LIVES, PULLS)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(PULLS, AGENTS, INPUTS, LIVES, dtype=torch.float64, generator=generator)
    play(net, x)
    return net, x


def play(net: Ensemble, x: torch.Tensor) -> None:
    net.inputs[:-1, :, :INPUTS] = x
    net.begin()
    for pull in range(len(x)):
        net.step(pull)


def random_slope(lifetimes: list[int], seed: int = 2) -> torch.Tensor:
    """Gradient with respect to the heads, 0 beyond each agent's lifetime."""
    generator = torch.Generator().manual_seed(seed)
    slope = torch.randn(PULLS, AGENTS, 2, LIVES, dtype=torch.float64, generator=generator)
    for agent, lifetime in enumerate(lifetimes):
        slope[lifetime:, agent] = 0.0
    return slope


def autograd_gradient(
    weights: torch.Tensor, x: torch.Tensor, slope: torch.Tensor, bound: float = math.inf
) -> torch.Tensor:
    leaf = weights.clone().requires_grad_()
    (unrolled_heads(leaf, x, bound) * slope).sum().backward()
    assert leaf.grad is not None
    return leaf.grad


def test_forward_equals_the_unrolled_network():
    net, x = played()
    torch.testing.assert_close(net.heads, unrolled_heads(net.weights, x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("lifetimes", [[11, 11, 11], [11, 4, 2]])
def test_backward_equals_autograd_for_every_weight(lifetimes):
    net, x = played()
    slope = random_slope(lifetimes)
    expected = autograd_gradient(net.weights, x, slope)
    assert expected[:, :, : 4 * UNITS].abs().min() > 1e-12  # every weight that is used matters
    torch.testing.assert_close(net.backward(slope), expected, rtol=0, atol=1e-10)


def test_bounded_backward_equals_autograd_with_bounded_slopes():
    net, x = played()
    slope, bound = random_slope([11, 4, 2]), 0.3
    expected = autograd_gradient(net.weights, x, slope, bound)
    exact = autograd_gradient(net.weights, x, slope)
    assert (expected - exact).abs().max() > 0.1  # the bound is met
    torch.testing.assert_close(net.backward(slope, bound), expected, rtol=0, atol=1e-10)


def test_backward_equals_central_differences():
    net, x = played()
    slope, step = random_slope([11, 8, 11]), 1e-6
    gradient = net.backward(slope).clone()
    generator = torch.Generator().manual_seed(3)
    for _ in range(40):
        at = tuple(int(torch.randint(n, (), generator=generator)) for n in net.weights.shape)
        if at[1] < INPUTS and at[2] >= 4 * UNITS:
            continue  # the heads do not read x
        losses = []
        for sign in (1, -1):
            net.weights[at] += sign * step
            play(net, x)
            losses.append((net.heads * slope).sum())
            net.weights[at] -= sign * step
        difference = (losses[0] - losses[1]) / (2 * step)
        torch.testing.assert_close(gradient[at], difference, rtol=1e-6, atol=1e-7)


def test_buffers_carry_nothing_into_the_next_update():
    net, _ = played()
    net.backward(random_slope([11, 11, 11]))
    fresh, x = played(seed=5)
    play(net, x)
    slope = random_slope([11, 2, 7], seed=6)
    assert torch.equal(net.heads, fresh.heads)
    assert torch.equal(net.backward(slope), fresh.backward(slope))


def test_heads_never_get_a_gradient_through_the_inputs():
    net, _ = played()
    assert not net.backward(random_slope([11, 11, 11]))[:, :INPUTS, 4 * UNITS :].any()


def test_acting_without_keeping_gives_the_same_heads():
    net, x = played()
    acting = Ensemble(net.weights, LIVES, pulls=0)
    for pull in range(PULLS):
        acting.inputs[0, :, :INPUTS] = x[pull]
        assert torch.equal(acting.step(0), net.heads[pull])


def test_saturated_gates_stay_finite_in_single_precision():
    weights = 1e4 * random_weights(AGENTS, UNITS).float()
    net = Ensemble(weights, LIVES, PULLS)
    play(net, torch.ones(PULLS, AGENTS, INPUTS, LIVES))
    assert net.heads.isfinite().all()
    assert net.backward(random_slope([11, 11, 11]).float()).isfinite().all()


@pytest.mark.parametrize("shape", [(2, 53, 193), (2, 52, 194), (1, 5, 2)])
def test_weights_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="weights: shape"):
        Ensemble(torch.zeros(shape), lives=2, pulls=2)
