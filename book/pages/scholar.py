"""Tell search engines, reference managers and link previews what each page is.

Whose book it is comes from ``CITATION.cff``, what a page says from the page itself. Addresses are
complete where ``html.baseurl`` in ``_config.yml`` says where the book stands; only then is there a
map of the site.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from textwrap import shorten
from typing import Any
from urllib.parse import urljoin
from xml.sax.saxutils import escape as escape_xml

from docutils import nodes
from sphinx.application import Sphinx

from book.pages.cite import Book, read_book
from book.pages.downloads import FOLDER, NAME, find_browser

_CITATION = Path(__file__).parents[2] / "CITATION.cff"
_LONGEST = 200
"""Letters of a description; search engines show no more."""

_PICTURE = "_static/exploration-map.png"


def describe(doctree: nodes.document) -> str:
    """Say in a sentence or two what a page is about.

    Parameters
    ----------
    doctree
        Of the page.

    Returns
    -------
    str
        Its first paragraph of more than a few words, cut between words; formulas stay in LaTeX.
    """
    texts = (" ".join(part.astext().split()) for part in doctree.findall(nodes.paragraph))
    found = next((text for text in texts if len(text.split()) > 8), "")
    return shorten(found, _LONGEST, placeholder=" …")


def citation_tags(book: Book, title: str, is_book: bool) -> list[tuple[str, str]]:
    """Give the tags that Google Scholar and reference managers read (Highwire Press).

    Parameters
    ----------
    book
        What ``CITATION.cff`` says.
    title
        Of the page.
    is_book
        Whether the page stands for the whole book.

    Returns
    -------
    list of (str, str)
        Name and content of each tag.
    """
    tags = [("citation_title", book.title if is_book else title)]
    if not is_book:
        tags.append(("citation_inbook_title", book.title))
    for author in book.authors:
        name = author.get("name") or f"{author['family-names']}, {author['given-names']}"
        tags.append(("citation_author", name))
    tags.append(("citation_publication_date", f"{book.date:%Y/%m/%d}"))
    return [*tags, ("citation_language", "en")]


def add_tags(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Write the tags into the head of a page that has a text of its own.

    Parameters
    ----------
    app
        The running build.
    page
        Its name.
    template
        What it is made with.
    context
        What the template is given, which is changed.
    doctree
        Of the page; None for the search and the index.
    """
    if doctree is None or app.builder.name != "html":
        return
    book = read_book(_CITATION, app.config.html_baseurl)
    is_book = page == app.config.root_doc
    title = app.env.titles[page].astext()
    description, base = describe(doctree), book.base_url
    tags = [("description", description)]
    tags += citation_tags(book, title, is_book)
    if base:
        tags.append(("citation_public_url", urljoin(base, f"{page}.html")))
        if is_book and find_browser():
            tags.append(("citation_pdf_url", urljoin(base, f"{FOLDER}/{NAME}.pdf")))
    image = next(doctree.findall(nodes.image), None)
    stored = app.builder.images.get(image["uri"]) if image else None
    picture = f"_images/{stored}" if stored else _PICTURE
    # seen from the page, where nobody has said where the book stands
    here = "../" * page.count("/")
    graph = {
        "og:title": title,
        "og:type": "book" if is_book else "article",
        "og:site_name": book.title,
        "og:description": description,
        "og:image": urljoin(base, picture) if base else here + picture,
    }
    if image and stored:
        graph["og:image:alt"] = image.get("alt", "")
    if base:
        graph["og:url"] = urljoin(base, f"{page}.html")
    lines = [f'<meta name="{name}" content="{escape(text)}" />' for name, text in tags]
    lines += [
        f'<meta property="{name}" content="{escape(text)}" />' for name, text in graph.items()
    ]
    context["metatags"] = "\n".join([context.get("metatags", ""), *lines])


def write_sitemap(app: Sphinx, error: Exception | None) -> None:
    """List all pages for search engines, if their addresses are known.

    Parameters
    ----------
    app
        The running build.
    error
        What ended it, if it failed.
    """
    base = app.config.html_baseurl
    if error or not base or app.builder.name != "html":
        return
    pages = (escape_xml(urljoin(base, f"{page}.html")) for page in sorted(app.env.found_docs))
    entries = "".join(f"<url><loc>{page}</loc></url>\n" for page in pages)
    Path(app.outdir, "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}</urlset>\n',
        encoding="utf-8",
    )


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
    app.connect("html-page-context", add_tags)
    app.connect("build-finished", write_sitemap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
