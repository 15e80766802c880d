"""How often the judge is wrong, on studies whose truth is known.

    python -m benchmarks.calibration /usr/share/datasets/fashion-mnist --folder populations

Populations are fitted once: some hundred replicates of every arm, of ridge classifiers on random
features or of small networks, pretrained or not, at several label counts, each scored on thousands
of images. Their mean is the truth. A study draws replicates (or encoders) and test images from
them. Its means are then moved, so that the truth is exactly what a row asks for, and the very
functions of `tfzero compare` judge it. Rows are kept in a file beside the populations.
"""

from __future__ import annotations

import argparse
import functools
import json
import pathlib
import time

import tfzero
from benchmarks.calibration.make import read_population
from benchmarks.calibration.rows import FALSE_HEADER, POWER_HEADER, ROWS, show_false, show_power
from benchmarks.calibration.scenarios import measure


def main() -> None:
    """Fits what is missing, judges, and prints two tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", help="what tfzero.load_data takes: gray images of 28x28 pixels")
    parser.add_argument("--folder", default="populations", help="for populations and rows")
    parser.add_argument("--studies", type=int, default=1000, help="a row; rows of null twice")
    parser.add_argument("--rows", default="", help="only rows whose text holds this")
    arguments = parser.parse_args()
    folder = pathlib.Path(arguments.folder)
    folder.mkdir(exist_ok=True)
    data = functools.cache(lambda: tfzero.load_data(arguments.data))
    path = folder / "rows.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    rows = [row for row in ROWS if arguments.rows in row.text]
    for row in rows:
        studies = arguments.studies * row.weight
        key = f"{row.text}, {studies} studies"
        if key in known:
            continue
        began = time.process_time()
        population = read_population(row.scenario.population, folder, data, log)
        known[key] = measure(row.scenario, population, studies=studies)
        known[key]["CPU seconds"] = time.process_time() - began
        path.write_text(json.dumps(known, indent=1))
        log(show_false(row, known[key]) + f" {known[key]['CPU seconds']:.0f} s")
    for header, show in ((FALSE_HEADER, show_false), (POWER_HEADER, show_power)):
        print(f"\n{header}")
        for row in rows:
            print(show(row, known[f"{row.text}, {arguments.studies * row.weight} studies"]))


def log(text: str) -> None:
    """Prints at once."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
