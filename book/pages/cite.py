"""What citing one anchor of the book looks like, from CITATION.cff: BibTeX, CSL-JSON and RIS."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

_LATEX_ESCAPES = str.maketrans({sign: rf"\{sign}" for sign in "&%$#_{}"})


@dataclass(frozen=True)
class Anchor:
    """A place of the book that can be cited.

    Attributes
    ----------
    label
        Its permanent name, such as ``thm-edge``.
    kind
        theorem, proposition, definition ... or equation.
    title
        In words; empty if it has none, as equations.
    chapter
        Title of the chapter that holds it.
    page
        Address of the chapter's page, relative to the site.
    fragment
        Its id in that page.
    """

    label: str
    kind: str
    title: str
    chapter: str
    page: str
    fragment: str

    @property
    def address(self) -> str:
        """Link relative to the site, such as ``book/the-edge.html#thm-edge``."""
        return f"{self.page}#{self.fragment}"

    @property
    def name(self) -> str:
        """Title, kind and label, as a citation shows them."""
        kind_and_label = f"{self.kind} {self.label}"
        return f"{self.title} ({kind_and_label})" if self.title else kind_and_label.capitalize()


@dataclass(frozen=True)
class Book:
    """What CITATION.cff says of the book.

    Attributes
    ----------
    title, version
        As they stand there.
    date
        ``date-released``.
    authors
        As they stand there: persons with ``family-names`` and ``given-names``, others with
        ``name``.
    repository
        ``repository-code``; empty if it is not said.
    base_url
        Where the site stands, ending in a slash; empty if that is not known.
    """

    title: str
    version: str
    date: datetime.date
    authors: tuple[Mapping[str, str], ...]
    repository: str = ""
    base_url: str = ""


def read_book(path: Path, base_url: str = "") -> Book:
    """Read CITATION.cff.

    Parameters
    ----------
    path
        The file.
    base_url
        Where the site stands; empty if that is not known.

    Raises
    ------
    ValueError
        If the file lacks a field that a citation needs; the message names it.
    """
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    for field in ("title", "version", "date-released", "authors"):
        if not said.get(field):
            raise ValueError(f"{path.name}: {field}: must be there, citations need it")
    return Book(
        title=said["title"],
        version=str(said["version"]),
        date=datetime.date.fromisoformat(str(said["date-released"])),
        authors=tuple(said["authors"]),
        repository=said.get("repository-code", ""),
        base_url=f"{base_url.rstrip('/')}/" if base_url else "",
    )


def key(anchor: Anchor, book: Book) -> str:
    """Citation key: the book's title and the label, in small letters and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", f"{book.title} {anchor.label}".lower())


def bibtex(anchor: Anchor, book: Book) -> str:
    """Write an entry for BibTeX and biblatex.

    Parameters
    ----------
    anchor
        What is cited.
    book
        What it is part of.

    Returns
    -------
    str
        Without a base URL, ``url`` is the link relative to the site.
    """
    names = (
        f"{_latex(author['family-names'])}, {_latex(author.get('given-names', ''))}"
        if "family-names" in author
        # braces keep "The ... contributors" from being taken for a first and a last name
        else f"{{{_latex(author['name'])}}}"
        for author in book.authors
    )
    where = f"{book.title}. Chapter: {anchor.chapter}. Version {book.version}"
    fields = {
        "author": " and ".join(names),
        "title": f"{{{_latex(anchor.name)}}}",
        "howpublished": _latex(where),
        "year": f"{book.date:%Y}",
        "month": f"{book.date:%b}".lower(),
        "version": _latex(book.version),
        "date": book.date.isoformat(),
        "url": book.base_url + anchor.address,
    }
    if book.repository:
        fields["note"] = rf"Repository: \url{{{book.repository}}}"
    # the month's name is one of BibTeX's own words, so it stands without braces
    lines = (
        f"  {name} = {value if name == 'month' else f'{{{value}}}'}"
        for name, value in fields.items()
    )
    return f"@misc{{{key(anchor, book)},\n" + ",\n".join(lines) + "\n}\n"


def csl_json(anchor: Anchor, book: Book) -> str:
    """Write an item for programs that read CSL-JSON, such as Zotero and Pandoc.

    Parameters
    ----------
    anchor
        What is cited.
    book
        What it is part of.

    Returns
    -------
    str
        A list of one item.
    """
    authors = [
        {"family": author["family-names"], "given": author.get("given-names", "")}
        if "family-names" in author
        else {"literal": author["name"]}
        for author in book.authors
    ]
    item = {
        "id": key(anchor, book),
        "type": "chapter",
        "title": anchor.name,
        "container-title": book.title,
        "section": anchor.chapter,
        "author": authors,
        "version": book.version,
        "issued": {"date-parts": [[book.date.year, book.date.month, book.date.day]]},
        "URL": book.base_url + anchor.address,
    }
    if book.repository:
        item["note"] = f"Repository: {book.repository}"
    return json.dumps([item], indent=2, ensure_ascii=False) + "\n"


def ris(anchor: Anchor, book: Book) -> str:
    """Write a record for programs that read RIS, such as EndNote and Mendeley.

    Parameters
    ----------
    anchor
        What is cited.
    book
        What it is part of.

    Returns
    -------
    str
        One line for each tag.
    """
    authors = (
        f"{author['family-names']}, {author.get('given-names', '')}"
        if "family-names" in author
        else author["name"]
        for author in book.authors
    )
    tags = [
        ("TY", "CHAP"),
        ("ID", key(anchor, book)),
        ("TI", anchor.name),
        ("T2", book.title),
        *(("AU", author) for author in authors),
        ("PY", f"{book.date:%Y}"),
        ("DA", f"{book.date:%Y/%m/%d}"),
        ("ET", book.version),
        ("SE", anchor.chapter),
        ("UR", book.base_url + anchor.address),
    ]
    if book.repository:
        tags.append(("N1", f"Repository: {book.repository}"))
    return "".join(f"{tag}  - {value}\n" for tag, value in [*tags, ("ER", "")])


def _latex(text: str) -> str:
    return text.translate(_LATEX_ESCAPES)
