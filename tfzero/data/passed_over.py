"""What lies beside the images and is not read, counted by reason and suffix."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from tfzero.data.names import display_name

HIDDEN = "hidden"
NO_IMAGE = "neither image nor WAV file"
IN_CLASS = "in a folder inside a class folder"
OUTSIDE = "outside of the class folders"
READ_ALREADY = "a link to a folder that is read already, or that contains this one"
TWICE = "another path of a file that is read already"
LABELLED = "unlabeled, but the path of a labelled file"
LINK = "a link to a folder, not followed"
NO_FILE = "neither file nor folder"
OTHER_KIND = "of another kind than the model reads"
FRAMES = "pages or frames after the first"
# Of pictures and sound that nothing here reads.
_OTHER_FORMATS = frozenset(
    ".heic .heif .avif .jp2 .jxl .jfif .svg .pgm .ppm .pnm .tga .psd .exr .dcm .nii .czi .nd2 .lsm "
    ".dng .nef .cr2 .arw .npy .mp3 .flac .ogg .m4a .aif .aiff .mp4 .avi .mov".split()
)
_MOST_SUFFIXES = 6


class Kind(NamedTuple):
    """How many files were passed over for one reason, of one suffix.

    Attributes:
        reason: Why, in words.
        suffix: What the names end in, in small letters with the dot; "" for none.
        count: How many.
        example: One of them.
    """

    reason: str
    suffix: str
    count: int
    example: str

    def looks_like_images(self, suffixes: Collection[str]) -> bool:
        """Whether a person may have meant it to be read: by its suffix, or as a page or a link.

        Args:
            suffixes: What names of images and clips end in.
        """
        if self.reason in (TWICE, LABELLED):
            return False
        return self.reason in (FRAMES, LINK) or self.suffix in {*suffixes, *_OTHER_FORMATS}


@dataclass
class PassedOver:
    """Counts what is not read; no more is kept of a million files than of one.

    Attributes:
        counts: Files (of `FRAMES`: frames) by reason and suffix.
        examples: The first of each kind.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, reason: str, path: str, count: int = 1) -> None:
        """Counts a file, or so many frames of it."""
        kind = reason, os.path.splitext(path)[1].lower()
        self.counts[kind] += count
        self.examples.setdefault(kind, display_name(path))

    def update(self, *others: PassedOver) -> PassedOver:
        """Adds what others counted; returns itself."""
        for other in others:
            self.counts.update(other.counts)
            for kind, example in other.examples.items():
                self.examples.setdefault(kind, example)
        return self

    def kinds(self) -> list[Kind]:
        """Returns all kinds, the most frequent first."""
        ordered = sorted(self.counts.items(), key=lambda entry: (-entry[1], entry[0]))
        return [Kind(*kind, count, self.examples[kind]) for kind, count in ordered]


def describe_kinds(kinds: Iterable[Kind]) -> str:
    """Returns one sentence about what was passed over, or "" for nothing."""
    by_reason: dict[str, list[Kind]] = {}
    for kind in kinds:
        by_reason.setdefault(kind.reason, []).append(kind)
    if not by_reason:
        return ""
    words = [f"{reason} ({_count(of_reason)})" for reason, of_reason in by_reason.items()]
    return f"Passed over: {'; '.join(words)}."


def _count(kinds: list[Kind]) -> str:
    counts = [
        f"{kind.count:,} {display_name(kind.suffix) or 'without suffix'}"
        for kind in kinds[:_MOST_SUFFIXES]
    ]
    if rest := kinds[_MOST_SUFFIXES:]:
        counts.append(f"{sum(kind.count for kind in rest):,} of other suffixes")
    return f"{', '.join(counts)}; for example {kinds[0].example}"
