"""Worlds beside the book's bandit, each a package of its own: the task, its lives, its policies."""
