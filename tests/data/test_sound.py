import re
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.data.pictures import make_arrays, make_classes
from tests.data.sounds import RATE, make_clips, make_tone, write_clip
from tfzero.common.checks import InputError
from tfzero.data import load_data
from tfzero.data.check import check_data
from tfzero.data.clips import read_clip
from tfzero.data.logmel import make_image


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound") / "tones"
    make_clips(folder, {"down": 12, "up": 9})
    return folder


def test_a_folder_of_classes(tones):
    data = load_data(tones)
    assert data.image_shape == (32, 32, 1) and data.class_names == ("down", "up")
    assert len(data.train_images) + len(data.test_images) == 21
    assert data.pool is data.train_images
    assert data.sound is not None and data.sound.rate == RATE and data.sound.mode == "stretch"
    assert data.notes[0] == data.sound.describe()
    for row, name in enumerate(data.names["train"]):
        samples = read_clip(tones / name, rate=RATE)
        wanted = make_image(tf.constant(samples), data.sound).numpy()
        np.testing.assert_array_equal(data.train_images[row], wanted)
        assert data.class_names[data.train_labels[row]] == name.split("/")[0]


def test_train_and_test_and_pool(tmp_path):
    make_clips(tmp_path / "set" / "train", {"a": 4, "b": 4})
    make_clips(tmp_path / "set" / "test", {"a": 2, "b": 2}, start=50)
    make_clips(tmp_path / "more", {"x": 5}, start=90)
    # What only the test part has does not decide the length.
    write_clip(tmp_path / "set" / "test" / "a" / "long.wav", make_tone(200, seconds=5))
    data = load_data(tmp_path / "set", pool=tmp_path / "more")
    assert len(data.pool) == 13 and len(data.test_images) == 5
    assert data.sound.seconds <= 0.5
    alone = load_data(tmp_path / "set", pool=tmp_path / "more", pool_only=True)
    assert len(alone.pool) == 5


def test_a_table_with_unlabeled_clips_and_speakers(tmp_path):
    paths = make_clips(tmp_path, {"a": 9, "b": 9})
    rows = [f"{p.relative_to(tmp_path)},{p.parent.name},{p.name[:3]}" for p in paths[:-3]]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label,speaker", *rows]))
    data = load_data(tmp_path, group="speaker", test_share=0.4)
    assert len(data.pool) - len(data.train_images) == 3
    _assert_apart(data)


def _assert_apart(data):
    speakers = [
        {re.search(r"(\w+)_\d+\.wav", name)[1] for name in data.names[part]}
        for part in ("train", "test")
    ]
    assert speakers[0] and speakers[1] and not speakers[0] & speakers[1]


def test_a_speaker_is_on_one_side(tones):
    _assert_apart(load_data(tones, group=r"([a-z]+)_\d+\.wav"))


def test_groups_of_one_class_each_are_refused(tones):
    with pytest.raises(InputError, match=r"cannot be on both sides .* finer `group`"):
        load_data(tones, group="(down|up)/")


def test_options_decide_the_image(tones):
    clips = {"rate": 16_000, "clip_seconds": 0.3, "trim_db": 0}
    data = load_data(tones, size=(24, 40), resize="pad", **clips)
    sound = data.sound
    assert data.image_shape == (24, 40, 1)
    assert (sound.rate, sound.seconds, sound.mode, sound.trim_db) == (16_000, 0.3, "pad", 0)
    assert "21 of 21 clips were resampled to 16000 samples per second." in data.notes
    assert any("are longer than 0.3 s" in note for note in data.notes)


def test_the_length_is_what_98_of_100_keep_to(tmp_path):
    for row in range(100):
        seconds = 3.0 if row == 0 else 0.4
        write_clip(tmp_path / f"{row % 2}" / f"{row}.wav", make_tone(100 + row, seconds=seconds))
    data = load_data(tmp_path)
    assert data.sound.seconds == 0.4
    assert any(note.startswith("1 of 100 clips are longer than 0.4 s") for note in data.notes)


def test_stereo_is_said(tmp_path):
    make_clips(tmp_path, {"a": 3, "b": 3})
    both = np.stack([make_tone(200), make_tone(300)], axis=1)
    write_clip(tmp_path / "a" / "stereo.wav", both)
    assert "1 of 7 clips are stereo and were mixed to mono." in load_data(tmp_path).notes


def test_mixed_rates_need_a_word(tmp_path):
    make_clips(tmp_path, {"a": 4, "b": 4})
    write_clip(tmp_path / "b" / "fast.wav", make_tone(200, rate=16_000), rate=16_000)
    message = (
        r"2 different rates, for example \S+ \(8000 samples per second\) and b/fast.wav \(16000\); "
        r"expected one rate\. The most frequent rate is 8000 \(8 of 9 clips\)\. Use `rate=8000`"
    )
    with pytest.raises(InputError, match=message):
        load_data(tmp_path)
    assert load_data(tmp_path, rate=8000).sound.rate == 8000


def test_broken_clips_are_set_aside_and_named(tmp_path):
    make_clips(tmp_path, {"a": 4, "b": 4})
    (tmp_path / "a" / "text.wav").write_text("hello")
    silent = np.full(800, np.nan, np.float32)
    write_clip(tmp_path / "b" / "nan.wav", silent, subtype="FLOAT")
    data = load_data(tmp_path)
    assert len(data.train_images) + len(data.test_images) == 8
    assert sorted(each.name for each in data.set_aside) == ["a/text.wav", "b/nan.wav"]
    with pytest.raises(InputError, match=r"text\.wav cannot be read as a WAV file .*`strict=True`"):
        load_data(tmp_path, strict=True)


def test_nothing_to_hear(tmp_path):
    for name in ("a/1.wav", "a/2.wav", "b/1.wav", "b/2.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("hello")
    with pytest.raises(InputError, match=r"as a WAV file.*3 other files have problems"):
        load_data(tmp_path)


@pytest.mark.parametrize("seconds", [None, 0.3])
def test_nothing_to_learn_from_beside_good_test_clips(tmp_path, seconds):
    make_clips(tmp_path / "test", {"a": 2, "b": 2})
    for name in ("a/1.wav", "b/1.wav"):
        (tmp_path / "train" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "train" / name).write_text("hello")
    with pytest.raises(InputError, match=r"a/1\.wav cannot be read .* 1 other files have problems"):
        load_data(tmp_path, clip_seconds=seconds)
    for name in ("a/1.wav", "b/1.wav"):  # This shows only when samples are read.
        write_clip(tmp_path / "train" / name, np.full(800, np.nan, np.float32), subtype="FLOAT")
    with pytest.raises(InputError, match=r"a/1\.wav has samples that are NaN.* 1 other "):
        load_data(tmp_path, clip_seconds=seconds)


def test_a_cut_clip_is_set_aside(tmp_path):
    paths = make_clips(tmp_path, {"a": 4, "b": 4})
    paths[0].write_bytes(paths[0].read_bytes()[:2000])
    data = load_data(tmp_path)
    assert [each.name for each in data.set_aside] == ["a/ann_00.wav"]
    assert "is cut off" in data.set_aside[0].reason


def test_clips_and_pictures_do_not_mix(tmp_path, tones):
    make_classes(tmp_path / "pictures", {"a": 4, "b": 4})
    shutil.copytree(tmp_path / "pictures", tmp_path / "both")
    write_clip(tmp_path / "both" / "a" / "x.wav", make_tone(200))
    with pytest.raises(InputError, match="1 WAV files and 8 images; expected only one kind"):
        load_data(tmp_path / "both")
    with pytest.raises(InputError, match="WAV files and 8 images"):
        load_data(tones, pool=tmp_path / "pictures")
    images, labels = make_arrays([4, 4], size=(32, 32, 1))
    np.savez(tmp_path / "arrays.npz", x_train=images, y_train=labels)
    with pytest.raises(InputError, match="holds clips of sound, but the labelled data are images"):
        load_data(tmp_path / "arrays.npz", pool=tones)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"resize": "crop"}, 'fit clips of sound "crop"'),
        ({"channels": 3}, "`channels` is 3, but .* holds clips of sound"),
        ({"rate": 4000}, "`rate` is 4000; expected 8000 to 48000"),
        ({"clip_seconds": 100.0}, "`clip_seconds` is 100.0; expected 0.05 to 60"),
        ({"trim_db": -1}, "`trim_db` is -1"),
    ],
)
def test_options_that_do_not_serve(tones, options, message):
    with pytest.raises(InputError, match=message):
        load_data(tones, **options)


def test_options_of_sound_are_refused_for_images(tmp_path):
    make_classes(tmp_path, {"a": 4, "b": 4})
    for source in (tmp_path, "digits"):
        with pytest.raises(InputError, match="`clip_seconds` and `trim_db` are for clips"):
            load_data(source, rate=8000)


def test_a_copied_and_renamed_folder_is_the_same_data(tones, tmp_path):
    shutil.copytree(tones, tmp_path / "copy")
    for path in (tmp_path / "copy").rglob("*.wav"):
        path.rename(path.with_name(f"z{path.stem[::-1]}.WAV"))
    assert load_data(tmp_path / "copy").fingerprint == load_data(tones).fingerprint


def test_a_check_finds_equal_and_silent_clips(tmp_path):
    paths = make_clips(tmp_path, {"a": 6, "b": 6})
    shutil.copy(paths[0], tmp_path / "a" / "again.wav")
    write_clip(tmp_path / "b" / "silent.wav", np.zeros(2000))
    found = {finding.check: finding for finding in check_data(tmp_path).findings}
    assert found["constant"].count == 1
    assert "b/silent.wav" in found["constant"].examples[0].sights[0].name
    assert any("again.wav" in str(finding.examples) for finding in found.values())


def test_images_named_wav_are_no_images(tmp_path):
    Image.new("L", (12, 12)).save(tmp_path / "x.png")
    for name in ("a/1.wav", "b/1.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(tmp_path / "x.png", tmp_path / name)
    (tmp_path / "x.png").unlink()
    with pytest.raises(InputError, match="cannot be read as a WAV file"):
        load_data(tmp_path)
