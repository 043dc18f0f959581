"""Chapters as notebooks: reading one, and checking the values a reader gives its parameters."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import jupytext
import papermill
import yaml
from nbformat import NotebookNode
from papermill.iorw import NoDatesSafeLoader

Value: TypeAlias = (
    bool | int | float | str | list[object] | tuple[object, ...] | dict[str, object] | None
)

# up to the next name with an equals sign, unless a quoted text is in between
_PAIR = re.compile(
    r"""(\w+)\s*=\s*('(?:[^']|'')*'|"(?:[^"\\]|\\.)*"|.*?)\s*(?=\b\w+\s*=(?!=)|\Z)""", re.DOTALL
)
_WORDS = re.compile(r";\s*one of ([\w-]+(?:, [\w-]+)*)\s*$")

_FRONT_MATTER = re.compile(r"---\n.*?\n---\n", re.DOTALL)
# the first line of a code cell, and its settings: a block between dashes, or lines with colons
_SETTINGS = re.compile(
    r"^```\{code-cell\}[^\n]*\n(?:---\n.*?^---\n|(?::[^\n]*\n)+)?", re.DOTALL | re.MULTILINE
)

INSTALLS = "install"
"""Tag of the cell that ``make notebooks`` lays before a chapter, and that is no part of it."""

_INSTALLING = re.compile(
    rf"^```\{{code-cell\}}[^\n]*\n:tags: \[[^\n]*\b{INSTALLS}\b[^\n]*\]\n.*?^```\n\n?",
    re.DOTALL | re.MULTILINE,
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
        are spelled otherwise; without the cell that installs.
    """
    new = _INSTALLING.sub("", new)
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


def allowed_words(notebook: NotebookNode) -> dict[str, list[str]]:
    """Read which words a parameter may be, where its comment ends in ``; one of A, B, C``.

    Parameters
    ----------
    notebook
        As :func:`read_chapter` returns it.

    Returns
    -------
    dict
        Words by name. Of a list of words, each item is one of them.
    """
    comments = papermill.inspect_notebook(notebook)
    found = {name: _WORDS.search(comment["help"]) for name, comment in comments.items()}
    return {name: words[1].split(", ") for name, words in found.items() if words}


def split_parameters(text: str) -> dict[str, str]:
    """Take apart what a reader gave for a chapter's parameters.

    Parameters
    ----------
    text
        ``NAME=VALUE NAME=VALUE ...``, or all of them as one YAML mapping in braces, as
        papermill's option ``-y`` takes it.

    Returns
    -------
    dict
        Each value's own text by name.

    Raises
    ------
    ChapterError
        If the text has another form, or gives a name twice.
    """
    text = text.strip()
    if text.startswith("{"):
        try:
            mapping: Any = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            raise ChapterError(f"the parameters {text!r} are no YAML: {error}") from None
        spans = [
            (key.value, value.start_mark.index, value.end_mark.index)
            for key, value in mapping.value
        ]
        pairs = [(str(name), text[start:end]) for name, start, end in spans]
    else:
        pairs = _PAIR.findall(text)
        if _PAIR.sub("", text).strip():
            raise ChapterError(f"the parameters {text!r} must be NAME=VALUE, with spaces between")
    twice = {name for name, _ in pairs if [other for other, _ in pairs].count(name) > 1}
    if twice:
        raise ChapterError(f"parameter {min(twice)!r} is given twice, in {text!r}")
    return dict(pairs)


def check_parameters(
    defaults: Mapping[str, Value],
    given: Mapping[str, str],
    words: Mapping[str, list[str]] | None = None,
) -> dict[str, Value]:
    """Turn the texts a reader gave into values of the kinds that the chapter's defaults have.

    Parameters
    ----------
    defaults
        Default value by name.
    given
        Text by name, YAML as papermill reads it; where the default is a text, any text.
    words
        See :func:`allowed_words`.

    Returns
    -------
    dict
        Value by name, for the given names only.

    Raises
    ------
    ChapterError
        If a name is unknown, a value is of another kind than its default, or a word is not
        allowed; the message names the field, the value and what is allowed.
    """
    values: dict[str, Value] = {}
    for name, text in given.items():
        if name not in defaults:
            allowed = ", ".join(defaults) or "none"
            raise ChapterError(
                f"unknown parameter {name!r} (given {text!r}); this chapter has: {allowed}"
            )
        default = defaults[name]
        try:
            value = values[name] = _fit(text, default)
        except (TypeError, ValueError):
            raise ChapterError(
                f"parameter {name!r}: {text!r} is not of kind {type(default).__name__} "
                f"(its default is {default!r})"
            ) from None
        named = words.get(name) if words else None
        if named and not set(value if isinstance(value, list) else [value]) <= set(named):
            raise ChapterError(f"parameter {name!r}: {text!r} must be one of {', '.join(named)}")
    return values


def _fit(text: str, default: Value) -> Value:
    """Read a text as a value of the default's kind; it is no such value: ValueError."""
    try:
        value: Value = yaml.load(text, Loader=NoDatesSafeLoader)
    except yaml.YAMLError:
        value = text
    if isinstance(default, str):
        return value if isinstance(value, str) else text
    if isinstance(default, float):
        value = _real(value)
    if isinstance(default, list | tuple) and isinstance(value, list):
        kinds = {type(item) for item in default}
        items = [_real(item) if float in kinds else item for item in value]
        if kinds and not {type(item) for item in items} <= kinds:
            raise ValueError(text)
        value = type(default)(items)
    if default is not None and type(value) is not type(default):
        raise ValueError(text)
    return value


def _real(value: Any) -> Any:
    # a whole number stands for a real one, as in Python; YAML takes 1e3, with no point, for a word
    if isinstance(value, int | str) and not isinstance(value, bool):
        return float(value)
    return value
