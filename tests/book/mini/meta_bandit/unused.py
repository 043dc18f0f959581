"""No chapter uses this."""
