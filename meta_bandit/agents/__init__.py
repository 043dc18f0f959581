"""LSTM agents that meta-learn the bandit (RL^2), trained many at once; importing this loads torch.

>>> trained = train(GaussianBandit([2.0, 0.5], [2.0, 1.0]), seeds=[0, 0])
>>> lives = simulate(AgentPolicy(trained), trained.task, 10_000, np.random.default_rng(1))
"""

from meta_bandit.agents.config import CONFIGURATIONS, A2CConfig
from meta_bandit.agents.many_arms import ManyArmsAgent
from meta_bandit.agents.policy import AgentPolicy, Watch
from meta_bandit.agents.trained import TrainedAgents, load_agents, save_agents
from meta_bandit.agents.training import train

__all__ = [
    "CONFIGURATIONS",
    "A2CConfig",
    "AgentPolicy",
    "ManyArmsAgent",
    "TrainedAgents",
    "Watch",
    "load_agents",
    "save_agents",
    "train",
]
