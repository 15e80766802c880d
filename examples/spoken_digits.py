"""Spoken digits from few labelled clips: does learning from their own unlabeled clips pay?

The folder has one subfolder of WAV files a class, perhaps inside train/ and test/, as the Free
Spoken Digit Dataset can be sorted. Clips become log-mel images; what SimCLR may change in them is
when a word is said, how high the voice is, and bands of time and pitch, which it masks. Without
--folder, three made-up words are sung by four made-up voices into `words/` of the current folder.

Writes `runs/NAME/` and `savedmodels/NAME/` into the current folder, NAME being the folder's. The
SavedModel takes 16-bit WAV files; `tfzero predict savedmodels/NAME clip.wav` asks it.

Run: python examples/spoken_digits.py (about two minutes on two cores)
     python examples/spoken_digits.py --folder fsdd --label-counts 100 --group '([a-z]+)_[0-9]+'
"""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Sequence

import numpy as np
from scipy.io import wavfile

import tfzero

ARMS = ("simclr/lpft", "scratch/finetune", "pixels/svm")
RATE = 8000
# Each word is where the pitch goes to, as a multiple of where it begins.
WORDS = {"fall": (1.0, 0.6), "rise": (1.0, 1.7), "bend": (1.0, 1.5, 1.0)}


def main(
    *,
    folder: str | None = None,
    size: int | None = None,
    group: str | None = None,
    arms: Sequence[str] = ARMS,
    label_counts: Sequence[int | str] = (15, 60),
    seeds: int = 3,
    epochs: int | None = None,
) -> tfzero.Study:
    """Returns the finished study."""
    if folder is None:
        folder = "words"
        if not pathlib.Path(folder).exists():
            sing_words(pathlib.Path(folder))
    data = tfzero.load_data(folder, size=size, group=group)
    print(data.describe())
    print(*data.notes, sep="\n")
    study = tfzero.compare(
        data,
        arms=arms,
        label_counts=label_counts,
        seeds=seeds,
        epochs=epochs,
        export=pathlib.Path("savedmodels", data.name),  # also where there is no verdict
    )
    print(study.verdict)
    version = study.results["recommended"]["savedmodel"]
    clips = sorted(pathlib.Path(folder).rglob("*.wav"))[:3]
    for heard in tfzero.predict_files(version, clips):
        print(f"{heard.path}: {heard.label} ({heard.scores[heard.label]:.2f})")
    return study


def sing_words(folder: pathlib.Path, *, each: int = 40, seed: int = 0) -> None:
    """Writes clips of three words, sung by voices of their own pitch in noise."""
    random = np.random.default_rng(seed)
    for word, path in WORDS.items():
        (folder / word).mkdir(parents=True)
        for number in range(each):
            voice = number % 4
            count = int(RATE * random.uniform(0.3, 0.6))
            bend = np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(path)), path)
            pitch = (120, 160, 210, 280)[voice] * random.uniform(0.9, 1.1) * bend
            phase = 2 * np.pi * np.cumsum(pitch) / RATE
            wave = sum(np.sin(tone * phase) / tone for tone in range(1, 6))
            wave = random.uniform(0.1, 0.4) * wave * np.hanning(count) ** 0.3
            wave += 0.02 * random.standard_normal(count)
            samples = np.clip(np.rint(8000 * wave), -32768, 32767).astype(np.int16)
            wavfile.write(folder / word / f"voice{voice}_{number:02}.wav", RATE, samples)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", help="Folder with a subfolder of WAV files a class.")
    parser.add_argument("--size", type=int, help="Bands and columns of the images. Default: 32.")
    parser.add_argument("--group", help="Pattern of what is never on both sides, as a speaker.")
    parser.add_argument("--label-counts", type=lambda text: text.split(","), default=(15, 60))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="Of pretraining. Default: by size.")
    main(**vars(parser.parse_args()))
