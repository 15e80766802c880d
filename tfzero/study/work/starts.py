"""What jobs start from: the run's images, its labelled subsets, and encoders of every kind."""

from __future__ import annotations

import functools
import pathlib
from typing import Any

import numpy as np

from tfzero.common.seeds import derive_seed
from tfzero.data import ImageData, nested_subsets, open_arrays
from tfzero.data.source_task import SourceTask, open_source_task
from tfzero.study.planning.inits import (
    GIVEN_INITS,
    KMEANS,
    NETWORK_INITS,
    PIXELS,
    THEN,
    read_init,
)
from tfzero.study.planning.plan import StudyPlan
from tfzero.study.records import RunFolder, is_whole_archive, read_json


def open_encoder(run: RunFolder, plan: StudyPlan, init: str) -> Any:
    """Returns an init's encoder of the first replicate; None for raw pixels."""
    return load_encoder(run, plan, init, 0)


def start_encoder(run: RunFolder, plan: StudyPlan, replicate: int) -> Any:
    """Returns the encoder with the random weights that all arms of a replicate start from."""
    from tfzero.networks import build_encoder, redraw_network

    if plan.encoder is None:
        base = build_encoder(plan.data.image_shape)
    else:
        import keras

        base = keras.models.load_model(run.own_encoder, compile=False)
    return redraw_network(base, seed=derive_seed(replicate, "encoder"))


def stand_in_encoder(run: RunFolder, plan: StudyPlan, init: str) -> Any:
    """Returns an encoder of an init's architecture that has learnt nothing; None for pixels."""
    from tfzero.networks.kmeans import fit_kmeans

    if read_init(init).learner == KMEANS:
        settings = plan.pretraining[init].model_dump()
        return fit_kmeans(images_of(run, plan, init), **settings, patches_per_centroid=2)
    return None if init == PIXELS else start_encoder(run, plan, 0)


def load_encoder(run: RunFolder, plan: StudyPlan, init: str, replicate: int) -> Any:
    """Returns the encoder that an init's arms start from in a replicate; None for pixels."""
    import keras

    import tfzero.networks.kmeans  # noqa: F401  # registers what a saved encoder is made of
    import tfzero.networks.layers  # noqa: F401
    import tfzero.networks.public  # noqa: F401

    if init in NETWORK_INITS:
        return start_encoder(run, plan, replicate)
    if init in GIVEN_INITS:
        given = keras.models.load_model(run.given_encoder, compile=False)
        return _seed_noise(given, seed=derive_seed(replicate, "noise"))
    if init == PIXELS:
        return None
    path = run.encoders / f"{plan.pretraining_key(init, replicate)}.keras"
    return keras.models.load_model(path, compile=False)


def _seed_noise(network, *, seed: int):
    """Returns a network that came ready with its noise, as of Dropout, drawn from a seed."""
    from tfzero.networks import redraw_network

    if not has_noise(network):
        return network
    seeded = redraw_network(network, seed=seed)
    seeded.set_weights(network.get_weights())
    return seeded


def has_noise(network) -> bool:
    """Returns whether a network draws at random in training, by a state that no file keeps."""
    return len(network.variables) > len(network.weights)


@functools.lru_cache(maxsize=1)
def open_data(cache: pathlib.Path) -> ImageData:
    """Returns the images kept under `cache`, memory-mapped."""
    return open_arrays(cache)


def open_source(run: RunFolder, plan: StudyPlan) -> SourceTask:
    """Returns the source's images as they are kept in the run folder, memory-mapped."""
    assert plan.source is not None
    return _open_source(run.cache_for(plan.source.fingerprint))


@functools.lru_cache(maxsize=1)
def _open_source(cache: pathlib.Path) -> SourceTask:
    return open_source_task(cache)


def choose_labelled(run, plan, count: int, *, replicate: int = 0) -> np.ndarray:
    """Returns which training images are labelled in a replicate, nested over all counts."""
    counts = tuple(sorted({count, *plan.label_counts}))
    cache = run.cache_for(plan.data.fingerprint)
    return draw_subsets(cache, counts, replicate, plan.data.balanced)[count]


@functools.lru_cache(maxsize=4)
def draw_subsets(cache: pathlib.Path, counts: tuple[int, ...], replicate: int, balanced: bool):
    """Returns by label count which training images of a cache are labelled, nested."""
    data = open_data(cache)
    return nested_subsets(
        data.train_images, data.train_labels, list(counts),
        seed=derive_seed(replicate, "labels"), balanced=balanced,
    )  # fmt: skip


def is_pretrained(run: RunFolder, key: str) -> bool:
    """Returns whether a pretrained encoder and its record are there and whole."""
    return read_json(run.encoders / f"{key}.json") is not None and is_whole_archive(
        run.encoders / f"{key}.keras"
    )


def images_of(run: RunFolder, plan: StudyPlan, init: str) -> np.ndarray:
    """Returns the images that the last stage of an init learns from."""
    if read_init(init).reads_source:
        return open_source(run, plan).images
    return open_data(run.cache_for(plan.data.fingerprint)).pool


def start_of_stage(run: RunFolder, plan: StudyPlan, init: str, replicate: int) -> Any:
    """Returns the encoder that the last stage of an init goes on from."""
    start = init.partition(THEN)[0]
    if start == init:
        return start_encoder(run, plan, replicate)
    return load_encoder(run, plan, start, replicate)
