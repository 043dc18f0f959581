"""What names each result: the chapters, the code and the tests, which have to agree.

Nothing is written by hand beside them. A label such as ``thm-edge`` is named

- by the chapter that states it: ``:label: thm-edge`` in a theorem, proposition, ...;
- by its derivation, `meta_bandit.theory.symbolic.RESULTS`, which says how it is proved;
- by each documented function that computes it: its docstring's first line says ``(thm-edge)``;
- by each test that checks it: ``@pytest.mark.checks("thm-edge")``.
"""

from __future__ import annotations

import ast
import inspect
import pydoc
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meta_bandit.theory.symbolic import Result

SYMBOLIC = "meta_bandit.theory.symbolic"
CLAIMS = ("theorem", "proposition", "lemma", "corollary", "conjecture")
"""Kinds of statement that need a proof, or the name of a conjecture; others are definitions."""
ORIGINS = {
    "paper": "the paper's",
    "known": "known before",
    "ours": "ours, as far as was found",
}
"""Whose a result can be, in words."""
LABEL = re.compile(r"\b(?:thm|prop|lem|cor|conj)-[a-z0-9-]*[a-z0-9]")


@dataclass
class Entry:
    """What names one label."""

    kind: str = ""  # theorem, proposition ... where a chapter states it; else empty
    proof: Result | None = None  # nothing if `meta_bandit.theory.symbolic` does not know the label
    functions: list[str] = field(default_factory=list)  # documented ones that compute it
    tests: list[str] = field(default_factory=list)  # those that check it


def gather(
    stated: Mapping[str, str],
    proofs: Mapping[str, Result],
    functions: Mapping[str, Iterable[str]],
    tests: Mapping[str, Iterable[str]],
) -> dict[str, Entry]:
    """Bring together by label what names it, in the order of the proofs.

    Given are the kinds of statement and the proofs by label, the labels by function and by test.
    """
    entries = {label: Entry(proof=proof) for label, proof in proofs.items()}
    for label, kind in stated.items():
        entries.setdefault(label, Entry()).kind = kind
    for function, labels in functions.items():
        for label in labels:
            entries.setdefault(label, Entry()).functions.append(function)
    for test, labels in tests.items():
        for label in labels:
            entries.setdefault(label, Entry()).tests.append(test)
    return entries


def complaints(entries: Mapping[str, Entry]) -> Iterator[str]:
    """Say in a sentence each which results miss something, and which names lead to no result."""
    for label, entry in entries.items():
        if entry.proof is None:
            named = [f"a chapter ({entry.kind})"] if entry.kind else []
            named += [*entry.functions, *entry.tests]
            yield f"{label}: is not in {SYMBOLIC}.RESULTS, but is named by {', '.join(named)}"
            continue
        if not entry.kind:
            yield f"{label}: is in {SYMBOLIC}.RESULTS, but no chapter states it"
        elif (entry.kind == "conjecture") == bool(steps := len(entry.proof.steps)):
            yield f"{label}: is stated as a {entry.kind}, with {steps} steps of a proof"
        if bool(entry.proof.sources) == (entry.proof.origin == "ours"):
            whose, count = ORIGINS[entry.proof.origin], len(entry.proof.sources)
            yield f"{label}: is {whose}, with {count} sources"
        if not entry.functions:
            yield f"{label}: no function in the reference says ({label}) in its first line"
        if not entry.tests:
            yield f'{label}: no test is marked @pytest.mark.checks("{label}")'


def proofs() -> dict[str, Result]:
    """Proof by label, in the order of the book."""
    from meta_bandit.theory import symbolic  # the book of the tests has no such package

    return {result.label: result for result in (make() for make in symbolic.RESULTS)}


def summary_labels(docstring: str) -> list[str]:
    """Labels in the first line of a docstring."""
    return LABEL.findall(inspect.cleandoc(docstring).partition("\n")[0])


def documented_functions(names: Iterable[str]) -> dict[str, list[str]]:
    """Labels by full name of what computes them, of all names that the reference documents.

    The derivations themselves are left out.
    """
    objects = {name: pydoc.locate(name) for name in names if not name.startswith(SYMBOLIC)}
    return {
        name: labels
        for name, found in objects.items()
        if (callable(found) or isinstance(found, property))
        and (labels := summary_labels(found.__doc__ or ""))
    }


def marked_tests(folder: Path) -> dict[str, list[str]]:
    """Labels of the results that each test checks, by pytest's name for the test.

    The tests of the folder are read, not imported.
    """
    marks = {}
    for path in sorted(folder.rglob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for mark in getattr(node, "decorator_list", ()):
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.checks":
                    name = f"{path.relative_to(folder.parent)}::{getattr(node, 'name', '')}"
                    marks[name] = [ast.literal_eval(argument) for argument in mark.args]
    return marks
