import struct

import numpy as np
import pytest
import soundfile

from tests.data.sounds import RATE, make_tone, write_clip
from tfzero.common.checks import InputError
from tfzero.data.clips import read_clip, read_clip_header


@pytest.mark.parametrize(
    "subtype, format, tolerance",
    [
        ("PCM_U8", "WAV", 1 / 100),
        ("PCM_16", "WAV", 1 / 30_000),
        ("PCM_24", "WAV", 1e-6),
        ("PCM_32", "WAV", 1e-6),
        ("FLOAT", "WAV", 0),
        ("DOUBLE", "WAV", 0),
        ("ULAW", "WAV", 0.03),
        ("PCM_16", "WAVEX", 1 / 30_000),
        ("PCM_16", "RF64", 1 / 30_000),
    ],
)
def test_every_encoding_gives_the_same_samples(tmp_path, subtype, format, tolerance):
    samples = make_tone(200)
    path = write_clip(tmp_path / "a.wav", samples, subtype=subtype, format=format)
    header = read_clip_header(path)
    assert (header.rate, header.seconds, header.channels) == (RATE, 0.4, 1)
    found = read_clip(path, rate=RATE)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, samples, atol=tolerance)


def test_stereo_becomes_the_mean(tmp_path):
    left, right = make_tone(200), make_tone(300)
    path = write_clip(tmp_path / "a.wav", np.stack([left, right], axis=1), subtype="FLOAT")
    assert read_clip_header(path).channels == 2
    np.testing.assert_allclose(read_clip(path, rate=RATE), (left + right) / 2, atol=1e-7)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000])
def test_resampling_keeps_a_tone(tmp_path, rate):
    time = np.arange(rate) / rate
    wave = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    path = write_clip(tmp_path / "a.wav", wave, rate=rate)
    found = read_clip(path, rate=16_000)
    assert len(found) == 16_000
    wanted = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    np.testing.assert_allclose(found[500:-500], wanted[500:-500], atol=2e-3)


def _header(path, size):
    write_clip(path, make_tone(200))
    path.write_bytes(path.read_bytes()[:size])


def _cut(path, **options):
    write_clip(path, make_tone(200), **options)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


def _hours(path):
    # The header says so; nobody writes 290 MB to test that.
    write_clip(path, make_tone(200))
    size = 5 * 3600 * RATE * 2
    content = path.read_bytes()
    with path.open("wb") as file:
        file.write(content[:4] + struct.pack("<I", size + 36) + content[8:40])
        file.write(struct.pack("<I", size))
        file.truncate(44 + size)


def _nan(path):
    samples = make_tone(200)
    samples[100] = np.nan
    write_clip(path, samples, subtype="FLOAT")


BAD = {
    "not a WAV": (lambda path: path.write_text("hello"), "cannot be read as a WAV file"),
    "empty": (lambda path: path.write_bytes(b""), r"is empty \(0 bytes\)"),
    "cut within its header": (lambda path: _header(path, 20), "cannot be read as a WAV file"),
    "cut before its samples": (lambda path: _header(path, 44), "has no samples"),
    "cut in the middle": (
        _cut,
        r"is cut off: its header announces 6,400 bytes of sound, but 4,252 are",
    ),
    "RF64 cut in the middle": (
        lambda path: _cut(path, format="RF64"),
        "is cut off: its header announces 6,400 bytes",
    ),
    "24 bits cut in the middle": (
        lambda path: _cut(path, subtype="PCM_24"),
        "is cut off: its header announces 9,600 bytes",
    ),
    "no samples": (lambda path: write_clip(path, make_tone(200)[:0]), "has no samples"),
    "five hours": (_hours, r"lasts 5\.0 hours; expected a clip of at most 60 seconds"),
    "minutes": (lambda path: write_clip(path, np.zeros(800_000)), "lasts 100 seconds"),
    "NaN": (_nan, "NaN or infinite; expected finite"),
    "slow": (lambda path: write_clip(path, make_tone(200), rate=4000), "4,000 samples per second"),
    "wide": (lambda path: write_clip(path, np.zeros((800, 3))), "has 3 channels; expected 1 or 2"),
    "a FLAC": (
        lambda path: soundfile.write(path, make_tone(200), RATE, format="FLAC"),
        "has the name of a WAV file, but holds FLAC",
    ),
    "a folder": (lambda path: path.mkdir(), "is a folder; expected a whole WAV file"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_used_is_named_in_one_sentence(tmp_path, what):
    write, message = BAD[what]
    write(tmp_path / "bad.wav")
    with pytest.raises(InputError, match=message) as caught:
        read_clip(tmp_path / "bad.wav", rate=RATE)
    assert str(caught.value).startswith(str(tmp_path / "bad.wav"))
    assert "\n" not in str(caught.value) and "object at" not in str(caught.value)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000, 0x7FFFF000 - 36])
def test_a_stream_whose_header_was_written_before_its_length_was_known_is_whole(tmp_path, size):
    path = write_clip(tmp_path / "a.wav", make_tone(200))
    content = path.read_bytes()
    path.write_bytes(content[:40] + struct.pack("<I", size) + content[44:])
    np.testing.assert_allclose(read_clip(path, rate=RATE), make_tone(200), atol=1 / 30_000)


@pytest.mark.parametrize("after", [False, True])
def test_chunks_beside_the_samples_are_passed_over(tmp_path, after):
    path = write_clip(tmp_path / "a.wav", make_tone(200)[:3199])
    content = path.read_bytes()
    extra = b"LIST" + struct.pack("<I", 7) + b"INFOabc\0"  # an odd size, filled up
    parts = (content, extra) if after else (content[:36], extra, content[36:])
    path.write_bytes(b"".join(parts))
    assert len(read_clip(path, rate=RATE)) == 3199
