"""The proofs close, and the numeric functions compute what was proved."""

import math
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp
from scipy.special import erfc

from meta_bandit import GaussianBandit
from meta_bandit.theory import commit_value, edge, gain, posterior, posterior_mean_std, symbolic
from meta_bandit.theory.symbolic import base, committing
from meta_bandit.theory.symbolic.base import Result, Step
from meta_bandit.theory.symbolic.javascript import javascript

BOOK = Path(__file__).parents[2] / "book"
LABELS = (
    "prop-posterior", "prop-posterior-law", "thm-commit-value", "prop-ml-value", "prop-scale",
    "thm-never-local", "prop-foc", "prop-predictable", "prop-short-life", "thm-edge",
    "prop-sqrt-law", "thm-stopping", "prop-stopping-edge", "prop-stopping-edge-curve",
    "thm-wide-worlds", "prop-predictable-side", "prop-small-noise", "prop-price-of-commitment",
    "thm-any-prior", "prop-bernoulli", "prop-many-commit", "thm-ladder", "prop-many-bound",
    "prop-many-index", "prop-hazard",
)  # fmt: skip


def test_every_label_has_its_function():
    assert tuple(result().label for result in symbolic.RESULTS) == LABELS
    for label in LABELS:
        assert getattr(symbolic, label.replace("-", "_"))().label == label


@pytest.mark.parametrize("label", LABELS)
def test_every_step_reduces_to_zero(label):
    result = getattr(symbolic, label.replace("-", "_"))()
    assert result.equations
    assert len(result.steps) > 0
    for step in result.steps:
        assert step.difference() == 0, step.claim


@pytest.mark.parametrize("label", LABELS)
def test_steps_hold_at_random_numbers(label):
    """SymPy's zero is not taken on faith: both sides are evaluated where that needs no calculus."""
    rng = np.random.default_rng(0)
    for step in getattr(symbolic, label.replace("-", "_"))().steps:
        if step.left.has(sp.Limit, sp.Integral):
            continue
        # what holds for any gain G holds for this one
        left_side, right_side = (
            side.replace(sp.Function("G"), lambda n: n**2 + sp.sqrt(n)).doit()
            for side in (step.left, step.right)
        )
        symbols = sorted(left_side.free_symbols | right_side.free_symbols, key=str)
        for _ in range(3):
            at = {symbol: sp.Float(rng.uniform(0.2, 0.9), 40) for symbol in symbols}
            left, right = left_side.subs(at).evalf(30), right_side.subs(at).evalf(30)
            assert abs(left - right) < sp.Float("1e-20") * (1 + abs(right)), step.claim


@pytest.mark.parametrize("label", LABELS)
def test_each_step_has_a_name_of_its_own(label):
    result = getattr(symbolic, label.replace("-", "_"))()
    for step in result.steps:
        assert result[step.name] is step
    with pytest.raises(
        KeyError, match=rf"{label} has no step 'seven', but: {result.steps[0].name}"
    ):
        result["seven"]


@pytest.mark.parametrize("label", LABELS)
def test_the_chapter_that_states_a_result_ends_its_proof_with_the_steps(label):
    pages = (path.read_text(encoding="utf-8") for path in BOOK.glob("*.md"))
    (text,) = (page for page in pages if f":label: {label}\n" in page)
    proof = text.partition(f":label: {label}\n")[2].partition("{prf:proof}\n")[2]
    words, shown, _ = proof.partition(f"```{{glue:md}} {label}\n:format: myst\n```\n````\n")
    assert shown
    assert "````" not in words
    assert f'"{label}"' in text[: text.index(shown)]
    for step in symbolic.proofs(label)[label].steps:
        assert f"*{step.name}*".lower() in words.lower(), step.name


def test_steps_are_shown_by_name_with_what_sympy_makes_of_them():
    shown = symbolic.proofs("thm-edge")["thm-edge"]._repr_markdown_()
    assert shown.startswith("*gain:*\n\n$$\n")
    assert shown.count("$$") == 2 * 13
    assert shown.endswith("Left minus right, by SymPy: $0$.")
    x = sp.Symbol("x")
    wrong = Result("prop-wrong", (), (Step("wrong", "a mistake", x, 2 * x),))
    assert wrong._repr_markdown_().endswith("by SymPy: $- x$.")


def test_a_label_that_is_none_is_named():
    with pytest.raises(ValueError, match=r"\['thm-ege'\]: must be among .*thm-edge"):
        symbolic.proofs("thm-ege")


def test_a_false_step_is_not_proved():
    x = sp.Symbol("x", positive=True)
    wrong = Step("wrong", "a mistake", sp.Derivative(x**2, x), 3 * x)
    assert wrong.difference() == -x
    assert not Result("prop-wrong", (), (wrong,)).is_proved()
    assert "- x" in wrong._repr_latex_()
    # a conjecture has no steps
    assert not Result("conj-open", (), ()).is_proved()


TASKS = [(1.0, 1.0, 100, -1.0), (2.0, 4.0, 50, -1.0), (0.7, 0.2, 30, 0.5), (3.0, 9.0, 400, -2.0)]


@pytest.mark.checks("prop-posterior", "prop-posterior-law", "thm-commit-value", "prop-ml-value")
@pytest.mark.parametrize("values", TASKS)
def test_numeric_functions_are_the_lambdified_equations(values):
    sigma_p, sigma_l, lifetime, mean = values
    task = GaussianBandit(*values)
    symbols = (base.sigma_p, base.sigma_l, base.T, base.m, base.n, base.S)
    at = (sigma_p, sigma_l, lifetime, mean, 7, 2.5)

    def number(expression: sp.Expr) -> float:
        return float(sp.lambdify(symbols, expression, "mpmath")(*at))

    mean_eq, var_eq = committing.prop_posterior().equations
    posterior_mean, posterior_var = posterior(task, 7, 2.5)
    assert np.isclose(posterior_mean, number(mean_eq.rhs), rtol=1e-13)
    assert np.isclose(posterior_var, number(var_eq.rhs), rtol=1e-13)
    (law,) = committing.prop_posterior_law().equations
    assert np.isclose(posterior_mean_std(task, 7) ** 2, number(law.rhs), rtol=1e-13)
    assert np.isclose(gain(mean, sigma_p), number(base.gain(base.m, base.sigma_p)), rtol=1e-12)
    for result, estimator in (
        (committing.thm_commit_value, "map"),
        (committing.prop_ml_value, "ml"),
    ):
        (value,) = result().equations
        assert np.isclose(commit_value(task, 7, estimator), number(value.rhs), rtol=1e-12)


@pytest.mark.checks("thm-edge")
@pytest.mark.parametrize("z", [0.8, 1.0, 2.5])
def test_edge_is_the_lambdified_equation(z):
    pulls, sigma_p, sigma_l = (float(value) for value in edge(z, 40, -2.0))
    psi = float(symbolic.edge.relative_gain(sp.Float(z, 30)))
    rho = float(symbolic.edge.unlearnt_share(sp.Float(z, 30)))
    n_eq, p_eq, l_eq = symbolic.edge.thm_edge().equations
    at = {"psi": psi, "rho": rho, "z": z, "T": 40, "m": -2.0, "sigma_p": sigma_p}

    def number(expression: sp.Expr) -> float:
        return float(expression.subs({s: at[s.name] for s in expression.free_symbols}))

    assert np.isclose(pulls, number(n_eq.rhs), rtol=1e-12)
    assert np.isclose(sigma_p, number(p_eq.rhs), rtol=1e-9)
    assert np.isclose(sigma_l, number(l_eq.rhs), rtol=1e-9)


def test_the_printed_javascript_computes_the_same():
    printed = javascript({"value": base.commit_value(), "psi": symbolic.edge.relative_gain(base.s)})
    # plain arithmetic, which means the same in Python
    found = re.findall(r"  (\w+): \(\{ (.*) \}\) =>\n    (.*),\n", printed)
    assert [(name, symbols) for name, symbols, _ in found] == [
        ("value", "T, m, n, sigma_l, sigma_p"),
        ("psi", "s"),
    ]
    names = SimpleNamespace(sqrt=math.sqrt, exp=math.exp, pow=math.pow, PI=math.pi)
    task = {"T": 100, "m": -1.0, "sigma_p": 0.4, "sigma_l": 2.0, "n": 3.0}
    value = eval(found[0][2], {"Math": names, "erfc": erfc, **task})
    assert value == pytest.approx(commit_value(GaussianBandit(0.4, 2.0), 3.0), rel=1e-12)
    # far in the tail only the small form of the error function keeps its digits
    psi = eval(found[1][2], {"Math": names, "erfc": erfc, "s": 9.0})
    assert psi == pytest.approx(gain(-9.0, 1.0) / 9, rel=1e-11)
