"""The built book's HTML, read without a browser."""

from __future__ import annotations

import re
from io import BytesIO
from urllib.parse import unquote, urljoin, urlsplit

import nbformat
import numpy as np
import pytest
from PIL import Image

from book.pages.downloads import first_figure
from meta_bandit.theory import symbolic
from tests.book.pages import HTML, ROOT, page, toc_pages

pytestmark = pytest.mark.skipif(
    not HTML.is_dir(), reason=f"no book in {HTML.relative_to(ROOT)}: run make book PROFILE=smoke"
)
PAGES = toc_pages()
HERE = "http://book/"


def inside(address: str, link: str) -> tuple[str, str] | None:
    """File and fragment that a link on a page leads to, or nothing if it leaves the book."""
    parts = urlsplit(urljoin(HERE + address, link))
    if parts.netloc != "book":
        return None
    return unquote(parts.path.lstrip("/")), unquote(parts.fragment)


@pytest.mark.parametrize("address", PAGES)
def test_every_link_within_the_book_leads_somewhere(address: str) -> None:
    targets = {link: found for link in page(address).links if (found := inside(address, link))}
    assert targets
    for link, (file, fragment) in targets.items():
        assert (HTML / file).is_file(), link
        if fragment:
            assert fragment in page(file).ids, link


@pytest.mark.parametrize("address", PAGES)
def test_a_page_loads_only_files_of_the_book(address: str) -> None:
    assert page(address).loads
    for load in page(address).loads:
        found = inside(address, load)
        assert found, load
        assert (HTML / found[0]).is_file(), load


@pytest.mark.parametrize("address", PAGES)
def test_every_figure_says_in_words_what_it_shows(address: str) -> None:
    for image in page(address).images:
        words = image.get("alt", "")
        # left alone, MyST-NB gives the file's name
        assert len(words.split()) > 2, f"{image['src']}: alternative text {words!r}"
        assert image["src"] not in words


@pytest.mark.parametrize("address", PAGES)
def test_every_figure_is_drawn_by_lines_light_and_with_text_as_large_as_the_page_s(
    address: str,
) -> None:
    for image in page(address).images:
        found = inside(address, image["src"])
        assert found
        assert found[0].endswith(".svg")
        drawing = (HTML / found[0]).read_text()
        # maps and clouds of points are pictures inside it
        assert len(drawing) < 500_000, image["alt"]
        (points,) = re.findall(r'<svg[^>]* width="([\d.]+)pt"', drawing)
        assert float(points) < 72 * 6.1, image["alt"]


@pytest.mark.parametrize("address", PAGES)
def test_the_executed_notebook_can_be_downloaded(address: str) -> None:
    name = address.removesuffix(".html")
    source = f"_sources/{name}.ipynb"
    if "kernelspec:" not in (ROOT / f"{name}.md").read_text():
        pytest.skip("a plain page")
    assert source in {found[0] for link in page(address).links if (found := inside(address, link))}
    notebook = nbformat.read(HTML / source, as_version=4)
    assert any(cell.get("execution_count") for cell in notebook.cells)
    # a warning in a page is nothing that its reader could act on
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", ()))
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []


@pytest.mark.parametrize("address", PAGES)
def test_every_label_in_the_text_is_an_anchor_in_the_page(address: str) -> None:
    text = (ROOT / address).with_suffix(".md").read_text()
    proofs = re.findall(r"^[:`]{3,}\{prf:\w+\}.*\n(?::.*\n)*?:label: (\S+)", text, re.MULTILINE)
    equations = re.findall(r"\$\$ *\(([\w-]+)\)", text)
    equations += re.findall(r"\{math\}\n:label: (\S+)", text)
    figures = re.findall(r"^ {4}name: (fig-\S+)", text, re.MULTILINE)
    anchors = {*proofs, *figures, *(f"equation-{label}" for label in equations)}
    assert anchors <= page(address).ids


def test_the_front_door_leads_to_the_first_page() -> None:
    assert f"url={PAGES[0]}" in (HTML / "index.html").read_text()


def test_every_proved_result_is_stated_once_in_the_book() -> None:
    for result in symbolic.RESULTS:
        label = result.__name__.replace("_", "-")
        assert sum(label in page(address).ids for address in PAGES) == 1, label


def test_the_readme_shows_the_front_page_s_figure() -> None:
    executed = HTML.parent / "executed" / "index.ipynb"
    made = Image.open(BytesIO(first_figure(executed))).convert("L")
    kept = Image.open(ROOT / "book" / "assets" / "exploration-map.png").convert("L")
    assert made.size == kept.size, "make readme-figure"
    # other processors may draw a line's edge a shade lighter
    assert np.abs(np.subtract(made, kept, dtype=float)).mean() < 0.5, "make readme-figure"
