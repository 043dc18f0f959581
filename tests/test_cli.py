import json

import numpy as np
import pytest
from typer.testing import CliRunner

from meta_bandit import GaussianBandit
from meta_bandit.cli import app
from meta_bandit.theory import bayes_optimal, critical_lifetime, optimal_commit

KEYS = {
    "optimal_pulls", "commit_value", "never_value", "bayes_value", "bayes_error",
    "critical_lifetime", "learning_pays",
}  # fmt: skip


def run(*arguments: str) -> str:
    outcome = CliRunner().invoke(app, ["optimal", *arguments])
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def test_json_holds_what_the_library_computes():
    result = json.loads(
        run("--sigma-p", "2", "--sigma-l", "4", "--lifetime", "100", "--mean", "-1.5", "--json")
    )
    task = GaussianBandit(2.0, 4.0, 100, -1.5)
    pulls, value = optimal_commit(task)
    best = bayes_optimal(task)
    assert set(result) == KEYS
    assert result["optimal_pulls"] == pulls
    assert result["commit_value"] == value
    assert result["never_value"] == 0
    assert result["bayes_value"] == best.value
    assert result["bayes_error"] == best.error
    assert result["critical_lifetime"] == critical_lifetime(task)
    assert result["learning_pays"] is True


def test_thresholds_and_estimator_on_request():
    arguments = ("--sigma-p", "1", "--sigma-l", "1", "--lifetime", "20", "--json")
    result = json.loads(run(*arguments, "--thresholds", "--estimator", "ml"))
    assert np.allclose(result["thresholds"], bayes_optimal(GaussianBandit(1, 1, 20)).thresholds)
    assert result["commit_value"] == optimal_commit(GaussianBandit(1, 1, 20), "ml")[1]


@pytest.mark.parametrize(
    ("sigma_p", "sigma_l", "lifetime", "verdict"),
    [
        ("2", "2", "100", "yes"),
        ("0.5", "1", "100", "no (case 1): behaviour is predictable a priori"),
        ("1", "8", "100", "no (case 2): life is shorter than the critical lifetime"),
    ],
)
def test_the_case_of_not_learning_is_named(sigma_p, sigma_l, lifetime, verdict):
    text = run("--sigma-p", sigma_p, "--sigma-l", sigma_l, "--lifetime", lifetime)
    assert f"learning pays          {verdict}" in text


def test_the_other_local_optimum_is_shown():
    assert "explore " in run("--sigma-p", "2", "--sigma-l", "10").split("other local optimum")[1]
    assert "never learning (barrier: -" in run("--sigma-p", "2", "--sigma-l", "4")
    assert "other local optimum    none" in run("--sigma-p", "0.5", "--sigma-l", "1")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--sigma-p", "-1", "sigma_p = -1: must be a finite number > 0"),
        ("--sigma-l", "nan", "sigma_l = nan: must be finite"),
        ("--lifetime", "0.5", "lifetime = 0.5: must be a whole number >= 1"),
        ("--estimator", "best", "estimator = 'best': must be map or ml"),
    ],
)
def test_bad_input_is_named_and_fails(option, value, message):
    arguments = {"--sigma-p": "1", "--sigma-l": "1", option: value}
    flat = [word for pair in arguments.items() for word in pair]
    outcome = CliRunner().invoke(app, ["optimal", *flat])
    assert outcome.exit_code == 2
    assert message in outcome.output


def test_importing_the_package_and_its_command_does_not_load_torch():
    import subprocess
    import sys

    code = "import sys, meta_bandit, meta_bandit.cli; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
