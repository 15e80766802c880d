"""Methods: unlabeled images in, a pretrained encoder out."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from tfzero._checks import require_choice

if TYPE_CHECKING:
    from tfzero.pretrain.base import Pretrainer


class Method(NamedTuple):
    """A method's entry in the table.

    Attributes:
        place: Where its class is, as "module:name".
        relative_cost: Seconds for an image of pretraining over seconds for an image of
            fine-tuning the same encoder, measured on one core of a CPU at 28x28 pixels: what
            pretraining would have bought.
    """

    place: str
    relative_cost: float


# Adding a method: one file, one line here, one test file.
METHODS = {
    "denoising": Method("tfzero.pretrain.denoising:Denoising", 1.4),
    "gan": Method("tfzero.pretrain.gan:GAN", 2.9),
    "rotation": Method("tfzero.pretrain.rotation:Rotation", 1.1),
    "vae": Method("tfzero.pretrain.vae:VAE", 1.4),
}
_PUBLIC = {method.place.partition(":")[2]: method.place for method in METHODS.values()}


def find_method(name: str) -> Callable[..., Pretrainer]:
    """Returns the class of a method by its key in `METHODS`.

    Raises:
        InputError: If there is no such method; the message names the nearest.
    """
    return pkgutil.resolve_name(METHODS[require_choice(name, METHODS, what="method")].place)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return pkgutil.resolve_name(_PUBLIC[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
