"""The populations that studies are drawn from."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable

from benchmarks.calibration.features import fit_features
from benchmarks.calibration.images import Bank, make_bank
from benchmarks.calibration.population import Population
from tfzero.data import ImageData

SIDE = 14
# 60 encoders per method, each with 4 label subsets: encoders may be shared.
ENCODERS, FITS = 60, 4


@dataclasses.dataclass(frozen=True)
class Kind:
    """A population.

    Attributes:
        images: What `make_bank` takes: which classes, how many images.
        counts: Label counts.
        convolutions: Of the networks; None for ridge classifiers on features.
    """

    images: dict
    counts: tuple[int, ...]
    convolutions: tuple[int, ...] | None = None

    def fit(self, data: ImageData, log: Callable[[str], None]) -> Population:
        """Returns the population; takes minutes."""
        bank: Bank = make_bank(data, side=SIDE, **self.images)
        if self.convolutions is None:
            return fit_features(bank, self.counts, encoders=ENCODERS, fits=FITS)
        from benchmarks.calibration.networks import Shape, fit_networks

        shape = Shape(SIDE, self.convolutions, () if self.convolutions else (64, 32))
        return fit_networks(bank, self.counts, shape, encoders=ENCODERS, fits=FITS, log=log)


_TEN = {"parts": (20_000, 20_000, 6000)}
# Shirt and T-shirt; shirt, pullover and coat.
_TWO = {"parts": (5000, 5000, 4000), "classes": (0, 6)}
_THREE = {"parts": (8000, 7000, 6000), "classes": (2, 4, 6)}
# Shares from 27 to 2 %.
_UNEVEN = {"parts": (6000, 10_000, 6000), "share_ratio": 0.75}
_HUNDRED = {"parts": (20_000, 20_000, 6000), "cut": 10}

KINDS = {
    "features, 10 classes": Kind(_TEN, (20, 50, 200, 1000, 5000)),
    "features, 2 classes": Kind(_TWO, (20, 100, 500)),
    "features, 3 classes": Kind(_THREE, (20, 100, 500)),
    "features, uneven classes": Kind(_UNEVEN, (50, 200, 1000)),
    "features, 100 classes": Kind(_HUNDRED, (200, 1000, 4000)),
    "networks, 10 classes": Kind(_TEN, (20, 50, 200, 1000, 5000), ()),
    "networks, 2 classes": Kind(_TWO, (20, 100, 500), ()),
    "networks, uneven classes": Kind(_UNEVEN, (50, 200, 1000), ()),
    "networks, 100 classes": Kind(_HUNDRED, (200, 1000, 4000), ()),
    "convolutions, 10 classes": Kind(_TEN, (50, 200, 1000), (6, 12)),
}


def read_population(
    name: str, folder: pathlib.Path, data: Callable[[], ImageData], log: Callable[[str], None]
) -> Population:
    """Returns a population, from its file where there is one."""
    path = folder / f"{name.replace(', ', '-').replace(' ', '-')}.npz"
    if not path.exists():
        log(f"fitting {name}")
        KINDS[name].fit(data(), log).save(path)
    return Population.load(path)
