"""Hashes of images: which are equal, and an order that nothing but their pixels decides."""

from __future__ import annotations

import hashlib

import numpy as np

from tfzero.data.memory import slices


def order_by_content(images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """Returns all indices in an order that pixels and labels decide, and nothing else."""
    return np.argsort(digest_rows(images, labels), kind="stable")


def digest_rows(images: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """Returns a hash of each image, with its label if there is one, as uint64 `(N,)`.

    That two of ten million different images share one has a chance of 3 in a million.
    """
    marks = None if labels is None else np.asarray(labels).astype("<i8")
    found = np.empty(len(images), np.uint64)
    for part in slices(len(images), images[:1].nbytes):
        rows, digests = np.ascontiguousarray(images[part]), []
        for place, row in enumerate(rows.reshape(len(rows), -1), part.start):
            digest = hashlib.blake2b(row.data, digest_size=16)
            if marks is not None:
                digest.update(marks[place].tobytes())
            digests.append(digest.digest()[:8])
        found[part] = np.frombuffer(b"".join(digests), ">u8")
    return found
