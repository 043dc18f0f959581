"""Chapters as notebooks: reading one, and checking the values a reader gives its parameters."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import jupytext
import papermill
from nbformat import NotebookNode

Value: TypeAlias = (
    bool | int | float | str | list[object] | tuple[object, ...] | dict[str, object] | None
)

_BOOLEANS = {"true": True, "false": False}

_FRONT_MATTER = re.compile(r"---\n.*?\n---\n", re.DOTALL)
# the first line of a code cell, and its settings: a block between dashes, or lines with colons
_SETTINGS = re.compile(
    r"^```\{code-cell\}[^\n]*\n(?:---\n.*?^---\n|(?::[^\n]*\n)+)?", re.DOTALL | re.MULTILINE
)


class ChapterError(Exception):
    """A chapter, or what was asked of it, cannot be used; the message is for its reader."""


def read_chapter(path: Path) -> NotebookNode:
    """Read a MyST text chapter as a notebook without outputs.

    Parameters
    ----------
    path
        The chapter's ``.md`` file.

    Returns
    -------
    NotebookNode
        With exactly one cell tagged ``parameters``.

    Raises
    ------
    ChapterError
        If the file is missing or not in UTF-8, or has no or several cells tagged ``parameters``.
    """
    if not path.is_file():
        raise ChapterError(f"{path}: no such chapter")
    try:
        # some editors begin a file with a byte order mark
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ChapterError(f"{path}: not in UTF-8 (byte {error.start}): save it in UTF-8") from None
    notebook: NotebookNode = jupytext.reads(text, "md:myst")
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise ChapterError(
            f"{path}: {len(tagged)} cells are tagged 'parameters'; a chapter needs exactly one"
        )
    return notebook


def keep_unchanged(old: str, new: str) -> str:
    """Keep the spelling of what says the same in a chapter's new text as in its old one.

    Jupytext writes a notebook's metadata its own way: it wraps captions anew and adds versions.

    Parameters
    ----------
    old
        The chapter as it is.
    new
        The chapter as Jupytext would save it.

    Returns
    -------
    str
        ``new`` with the front matter of ``old``, and with its settings of cells where equal ones
        are spelled otherwise.
    """
    spelled = {_settings(found[0]): found[0] for found in _SETTINGS.finditer(old)}
    text = _SETTINGS.sub(lambda found: spelled.get(_settings(found[0]), found[0]), new)
    if head := _FRONT_MATTER.match(old):
        text = _FRONT_MATTER.sub(lambda _: head[0], text, count=1)
    return text


def _settings(text: str) -> str:
    head = text.partition("\n")[0]
    notebook: NotebookNode = jupytext.reads(f"{text}```\n", "md:myst")
    return repr((head.split(), sorted(notebook.cells[0].metadata.items())))


def default_parameters(notebook: NotebookNode) -> dict[str, Value]:
    """Read the parameters of a chapter and their default values, without running it.

    Parameters
    ----------
    notebook
        As :func:`read_chapter` returns it.

    Returns
    -------
    dict
        Default value by name, in the chapter's order.

    Raises
    ------
    ChapterError
        If a default is not a plain Python literal, so that its kind cannot be known.
    """
    defaults: dict[str, Value] = {}
    for name, found in papermill.inspect_notebook(notebook).items():
        try:
            defaults[name] = ast.literal_eval(found["default"])
        except (SyntaxError, ValueError):
            raise ChapterError(
                f"parameter {name!r}: its default {found['default']} is not a plain value"
            ) from None
    return defaults


def check_parameters(defaults: Mapping[str, Value], given: Mapping[str, str]) -> dict[str, Value]:
    """Turn the texts a reader gave into values of the kinds that the chapter's defaults have.

    Parameters
    ----------
    defaults
        Default value by name.
    given
        Text by name, as on a command line.

    Returns
    -------
    dict
        Value by name, for the given names only.

    Raises
    ------
    ChapterError
        If a name is unknown or a value is of another kind than its default; the message names
        the field, the value and what is allowed.
    """
    values: dict[str, Value] = {}
    for name, text in given.items():
        if name not in defaults:
            allowed = ", ".join(defaults) or "none"
            raise ChapterError(
                f"unknown parameter {name!r} (given {text!r}); this chapter has: {allowed}"
            )
        values[name] = _parse(name, text, defaults[name])
    return values


def _parse(name: str, text: str, default: Value) -> Value:
    kind = type(default).__name__
    wrong = ChapterError(
        f"parameter {name!r}: {text!r} is not of kind {kind} (its default is {default!r})"
    )
    try:
        if isinstance(default, str):
            return text
        if isinstance(default, bool):
            return _BOOLEANS[text.lower()]
        if isinstance(default, int):
            return int(text)
        if isinstance(default, float):
            return float(text)
        value: Value = ast.literal_eval(text)
    except (KeyError, SyntaxError, ValueError):
        raise wrong from None
    if default is not None and type(value) is not type(default):
        raise wrong
    if isinstance(default, list | tuple) and isinstance(value, list | tuple):
        _check_items(value, default, wrong)
    return value


def _check_items(
    value: list[object] | tuple[object, ...],
    default: list[object] | tuple[object, ...],
    wrong: ChapterError,
) -> None:
    # an int stands for a float, as it does in Python; a bool stands for nothing but itself
    allowed = {type(item) for item in default}
    if float in allowed:
        allowed.add(int)
    if allowed and not {type(item) for item in value} <= allowed:
        raise wrong
