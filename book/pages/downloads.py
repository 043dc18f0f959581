"""The whole book to take away: as one PDF, and as a folder in a zip that is read without a server.

Chromium prints the PDF from the one page that Sphinx's builder ``singlehtml`` makes, so that it
shows what the website shows. Where there is no Chromium there is no PDF, and no link to one.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

from docutils import nodes
from playwright.sync_api import sync_playwright
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import relative_uri

from meta_bandit.files import write_atomically

NAME = "learning-not-to-learn"
FOLDER = "downloads"
"""Below the website's top folder."""

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

_PREPARE = """
async () => {
    await MathJax.startup.promise;
    const chapters = [...document.querySelectorAll("span[id^=document-]")];
    for (const [number, mark] of chapters.entries()) {
        const chapter = mark.nextElementSibling;
        // each chapter is a part of the first page; in the bookmarks they stand side by side
        for (const heading of chapter.querySelectorAll("h2, h3, h4")) {
            const higher = document.createElement(`h${heading.tagName[1] - 1}`);
            higher.append(...heading.childNodes);
            heading.replaceWith(higher);
        }
        // names that are unique on a page need not be so in the book
        for (const part of chapter.querySelectorAll("[id]")) {
            const first = document.getElementById(part.id);
            if (first === part) continue;
            const links = chapter.querySelectorAll(`a[href="#${CSS.escape(part.id)}"]`);
            part.id = `chapter-${number}-${part.id}`;
            for (const link of links) link.setAttribute("href", `#${part.id}`);
        }
    }
    // what lies beside the website does not lie beside the PDF
    for (const link of document.querySelectorAll("a:not([href^='#']):not([href^=http])"))
        link.removeAttribute("href");
    for (const note of document.querySelectorAll("details.provenance")) note.open = true;
    await Promise.all([...document.images].map(image => image.decode()));
}
"""

_FOOTER = (
    '<div style="width: 100%; font: 8px sans-serif; text-align: center">'
    '<span class="pageNumber"></span></div>'
)


def find_browser() -> str | None:
    """Find Chromium on this machine.

    Returns
    -------
    str or None
        The program's path.
    """
    return next(filter(None, map(shutil.which, _BROWSERS)), None)


def print_pdf(single: Path, pdf: Path, browser: str) -> None:
    """Print the book, with a bookmark for each heading and tags for screen readers.

    Parameters
    ----------
    single
        The folder that the builder ``singlehtml`` made.
    pdf
        The file to make.
    browser
        Chromium's path.
    """
    # the page stands in a folder, as in the website, but names its files as if it did not
    page = single / "book.html"
    shutil.copy(single / "book" / "index.html", page)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=_FLAGS)
        tab = chromium.new_page(color_scheme="light")
        tab.goto(page.resolve().as_uri(), wait_until="load")
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
    """Pack the website, the same files always into the same bytes.

    Parameters
    ----------
    site
        The website's top folder.
    archive
        The file to make, which may lie in that folder.
    """
    files = sorted(path for path in site.rglob("*") if path.is_file())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in files:
            # times of files stay out: by default an entry is of 1980
            entry = zipfile.ZipInfo(f"{NAME}/{path.relative_to(site)}")
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            packed.writestr(entry, path.read_bytes())


class Downloads(SphinxDirective):
    """``{downloads}``: links to the PDF, where it is made, and to the zip."""

    def run(self) -> list[nodes.Node]:
        """Make a list of links.

        Returns
        -------
        list of Node
            One list; in the PDF it is without links.
        """
        offers = {"zip": "the whole website in a zip, to be read without a server: open its "}
        if find_browser():
            offers = {"pdf": "the whole book as one PDF"} | offers
        here = self.env.app.builder.get_target_uri(self.env.docname)
        items = []
        for kind, words in offers.items():
            target = relative_uri(here, f"{FOLDER}/{NAME}.{kind}")
            link = nodes.reference("", f"{NAME}.{kind}", refuri=target)
            said = nodes.paragraph("", "", link, nodes.Text(f": {words}"))
            if kind == "zip":
                said += nodes.literal("", "index.html")
            items.append(nodes.list_item("", said))
        return [nodes.bullet_list("", *items)]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx.

    Parameters
    ----------
    app
        The running build.

    Returns
    -------
    dict
        That parallel builds are safe.
    """
    app.add_directive("downloads", Downloads)
    app.add_css_file("print.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
