"""Methods: unlabeled images in, a pretrained encoder out."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tfzero._checks import require_choice

if TYPE_CHECKING:
    from tfzero.pretrain.base import Pretrainer

# Adding a method: one file, one line here, one test file.
METHODS = {
    "gan": "tfzero.pretrain.gan:GAN",
    "vae": "tfzero.pretrain.vae:VAE",
}
_PUBLIC = {path.partition(":")[2]: path for path in METHODS.values()}


def find_method(name: str) -> Callable[..., Pretrainer]:
    """Returns the class of a method by its key in `METHODS`.

    Raises:
        InputError: If there is no such method; the message names the nearest.
    """
    return pkgutil.resolve_name(METHODS[require_choice(name, METHODS, what="method")])


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return pkgutil.resolve_name(_PUBLIC[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
