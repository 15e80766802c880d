"""Pretraining that ends when its loss is flat: where, at which rates, and after a resume too."""

import keras
import numpy as np
import pytest

from tests.data.pictures import make_pixels
from tests.pretrain.cases import SHAPE, assert_same_state, make_method, read_state
from tfzero.common.checks import InputError
from tfzero.pretrain import METHODS, plateau
from tfzero.pretrain.budget import PretrainingBudget
from tfzero.pretrain.plateau import UntilFlat, find_end, is_flat, require_one_loss
from tfzero.pretrain.run import pretrain

IMAGES = make_pixels(12, *SHAPE, seed=1)


@pytest.mark.parametrize(
    "losses, flat",
    [
        ([1.0, 0.5, 0.5], False),  # too few to tell
        ([1.0, 0.5, 0.5, 0.5], True),
        ([1.0, 0.8, 0.6, 0.4], False),
        ([1.0, 0.5, 0.42, 0.40], False),  # 0.02 of 0.60 are more than 3 %
        ([1.0, 0.5, 0.42, 0.41], True),  # 0.01 of 0.59 are less
        ([0.5, 0.6, 0.7, 0.8], True),  # there is no progress
        # Of eight epochs the last two against the two before: 0.39 and 0.41.
        ([1.0, 0.7, 0.6, 0.5, 0.42, 0.40, 0.40, 0.38], False),
        ([1.0, 0.7, 0.6, 0.5, 0.42, 0.40, 0.41, 0.40], True),
    ],
)
def test_flat_is_a_quarter_with_under_3_percent_of_all_progress(losses, flat):
    assert is_flat(losses) == flat


def test_it_ends_with_a_cooldown_of_a_quarter_and_never_after_the_most():
    falling = list(np.linspace(1, 0, 40))
    assert find_end(falling, most=100, cools=True) is None
    flat = [1.0, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1]
    assert find_end(flat[:6], most=100, cools=True) is None
    assert find_end(flat, most=100, cools=False) == (7, 7)
    assert find_end(flat, most=100, cools=True) == (7, 9)
    assert find_end([*flat, 0.0, 0.0], most=100, cools=True) == (7, 9)  # decided is decided
    assert find_end(falling, most=20, cools=True) == (16, 20)
    assert find_end(falling, most=20, cools=False) == (20, 20)
    assert find_end([1.0], most=1, cools=True) == (1, 1)


def test_the_rate_rises_stays_and_falls_in_a_straight_line():
    callback = UntilFlat(peak=0.1, steps_per_epoch=10, most=100, cools=True)
    assert [callback.share(done) for done in (0, 4, 9, 10, 500)] == [0.1, 0.5, 1, 1, 1]
    losses = [1.0, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1]
    ending = UntilFlat(peak=0.1, steps_per_epoch=10, most=100, cools=True, losses=losses)
    assert [ending.share(done) for done in (69, 70, 75, 80, 90, 91)] == [1, 1, 0.75, 0.5, 0, 0]
    long = UntilFlat(peak=0.1, steps_per_epoch=1000, most=100, cools=True)
    assert [long.share(done) for done in (99, 199, 200)] == [0.5, 1, 1]


@pytest.mark.parametrize("name", ["vae", pytest.param("rotation", marks=pytest.mark.slow)])
def test_a_resumed_training_ends_as_one_that_never_stopped(name, monkeypatch):
    monkeypatch.setattr(plateau, "_FLAT_SHARE", 0.5)  # so that few epochs are enough
    decays = METHODS[name].decays
    budget = PretrainingBudget(12, 6, 2e-3, decays=decays, until_flat=True)
    whole = make_method(name)
    history = pretrain(whole, IMAGES, budget=budget)
    flat, epochs = find_end(history["loss"], most=12, cools=decays)
    assert len(history["loss"]) == epochs < 12 and (epochs > flat) == decays
    assert int(whole.optimizer.iterations.numpy()) == 2 * epochs
    if decays:
        assert float(whole.optimizer.learning_rate.numpy()) < 2e-3

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch + 1 == flat

    again = make_method(name)
    first = pretrain(again, IMAGES, budget=budget, callbacks=[Stop()])["loss"]
    assert len(first) == flat
    if epochs > flat:
        pretrain(again, IMAGES, budget=budget, start_epoch=flat, losses=first)
    assert_same_state(read_state(whole), read_state(again))


def test_the_budget_says_when_at_the_latest():
    for method in METHODS.values():
        usual, auto = method.budget(1000), method.budget(1000, epochs="auto")
        assert auto.until_flat and auto.epochs == 4 * usual.epochs
        assert not usual.until_flat and not method.budget(1000, epochs=3).until_flat


def test_networks_that_work_against_each_other_have_no_such_loss():
    with pytest.raises(InputError, match='method "gan" has no such loss'):
        require_one_loss("gan", make_method("gan"))
    require_one_loss("vae", make_method("vae"))
