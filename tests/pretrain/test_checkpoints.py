import json
import os

import keras
import numpy as np
import pytest

import tfzero
from tests.conftest import build_small_encoder
from tests.data.pictures import make_pixels
from tests.pretrain.cases import (
    SHAPE,
    Brightness,
    assert_same_state,
    compile_method,
    make_method,
    read_state,
)
from tfzero.common.checks import InputError, StopError
from tfzero.data.pipeline import stream_batches
from tfzero.pretrain.checkpoints import Checkpoints

IMAGES = make_pixels(24, *SHAPE, seed=1)
STEPS = 3


def fit(method, path, *, epochs=4, done=0, **settings):
    """Fits epochs of 3 steps in the order that a run from the start would have."""
    batches = stream_batches(IMAGES, batch_size=8, seed=7, start=STEPS * done)
    saver = Checkpoints(path, **settings)
    method.fit(
        batches,
        steps_per_epoch=STEPS,
        initial_epoch=done,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[saver],
    )


def count_epochs(path):
    return int(tfzero.load_model(path).optimizer.iterations.numpy()) // STEPS


def list_names(folder):
    return sorted(path.name for path in folder.iterdir())


def make(name="brightness"):
    built = Brightness(build_small_encoder()) if name == "brightness" else make_method(name)
    method = compile_method(built, run_eagerly=True)
    if not method.optimizer.built:
        method.optimizer.build(method.trainable_variables)
    return method


def test_keeps_the_newest_and_the_last_few(tmp_path):
    (tmp_path / "run-epochs.keras").write_text("somebody's")
    (tmp_path / "other-epoch0001.keras").write_text("somebody's")
    fit(make(), tmp_path / "run.keras", epochs=5, keep=3)
    assert list_names(tmp_path) == [
        "other-epoch0001.keras",
        "run-epoch0003.keras",
        "run-epoch0004.keras",
        "run-epochs.keras",
        "run-history.json",
        "run.keras",
    ]
    for name, epochs in [("run-epoch0003", 3), ("run-epoch0004", 4), ("run", 5)]:
        assert count_epochs(tmp_path / f"{name}.keras") == epochs
    history = json.loads((tmp_path / "run-history.json").read_text())
    assert [entry["epoch"] for entry in history] == [1, 2, 3, 4, 5]
    assert set(history[0]) == {"epoch", *make().trackers}


@pytest.mark.parametrize("largest, best", [(False, 3), (True, 2)])
def test_keeps_the_best(tmp_path, largest, best):
    method = make()
    saver = Checkpoints(tmp_path / "run.keras", monitor="value", largest=largest)
    saver.set_model(method)
    for epoch, value in enumerate([2.0, 3.0, 1.0, 1.0, 2.0]):
        method.optimizer.iterations.assign(STEPS * (epoch + 1))
        saver.on_epoch_end(epoch, {"value": value})
    assert count_epochs(tmp_path / "run-best.keras") == best
    assert json.loads((tmp_path / "run-history.json").read_text())[-1] == {
        "epoch": 5,
        "value": 2.0,
        "monitor": "value",
    }


class Spoil(keras.callbacks.Callback):
    """Makes one weight infinite in an epoch, after its losses were averaged."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            kernel = self.model.encoder.get_layer("block1").kernel
            kernel.assign(np.where(np.arange(kernel.shape[-1]) == 0, np.inf, kernel.numpy()))


def test_weights_that_are_not_finite_replace_nothing_and_stop_training(tmp_path):
    path, method = tmp_path / "run.keras", make()
    saver = Checkpoints(path, keep=2, monitor="loss")
    batches = stream_batches(IMAGES, batch_size=8, seed=7, start=0)
    ran = method.fit(
        batches,
        steps_per_epoch=STEPS,
        epochs=4,
        shuffle=False,
        verbose=0,
        callbacks=[Spoil(1), saver],
    )
    assert ran.epoch == [0, 1]
    assert "In epoch 2 the weights" in saver.failure and "block1" in saver.failure
    assert f"{path} is the last good model, of epoch 1" in saver.failure
    assert list_names(tmp_path) == ["run-best.keras", "run-history.json", "run.keras"]
    for name in ("run", "run-best"):
        kept = tfzero.load_model(tmp_path / f"{name}.keras")
        assert all(np.isfinite(weight).all() for weight in kept.get_weights())
    assert count_epochs(path) == 1
    assert [entry["epoch"] for entry in json.loads(saver.history_path.read_text())] == [1]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_replaces_nothing_either(value, tmp_path):
    path, method = tmp_path / "run.keras", make()
    saver = Checkpoints(path, monitor="value")
    saver.set_model(method)
    saver.on_epoch_end(0, {"value": value})
    assert f"In epoch 1 value is {value:g}" in saver.failure and "none was before" in saver.failure
    assert method.stop_training and list_names(tmp_path) == []
    saver.on_epoch_end(0, {"value": 1.0})
    before = path.read_bytes()
    saver.on_epoch_end(1, {"value": 0.5, "other": value})
    assert path.read_bytes() == before and "other is" in saver.failure


def test_the_best_of_another_monitor_is_left_alone(tmp_path):
    method, path = make(), tmp_path / "run.keras"

    def go_on(done, monitor, **values):
        saver = Checkpoints(path, monitor=monitor, largest=monitor == "probe")
        saver.set_model(method)
        method.optimizer.iterations.assign(STEPS * (done + 1))
        saver.on_epoch_end(done, values)
        best = count_epochs(saver.best_path) if saver.best_path.exists() else 0
        return saver.find_other_monitor(done), best

    assert go_on(0, None, loss=4.0) == (None, 0)
    assert go_on(1, "probe", loss=3.0, probe=0.5) == (None, 2)
    assert go_on(2, "loss", loss=2.0) == ("probe", 2)
    assert go_on(3, "probe", loss=1.0, probe=0.6) == (None, 4)
    # As if only one epoch were there: what chose the best of later ones counts no more.
    assert go_on(1, "loss", loss=3.5) == (None, 2)


def test_the_best_is_remembered_over_a_restart(tmp_path):
    method, path = make(), tmp_path / "run.keras"

    def go_on(done, value):
        saver = Checkpoints(path, monitor="value", largest=True)
        saver.set_model(method)
        method.optimizer.iterations.assign(STEPS * (done + 1))
        saver.on_epoch_end(done, {"value": value})
        return count_epochs(tmp_path / "run-best.keras")

    assert [go_on(0, 0.5), go_on(1, 0.9), go_on(2, 0.7)] == [1, 2, 2]
    # Killed after it wrote of epoch 4, before that counted as finished: epoch 4 comes again.
    assert go_on(3, 0.95) == 4 and go_on(3, 0.95) == 4
    # As if only one epoch were there: what is recorded of later ones counts no more.
    assert go_on(1, 0.6) == 2


class Killed(BaseException):
    pass


def kill_at(monkeypatch, point, number):
    """Has the run end the moment before, or in the middle of, its `number`-th write."""
    replace, calls = os.replace, []

    def cut(source, target):
        calls.append(target)
        if len(calls) == number:
            if point == "half written":
                whole = source.read_bytes()
                source.write_bytes(whole[: len(whole) // 2])
            raise Killed
        replace(source, target)

    monkeypatch.setattr("tfzero.pretrain.checkpoints.os.replace", cut)
    # A killed process cleans nothing up.
    monkeypatch.setattr("pathlib.Path.unlink", lambda *_, **__: None)


SETTINGS = {
    "brightness": {"keep": 2, "monitor": "loss"},
    "gan": {"keep": 2, "monitor": "discriminator_loss"},
}


@pytest.fixture(scope="module", params=list(SETTINGS))
def whole(request, tmp_path_factory):
    """A run that nobody killed: the method's name, its folder, and how it ended."""
    folder = tmp_path_factory.mktemp(request.param)
    method = make(request.param)
    fit(method, folder / "run.keras", **SETTINGS[request.param])
    return request.param, folder, read_state(method)


# Three writes in the first epoch (best, history, newest), then four (the one before, too) while
# each epoch is better, as it is here for the cheaper method.
@pytest.mark.parametrize(
    ("whole", "point", "number", "epochs"),
    [
        ("brightness", "before", 1, 0),
        ("brightness", "half written", 6, 1),
        pytest.param("gan", "before", 7, 2, marks=pytest.mark.slow),
        ("brightness", "before", 5, 1),
        ("brightness", "before", 7, 1),
        ("brightness", "half written", 3, 0),
        ("brightness", "half written", 11, 2),
    ],
    indirect=["whole"],
)
def test_killed_while_saving_it_ends_with_the_same_weights(
    whole, point, number, epochs, tmp_path, monkeypatch
):
    name, folder, expected = whole
    path = tmp_path / "run.keras"
    with monkeypatch.context() as patched:
        kill_at(patched, point, number)
        with pytest.raises(Killed):
            fit(make(name), path, **SETTINGS[name])
    method, done = make(name), 0
    if path.exists():
        method, done = tfzero.load_model(path), count_epochs(path)
    assert done == epochs
    fit(method, path, done=done, **SETTINGS[name])
    assert_same_state(expected, read_state(method))
    assert list_names(tmp_path) == list_names(folder)
    for file in ("run-best.keras", "run-epoch0003.keras"):
        ours, theirs = (tfzero.load_model(each / file) for each in (folder, tmp_path))
        assert_same_state(read_state(ours), read_state(theirs))
    histories = [(each / "run-history.json").read_text() for each in (folder, tmp_path)]
    assert histories[0] == histories[1]


def test_a_write_that_fails_leaves_the_file_before_it(tmp_path, monkeypatch):
    method, path = make(), tmp_path / "run.keras"
    fit(method, path, epochs=1)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(method), "save", fail)
    with pytest.raises(StopError, match="Cannot write .*run.keras: No space left on device"):
        fit(method, path, epochs=2, done=1)
    monkeypatch.undo()
    assert count_epochs(path) == 1
    assert list_names(tmp_path) == ["run-history.json", "run.keras"]


def test_a_history_that_is_no_history_is_begun_anew(tmp_path):
    path = tmp_path / "run-history.json"
    for text in ("{", "{}", "[1]", '["epoch"]'):
        path.write_text(text)
        assert Checkpoints(tmp_path / "run.keras").history == []


def test_what_cannot_be_used_is_refused():
    with pytest.raises(InputError, match="ends in .keras"):
        Checkpoints("run.h5")
    with pytest.raises(InputError, match="keep is 0"):
        Checkpoints("run.keras", keep=0)
