"""An encoder of pictures, moved to spoken words: does it beat learning from the clips themselves?

The folder has one subfolder of WAV files a class; the clips become log-mel images. The source is a
data set of pictures, built-in digits if none is named, brought to the size of those images. The
honest answer is often no: the study says so, with an interval.

Writes `runs/images_to_speech/` and `savedmodels/images_to_speech/` into the current folder.

Run: python examples/images_to_speech.py fsdd/ --source fashion/ (ten minutes on two cores)
     python examples/spoken_digits.py makes clips to try, in words/
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import tfzero

ARMS = ("scratch/finetune", "simclr/lpft", "supervised/lpft", "supervised/probe", "pixels/svm")


def main(
    *,
    folder: str,
    source: str = "digits",
    group: str | None = None,
    arms: Sequence[str] = ARMS,
    label_counts: Sequence[int | str] = (100,),
    seeds: int = 5,
    epochs: int | None = None,
) -> tfzero.Study:
    """Returns the finished study."""
    data = tfzero.load_data(folder, group=group)
    print(data.describe())
    study = tfzero.compare(
        data,
        source=source,
        arms=arms,
        label_counts=label_counts,
        seeds=seeds,
        epochs=epochs,
        out="runs/images_to_speech",
        export="savedmodels/images_to_speech",
    )
    print(study.verdict)
    return study


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="folder with a subfolder of WAV files a class")
    parser.add_argument("--source", default="digits", help="data set of pictures to learn first")
    parser.add_argument("--group", help="what belongs together, as '([a-z]+)_[0-9]+' for a speaker")
    parser.add_argument("--label-counts", type=lambda text: text.split(","), default=(100,))
    parser.add_argument("--seeds", type=int, default=5, help="at least 3 for a verdict")
    parser.add_argument("--epochs", type=int, help="passes; the default goes by their number")
    main(**vars(parser.parse_args()))
