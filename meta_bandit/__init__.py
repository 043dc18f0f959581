"""When to learn and when to hard-code: optimal exploration and RL^2 agents on a Gaussian bandit.

One way through the package: task (``worlds``) -> policy (``policies``) -> lives
(``worlds.simulate``) -> measures (``measure``) -> dataset -> figure (``figures``). The exact optima
are in ``theory``, the LSTM agents in ``agents``; importing ``meta_bandit`` loads neither.
"""

from meta_bandit.worlds import RISKY, SAFE, GaussianBandit

__version__ = "0.1.0"

__all__ = ["RISKY", "SAFE", "GaussianBandit", "__version__"]
