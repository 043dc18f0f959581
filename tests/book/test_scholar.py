"""What each page tells search engines, reference managers and link previews."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from book.pages.cite import Book
from book.pages.scholar import citation_tags
from tests.book.pages import HTML, ROOT, toc_pages

built = pytest.mark.skipif(not HTML.is_dir(), reason="no book: run make book PROFILE=smoke")
PAGES = toc_pages()
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())


class Head(HTMLParser):
    """The title and the tags of a page's head."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: dict[str, list[str]] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or given.get("property")
        if tag == "meta" and name:
            self.tags.setdefault(name, []).append(given.get("content") or "")


def head(html: Path) -> Head:
    return Head(html.read_text(encoding="utf-8"))


@built
@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_it_is(page: str) -> None:
    tags = head(HTML / page).tags
    source = (ROOT / page).with_suffix(".md")
    title = re.search(r"^# (.+)$", source.read_text(), re.M)[1]  # type: ignore[index]
    is_book = page == PAGES[0]
    assert tags["og:title"] == [title.replace("'", "’")]
    assert tags["citation_title"] == [CITATION["title"] if is_book else tags["og:title"][0]]
    assert tags.get("citation_inbook_title") == (None if is_book else [CITATION["title"]])
    assert tags["citation_publication_date"] == [f"{CITATION['date-released']:%Y/%m/%d}"]
    assert tags["citation_author"] == [author["name"] for author in CITATION["authors"]]
    (description,) = tags["description"]
    assert 40 < len(description) <= 200
    assert tags["og:description"] == [description]
    # the page's own picture where it has one, and in any case one that is there, and no SVG
    assert tags["og:image"][0].endswith(".png")
    assert (HTML / urlsplit(tags["og:image"][0]).path.lstrip("/")).is_file()


@built
def test_no_two_pages_have_the_same_description() -> None:
    said = [head(HTML / page).tags["description"][0] for page in PAGES]
    assert len(set(said)) == len(said)


@built
def test_without_a_base_address_there_is_no_sitemap() -> None:
    given = yaml.safe_load((ROOT / "_config.yml").read_text())["html"].get("baseurl")
    assert (HTML / "sitemap.xml").exists() == bool(given)


def test_people_and_dates_are_written_as_scholar_wants_them() -> None:
    people = ({"family-names": "Noether", "given-names": "Emmy"}, {"name": "A group"})
    book = Book("A book", "1.0", date(1918, 7, 26), people)
    assert citation_tags(book, "Invariants", is_book=False) == [
        ("citation_title", "Invariants"),
        ("citation_inbook_title", "A book"),
        ("citation_author", "Noether, Emmy"),
        ("citation_author", "A group"),
        ("citation_publication_date", "1918/07/26"),
        ("citation_language", "en"),
    ]


def test_with_a_base_address_all_addresses_are_complete(tmp_path: Path) -> None:
    # the extension reads what is beside it: here a book without results
    shutil.copytree(ROOT / "book" / "pages", tmp_path / "book" / "pages")
    shutil.copytree(ROOT / "book" / "run", tmp_path / "book" / "run")
    shutil.copy(ROOT / "CITATION.cff", tmp_path)
    (tmp_path / "book" / "anchors.txt").touch()
    (tmp_path / "part").mkdir()
    (tmp_path / "index.md").write_text(
        "# A book\n\nWhat it is about is told in this paragraph of ten & more words.\n\n"
        "```{toctree}\npart/one\n```\n"
    )
    (tmp_path / "part" / "one.md").write_text("# One\n\nShort.\n")
    (tmp_path / "conf.py").write_text(
        'extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_proof", '
        '"book.pages.sphinx_ext"]\n'
        'ogp_image = "_static/exploration-map.png"\n'
        'html_theme = "basic"\nhtml_baseurl = "https://example.org/book/"\n'
    )
    command = [sys.executable, "-m", "sphinx", "-q", str(tmp_path), str(tmp_path / "html")]
    subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": ""}, check=True)
    tags = head(tmp_path / "html" / "part" / "one.html").tags
    address = "https://example.org/book/part/one.html"
    assert tags["og:url"] == tags["citation_public_url"] == [address]
    assert tags["og:image"] == ["https://example.org/book/_static/exploration-map.png"]
    (first,) = head(tmp_path / "html" / "index.html").tags["description"]
    assert first.startswith("What it is about is told in this paragraph of ten & more words.")
    found = ElementTree.parse(tmp_path / "html" / "sitemap.xml").getroot()
    assert [entry[0].text for entry in found] == ["https://example.org/book/index.html", address]
