"""Which tests one process runs, where several share the work; and which are slow."""

from __future__ import annotations

import re

import pytest
from xdist.scheduler import LoadFileScheduling


class ByChapter(LoadFileScheduling):
    """A file's tests, or a notebook's cells, by one worker; a chapter's claims by its study's.

    Fixtures of a module, a notebook's kernel and what `tests.chapters` keeps are in one process.
    Looks at the book's pages are many and long: each worker takes some.
    """

    def _split_scope(self, nodeid: str) -> str:
        if look := re.search(r"test_axe.*(-\w+-\d+)]$", nodeid):
            return "looks" + look[1]
        return str(super()._split_scope(nodeid)).replace("tests/claims/", "tests/studies/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Call slow what needs the small book, half a minute's work, and notebooks that run again."""
    for item in items:
        if "mini_built" in getattr(item, "fixturenames", ()) or ".ipynb::" in item.nodeid:
            item.add_marker("slow")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByChapter:
    return ByChapter(config, log)
