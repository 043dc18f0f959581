"""What citing one anchor of the book looks like, from CITATION.cff: BibTeX, CSL-JSON and RIS."""

from __future__ import annotations

import codecs
import datetime
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from pybtex.database import BibliographyData, Entry, Person
from pybtex.database.output.bibtex import Writer


@dataclass(frozen=True)
class Anchor:
    """A place of the book that can be cited."""

    label: str  # its permanent name, such as `thm-edge`
    kind: str  # theorem, proposition, definition ... or equation
    title: str  # in words; empty if it has none, as equations
    chapter: str  # title of the chapter that holds it
    page: str  # address of the chapter's page, relative to the site
    fragment: str  # its id in that page

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
    """What CITATION.cff says of the book."""

    title: str
    version: str
    date: datetime.date  # `date-released`
    # persons with `family-names` and `given-names`, others with `name`
    authors: tuple[Mapping[str, str], ...]
    repository: str = ""  # `repository-code`; empty if it is not said
    base_url: str = ""  # where the site stands, ending in a slash; empty if that is not known

    @property
    def names(self) -> list[str]:
        """The authors, of persons the family's name first."""
        return [
            author.get("name") or f"{author['family-names']}, {author.get('given-names', '')}"
            for author in self.authors
        ]


def read_book(path: Path, base_url: str = "") -> Book:
    """Read CITATION.cff; ValueError names a field that a citation needs and that is not there."""
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


class _AsGiven(Writer):
    """BibTeX's own form; of an address, pybtex would escape underscores and the fragment's sign."""

    def _encode(self, text: str) -> str:
        return text


def _latex(text: str) -> str:
    # pybtex brings this codec
    return codecs.encode(text, "ulatex+utf-8")  # type: ignore[return-value]


def bibtex(anchor: Anchor, book: Book) -> str:
    """Write an entry for BibTeX and biblatex; without a base URL, its ``url`` is relative."""
    fields = {
        "title": f"{{{_latex(anchor.name)}}}",
        "howpublished": _latex(f"{book.title}. Chapter: {anchor.chapter}. Version {book.version}"),
        "year": f"{book.date:%Y}",
        "month": f"{book.date:%B}",
        "version": _latex(book.version),
        "date": book.date.isoformat(),
        "url": book.base_url + anchor.address,
    }
    if book.repository:
        fields["note"] = rf"Repository: \url{{{book.repository}}}"
    # braces keep "The ... contributors" from being taken for a first and a last name
    people = [
        Person(f"{{{_latex(name)}}}" if "name" in author else _latex(name))
        for name, author in zip(book.names, book.authors, strict=True)
    ]
    entry = Entry("misc", fields=fields, persons={"author": people})
    written: str = _AsGiven().to_string(BibliographyData({key(anchor, book): entry}))
    return written


def csl_json(anchor: Anchor, book: Book) -> str:
    """Write a list of one item for programs that read CSL-JSON, such as Zotero and Pandoc."""
    item = {
        "id": key(anchor, book),
        "type": "chapter",
        "title": anchor.name,
        "container-title": book.title,
        "section": anchor.chapter,
        "author": [
            {"literal": author["name"]}
            if "name" in author
            else {"family": author["family-names"], "given": author.get("given-names", "")}
            for author in book.authors
        ],
        "version": book.version,
        "issued": {"date-parts": [[book.date.year, book.date.month, book.date.day]]},
        "URL": book.base_url + anchor.address,
    }
    if book.repository:
        item["note"] = f"Repository: {book.repository}"
    return json.dumps([item], indent=2, ensure_ascii=False) + "\n"


def ris(anchor: Anchor, book: Book) -> str:
    """Write a record for programs that read RIS, such as EndNote and Mendeley."""
    tags = [
        ("TY", "CHAP"),
        ("ID", key(anchor, book)),
        ("TI", anchor.name),
        ("T2", book.title),
        *(("AU", name) for name in book.names),
        ("PY", f"{book.date:%Y}"),
        ("DA", f"{book.date:%Y/%m/%d}"),
        ("ET", book.version),
        ("SE", anchor.chapter),
        ("UR", book.base_url + anchor.address),
    ]
    if book.repository:
        tags.append(("N1", f"Repository: {book.repository}"))
    return "".join(f"{tag}  - {value}\n" for tag, value in [*tags, ("ER", "")])
