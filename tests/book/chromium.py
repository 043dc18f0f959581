"""Chromium, and what one look at a page brings to light."""

from __future__ import annotations

from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler

from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@dataclass
class Visit:
    """What one look at a page brought to light."""

    tab: Tab
    status: int
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Leave the tests' output to the tests."""


def visit(browser: Browser, url: str) -> Visit:
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    seen = Visit(tab, status=0)
    tab.on("request", lambda request: seen.requests.append(request.url))
    tab.on("pageerror", lambda error: seen.errors.append(str(error)))
    tab.on("console", lambda said: said.type == "error" and seen.errors.append(said.text))
    response = tab.goto(url, wait_until="load")
    seen.status = response.status if response else 0
    return seen
