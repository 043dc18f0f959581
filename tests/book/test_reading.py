"""Can everyone read it? With axe-core, by keyboard, on a phone, over a slow line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Response
from playwright.sync_api import Page as Tab

from tests.book.pages import REAL, ROOT, toc_pages

PAGES = [*toc_pages(), "search.html", "genindex.html", "prf-prf.html"]
OF_EACH_KIND = ("index", "the-bandit", "explorer", "reference/lives", "genindex")
"""A look at the other pages is slow."""
LOOKS = [("light", 1280), ("dark", 360), ("light", 360), ("dark", 1280)]
WCAG_AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}
"""The rules among them that look at colours: nothing else hangs on the theme."""


def looks() -> Iterator[Any]:
    """Every look at each page of the real book; of the smoke book's, one each, in turn.

    The smoke book's pages differ from the real one's in nothing but what was computed, and one look
    with all rules takes up to twenty seconds.
    """
    for turn, page in enumerate(PAGES):
        for theme, width in LOOKS if REAL else [LOOKS[turn % len(LOOKS)]]:
            rules = COLOURS if REAL and theme == "dark" else WCAG_AA
            slow = page.removeprefix("book/").removesuffix(".html") not in OF_EACH_KIND
            marks, name = [pytest.mark.slow] * slow, f"{page}-{theme}-{width}"
            yield pytest.param(page, theme, width, rules, marks=marks, id=name)


def open_page(tab: Tab, url: str) -> None:
    tab.goto(url, wait_until="load")
    tab.evaluate("async () => { if (window.MathJax) await MathJax.startup.promise }")
    # what is folded has to be as readable as the rest
    tab.evaluate(
        """async () => {
            for (const part of document.querySelectorAll("details")) part.open = true;
            for (const part of document.querySelectorAll(".toggle-button-hidden")) part.click();
            await Promise.all(document.getAnimations().map(moving => moving.finished));
        }"""
    )


@pytest.mark.parametrize(("page", "theme", "width", "rules"), list(looks()))
def test_axe_finds_nothing_and_nothing_sticks_out(
    browser: Browser,
    address: str,
    page: str,
    theme: Literal["light", "dark"],
    width: int,
    rules: dict[str, list[str]],
) -> None:
    reader = browser.new_page(color_scheme=theme, viewport={"width": width, "height": 740})
    open_page(reader, f"{address}/{page}")
    # thousands of letters drawn as paths; the text that stands for each formula is looked at
    context = {"exclude": ["mjx-container svg"]}
    found: list[Any] = Axe().run(reader, context, rules).response["violations"]
    assert [(rule["id"], node["html"]) for rule in found for node in rule["nodes"]] == []
    assert reader.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # the page could also hide what sticks out: then it is lost to the reader
    lost = reader.evaluate(
        """() => [...document.querySelectorAll("article *")].filter(part => {
            const box = part.getBoundingClientRect();
            if (!box.width || box.right <= innerWidth + 1) return false;
            for (let up = part; up.tagName !== "ARTICLE"; up = up.parentElement)
                if (/auto|scroll/.test(getComputedStyle(up).overflowX)) return false;
            return true;
        }).map(part => part.closest("p")?.textContent.slice(0, 60) + part.outerHTML.slice(0, 90))"""
    )
    assert lost == []
    reader.close()


def test_axe_is_able_to_find_something(browser: Browser) -> None:
    tab = browser.new_page()
    tab.set_content("<html lang=en><title>x</title><img src=''><p style='color:#ccc'>pale</p>")
    found = Axe().run(tab, options=WCAG_AA).response["violations"]
    assert {rule["id"] for rule in found} == {"color-contrast", "image-alt"}
    tab.close()


@pytest.mark.parametrize(("width", "bar"), [(390, 6), (1280, 0)])
def test_a_formula_wider_than_a_phone_scrolls_visibly(
    browser: Browser, width: int, bar: int
) -> None:
    tab = browser.new_page(viewport={"width": width, "height": 740})
    styles = "".join(
        (ROOT / "book/assets" / name).read_text() for name in ("book.css", "theme.css")
    )
    wide = "<svg style='width: 600px; height: 40px; vertical-align: top'></svg>"
    formula = f"<mjx-container display='true' style='display: block'>{wide}</mjx-container>"
    tab.set_content(f"<!doctype html><style>{styles}</style><article>{formula}</article>")
    seen = tab.evaluate(
        """() => {
            const part = document.querySelector("mjx-container");
            const style = getComputedStyle(part, "::-webkit-scrollbar");
            return [part.scrollWidth > part.clientWidth, style.height,
                    document.documentElement.scrollWidth <= innerWidth];
        }"""
    )
    assert seen[0] == (width < 600)
    assert (seen[1] == f"{bar}px") == (bar > 0)
    assert seen[2]
    tab.close()


def test_the_keyboard_alone_is_enough(browser: Browser, address: str) -> None:
    tab = browser.new_page(viewport={"width": 1280, "height": 740})
    # long enough that the focus stays within it
    open_page(tab, f"{address}/book/optimal-exploration.html")
    tab.keyboard.press("Tab")
    skip = tab.locator("*:focus")
    assert "skip to main content" in skip.inner_text().lower()
    # it slides in
    tab.wait_for_function("document.activeElement.getBoundingClientRect().top >= 0")
    tab.keyboard.press("Enter")
    assert tab.evaluate("location.hash") == "#main-content"
    seen = set()
    for _ in range(40):
        tab.keyboard.press("Tab")
        focus = tab.evaluate(
            """() => {
                const part = document.activeElement, style = getComputedStyle(part);
                const shown = style.outlineStyle !== "none" || style.boxShadow !== "none";
                return [part.tagName, shown, part.outerHTML.slice(0, 120)];
            }"""
        )
        assert focus[1], f"nothing shows that this has the focus: {focus[2]}"
        seen.add(focus[0])
    assert {"A", "SUMMARY"} <= seen
    tab.close()


def test_what_is_folded_opens_by_keyboard(browser: Browser, address: str) -> None:
    tab = browser.new_page()
    tab.goto(f"{address}/book/the-bandit.html", wait_until="load")
    for folded, fold, inside in (
        ("details.provenance", "summary", "dl"),
        ("div.solution", "button.toggle-button", "section"),
    ):
        part = tab.locator(folded).first
        assert not part.locator(inside).first.is_visible()
        part.locator(fold).focus()
        tab.keyboard.press("Enter")
        part.locator(inside).first.wait_for(state="visible")
    tab.close()


def test_the_first_page_is_light_and_quick(
    browser: Browser,
    address: str,
    record_property: Callable[[str, float], None],
) -> None:
    tab = browser.new_page(viewport={"width": 1280, "height": 740})
    responses: list[Response] = []
    # a list's own method has no room for what Playwright keeps on a listener
    tab.on("response", lambda response: responses.append(response))
    tab.goto(f"{address}/{PAGES[0]}", wait_until="networkidle")
    sizes = {response.url: len(response.body()) for response in responses}
    assert f"{address}/{PAGES[0]}" in sizes
    assert sum(sizes.values()) < 1_000_000, sizes
    assert not [url for url in sizes if "explorer" in url or "vendor/plot" in url]
    painted = [math.inf]
    # the best of some: a test machine has other things to do, too
    while min(painted) >= 1000 and len(painted) < 30:
        tab.reload(wait_until="networkidle")
        painted.append(
            tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        )
    record_property("first-contentful-paint-ms", min(painted))
    print(f"first page: {sum(sizes.values()):,} bytes, content after {min(painted):.0f} ms")
    assert min(painted) < 1000
    tab.close()
