"""The derived formulas as JavaScript, so that what a browser computes is what was proved."""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from meta_bandit.theory.symbolic.base import m


def javascript(formulas: Mapping[str, sp.Basic]) -> str:
    r"""Print formulas as JavaScript functions, for a negative prior mean.

    JavaScript has no error function. It is expected as ``erfc``, which each error function is
    turned into such that a small tail keeps its relative precision:

    .. math:: \operatorname{erf}(x) = 1 - \operatorname{erfc}(x) \text{ if } x > 0, \qquad
        \operatorname{erf}(x) = \operatorname{erfc}(-x) - 1 \text{ if } x < 0

    Parameters
    ----------
    formulas
        Expression, or inequality, by the name that its function gets.

    Returns
    -------
    str
        An object of functions. Each takes one object, with a number for each symbol in the
        formula, by the symbol's name.
    """
    return "{\n" + "".join(_function(*formula) for formula in formulas.items()) + "}"


def _function(name: str, formula: sp.Basic) -> str:
    negative = formula.subs(m, sp.Symbol("m", negative=True))
    body = sp.jscode(negative.replace(sp.erf, _with_small_tail), user_functions={"erfc": "erfc"})
    symbols = ", ".join(sorted(symbol.name for symbol in negative.free_symbols))
    return f"  {name}: ({{ {symbols} }}) =>\n    {body},\n"


def _with_small_tail(at: sp.Expr) -> sp.Expr:
    # SymPy's own erfc would turn erfc(-x) back into 2 - erfc(x)
    erfc = sp.Function("erfc")
    return 1 - erfc(at) if at.is_positive else erfc(-at) - 1
