"""The explorer in Chromium: its numbers against Python, its address, its controls."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, expect
from playwright.sync_api import Page as Tab

from meta_bandit import GaussianBandit
from meta_bandit.theory import (
    bayes_optimal,
    commit_value,
    critical_lifetime,
    critical_sigma_l,
    edge,
    gain,
    local_optima,
    optimal_commit,
    stopping_critical_sigma_l,
)
from tests.book.chromium import Visit, visit
from tests.book.pages import ROOT

VENDOR = ROOT / "book" / "assets" / "vendor"
SETTINGS = 50


@pytest.fixture(scope="module")
def explorer(address: str) -> str:
    return f"{address}/book/explorer.html"


@pytest.fixture(scope="module")
def seen(browser: Browser, explorer: str) -> Iterator[Visit]:
    found = visit(browser, explorer)
    yield found
    found.tab.close()


@pytest.fixture
def tab(browser: Browser, explorer: str) -> Iterator[Tab]:
    fresh = browser.new_page(viewport={"width": 1280, "height": 900})
    fresh.goto(explorer)
    yield fresh
    fresh.close()


@pytest.fixture(scope="module")
def tasks() -> GaussianBandit:
    """Random settings over all that the sliders reach."""
    rng = np.random.default_rng(7)

    def between(low: float, high: float) -> np.ndarray:
        return np.exp(rng.uniform(np.log(low), np.log(high), SETTINGS))

    return GaussianBandit(
        between(0.1, 10), between(0.01, 100), np.rint(between(2, 1000)), -between(0.2, 2)
    )


def in_javascript(tasks: GaussianBandit) -> list[dict[str, float]]:
    columns = (tasks.sigma_p, tasks.sigma_l, tasks.lifetime, tasks.mean)
    names = ("sigma_p", "sigma_l", "T", "m")
    broadcast = (np.broadcast_to(column, tasks.shape).tolist() for column in columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*broadcast, strict=True)]


def run(seen: Visit, body: str, *arguments: object) -> object:
    """Give what a function of ``t``, the page's theory, returns; numbers as JSON has them."""
    return seen.tab.evaluate(f"a => (({body})(window.explorerTheory, ...a))", list(arguments))


def close(ours: object, right: object, relative: float, absolute: float = 0.0) -> None:
    np.testing.assert_allclose(np.array(ours, dtype=float), right, relative, absolute)


def test_what_is_shipped_is_what_was_published() -> None:
    lines = (VENDOR / "SHA256SUMS").read_text().splitlines()
    kept = dict(reversed(line.split()) for line in lines)
    assert set(kept) == {path.name for path in VENDOR.iterdir() if path.suffix in (".js", ".css")}
    for name, digest in kept.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name
        assert name in (VENDOR / "SOURCES.txt").read_text()


def test_only_the_explorer_loads_its_library(browser: Browser, address: str, seen: Visit) -> None:
    first = visit(browser, f"{address}/book/index.html")
    assert not any("uPlot" in url for url in first.requests)
    assert any("uPlot" in url for url in seen.requests)
    first.tab.close()


def test_nothing_is_asked_of_other_hosts_and_nothing_is_wrong(seen: Visit, address: str) -> None:
    host = urlsplit(address).netloc
    assert {urlsplit(url).netloc for url in seen.requests} <= {host, ""}
    assert seen.errors == []


def test_the_settings_meet_every_case(tasks: GaussianBandit) -> None:
    pulls, _ = optimal_commit(tasks)
    predictable = (tasks.lifetime - 1) * gain(tasks.mean, tasks.sigma_p) <= np.abs(tasks.mean)
    assert min(np.sum(pulls > 1), np.sum(predictable), np.sum((pulls == 0) & ~predictable)) >= 5


def test_the_best_plan_agrees_with_python(seen: Visit, tasks: GaussianBandit) -> None:
    pulls, value = optimal_commit(tasks)
    best = run(seen, "(t, all) => all.map(t.optimalCommit)", in_javascript(tasks))
    assert [one["n"] for one in best] == pulls.tolist()
    scale = np.maximum(1, np.abs(value))
    close([one["value"] for one in best] / scale, value / scale, 0, 1e-9)


def test_the_page_shows_that_plan(seen: Visit, tasks: GaussianBandit) -> None:
    pulls, _ = optimal_commit(tasks)
    shown = run(
        seen,
        """(t, all) => all.map(task => {
            location.hash = new URLSearchParams(Object.entries(task));
            dispatchEvent(new HashChangeEvent("hashchange"));
            return Number(document.querySelector("[data-is=n]").textContent);
        })""",
        in_javascript(tasks),
    )
    assert shown == pulls.tolist()
    assert seen.errors == []


def test_values_agree_to_nine_digits(seen: Visit, tasks: GaussianBandit) -> None:
    share = np.array([0, 1e-9, 1e-4, 0.01, 0.1, 0.5, 0.999, 1])
    pulls = share * tasks.lifetime[:, None]
    right = commit_value(tasks.per_life, pulls)
    ours = run(
        seen,
        "(t, all, ns) => all.map((task, i) => ns[i].map(n => t.value(task, n)))",
        in_javascript(tasks),
        pulls.tolist(),
    )
    scale = np.maximum(1, np.abs(right))
    close(ours / scale, right / scale, 0, 1e-9)


def test_values_agree_where_numbers_vanish(seen: Visit) -> None:
    extreme = GaussianBandit([1e-3, 0.02, 0.3, 5.0], [1.0, 1e4, 1e-4, 1e3], 10**7, [-1, -2, -1, -1])
    pulls = np.array([1e-6, 1.0, 1e3, 1e6])
    right = commit_value(extreme.per_life, pulls)
    body = "(t, all, ns) => all.map(task => ns.map(n => t.value(task, n)))"
    ours = run(seen, body, in_javascript(extreme), pulls.tolist())
    scale = np.maximum(1, np.abs(right))
    close(ours / scale, right / scale, 0, 1e-9)


def test_local_optima_agree(seen: Visit, tasks: GaussianBandit) -> None:
    right = local_optima(tasks)
    ours = run(seen, "(t, all) => all.map(t.localOptima)", in_javascript(tasks))
    there = ~np.isnan(right.interior_pulls)
    assert [one is not None for one in ours] == there.tolist()
    found = [one for one in ours if one is not None]
    close([one["interior"]["n"] for one in found], right.interior_pulls[there], 1e-7)
    close([one["interior"]["value"] for one in found], right.interior_value[there], 1e-9, 1e-9)
    close([one["barrier"]["n"] for one in found], right.barrier_pulls[there], 1e-7)


def test_the_two_cases_agree(seen: Visit, tasks: GaussianBandit) -> None:
    predictable = (tasks.lifetime - 1) * gain(tasks.mean, tasks.sigma_p) <= np.abs(tasks.mean)
    given = in_javascript(tasks)
    assert run(seen, "(t, all) => all.map(t.predictable)", given) == predictable.tolist()
    shortest = np.array(run(seen, "(t, all) => all.map(t.criticalLifetime)", given), dtype=float)
    # what no exact whole number can say is infinite in Python
    close(np.where(shortest < 2.0**53, shortest, np.inf), critical_lifetime(tasks), 1e-9)


def test_the_edges_agree(seen: Visit, tasks: GaussianBandit) -> None:
    given = in_javascript(tasks)
    call = "(t, all) => all.map(({{sigma_p, T, m}}) => t.{}(sigma_p, T, m))"
    close(run(seen, call.format("commitEdge"), given), critical_sigma_l(tasks), 1e-6, 1e-9)
    # the closed form, at places that Python's parameter z gives
    z = np.linspace(0.8, 5, 20)
    curve = edge(z, 100, -1.0)
    places = in_javascript(GaussianBandit(curve.sigma_p, 1.0, 100))
    close(run(seen, call.format("closedFormEdge"), places), curve.sigma_l, 1e-9)


def test_the_stopping_edge_is_the_table_s(seen: Visit) -> None:
    beyond = seen.tab.evaluate("explorer.stopping_edge.log_beyond")
    limit = run(seen, "t => t.predictableUpTo(100, -1)")
    places = GaussianBandit(limit * (1 + np.exp(beyond)), 1.0, 100)
    call = "(t, all) => all.map(({sigma_p, T, m}) => t.stoppingEdge(sigma_p, T, m))"
    close(run(seen, call, in_javascript(places)), stopping_critical_sigma_l(places), 1e-5)


def test_the_stopping_policy_agrees(seen: Visit, tasks: GaussianBandit) -> None:
    few = tasks[tuple(np.nonzero(tasks.lifetime <= 150))]
    right = bayes_optimal(few)
    body = """(t, all) => all.map(task => {
        const {thresholds, value} = t.stopping(task);
        return {thresholds: [...thresholds], value};
    })"""
    ours = run(seen, body, in_javascript(few))
    assert len(ours) > 20
    for i, one in enumerate(ours):
        scale = max(1, float(right.value[i]))
        close(one["value"] / scale, right.value[i] / scale, 0, 1e-6)
        own = right.thresholds[: int(few.lifetime[i]), i]
        close(one["thresholds"] / few.sigma_p[i], own / few.sigma_p[i], 0, 1e-5)


def test_simulated_lives_earn_what_theory_says(seen: Visit) -> None:
    body = """(t, task) => {
        const pulls = t.optimalCommit(task).n, {thresholds, value} = t.stopping(task);
        const lives = t.simulate(task, pulls, thresholds, 20000, 3);
        const earned = policy => lives.map(life => life[policy].earned);
        return [earned("committed"), earned("adaptive"), t.value(task, pulls), value];
    }"""
    (task,) = in_javascript(GaussianBandit([2.0], [4.0], 100))
    committed, adaptive, *exact = run(seen, body, task)
    for earned, right in zip((committed, adaptive), exact, strict=True):
        assert abs(np.mean(earned) - right) < 4 * np.std(earned) / np.sqrt(len(earned))
    # the policies differ by more than chance
    assert np.mean(np.subtract(adaptive, committed)) > 5


def numbers(tab: Tab) -> dict[str, str]:
    return {name: tab.locator(f"[data-is={name}]").inner_text() for name in ("n", "value", "bayes")}


def state(tab: Tab) -> dict[str, float]:
    return dict(json.loads(tab.locator("#explorer").get_attribute("data-shows") or "{}"))


def test_the_address_restores_a_point(browser: Browser, explorer: str) -> None:
    first = browser.new_page()
    first.goto(f"{explorer}#sigma_p=2&sigma_l=4&T=100&m=-1")
    assert numbers(first) == {"n": "7", "value": "17", "bayes": "27.6"}
    assert first.locator("#explorer-sigma_l").input_value() == "4"
    first.locator("#explorer-T").fill("50")
    first.locator("#explorer-T").press("Enter")
    first.wait_for_function("location.hash.includes('T=50')")
    second = browser.new_page()
    second.goto(first.url)
    assert state(second) == state(first)
    assert state(second)["T"] == 50
    assert numbers(second) == numbers(first)
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("sigma_l=500", "sigma_l = 500: must be a number from 0.01 to 100."),
        ("T=9.5", "T = 9.5: must be a whole number from 2 to 1000."),
        ("m=up", "m = up: must be a number from -2 to -0.2."),
        ("sigma_p=", "sigma_p = (empty): must be a number from 0.1 to 10."),
        ("sigma=1", "sigma = 1: there is no such field"),
    ],
)
def test_a_wrong_address_is_explained(
    browser: Browser, explorer: str, given: str, said: str
) -> None:
    tab = browser.new_page()
    tab.goto(f"{explorer}#{given}&seed=5")
    assert said in tab.locator("#explorer [role=alert]").inner_text()
    assert state(tab) == {"sigma_p": 1, "sigma_l": 1, "T": 100, "m": -1, "seed": 5}
    tab.close()


def test_a_wrong_number_is_explained(tab: Tab) -> None:
    tab.locator("#explorer-m").fill("1")
    tab.locator("#explorer-m").press("Enter")
    alert = tab.locator("#explorer [role=alert]")
    expect(alert).to_have_text(
        "m = 1: must be a number from -2 to -0.2. The page shows -1 instead."
    )
    assert tab.locator("#explorer-m").get_attribute("aria-invalid") == "true"
    tab.locator("#explorer-m").fill("-0.5")
    tab.locator("#explorer-m").press("Enter")
    expect(alert).to_be_empty()
    tab.wait_for_function("explorer.start.m !== JSON.parse("
                          "document.getElementById('explorer').dataset.shows).m")  # fmt: skip
    assert state(tab)["m"] == -0.5


@pytest.mark.parametrize("field", ["sigma_p", "sigma_l", "T", "m"])
def test_the_keyboard_moves_a_slider(tab: Tab, field: str) -> None:
    before = state(tab)[field]
    tab.locator(f"#explorer-{field}").focus()
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.id") == f"explorer-{field}-slider"
    tab.keyboard.press("ArrowRight")
    tab.wait_for_function("location.hash.includes('=')")
    assert before < state(tab)[field] < before + 1 + before * 0.1 * (before > 0)
    assert tab.locator(f"#explorer-{field}").input_value() == f"{state(tab)[field]:g}"


def test_a_click_on_the_map_chooses_the_task(tab: Tab) -> None:
    plot = tab.locator("#explorer .map .u-over")
    plot.scroll_into_view_if_needed()
    size = plot.bounding_box()
    assert size
    plot.click(position={"x": size["width"] * 0.75, "y": size["height"] * 0.5})
    tab.wait_for_function("location.hash.includes('=')")
    # the middle of two decades, and of four
    assert state(tab)["sigma_p"] == pytest.approx(10**0.5, rel=0.05)
    assert state(tab)["sigma_l"] == pytest.approx(1, rel=0.05)


def test_changes_are_announced_in_words(tab: Tab) -> None:
    verdict = tab.locator("#explorer [aria-live=polite]")
    expect(verdict).to_contain_text("explores for 2 pulls")
    for change, words in (
        ("sigma_p=0.4", "Case 1: do not learn, behaviour is predictable"),
        ("sigma_p=2&sigma_l=13", "Case 2: life is too short to explore and then commit"),
        ("sigma_p=2&sigma_l=90", "Case 2: do not learn, life is too short"),
    ):
        tab.evaluate("hash => { location.hash = hash }", change)
        expect(verdict).to_contain_text(words)
    labels = tab.locator("#explorer [role=img]").evaluate_all("all => all.map(e => e.ariaLabel)")
    assert len(labels) == 4
    assert all(labels)


def test_the_plots_follow_the_theme(tab: Tab) -> None:
    picture = "document.querySelector('#explorer .map canvas').toDataURL()"
    pictures = set()
    for theme in ("light", "dark"):
        tab.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        tab.evaluate("() => new Promise(requestAnimationFrame)")
        pictures.add(tab.evaluate(picture))
    assert len(pictures) == 2


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_on_a_phone(browser: Browser, explorer: str, theme: str) -> None:
    tab = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme=theme)
    tab.goto(f"{explorer}#T=1000&sigma_p=10&sigma_l=100")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    beyond = """[...document.querySelectorAll("#explorer *")]
        .filter(e => e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.outerHTML)"""
    assert tab.evaluate(beyond) == []
    tab.close()


def test_without_javascript_there_is_a_picture(browser: Browser, explorer: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(explorer)
    expect(tab.locator("#explorer")).to_contain_text("needs JavaScript")
    assert tab.locator("#fig-one-task img").bounding_box()
    context.close()
