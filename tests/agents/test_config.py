import dataclasses
import math

import pytest

from meta_bandit.agents import CONFIGURATIONS, A2CConfig


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("updates", 0, "a whole number >= 1"),
        ("updates", 2.5, "a whole number >= 1"),
        ("lives", True, "a whole number >= 1"),
        ("units", -48, "a whole number >= 1"),
        ("learning_rate", 0.0, "a finite number > 0"),
        ("learning_rate", math.nan, "a finite number > 0"),
        ("learning_rate_hold", 1.5, "a number in [0, 1]"),
        ("discount", 1.01, "a number in [0, 1]"),
        ("gae_lambda", -0.1, "a number in [0, 1]"),
        ("entropy", -1.0, "a finite number >= 0"),
        ("entropy_until", 2, "a number in [0, 1]"),
        ("value_weight", math.inf, "a finite number >= 0"),
        ("gradient_clip", 0, "a number > 0; inf for no clipping"),
        ("continuation_until", "half", "a number in [0, 1]"),
        ("continuation_from", -0.1, "a number in [0, 1]"),
        ("good_arms", 1.0, "a number in [0, 1)"),
        ("validation", -1, "a whole number >= 0"),
        ("validation", 1.5, "a whole number >= 0"),
        ("second_decay", 1, "a number in [0, 1)"),
        ("tremble", 0.5, "a number in [0, 0.5)"),
        ("learning_signal", "arm", "one of reward, posterior-mean, arm-mean"),
        ("critic", None, "one of network, regression"),
        ("normalise_advantages", 1, "True, False or 'task'"),
        ("stratified_arms", None, "True or False"),
        ("time_feature", "clock", "one of fraction, elapsed, remaining, log-remaining, none"),
    ],
)
def test_a_field_out_of_range_is_named_with_its_value_and_range(field, value, allowed):
    with pytest.raises(ValueError, match="must be") as error:
        A2CConfig(**{field: value})
    assert str(error.value) == f"{field} = {value!r}: must be {allowed}"


def test_every_field_is_checked():
    for field in dataclasses.fields(A2CConfig):
        with pytest.raises(ValueError, match=f"^{field.name} = "):
            A2CConfig(**{field.name: "nonsense"})


def test_schedules():
    config = A2CConfig(
        updates=100,
        learning_rate=0.01,
        learning_rate_hold=0.5,
        entropy=0.2,
        entropy_until=0.8,
        continuation_until=0.4,
    )
    assert config.at(0) == pytest.approx((0.01, 0.2, 0.0))
    assert config.at(20) == pytest.approx((0.01, 0.15, 0.5))
    assert config.at(40) == pytest.approx((0.01, 0.1, 1.0))
    assert config.at(75) == pytest.approx((0.005, 0.0125, 1.0))
    assert config.at(80) == pytest.approx((0.004, 0.0, 1.0))
    assert config.at(99) == pytest.approx((0.0002, 0.0, 1.0))


def test_the_prior_mean_can_begin_on_its_way():
    config = A2CConfig(updates=100, continuation_from=0.3, continuation_until=0.5)
    assert [config.at(update)[2] for update in (0, 25, 50, 99)] == pytest.approx([0.3, 0.65, 1, 1])


def test_weights_of_lives_and_units_of_tasks_do_not_mix():
    with pytest.raises(ValueError, match=r"good_arms = 0\.3: must be 0 with"):
        A2CConfig(good_arms=0.3, normalise_advantages="task")


def test_what_was_tried_is_validated():
    with pytest.raises(ValueError, match="snapshots = 3: must be 0 with validation = 0"):
        A2CConfig(snapshots=3)


def test_schedules_that_are_switched_off():
    config = A2CConfig(
        updates=10, learning_rate_hold=1.0, entropy=0.2, entropy_until=0.0, continuation_until=0.0
    )
    for update in range(10):
        assert config.at(update) == (config.learning_rate, 0.0, 1.0)


def test_names():
    assert CONFIGURATIONS["plain"] == A2CConfig()
    assert CONFIGURATIONS["smoke"].updates <= 10
