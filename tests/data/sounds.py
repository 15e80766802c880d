"""Small clips of sound for tests: made, not recorded."""

import numpy as np
import soundfile

RATE = 8000


def make_tone(pitch, *, seconds=0.4, rate=RATE, glide=1.0, level=0.5, seed=0):
    """Returns float32 `(S,)`: a gliding tone with overtones, a little noise and silent ends."""
    random = np.random.default_rng(seed)
    count = round(seconds * rate)
    part = np.arange(count) / count
    phase = 2 * np.pi * np.cumsum(pitch * glide**part) / rate
    inside = (part > 0.1) & (part < 0.8)
    wave = (np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.3 * np.sin(3 * phase)) / 1.8
    wave = wave * inside + 0.002 * random.standard_normal(count)
    return (level * wave).astype(np.float32)


def write_clip(path, samples, *, rate=RATE, subtype="PCM_16", format="WAV"):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype=subtype, format=format)
    return path


def make_clips(folder, counts, *, rate=RATE, start=0, speakers=("ann", "bob", "eve")):
    """Writes `folder/CLASS/SPEAKER_NN.wav`; classes differ in where the pitch glides to."""
    paths = []
    for number, (name, count) in enumerate(counts.items()):
        for row in range(count):
            seed = start + len(paths)
            random = np.random.default_rng(seed)
            samples = make_tone(
                random.uniform(180, 260),
                seconds=random.uniform(0.3, 0.5),
                rate=rate,
                glide=(0.5, 1.0, 2.0, 4.0)[number % 4],
                level=random.uniform(0.1, 0.9),
                seed=seed,
            )
            speaker = speakers[row % len(speakers)]
            path = folder / name / f"{speaker}_{row:02}.wav"
            paths.append(write_clip(path, samples, rate=rate))
    return paths
