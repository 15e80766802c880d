import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from tests.data.pictures import assert_same_part, make_arrays
from tfzero.common.checks import InputError
from tfzero.data import load_data
from tfzero.data.idx import read_idx

FASHION = Path("/usr/share/datasets/fashion-mnist")


def pack(array, *, kind=8):
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape)
    return head + array.astype(np.uint8).tobytes()


def write_part(folder, part, counts, *, dot=False, zipped=False, seed=0):
    images, labels = make_arrays(counts, size=(8, 9), seed=seed)
    folder.mkdir(exist_ok=True)
    for kind, array, axes in (("images", images, 3), ("labels", labels, 1)):
        name = f"{part}-{kind}{'.' if dot else '-'}idx{axes}-ubyte"
        content = pack(array)
        if zipped:
            name, content = f"{name}.gz", gzip.compress(content)
        (folder / name).write_bytes(content)
    return images[..., None], labels


@pytest.mark.parametrize("dot", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
def test_both_parts(tmp_path, dot, zipped):
    folder = tmp_path / "mnist"
    train = write_part(folder, "train", [4, 5], dot=dot, zipped=zipped)
    test = write_part(folder, "t10k", [2, 1], dot=dot, zipped=zipped, seed=1)
    data = load_data(folder)
    assert_same_part(data.train_images, data.train_labels, *train)
    assert_same_part(data.test_images, data.test_labels, *test)
    assert (data.name, data.class_names, data.notes) == ("mnist", ("0", "1"), ())


def test_without_test_part_and_resized(tmp_path):
    write_part(tmp_path, "train", [10, 20])
    data = load_data(tmp_path, test_share=0.2, size=(16, 12))
    assert data.image_shape == (16, 12, 1)
    assert np.bincount(data.test_labels).tolist() == [2, 4]
    assert data.notes == (
        "All images were resized to 16x12 pixels.",
        "No test part: a stratified 20 % (6 images) was held out.",
    )


@pytest.mark.skipif(not FASHION.is_dir(), reason="Fashion-MNIST is not on this machine")
def test_fashion_mnist():
    data = load_data(FASHION)
    assert data.describe() == (
        "fashion-mnist: 60000 pool, 60000 training and 10000 test images of 28x28x1, 10 classes"
    )
    assert np.bincount(data.train_labels).tolist() == [6000] * 10
    first = [int(name[6:-1]) for name in data.names["train"]].index(0)
    assert data.train_labels[first] == 9  # The first label in the file.


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"begins with bytes \(none\); expected 00 00 08"),
        (b"\x89PNG and so on", "begins with bytes 89 50 4e 47; expected 00 00 08"),
        (pack(np.zeros((2, 8, 8)), kind=13), "begins with bytes 00 00 0d 03"),
        (b"\0\0\x08\0", "begins with bytes 00 00 08 00"),
        (pack(np.zeros((2, 8, 8)))[:9], "truncated: shorter than its header"),
        (pack(np.zeros((2, 8, 8)))[:-1], r"truncated: shorter than its header states \(2, 8, 8\)"),
        (pack(np.zeros((2, 8, 8))) + b"x", r"longer than its header states \(2, 8, 8\)"),
        (gzip.compress(pack(np.zeros((2, 8, 8))), mtime=0)[:-9], "truncated or damaged"),
        (b"\x1f\x8bno gzip at all", "truncated or damaged"),
        (gzip.compress(bytes(9), mtime=0)[:10] + b"\xff" * 40, "truncated or damaged"),
    ],
)
def test_broken_files(tmp_path, content, message):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{path.name}.*{message}"):
        read_idx(path)


def test_missing_file(tmp_path):
    write_part(tmp_path, "train", [4, 4])
    write_part(tmp_path, "t10k", [4, 4])
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(InputError, match=r"no t10k-labels-idx1-ubyte\[\.gz\] but t10k-images"):
        load_data(tmp_path)


def test_counts_differ(tmp_path):
    write_part(tmp_path, "train", [4, 4])
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(pack(np.zeros(7)))
    with pytest.raises(InputError, match="8 train images and 7 train labels"):
        load_data(tmp_path)


def test_images_and_labels_mixed_up(tmp_path):
    write_part(tmp_path, "train", [4, 4])
    (tmp_path / "train-images-idx3-ubyte").write_bytes(pack(np.zeros(8)))
    with pytest.raises(InputError, match="has 1 axes; expected 3.*swapped"):
        load_data(tmp_path)
