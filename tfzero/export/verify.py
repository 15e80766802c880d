"""Proves that an exported version stands on its own."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

from tfzero.export.layout import find_version, plain_path

# Loading takes seconds; a graph that runs longer than this hangs.
_TIMEOUT_SECONDS = 600


def verify_savedmodel(directory: str | os.PathLike) -> list[str]:
    """Checks a version in a new process, where tfzero and Keras cannot be imported.

    It compares every file with its checksum, and looks for operations that touch files. Only if
    both are in order, it runs the graph. It loads the graph in two ways: with
    `tf.saved_model.load`, and with the session loader that servers use. It compares every signature
    with the scores stored at export, and replays the warm-up requests.

    Args:
        directory: Path `.../NAME` (its newest version) or `.../NAME/3`.

    Returns:
        The problems as sentences; empty if there are none.

    Raises:
        InputError: If there is no SavedModel.
    """
    version = find_version(directory)
    script = pathlib.Path(__file__).with_name("fresh_process.py")
    # Scores were stored from a CPU; a GPU rounds in other ways.
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        with plain_path(version.resolve()) as plain:
            # -P keeps this package's folder off the path of the fresh process.
            finished = subprocess.run(
                [sys.executable, "-P", str(script), str(plain)],
                env=environment,
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_SECONDS,
            )
        return json.loads(finished.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return [f"The new process had no result after {_TIMEOUT_SECONDS} seconds."]
    except (IndexError, ValueError):
        last = " ".join(finished.stderr.splitlines()[-3:])
        return [f"The new process ended with code {finished.returncode}: {last}"]
