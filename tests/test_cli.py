import errno
import json
from pathlib import Path

import mpmath
import numpy as np
import pytest
from typer.testing import CliRunner

from meta_bandit import GaussianBandit
from meta_bandit.agents import load_agents
from meta_bandit.cli import app
from meta_bandit.files import only_one
from meta_bandit.theory import bayes_optimal, critical_lifetime, optimal_commit

KEYS = {
    "optimal_pulls", "commit_value", "never_value", "bayes_value", "bayes_error",
    "critical_lifetime", "learning_pays", "advantage",
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


@pytest.mark.parametrize(
    ("arguments", "verdict"),
    [
        (["--sigma-p", "1", "--mean", "8"], "yes, by "),
        (["--sigma-l", "1e3", "--mean", "1"], "no: all that it could add is less than 1e-300 |m|"),
        (["--sigma-p", "0.01", "--mean", "1"], "no: all that it could add is less than 1e-300 |m|"),
        (["--lifetime", "1", "--mean", "1"], "no: life has a single pull"),
        (["--mean", "1", "--sigma-l", "9", "--estimator", "ml"], "no: no sample mean is found"),
    ],
)
def test_a_verdict_for_a_good_arm_gives_the_true_reason(arguments, verdict):
    text = run("--sigma-p", "1", "--sigma-l", "1", *arguments)
    assert f"learning pays          {verdict}" in text


def exact_advantage(task: GaussianBandit, pulls: int) -> mpmath.mpf:
    """V(n) - V(0) from thm-commit-value in 400 digits."""
    if pulls == 0:
        return mpmath.mpf(0)
    with mpmath.workdps(400):
        m, sigma_p, sigma_l = (
            mpmath.mpf(float(v)) for v in (task.mean, task.sigma_p, task.sigma_l)
        )
        spread = sigma_p * mpmath.sqrt(pulls / (pulls + (sigma_l / sigma_p) ** 2))
        z = m / spread
        earned = m * mpmath.ncdf(z) + spread * mpmath.npdf(z)
        lifetime = int(task.lifetime)
        return pulls * m + (lifetime - pulls) * earned - lifetime * max(m, 0)


def test_verdicts_on_a_grid_of_extremes_agree_with_the_values():
    rng = np.random.default_rng(5)
    for _ in range(24):
        lifetime = int(rng.choice([1, 2, 3, 30]))
        sigma_p, sigma_l = 10.0 ** rng.uniform([-2, -4], [3, 5])
        mean = float(rng.choice([-1.0, 0.0, 1.0, 8.0]))
        task = GaussianBandit(sigma_p, sigma_l, lifetime, mean)
        words = ("--sigma-p", str(sigma_p), "--sigma-l", str(sigma_l), "--mean", str(mean))
        result = json.loads(run(*words, "--lifetime", str(lifetime), "--json"))
        best = max(exact_advantage(task, n) for n in range(lifetime + 1))
        assert result["learning_pays"] == (best > 1e-300 * abs(mean)), task
        assert result["advantage"] == pytest.approx(float(best), rel=1e-6, abs=1e-300), task
        text = run(*words, "--lifetime", str(lifetime))
        verdict = text.split("learning pays")[1].strip()
        assert verdict.startswith("yes") == result["learning_pays"], task
        assert ("single pull" in verdict) <= (lifetime == 1), task


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
        ("--lifetime", "1e9", "lifetime = 1e+09 for 1 tasks: must be at most 1e+06 pulls"),
        ("--sigma-l", "1e200", "sigma_l = 1e+200: must be in [1e-150, 1e150]"),
        ("--estimator", "best", "estimator = 'best': must be map or ml"),
    ],
)
def test_bad_input_is_named_and_fails(option, value, message):
    arguments = {"--sigma-p": "1", "--sigma-l": "1", option: value}
    flat = [word for pair in arguments.items() for word in pair]
    outcome = CliRunner().invoke(app, ["optimal", *flat])
    assert outcome.exit_code == 2
    assert message in outcome.output


def test_an_agent_is_trained_saved_and_measured_again(tmp_path):
    out = tmp_path / "new" / "agent.safetensors"
    task = ("--sigma-p", "2", "--sigma-l", "1", "--lifetime", "12", "--mean", "-0.5")
    how = ("--seed", "7", "--config", "smoke", "--device", "cpu")
    trained = CliRunner().invoke(
        app, ["train", *task, *how, "--out", str(out), "--lives", "300", "--json"]
    )
    assert trained.exit_code == 0, trained.output
    # no progress bar, as this is no terminal
    assert trained.stderr == ""
    assert [path.name for path in out.parent.iterdir()] == ["agent.safetensors"]
    evaluated = CliRunner().invoke(app, ["evaluate", str(out), "--lives", "300", "--json"])
    assert evaluated.stdout == trained.stdout
    (result,) = json.loads(trained.stdout)
    bandit = GaussianBandit(2, 1, 12, -0.5)
    assert result["bayes_value"] == bayes_optimal(bandit).value
    assert result["optimal_pulls"] == optimal_commit(bandit)[0]
    assert {"expected_return", "exploration_se", "ends_safe"} <= set(result["greedy"])
    kept = out.read_bytes()
    asked = ["train", *task, *how, "--out", str(out), "--lives", "300", "--json"]
    assert CliRunner().invoke(app, asked).stdout == trained.stdout
    assert out.read_bytes() == kept
    refused = CliRunner().invoke(app, [*asked, "--seed", "8"])
    assert refused.exit_code == 2
    assert "holds something else than this agent" in refused.stderr
    assert out.read_bytes() == kept
    words = CliRunner().invoke(app, ["evaluate", str(out), "--lives", "300"]).stdout
    assert f"{result['greedy']['expected_return']:.4g} +- " in words


def test_a_study_is_written_and_a_finished_one_only_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["study", "smoke", "--workers", "1", "--device", "cpu"]
    first = CliRunner().invoke(app, arguments)
    assert first.exit_code == 0, first.output
    assert first.stderr == ""
    assert "smoke.nc: 4 agents trained on cpu" in first.stdout
    assert CliRunner().invoke(app, arguments).stdout == first.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["smoke.nc"]


def test_a_grid_of_ones_own_is_typed(tmp_path):
    out = tmp_path / "own.nc"
    own = "--sigma-p 1 --sigma-p 2.5 --sigma-l 3 --lifetime 9 --seed 4 --config smoke --weights"
    outcome = CliRunner().invoke(app, ["study", *SMOKE, "--out", str(out), *own.split()])
    assert outcome.exit_code == 0, outcome.output
    agents = load_agents(out.with_suffix(".safetensors"))
    assert agents.task == GaussianBandit([1, 2.5], [3, 3], [9, 9], [-1, -1])
    assert agents.seeds.tolist() == [4, 4]


def test_a_file_that_was_there_stays(tmp_path):
    for name in ("agent", "smoke", "forage-direct"):
        (tmp_path / f"{name}.safetensors").write_text("a reader's")
    for arguments in (
        ("train", *TASK, "--config", "smoke", "--out", str(tmp_path / "agent.safetensors")),
        ("study", *SMOKE, "--out", str(tmp_path / "smoke.nc"), "--weights"),
        ("study", "forage-smoke", "--out", str(tmp_path / "forage.nc")),
    ):
        outcome = CliRunner().invoke(app, list(arguments))
        assert outcome.exit_code == 2, arguments
        assert ".safetensors: exists, and " in outcome.stderr
    assert {path.read_text() for path in tmp_path.iterdir()} == {"a reader's"}
    forced = ("train", *TASK, "--config", "smoke", "--lives", "100", "--device", "cpu", "--force")
    out = tmp_path / "agent.safetensors"
    assert CliRunner().invoke(app, [*forced, "--out", str(out)]).exit_code == 0
    assert CliRunner().invoke(app, ["evaluate", str(out), "--lives", "100"]).exit_code == 0


TASK = ("--sigma-p", "1", "--sigma-l", "1")
SMOKE = ("smoke", "--device", "cpu", "--workers", "1")


def kept(name: str) -> str:
    """Where the book keeps a result."""
    return str(Path(__file__).parents[1] / "book" / "results" / name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "--sigma-p", "0", "--sigma-l", "1"), "sigma_p = 0: must be a finite number > 0"),
        (("train", *TASK, "--lifetime", "2.5"), "lifetime = 2.5: must be a whole number >= 1"),
        (("train", *TASK, "--seed", "-1"), "seed = -1: must be a whole number in [0, 2^64)"),
        (("train", *TASK, "--config", "best"), "config = 'best': must be one of companion, "),
        (("train", *TASK, "--device", "tpu"), "device = 'tpu': must be one of auto, cpu, native, "),
        (("train", *TASK, "--lives", "0"), "lives = 0: must be a whole number >= 1"),
        (("train", *TASK, "--out", "."), "out = .: must be a file, and is a folder"),
        (("study", "big"), "name = 'big': must be one of smoke, "),
        (("study", "quick", "--workers", "0"), "workers = 0: must be a whole number >= 1"),
        (("study", "quick", "--device", "tpu"), "device = 'tpu': must be one of auto"),
        (("study", "quick", "--sigma-p", "2", "--sigma-p", "1"), "sigma_p = (2.0, 1.0): must be"),
        (("study", "quick", "--config", "best"), "config = 'best': must be one of companion, "),
        (("study", "forage", "--sigma-l", "2"), "sigma_l: the study forage has no such setting"),
        (("evaluate", "nothing"), "nothing: there is no such file"),
        (("evaluate", "note"), "note: truncated, or no safetensors file"),
        (("evaluate", kept("every-task.safetensors")), "these agents were dealt many tasks"),
        (
            ("train", *TASK, "--out", "note"),
            "out = note: exists, and holds something else than this agent",
        ),
        (("train", *TASK, "--out", "/proc/x"), "out = /proc/x: cannot be written: "),
        (("study", "smoke", "--out", "x.safetensors", "--weights"), "must not end in .safetensors"),
        (("study", "forage-smoke", "--out", "my.nc"), "my-led.safetensors: exists, and stays"),
        (("study", "quick", "--out", "note"), "note: exists, and is no NetCDF 3 file"),
        (("study", "forage", "--out", kept("plane.nc")), "plane.nc: exists, and holds something"),
        (("study", "every-task", "--out", kept("plane.nc")), "plane.nc: exists, and holds some"),
        (("study", "every-task", "--out", "/proc/x"), "out = /proc/x: cannot be written: "),
    ],
)
def test_bad_input_to_agents_is_named_and_fails(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("note", "my-led.safetensors"):
        (tmp_path / name).write_text("not an agent")
    outcome = CliRunner().invoke(app, list(arguments))
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    assert (tmp_path / "note").read_text() == "not an agent"


@pytest.mark.parametrize(
    "arguments",
    [("study", *SMOKE), ("study", "forage-smoke"), ("study", "every-task")],
)
def test_a_file_that_another_process_makes_is_refused(arguments, tmp_path):
    out = tmp_path / "out"
    with only_one(out):
        outcome = CliRunner().invoke(app, [*arguments, "--out", str(out)])
    assert outcome.exit_code == 2
    assert "another process is making this file" in outcome.stderr


def test_an_agent_is_replaced_only_by_force(tmp_path):
    out = tmp_path / "agent.safetensors"
    out.write_text("hours of work")
    how = ("--config", "smoke", "--device", "cpu", "--out", str(out), "--lives", "10")
    assert CliRunner().invoke(app, ["train", *TASK, *how]).exit_code == 2
    assert out.read_text() == "hours of work"
    assert CliRunner().invoke(app, ["train", *TASK, *how, "--force"]).exit_code == 0
    assert CliRunner().invoke(app, ["evaluate", str(out), "--lives", "10"]).exit_code == 0


def test_a_disk_that_is_full_after_training_is_a_sentence_and_loses_nothing(tmp_path, monkeypatch):
    out = tmp_path / "agent.safetensors"

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    how = ("--config", "smoke", "--device", "cpu", "--out", str(out), "--lives", "10")
    monkeypatch.setattr("meta_bandit.agents.save_agents", full)
    outcome = CliRunner().invoke(app, ["train", *TASK, *how])
    assert outcome.exit_code == 1
    assert "Error: " in outcome.stderr
    assert "No space left on device" in outcome.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["agent.safetensors.checkpoint"]


def test_importing_the_package_and_its_command_does_not_load_torch():
    import subprocess
    import sys

    code = "import sys, meta_bandit, meta_bandit.cli; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
