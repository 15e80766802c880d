"""The classes that saved networks are made of."""

from __future__ import annotations


def register_networks() -> None:
    """Imports what saved networks may refer to, so that Keras knows it by name."""
    import tfzero.networks.kmeans
    import tfzero.networks.layers
    import tfzero.networks.public.opening  # noqa: F401
