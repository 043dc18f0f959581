"""On what, when and with what a benchmark was measured, and how busy the machine was."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def machine(*packages: str) -> dict[str, object]:
    """Describe this machine, now, with the versions of those packages that are installed."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    model = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": model[0] if model else platform.processor(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": dict(_versions(*packages)),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _versions(*packages: str) -> Iterator[tuple[str, str]]:
    for name in packages:
        with contextlib.suppress(PackageNotFoundError):
            yield name, version(name)
