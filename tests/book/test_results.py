"""What names a result: nothing may be missing, and nothing may name a result that is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace

import pytest
from sympy import Integer

from book.pages import results
from book.pages.results import complaints, gather, marked_tests, proofs, summary_labels
from meta_bandit.theory import symbolic
from meta_bandit.theory.symbolic import Result, Step
from tests.book.pages import HTML, ROOT

Make = Callable[..., "CompletedProcess[str]"]

ALL_PROOFS = proofs()
STATED = {"thm-a": "theorem", "conj-b": "conjecture"}
PROOFS = {
    "thm-a": Result(
        "thm-a", (), (Step("a", "it is so", Integer(0), Integer(0)),) * 2, ("someone1900",)
    ),
    "conj-b": Result("conj-b", (), ()),
}
FUNCTIONS = {"pkg.f": ["thm-a", "conj-b"]}
TESTS = {"tests/test_f.py::test_f": ["thm-a"], "tests/test_f.py::test_g": ["conj-b", "thm-a"]}


def said(**changed: object) -> list[str]:
    given = {"stated": STATED, "proofs": PROOFS, "functions": FUNCTIONS, "tests": TESTS}
    return list(complaints(gather(**(given | changed))))  # type: ignore[arg-type]


def test_nothing_is_said_where_all_agree() -> None:
    assert said() == []
    entry = gather(STATED, PROOFS, FUNCTIONS, TESTS)["thm-a"]
    assert entry.functions == ["pkg.f"]
    assert entry.tests == list(TESTS)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"stated": {"thm-a": "theorem"}}, "conj-b: is in .*RESULTS, but no chapter states it"),
        (
            {"stated": STATED | {"thm-new": "theorem"}},
            r"thm-new: is not in .*RESULTS, but is named by a chapter \(theorem\)",
        ),
        ({"functions": {"pkg.f": ["thm-a"]}}, r"conj-b: no function .* says \(conj-b\)"),
        (
            {"functions": FUNCTIONS | {"pkg.g": ["thm-typo"]}},
            "thm-typo: is not in .*, but is named by pkg.g",
        ),
        (
            {"tests": {"tests/test_f.py::test_f": ["thm-a"]}},
            r'conj-b: no test is marked @pytest.mark.checks\("conj-b"\)',
        ),
        (
            {"tests": TESTS | {"tests/t.py::t": ["thm-typo"]}},
            "thm-typo: is not in .*, but is named by tests/t.py::t",
        ),
        (
            {"proofs": PROOFS | {"thm-a": PROOFS["conj-b"]}},
            "thm-a: is stated as a theorem, with 0 steps of a proof",
        ),
        (
            {"proofs": PROOFS | {"conj-b": PROOFS["thm-a"]}},
            "conj-b: is stated as a conjecture, with 2 steps of a proof",
        ),
    ],
)
def test_what_is_missing_or_alone_is_named(changed: dict[str, object], message: str) -> None:
    (only,) = said(**changed)
    assert re.fullmatch(message, only.removesuffix(" in its first line")), only


def test_marks_are_read_from_the_tests(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_it.py").write_text(
        "import pytest\nimport never_imported\n\n"
        '@pytest.mark.checks("thm-a", "prop-b")\n@pytest.mark.parametrize("x", [1])\n'
        "def test_one(x): ...\n\ndef test_two(): ...\n"
    )
    assert marked_tests(folder) == {"tests/test_it.py::test_one": ["thm-a", "prop-b"]}


def test_marks_in_this_repository_name_tests_that_exist() -> None:
    for name in marked_tests(ROOT / "tests"):
        path, _, function = name.partition("::")
        assert f"\ndef {function}(" in (ROOT / path).read_text()


def test_only_the_first_line_of_a_docstring_says_what_is_computed() -> None:
    doc = "Edge, for real n (thm-edge, prop-x2).\n\n    Unlike prop-other.\n"
    assert summary_labels(doc) == ["thm-edge", "prop-x2"]
    assert summary_labels("A prop-eller thm- alone") == ["prop-eller"]
    assert summary_labels("") == []


def test_derivations_do_not_count_as_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    objects = {
        "meta_bandit.theory.edge": SimpleNamespace(__doc__="no function (thm-a)"),
        "meta_bandit.theory.f": lambda: None,
        "meta_bandit.theory.symbolic.thm_a": symbolic.thm_edge,
    }
    objects["meta_bandit.theory.f"].__doc__ = "It is (thm-a)."
    monkeypatch.setattr(results.pydoc, "locate", objects.__getitem__)
    assert results.documented_functions(objects) == {"meta_bandit.theory.f": ["thm-a"]}


def test_the_literature_a_proof_rests_on_is_what_the_chapter_cites_in_it() -> None:
    text = "\n".join(path.read_text() for path in sorted((ROOT / "book").glob("*.md")))
    for label, proof in ALL_PROOFS.items():
        after = text[text.index(f":label: {label}\n") :]
        # up to the end of the proof: its box, or else that of its block, and the next statement
        ends = [r"\n[:`]{3,}\{prf:(?!proof)", r"\n##+ "]
        after = after[: min(match.start() for end in ends if (match := re.search(end, after)))]
        block = re.search(r"\n([:`]{3,})\{prf:proof\}.*?\n\1\n", after, re.DOTALL)
        box = re.search(r"\$\\square\$", after)
        end = (box or block).end() if box or block else len(after)
        keys = re.findall(r"\{cite(?::\w)?\}`([^`]+)`", after[:end])
        assert {name for group in keys for name in group.split(",")} == set(proof.cites), label


def test_the_build_ends_and_says_which_result_is_missing_or_alone(mini: Path, make: Make) -> None:
    (mini / "book" / "derivations.md").write_text("# All\n\n```{derivations}\n```\n")
    with (mini / "_toc.yml").open("a") as toc:
        toc.write("      - file: book/derivations\n")
    theory = mini / "meta_bandit" / "theory"
    theory.mkdir()
    (theory / "__init__.py").touch()
    (theory / "symbolic.py").write_text(
        "from types import SimpleNamespace\n"
        'RESULTS = [lambda: SimpleNamespace(label="prop-other", steps=[1], cites=(),'
        ' origin="known", sources=(), credit="")]\n'
    )
    done = make(mini, "book")
    assert done.returncode != 0
    for said in (
        "prop-line: is not in meta_bandit.theory.symbolic.RESULTS, but is named by a chapter",
        "prop-other: is in meta_bandit.theory.symbolic.RESULTS, but no chapter states it",
        "prop-other: is known before, with 0 sources",
        'prop-other: no test is marked @pytest.mark.checks("prop-other")',
    ):
        assert said in done.stderr


@pytest.mark.parametrize("label", ALL_PROOFS)
def test_credit_is_given_to_what_the_front_page_cites(label: str) -> None:
    proof = ALL_PROOFS[label]
    assert proof.origin in results.ORIGINS
    assert bool(proof.sources) == (proof.origin != "ours")
    text = "\n".join(path.read_text() for path in (ROOT / "book").glob("*.md"))
    cited = {key for group in re.findall(r"\{cite\}`([^`]+)`", text) for key in group.split(",")}
    assert set(proof.sources) <= cited


@pytest.mark.skipif(not HTML.is_dir(), reason="no book: run make book PROFILE=smoke")
@pytest.mark.parametrize("label", ALL_PROOFS)
def test_results_and_functions_lead_to_each_other(label: str) -> None:
    index = (HTML / "book" / "derivations.html").read_text()
    start = index.index(f'id="derivation-{label}"')
    entry = index[start : index.index('class="cite"', start)]
    assert re.search(rf'href="[\w-]+\.html#{label}"', entry)
    links = re.findall(r'href="(reference/[\w-]+\.html)#(meta_bandit[\w.]+)"', entry)
    derivation, *functions = links
    assert derivation[1] == f"meta_bandit.theory.symbolic.{label.replace('-', '_')}"
    assert functions
    for page, name in links:
        reference = (HTML / "book" / page).read_text()
        after = reference[reference.index(f'id="{name}"') :]
        # up to the next function
        assert f"#{label}" in after.partition('<dl class="py')[0], name
    assert re.search(r"tests/[\w/]+\.py::test_\w+", entry)


@pytest.mark.skipif(not HTML.is_dir(), reason="no book: run make book PROFILE=smoke")
def test_signatures_are_as_short_as_in_the_code() -> None:
    text = re.sub("<[^>]+>", "", (HTML / "book" / "reference" / "theory.html").read_text())
    assert "NDArray[float64]" in text
    assert not re.search(r"\) &#x2192;[^\n]*dtype\[", text)
