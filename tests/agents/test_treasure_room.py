"""Agents of treasure rooms: their gradient against autograd, training against play."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from meta_bandit.agents import CONFIGURATIONS, AgentPolicy, load_agents, save_agents, train
from meta_bandit.agents.a2c import Trainer, advantages
from meta_bandit.agents.network import ACTION, REWARD
from meta_bandit.agents.treasure_room import parts
from meta_bandit.worlds import TreasureRoom, simulate
from tests.agents.unrolled import unrolled_heads

CONFIG = CONFIGURATIONS["treasure-room"]
ROOM = TreasureRoom([8, 12], [-4.0, 0.0], 2.0, 3, 3, 4)
SMALL = replace(CONFIG, updates=4, lives=64, units=5, continuation_until=0.0)


def made(room=ROOM, dtype=torch.float64, **changes) -> Trainer:
    config = replace(SMALL, **changes)
    return Trainer(room, [0, 1], config, torch.device("cpu"), dtype)


def test_the_slopes_are_those_of_autograd():
    """The whole gradient of the loss, through a softmax head and time, to 1e-10."""
    with torch.no_grad():
        learner = made()
        learner.net.weights.mul_(3)  # answers that differ
        learner.lives.play(0)
        beta = torch.tensor(0.2, dtype=torch.float64)
        learner.loss_slope(beta)
        gradient = learner.net.backward(learner.heads_slope).clone()
        reward = learner.lives.signal() / learner.lives.lifetime
    config, lives = learner.config, learner.lives
    leaf = learner.net.weights.clone().requires_grad_()
    x = learner.net.inputs[:-1, :, : learner.net.read].clone()
    heads = unrolled_heads(leaf, x, logits=5)
    policy = torch.distributions.Categorical(logits=heads[:, :, :5].transpose(2, 3))
    value = heads[:, :, 5]
    with torch.no_grad():
        target = advantages(reward, value * lives.mask, config.discount, config.gae_lambda)
        weighed = target.clone()
        for agent in range(2):
            lived = lives.mask[:, agent, 0] > 0
            own = target[lived, agent]
            weighed[:, agent] = (target[:, agent] - own.mean()) / (own.std(correction=0) + 1e-8)
    error = 0.5 * config.value_weight * (value - (value.detach() + target)).square()
    move = learner.net.inputs[1:, :, ACTION : ACTION + 5].argmax(2)
    loss = (-weighed * policy.log_prob(move) - 0.2 * policy.entropy() + error) * lives.mask
    loss.sum().backward()
    assert leaf.grad is not None
    assert gradient.abs().max() > 1e-3
    torch.testing.assert_close(gradient, leaf.grad, rtol=0, atol=1e-10)


def test_agents_are_told_the_same_in_training_and_in_play():
    """The rooms and moves of training are lived again in the world, where an agent looks on."""
    with torch.inference_mode():
        learner = made(dtype=torch.float32)
        learner.lives.play(1)
        z, worth = learner.net.inputs.numpy(), learner.lives.worth.numpy()
        moves = learner.net.inputs[1:, :, ACTION : ACTION + 5].argmax(2).numpy()
        answers = learner.net.heads[:, :, :5].numpy()
        earned = learner.lives.earned.numpy()
        weights = learner.net.weights.numpy().copy()
    trained = train(ROOM, [0, 1], SMALL, "cpu", progress=False)
    agent = AgentPolicy(replace(trained, weights=weights), greedy=False)
    life = ROOM.birth(64, np.random.default_rng(0))
    life.worth = np.moveaxis(worth, 1, 2).astype(np.float64)
    rows = learner.lives.told.inputs
    for step in range(12):
        chances = agent.move_probabilities(life.per_life, life.history)
        alive = step < ROOM.lifetime
        assert agent._net is not None
        told = agent._net.inputs[0, :, :rows].numpy()
        np.testing.assert_allclose(told[alive], z[step, alive, :rows], atol=1e-6)
        expected = torch.from_numpy(answers[step]).softmax(1).numpy()[alive]
        np.testing.assert_allclose(np.moveaxis(chances, 2, 1)[alive], expected, atol=1e-5)
        life.step(moves[step])
    lived = life.played()
    np.testing.assert_allclose(lived.returns, earned, atol=1e-4)
    np.testing.assert_allclose(
        lived.rewards / ROOM.unit[:, None], z[1:, :, REWARD] * (lived.rewards != 0), atol=1e-5
    )


@pytest.mark.parametrize("free", [False, True])
def test_a_step_counts_what_it_is_expected_to_pay(free):
    """By a slow hand: cells seen, treasures found, and what is left of both."""
    counted = {}
    for signal in ("reward", "posterior-mean"):
        with torch.inference_mode():
            learner = made(learning_signal=signal, free_finds=free)
            learner.lives.play(2, 0.25)
            counted[signal] = learner.lives.signal().numpy() * ROOM.unit[:, None]
            z = learner.net.inputs.numpy()
            worth, count = learner.lives.worth.numpy(), learner.lives.count.numpy()
            least = learner.lives.least.numpy()
    told = slice(learner.lives.told.cell, learner.lives.told.task)
    charged, first_ones = (0.25 if free else 1.0), 0
    assert least.ravel().tolist() == ([-4.0, 0.0] if free else [-1.0, 0.0])
    for agent, life in np.ndindex(2, 64):
        seen, hidden = set(), 3
        low = least[agent, 0]
        good = 4 / (2 * (2 - low))
        bad = good - (low + 2) / 2
        for step in range(int(ROOM.lifetime[agent])):
            row = z[step, agent, told, life].nonzero()[0]
            assert len(row) == 3
            move = z[step + 1, agent, ACTION : ACTION + 5, life].argmax()
            dx, dy = ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0))[move]
            x, y = (int(np.clip(v, 0, 2)) for v in (row[0] + dx, row[1] - 3 + dy))
            if row[2] == 6:
                taken = set()
            cell, now = 3 * y + x, worth[agent, 3 * y + x, life]
            found = {"reward": 0.0 if cell in taken else now}
            if cell not in seen:
                first_ones += 1
                found["reward"] = max(now, 0) + charged * min(now, 0)
                density = hidden / (9 - len(seen))
                found["posterior-mean"] = density * (good - charged * bad)
                hidden -= int(count[agent, cell, life])
            seen.add(cell)
            taken.add(cell)
            for signal, values in counted.items():
                expected = found.get(signal, found["reward"])
                assert values[step, agent, life] == pytest.approx(expected, abs=1e-9)
    assert first_ones > 200


def test_lives_in_training_earn_what_the_sampling_policy_earns():
    """Another hand plays the same weights, in other rooms: equal in law."""
    learner = made(dtype=torch.float32, lives=8192, stratified_arms=False)
    with torch.inference_mode():
        learner.net.weights.mul_(3)
        learner.net.weights[..., 20:25] *= 30
        learner.lives.play(0)
        found = learner.lives.earned.double().numpy()
        seen = (9 - learner.lives.unseen).double().numpy()
        weights = learner.net.weights.numpy().copy()
    trained = train(ROOM, [0, 1], SMALL, "cpu", progress=False)
    agent = AgentPolicy(replace(trained, weights=weights), greedy=False)
    lives = simulate(agent, ROOM, 8192, np.random.default_rng(1))
    for here, there in ((found, lives.returns), (seen, lives.seen)):
        error = np.hypot(here.std(axis=1), there.std(axis=1)) / np.sqrt(8192)
        assert (np.abs(here.mean(axis=1) - there.mean(axis=1)) < 4 * error).all()


def test_rooms_are_dealt_evenly_and_the_way_begins_where_treasures_are_never_bad():
    room = TreasureRoom([8], -4.0, 2.0, 3, 3, 4)
    with torch.inference_mode():
        lives = Trainer(room, [3], SMALL, torch.device("cpu"), torch.float64).lives
        lives.begin(5, 1.0)
        place, worth = (part.numpy()[0] for part in lives.draw_room(5))
    # of each treasure one worth in each slice
    slices = np.floor((worth + 4) / 6 * 64)
    np.testing.assert_array_equal(np.sort(slices), np.broadcast_to(np.arange(64), (3, 64)))
    assert set(place.ravel()) == set(range(9))
    assert abs(np.corrcoef(place.ravel(), worth.ravel())[0, 1]) < 0.3
    config = replace(SMALL, continuation_until=0.5)
    curve = train(ROOM, [0, 1], config, "cpu", progress=False).curve
    np.testing.assert_allclose(curve.least_worth, [[0, -2, -4, -4], [0, 0, 0, 0]])
    free = train(ROOM, [0, 1], replace(config, free_finds=True), "cpu", progress=False).curve
    np.testing.assert_allclose(free.least_worth, [[-4] * 4, [0] * 4])


def test_training_is_the_same_alone_and_resumed_and_survives_a_file(tmp_path):
    both = train(ROOM, [5, 6], SMALL, "cpu", progress=False)
    alone = train(ROOM[np.array([0])], [5], SMALL, "cpu", progress=False)
    np.testing.assert_array_equal(both.weights[0], alone.weights[0])

    class StopHereError(Exception):
        pass

    def stop(done):
        if done == 2:
            raise StopHereError

    checkpoint = tmp_path / "run.safetensors"
    with pytest.raises(StopHereError):
        train(ROOM, [5, 6], SMALL, "cpu", stop, checkpoint=checkpoint, every=0)
    resumed = train(ROOM, [5, 6], SMALL, "cpu", False, checkpoint=checkpoint)
    np.testing.assert_array_equal(resumed.weights, both.weights)
    save_agents(both, tmp_path / "agents.safetensors")
    back = load_agents(tmp_path / "agents.safetensors")
    assert back.task == both.task
    assert back.curve.identical(both.curve)
    lives = simulate(AgentPolicy(back), ROOM, 16, np.random.default_rng(0))
    other = simulate(AgentPolicy(both), ROOM, 16, np.random.default_rng(0))
    np.testing.assert_array_equal(lives.positions, other.positions)


def test_an_agent_learns_to_walk_where_treasures_are_good():
    """In seconds it enters more than chance does, and earns what the best blind plan does."""
    room = TreasureRoom([8], 0.0, 2.0, 3, 3, 4)
    curve = train(room, [0], replace(SMALL, updates=150, units=16), "cpu", progress=False).curve
    # chance earns 1.8; four new cells in each of two episodes 2 x 4 x 3 / 9
    assert curve.mean_return[0, -10:].mean() > 2.3
    assert curve.mean_return[0, :5].mean() < 2.1


@pytest.mark.parametrize(("name", "value"), [("critic", "regression"), ("tremble", 0.2)])
def test_what_does_not_fit_is_refused(name, value):
    with pytest.raises(ValueError, match=f"^{name} = .* for agents of treasure rooms"):
        made(**{name: value})


def test_what_is_good_and_what_is_bad_of_a_treasure_add_up():
    low, high = torch.tensor([-4.0, 0.0, -2.0, 1.0]), torch.tensor([2.0, 2.0, -1.0, 3.0])
    good, bad = parts(low, high)
    torch.testing.assert_close(good, torch.tensor([1 / 3, 1.0, 0.0, 2.0]))
    torch.testing.assert_close(good - bad, (low + high) / 2)
