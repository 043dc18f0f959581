import numpy as np
import pytest

from meta_bandit import GaussianBandit


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("sigma_p", 0.0, "sigma_p = 0: must be a finite number > 0"),
        ("sigma_p", -1.0, "sigma_p = -1: must be a finite number > 0"),
        ("sigma_l", np.nan, "sigma_l = nan: must be finite"),
        ("sigma_l", np.inf, "sigma_l = inf: must be finite"),
        ("sigma_l", [1.0, -2.0], "sigma_l = -2: must be a finite number > 0"),
        ("lifetime", 0, "lifetime = 0: must be a whole number >= 1"),
        ("lifetime", 10.5, r"lifetime = 10\.5: must be a whole number >= 1"),
        ("lifetime", 1e17, r"lifetime = 1e\+17: must be at most 2\^53"),
        ("sigma_p", 1e-200, r"sigma_p = 1e-200: must be in \[1e-150, 1e150\]"),
        ("sigma_l", 1e200, r"sigma_l = 1e\+200: must be in \[1e-150, 1e150\]"),
        ("mean", -1e200, r"mean = -1e\+200: must be in \[-1e150, 1e150\]"),
        ("mean", np.nan, "mean = nan: must be finite"),
        ("mean", "low", "mean = 'low': must be a real number"),
        ("lifetime", True, "lifetime = True: must be a real number"),
    ],
)
def test_bad_field_is_named_with_value_and_range(field, value, message):
    good = {"sigma_p": 1.0, "sigma_l": 1.0, "lifetime": 10, "mean": -1.0}
    with pytest.raises(ValueError, match=message):
        GaussianBandit(**(good | {field: value}))


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises(ValueError, match=r"do not broadcast: sigma_p \(2,\), sigma_l \(3,\)"):
        GaussianBandit([1, 2], [1, 2, 3])


def test_fields_broadcast_and_cannot_be_written():
    task = GaussianBandit([[1.0], [2.0]], [1.0, 2.0, 3.0], lifetime=100.0)
    assert task.shape == (2, 3)
    assert task.lifetime.dtype == np.int64
    with pytest.raises(ValueError, match="read-only"):
        task.sigma_p[0, 0] = 5.0


def test_the_task_keeps_no_view_of_its_input():
    sigma_p = np.array([1.0, 2.0])
    task = GaussianBandit(sigma_p, 1.0)
    sigma_p[0] = -1.0
    assert task.sigma_p[0] == 1.0


def test_picking_one_task_of_many():
    tasks = GaussianBandit([[1.0], [2.0]], [1.0, 2.0, 3.0], lifetime=[10, 20, 30])
    assert tasks[1, 2] == GaussianBandit(2.0, 3.0, 30)
    assert tasks[1, 2] != GaussianBandit(2.0, 3.0, 31)


def test_repr_is_the_call_that_makes_it():
    task = GaussianBandit(1.5, 0.5, 20, -2.0)
    assert eval(repr(task)) == task
