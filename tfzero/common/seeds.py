"""One way to derive every random number's seed, so that nothing shares one by accident."""

from __future__ import annotations

import hashlib


def derive_seed(seed: int, *words: str | int) -> int:
    """Returns a seed in 0..2**31-1 that depends on `seed` and on what it is for.

    A hash, not a sum: replicate 1 of one thing is never replicate 0 of another.
    """
    text = "/".join([str(int(seed)), *map(str, words)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big") >> 1
