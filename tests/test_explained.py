"""Stored files explain themselves: read with xarray, safetensors and NumPy alone, not our package.

What an agent's file says of its weights is followed here to the letter, and the agent lives again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray
from safetensors import safe_open

RESULTS = Path(__file__).parents[1] / "book" / "results"
DATASETS = sorted(path.name for path in RESULTS.glob("*.nc"))
AGENTS = sorted(path.name for path in RESULTS.glob("*.safetensors"))
Floats = NDArray[np.float64]


def opened(name: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays of a file of agents, and what it says of them."""
    with safe_open(RESULTS / name, "numpy") as file:
        arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        return arrays, json.loads(file.metadata()["about"])


def texts(about: object) -> Iterator[str]:
    """All strings in what JSON can say."""
    if isinstance(about, str):
        yield about
    elif isinstance(about, dict | list):
        for part in about.values() if isinstance(about, dict) else about:
            yield from texts(part)


@pytest.mark.parametrize("name", DATASETS)
def test_a_dataset_says_what_it_is_and_where_it_comes_from(name: str) -> None:
    dataset = xr.open_dataset(RESULTS / name, engine="scipy")
    about = dataset.attrs
    keys = {"Conventions", "title", "summary", "license", "references", "comment", "sha256"}
    keys |= {"meta_bandit", "commit", "date", "torch", "device", "wall_seconds"}
    assert keys - about.keys() == set()
    assert [key for key, value in about.items() if value == ""] == []
    for variable in dataset.variables.values():
        assert {"units", "long_name"} <= variable.attrs.keys(), variable
    assert "lives" not in about or "config.lives" in about["comment"]
    assert "mean" not in about or about["mean_units"] == "reward"
    assert about.get("resumed", 0) == 0 or "session" in about.get("wall_seconds_comment", "all")


def test_what_could_be_misread_is_told_apart() -> None:
    plane = xr.open_dataset(RESULTS / "plane.nc", engine="scipy")
    for name, said in (
        ("expected_return", "in place of the rewards"),
        ("exploration", "those lives alone that end on the safe arm"),
        ("optimal_pulls", "posterior mean"),
        ("diverged_at", "-1: never"),
        ("curve_return", "moves from 0 to that of the task"),
        ("regret", "T max(mu, 0) - mu N"),
    ):
        assert said in plane[name].attrs["comment"]
    assert "standard error" in plane.exploration_se.attrs["long_name"]
    assert "sampled" in plane.exploration_sampled.attrs["long_name"]
    forage = xr.open_dataset(RESULTS / "forage.nc", engine="scipy")
    assert {"recipe", "lifetime", "places", "far", "seed"} <= forage.coords.keys()


@pytest.mark.parametrize("name", DATASETS)
def test_a_dataset_has_a_digest_that_anyone_can_check(name: str) -> None:
    content = (RESULTS / name).read_bytes()
    digest = xr.open_dataset(RESULTS / name, engine="scipy").attrs["sha256"].encode()
    assert content.count(digest) == 1
    blank = content.replace(digest, b"0" * 64)
    assert hashlib.sha256(blank).hexdigest().encode() == digest


@pytest.mark.parametrize("name", AGENTS)
def test_agents_say_what_they_are_and_where_they_come_from(name: str) -> None:
    arrays, about = opened(name)
    came = about["curve"]
    keys = {"meta_bandit", "commit", "date", "torch", "device", "wall_seconds"}
    assert keys - came.keys() == set()
    assert re.fullmatch("[0-9a-f]{40}", came["commit"])
    assert {"title", "license", "references"} <= about.keys()
    assert not any(text.startswith(("{", "[")) for text in texts(about)), "JSON within JSON"
    layout, shape = about["layout"], arrays["weights"].shape
    for axis, parts in ((1, layout["rows"]), (2, layout["columns"])):
        places = [place for start, stop in parts.values() for place in range(start, stop)]
        assert sorted(places) == list(range(shape[axis]))
    assert len(layout["x"]) == layout["rows"]["x"][1]
    assert {"reward_unit", "time", "world", "step", "act"} <= layout.keys()
    known = {key.removeprefix("curve.") for key in arrays if key.startswith("curve.")}
    for key in known | about["task"].keys():
        assert {"units", "long_name"} <= about["meanings"][key].keys(), key


def test_the_generalists_say_their_stages_and_their_hazard_as_data() -> None:
    for name in ("every-lifetime", "every-task", "every-death"):
        stages = opened(f"{name}.safetensors")[1]["curve"]["stages"]
        assert stages[0]["updates"] > 0
    arrays, about = opened("every-death.safetensors")
    lifetimes = np.array(about["task"]["lifetime"])
    assert 1 / lifetimes.mean(axis=1) == pytest.approx(arrays["curve.hazard"], rel=0.01)


class Network:
    """An agent, played as its file says; lives are columns of no array, but rows."""

    def __init__(self, weights: Floats, layout: dict[str, Any], lives: int) -> None:
        rows, columns = layout["rows"], layout["columns"]
        self.gates = {gate: weights[:, slice(*columns[gate])] for gate in "oifg"}
        first, last = columns["logits"][0], columns["value"][1]
        self.heads = weights[rows["one"][0] : rows["h"][1], first:last]
        self.h = self.c = np.zeros((lives, rows["h"][1] - rows["h"][0]))

    def logits(self, x: Floats) -> Floats:
        one = np.ones((len(x), 1))
        z = np.hstack([x, one, self.h])
        o, i, f = (1 / (1 + np.exp(-z @ self.gates[gate])) for gate in "oif")
        self.c = f * self.c + i * np.tanh(z @ self.gates["g"])
        self.h = o * np.tanh(self.c)
        return np.asarray((np.hstack([one, self.h]) @ self.heads)[:, :-1])


def clock(formula: str) -> Callable[[int, float], float]:
    """Make a function of the formula for the time that stands in a file."""
    text = formula.partition(" of the life")[0].replace("2 t", "2 * t").replace("ln", "np.log")
    return eval(f"lambda t, T: {text}", {"np": np, "max": max})  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("across", {"sigma_p": 1.2, "seed": 3}),
        ("across-direct", {"sigma_p": 1.2, "seed": 7}),
        ("lifetimes-elapsed", {"lifetime": 50, "seed": 1}),
        ("lifetimes-remaining", {"lifetime": 20, "seed": 2}),
    ],
)
def test_an_agent_of_the_bandit_lives_again_in_numpy(name: str, labels: dict[str, float]) -> None:
    dataset = xr.open_dataset(RESULTS / f"{name}.nc", engine="scipy")
    axes = ["sigma_p", "sigma_l", "lifetime", "seed"]
    stacked = dataset.transpose(*axes, ...).stack(agent=axes)
    chosen = np.logical_and.reduce([stacked[key] == value for key, value in labels.items()])
    (agent,) = np.flatnonzero(chosen)
    arrays, about = opened(f"{name}.safetensors")
    sigma_p, sigma_l, T, mean = (about["task"][key][agent] for key in (*axes[:3], "mean"))
    assert arrays["seeds"][agent] == labels["seed"]
    layout, lives, rng = about["layout"], 4000, np.random.default_rng(0)
    assert layout["reward_unit"].startswith("sqrt(mean^2 + sigma_p^2 + sigma_l^2) of the task")
    unit, time = np.sqrt(mean**2 + sigma_p**2 + sigma_l**2), clock(layout["time"])
    network = Network(arrays["weights"][agent].astype(float), layout, lives)
    mu = rng.normal(mean, sigma_p, lives)
    risky, pulls, x = np.zeros(lives, bool), np.zeros(lives), np.zeros((lives, 4))
    for t in range(T):
        x[:, 3] = time(t, T)
        risky = network.logits(x)[:, 0] > 0
        pulls += risky
        x[:, 0] = risky * rng.normal(mu, sigma_l) / unit
        x[:, 1], x[:, 2] = risky, ~risky
    found = stacked.isel(agent=agent)
    safe = ~risky
    for values, measure in (
        (mu * pulls, "expected_return"),
        (T * np.maximum(mu, 0) - mu * pulls, "regret"),
        (pulls, "risky_pulls"),
        (pulls[safe], "exploration"),
        (safe, "ends_safe"),
    ):
        error = np.hypot(values.std() / np.sqrt(values.size), found[f"{measure}_se"])
        assert abs(values.mean() - found[measure]) < 4 * error, measure
    assert found.ends_safe > 0.1, "an agent that never learned shows nothing"


def test_one_that_is_told_its_task_lives_again_in_numpy() -> None:
    dataset = xr.open_dataset(RESULTS / "every-task.nc", engine="scipy")
    arrays, about = opened("every-task.safetensors")
    layout, lives, rng = about["layout"], 4000, np.random.default_rng(0)
    assert layout["x"][4:] == ["ln(sigma_p/|mean|)", "ln(sigma_l/|mean|)", "ln(T/100)"]
    assert layout["reward_unit"].endswith("of the task that is played")
    time = clock(layout["time"])
    for number in range(9, 100, 30):
        found = dataset.isel(agent=1, task=number)
        sigma_p, sigma_l, mean = (float(found[key]) for key in ("sigma_p", "sigma_l", "mean"))
        T = int(found.lifetime)
        told = [np.log(sigma_p / abs(mean)), np.log(sigma_l / abs(mean)), np.log(T / 100)]
        network = Network(arrays["weights"][1].astype(float), layout, lives)
        mu = rng.normal(mean, sigma_p, lives)
        pulls, x = np.zeros(lives), np.zeros((lives, 7))
        x[:, 4:] = told
        for t in range(T):
            x[:, 3] = time(t, T)
            risky = network.logits(x)[:, 0] > 0
            pulls += risky
            x[:, 0] = risky * rng.normal(mu, sigma_l) / np.sqrt(mean**2 + sigma_p**2 + sigma_l**2)
            x[:, 1], x[:, 2] = risky, ~risky
        error = np.hypot((mu * pulls).std() / np.sqrt(lives), found.expected_return_se)
        assert abs((mu * pulls).mean() - found.expected_return) <= 4 * error


@pytest.mark.parametrize("recipe", ["default", "direct", "shared"])
def test_agents_of_many_arms_live_again_in_numpy(recipe: str) -> None:
    dataset = xr.open_dataset(RESULTS / "many-arms.nc", engine="scipy")
    kept = dataset.isel(agent=np.flatnonzero(dataset.recipe == recipe))
    arrays, about = opened(f"many-arms-{recipe}.safetensors")
    task, layout = about["task"], about["layout"]
    agent, lives, rng = 9, 500, np.random.default_rng(0)
    arms, sigma_p, sigma_l, T, mean, safe = (
        np.ravel(task[key])[agent if np.size(task[key]) > 1 else 0].item()
        for key in ("arms", "sigma_p", "sigma_l", "lifetime", "mean", "safe")
    )
    assert layout["reward_unit"].startswith(
        "sqrt((mean - safe)^2 + safe^2 + sigma_p^2 + sigma_l^2)"
    )
    unit, time = (
        np.sqrt((mean - safe) ** 2 + safe**2 + sigma_p**2 + sigma_l**2),
        clock(layout["time"]),
    )
    mu = np.hstack([np.full((lives, 1), safe), rng.normal(mean, sigma_p, (lives, arms - 1))])
    noise, each = np.append(0, np.full(arms - 1, sigma_l)), np.arange(lives)
    own = layout["act"].startswith("each arm has its own x, h and c")
    assert (
        own == (recipe == "shared") == ("not pulled yet has ln(number of these)" in layout["act"])
    )
    network = Network(arrays["weights"][agent].astype(float), layout, lives * (arms if own else 1))
    last, total, tried = np.zeros((lives, arms)), np.zeros(lives), np.zeros((lives, arms), bool)
    paid = np.zeros(lives)
    for t in range(T):
        now = np.full((lives, 1), time(t, T))
        if own:
            # rows: all arms of the first life, then those of the next
            first = np.tile(np.eye(arms)[0], (lives, 1))
            other = (1 - last) * (t > 0)
            parts = (
                last * paid[:, None],
                last,
                other,
                now + 0 * last,
                first,
                paid[:, None] + 0 * last,
            )
            logits = network.logits(np.stack(parts, axis=-1).reshape(lives * arms, -1))
            logits = logits.reshape(lives, arms)
            untried = ~tried & (np.arange(arms) > 0)
            together = np.log(np.maximum(untried.sum(axis=1, keepdims=True), 1))
            arm = (logits + untried * together).argmax(axis=1)
        else:
            arm = network.logits(np.hstack([paid[:, None], last, now])).argmax(axis=1)
        total += mu[each, arm]
        tried[each, arm] = True
        last = np.eye(arms)[arm]
        paid = rng.normal(mu[each, arm], noise[arm]) / unit
    for values, measure in ((total, "expected_return"), (tried[:, 1:].sum(1), "greedy_tried")):
        stored = kept.isel(agent=agent)
        error = np.hypot(values.std() / np.sqrt(lives), stored[f"{measure}_se"])
        assert abs(values.mean() - stored[measure]) <= 4 * error, measure


@pytest.mark.parametrize("recipe", ["led", "direct"])
def test_foragers_live_again_in_numpy_and_earn_what_is_stored(recipe: str) -> None:
    dataset = xr.open_dataset(RESULTS / "forage.nc", engine="scipy")
    kept = dataset.isel(agent=np.flatnonzero((dataset.recipe == recipe) & (dataset.kept == 1)))
    arrays, about = opened(f"forage-{recipe}.safetensors")
    task, layout = about["task"], about["layout"]
    assert layout["reward_unit"].startswith("far of the task")
    assert layout["logits"] == ["up", "right", "down", "left"]
    time, same = clock(layout["time"]), []
    for agent in range(0, len(arrays["seeds"]), 4):
        T, places = task["lifetime"][agent], task["places"][agent]
        far, near, size = (task[key][agent] for key in ("far", "near", "size"))
        h = (size - 1) // 2
        hiding = [(2 * h, h), (2 * h, 2 * h), (h, 2 * h), (0, 2 * h), (0, h)][:places]
        network = Network(arrays["weights"][agent].astype(float), layout, places)
        x, total = np.zeros((places, len(layout["x"]))), 0.0
        at = [(h, 0)] * places
        for t in range(T):
            x[:, 5] = time(t, T)
            x[:, 6:] = 0
            x[np.arange(places), [6 + place[1] * size + place[0] for place in at]] = 1
            moves = network.logits(x).argmax(axis=1)
            x[:] = 0
            for life, move in enumerate(moves):
                step = ((0, 1), (1, 0), (0, -1), (-1, 0))[move]
                x_, y_ = (
                    min(max(old + by, 0), size - 1) for old, by in zip(at[life], step, strict=True)
                )
                paid = near * ((x_, y_) == (0, 0)) + far * ((x_, y_) == hiding[life])
                at[life] = (h, 0) if paid else (x_, y_)
                x[life, 0], x[life, 1 + move] = paid / far, 1
                total += paid / places
        same.append(np.isclose(total, kept["return"].values[agent], rtol=1e-9))
    # another processor may round a close call to the other side
    assert np.mean(same) >= 0.75


@pytest.mark.parametrize("recipe", ["direct", "led", "free"])
def test_agents_of_dark_rooms_live_again_in_numpy(recipe: str) -> None:
    dataset = xr.open_dataset(RESULTS / "treasure-room.nc", engine="scipy")
    kept = dataset.isel(agent=np.flatnonzero(dataset.recipe == recipe))
    arrays, about = opened(f"treasure-room-{recipe}.safetensors")
    task, layout = about["task"], about["layout"]
    # of the last room, which is the plain one where there are two
    agent, lives, rng = len(arrays["seeds"]) - 1, 300, np.random.default_rng(0)
    T, low, high, treasures, size, steps = (
        np.ravel(task[key])[agent if np.size(task[key]) > 1 else 0].item()
        for key in ("lifetime", "low", "high", "treasures", "size", "steps")
    )
    assert layout["reward_unit"].startswith("sqrt((low^2 + low high + high^2)/3)")
    assert layout["logits"] == ["stay", "up", "right", "down", "left"]
    unit, time = np.sqrt((low**2 + low * high + high**2) / 3), clock(layout["time"])
    row = {said: number for number, said in enumerate(layout["x"])}
    place = rng.integers(0, size, (lives, treasures, 2))
    worth = rng.uniform(low, high, (lives, treasures))
    network = Network(arrays["weights"][agent].astype(float), layout, lives)
    each, paid, moves = np.arange(lives), np.zeros(lives), None
    total, entered = np.zeros(lives), np.zeros((lives, size, size), bool)
    for t in range(T):
        if t % steps == 0:
            at = np.full((lives, 2), size // 2)
            taken = np.zeros((lives, treasures), bool)
        x = np.zeros((lives, len(row)))
        x[:, 0], x[:, row["time"]] = paid / unit, time(t, T)
        if moves is not None:
            x[each, 1 + moves] = 1
        for name, values in (("x", at[:, 0]), ("y", at[:, 1]), ("step of the episode", t % steps)):
            x[each, row[f"{name} is 0: 1, else 0"] + values] = 1
        moves = network.logits(x).argmax(axis=1)
        by = np.array([(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)])[moves]
        at = np.clip(at + by, 0, size - 1)
        here = (place == at[:, None]).all(axis=2) & ~taken
        paid = (here * worth).sum(axis=1)
        taken |= here
        entered[each, at[:, 0], at[:, 1]] = True
        total += paid
    for values, measure in ((total, "return"), (entered.sum((1, 2)), "greedy_seen")):
        stored = kept.isel(agent=agent)
        error = np.hypot(values.std() / np.sqrt(lives), stored[f"{measure}_se"])
        assert abs(values.mean() - stored[measure]) <= 4 * error, measure


def test_the_five_lines_of_the_readme_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(RESULTS)
    text = Path("README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        assert len(block.splitlines()) <= 5
        exec(block, {})
    files = {path.name for path in RESULTS.iterdir()} - {"README.md"}
    assert {name for name in files if f"`{name}`" not in text} == set()
