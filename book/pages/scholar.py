"""Tell Google Scholar, reference managers and link previews what each page is.

Whose book it is comes from ``CITATION.cff``. The previews are sphinxext-opengraph's, the map of
the site is sphinx-sitemap's. Addresses are complete where ``html.baseurl`` in ``_config.yml`` says
where the book stands; only then is there a map.
"""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import urljoin

from docutils import nodes
from sphinx.application import Sphinx

from book.pages.anchors import the_book
from book.pages.cite import Book
from book.pages.downloads import FOLDER, NAME, find_browser


def name_the_book(app: Sphinx) -> None:
    """Tell the extensions that write previews and the map what the book is, and where it stands."""
    app.setup_extension("sphinxext.opengraph")
    book = the_book(app.config.html_baseurl)
    app.config.ogp_site_name = book.title
    app.config.ogp_site_url = app.config.html_baseurl = book.base_url
    if book.base_url:
        app.setup_extension("sphinx_sitemap")
        app.config.sitemap_url_scheme = "{link}"
        # neither has a text of its own
        app.config.sitemap_excludes = ["search.html", "genindex.html", "*-modindex.html"]


def citation_tags(book: Book, title: str, is_book: bool) -> list[tuple[str, str]]:
    """Name and content of each tag that reference managers read (Highwire Press), for one page."""
    tags = [("citation_title", book.title if is_book else title)]
    if not is_book:
        tags.append(("citation_inbook_title", book.title))
    tags += [("citation_author", name) for name in book.names]
    tags.append(("citation_publication_date", f"{book.date:%Y/%m/%d}"))
    return [*tags, ("citation_language", "en")]


def add_tags(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Write them into the head of a page that has a text of its own, before opengraph writes."""
    if doctree is None or app.builder.name != "html":
        return
    book = the_book(app.config.html_baseurl)
    is_book = page == app.config.root_doc
    title = app.env.titles[page].astext()
    # what opengraph would take has the chapter's number
    context["meta"] = (context["meta"] or {}) | {"og:title": title} | _preview(app, page)
    tags = citation_tags(book, title, is_book)
    if book.base_url:
        tags.append(("citation_public_url", urljoin(book.base_url, f"{page}.html")))
        if is_book and find_browser():
            tags.append(("citation_pdf_url", urljoin(book.base_url, f"{FOLDER}/{NAME}.pdf")))
    lines = [f'<meta name="{name}" content="{escape(text)}" />' for name, text in tags]
    context["metatags"] = "\n".join([context.get("metatags", ""), *lines])


def _preview(app: Sphinx, page: str) -> dict[str, str]:
    """Take along a page's first figure as PNG: what shows previews of links draws no SVG."""
    for image in app.env.get_doctree(page).findall(nodes.image):
        if (path := image["uri"]).endswith(".png"):
            app.builder.images[path] = name = app.env.images[path][1]
            return {
                "og:image": f"{app.builder.imagedir}/{name}",
                "og:image:alt": image.get("alt", ""),
            }
    return {}
