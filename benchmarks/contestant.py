"""One trainer in a process of its own, that works when it is told to: see `training.py`.

    python -m benchmarks.contestant KIND AGENTS THREADS

On its standard input it reads lines of JSON, ``{"seconds": s}``: work for so long, and answers with
what was done, in how much wall and processor time. So contestants can take turns, or work at once.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from functools import partial

import torch

from meta_bandit import GaussianBandit
from meta_bandit.agents.a2c import Trainer
from meta_bandit.agents.config import CONFIGURATIONS
from meta_bandit.agents.training import keep_memory

LIFETIME = 100
CONFIG = CONFIGURATIONS["plain"]
UNITS, LIVES = CONFIG.units, CONFIG.lives
PULLS = LIFETIME * LIVES
"""Of one agent in one update."""

Work = tuple[Callable[[], object], float]
"""A call and how much it does: environment steps, or floating-point operations."""


def ours(agents: int, native: bool = False) -> Work:
    """The package's trainer, with the network in PyTorch or compiled from C."""
    keep_memory()
    task = GaussianBandit([2.0] * agents, 2.0, LIFETIME)
    trainer = Trainer(task, range(agents), CONFIG, torch.device("cpu"), native=native)
    number = iter(range(10**9))
    return lambda: trainer.update(next(number) % CONFIG.updates), agents * PULLS


def plain(agents: int) -> Work:
    """The unrolled loop under autograd; one agent."""
    from benchmarks.peer_autograd import PlainTrainer

    trainer = PlainTrainer(GaussianBandit(2.0, 2.0, LIFETIME), CONFIG)
    number = iter(range(10**9))
    return lambda: trainer.update(next(number) % CONFIG.updates), PULLS


def jitted(agents: int) -> Work:
    """The JAX trainer."""
    from benchmarks.peer_jax import RECIPES, JaxTrainer

    trainer = JaxTrainer([2.0] * agents, [2.0] * agents, RECIPES["plain"], at_once=5)
    return trainer.train, 5 * agents * PULLS


def large_product(agents: int) -> Work:
    """A product of large square matrices: the float32 rate of the cores."""
    size = 1536
    a, b, c = (torch.rand(size, size) for _ in range(3))
    return lambda: torch.mm(a, b, out=c), 2.0 * size**3


def own_products(agents: int) -> Work:
    """The products of one pull alone, at their shapes: what is left if all else were free."""
    rows, columns = 5 + UNITS, 4 * UNITS + 2
    z = torch.rand(agents, rows, LIVES)
    weights = torch.rand(agents, rows, columns)
    slope = torch.rand(agents, columns, LIVES)
    gates, heads, dh = torch.rand(agents, 4 * UNITS, LIVES), slope[:, :2].clone(), z[:, 5:].clone()
    gradient = torch.zeros_like(weights)

    def update() -> None:
        for _ in range(LIFETIME):
            pull()

    def pull() -> None:
        torch.bmm(weights[..., :-2].transpose(1, 2), z, out=gates)
        torch.bmm(weights[:, 4:, -2:].transpose(1, 2), z[:, 4:], out=heads)
        torch.bmm(weights[:, 5:], slope, out=dh)
        gradient.baddbmm_(z, slope.transpose(1, 2))

    return update, agents * PULLS * flops_per_pull(UNITS)


def flops_per_pull(units: int) -> float:
    """Floating-point operations of the products of one environment step, forward and backward."""
    rows, gates, heads = 5 + units, 4 * units, 2
    forward = rows * gates + (1 + units) * heads
    backward = units * (gates + heads) + rows * (gates + heads)
    return 2.0 * (forward + backward)


KINDS: dict[str, Callable[[int], Work]] = {
    "ours": ours,
    "native": partial(ours, native=True),
    "plain": plain,
    "jax": jitted,
    "large product": large_product,
    "own products": own_products,
}


def main() -> None:
    """Warm up, say so, then work as told until the input ends."""
    kind, agents, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    with torch.inference_mode(kind != "plain"):
        call, amount = KINDS[kind](agents)
        call()
        print(json.dumps({"ready": True}), flush=True)
        for line in sys.stdin:
            seconds = json.loads(line)["seconds"]
            calls, began, cpu = 0, time.perf_counter(), time.process_time()
            while (elapsed := time.perf_counter() - began) < seconds:
                call()
                calls += 1
            answer = {
                "amount": calls * amount,
                "seconds": elapsed,
                "processor_seconds": time.process_time() - cpu,
                "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            }
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
