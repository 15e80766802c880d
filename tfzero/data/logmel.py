"""From sound to images: the same TensorFlow code makes them for training and in what is served."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

# How a clip fills the image's width.
CLIP_MODES = ("stretch", "pad")
# Clip lengths are chosen and checked within these, in seconds.
SHORTEST, LONGEST = 0.05, 60.0
SIZE = (32, 32)
# 25 ms every 10 ms, as speech is usually cut up (Young et al., The HTK Book, section 5.2).
_WINDOW_SECONDS, _HOP_SECONDS = 0.025, 0.010
# Of the spoken digits of FSDD, 20 to 40 dB and 40 to 80 dB were tried: see benchmarks.
_TRIM_DB, _RANGE_DB = 25.0, 60.0
_LOWEST_HERTZ, _HIGHEST_HERTZ = 20.0, 8000.0
# The mel scale of HTK, which tf.signal has.
_MEL_BREAK, _MEL_FACTOR = 700.0, 1127.0


@dataclass(frozen=True)
class LogMel:
    """How a clip becomes an image: a row a mel band, the highest on top, and time to the right.

    Attributes:
        rate: Samples a second that the clip has.
        seconds: What is kept of a clip at most.
        num_mels: Mel bands, the image's height.
        num_frames: The image's width.
        mode: "stretch" gives every clip the whole width; "pad" keeps its pace, in the middle.
        trim_db: Silence at both ends is cut: what is further below the loudest moment. 0 cuts
            nothing.
        range_db: White is a clip's loudest point, black this far below and further.
        window: Samples of a frame.
        hop: Samples from one frame to the next.
        fft: Samples that a frame is filled up to with zeros, so that no band stays empty.
        lowest: Lower edge of the lowest band, in hertz.
        highest: Upper edge of the highest band, in hertz.
    """

    rate: int
    seconds: float
    num_mels: int
    num_frames: int
    mode: str
    trim_db: float
    range_db: float
    window: int
    hop: int
    fft: int
    lowest: float
    highest: float

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the images."""
        return self.num_mels, self.num_frames, 1

    def describe(self) -> str:
        """Returns one sentence with every setting."""
        wide = {
            "stretch": f"stretched to {self.num_frames} columns",
            "pad": f"padded with silence to {self.seconds:g} s, {self.num_frames} columns",
        }
        trimmed = (
            f"the ends are cut off where they are {self.trim_db:g} dB below the loudest moment"
            if self.trim_db
            else "the ends are not cut"
        )
        return (
            f"Clips became log-mel images of {self.num_mels} bands, {self.lowest:g} to "
            f"{self.highest:g} Hz, from {self.rate:,} samples per second. Windows of "
            f"{1000 * self.window / self.rate:g} ms every {1000 * self.hop / self.rate:g} "
            f"ms; {trimmed}; at most {self.seconds:g} s are kept, {wide[self.mode]}. White "
            f"is each clip's loudest point, black {self.range_db:g} dB below it."
        )


def plan_logmel(
    *,
    rate: int,
    seconds: float,
    size: tuple[int, int] = SIZE,
    mode: str = "stretch",
    trim_db: float | None = None,
) -> LogMel:
    """Chooses the settings that follow from rate, length and size.

    Args:
        rate: Samples a second.
        seconds: What is kept of a clip at most.
        size: Mel bands and columns of the images.
        mode: "stretch" or "pad".
        trim_db: How far below the loudest moment a clip's ends are silence; 0 keeps them, None
            takes 25.
    """
    num_mels, num_frames = size
    window, hop = round(_WINDOW_SECONDS * rate), round(_HOP_SECONDS * rate)
    highest = min(rate / 2, _HIGHEST_HERTZ)
    mels = [_MEL_FACTOR * math.log1p(edge / _MEL_BREAK) for edge in (_LOWEST_HERTZ, highest)]
    step = (mels[1] - mels[0]) / (num_mels + 1)
    second = _MEL_BREAK * math.expm1((mels[0] + step) / _MEL_FACTOR)
    # The narrowest band reaches from the first edge to the third: two such steps.
    needed = max(window, rate / (second - _LOWEST_HERTZ))
    return LogMel(
        rate=rate,
        seconds=seconds,
        num_mels=num_mels,
        num_frames=num_frames,
        mode=mode,
        trim_db=_TRIM_DB if trim_db is None else float(trim_db),
        range_db=_RANGE_DB,
        window=window,
        hop=hop,
        fft=2 ** math.ceil(math.log2(needed)),
        lowest=_LOWEST_HERTZ,
        highest=highest,
    )


def make_image(samples: tf.Tensor, settings: LogMel) -> tf.Tensor:
    """Makes the image of one clip, in double precision: no processor rounds a pixel otherwise.

    Args:
        samples: float32 `(S,)`, S at least 1, of any level: an image does not show how loud a
            clip is, only where it is louder than elsewhere.
        settings: How.

    Returns:
        uint8 `(num_mels, num_frames, 1)`.
    """
    import tensorflow as tf

    power = _mel_power(tf.cast(samples, tf.float64), settings)  # (T, num_mels)
    most = max(1, round(settings.seconds * settings.rate / settings.hop))
    power = _trim(power, settings)[:most]
    # A clip of zeros is black all over.
    top = tf.maximum(tf.reduce_max(power), 1e-20)
    floor = 10 ** (-settings.range_db / 10)
    decibels = 10 / math.log(10) * tf.math.log(tf.maximum(power / top, floor))
    bright = decibels / settings.range_db + 1  # (T, num_mels) in 0..1
    if settings.mode == "pad":
        missing = most - tf.shape(bright)[0]
        margins = tf.stack(
            [tf.stack([missing // 2, missing - missing // 2]), tf.zeros(2, tf.int32)]
        )
        bright = tf.pad(bright, margins)
    image = tf.transpose(_stretch(bright, settings.num_frames))[::-1, :, None]
    image = tf.saturate_cast(tf.round(255 * image), tf.uint8)
    return tf.ensure_shape(image, settings.image_shape)


def _mel_power(samples: tf.Tensor, settings: LogMel) -> tf.Tensor:
    """Returns the power of each frame and band; frame t has sample t * hop in its middle."""
    import tensorflow as tf

    half = settings.window // 2
    samples = tf.pad(samples, [[half, settings.window - half]])
    spectrum = tf.signal.stft(samples, settings.window, settings.hop, settings.fft)
    return tf.square(tf.abs(spectrum)) @ tf.constant(_mel_matrix(settings))


@cache
def _mel_matrix(settings: LogMel):
    import tensorflow as tf

    with tf.init_scope():  # a constant of the graph, whoever builds it
        matrix = tf.signal.linear_to_mel_weight_matrix(
            num_mel_bins=settings.num_mels,
            num_spectrogram_bins=settings.fft // 2 + 1,
            sample_rate=settings.rate,
            lower_edge_hertz=settings.lowest,
            upper_edge_hertz=settings.highest,
            dtype=tf.float64,
        )
        return matrix.numpy()


def _trim(power: tf.Tensor, settings: LogMel) -> tf.Tensor:
    """Cuts off the frames before the first and after the last that is loud enough."""
    import tensorflow as tf

    if not settings.trim_db:
        return power
    loudness = tf.reduce_sum(power, axis=1)  # (T,)
    loud = loudness >= 10 ** (-settings.trim_db / 10) * tf.reduce_max(loudness)
    kept = tf.where(loud)[:, 0]  # of a clip of zeros all
    return power[kept[0] : kept[-1] + 1]


def _stretch(frames: tf.Tensor, width: int) -> tf.Tensor:
    """Interpolates `(T, M)` to `(width, M)`: linear, and averaging where there are more frames.

    As `tf.image.resize` with antialias, which computes in single precision only.
    """
    import tensorflow as tf

    total = tf.cast(tf.shape(frames)[0], tf.float64)
    scale = total / width
    centers = (tf.range(width, dtype=tf.float64) + 0.5) * scale - 0.5  # (width,)
    distance = tf.abs(centers[:, None] - tf.range(total, dtype=tf.float64)[None])
    weights = tf.maximum(1 - distance / tf.maximum(scale, 1), 0)  # (width, T)
    return (weights / tf.reduce_sum(weights, axis=1, keepdims=True)) @ frames
