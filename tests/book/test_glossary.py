"""The glossary: each symbol has a unit, a name that the code knows, and a link."""

from __future__ import annotations

import ast
import re

import pytest

from tests.book.pages import ROOT

TEXT = (ROOT / "book" / "glossary.md").read_text()
# several terms may share what stands below them
SHARED = re.findall(r"^((?:[^\s`].*\n)+)  (.+)$", TEXT, re.MULTILINE)
ENTRIES = {term: entry for terms, entry in SHARED for term in terms.splitlines()}


def names_in_the_code() -> set[str]:
    """Every function, class, argument, field and variable of the package."""
    names = set()
    for path in (ROOT / "meta_bandit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.FunctionDef() | ast.ClassDef():
                    names.add(node.name)
                case ast.arg():
                    names.add(node.arg)
                case ast.Name():
                    names.add(node.id)
                # the variables of a dataset
                case ast.Constant(value=str(value)):
                    names.add(value)
    return names


KNOWN = names_in_the_code()


@pytest.mark.parametrize("term", ENTRIES)
def test_an_entry_has_a_unit_a_name_in_code_and_a_link(term: str) -> None:
    entry = ENTRIES[term]
    assert re.search(r"Unit: \w|No unit\.", entry)
    code = entry.partition("In code: ")[2].partition(" Defined ")[0]
    names = re.findall(r"(?<!\})`\"?(\w+)\"?`", code)
    assert names
    assert set(names) <= KNOWN
    assert re.search(r"\{(prf:ref|eq|py:func|py:attr)\}`", entry)


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("T", "lifetime"), ("m", "mean"), (r"\sigma_p", "sigma_p"), (r"\sigma_l", "sigma_l"),
        (r"\mu", "arm_mean"), ("r", "rewards"), ("n", "pulls"), ("n^*", "optimal_commit"),
        (r"\hat\mu_n", "posterior"), ("s_n", "posterior_mean_std"), ("v_n", "posterior"),
        ("V(n)", "commit_value"), ("g(s)", "gain"), ("V^*", "bayes_optimal"), ("b_n", "thresholds"),
        (r"\Phi", "Phi"), (r"\varphi", "phi"), (r"\hat A_t", "advantages"),
        ("T_c", "critical_lifetime"),
    ],
)  # fmt: skip
def test_the_symbols_of_the_plan_are_there(symbol: str, name: str) -> None:
    (entry,) = (entry for term, entry in ENTRIES.items() if f"${symbol}$" in term)
    assert f"`{name}`" in entry


@pytest.mark.parametrize("word", ["return", "regret", "exploration", "normalised return", "edge"])
def test_the_measures_are_there(word: str) -> None:
    assert word in ENTRIES
