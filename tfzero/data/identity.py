"""One file, several paths: what a path resolves to decides which file it is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b

import numpy as np

from tfzero.data.collection import FileList
from tfzero.data.names import Paths
from tfzero.data.passed_over import LABELLED, TWICE, PassedOver
from tfzero.data.spelling import Resolver


def read_each_once(lists: Sequence[FileList], *, keep_labelled: bool) -> list[FileList]:
    """Leaves out paths of files that another path has named already, and counts them.

    Within a part a file counts once for each label, so that contradicting labels are still found.
    A file that is in the training and the test part stays in both, where it is found as a leak.

    Args:
        lists: The files of each part.
        keep_labelled: Whether unlabeled files may be files of the training part, too.
    """
    resolver, trained = Resolver(), np.empty(0, np.uint64)
    kept = []
    for files in sorted(lists, key=lambda each: each.part == "pool"):
        keys, links = _identify(files, resolver)
        passed_over = PassedOver().update(files.passed_over)
        repeats = _find_repeats(keys, links, files.labels)
        again = np.zeros(len(keys), bool)
        if files.part == "train":
            trained = keys
        elif files.part == "pool" and not keep_labelled:
            again = np.isin(keys, trained) & ~repeats
        for rows, reason in ((repeats, TWICE), (again, LABELLED)):
            for row in np.flatnonzero(rows).tolist():
                passed_over.add(reason, files.paths[row])
        kept.append(_take(files, ~(repeats | again), passed_over))
    order = {files.part: number for number, files in enumerate(lists)}
    return sorted(kept, key=lambda each: order[each.part])


def _identify(files: FileList, resolver: Resolver) -> tuple[np.ndarray, np.ndarray]:
    """Returns a hash of each file's resolved path, uint64 `(N,)`, and which paths are links."""
    keys, links = np.empty(len(files.paths), np.uint64), np.zeros(len(files.paths), bool)
    for row, path in enumerate(files.paths):
        resolved, links[row] = resolver.resolve(os.path.join(files.root, path))
        digest = blake2b(os.fsencode(resolved), digest_size=8).digest()
        keys[row] = int.from_bytes(digest, "little")
    return keys, links


def _find_repeats(keys: np.ndarray, links: np.ndarray, labels: list[int] | None) -> np.ndarray:
    """Returns bool `(N,)`: all but one of the rows of one key and label; links before others."""
    of_label = np.zeros(len(keys), np.int64) if labels is None else np.asarray(labels, np.int64)
    order = np.lexsort((links, of_label, keys))
    same = (keys[order][1:] == keys[order][:-1]) & (of_label[order][1:] == of_label[order][:-1])
    repeats = np.zeros(len(keys), bool)
    repeats[order[1:][same]] = True
    return repeats


def _take(files: FileList, kept: np.ndarray, passed_over: PassedOver) -> FileList:
    if kept.all():
        return replace(files, passed_over=passed_over)
    rows = np.flatnonzero(kept).tolist()
    return replace(
        files,
        paths=Paths(files.paths[row] for row in rows),
        labels=None if files.labels is None else [files.labels[row] for row in rows],
        groups=None if files.groups is None else [files.groups[row] for row in rows],
        passed_over=passed_over,
    )
