"""Fixtures for all tests. TensorFlow is not imported here: many tests need none."""

import fcntl
import gc
import os
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# No test depends on whether the machine has a GPU.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
# One thread in each process, as a study's workers have: test processes run side by side, and on
# arrays as small as these, threads that wait for each other cost several times the work itself.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import numpy as np
import pytest

# Imports make a million objects and hardly any garbage; looking for it costs seconds.
gc.disable()


def pytest_collection_finish():
    """Spares every garbage collection the search of what the imports made."""
    gc.collect()
    gc.freeze()
    gc.enable()


def draw_bars(count, *, seed, contrast=0.4, noise=0.05):
    """Draws 8x8 images of one bright bar: two rows, two columns, each a class.

    Args:
        count: How many images.
        seed: Draws the noise.
        contrast: Half the difference between bar and background.
        noise: Standard deviation of each pixel.

    Returns:
        uint8 `(count, 8, 8, 1)` and int `(count,)` in 0..3.
    """
    labels = np.arange(count) % 4
    signs = np.full((4, 8, 8), -1.0)
    signs[0, 2] = signs[1, 5] = signs[2, :, 2] = signs[3, :, 5] = 1.0
    random = np.random.default_rng(seed)
    pixels = 0.5 + contrast * signs[labels] + random.normal(0, noise, (count, 8, 8))
    return np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)[..., None], labels


@pytest.fixture(scope="session")
def bars():
    """40 clean images of 4 classes and their labels."""
    return draw_bars(40, seed=0)


def build_small_encoder(shape=(8, 8, 1), *, seed=0, pooled=False):
    """Builds an encoder of one block: like the library's, but traced in a third of the time.

    Pooled, its features do not tell where in an image something is.
    """
    import keras

    from tfzero.networks.layers import StandardizedConv2D, scaled_leaky_relu

    inputs = keras.Input(shape, name="image")
    x = keras.layers.Rescaling(2.0, offset=-1.0, name="center")(inputs)
    x = StandardizedConv2D(
        16 if pooled else 6,
        3,
        strides=1 if pooled else 2,
        padding="same",
        activation=scaled_leaky_relu,
        kernel_initializer=keras.initializers.HeNormal(seed),
        name="block1",
    )(x)
    end = keras.layers.GlobalAveragePooling2D if pooled else keras.layers.Flatten
    return keras.Model(inputs, end(name="features")(x), name="encoder")


def use_small_encoders(patch, *, pooled=False):
    """Has studies and commands of this process build encoders of one block for their own."""
    from tfzero import networks

    whole = networks.build_encoder

    def build(shape, *, architecture="small", **settings):
        if architecture != "small":
            return whole(shape, architecture=architecture, **settings)
        return build_small_encoder(shape, pooled=pooled, **settings)

    patch.setattr(networks, "build_encoder", build)


@pytest.fixture
def small_encoders(monkeypatch):
    """Encoders of one block in the studies and commands of this process."""
    use_small_encoders(monkeypatch)


@pytest.fixture(scope="session")
def build_once(tmp_path_factory):
    """Returns a function that builds a folder once per test run, whichever process asks first.

    It takes the folder's name and a function that fills an empty folder; nobody may write into
    what is returned.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent

    def build(name, fill):
        folder, begun = base / f"shared-{name}", base / f"begun-{name}"
        with (base / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                shutil.rmtree(begun, ignore_errors=True)
                begun.mkdir()
                fill(begun)
                begun.rename(folder)
        return folder

    return build


@pytest.fixture
def eagerly():
    """Has functions run step by step: a few updates take less time than tracing their graph."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def one_core(monkeypatch):
    """A machine of one core: the jobs of a study run in the process that starts it.

    That has TensorFlow loaded and most graphs traced, which a new worker has not.
    """
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0})


@pytest.fixture
def untimed(monkeypatch):
    """Leaves out the probe of the machine before a study, where the estimate is not looked at."""
    from tfzero.study.work.estimate import Estimate

    monkeypatch.setattr("tfzero.jobs.opening.estimate_study", lambda *_: Estimate())


@pytest.fixture
def unreported(monkeypatch):
    """Leaves out the report of a study, where nobody looks at it."""
    monkeypatch.setattr("tfzero.report.write_report", lambda _: None)


@pytest.fixture(params=["small", pytest.param("whole", marks=pytest.mark.slow)])
def mobilenet(request, monkeypatch):
    """Stands in for the smallest network of keras.applications, whose 86 layers take long to trace.

    The whole one takes its place among the slow tests.
    """
    import keras

    def build(*, weights, include_top, input_shape, pooling):
        assert weights is None and not include_top and pooling == "avg"
        inputs = x = keras.Input(input_shape)
        for filters in (16, 64):
            x = keras.layers.Conv2D(filters, 3, strides=2, use_bias=False)(x)
            x = keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(x))
        return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x), name="mobilenet")

    if request.param == "small":
        monkeypatch.setattr(keras.applications, "MobileNet", build)


@pytest.fixture(scope="session")
def encoder():
    """A small encoder of 8x8 images that nobody may train in place."""
    return build_small_encoder(seed=1)
