"""What lives were worth and how much they explored, and what can be read off a network's memory."""

from meta_bandit.measure.lives import (
    behaviour,
    controlled_mean,
    estimates,
    evaluate,
    lay_out,
    measure,
)
from meta_bandit.measure.probe import decoded_direction, held_out_r2, raw_inputs, share_moved_by

__all__ = [
    "behaviour",
    "controlled_mean",
    "decoded_direction",
    "estimates",
    "evaluate",
    "held_out_r2",
    "lay_out",
    "measure",
    "raw_inputs",
    "share_moved_by",
]
