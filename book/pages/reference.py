"""The reference: what the docstrings say, as the book writes it."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

from book.pages.results import LABEL

# "~" asks for the last part of a name alone
_ARRAY = re.compile(r"~?numpy\.ndarray\[.*?, ~?numpy\.dtype\[~?(numpy|typing)\.(\w+)\]\]")


def tidy_docstring(
    app: Sphinx, what: str, name: str, found: object, options: object, lines: list[str]
) -> None:
    """Turn each result's label in a docstring into a link to it, and each ``*`` into a star."""
    # a shape such as (*task.shape, lives) would begin emphasis
    plain = (re.sub(r"(?<=[(\s])\*(?=[a-z])", r"\\*", line) for line in lines)
    plain = (_ARRAY.sub(r"NDArray[\2]", line) for line in plain)
    lines[:] = [LABEL.sub(r":prf:ref:`\g<0>`", line) for line in plain]


def tidy_signature(*event: Any) -> tuple[str | None, str | None]:
    """Write ``NDArray[float64]`` where autodoc writes out what that stands for."""
    # the last two of what autodoc tells are the arguments and what is returned
    arguments, returns = (
        text and _ARRAY.sub(r"~numpy.typing.NDArray[~\1.\2]", text) for text in event[-2:]
    )
    return arguments, returns
