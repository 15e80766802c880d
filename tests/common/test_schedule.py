import keras
import numpy as np
import pytest

from tfzero.common import schedule
from tfzero.common.schedule import WarmupCosine


@pytest.fixture(autouse=True)
def fixed_share(monkeypatch):
    monkeypatch.setattr(schedule, "_WARMUP_SHARE", 0.1)


@pytest.mark.parametrize(
    "done, rate",
    [(0, 0.05), (4, 0.25), (9, 0.5), (10, 0.5), (55, 0.25), (100, 0.0), (150, 0.0)],
)
def test_rate_rises_linearly_and_falls_as_a_cosine(done, rate):
    assert WarmupCosine(0.5, steps=100).rate(done) == pytest.approx(rate, abs=1e-12)


def test_rate_at_a_third_of_the_descent():
    # 10 + 30 of 90 steps of descent: cos(pi / 3) = 1/2.
    assert WarmupCosine(1.0, steps=100).rate(40) == pytest.approx(0.75)


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 301])
def test_rate_is_never_above_the_peak_nor_zero_before_the_end(steps):
    schedule = WarmupCosine(0.5, steps)
    rates = [schedule.rate(done) for done in range(steps)]
    assert max(rates) == 0.5 and min(rates) > 0
    assert schedule.rate(steps) == pytest.approx(0, abs=1e-12) or steps == 1
    top = rates.index(0.5)
    assert rates[:top] == sorted(rates[:top]) and rates[top:] == sorted(rates[top:], reverse=True)


def train_watched(steps_per_execution):
    """Returns the rate of each of 12 steps, read from what SGD did to a weight."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(
        keras.optimizers.SGD(9.0),
        loss=lambda truth, answer: answer,  # its gradient to the weight is 1
        steps_per_execution=steps_per_execution,
    )
    weights = [model.get_weights()[0].item()]

    class Read(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            weights.append(self.model.get_weights()[0].item())

    schedule = WarmupCosine(0.5, steps=12)
    for _ in range(2):  # a second fit goes on where the first stopped
        model.fit(
            np.ones((6, 1)), np.ones((6, 1)), batch_size=1, callbacks=[schedule, Read()], verbose=0
        )
    return schedule, -np.diff(weights)


def test_each_step_has_its_own_rate():
    schedule, rates = train_watched(steps_per_execution=1)
    assert rates == pytest.approx([schedule.rate(done) for done in range(12)], abs=1e-5)


def test_steps_of_one_call_share_the_rate_of_their_middle():
    schedule, rates = train_watched(steps_per_execution=3)
    expected = [3 * schedule.rate(first + 1) for first in range(0, 12, 3)]
    assert rates == pytest.approx(expected, abs=1e-5)
