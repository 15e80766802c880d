"""WAV files: what their headers say, and their samples as one channel at one rate."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from tfzero.common.checks import InputError
from tfzero.data.collection import FileList
from tfzero.data.logmel import LONGEST
from tfzero.data.regular import require_file

if TYPE_CHECKING:
    import soundfile

SUFFIX = ".wav"
RATES = (8_000, 48_000)
# libsndfile reads two dozen formats more; a renamed one must not reach those decoders.
_FORMATS = ("WAV", "WAVEX", "RF64")
# Who writes to a pipe does not know how much will come: ffmpeg tells of 0xFFFFFFFF bytes, SoX of
# 0x7FFFF000 and less a header. No clip of a minute has as many.
_STREAM_BYTES = 0x7FFF0000
_EXPECTED = "expected a whole WAV file of 8, 16, 24 or 32 bits or floats"


@dataclass(frozen=True)
class ClipHeader:
    """What a file says about its sound before any sample is decoded.

    Attributes:
        rate: Samples a second.
        seconds: How long it lasts.
        channels: 1 or 2.
    """

    rate: int
    seconds: float
    channels: int


def is_clip(path: str | os.PathLike[str]) -> bool:
    """Whether a file is named like a clip of sound."""
    return os.path.splitext(path)[1].lower() == SUFFIX


def read_clip_header(path: str | os.PathLike[str]) -> ClipHeader:
    """Reads rate, length and channels of a WAV file without decoding it.

    Raises:
        InputError: If the file is no WAV file that can become an image: empty, cut within its
            header or its samples, without samples, too long, or of another rate or more channels
            than expected.
    """
    with _opened(path) as file:
        return ClipHeader(file.samplerate, file.frames / file.samplerate, file.channels)


def read_clip(path: str | os.PathLike[str], *, rate: int) -> np.ndarray:
    """Reads a WAV file of any encoding.

    Args:
        path: The file, mono or stereo; two channels become their mean.
        rate: Samples a second; a file of another rate is resampled.

    Returns:
        float32 `(S,)`, S at least 1; integers are scaled to -1..1.

    Raises:
        InputError: As `read_clip_header`, or if a sample is NaN or infinite.
    """
    with _opened(path) as file:
        samples = file.read(dtype="float32", always_2d=True)  # (S, channels)
        found = file.samplerate
    if not np.isfinite(samples).all():
        raise InputError(
            f"{path} has samples that are NaN or infinite; expected finite ones. Write the file "
            "again, or delete it."
        )
    mono = samples.mean(axis=1, dtype=np.float32)
    if found == rate:
        return mono
    from scipy.signal import resample_poly

    shared = math.gcd(found, rate)
    return resample_poly(mono, rate // shared, found // shared).astype(np.float32)


def holds_clips(lists: Sequence[FileList], *, where: str) -> bool:
    """Whether the files are clips of sound, and not images.

    Raises:
        InputError: If some are and some are not.
    """
    clips = [[is_clip(path) for path in files.paths] for files in lists]
    count, total = sum(map(sum, clips)), sum(map(len, clips))
    if 0 < count < total:
        raise InputError(
            f"{where} has {count} WAV files and {total - count} images; expected only one "
            "kind. Remove the others."
        )
    return count > 0


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[soundfile.SoundFile]:
    """Opens a WAV file; turns whatever is wrong with it into an error that names the file."""
    import soundfile

    try:
        require_file(path, _EXPECTED.removeprefix("expected "))
        with open(path, "rb") as content, soundfile.SoundFile(content) as file:
            _check_header(path, file)
            _check_whole(path)
            yield file
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(f"No permission to read {path}. Grant it, or delete the file.") from error
    except (OSError, soundfile.SoundFileError) as error:
        reason = getattr(error, "error_string", None) or getattr(error, "strerror", None) or error
        raise InputError(
            f"{path} cannot be read as a WAV file ({str(reason).rstrip('.')}); {_EXPECTED}. "
            "Replace or delete it."
        ) from error


def _check_header(path: str | os.PathLike[str], file: Any) -> None:
    if file.format not in _FORMATS:
        raise InputError(
            f"{path} has the name of a WAV file, but holds {file.format}; {_EXPECTED}. Convert it."
        )
    if not RATES[0] <= file.samplerate <= RATES[1]:
        raise InputError(
            f"{path} has {file.samplerate:,} samples per second; expected {RATES[0]:,} to "
            f"{RATES[1]:,}. Resample it."
        )
    if file.channels > 2:
        raise InputError(f"{path} has {file.channels} channels; expected 1 or 2. Mix it down.")
    if file.frames == 0:
        raise InputError(f"{path} has no samples; expected sound. Record it again, or delete it.")
    seconds = file.frames / file.samplerate
    if seconds > LONGEST:
        raise InputError(
            f"{path} lasts {_spell(seconds)}; expected a clip of at most {LONGEST:g} "
            "seconds, because it becomes one image. Cut it into clips."
        )


def _check_whole(path: str | os.PathLike[str]) -> None:
    """Refuses a file that ends before the sound that its header tells of; decoders read on."""
    with open(path, "rb") as content:
        told, there = _measure_sound(content)
    if there < told < _STREAM_BYTES:
        raise InputError(
            f"{path} is cut off: its header announces {told:,} bytes of sound, but {there:,} "
            f"are there; {_EXPECTED}. Copy it again, or delete it."
        )


def _measure_sound(content: BinaryIO) -> tuple[int, int]:
    """Returns how many bytes of sound a WAV file tells of, and how many can be there."""
    order = ">" if content.read(12)[:4] == b"RIFX" else "<"
    long_size = None
    while len(head := content.read(8)) == 8:
        name, size = struct.unpack(f"{order}4sI", head)
        if name == b"data":
            if long_size is not None:
                size = long_size
            start = content.tell()
            return size, content.seek(0, os.SEEK_END) - start
        if name == b"ds64":  # of RF64, whose other sizes are too long for 32 bits
            sizes = content.read(16)
            long_size = int.from_bytes(sizes[8:], "little")
            size -= len(sizes)
        content.seek(size + size % 2, os.SEEK_CUR)
    return 0, 0


def _spell(seconds: float) -> str:
    if seconds < 600:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
