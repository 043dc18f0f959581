"""Agents that are raised on many tasks: their tables, and how their files are made."""

from dataclasses import replace

import numpy as np
import pytest

from meta_bandit import GaussianBandit
from meta_bandit.agents import CONFIGURATIONS, AgentPolicy, load_agents, train
from meta_bandit.measure import measure
from meta_bandit.studies import STUDIES, Generalist, every_death, every_lifetime, every_task, run
from meta_bandit.studies.generalists import geometric, log_uniform, spread_out
from meta_bandit.theory import bayes_optimal
from meta_bandit.worlds import simulate

TINY = replace(CONFIGURATIONS["smoke"], updates=3, lives=8, units=5, time_feature="log-remaining")
STAGES = (TINY, replace(TINY, updates=2, normalise_advantages="task", continuation_until=0.0))
SMALL = every_lifetime((4, 5), STAGES, shortest=2, longest=9)


def test_lengths_of_life_have_the_logarithm_uniform_and_both_ends():
    lengths = log_uniform(5, 400, np.linspace(0, 1, 200_000, endpoint=False))
    assert lengths.min() == 5
    assert lengths.max() == 400
    for middle in (10, 40, 150):
        share = np.log(middle / 5) / np.log(401 / 5)
        assert (lengths < middle).mean() == pytest.approx(share, abs=1e-4)


@pytest.mark.checks("prop-hazard")
@pytest.mark.parametrize("survival", [0.5, 0.9, 0.98])
def test_lengths_of_life_under_a_hazard_survive_each_pull_alike(survival):
    lengths = geometric(survival, spread_out(100, 1000))
    for pulls in (0, 1, 2, 10, 30):
        assert (lengths > pulls).mean() == pytest.approx(survival**pulls, abs=2e-5)
    assert lengths.mean() == pytest.approx(1 / (1 - survival), rel=1e-3)


def test_each_update_of_a_table_has_the_whole_law():
    shares = spread_out(8, 5)
    assert sorted(shares) == pytest.approx((np.arange(40) + 0.5) / 40)
    for update in shares.reshape(5, 8):
        assert sorted((8 * update).astype(int)) == list(range(8))


def test_the_plane_is_covered_to_its_ends():
    table = every_task((0, 1), STAGES, updates=64).task
    assert table.shape == (2, 512)
    logs = np.log(table.sigma_l / 0.1) / np.log(160)
    for share in ((table.sigma_p - 0.4) / 3.6, logs):
        assert np.histogram(share, 8, (0, 1))[0].tolist() == pytest.approx([64] * 8, abs=2)
    assert table.lifetime.min() == 8
    assert table.lifetime.max() == 125


def test_each_agent_knows_one_hazard():
    chosen = every_death((7, 9), STAGES, mean_lifetimes=(4, 10), updates=50)
    assert chosen.seeds == (7, 9, 7, 9)
    assert chosen.task.lifetime.mean(axis=1) == pytest.approx([4, 4, 10, 10], rel=0.01)


def test_each_stage_begins_where_the_one_before_ended():
    found = SMALL.team(range(2)).train("cpu")
    first = train(SMALL.task, SMALL.seeds, STAGES[0], "cpu")
    second = train(SMALL.task, SMALL.seeds, STAGES[1], "cpu", initial=first.weights)
    np.testing.assert_array_equal(found.weights, second.weights)
    assert not np.array_equal(first.weights, second.weights)
    assert found.config == STAGES[1]


def test_a_file_is_made_once_and_says_where_it_came_from(tmp_path):
    out = tmp_path / "small.nc"
    made = run(SMALL, out, "cpu")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.nc", "small.safetensors"]
    read = load_agents(tmp_path / "small.safetensors")
    np.testing.assert_array_equal(read.weights, SMALL.team(range(2)).train("cpu").weights)
    assert read.task == SMALL.task
    assert SMALL.is_of(read)
    about = read.curve.attrs
    assert about["resumed"] == 0
    assert about["device"] == "cpu"
    assert {"commit", "date", "torch", "meta_bandit", "wall_seconds"} <= about.keys()
    before = out.read_bytes()
    assert run(SMALL, out, "cpu").identical(made)
    assert out.read_bytes() == before
    other = replace(SMALL, stages=(TINY,))
    with pytest.raises(ValueError, match=r"small\.nc: exists, and holds something else"):
        run(other, out, "cpu")


@pytest.mark.parametrize("stage", [0, 1])
def test_a_stopped_run_ends_with_the_same_numbers(tmp_path, monkeypatch, stage):
    out = tmp_path / "small.nc"
    whole = SMALL.team(range(2)).train("cpu").weights

    class Stop(KeyboardInterrupt):
        pass

    def stopped(task, seeds, config, device, progress, **options):
        if config == STAGES[stage]:

            def progress(done: int) -> None:
                raise Stop

        return train(task, seeds, config, device, progress, **options)

    monkeypatch.setattr("meta_bandit.studies.study.train", stopped)
    with pytest.raises(Stop):
        run(SMALL, out, "cpu", every=0)
    assert not out.exists()
    monkeypatch.undo()
    resumed = run(SMALL, out, "cpu")
    np.testing.assert_array_equal(load_agents(tmp_path / "small.safetensors").weights, whole)
    assert resumed.attrs["resumed"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.nc", "small.safetensors"]


def test_what_they_earn_is_measured_on_tasks_of_theirs(tmp_path):
    chosen = every_death((7, 9), STAGES, mean_lifetimes=(4, 10), updates=50)
    chosen = replace(chosen, lives=50, most=6)
    found = run(chosen, tmp_path / "small.nc", "cpu")
    trained = load_agents(tmp_path / "small.safetensors")
    assert trained.curve.hazard.values == pytest.approx([0.25, 0.25, 0.1, 0.1])
    assert dict(found.sizes) == {"agent": 4, "task": 6}
    np.testing.assert_array_equal(found.hazard, trained.curve.hazard)
    ends = found.lifetime.values[[0, -1]]
    assert ends.tolist() == [chosen.task.lifetime.min(), chosen.task.lifetime.max()]
    task = GaussianBandit(np.full(4, 2.0), 2.0, int(ends[1]))
    lived = simulate(AgentPolicy(trained), task, 50, np.random.default_rng(5))
    again = measure(lived, ["agent"])
    np.testing.assert_array_equal(found.regret.isel(task=5), again.regret)
    assert found.bayes_value.values[5] == pytest.approx(bayes_optimal(task[0]).value)
    # agents of that name that are somebody's are not replaced
    (tmp_path / "mine.safetensors").write_text("notes")
    with pytest.raises(ValueError, match="exists, and stays"):
        run(SMALL, tmp_path / "mine.nc", "cpu")
    assert (tmp_path / "mine.safetensors").read_text() == "notes"
    with pytest.raises(ValueError, match=r"must not end in \.safetensors"):
        run(SMALL, tmp_path / "other.safetensors", "cpu")


def test_named_generalists_have_tables_that_fit_their_updates():
    found = {name: study for name, study in STUDIES.items() if isinstance(study, Generalist)}
    assert len(found) == 3
    for name, generalist in found.items():
        agents, tasks = generalist.task.shape
        assert agents == len(generalist.seeds) >= 3, name
        assert all(tasks % stage.lives == 0 for stage in generalist.stages), name
