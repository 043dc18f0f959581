"""Other learners: what the chapter says of them, and what the file of the benchmark does."""

from dataclasses import asdict

import numpy as np
import pytest

from benchmarks.learners import LEARNERS, LIFETIME, SEED, TASKS, draw
from benchmarks.learners import WAYS as TRAINED
from meta_bandit import GaussianBandit, figures
from meta_bandit.agents import A2CConfig
from meta_bandit.studies import learners as chapter
from meta_bandit.studies import stored_benchmark
from meta_bandit.theory import bayes_optimal, optimal_commit

STORED = stored_benchmark("learners.json")
ROWS = {
    (learner, way): own["rows"]
    for learner, ways in STORED["learners"].items()
    for way, own in ways.items()
}


@pytest.fixture(scope="module")
def found():
    return chapter.learners(STORED)


def test_tasks_are_those_drawn_and_lie_between_the_edges():
    drawn = draw(TASKS, np.random.default_rng(SEED))
    assert len(STORED["tasks"]) == TASKS
    for task, stored in zip(drawn, STORED["tasks"], strict=True):
        own = GaussianBandit(*(stored[name] for name in task.values))
        np.testing.assert_allclose(own.sigma_l, task.sigma_l, rtol=1e-9)
        assert own.lifetime == LIFETIME
        assert stored["committed_edge"] <= own.sigma_l < stored["adaptive_edge"]
        assert optimal_commit(own)[1] <= 1e-9 < stored["value"]
        assert stored["value"] == pytest.approx(float(bayes_optimal(own).value))


def test_each_learner_is_trained_as_is_said():
    assert chapter.WAYS.keys() == TRAINED.keys()
    for (learner, way), rows in ROWS.items():
        stored = STORED["learners"][learner][way]["config"]
        assert A2CConfig(**stored) == LEARNERS[learner].config(way)
        each = {(row["task"], row["seed"]) for row in rows}
        assert len(each) == len(rows) >= 3 * TASKS
    # one thing at a time
    for learner, changed in {
        "A2C, small steps": {"learning_rate"},
        "PPO": {"learning_rate"},
        "GRU": set(),
        "wide LSTM": {"units"},
        "transformer": {"learning_rate", "units"},
        "evolution": {"learning_rate", "lives"},
    }.items():
        one, other = (asdict(LEARNERS[name].config("direct")) for name in ("A2C", learner))
        assert {key for key, value in one.items() if value != other[key]} == changed


def test_the_dataset_says_what_the_file_does(found):
    data, facts = found
    counted = 0
    for (learner, way), rows in ROWS.items():
        own = data.sel(learner=learner, way=chapter.WAYS[way])
        for row in rows:
            agent = own.sel(task=row["task"], seed=row["seed"])
            for name in (*chapter.MEASURES, *chapter.CURVES):
                np.testing.assert_array_equal(agent[name], row[name])
        assert int(own.share.notnull().sum()) == len(rows)
        counted += len(rows)
    assert int(data.share.notnull().sum()) == counted
    assert facts["learner-more"].value == 4
    assert all(fact.about for fact in facts.values())


def test_what_is_said_of_the_learners(found):
    # trained directly nobody pulls, whoever learns
    for (_, way), rows in ROWS.items():
        if "direct" in way:
            assert not any(row["risky_pulls"] for row in rows)
    table = chapter.by_learner(found[0])
    assert table.keys() == LEARNERS.keys()
    for learner, row in table.items():
        for way, title in chapter.WAYS.items():
            pull = sum(agent["risky_pulls"] > 0 for agent in ROWS[learner, way])
            assert row[title] == f"{pull} of {len(ROWS[learner, way])}"
        own = [agent["share"] for agent in ROWS[learner, "default"]]
        assert row["return, default, with its path (%)"] == round(100 * np.mean(own))
        pull = sum(agent["risky_pulls"] > 0 for agent in ROWS[learner, "path"])
        assert (pull > 0) == (learner in ("transformer", "wide LSTM"))


def test_until_when_agents_pull(found):
    data, facts = found
    curves = np.array([row["curve_risky_pulls"] for (_, way), rows in ROWS.items()
                       if way == "direct" for row in rows])  # fmt: skip
    path = [row["risky_pulls"] > 0 for row in STORED["learners"]["A2C"]["path"]["rows"]]
    assert (facts["lstm-path"].value, facts["lstm-path-pull"].value) == (len(path), sum(path))
    assert sum(path) < 0.2 * len(path)
    after = np.array(STORED["updates"]) > facts["direct-until"].value
    assert (curves[:, after] < 1).all()
    assert (curves[:, ~after][:, -2] >= 1).any()
    first = data.curve_risky_pulls.sel(way=chapter.WAYS["path"]).isel(update=0)
    assert facts["path-first"].value == first.min() > 10


def test_each_agent_is_a_dot_in_the_row_of_its_learner(found):
    data, _ = found
    (ax,) = figures.shares_by_learner(data.share).axes
    lines = [line for line in ax.lines if line.get_marker() == "o"]
    assert [line.get_label() for line in lines] == data.way.values.tolist()
    for line, way in zip(lines, data.way.values, strict=True):
        dots = line.get_xydata()
        dots = dots[~np.isnan(dots[:, 0])]
        for row, learner in enumerate(data.learner.values):
            own = data.share.sel(way=way, learner=learner).values.ravel()
            shown = sorted(dots[np.round(dots[:, 1]) == row, 0])
            np.testing.assert_allclose(shown, sorted(own[~np.isnan(own)].clip(min=-1)))
    assert [text.get_text() for text in ax.get_yticklabels()] == data.learner.values.tolist()
