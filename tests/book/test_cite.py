"""Citations: what three kinds of programs are given, for an invented book and in the built one."""

from __future__ import annotations

import datetime
import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pybtex.database import Entry, parse_string

from book.pages.cite import Anchor, Book, bibtex, csl_json, key, read_book, ris
from tests.book.pages import HTML, ROOT, Page, toc_pages

ANCHOR = Anchor(
    "thm-x", "theorem", "Profit & loss", "A 50% chance", "book/chance.html", "thm-x"
)  # fmt: skip
EQUATION = Anchor("eq-x", "equation", "", "A 50% chance", "book/chance.html", "equation-eq-x")
BOOK = Book(
    title="To learn: or not",
    version="1.2.3",
    date=datetime.date(2031, 5, 9),
    authors=(
        {"family-names": "van der Berg", "given-names": "Ada"},
        {"name": "The friends of learning"},
    ),
    repository="https://example.org/code",
    base_url="https://example.org/site/",
)


def parsed(text: str) -> tuple[str, Entry]:
    """The one entry that a BibTeX parser finds."""
    ((name, entry),) = parse_string(text, "bibtex").entries.items()
    return name, entry


def test_a_bibtex_parser_reads_every_field_back() -> None:
    name, entry = parsed(bibtex(ANCHOR, BOOK))
    assert (name, entry.type) == ("to-learn-or-not-thm-x", "misc")
    first, second = entry.persons["author"]
    assert (first.prelast_names, first.last_names) == (["van", "der"], ["Berg"])
    assert first.first_names == ["Ada"]
    # an institution is one name, not first and last ones
    assert (second.first_names, second.last_names) == ([], ["{The friends of learning}"])
    assert dict(entry.fields) == {
        "title": r"{Profit \& loss (theorem thm-x)}",
        "howpublished": r"To learn: or not. Chapter: A 50\% chance. Version 1.2.3",
        "year": "2031",
        "month": "May",
        "version": "1.2.3",
        "date": "2031-05-09",
        "url": "https://example.org/site/book/chance.html#thm-x",
        "note": r"Repository: \url{https://example.org/code}",
    }


def test_csl_json_has_what_its_schema_calls_for() -> None:
    (item,) = json.loads(csl_json(ANCHOR, BOOK))
    assert item == {
        "id": "to-learn-or-not-thm-x",
        "type": "chapter",
        "title": "Profit & loss (theorem thm-x)",
        "container-title": "To learn: or not",
        "section": "A 50% chance",
        "author": [
            {"family": "van der Berg", "given": "Ada"},
            {"literal": "The friends of learning"},
        ],
        "version": "1.2.3",
        "issued": {"date-parts": [[2031, 5, 9]]},
        "URL": "https://example.org/site/book/chance.html#thm-x",
        "note": "Repository: https://example.org/code",
    }


def ris_tags(text: str) -> list[tuple[str, str]]:
    """Tags and values; each line has to have RIS's form: two characters, two blanks, a hyphen."""
    found = [re.fullmatch(r"([A-Z][A-Z0-9])  - (.*)", line) for line in text.splitlines()]
    assert all(found), text
    return [match.groups() for match in found if match]  # type: ignore[misc]


def test_ris_begins_with_its_type_and_ends_its_record() -> None:
    tags = ris_tags(ris(ANCHOR, BOOK))
    assert (tags[0], tags[-1]) == (("TY", "CHAP"), ("ER", ""))
    assert [value for tag, value in tags if tag == "AU"] == [
        "van der Berg, Ada", "The friends of learning",
    ]  # fmt: skip
    assert dict(tags) | {"AU": ""} == {
        "TY": "CHAP",
        "ID": "to-learn-or-not-thm-x",
        "TI": "Profit & loss (theorem thm-x)",
        "T2": "To learn: or not",
        "AU": "",
        "PY": "2031",
        "DA": "2031/05/09",
        "ET": "1.2.3",
        "SE": "A 50% chance",
        "UR": "https://example.org/site/book/chance.html#thm-x",
        "N1": "Repository: https://example.org/code",
        "ER": "",
    }


def test_without_a_base_url_the_link_is_relative() -> None:
    book = replace(BOOK, base_url="", repository="")
    assert parsed(bibtex(EQUATION, book))[1].fields["url"] == "book/chance.html#equation-eq-x"
    assert parsed(bibtex(EQUATION, book))[1].fields["title"] == "{Equation eq-x}"
    assert "note" not in parsed(bibtex(EQUATION, book))[1].fields
    assert "note" not in json.loads(csl_json(EQUATION, book))[0]
    assert "N1" not in dict(ris_tags(ris(EQUATION, book)))


def test_the_citation_file_is_read_with_one_slash_after_the_base_url(tmp_path: Path) -> None:
    path = tmp_path / "CITATION.cff"
    text = "title: T\nversion: 1.0\ndate-released: 2030-01-02\nauthors: [{name: A}]\n"
    path.write_text(text)
    for given in ("https://example.org/b", "https://example.org/b/"):
        assert read_book(path, given).base_url == "https://example.org/b/"
    assert read_book(path) == Book("T", "1.0", datetime.date(2030, 1, 2), ({"name": "A"},))
    path.write_text(text + "repository-code: https://example.org/code\n")
    assert read_book(path).repository == "https://example.org/code"


@pytest.mark.parametrize("field", ["title", "version", "date-released", "authors"])
def test_a_field_that_is_missing_is_named(tmp_path: Path, field: str) -> None:
    path = tmp_path / "CITATION.cff"
    lines = (ROOT / "CITATION.cff").read_text().splitlines()
    assert sum(line.startswith(f"{field}:") for line in lines) == 1
    path.write_text("\n".join(lines).replace(f"\n{field}:", "\nother:"))
    with pytest.raises(ValueError, match=rf"^CITATION\.cff: {field}: must be there"):
        read_book(path)


# --- the built book ---


class Citations(HTMLParser):
    """The lines with permalink and citations on a page."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []
        self._inside = self._in_text = False
        self.feed((HTML / address).read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("class") == "permalink":
            self.found.append((given["href"] or "", []))
        if tag == "details":
            # those of figures and of hidden cells have a class
            self._inside = "class" not in given
        if tag == "pre" and self._inside:
            self._in_text = True
            self.found[-1][1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre":
            self._in_text = False
        if tag == "details":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._in_text:
            self.found[-1][1][-1] += data


@cache
def all_citations() -> dict[str, list[str]]:
    """By address of the anchor, the three citations where it stands."""
    if not HTML.is_dir():
        pytest.skip(f"no book in {HTML.relative_to(ROOT)}: run make book PROFILE=smoke")
    return {
        f"{page}{link}": texts
        for page in toc_pages()
        for link, texts in Citations(page).found
        if link.startswith("#")
    }


def labels_in_the_text() -> set[str]:
    """Address of each labelled statement and equation, as the chapters' text has it."""
    addresses = set()
    for page in toc_pages():
        text = (ROOT / page).with_suffix(".md").read_text()
        labels = re.findall(r"\{prf:\w+\}.*\n:label: (\S+)", text)
        equations = re.findall(r"^ *\$\$ *\(([\w-]+)\)", text, re.MULTILINE)
        equations += re.findall(r"\{math\}\n:label: (\S+)", text)
        addresses |= {f"{page}#{label}" for label in labels}
        addresses |= {f"{page}#equation-{label}" for label in equations}
    return addresses


def test_every_statement_and_numbered_equation_has_its_citation() -> None:
    wanted = labels_in_the_text()
    assert len(wanted) > 20
    assert set(all_citations()) == wanted


def test_every_citation_in_the_book_is_valid_and_names_its_anchor() -> None:
    book = read_book(ROOT / "CITATION.cff")
    keys = set()
    for address, (for_bibtex, for_csl, for_ris) in all_citations().items():
        page, _, fragment = address.partition("#")
        assert fragment in Page(page).ids
        name, entry = parsed(for_bibtex)
        (item,) = json.loads(for_csl)
        tags = dict(ris_tags(for_ris))
        assert entry.fields["url"].endswith(address)
        assert item["URL"] == tags["UR"] == entry.fields["url"]
        assert name == item["id"] == tags["ID"]
        label = fragment.removeprefix("equation-")
        for title in (entry.fields["title"], item["title"], tags["TI"]):
            assert label in title
        assert entry.fields["version"] == item["version"] == tags["ET"] == book.version
        assert entry.fields["date"] == book.date.isoformat()
        keys.add(name)
    assert len(keys) == len(all_citations())


def test_keys_stand_alone_among_other_works() -> None:
    assert key(ANCHOR, BOOK) != key(ANCHOR, replace(BOOK, title="Another book"))
