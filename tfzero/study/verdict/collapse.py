"""Cells that learned nothing, of arms that otherwise learn: an arm that collapses now and then.

The judge tells an arm's variance from the seeds that it has. A collapse in one of ten seeds is
seldom among three, so the intervals of such an arm are too narrow (they cover some 88 % in place of
95; see `docs/benchmarks/calibration.md`). Where one is seen, it is reported by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tfzero.study.verdict.pairing import Seen

# A cell has learned nothing if it scores within so many points of naming the commonest class alone,
# and the arm's median at the same label count is so many points above that.
_NEAR, _FAR = 3.0, 15.0


def find_collapses(seen: Seen) -> list[dict[str, Any]]:
    """Returns the cells that learned nothing, each with `arm`, `num_labels` and `replicate`."""
    weights = np.ones(len(seen.classes)) if seen.weights is None else seen.weights
    commonest = 100 * max(np.bincount(seen.classes, weights=weights)) / len(seen.classes)
    found = []
    for arm, count in seen.right:
        scores = seen.scores(arm, count)
        if np.median([*scores.values()]) < commonest + _FAR:
            continue
        found += [
            {"arm": arm, "num_labels": count, "replicate": replicate}
            for replicate, score in scores.items()
            if score <= commonest + _NEAR
        ]
    return found
