"""What all derivations share: symbols, the steps of a proof, the quantities of the bandit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import sympy as sp

m = sp.Symbol("m", real=True)
"""Prior mean of the risky arm."""
sigma_p = sp.Symbol("sigma_p", positive=True)
"""Ecological uncertainty."""
sigma_l = sp.Symbol("sigma_l", positive=True)
"""Task complexity."""
T = sp.Symbol("T", positive=True)
"""Lifetime in pulls."""
n = sp.Symbol("n", positive=True)
"""Pulls of the risky arm so far, or the length of the exploration phase."""
mu = sp.Symbol("mu", real=True)
"""Mean of the risky arm in this life."""
S = sp.Symbol("S", real=True)
"""Sum of the n rewards."""
r = sp.Symbol("r", real=True)
"""One more reward."""
x = sp.Symbol("x", real=True)
t = sp.Symbol("t", real=True)
c = sp.Symbol("c", real=True)
s = sp.Symbol("s", positive=True)
tau = sp.Symbol("tau", positive=True)
lam = sp.Symbol("lambda", positive=True)


@dataclass(frozen=True)
class Step:
    """One step of a proof: two expressions that are claimed to be equal.

    Attributes
    ----------
    name
        By which a proof gives its step, ``proof["gain"]``.
    claim
        What the step says, in words.
    left
        One side; derivatives, integrals and limits may stand in it unevaluated.
    right
        The other.
    """

    name: str
    claim: str
    left: sp.Expr
    right: sp.Expr

    def difference(self) -> sp.Expr:
        """Evaluate and simplify left - right: 0 where SymPy proves the step."""
        difference = self.left.doit() - self.right.doit()
        simplified = sp.simplify(difference)
        # expanded before, most would be larger, and take many times as long
        return simplified if simplified == 0 else sp.simplify(sp.expand(difference))

    def _repr_latex_(self) -> str:
        """Show the two sides and the difference that SymPy finds."""
        left, right, difference = map(sp.latex, (self.left, self.right, self.difference()))
        return (
            rf"$$\begin{{aligned}}\text{{left}} &= {left}\\ \text{{right}} &= {right}\\"
            rf" \text{{left}} - \text{{right}} &= {difference}\end{{aligned}}$$"
        )


Origin = Literal["paper", "known", "ours"]
"""Whose a result is: the paper's, known before, or, as far as was found, this book's."""


@dataclass(frozen=True)
class Result:
    """A result of the book.

    Attributes
    ----------
    label
        Its fixed label and anchor.
    equations
        What it states.
    steps
        Its proof; empty for a conjecture.
    cites
        Keys, in ``book/references.bib``, of theorems of others on which the proof rests.
    origin
        Whose it is.
    sources
        Keys of where it stands; none if it is ours.
    credit
        What of it is theirs and what is ours, in a sentence.
    """

    label: str
    equations: tuple[sp.Basic, ...]
    steps: tuple[Step, ...]
    cites: tuple[str, ...] = ()
    origin: Origin = "ours"
    sources: tuple[str, ...] = ()
    credit: str = ""

    def __getitem__(self, name: str) -> Step:
        """Give the step of that name."""
        steps = {step.name: step for step in self.steps}
        if name not in steps:
            raise KeyError(f"{self.label} has no step {name!r}, but: {', '.join(steps)}")
        return steps[name]

    def _repr_markdown_(self) -> str:
        """Show each step by its name, and what SymPy makes of their differences."""
        shown = [
            f"*{step.name}:*\n\n$$\n\\begin{{aligned}}\n&{sp.latex(step.left)} \\\\[1ex]\n"
            f"&\\quad = {sp.latex(step.right)}\n\\end{{aligned}}\n$$"
            for step in self.steps
        ]
        left = dict.fromkeys(f"${sp.latex(step.difference())}$" for step in self.steps)
        return "\n\n".join([*shown, f"Left minus right, by SymPy: {', '.join(left)}."])

    def is_proved(self) -> bool:
        """Tell whether SymPy reduces every step to zero."""
        return bool(self.steps) and all(step.difference() == 0 for step in self.steps)


def phi(z: sp.Expr) -> sp.Expr:
    r"""Density of the standard normal law, :math:`\varphi(z)`."""
    return sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)


def Phi(z: sp.Expr) -> sp.Expr:  # noqa: N802 - the name of the function in every textbook
    r"""Distribution function of the standard normal law, :math:`\Phi(z)`."""
    return (1 + sp.erf(z / sp.sqrt(2))) / 2


def normal_pdf(at: sp.Expr, mean: sp.Expr, variance: sp.Expr) -> sp.Expr:
    r"""Density at a point of :math:`N(\text{mean}, \text{variance})`."""
    return sp.exp(-((at - mean) ** 2) / (2 * variance)) / sp.sqrt(2 * sp.pi * variance)


def posterior_var() -> sp.Expr:
    """Posterior variance after n pulls, v_n."""
    return 1 / (1 / sigma_p**2 + n / sigma_l**2)


def posterior_mean() -> sp.Expr:
    """Posterior mean after n pulls whose rewards sum to S."""
    return (m / sigma_p**2 + S / sigma_l**2) * posterior_var()


def posterior_mean_std() -> sp.Expr:
    """Standard deviation over lives of the posterior mean, s_n."""
    return sigma_p**2 * sp.sqrt(n) / sp.sqrt(n * sigma_p**2 + sigma_l**2)


def sample_mean_std() -> sp.Expr:
    """Standard deviation over lives of the sample mean, tau_n."""
    return sp.sqrt(sigma_p**2 + sigma_l**2 / n)


def gain(mean: sp.Expr, std: sp.Expr) -> sp.Expr:
    """Expected positive part of a Gaussian, g."""
    return mean * Phi(mean / std) + std * phi(mean / std)


def commit_value() -> sp.Expr:
    """Expected return of exploring for n pulls, then committing by the posterior mean, V(n)."""
    return n * m + (T - n) * gain(m, posterior_mean_std())


def ml_gain() -> sp.Expr:
    """Expected reward of a pull after committing by the sample mean."""
    std = sample_mean_std()
    return m * Phi(m / std) + sigma_p**2 / std * phi(m / std)
