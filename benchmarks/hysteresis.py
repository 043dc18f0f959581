"""Whether the loop of a walk across the edge closes as the walk slows down.

Ten agents walk there and back, again and again from the same start, each time with more updates at
every stop. What is done is kept beside the results until all is, so that a stop costs one training.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.machine import machine
from meta_bandit.files import to_json, write_atomically
from meta_bandit.studies.walks import Walk, go, measured

OUT = Path(__file__).parent / "results" / "hysteresis.json"
UPDATES = (10, 20, 40, 80, 160)
"""At each stop; each rate is half the one before."""
LIVES = 200


def main(kept: Path) -> None:
    """Walk at all rates, measure, and store it."""
    kept.mkdir(parents=True, exist_ok=True)
    walks = {}
    for updates in UPDATES:
        walks[updates] = go(Walk(updates), kept)
        print(f"{updates} updates at each stop: done", file=sys.stderr, flush=True)
    walk = asdict(Walk(UPDATES[0]))
    del walk["updates"]
    about = {"machine": machine("torch", "numpy"), "walk": walk}
    write_atomically(OUT, to_json(about | measured(walks, LIVES), indent=1) + "\n")
    shutil.rmtree(kept)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT.with_name("hysteresis.parts"))
