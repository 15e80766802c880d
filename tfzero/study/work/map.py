"""The job that records where an encoder puts test images."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfzero.study.readings.maps import choose_rows, make_map
from tfzero.study.readings.record import record
from tfzero.study.work.process import in_study
from tfzero.study.workspace import Workspace


@in_study
def run_map(workspace: Workspace, word: str) -> None:
    """Records where the encoder of an init's first replicate puts test images."""
    from tfzero.transfer.features import read_features

    data = workspace.data

    def read() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        rows = choose_rows(data.test_labels)
        encoder = workspace.load_encoder(word, 0)
        features = read_features(encoder, np.asarray(data.test_images[rows]))
        if not np.isfinite(features).all():
            raise ValueError("its features are not finite")
        return make_map(features, data.test_labels[rows])

    record(workspace.run, f"map-{word}", read, spec={"init": word, "replicate": 0})
