"""The built book in Chromium, served on this machine, with every other host out of reach."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab
from pybtex.database import parse_string

from tests.book.chromium import Visit, visit
from tests.book.pages import HTML, ROOT, toc_pages

PAGES = toc_pages()


@pytest.fixture(scope="module", params=PAGES)
def page(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Visit]:
    seen = visit(browser, f"{address}/{request.param}")
    seen.tab.evaluate("async () => { if (window.MathJax) await MathJax.startup.promise }")
    yield seen
    seen.tab.close()


def test_the_page_loads_from_this_host_alone(page: Visit, address: str) -> None:
    assert page.status == 200
    assert page.tab.locator("h1").first.inner_text()
    host = urlsplit(address).netloc
    elsewhere = [url for url in page.requests if urlsplit(url).netloc not in (host, "")]
    assert page.requests
    assert elsewhere == []


def test_nothing_is_wrong_in_the_console(page: Visit) -> None:
    assert page.errors == []


def test_all_maths_is_typeset(page: Visit) -> None:
    counts = page.tab.evaluate(
        """() => {
            const all = [...document.querySelectorAll("article .math")];
            const walker = document.createTreeWalker(
                document.querySelector("article"), NodeFilter.SHOW_TEXT);
            const raw = [];
            while (walker.nextNode()) {
                const node = walker.currentNode;
                if (node.parentElement.closest("pre, code, script, style, mjx-container")) continue;
                if (/\\$\\$|\\\\\\(|\\\\\\[/.test(node.data)) raw.push(node.data);
            }
            return {
                maths: all.length,
                plain: all.filter(e => !e.querySelector("mjx-container")).map(e => e.textContent),
                broken: document.querySelectorAll("[data-mml-node=merror], mjx-merror").length,
                raw,
            };
        }"""
    )
    source = ROOT / urlsplit(page.tab.url).path.lstrip("/").replace(".html", ".md")
    if "$" in source.read_text():
        assert counts["maths"] > 0
    assert (counts["plain"], counts["broken"], counts["raw"]) == ([], 0, [])


def test_all_figures_are_there(page: Visit) -> None:
    images = page.tab.locator("article img")
    sources = images.evaluate_all("all => all.map(image => image.src)")
    images.evaluate_all("all => Promise.all(all.map(image => image.decode()))")
    widths = images.evaluate_all("all => all.map(image => image.naturalWidth)")
    assert len(widths) == len(sources)
    assert all(width > 0 for width in widths), dict(zip(sources, widths, strict=True))


def test_the_theme_toggle_goes_through_light_and_dark(page: Visit) -> None:
    shades = {}
    for _ in range(3):
        page.tab.locator(".theme-switch-button").first.click()
        theme = page.tab.evaluate("document.documentElement.dataset.theme")
        colour = page.tab.evaluate("getComputedStyle(document.body).backgroundColor")
        # "rgb(r, g, b)"
        shades[theme] = sum(map(int, colour[4:-1].split(",")[:3]))
    assert set(shades) == {"light", "dark"}
    assert shades["dark"] < 200 < shades["light"]


def test_search_finds_posterior(browser: Browser, address: str) -> None:
    seen = visit(browser, f"{address}/search.html?q=posterior")
    results = seen.tab.locator("#search-results li a")
    results.first.wait_for()
    found = results.evaluate_all("all => all.map(link => new URL(link.href).pathname)")
    assert "/book/optimal-exploration.html" in found
    assert seen.errors == []
    assert all(urlsplit(url).netloc == urlsplit(address).netloc for url in seen.requests)
    seen.tab.close()


THEOREM = "book/the-edge.html"


def pasted(tab: Tab) -> str:
    """What a reader gets who pastes somewhere else."""
    tab.evaluate("document.body.append(document.createElement('textarea'))")
    field = tab.locator("textarea").last
    field.focus()
    tab.keyboard.press("Control+V")
    return field.input_value()


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_a_click_copies_each_citation(browser: Browser, address: str, scheme: str) -> None:
    site = address if scheme == "http" else HTML.as_uri()
    seen = visit(browser, f"{site}/{THEOREM}#thm-edge")
    line = seen.tab.locator("#thm-edge > .cite")
    line.locator("summary").click()
    copied = []
    for text, button in zip(
        line.locator("pre").all(), line.locator("button.copybtn").all(), strict=True
    ):
        button.click()
        copied.append(pasted(seen.tab))
        assert copied[-1].strip() == (text.text_content() or "").strip()
    (entry,) = parse_string(copied[0], "bibtex").entries.values()
    assert entry.fields["url"].endswith("book/the-edge.html#thm-edge")
    assert json.loads(copied[1])[0]["title"] == "The edge (theorem thm-edge)"
    assert copied[2].startswith("TY  - ")
    # browsers refuse, and say so, to preload the theme's fonts from a disk
    assert scheme == "file" or seen.errors == []
    seen.tab.close()


def test_a_citation_is_copied_with_the_keyboard_alone(browser: Browser, address: str) -> None:
    seen = visit(browser, f"{address}/{THEOREM}")
    seen.tab.locator("[id='equation-eq-edge'] + .cite .permalink").focus()
    seen.tab.locator("button.copybtn").first.wait_for(state="attached")
    for pressed in ("Tab", "Enter", "Tab", "Enter"):
        seen.tab.keyboard.press(pressed)
    assert seen.tab.evaluate("getComputedStyle(document.activeElement).opacity") == "1"
    assert "equation-eq-edge" in pasted(seen.tab)
    seen.tab.close()


def test_a_citation_needs_no_script_and_is_not_printed(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{address}/{THEOREM}")
    line = tab.locator("#thm-edge > .cite")
    assert not line.locator("pre").first.is_visible()
    line.locator("summary").click()
    assert line.locator("pre").first.is_visible()
    line.locator("pre").first.click()
    tab.emulate_media(media="print")
    assert not line.is_visible()
    context.close()
    # one click selects all of it, for those whose browser copies nothing for them
    seen = visit(browser, f"{address}/{THEOREM}")
    line = seen.tab.locator("#thm-edge > .cite")
    line.locator("summary").click()
    line.locator("pre").first.click()
    selected = seen.tab.evaluate("getSelection().toString()")
    assert selected.startswith("@misc{")
    assert selected.strip().endswith("}")
    seen.tab.close()
