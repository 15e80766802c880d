"""Files of sound to parts: their headers looked at, and every clip made an image."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from tfzero.common.checks import InputError, require_between, require_choice
from tfzero.data.clips import RATES, ClipHeader, is_clip, read_clip, read_clip_header
from tfzero.data.collection import FileList, Reading, SetAside
from tfzero.data.decode import map_threads
from tfzero.data.headers import FILES_AT_ONCE
from tfzero.data.logmel import CLIP_MODES, LONGEST, SHORTEST, SIZE, LogMel, make_image, plan_logmel
from tfzero.data.names import display_name

# Clips are cut to a length that so many of a hundred keep to.
_PERCENTILE = 98


def check_clip_options(*, rate: int | None, seconds: float | None, trim_db: float | None) -> None:
    """Refuses options that no clip can be read with.

    Raises:
        InputError: If one is out of range.
    """
    low, high = RATES
    for name, value, least, most in (
        ("--rate", rate, low, high),
        ("--clip-seconds", seconds, SHORTEST, LONGEST),
        ("--trim-db", trim_db, 0, 200),
    ):
        if value is not None:
            require_between(value, least, most, name=name)


def refuse_clip_options(reading: Reading, *, where: str) -> None:
    """Refuses options for clips of sound where there are images.

    Raises:
        InputError: If one is given.
    """
    if (reading.rate, reading.clip_seconds, reading.trim_db) != (None, None, None):
        raise InputError(
            f"{where} has images, but --rate, --clip-seconds and --trim-db are for clips of sound. "
            "Leave them out."
        )


class ClipHeaders:
    """The headers of one part's clips.

    Attributes:
        readable: bool `(N,)`: whether each file's header can be read.
        set_aside: The others.
        rates: How often each number of samples a second occurs.
        examples: A file of each rate.
        seconds: float32, the lengths of those that can be read.
        num_stereo: How many have two channels.
    """

    def __init__(self, files: FileList):
        self.readable = np.zeros(len(files.paths), bool)
        self.set_aside: list[SetAside] = []
        self.rates: Counter[int] = Counter()
        self.examples: dict[int, str] = {}
        self.num_stereo = 0
        lengths = np.zeros(len(files.paths), np.float32)
        row = 0
        for block in map_threads(_read_block(files.root), files.cut(FILES_AT_ONCE)):
            for found in block:
                if isinstance(found, str):
                    self.set_aside.append(files.set_aside(row, found))
                else:
                    self.readable[row], lengths[row] = True, found.seconds
                    self.rates[found.rate] += 1
                    self.examples.setdefault(found.rate, display_name(files.paths[row]))
                    self.num_stereo += found.channels == 2
                row += 1
        self.seconds = lengths[self.readable]


def _read_block(root: str):
    def read(paths: list[str]) -> list[ClipHeader | str]:
        found: list[ClipHeader | str] = []
        for path in paths:
            try:
                found.append(read_clip_header(os.path.join(root, path)))
            except InputError as error:
                found.append(str(error))
        return found

    return read


def holds_clips(lists: Sequence[FileList], *, where: str) -> bool:
    """Whether the files are clips of sound, and not images.

    Raises:
        InputError: If some are and some are not.
    """
    clips = [[is_clip(path) for path in files.paths] for files in lists]
    count, total = sum(map(sum, clips)), sum(map(len, clips))
    if 0 < count < total:
        raise InputError(
            f"{where} has {count} WAV files and {total - count} images; expected either. Take the "
            "others out."
        )
    return count > 0


def plan_clips(
    headers: Sequence[tuple[FileList, ClipHeaders]], reading: Reading, *, where: str
) -> LogMel:
    """Chooses how clips become images; the length by those that a study may learn from.

    A source takes the commonest rate, and what its target's pictures ask for as far as clips can.

    Raises:
        InputError: If their rates differ and none is asked for, or an option is for pictures.
    """
    mode = reading.resize
    if reading.is_source:
        mode = mode if mode in CLIP_MODES else CLIP_MODES[0]
    elif reading.channels not in (None, 1):
        raise InputError(
            f"--channels is {reading.channels}, but {where} holds clips of sound, whose images are "
            "gray; leave it out."
        )
    require_choice(mode, CLIP_MODES, what="way to fit clips of sound")
    rate = reading.rate or _common_rate(
        [found for _, found in headers], where, ask=not reading.is_source
    )
    seconds = reading.clip_seconds
    if seconds is None:
        known = [found.seconds for files, found in headers if files.part != "test"]
        longest = float(np.percentile(np.concatenate(known), _PERCENTILE))
        seconds = min(max(round(longest, 2), SHORTEST), LONGEST)
    return plan_logmel(
        rate=rate,
        seconds=seconds,
        size=reading.size or SIZE,
        mode=mode,
        trim_db=reading.trim_db,
    )


def _common_rate(headers: Sequence[ClipHeaders], where: str, *, ask: bool) -> int:
    rates = sum((found.rates for found in headers), Counter())
    (common, times), *others = rates.most_common()
    if others and ask:
        examples = {rate: name for found in headers for rate, name in found.examples.items()}
        other = others[0][0]
        raise InputError(
            f"The clips of {where} have {len(rates)} different rates, for example "
            f"{examples[common]} ({common} samples a second) and {examples[other]} ({other}); "
            f"expected one. The commonest is {common} ({times} of {rates.total()} clips). Pass "
            f"--rate {common} to resample all to it."
        )
    return common


def clip_decoder(settings: LogMel) -> Callable[[str], np.ndarray]:
    """Returns a function from a path to its image, which threads may call."""
    import tensorflow as tf

    spec = tf.TensorSpec([None], tf.float32)
    with tf.device("/CPU:0"):
        make = tf.function(lambda samples: make_image(samples, settings), input_signature=[spec])
        make = make.get_concrete_function()

    def decode(path: str) -> np.ndarray:
        samples = read_clip(path, rate=settings.rate)
        with tf.device("/CPU:0"):
            return make(tf.constant(samples)).numpy()

    return decode


def note_clips(headers: Sequence[ClipHeaders], settings: LogMel) -> list[str]:
    """Returns what making images of clips does to them, in sentences."""
    total = sum(found.rates.total() for found in headers)
    resampled = total - sum(found.rates[settings.rate] for found in headers)
    longer = sum(int((found.seconds > settings.seconds + 1e-4).sum()) for found in headers)
    sentences = [
        (resampled, f"clips were resampled to {settings.rate} samples a second."),
        (sum(found.num_stereo for found in headers), "clips are stereo and were mixed to mono."),
        (
            longer,
            f"clips are longer than {settings.seconds:g} s; what is over that after their ends "
            "are trimmed is cut.",
        ),
    ]
    return [settings.describe()] + [
        f"{count} of {total} {words}" for count, words in sentences if count
    ]
