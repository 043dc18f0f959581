"""Chapters as notebooks: reading one, and checking the values a reader gives its parameters."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, Union

import jupytext
import papermill
import pydantic
import yaml
from nbformat import NotebookNode
from papermill.iorw import NoDatesSafeLoader

Value: TypeAlias = bool | int | float | str | list[Any] | dict[str, object] | None

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

_STRICT = pydantic.ConfigDict(strict=True, extra="forbid", protected_namespaces=())

# YAML takes 1e3, with no point, for a word; a whole number stands for a real one, as in Python
_Real = Annotated[
    float, pydantic.BeforeValidator(lambda value: float(value) if isinstance(value, str) else value)
]
INSTALLS = "install"
"""Tag of the cell that ``make notebooks`` lays before a chapter, and that is no part of it."""

_INSTALLING = re.compile(
    rf"^```\{{code-cell\}}[^\n]*\n:tags: \[[^\n]*\b{INSTALLS}\b[^\n]*\]\n.*?^```\n\n?",
    re.DOTALL | re.MULTILINE,
)


class ChapterError(Exception):
    """A chapter, or what was asked of it, cannot be used; the message is for its reader."""


def read_chapter(path: Path) -> NotebookNode:
    """Read a MyST text chapter as a notebook without outputs, one cell tagged ``parameters``.

    If it has none or several, or the file is missing or not in UTF-8, that is a ChapterError.
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
    So ``new`` gets the front matter of ``old``, and its settings of cells where equal ones are
    spelled otherwise; without the cell that installs.
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
    """Default value by name of the parameters of a chapter, which is not run.

    If one is not a plain Python literal, its kind cannot be known: a ChapterError.
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
    """Words by name that a parameter may be, where its comment ends in ``; one of A, B, C``.

    Of a list of words, each item is one of them.
    """
    comments = papermill.inspect_notebook(notebook)
    found = {name: _WORDS.search(comment["help"]) for name, comment in comments.items()}
    return {name: words[1].split(", ") for name, words in found.items() if words}


def split_parameters(text: str) -> dict[str, str]:
    """Take apart what a reader gave for a chapter's parameters: each value's own text by name.

    It is ``NAME=VALUE NAME=VALUE ...``, or all of them as one YAML mapping in braces, as
    papermill's option ``-y`` takes it; another form, or a name twice, is a ChapterError.
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

    The texts are YAML as papermill reads it; where the default is a text, any text. A ChapterError
    names the field, the value and what is allowed, where a name is unknown, a value of another kind
    than its default, or a word not one of `allowed_words`.
    """
    words = words or {}
    fields: dict[str, Any] = {
        name: (_kind(default, words.get(name)), default) for name, default in defaults.items()
    }
    model = pydantic.create_model("Parameters", __config__=_STRICT, **fields)
    try:
        checked = model(**{name: _read(text, defaults.get(name)) for name, text in given.items()})
    except pydantic.ValidationError as error:
        wrong = error.errors()[0]
        name = str(wrong["loc"][0])
        text, default = given[name], defaults.get(name)
        said = f"parameter {name!r}: {text!r}"
        if wrong["type"] == "extra_forbidden":
            allowed = ", ".join(defaults) or "none"
            said = f"unknown parameter {name!r} (given {text!r}); this chapter has: {allowed}"
        elif wrong["type"] == "literal_error":
            said += f" must be one of {', '.join(words[name])}"
        else:
            said += f" is not of kind {type(default).__name__} (its default is {default!r})"
        raise ChapterError(said) from None
    return {name: getattr(checked, name) for name in given}


def _kind(default: Value, words: list[str] | None = None) -> Any:
    """Annotate a parameter as its default and the words that its comment allows say."""
    if isinstance(default, list):
        kinds = tuple(_kind(item, words) for item in default) or (Any,)
        return list[Union[kinds]]  # type: ignore[valid-type]  # noqa: UP007
    if words:
        return Literal[tuple(words)]
    if default is None:
        return Any
    return _Real if isinstance(default, float) else type(default)


def _read(text: str, default: Value) -> Value:
    try:
        value: Value = yaml.load(text, Loader=NoDatesSafeLoader)
    except yaml.YAMLError:
        value = text
    return text if isinstance(default, str) and not isinstance(value, str) else value
