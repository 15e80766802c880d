"""The linear head on frozen features: multinomial logistic regression."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression

# Inverse strength of the L2 penalty against the sum of losses over the labels, on features scaled
# to unit mean variance.
# Fixed: under 5 labels a class nothing can be tuned on them.
PENALTY = 0.1


class LinearHead(NamedTuple):
    """A linear softmax classifier of features.

    Attributes:
        kernel: float32 `(D, K)`.
        bias: float32 `(K,)`.
    """

    kernel: np.ndarray
    bias: np.ndarray

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Returns float32 class probabilities `(N, K)` of features `(N, D)`."""
        logits = features @ self.kernel + self.bias
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponents / exponents.sum(axis=1, keepdims=True)


def fit_linear_head(
    features: np.ndarray,
    labels: np.ndarray,
    *,
    num_classes: int,
    class_weights: bool = False,
    weights: np.ndarray | None = None,
    penalty: float = PENALTY,
) -> tuple[np.ndarray, np.ndarray]:
    """Fits softmax(features @ kernel + bias) to labels with an L2 penalty on the kernel.

    The features are centred and divided by one number, and rotated into the span of the labelled
    images, where the solution lies; both are folded back into the head.

    Args:
        features: float32 `(N, D)`.
        labels: int `(N,)` in 0..K-1; classes may be missing.
        num_classes: K.
        class_weights: Whether rare classes weigh as much as frequent ones; see `Budget`.
        weights: float `(N,)`, of each image's loss; None weighs all by 1.
        penalty: Inverse strength of the L2 penalty, as `PENALTY`.

    Returns:
        Kernel float32 `(D, K)` and bias float32 `(K,)`; NaN for features that are not finite, as of
        an encoder whose pretraining diverged.
    """
    if not np.isfinite(features).all():
        return (
            np.full((features.shape[1], num_classes), np.nan, np.float32),
            np.full(num_classes, np.nan, np.float32),
        )
    mean = features.mean(axis=0)
    centered = (features - mean).astype(np.float64)
    scale = float(np.sqrt(np.mean(centered**2))) or 1.0
    basis = _span(centered)  # (D, R)
    reduced = centered @ basis / scale  # (N, R)
    present = np.unique(labels)
    # For two classes scikit-learn fits one logit, the difference of two: half the penalty.
    strength = penalty * (2 if len(present) == 2 else 1)
    balance = "balanced" if class_weights else None
    model = LogisticRegression(C=strength, max_iter=500, tol=1e-4, class_weight=balance)
    if len(present) == 1:  # a head that always answers the only class it has seen
        kernel, bias = np.zeros((features.shape[1], 1)), np.zeros(1)
    else:
        model.fit(reduced, labels, sample_weight=weights)
        coefficients, intercept = model.coef_, model.intercept_
        if len(present) == 2:  # scikit-learn keeps one row for two classes
            coefficients = np.concatenate([-coefficients, coefficients]) / 2
            intercept = np.concatenate([-intercept, intercept]) / 2
        kernel = basis @ coefficients.T / scale  # (D, present)
        bias = intercept - mean @ kernel
    full_kernel = np.zeros((features.shape[1], num_classes), np.float32)
    # Classes without a label get a logit that no image reaches.
    full_bias = np.full(num_classes, -1e4, np.float32)
    full_kernel[:, present], full_bias[present] = kernel, bias
    return full_kernel, full_bias


def _span(centered: np.ndarray) -> np.ndarray:
    """Returns an orthonormal basis `(D, R)` of the rows' span; the identity if N > D."""
    count, width = centered.shape
    if count > width:
        return np.eye(width)
    _, values, rows = np.linalg.svd(centered, full_matrices=False)
    kept = values > values[0] * 1e-7
    kept[0] = True  # also of features that are all equal, of which the bias alone is fitted
    return rows[kept].T
