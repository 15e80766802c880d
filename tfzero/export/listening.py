"""From WAV files to log-mel images inside the graph, by the code that training had them from."""

from __future__ import annotations

import tensorflow as tf

from tfzero.data.logmel import LONGEST, LogMel, make_image
from tfzero.export.decoding import require, require_batch

# A frame of two 16-bit channels, and chunks beside the samples.
_FRAME_BYTES, _SLACK_BYTES = 4, 2**16
_DECODED_AT_ONCE = 2


def decode_clips(wav_bytes: tf.Tensor, settings: LogMel) -> tf.Tensor:
    """Decodes 16-bit WAV files, mono or stereo, to the images that training saw.

    Args:
        wav_bytes: string `(N,)`, whole files of `settings.rate` samples a second.
        settings: How clips became images.

    Returns:
        uint8 `(N, num_mels, num_frames, 1)`.
    """
    wav_bytes = require_batch(wav_bytes, ())
    with tf.device("/CPU:0"):  # no other device has kernels for strings
        return tf.map_fn(
            lambda encoded: make_image(_decode_clip(encoded, settings.rate), settings),
            wav_bytes,
            fn_output_signature=tf.TensorSpec(settings.image_shape, tf.uint8),
            parallel_iterations=_DECODED_AT_ONCE,
        )


def _decode_clip(encoded: tf.Tensor, rate: int) -> tf.Tensor:
    """Decodes one file to float32 `(S,)`; it is judged by its length before it is decoded."""
    is_wav = (tf.strings.substr(_head(encoded), 0, 4) == b"RIFF") & (
        tf.strings.substr(_head(encoded), 8, 4) == b"WAVE"
    )
    known = require(
        is_wav,
        "wav_bytes holds something that is not a WAV file (MP3, FLAC, an empty or cut "
        "file?); expected whole WAV files of 16 bits. Convert it first.",
    )
    most = round(LONGEST * rate)
    too_long = f"wav_bytes holds more than {LONGEST:g} seconds; expected a short clip. Cut it."
    small = require(tf.strings.length(encoded) <= most * _FRAME_BYTES + _SLACK_BYTES, too_long)
    with tf.control_dependencies([known, small]):
        samples, found = tf.audio.decode_wav(tf.identity(encoded))  # (S, channels), ()
    same = require(
        found == rate,
        tf.strings.join(
            [
                "wav_bytes holds a clip of ",
                tf.strings.as_string(found),
                f" samples per second; expected {rate}. Resample it first.",
            ]
        ),
    )
    filled = require(
        tf.shape(samples)[0] > 0, "wav_bytes holds a WAV file without samples; expected sound."
    )
    short = require(tf.shape(samples)[0] <= most, too_long)
    narrow = require(
        tf.shape(samples)[1] <= 2, "wav_bytes holds more than 2 channels; expected 1 or 2."
    )
    with tf.control_dependencies([same, filled, short, narrow]):
        return tf.reduce_mean(samples, axis=1)


def _head(encoded: tf.Tensor) -> tf.Tensor:
    """Returns the first 12 bytes of a file, filled up if it has fewer."""
    return tf.strings.substr(tf.strings.join([encoded, b"\0" * 12]), 0, 12)
