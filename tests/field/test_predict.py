"""What predict does with folders and files as people have them: what it leaves out is counted."""

import json
import os

import numpy as np
import PIL.Image
import pytest
import tifffile

from tests.export.conftest import build_model, images, model, version  # noqa: F401  # fixtures
from tests.jobs.test_compare import run_here
from tfzero.common.checks import InputError
from tfzero.data.passed_over import (
    FRAMES,
    HIDDEN,
    NO_FILE,
    NO_IMAGE,
    OTHER_KIND,
    READ_ALREADY,
    PassedOver,
)
from tfzero.export import export_savedmodel, predict_files

RNG = np.random.default_rng(3)


def draw(*shape):
    return RNG.integers(0, 256, shape, np.uint8)


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    """A model of images with five channels, and its folder."""
    made = build_model(shape=(12, 9, 5))
    return made, export_savedmodel(made, tmp_path_factory.mktemp("five"))


def make_messy(folder):
    """Returns a folder of two images, and how many of what else lies in it."""
    for name in ("a.png", "deep/b.bmp", ".hidden.png", "deep/.git/c.png", "__MACOSX/d.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(draw(12, 9)).save(folder / name)
    frames = [PIL.Image.fromarray(draw(12, 9)) for _ in range(4)]
    frames[0].save(folder / "move.gif", save_all=True, append_images=frames[1:])
    tifffile.imwrite(folder / "stack.tif", draw(6, 12, 9), photometric="minisblack")
    for name in ("clip.wav", "photo.heic", "photo2.HEIC", "notes"):
        (folder / name).write_bytes(b"x")
    (folder / "again").symlink_to(folder / "deep")
    return {
        (HIDDEN, ".png"): 3,
        (FRAMES, ".gif"): 3,
        (FRAMES, ".tif"): 5,
        (OTHER_KIND, ".wav"): 1,
        (NO_IMAGE, ".heic"): 2,
        (NO_IMAGE, ""): 1,
        (READ_ALREADY, ""): 1,
    }


def test_what_is_not_read_is_counted_by_reason_and_suffix(version, tmp_path):  # noqa: F811
    counts = make_messy(tmp_path / "mine")
    left = PassedOver()
    found = predict_files(version, [tmp_path / "mine"], passed_over=left)
    assert [each.path.name for each in found] == ["a.png", "b.bmp", "move.gif", "stack.tif"]
    assert left.counts == counts


def test_the_command_says_it_in_one_line_and_as_json(version, tmp_path):  # noqa: F811
    counts = make_messy(tmp_path / "mine")
    done = run_here("predict", version, "mine", "--json", cwd=tmp_path)
    assert done.returncode == 0
    [line] = [line for line in done.stderr.splitlines() if "Passed over" in line]
    assert "hidden (3 .png; for example " in line and "(5 .tif, 3 .gif; for exam" in line
    said = json.loads(done.stdout)["passed_over"]
    assert {(each["reason"], each["suffix"]): each["count"] for each in said} == counts


def test_images_of_more_channels_as_pages_and_as_channels(five, tmp_path):
    made, version = five  # noqa: F811
    pixels = draw(3, 12, 9, 5)
    for image, name in zip(pixels, ("pages.tif", "last.tif", "planar.tif"), strict=True):
        order = {"pages": (2, 0, 1), "last": (0, 1, 2), "planar": (2, 0, 1)}[name[:-4]]
        options = {} if name == "pages.tif" else {"planarconfig": "contig" if name[0] == "l" else 2}
        tifffile.imwrite(
            tmp_path / name, image.transpose(order), photometric="minisblack", **options
        )
    PIL.Image.fromarray(draw(12, 9)).save(tmp_path / "gray.png")
    skipped, left = [], PassedOver()
    found = predict_files(version, [tmp_path], skipped=skipped, passed_over=left)
    assert [each.path.name for each in found] == ["last.tif", "pages.tif", "planar.tif"]
    expected = made(pixels[[1, 0, 2]].astype(np.float32) / 255, training=False).numpy()
    for each, scores in zip(found, expected, strict=True):
        assert [each.scores[str(k)] for k in range(3)] == pytest.approx(scores, abs=1e-5)
    assert ["gray.png has 1 channels; expected 5" in each for each in skipped] == [True]
    assert not left.counts
    done = run_here("predict", version, tmp_path / "pages.tif", cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == ""


def test_pages_that_may_be_channels_are_refused(tmp_path):
    version = export_savedmodel(build_model(shape=(12, 9, 3)), tmp_path / "model")  # noqa: F811
    tifffile.imwrite(tmp_path / "a.tif", draw(3, 12, 9), photometric="minisblack")
    with pytest.raises(InputError, match="a.tif has 3 gray pages, but the model takes 3 channels"):
        predict_files(version, [tmp_path / "a.tif"])
    tifffile.imwrite(tmp_path / "b.tif", draw(4, 12, 9), photometric="minisblack")
    assert len(predict_files(version, [tmp_path / "b.tif"])) == 1


def test_a_pipe_is_refused_and_not_waited_for(version, tmp_path):  # noqa: F811
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match="pipe.png is a pipe, a socket or a device"):
        predict_files(version, [tmp_path / "pipe.png"])
    PIL.Image.fromarray(draw(12, 9)).save(tmp_path / "a.png")
    left = PassedOver()
    assert len(predict_files(version, [tmp_path], passed_over=left)) == 1
    assert left.counts == {(NO_FILE, ".png"): 1}
