"""Files of sound to parts: their headers looked at, and every clip made an image."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from tfzero.common.checks import InputError, require_choice
from tfzero.data.clips import ClipHeader, read_clip, read_clip_header
from tfzero.data.collection import FileList, Images, SetAside, refuse_set_aside
from tfzero.data.logmel import CLIP_MODES, LONGEST, SHORTEST, SIZE, LogMel, make_image, plan_logmel
from tfzero.data.names import display_name
from tfzero.data.options import LoadOptions
from tfzero.data.pixels import decode_parts
from tfzero.data.threads import FILES_AT_ONCE, map_threads

# Clips are cut to a length that so many of a hundred keep to.
_PERCENTILE = 98


def read_clips(
    lists: Sequence[FileList],
    options: LoadOptions,
    *,
    where: str,
    shape: tuple[int, int, int] | None,
) -> Images:
    """Does what `read_files` does, of clips of sound.

    Raises:
        InputError: As `read_files`, or if the clips have to match images.
    """
    if shape is not None:
        raise InputError(
            f"{where} holds clips of sound, but the labelled data are images; expected clips "
            "in both."
        )
    if options.pages != "first":
        raise InputError(f"{where} holds clips of sound, which have no pages; leave `pages` out.")
    headers = [ClipHeaders(files) for files in lists]
    broken = [aside for found in headers for aside in found.set_aside]
    usable = {found.part: found.rates.total() for found in headers}
    refuse_set_aside(broken, usable, where=where, strict=options.strict)
    settings = options.sound or plan_clips(headers, options, where=where)
    notes, decode = note_clips(headers, settings), clip_decoder(settings)
    readable = [found.readable for found in headers]
    parts, more = decode_parts(lists, readable, settings.image_shape, decode)
    usable = {name: len(part.images) for name, part in parts.items()}
    refuse_set_aside([*broken, *more], usable, where=where, strict=options.strict)
    return Images(parts, (*broken, *more), tuple(notes), Counter(), settings)


class ClipHeaders:
    """The headers of one part's clips.

    Attributes:
        part: Name of the part.
        readable: bool `(N,)`: whether each file's header can be read.
        set_aside: The others.
        rates: How often each number of samples a second occurs.
        examples: A file of each rate.
        seconds: float32, the lengths of those that can be read.
        num_stereo: How many have two channels.
    """

    def __init__(self, files: FileList):
        self.part = files.part
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


def plan_clips(headers: Sequence[ClipHeaders], options: LoadOptions, *, where: str) -> LogMel:
    """Chooses how clips become images; the length by those that a study may learn from.

    A source takes the commonest rate, and what its target's pictures ask for as far as clips can.

    Raises:
        InputError: If their rates differ and none is asked for, or an option is for pictures.
    """
    mode = options.resize_mode
    if options.is_source:
        mode = mode if mode in CLIP_MODES else CLIP_MODES[0]
    elif options.channels not in (None, 1):
        raise InputError(
            f"`channels` is {options.channels}, but {where} holds clips of sound, whose "
            "images are gray; leave it out."
        )
    require_choice(mode, CLIP_MODES, what="way to fit clips of sound")
    rate = options.rate or _common_rate(headers, where, ask=not options.is_source)
    seconds = options.clip_seconds
    if seconds is None:
        known = [found.seconds for found in headers if found.part != "test"]
        longest = float(np.percentile(np.concatenate(known), _PERCENTILE))
        seconds = min(max(round(longest, 2), SHORTEST), LONGEST)
    return plan_logmel(
        rate=rate,
        seconds=seconds,
        size=options.image_size or SIZE,
        mode=mode,
        trim_db=options.trim_db,
    )


def _common_rate(headers: Sequence[ClipHeaders], where: str, *, ask: bool) -> int:
    rates = sum((found.rates for found in headers), Counter())
    (common, times), *others = rates.most_common()
    if others and ask:
        examples = {rate: name for found in headers for rate, name in found.examples.items()}
        other = others[0][0]
        raise InputError(
            f"The clips of {where} have {len(rates)} different rates, for example "
            f"{examples[common]} ({common} samples per second) and {examples[other]} "
            f"({other}); expected one rate. The most frequent rate is {common} ({times} of "
            f"{rates.total()} clips). Use `rate={common}` to resample all to it."
        )
    return common


def clip_decoder(settings: LogMel) -> Callable[[str, int], np.ndarray]:
    """Returns a function from a path to its image, which threads may call."""
    import tensorflow as tf

    spec = tf.TensorSpec([None], tf.float32)
    with tf.device("/CPU:0"):
        make = tf.function(lambda samples: make_image(samples, settings), input_signature=[spec])
        make = make.get_concrete_function()

    def decode(path: str, page: int) -> np.ndarray:
        del page  # A clip has one.
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
        (resampled, f"clips were resampled to {settings.rate} samples per second."),
        (sum(found.num_stereo for found in headers), "clips are stereo and were mixed to mono."),
        (
            longer,
            f"clips are longer than {settings.seconds:g} s; the part after that length, "
            "measured after trimming, is cut off.",
        ),
    ]
    return [settings.describe()] + [
        f"{count} of {total} {words}" for count, words in sentences if count
    ]
