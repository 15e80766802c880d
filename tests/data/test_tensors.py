import socket

import numpy as np
import pytest

from tests.data.pictures import assert_same_part, make_arrays, make_pixels
from tfzero.common.checks import InputError
from tfzero.data import from_dataset, load_data


@pytest.fixture
def offline(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a test went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def make_dataset(images, labels, *, batch=None, as_dict=False):
    import tensorflow as tf

    pairs = {"image": images, "label": labels} if as_dict else (images, labels)
    dataset = tf.data.Dataset.from_tensor_slices(pairs)
    return dataset if batch is None else dataset.batch(batch)


@pytest.mark.parametrize("batch", [None, 4])
@pytest.mark.parametrize("as_dict", [False, True])
def test_tf_data(batch, as_dict):
    import tensorflow as tf

    train, test, pool = make_arrays([9, 9]), make_arrays([3, 4], seed=1), make_pixels(5, 8, 9, 1)
    data = from_dataset(
        make_dataset(*train, batch=batch, as_dict=as_dict),
        make_dataset(*test, batch=batch, as_dict=as_dict),
        pool=tf.data.Dataset.from_tensor_slices(pool).batch(2),
        class_names=["cat", "dog"],
        name="mine",
    )
    assert_same_part(data.train_images, data.train_labels, *train)
    assert_same_part(data.test_images, data.test_labels, *test)
    assert_same_part(data.pool[18:], [0] * 5, pool, [0] * 5)
    np.testing.assert_array_equal(data.pool[:18], data.train_images)
    assert (data.name, data.class_names) == ("mine", ("cat", "dog"))


def test_tf_data_without_test_part_in_another_order_is_the_same():
    images, labels = make_arrays([12, 9])
    one = from_dataset(make_dataset(images, labels), size=16)
    two = from_dataset(make_dataset(images[::-1], labels[::-1], batch=5), size=(16, 16))
    assert one.fingerprint == two.fingerprint
    assert one.image_shape == (16, 16, 1)
    assert len(one.test_images) == 6


def test_of_unknown_length():
    images, labels = make_arrays([6, 6])
    data = from_dataset(make_dataset(images, labels).filter(lambda _, label: label < 2))
    assert len(data.train_images) + len(data.test_images) == 12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.repeat(), "train never ends; expected a finite"),
        (lambda d: d.take(0), "train has no elements"),
        (lambda d: d.map(lambda image, label: image), "elements that are not"),
        (lambda d: d.map(lambda image, label: {"image": image}), "features image; expected"),
        (lambda d: d.map(lambda image, label: (image[0], label)), "has images of shape"),
        (lambda d: [1], "has type list; expected a tf.data.Dataset"),
    ],
)
def test_refusals(change, message):
    with pytest.raises(InputError, match=message):
        from_dataset(change(make_dataset(*make_arrays([6, 6]))))


def test_sizes_that_differ_need_a_size():
    import tensorflow as tf

    dataset = make_dataset(*make_arrays([6, 6], size=(8, 8, 1)))
    spec = (tf.TensorSpec([None, None, 1], tf.uint8), tf.TensorSpec([], tf.int64))
    wide = tf.data.Dataset.from_generator(
        lambda: iter([(make_pixels(8, 12, 1, seed=9), 0)]), output_signature=spec
    )
    mixed = dataset.map(lambda image, label: (tf.ensure_shape(image, [None, None, 1]), label))
    with pytest.raises(InputError, match=r"images of \(8, 8, 1\) and of \(8, 12, 1\)"):
        from_dataset(mixed.concatenate(wide))
    assert from_dataset(mixed.concatenate(wide), size=8).image_shape == (8, 8, 1)


def test_tfds_mock_data_needs_no_network(offline, tmp_path):
    import tensorflow_datasets as tfds

    with tfds.testing.mock_data(num_examples=100):
        data = load_data(f"tfds:fashion_mnist,data_dir={tmp_path}")
        part = load_data(f"tfds:fashion_mnist,train=train[:60],test=test[:50],data_dir={tmp_path}")
    assert data.image_shape == (28, 28, 1)
    assert (len(data.train_images), len(data.test_images)) == (100, 100)
    assert data.class_names[0] == "T-shirt/top" and data.name == "fashion_mnist"
    assert len(part.train_images) > 0


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("tfds:fashion_mnist,data_dir={}", r"is not prepared in .*downloads nothing.*data_dir='"),
        ("tfds:fashion_mist", 'cannot open "fashion_mist".*Did you mean "fashion_mnist"'),
        ("tfds:", "names no data set"),
        ("tfds:mnist,tset=test", '"tset=test" .* is not an option.*Did you mean "test"'),
    ],
)
def test_tfds_refusals(offline, tmp_path, source, message):
    with pytest.raises(InputError, match=message):
        load_data(source.format(tmp_path))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A small data set in TFDS's own files, and what is in it."""
    import tensorflow_datasets as tfds

    folder = tmp_path_factory.mktemp("tfds")
    train, test = make_arrays([9, 9], size=(28, 28, 1)), make_arrays([4, 4], size=(28, 28, 1))
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(28, 28, 1)),
            "label": tfds.features.ClassLabel(names=["cat", "dog"]),
        }
    )
    tfds.dataset_builders.store_as_tfds_dataset(
        name="small",
        version="1.0.0",
        features=features,
        data_dir=folder,
        config="gray",
        split_datasets={
            name: [
                (row, {"image": image, "label": int(label)})
                for row, (image, label) in enumerate(zip(*part, strict=True))
            ]
            for name, part in (("train", train), ("test", test), ("unlabelled", train))
        },
        disable_shuffling=False,
    )
    return folder, train, test


def test_tfds_from_its_own_files(offline, prepared):
    folder, train, test = prepared
    data = load_data(f"tfds:small/gray,data_dir={folder}")
    assert_same_part(data.train_images, data.train_labels, *train)
    assert_same_part(data.test_images, data.test_labels, *test)
    assert data.class_names == ("cat", "dog")
    assert len(data.pool) == 36  # The split "unlabelled" beside the training images.
    some = load_data(f"tfds:small/gray,train=train[:50%]+test,test=test,data_dir={folder}")
    assert len(some.train_images) == 9 + 8
    with pytest.raises(InputError, match=r'no split "tests".*known: train, test, unlabelled'):
        load_data(f"tfds:small/gray,test=tests,data_dir={folder}")
