"""The book to take away holds the book."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
import zipfile
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from pypdf import PdfReader
from pypdfium2 import PdfDocument

from book.pages.downloads import find_browser, make_zip
from meta_bandit.theory import symbolic
from tests.book.pages import HTML, REAL, ROOT, toc_pages

built = pytest.mark.skipif(not HTML.is_dir(), reason="no book: run make book PROFILE=smoke")
NAME = "learning-not-to-learn"
PDF = HTML / "downloads" / f"{NAME}.pdf"
# a book that is read has one, where CI asks for a browser
printed = pytest.mark.skipif(
    not PDF.is_file() and not (REAL and os.environ.get("REQUIRE_BROWSER") == "1"),
    reason="no Chromium printed a PDF, or none was to: run make test-browser",
)


@cache
def texts() -> list[str]:
    return [page.get_textpage().get_text_range() for page in PdfDocument(PDF)]


def words(text: str) -> str:
    # some fonts have one glyph for f and i
    return " ".join(re.findall(r"[a-z]+", unicodedata.normalize("NFKC", text).lower()))


def titles() -> list[str]:
    sources = [(ROOT / page).with_suffix(".md") for page in toc_pages()]
    return [
        re.search(r"^# (.+)$", source.read_text(), re.M)[1]  # type: ignore[index]
        for source in sources
        if source.is_file()
    ]


@printed
def test_every_page_of_the_book_is_a_bookmark_that_leads_to_its_title() -> None:
    marks = [*PdfDocument(PDF).get_toc()]
    found = {mark.get_title().replace("’", "'"): mark for mark in marks if mark.level == 0}
    for title in titles():
        (name,) = (name for name in found if re.sub(r"^[\d.]+ ", "", name) == title)
        page = found[name].get_dest().get_index()
        assert page is not None
        assert words(title) in words(texts()[page]), title
    # and the sections of each chapter below it
    below = sum((mark.level, after.level) == (0, 1) for mark, after in pairwise(marks))
    assert below >= len(titles()) // 2


@printed
def test_the_pdf_is_the_whole_book() -> None:
    whole = " ".join(texts())
    assert len(texts()) > 30
    chapters = [(ROOT / page).with_suffix(".md") for page in toc_pages()]
    text = "\n".join(path.read_text() for path in chapters if path.is_file())
    names = re.findall(r"^`{3,}\{prf:(?:theorem|proposition)\} (.+)$", text, re.M)
    assert len(names) >= len(symbolic.RESULTS)
    for name in names:
        assert words(name) in words(whole), name
    # equations keep their numbers, one for each label
    numbers = set(re.findall(r"\(\d+\.\d+\)", whole))
    labels = set(re.findall(r"\$\$ *\(([\w-]+)\)|\{math\}\n:label: (\S+)", text))
    assert len(numbers) >= len(labels) > 0


@printed
def test_the_pdf_has_tags_and_no_links_to_this_machine() -> None:
    pdf = PdfReader(PDF)
    assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"]  # type: ignore[index]
    links = [
        str(note.get_object()["/A"]["/URI"])
        for page in pdf.pages
        for note in page.get("/Annots", [])
        if "/URI" in note.get_object().get("/A", {})
    ]
    assert links
    assert [link for link in links if not link.startswith(("http://", "https://"))] == []
    assert [link for link in links if "127.0.0.1" in link or "localhost" in link] == []


@built
def test_the_zip_is_the_website() -> None:
    with zipfile.ZipFile(HTML / "downloads" / f"{NAME}.zip") as packed:
        assert packed.testzip() is None
        held = {name: packed.read(name) for name in packed.namelist()}
    files = {
        f"{NAME}/{path.relative_to(HTML)}": path
        for path in HTML.rglob("*")
        if path.is_file() and path.suffix != ".zip"
    }
    assert sorted(held) == sorted(files)
    assert [name for name, path in files.items() if held[name] != path.read_bytes()] == []
    assert f"{NAME}/index.html" in held


def test_a_zip_does_not_tell_when_it_was_made(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    page = tmp_path / "site" / "index.html"
    page.write_text("a page")
    archives = [tmp_path / "a.zip", tmp_path / "b.zip"]
    make_zip(page.parent, archives[0])
    os.utime(page, (10**9, 10**9))
    make_zip(page.parent, archives[1])
    assert archives[0].read_bytes() == archives[1].read_bytes()


def test_who_prints_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "")
    assert find_browser() is None
    monkeypatch.setenv("CHROMIUM", "sh")
    assert find_browser() == shutil.which("sh")
    monkeypatch.setenv("CHROMIUM", "nowhere")
    with pytest.raises(FileNotFoundError, match="CHROMIUM=nowhere: must name a browser, or be"):
        find_browser()
