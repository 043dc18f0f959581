"""Anchors are for good: the kept list, and where old addresses lead."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from playwright.sync_api import Browser

from book.pages.anchors import complaints, read_kept
from tests.book.pages import HTML, ROOT, page

Make = Callable[..., "CompletedProcess[str]"]
KEPT = read_kept((ROOT / "book" / "anchors.txt").read_text())


def test_the_list_is_read() -> None:
    text = "# words\n\nbook/a.html#x\nbook/a.html#y -> book/b.html#z\n"
    assert read_kept(text) == {"book/a.html#x": "", "book/a.html#y": "book/b.html#z"}


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        ({"a.html#x": "", "a.html#y": ""}, "a.html#y was published, but no page has it: bring it"),
        ({}, "a.html#x is new: add the line a.html#x to book/anchors.txt"),
        (
            {"a.html#x": "", "a.html#w": "a.html#v"},
            "a.html#w is said to have moved to a.html#v, w",
        ),
        ({"a.html#x": "a.html#x"}, "a.html#x is said to have moved to a.html#x, but a page still"),
    ],
)
def test_what_is_wrong_is_named(kept: dict[str, str], message: str) -> None:
    (only,) = complaints(kept, {"a.html#x"})
    assert only.startswith(message)


def test_a_statement_without_a_label_is_asked_for_one() -> None:
    (only,) = complaints({}, {"a.html#theorem-3"})
    assert only.startswith("a.html#theorem-3 has no label: give it one")
    assert list(complaints({"a.html#x": "", "a.html#y": "a.html#x"}, {"a.html#x"})) == []


@pytest.mark.skipif(not HTML.is_dir(), reason="no book: run make book PROFILE=smoke")
@pytest.mark.parametrize("address", KEPT)
def test_every_anchor_that_was_published_is_there_or_leads_on(address: str) -> None:
    name, _, fragment = (KEPT[address] or address).partition("#")
    assert fragment in page(name).ids


def test_a_section_is_listed_only_once_it_has_moved() -> None:
    kept, there, section = (
        {"a.html#x": "", "a.html#part": "b.html#part"},
        {"a.html#x"},
        "b.html#part",
    )
    assert list(complaints(kept, there, {section})) == []
    (lost,) = complaints(kept, there)
    assert lost == "a.html#part is said to have moved to b.html#part, which no page has"
    (still,) = complaints(kept, there, {section, "a.html#part"})
    assert still == "a.html#part is said to have moved to b.html#part, but a page still has it"


def test_an_anchor_that_vanishes_ends_the_build(mini: Path, make: Make) -> None:
    kept = mini / "book" / "anchors.txt"
    lines = kept.read_text().replace("book/first.html#prop-line\n", "", 1)
    kept.write_text(lines + "book/second.html#thm-lost\n")
    done = make(mini, "book")
    assert done.returncode != 0
    assert "book/second.html#thm-lost was published, but no page has it" in done.stderr
    assert "book/first.html#prop-line is new: add the line" in done.stderr


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("book/first.html#prop-straight", "book/first.html#prop-line"),
        ("book/second.html#eq-moved", "book/first.html#equation-eq-line"),
        ("book/gone.html#prop-old", "book/first.html#prop-line"),
    ],
)
def test_an_old_address_leads_to_the_new_one(
    browser: Browser, mini_built: Path, old: str, new: str
) -> None:
    html = mini_built / "_build" / "smoke" / "html"
    tab = browser.new_page()
    tab.goto(f"{html.as_uri()}/{old}")
    tab.wait_for_url(f"{html.as_uri()}/{new}")
    assert tab.locator(f"[id='{new.partition('#')[2]}']").is_visible()
    tab.close()


def test_without_a_script_a_page_that_is_gone_has_links(mini_built: Path) -> None:
    text = (mini_built / "_build" / "smoke" / "html" / "book" / "gone.html").read_text()
    assert re.search(r'<a [^>]*href="first.html#prop-line"[^>]*>prop-old</a>', text)
