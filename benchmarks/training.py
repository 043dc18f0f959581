"""Measure how fast agents are trained, against peers in the same run.

    python -m benchmarks.training                 # rates, profile, memory: some 6 minutes
    python -m benchmarks.training --quick         # the same, shorter: for trying
    python -m benchmarks.training quality         # time to 95% of the Bayes-optimal return
    python -m benchmarks.training returns         # what trained agents earn, beside the optima
    python -m benchmarks.training gpu             # the paper's figure on one GPU

prints a table and writes its own section of ``benchmarks/results/training.json``, with machine,
versions, date and spread, after every round. ``make peers`` installs what the JAX peer needs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.contestant import CONFIG, LIFETIME, LIVES, UNITS, flops_per_pull
from benchmarks.machine import machine
from meta_bandit import GaussianBandit
from meta_bandit.agents import train
from meta_bandit.agents.a2c import Trainer
from meta_bandit.agents.rollout import BanditRollout
from meta_bandit.files import write_atomically

RESULTS = Path(__file__).parent / "results" / "training.json"
ENSEMBLES = (1, 8, 25)
PLAIN_BAR = 10.0
"""Times plain autograd's rate, whatever the ensemble."""
JAX_BARS = {1: 2.0, 8: 3.0, 25: 2.0}
"""Times the rate of the JAX peer with as many agents."""
MEMORY_BAR = 2e9
PACKAGES = ("torch", "numpy", "meta-bandit", "jax", "gymnax", "optax")
GPU_BARS = {"seconds": 600.0, "peak_bytes": 100e9}
HAVE_JAX = all(find_spec(name) for name in ("jax", "gymnax", "optax"))

Answer = dict[str, float]


class Contestant:
    """A trainer, in one process or in several that share the agents and work at once."""

    def __init__(self, kind: str, agents: int, processes: int = 1, threads: int = 1) -> None:
        self.kind, self.agents = kind, agents
        self.processes, self.threads = processes, threads
        shares = [len(part) for part in np.array_split(range(agents), processes)]
        # whoever asks for one thread gets one core's worth from every library
        limit = {} if kind == "jax" else {"OMP_NUM_THREADS": str(threads)}
        self._children = [
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.contestant", kind, str(share), str(threads)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).resolve().parents[1],
                env=os.environ | limit,
            )
            for share in shares
        ]
        self._answers()  # ready

    def work(self, seconds: float) -> Answer:
        """Work for so long; returns the rate, cores kept busy and the most memory so far."""
        for child in self._children:
            assert child.stdin is not None
            child.stdin.write(json.dumps({"seconds": seconds}) + "\n")
            child.stdin.flush()
        answers = self._answers()
        took = max(answer["seconds"] for answer in answers)
        return {
            "rate": sum(answer["amount"] / answer["seconds"] for answer in answers),
            "cores": sum(answer["processor_seconds"] for answer in answers) / took,
            "peak_bytes": sum(answer["peak_bytes"] for answer in answers),
        }

    def _answers(self) -> list[Answer]:
        lines = [child.stdout.readline() for child in self._children if child.stdout]
        if not all(lines):
            raise RuntimeError(f"the benchmark's process for {self.kind} died: see above")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """End its processes."""
        for child in self._children:
            child.terminate()
            child.wait()


def summary(values: Sequence[float]) -> dict[str, object]:
    """Median and spread."""
    return {
        "median": float(np.median(values)),
        "lowest": min(values),
        "highest": max(values),
        "repeats": len(values),
    }


def rates(repeats: int, seconds: float) -> None:
    """Let all trainers work in turns, round after round, and write what is known after each."""
    wanted: list[tuple[str, int, int, int]] = []  # kind, agents, processes, threads
    for agents in ENSEMBLES:
        wanted += [("ours", agents, 1, 1), ("ours", agents, 1, 2)]
        wanted += [("native", agents, 1, 1), ("native", agents, 1, 2)]
        wanted += [(kind, agents, 2, 1) for kind in ("ours", "native") if agents > 1]
        wanted += [("jax", agents, 1, 1)] if HAVE_JAX else []
        wanted += [("own products", agents, min(2, agents), 1)]
    wanted += [("plain", 1, 1, 1), ("plain", 1, 1, 2), ("large product", 2, 2, 1)]
    everyone = [Contestant(*each) for each in tqdm(wanted, desc="starting", disable=None)]
    before = machine(*PACKAGES)
    measured: list[list[Answer]] = [[] for _ in everyone]
    try:
        for _ in tqdm(range(repeats), desc="rounds", disable=None):
            for contestant, answers in zip(everyone, measured, strict=True):
                answers.append(contestant.work(seconds))
            rows: list[dict[str, Any]] = [
                {
                    "kind": contestant.kind,
                    "agents": contestant.agents,
                    "processes": contestant.processes,
                    "threads": "all cores" if contestant.kind == "jax" else contestant.threads,
                    "rate": summary([answer["rate"] for answer in answers]),
                    "cores": summary([answer["cores"] for answer in answers]),
                    "peak_bytes": max(answer["peak_bytes"] for answer in answers),
                }
                for contestant, answers in zip(everyone, measured, strict=True)
            ]
            about = {"lifetime": LIFETIME, "lives": LIVES, "units": UNITS, "seconds": seconds}
            store("rates", before, about | {"rows": rows, "bars": against_bars(rows)})
    finally:
        for contestant in everyone:
            contestant.close()
    for row in rows:
        spread, product = row["rate"], "product" in str(row["kind"])
        unit, size = ("GFLOP/s", 1e9) if product else ("thousand steps/s", 1e3)
        low, mid, high = (spread[k] / size for k in ("lowest", "median", "highest"))
        print(
            f"{row['kind']:<14}{row['agents']:>3} agents {row['processes']} x {row['threads']!s:<9}"
            f"{mid:>8.0f} {unit} ({low:.0f} to {high:.0f}), "
            f"{row['cores']['median']:.2f} cores"
        )
    for bar in against_bars(rows):
        show(bar)


def against_bars(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    """Compare medians: our better way of using the cores with each peer's better way."""

    def best(kind: str, agents: int) -> float:
        found = [row for row in rows if (row["kind"], row["agents"]) == (kind, agents)]
        return max((row["rate"]["median"] for row in found), default=float("nan"))

    bars: list[dict[str, object]] = []
    for agents in ENSEMBLES:
        rate = max(best("ours", agents), best("native", agents))
        flops = rate * flops_per_pull(UNITS)
        for what, measured, least in (
            ("times plain autograd", rate / best("plain", 1), PLAIN_BAR),
            ("times JAX", rate / best("jax", agents), JAX_BARS[agents]),
            ("share of the float32 matrix rate", flops / best("large product", 2), 0.5),
            ("share of its own products' rate", flops / best("own products", agents), None),
        ):
            known = bool(np.isfinite(measured))
            bars.append(
                {
                    "what": f"{agents:>2} agents: {what}",
                    "measured": measured if known else "not measured: make peers",
                    "bar": least,
                    "met": None if least is None or not known else measured >= least,
                }
            )
    return bars


def profile(agents: int, updates: int) -> None:
    """Say where the time of an update goes, on one thread: by part, and by kind of operation."""
    task = GaussianBandit([2.0] * agents, 2.0, LIFETIME)
    with torch.inference_mode():
        torch.set_num_threads(1)
        trainer = Trainer(task, range(agents), CONFIG, torch.device("cpu"))
        trainer.update(0)
        lives = trainer.lives
        assert isinstance(lives, BanditRollout)
        parts: dict[str, Callable[[], object]] = {
            "random numbers": lambda: (
                lives.noise.draw(1, 0),
                lives.draw_arms(1, lives.mean),
            ),
            "random numbers, network and world": lambda: lives.play(1),
            "loss": lambda: trainer.loss_slope(torch.tensor(0.01)),
            "backward": lambda: trainer.net.backward(
                trainer.heads_slope, CONFIG.backpropagation_clip
            ),
            "update": lambda: trainer.update(1),
        }
        milliseconds = {}
        for name, call in parts.items():
            took = []
            for _ in range(updates):
                began = time.perf_counter()
                call()
                took.append(time.perf_counter() - began)
            milliseconds[name] = float(np.median(took)) * 1e3
        activities = [torch.profiler.ProfilerActivity.CPU]
        with torch.profiler.profile(activities=activities) as profiler:
            began = time.perf_counter()
            for _ in range(updates):
                trainer.update(1)
            wall = time.perf_counter() - began
    kinds = {
        "products": ("aten::bmm", "aten::baddbmm_", "aten::mm", "aten::addmm"),
        "sigmoid": ("aten::sigmoid_", "aten::sigmoid"),
    }
    microseconds = dict.fromkeys((*kinds, "other operations"), 0.0)
    counts = dict.fromkeys(microseconds, 0)
    for event in profiler.key_averages():
        if event.self_cpu_time_total:
            kind = next((k for k, names in kinds.items() if event.key in names), "other operations")
            microseconds[kind] += event.self_cpu_time_total
            counts[kind] += event.count
    shares = {kind: spent / wall / 1e6 for kind, spent in microseconds.items()}
    shares["between operations"] = 1 - sum(shares.values())
    record = {
        "agents": agents,
        "milliseconds": milliseconds,
        "shares": shares,
        "operations_an_update": {kind: count / updates for kind, count in counts.items()},
        "note": "shares are of the time under the profiler, which itself takes some",
    }
    store("profile", machine(*PACKAGES), record)
    print(f"profile of {agents} agents, one thread, ms:", pretty(milliseconds))
    print("shares under the profiler:", pretty(shares))


def memory(updates: int) -> None:
    """Most memory that all processes of the quick sweep hold at once, shared pages counted once."""
    code = (
        "import sys; from dataclasses import replace; from pathlib import Path\n"
        "from meta_bandit.studies import STUDIES, run\n"
        "quick = STUDIES['quick']; updates = int(sys.argv[2])\n"
        "short = replace(quick, config=replace(quick.config, updates=updates))\n"
        "run(short, Path(sys.argv[1]), 'cpu', workers=2)"
    )
    peak = 0
    with tempfile.TemporaryDirectory() as folder:
        arguments = [sys.executable, "-c", code, f"{folder}/quick.nc", str(updates)]
        with subprocess.Popen(arguments) as process:
            while process.poll() is None:
                peak = max(peak, family_bytes(process.pid))
                time.sleep(0.1)
    if process.returncode:
        raise RuntimeError("the quick sweep failed: see above")
    bar = {
        "what": "memory of the quick sweep, bytes",
        "measured": peak,
        "bar": MEMORY_BAR,
        "met": peak < MEMORY_BAR,
        "workers": 2,
        # the curves, the only thing that grows with them, take 20 bytes an agent and update
        "updates": updates,
    }
    store("memory", machine(*PACKAGES), bar)
    show(bar)


def family_bytes(process: int) -> int:
    """Memory of a process and its descendants: each page divided among those who share it."""
    total = 0
    with contextlib.suppress(OSError, IndexError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8").splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
        children = Path(f"/proc/{process}/task").glob("*/children")
        total += sum(
            family_bytes(int(child))
            for path in children
            for child in path.read_text(encoding="utf-8").split()
        )
    return total


def gpu(agents: int, updates: int) -> None:
    """Train the paper's figure at once: 20 x 20 tasks, 5 seeds."""
    command = "python -m benchmarks.training gpu"
    about: dict[str, object] = {"agents": agents, "updates": updates, "command": command}
    if not torch.cuda.is_available():
        about["measured"] = "not measured: torch finds no CUDA here"
        store("gpu", machine(*PACKAGES), about)
        print(f"gpu: not measured: torch finds no CUDA here; measure it with: {command}")
        return
    side, seeds = int(np.sqrt(agents / 5)), np.arange(5)
    sigma_p, sigma_l = np.linspace(0.2, 4.0, side), np.geomspace(0.1, 16.0, side)
    grid = np.meshgrid(sigma_p, sigma_l, seeds, indexing="ij")
    task = GaussianBandit(grid[0].ravel(), grid[1].ravel(), LIFETIME)
    torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    trained = train(task, grid[2].ravel().tolist(), replace(CONFIG, updates=updates), "cuda")
    measured = {
        "seconds": time.perf_counter() - began,
        "peak_bytes": torch.cuda.max_memory_allocated(),
    }
    bars = [
        {"what": f"gpu: {name}", "measured": value, "bar": GPU_BARS[name],
         "met": value < GPU_BARS[name]}
        for name, value in measured.items()
    ]  # fmt: skip
    attributes = {name: str(value) for name, value in trained.curve.attrs.items()}
    device = torch.cuda.get_device_name()
    store("gpu", machine(*PACKAGES), about | {"device": device, "bars": bars, "run": attributes})
    for bar in bars:
        show(bar)


def show(bar: Mapping[str, Any]) -> None:
    """Print one measurement beside its bar."""
    measured = bar["measured"]
    text = f"{measured:.3g}" if isinstance(measured, int | float) else str(measured)
    mark = {True: "", False: "   MISSED", None: ""}[bar["met"]]
    print(f"{bar['what']:<48} {text:>10} {'' if bar['bar'] is None else bar['bar']:>8}{mark}")


def pretty(values: Mapping[str, float]) -> str:
    """Name and number, one after the other."""
    return ", ".join(f"{name} {value:.3g}" for name, value in values.items())


def store(section: str, where: Mapping[str, object], content: Mapping[str, object]) -> None:
    """Replace one section of the results; the others stay as they were measured."""
    RESULTS.parent.mkdir(exist_ok=True)
    record = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    record[section] = {"machine": where, **content}
    write_atomically(RESULTS, (json.dumps(record, indent=2) + "\n").encode())


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parts = ["rates", "quality", "returns", "gpu"]
    parser.add_argument("what", nargs="?", default="rates", choices=parts)
    parser.add_argument("--quick", action="store_true", help="shorter, for trying")
    parser.add_argument(
        "--cap", type=float, default=240.0, help="quality: training seconds for each task and peer"
    )
    chosen = parser.parse_args()
    if chosen.what == "quality":
        from benchmarks.quality import quality

        section, where = "quality", machine(*PACKAGES)
        quality(chosen.cap, lambda content: store(section, where, content))
    elif chosen.what == "returns":
        from benchmarks.returns import CONFIG as COMPANION
        from benchmarks.returns import returns

        where, config = machine(*PACKAGES), COMPANION
        if chosen.quick:
            config = replace(config, updates=20)
        lives = 5_000 if chosen.quick else 50_000
        for bar in returns(config, lives, lambda content: store("returns", where, content)):
            show(bar)
    elif chosen.what == "gpu":
        gpu(*((20, 20) if chosen.quick else (2000, 2400)))
    else:
        rates(*((2, 0.3) if chosen.quick else (9, 1.0)))
        profile(8, 3 if chosen.quick else 10)
        memory(5)
        if not torch.cuda.is_available():
            gpu(2000, 2400)  # says that it is not measured


if __name__ == "__main__":
    main()
