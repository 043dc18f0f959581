"""The whole book to take away: as one PDF, and as a folder in a zip that is read without a server.

Chromium prints the PDF from the one page that Sphinx's builder ``singlehtml`` makes, so that it
shows what the website shows. Where there is no Chromium there is no PDF, and no link to one.

``python -m book.pages.downloads NOTEBOOK OUT.png`` copies a chapter's first figure, for the README.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import sys
import zipfile
from pathlib import Path

import nbformat
from playwright.sync_api import sync_playwright

from meta_bandit.files import write_atomically

NAME = "learning-not-to-learn"
FOLDER = "downloads"
"""Below the website's top folder."""

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

_PREPARE = Path(__file__).with_name("print.js").read_text(encoding="utf-8")
_FOOTER = (
    '<div style="width: 100%; font: 8px sans-serif; text-align: center">'
    '<span class="pageNumber"></span></div>'
)


def find_browser() -> str | None:
    """Find Chromium, or what ``CHROMIUM`` names: none if empty, FileNotFoundError if not there."""
    named = os.environ.get("CHROMIUM")
    found = next(filter(None, map(shutil.which, _BROWSERS if named is None else [named])), None)
    if named and not found:
        raise FileNotFoundError(f"CHROMIUM={named}: must name a browser, or be empty: no PDF then")
    return found


def print_pdf(single: Path, pdf: Path, browser: str) -> None:
    """Print, however long that takes, what ``singlehtml`` made, with bookmarks and tags."""
    # the page stands in a folder, as in the website, but names its files as if it did not
    page = single / "book.html"
    shutil.copy(single / "book" / "index.html", page)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=_FLAGS, timeout=0)
        tab = chromium.new_page(color_scheme="light")
        tab.goto(page.resolve().as_uri(), wait_until="load", timeout=0)
        tab.evaluate(_PREPARE)
        printed = tab.pdf(
            format="A4",
            margin={"top": "18mm", "bottom": "18mm", "left": "16mm", "right": "16mm"},
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=_FOOTER,
            outline=True,
            tagged=True,
        )
        chromium.close()
    # the time of printing, in a text of the same length: the same book gives the same bytes
    write_atomically(pdf, re.sub(rb"\(D:\d{14}", b"(D:19800101000000", printed))


def make_zip(site: Path, archive: Path) -> None:
    """Pack the website, the same files always into the same bytes; the archive may lie in it."""
    files = sorted(path for path in site.rglob("*") if path.is_file())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in files:
            # times of files stay out: by default an entry is of 1980
            entry = zipfile.ZipInfo(f"{NAME}/{path.relative_to(site)}")
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            packed.writestr(entry, path.read_bytes())


def first_figure(notebook: Path) -> bytes:
    """Give the first figure of an executed notebook, as PNG; ValueError if it holds none."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                return base64.b64decode(output["data"]["image/png"])
    raise ValueError(f"{notebook}: must hold a figure, and does not")


if __name__ == "__main__":
    write_atomically(Path(sys.argv[2]), first_figure(Path(sys.argv[1])))
