import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from scipy.fft import rfft

from tests.data.sounds import RATE, make_tone
from tfzero.data.logmel import make_image, plan_logmel

SETTINGS = plan_logmel(rate=RATE, seconds=0.5, size=(20, 24))


def image(samples, **changes):
    settings = dataclasses.replace(SETTINGS, **changes)
    return make_image(tf.constant(samples, tf.float32), settings).numpy()[..., 0]


def slow_image(samples, settings):
    """The same by loops, from the formulas."""
    half = settings.window // 2
    padded = np.concatenate([np.zeros(half), samples, np.zeros(settings.window - half)])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(settings.window) / settings.window)
    mel = lambda hertz: 1127 * np.log(1 + hertz / 700)  # noqa: E731
    edges = np.linspace(mel(settings.lowest), mel(settings.highest), settings.num_mels + 2)
    power = []
    for start in range(0, len(padded) - settings.window + 1, settings.hop):
        bins = np.abs(rfft(padded[start : start + settings.window] * window, settings.fft)) ** 2
        bands = np.zeros(settings.num_mels)
        for k in range(1, len(bins)):
            place = mel(k * settings.rate / settings.fft)
            for band in range(settings.num_mels):
                low, middle, high = edges[band : band + 3]
                rise, fall = (place - low) / (middle - low), (high - place) / (high - middle)
                bands[band] += max(0, min(rise, fall)) * bins[k]
        power.append(bands)
    power = np.array(power)
    loud = power.sum(axis=1) >= power.sum(axis=1).max() * 10 ** (-settings.trim_db / 10)
    first, last = np.flatnonzero(loud)[[0, -1]]
    power = power[first : last + 1][: round(settings.seconds * settings.rate / settings.hop)]
    bright = np.maximum(10 * np.log10(power / power.max()), -settings.range_db)
    bright = 1 + bright / settings.range_db
    scale = len(bright) / settings.num_frames
    columns = []
    for column in range(settings.num_frames):
        center = (column + 0.5) * scale - 0.5
        weights = [max(0, 1 - abs(center - t) / max(scale, 1)) for t in range(len(bright))]
        columns.append(np.average(bright, axis=0, weights=weights))
    return np.rint(255 * np.array(columns).T[::-1])


@pytest.mark.parametrize("seconds", [0.12, 0.4, 0.9])
def test_as_slow_loops_have_it(seconds):
    samples = make_tone(200, seconds=seconds, glide=3)
    np.testing.assert_array_equal(image(samples), slow_image(samples, SETTINGS))


def test_high_pitch_is_on_top_and_late_sound_on_the_right():
    time = np.arange(RATE // 2) / RATE
    low, high = np.sin(2 * np.pi * 200 * time), np.sin(2 * np.pi * 3000 * time)
    found = image(np.concatenate([low, high]), seconds=1.0)
    assert found.shape == (20, 24)
    assert (found[:, :11].argmax(axis=0) > 14).all() and (found[:, 13:].argmax(axis=0) < 4).all()


def test_loudness_does_not_show():
    samples = make_tone(200)
    np.testing.assert_array_equal(image(samples), image(samples / 1024))
    assert image(samples).max() == 255 and image(samples).min() == 0


def test_silent_ends_are_cut_unless_told():
    samples = make_tone(200, glide=2)
    longer = np.concatenate([np.zeros(8 * 400), samples, np.zeros(8 * 250)])
    np.testing.assert_array_equal(image(longer), image(samples))
    kept = image(longer, trim_db=0, seconds=2.0)
    assert (kept[:, :6] == 0).all() and (kept[:, -4:] == 0).all()


def test_what_is_over_the_length_is_cut_off_the_end():
    time = np.arange(RATE) / RATE
    samples = np.sin(2 * np.pi * np.where(time < 0.5, 300, 2500) * time)
    found = image(samples, seconds=0.45)
    assert (found[:10] < 100).all()
    assert image(samples, seconds=1.0)[:10].max() == 255


def test_stretched_clips_fill_the_width_and_padded_ones_keep_their_pace():
    short = make_tone(300, seconds=0.25)
    stretched, padded = image(short, mode="stretch"), image(short, mode="pad")
    assert (stretched.max(axis=0) > 100).all()
    # About 0.175 of 0.5 seconds are sound, in the middle of 24 columns.
    sounding = np.flatnonzero(padded.max(axis=0) > 100)
    assert 7 <= len(sounding) <= 11 and abs(sounding.mean() - 11.5) <= 1
    whole = make_tone(300, seconds=0.8)
    np.testing.assert_array_equal(image(whole, mode="pad"), image(whole, mode="stretch"))


@pytest.mark.parametrize("count", [1, 5, 199, 201])
@pytest.mark.parametrize("mode", ["stretch", "pad"])
def test_clips_shorter_than_a_window(count, mode):
    found = image(make_tone(200)[500 : 500 + count], mode=mode)
    assert found.max() > 50


def test_silence_is_black():
    for mode in ("stretch", "pad"):
        assert not image(np.zeros(4000), mode=mode).any()


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
@pytest.mark.parametrize("num_mels", [8, 40, 128])
def test_no_band_is_empty_at_any_rate(rate, num_mels):
    settings = plan_logmel(rate=rate, seconds=1.0, size=(num_mels, 16))
    noise = np.random.default_rng(0).standard_normal(rate // 2)
    found = make_image(tf.constant(noise, tf.float32), settings).numpy()
    assert found.min() > 0
    assert settings.highest == min(rate / 2, 8000)


def test_the_sentence_has_every_setting():
    said = plan_logmel(rate=16_000, seconds=1.5, size=(40, 48), mode="pad", trim_db=0).describe()
    parts = ["40 bands", "20 to 8000 Hz", "16,000", "25 ms every 10 ms", "ends are not cut"]
    for part in [*parts, "1.5 s are kept", "silence to 1.5 s, 48 columns", "60 dB"]:
        assert part in said
    assert "they are 25 dB below" in SETTINGS.describe()
    assert "stretched to 24" in SETTINGS.describe()
