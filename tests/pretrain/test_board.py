import importlib.util
import math

import keras
import numpy as np
import pytest

from tests.data.pictures import make_pixels
from tests.pretrain.cases import SHAPE, compile_method, make_method
from tfzero.common.checks import InputError
from tfzero.pretrain.board import make_board
from tfzero.pretrain.pictures import draw_samples

IMAGES = make_pixels(24, *SHAPE, seed=1)
GAN_SLOWLY = pytest.mark.parametrize("name", [pytest.param("gan", marks=pytest.mark.slow), "vae"])


def read_events(folder):
    """Returns by run and tag the steps and values of scalars, and the steps and sizes of images."""
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

    events = EventMultiplexer().AddRunsFromDirectory(str(folder))
    events.Reload()
    found = {}
    for run, tags in events.Runs().items():
        for tag in tags["tensors"]:
            found[run, tag] = [
                (event.step, event.tensor_proto) for event in events.Tensors(run, tag)
            ]
    return found


def fit(method, callbacks):
    return method.fit(
        IMAGES, batch_size=8, epochs=2, shuffle=False, verbose=0, callbacks=callbacks
    ).history


@GAN_SLOWLY
def test_writes_losses_and_pictures_of_every_epoch(name, tmp_path):
    import tensorflow as tf

    method = compile_method(make_method(name), run_eagerly=True)
    history = fit(method, make_board(tmp_path, IMAGES))
    found = read_events(tmp_path)
    for loss, values in history.items():
        written = found["train", f"epoch_{loss}"]
        assert [step for step, _ in written] == [0, 1]
        assert [tf.make_ndarray(value) for _, value in written] == pytest.approx(values)
    pictures = {"samples", "traversals", "interpolations"}
    pictures |= {"reconstructions"} if method.can("reconstruct") else set()
    assert {tag for run, tag in found if run == "pictures"} == pictures
    (first, _), (second, proto) = found["pictures", "samples"]
    assert (first, second) == (0, 1)
    width, height, encoded = tf.make_ndarray(proto)
    np.testing.assert_array_equal(tf.io.decode_png(encoded), draw_samples(method))
    assert (int(height), int(width)) == draw_samples(method).shape[:2]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gan", "vae"])
def test_the_callback_of_keras_alone_works_too(name, tmp_path):
    method = compile_method(make_method(name))
    board = keras.callbacks.TensorBoard(tmp_path, histogram_freq=1, update_freq=1)
    history = fit(method, [board])
    tags = {tag for run, tag in read_events(tmp_path) if run == "train"}
    assert {f"epoch_{loss}" for loss in history} <= tags
    assert all(math.isfinite(value) for values in history.values() for value in values)


def test_without_tensorboard_a_sentence_says_what_to_install(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "tfzero.pretrain.board.importlib.util.find_spec",
        lambda name: None if name == "tensorboard" else find(name),
    )
    with pytest.raises(InputError, match=r'pip install "tfzero\[tensorboard\]"'):
        make_board(tmp_path, IMAGES)
