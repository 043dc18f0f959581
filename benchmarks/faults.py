"""Faults on purpose, counted: runs the tests that kill, cut and fill, and writes what they noted.

``KILLS=20 python -m benchmarks.faults`` kills 20 builds of a book in place of 5.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from benchmarks.machine import machine

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "faults.json"
TESTS = ("tests/test_faults.py", "tests/book/test_faults.py")


def collect(report: str) -> list[dict[str, Any]]:
    """Read from pytest's JUnit XML what each test noted as ``faults``, in its order."""
    properties = ElementTree.fromstring(report).iter("property")
    return [json.loads(each.attrib["value"]) for each in properties if each.get("name") == "faults"]


def added(noted: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Add up what was tried at one thing by several tests."""
    rows: dict[str, dict[str, Any]] = {}
    for note in noted:
        row = rows.setdefault(note["what"], dict(note) | {"tried": 0, "same": 0, "refused": 0})
        for count in ("tried", "same", "refused"):
            row[count] += note[count]
    return list(rows.values())


def main() -> int:
    """Run the tests; write what they noted if all of them pass."""
    before = machine("numpy", "torch", "xarray", "jupyter-book", "meta-bandit")
    commit = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    before["commit"] = subprocess.check_output(commit, cwd=ROOT, text=True).strip()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        # the newer kind has no place for what a test notes
        report_kind = ["-o", "junit_family=xunit1", f"--junitxml={report}"]
        command = [sys.executable, "-m", "pytest", "-q", *report_kind, *TESTS]
        if status := subprocess.run(command, cwd=ROOT, check=False).returncode:
            return status
        rows = added(collect(report.read_text(encoding="utf-8")))
    record = {"machine": before, "rows": rows}
    RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    for row in rows:
        print(f"{row['what']:<55} {row['tried']:>4} {row['same']:>4} {row['refused']:>4}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
