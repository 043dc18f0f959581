# /// script
# dependencies = ["nox>=2025.2"]
# ///
"""The package's tests under each Python that it allows, with the lock's and the newest packages.

``make versions`` runs all that this machine has; ``uv run noxfile.py -l`` lists them.
"""

import os
import re
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False

# what needs no browser and takes a minute or two
CORE = [
    *("tests/worlds/test_task.py", "tests/worlds/test_bandit.py", "tests/test_policies.py"),
    *("tests/measure/test_lives.py", "tests/test_files.py", "tests/test_explained.py"),
    *("tests/agents/test_network.py", "tests/agents/test_a2c.py", "tests/agents/test_policy.py"),
    *("tests/agents/test_checkpoint.py", "tests/studies/test_stored_results.py"),
    "tests/book/test_execute.py",
]
INDEX = os.environ.get("TORCH_INDEX", "https://download.pytorch.org/whl/cpu")


@nox.session(python=["3.11", "3.12", "3.13"])
@nox.parametrize("packages", ["lock", "newest"])
def tests(session: nox.Session, packages: str) -> None:
    """Install, and run the quick tests of the package and of running a chapter."""
    session.env["OMP_NUM_THREADS"] = "1"
    if packages == "lock":
        lock = Path("requirements.lock").read_text(encoding="utf-8")
        # the lock has torch's wheel for one Python only: the others take the same version
        torch = re.search(r"^torch==(\S+) \\\n(?:    --hash=\S+(?: \\)?\n)+", lock, re.MULTILINE)
        # not in nox's own temporary folder: the tests' temporary files would go there, too, and
        # lie in the environment, as what is installed does
        rest = Path(session.virtualenv.location, "rest.lock")
        rest.write_text(lock.replace(torch[0], ""), encoding="utf-8")
        version = torch[1].partition("+")[0]
        session.install("--extra-index-url", INDEX, f"torch=={version}")
        session.install("--no-deps", "--require-hashes", "-r", str(rest))
        session.install("--no-deps", "--no-build-isolation", "-e", ".")
    else:
        session.install("--upgrade", "--extra-index-url", INDEX, "-e", ".[book,dask,test]")
    session.run("python", "-m", "pytest", "-q", *CORE)


if __name__ == "__main__":
    nox.main()
