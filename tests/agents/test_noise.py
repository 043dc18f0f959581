import numpy as np
import pytest
import torch
from scipy import stats

from meta_bandit.agents.noise import ARMS, PULLS, Noise, philox

FULL = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        # the known answers that come with the authors' library Random123
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([FULL] * 4, [FULL] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_philox_gives_the_known_answers(counter, key, words):
    answer = philox([torch.tensor([c]) for c in counter], [torch.tensor([k]) for k in key])
    assert [int(word) for word in answer] == words


def test_numbers_follow_their_distributions():
    normal, logistic = Noise([7, 8], pulls=100, lives=501).draw(3, PULLS)
    assert stats.kstest(normal.numpy().ravel(), "norm").pvalue > 0.001
    assert stats.kstest(logistic.numpy().ravel(), "logistic").pvalue > 0.001
    together = np.stack([normal[:, 0], normal[:, 1], logistic[:, 0], logistic[:, 1]])
    between = np.corrcoef(together.reshape(4, -1)) - np.eye(4)
    assert abs(between).max() < 4 / np.sqrt(100 * 501)
    # the two halves of the lives come from the same blocks
    assert abs(np.corrcoef(normal[..., :250].ravel(), normal[..., 251:].ravel())[0, 1]) < 0.02


def test_numbers_depend_on_nothing_but_seed_update_stream_and_place():
    reference = Noise([5], pulls=7, lives=9).draw(2, PULLS)
    beside = Noise([1, 5, 2**64 - 1], pulls=11, lives=9).draw(2, PULLS)
    for alone, among in zip(reference, beside, strict=True):
        assert torch.equal(alone[:, 0], among[:7, 1])


def test_seed_update_and_stream_each_matter():
    base, _ = Noise([5], pulls=3, lives=8).draw(2, PULLS)
    others = [
        Noise([6], pulls=3, lives=8).draw(2, PULLS)[0],
        Noise([5 + 2**32], pulls=3, lives=8).draw(2, PULLS)[0],
        Noise([5], pulls=3, lives=8).draw(3, PULLS)[0],
        Noise([5], pulls=3, lives=8).draw(2, ARMS)[0],
    ]
    for other in others:
        assert not torch.isin(base, other).any()


def test_a_second_draw_repeats_the_first():
    noise = Noise([3, 4], pulls=5, lives=6)
    first = [values.clone() for values in noise.draw(9, PULLS)]
    noise.draw(10, PULLS)
    for once, again in zip(first, noise.draw(9, PULLS), strict=True):
        assert torch.equal(once, again)
