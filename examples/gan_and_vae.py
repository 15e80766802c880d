"""GAN and VAE as plain Keras models: `fit`, callbacks, save, load and go on, generate.

Writes models, losses and pictures into the new folder `gan_and_vae/` of the current folder
(another with --out); a folder that exists is refused.

Run: python examples/gan_and_vae.py (about a minute on two cores)
"""

from __future__ import annotations

import argparse
import pathlib

import keras
import numpy as np

import tfzero
from tfzero.report import figures


def main(
    *, epochs: int = 20, out: str = "gan_and_vae", seed: int = 0
) -> tuple[tfzero.GAN, tfzero.VAE]:
    """Returns both models as they were loaded from their files and trained on."""
    folder = pathlib.Path(out)
    if folder.exists():
        raise SystemExit(f"{folder} exists; remove it, or name a new folder with --out.")
    folder.mkdir(parents=True)
    keras.utils.set_random_seed(seed)  # the order of batches in Keras's own `fit`
    images = tfzero.load_data("digits").pool
    held = images[::10]
    pool = np.delete(images, np.s_[::10], axis=0)

    encoder = tfzero.build_encoder(pool.shape[1:], seed=seed)
    # Pixels count for more than the prior (beta below 1): sharper pictures, but no bound.
    vae = tfzero.VAE(encoder, beta=0.25, seed=seed)
    vae.compile(optimizer="adam")
    vae.fit(
        pool,
        epochs=epochs,
        validation_data=held,
        callbacks=[
            keras.callbacks.EarlyStopping("val_loss", patience=3, restore_best_weights=True),
            keras.callbacks.CSVLogger(folder / "vae.csv"),
        ],
        verbose=2,
    )
    vae.save(folder / "vae.keras")

    gan = tfzero.GAN(tfzero.build_encoder(pool.shape[1:], seed=seed), seed=seed)
    gan.compile()  # both networks have an optimizer of their own
    gan.fit(
        pool,
        epochs=epochs,
        callbacks=[
            keras.callbacks.ModelCheckpoint(folder / "gan.keras"),  # after every epoch
            keras.callbacks.CSVLogger(folder / "gan.csv"),
        ],
        verbose=2,
    )

    # A loaded model has its optimizers' state, too, and goes on as if it had never stopped.
    vae = tfzero.load_model(folder / "vae.keras")
    gan = tfzero.load_model(folder / "gan.keras")
    for model in (vae, gan):
        model.fit(pool, epochs=1, verbose=2)

    for name, model in (("gan", gan), ("vae", vae)):
        samples = figures.image_grid(to_pixels(model.generate(64, seed=seed)))
        samples.savefig(folder / f"{name}_samples.png")
    restored = to_pixels(vae.reconstruct(held[:16]))
    figures.reconstructions(held[:16], restored).savefig(folder / "vae_reconstructions.png")
    for path in sorted(folder.iterdir()):
        print(f"Wrote {path}")
    return gan, vae


def to_pixels(images) -> np.ndarray:
    """Returns images in 0..1 as uint8 in 0..255."""
    return np.rint(255 * np.asarray(images)).astype(np.uint8)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20, help="passes over the images")
    parser.add_argument("--out", default="gan_and_vae", help="new folder for all that is written")
    main(**vars(parser.parse_args()))
