"""What names an encoder: an architecture, a file, or a Keras model."""

import pathlib

import pytest

from tests.conftest import build_small_encoder
from tfzero.common.checks import InputError
from tfzero.jobs.encoder import EncoderStart, read_study_encoder, require_encoder_again
from tfzero.networks.shapes import count_encoder, count_network

SHAPE = (16, 16, 1)


def test_the_default_is_built_by_the_study_itself():
    for asked in (None, "small"):
        found = read_study_encoder(asked)
        assert found.build(SHAPE) is None and found.sides is None
        assert found.count(SHAPE) == count_encoder(SHAPE)


@pytest.mark.parametrize("name", ["base", "residual", "keras:MobileNet,size=32"])
def test_a_name_is_built_for_the_images_and_counted(name):
    found = read_study_encoder(name)
    network = found.build(SHAPE)
    assert network is not None
    assert network.input_shape == (None, *SHAPE) and found.sides is None
    assert found.count(SHAPE) == count_network(network) > count_encoder(SHAPE)


def test_a_model_or_its_file_knows_its_images(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = build_small_encoder()
    own.save("own.keras")
    for asked in (own, "own.keras", pathlib.Path("own.keras")):
        found = read_study_encoder(asked)
        assert found.sides == (8, 8)
        assert found.count(SHAPE) == count_network(own)
    assert read_study_encoder(own).build((8, 8, 1)) is own
    with pytest.raises(InputError, match="own.keras takes images of .8, 8, 1., but the data has"):
        read_study_encoder("own.keras").build(SHAPE)


def test_a_stage_reads_a_name_or_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    build_small_encoder().save("own.keras")
    assert EncoderStart.read(None) == EncoderStart()
    assert EncoderStart.read("base") == EncoderStart(architecture="base")
    assert EncoderStart.read("own.keras") == EncoderStart(pathlib.Path("own.keras"))
    first, same, other = (EncoderStart.read("residual").build(SHAPE, seed) for seed in (1, 1, 2))
    assert (first.get_weights()[0] == same.get_weights()[0]).all()
    assert (first.get_weights()[0] != other.get_weights()[0]).any()


def test_sides_that_an_architecture_does_not_take_are_known():
    found = read_study_encoder("keras:Xception")
    assert [side for side in (32, 64, 96) if found.takes((side, side, 3))] == [96]


def test_a_study_that_grows_needs_its_own_encoder_again(tmp_path):
    require_encoder_again(None, None, tmp_path)
    require_encoder_again(build_small_encoder(), "encoder-1", tmp_path)
    with pytest.raises(InputError, match="its own encoder .encoder-1.. Give the same"):
        require_encoder_again(None, "encoder-1", tmp_path)
