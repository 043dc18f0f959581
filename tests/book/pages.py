"""The built book as its readers get it: which pages it has, and what their HTML says."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
REAL = "BOOK_HTML" in os.environ
"""Whether this is a book that somebody reads, not the smoke book that `make test` makes."""
HTML = ROOT / os.environ.get("BOOK_HTML", "_build/smoke/html")


def toc_pages() -> list[str]:
    """Address of every page in the table of contents, relative to the site."""

    def files(entry: object) -> list[str]:
        if isinstance(entry, list):
            return [name for item in entry for name in files(item)]
        if isinstance(entry, dict):
            own = [str(entry[key]) for key in ("root", "file") if key in entry]
            return own + [name for value in entry.values() for name in files(value)]
        return []

    return [f"{name}.html" for name in files(yaml.safe_load((ROOT / "_toc.yml").read_text()))]


@dataclass
class Page(HTMLParser):
    """What one page's HTML holds, without a browser."""

    address: str
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    images: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed((HTML / self.address).read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in ("script", "img", "iframe", "source") and "src" in given:
            self.loads.append(given["src"])
        if tag == "link" and given.get("rel") in ("stylesheet", "preload", "icon"):
            self.loads.append(given["href"])
        if tag == "img":
            self.images.append(given)


@cache
def page(address: str) -> Page:
    """A page, read once."""
    return Page(address)
