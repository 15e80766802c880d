"""What varies in the difference of two arms: units, classes, images, and the rest."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfzero.common.checks import InputError

_ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True)
class Components:
    """The mean difference of two arms, and the sizes of what makes it vary.

    U units (replicates, or encoders where replicates share them) times I test images. All
    variances are in squared points and of means over images.

    Attributes:
        mean: Mean difference, in points of accuracy.
        units: U.
        images: I.
        between_units: V, the variance of the units' means.
        rest: F, what V would be if only the images' own chance made units differ.
        of_images: Q, the squared standard error of the mean from test images, with U units.
        by_class: W, estimates the same variance as V from how units differ by class.
        freedom_by_class: f_W, degrees of freedom of W; 0 where W tells nothing.
    """

    mean: float
    units: int
    images: int
    between_units: float
    rest: float
    of_images: float
    by_class: float
    freedom_by_class: float

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the units' variance: U - 1."""
        return self.units - 1

    @property
    def ratio(self) -> float:
        """V / W: how far units vary beyond what their classes show; 1 where W tells nothing."""
        return self.between_units / self.by_class if self.by_class > 0 else 1.0


def measure_components(
    points: np.ndarray, classes: np.ndarray, *, weights: np.ndarray | None = None
) -> Components:
    """Returns the components of a difference.

    A unit's mean d_s varies with V, which has only U - 1 degrees of freedom. Its classes tell
    more. With b_sk the part of d_s that comes from class k, w_k the class's share of the images
    and v_k = var_s(b_sk - w_k d_s),

        W = sum_k v_k / (1 - sum_k w_k^2)

    has the same mean as V where the units differ in each class independently, and

        f_W = (U - 1) (K - 1) / K * (sum_k v_k)^2 / sum_k v_k^2

    degrees of freedom (Satterthwaite 1946, Biometrics Bulletin 2:110, for the sum of K variances
    that one linear constraint ties).

    Args:
        points: float `(U, I)`: 100 (correct_first - correct_second), averaged over the replicates
            of a unit; U, I >= 2.
        classes: int `(I,)`, each image's true class.
        weights: float `(I,)`, what an image counts, with a mean of 1. None: each counts 1.

    Raises:
        InputError: If there are fewer than 2 units or 2 images.
    """
    units, images = points.shape
    if units < 2 or images < 2:
        raise InputError(
            f"Judging takes at least 2 replicates and 2 test images. Received {units} and {images}."
        )
    weights = np.ones(images) if weights is None else weights
    points = points * weights
    by_unit, by_image = points.mean(axis=1), points.mean(axis=0)
    rest = points - by_unit[:, None] - by_image[None, :] + points.mean()
    mean_square = float((rest**2).sum() / ((units - 1) * (images - 1)))

    _, codes = np.unique(classes, return_inverse=True)
    members = np.eye(codes.max() + 1)[codes]  # (I, K)
    shares = weights @ members / images  # (K,)
    by_class = points @ members / images  # (U, K)
    variances = (by_class - shares * by_unit[:, None]).var(axis=0, ddof=1)  # (K,)
    total, num_classes = float(variances.sum()), len(shares)
    between = float(by_unit.var(ddof=1))
    # Units that differ alike in every class, up to rounding, show no variance by class.
    tells = num_classes > 1 and total > _ROUNDING * max(between, mean_square / images)
    freedom = by_class_variance = 0.0
    if tells:
        freedom = (units - 1) * (num_classes - 1) / num_classes
        freedom *= total**2 / float((variances**2).sum())
        by_class_variance = total / (1 - float((shares**2).sum()))
    return Components(
        mean=float(points.mean()),
        units=units,
        images=images,
        between_units=between,
        rest=mean_square / images,
        of_images=float(by_image.var(ddof=1)) / images,
        by_class=by_class_variance,
        freedom_by_class=freedom,
    )
