from __future__ import annotations

import io
import json
import struct
import tracemalloc

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from tests.data.sounds import RATE, make_clips, make_tone, write_clip
from tests.export.conftest import CLASS_NAMES, build_model
from tfzero.common.checks import InputError
from tfzero.data import load_data
from tfzero.data.clips import read_clip
from tfzero.data.logmel import make_image, plan_logmel
from tfzero.export import (
    export_encoder,
    export_savedmodel,
    fresh_process,
    predict_files,
    verify_savedmodel,
)

SOUND = plan_logmel(rate=RATE, seconds=0.4, size=(12, 9))


def wav(samples, *, rate=RATE, subtype="PCM_16", format="WAV"):
    content = io.BytesIO()
    soundfile.write(content, samples, rate, subtype=subtype, format=format)
    return content.getvalue()


@pytest.fixture(scope="module")
def version(model, tmp_path_factory):
    base = tmp_path_factory.mktemp("sound") / "words"
    return export_savedmodel(model, base, class_names=CLASS_NAMES, sound=SOUND)


@pytest.fixture(scope="module")
def serve(version):
    return tf.saved_model.load(str(version)).signatures


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    paths = make_clips(folder, {"down": 3, "up": 3})
    both = np.stack([make_tone(200, glide=2), make_tone(300)], axis=1)
    return [*paths, write_clip(folder / "stereo.wav", both)]


def images_of(paths):
    samples = [tf.constant(read_clip(path, rate=RATE)) for path in paths]
    return np.stack([make_image(each, SOUND).numpy() for each in samples])


def test_a_server_gets_the_scores_of_training_from_wav_files(serve, model, clips):
    images = images_of(clips)
    contents = tf.constant([path.read_bytes() for path in clips])
    np.testing.assert_array_equal(serve["spectrogram"](wav_bytes=contents)["image"], images)
    found = serve["serving_bytes"](wav_bytes=contents)
    expected = model(tf.constant(images / np.float32(255)), training=False).numpy()
    np.testing.assert_allclose(found["scores"], expected, atol=1e-5)
    assert np.ptp(expected, axis=0).max() > 0.1  # else equal scores would say nothing
    assert [name.decode() for name in found["label"].numpy()] == [
        CLASS_NAMES[k] for k in expected.argmax(axis=1)
    ]
    direct = serve["serving_default"](image=tf.constant(images))
    np.testing.assert_allclose(direct["scores"], expected, atol=1e-5)


def test_the_specification_has_the_settings(version):
    spec = json.loads((version / "assets.extra" / "model_spec.json").read_text())
    assert spec["sound"]["rate"] == RATE and spec["sound"]["num_mels"] == 12
    assert "resize" not in spec and "resizing" not in spec
    assert spec["signatures"]["serving_bytes"]["inputs"] == {
        "wav_bytes": {"dtype": "string", "shape": [None]}
    }
    assert list(spec["signatures"]) == sorted(
        ["features", "serving_bytes", "serving_default", "serving_float", "spectrogram"]
    )


@pytest.mark.slow  # in this process others do so; a fresh one runs the same file
def test_a_process_without_tfzero_finds_no_difference(version):
    assert verify_savedmodel(version) == []


def test_a_process_without_tfzero_finds_another_spectrogram(model, tmp_path, monkeypatch):
    from tfzero.export import listening

    right = listening.make_image
    monkeypatch.setattr(listening, "make_image", lambda *args: 255 - right(*args))
    with pytest.raises(RuntimeError, match="spectrogram returns other image"):
        export_savedmodel(model, tmp_path / "wrong", class_names=CLASS_NAMES, sound=SOUND)


def test_one_model_gives_the_same_bytes_twice(model, version):
    again = export_savedmodel(model, version.parent, class_names=CLASS_NAMES, sound=SOUND)
    assert again == version


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "not a WAV file"),
        (b"hello, this is no sound", "not a WAV file"),
        (wav(make_tone(200), format="FLAC"), "not a WAV file"),
        (wav(make_tone(200))[:30], "Data too short"),
        (wav(make_tone(200))[:300], "Data too short"),
        (wav(make_tone(200), subtype="PCM_24"), "16-bit WAV files, but received 24"),
        (wav(make_tone(200), subtype="FLOAT"), r"Expected 1 \(PCM\)"),
        (wav(make_tone(200), rate=16_000), "16000 samples per second; expected 8000. Resample"),
        (wav(make_tone(200)[:0]), "without samples"),
        (wav(np.zeros((100, 3))), "more than 2 channels"),
        (wav(np.zeros(61 * RATE)), "more than 60 seconds"),
        (wav(np.zeros((70 * RATE, 2))), "more than 60 seconds"),
    ],
)
def test_a_bad_request_gets_a_sentence(serve, content, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        serve["serving_bytes"](wav_bytes=tf.constant([wav(make_tone(200)), content]))


def test_predict_takes_files_and_folders(version, serve, clips):
    found = predict_files(version, [clips[0].parent, clips[-1]], batch_size=3)
    assert [each.path for each in found] == [*clips[:3], clips[-1]]
    contents = tf.constant([each.path.read_bytes() for each in found])
    scores = serve["serving_bytes"](wav_bytes=contents)["scores"].numpy()
    for each, wanted in zip(found, scores, strict=True):
        assert [each.scores[name] for name in CLASS_NAMES] == pytest.approx(wanted, abs=1e-5)


def test_predict_reads_what_the_graph_does_not(version, clips, tmp_path):
    samples, _ = soundfile.read(clips[0], dtype="float32")
    wanted = predict_files(version, clips[:1])[0].scores
    for name, options in {
        "deep": {"subtype": "PCM_24"},
        "float": {"subtype": "FLOAT"},
        "extended": {"format": "WAVEX"},
    }.items():
        path = write_clip(tmp_path / f"{name}.wav", samples, **options)
        assert predict_files(version, [path])[0].scores == pytest.approx(wanted, abs=1e-5)
    time = np.arange(16_000 * 4 // 10) / 16_000
    fast = write_clip(tmp_path / "fast.wav", np.sin(2 * np.pi * 500 * time), rate=16_000)
    slow = write_clip(tmp_path / "slow.wav", np.sin(2 * np.pi * 500 * time[::2]))
    first, second = predict_files(version, [fast, slow])
    assert first.scores == pytest.approx(second.scores, abs=0.1)


def test_predict_names_bad_files(version, clips, tmp_path):
    (tmp_path / "text.wav").write_text("hello")
    with pytest.raises(InputError, match=r"text\.wav cannot be read as a WAV file"):
        predict_files(version, [*clips, tmp_path / "text.wav"])
    write_clip(tmp_path / "none.wav", make_tone(200)[:0])
    with pytest.raises(InputError, match=r"none\.wav has no samples; expected sound"):
        predict_files(version, [*clips, tmp_path / "none.wav"])
    with pytest.raises(InputError, match="holds no clip of sound; expected files that end in .wav"):
        (tmp_path / "empty").mkdir()
        predict_files(version, [tmp_path / "empty"])


def test_predict_judges_a_long_file_by_its_header(version, clips, tmp_path, monkeypatch):
    content = clips[0].read_bytes()
    size = 5 * 3600 * RATE * 2
    head = content[:4] + struct.pack("<I", size + 36) + content[8:40] + struct.pack("<I", size)
    with (tmp_path / "hours.wav").open("wb") as file:
        file.write(head)
        file.truncate(44 + size)  # nothing but a hole: 290 MB that take no place
    monkeypatch.setattr(tf.audio, "decode_wav", lambda content: pytest.fail("was decoded"))
    tracemalloc.start()
    with pytest.raises(InputError, match=r"hours\.wav lasts 5\.0 hours; .* at most 60 seconds"):
        predict_files(version, [tmp_path / "hours.wav"])
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


@pytest.mark.parametrize("what", ["odd chunk", "stream"])
def test_what_training_takes_and_the_graph_refuses_is_predicted(
    version, serve, clips, tmp_path, what
):
    content = clips[0].read_bytes()
    if what == "odd chunk":
        changed = content[:36] + b"LIST" + struct.pack("<I", 7) + b"INFOabc\0" + content[36:]
    else:
        changed = content[:40] + b"\xff" * 4 + content[44:]
    (tmp_path / "a.wav").write_bytes(changed)
    with pytest.raises(tf.errors.InvalidArgumentError):  # as docs/guides/serving.md says
        serve["serving_bytes"](wav_bytes=tf.constant([changed]))
    found, wanted = predict_files(version, [tmp_path / "a.wav", clips[0]])
    assert found.scores == pytest.approx(wanted.scores, abs=1e-5)


def test_an_encoder_alone_hears(tmp_path):
    encoder = build_model().encoder
    version = export_encoder(encoder, tmp_path / "ear", sound=SOUND)
    content = tf.constant([wav(make_tone(200))])
    loaded = tf.saved_model.load(str(version)).signatures
    features = loaded["serving_bytes"](wav_bytes=content)["features"].numpy()
    image = loaded["spectrogram"](wav_bytes=content)["image"].numpy()
    np.testing.assert_allclose(features, encoder(image / np.float32(255)), rtol=1e-4, atol=1e-5)
    assert fresh_process.check_version(version) == []


def test_sound_of_another_shape_is_refused(model, tmp_path):
    other = plan_logmel(rate=RATE, seconds=0.4)
    with pytest.raises(InputError, match=r"\(12, 9, 1\), but clips of sound become \(32, 32, 1\)"):
        export_savedmodel(model, tmp_path / "x", sound=other)


@pytest.mark.parametrize("mode", ["stretch", "pad"])
@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_golden_clips_show_every_cut(mode, rate):
    from tfzero.export.golden import draw_clips, hear

    sound = plan_logmel(rate=rate, seconds=0.3, mode=mode)
    clips = draw_clips(sound)
    images = hear(clips, sound)
    assert draw_clips(plan_logmel(rate=rate, seconds=60)).shape == (4, 2 * rate)
    assert clips.dtype == np.int16 and len(clips) == len(images) == 4
    untrimmed = hear(clips, plan_logmel(rate=rate, seconds=0.3, mode=mode, trim_db=0))
    assert (images != untrimmed).any(axis=(1, 2, 3)).sum() >= 2
    assert all(len(np.unique(image)) > 20 for image in images)
    assert len({image.tobytes() for image in images}) == 4


def test_from_a_folder_to_the_server(tmp_path):
    make_clips(tmp_path / "tones", {"down": 5, "up": 5})
    data = load_data(tmp_path / "tones", size=(12, 9))
    version = export_savedmodel(
        build_model(), tmp_path / "sm", class_names=CLASS_NAMES, sound=data.sound
    )
    serve = tf.saved_model.load(str(version)).signatures["spectrogram"]
    for name, image in zip(data.names["train"], data.train_images, strict=True):
        content = tf.constant([(tmp_path / "tones" / name).read_bytes()])
        np.testing.assert_array_equal(serve(wav_bytes=content)["image"][0], image)
