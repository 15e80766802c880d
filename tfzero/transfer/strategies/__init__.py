"""Strategies: an encoder, or its features, and few labels in; a fitted classifier out."""

from __future__ import annotations

import pkgutil

from tfzero.common.checks import InputError, require_choice
from tfzero.transfer.strategies.base import Strategy

# Adding a strategy: one file, one line here, one test file.
_PLACES = (
    "tfzero.transfer.strategies.finetune:Finetune",
    "tfzero.transfer.strategies.probe:Probe",
    "tfzero.transfer.strategies.finetune:ProbeThenFinetune",
    "tfzero.transfer.strategies.finetune:GradualUnfreezing",
    "tfzero.transfer.strategies.joint:SelfTraining",
    "tfzero.transfer.strategies.pool:SpreadThenFinetune",
    "tfzero.transfer.strategies.pool:SpreadThenDistill",
    "tfzero.transfer.strategies.joint:Joint",
    "tfzero.transfer.strategies.classical:Logistic",
    "tfzero.transfer.strategies.classical:SupportVectors",
    "tfzero.transfer.strategies.classical:RandomizedTrees",
    "tfzero.transfer.strategies.classical:NearestNeighbors",
    "tfzero.transfer.strategies.label_spreading:LabelSpreading",
    "tfzero.transfer.strategies.label_spreading:SpreadThenProbe",
)
STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy for strategy in (pkgutil.resolve_name(place)() for place in _PLACES)
}
# Where the images come from that a network is trained on without labels.
UNLABELED_FROM = ("pool", "generated", "both")


def takes_generated(strategy: str) -> bool:
    """Returns whether a strategy trains a network on unlabeled images, generated ones too."""
    return STRATEGIES[strategy].takes_generated


def find_strategy(strategy: str | Strategy) -> Strategy:
    """Returns a strategy by its key in `STRATEGIES`; an object is returned as it is.

    Raises:
        InputError: If there is no such strategy; the message names the nearest.
    """
    if isinstance(strategy, str):
        return STRATEGIES[require_choice(strategy, STRATEGIES, what="strategy")]
    if not isinstance(strategy, Strategy):
        raise InputError(
            f"`strategy` is {strategy!r}; expected one of {', '.join(STRATEGIES)}, or an object of "
            "a subclass of tfzero.transfer.Strategy."
        )
    return strategy


def require_network(strategy: str) -> None:
    """Raises unless a strategy is there and ends in a Keras network.

    Raises:
        InputError: If it does not.
    """
    if not find_strategy(strategy).trains_network:
        networks = [name for name, entry in STRATEGIES.items() if entry.trains_network]
        raise InputError(
            f'Strategy "{strategy}" gives no network to save; expected one of '
            f"{', '.join(networks)}. Use it as an arm of tfzero compare."
        )


def register_strategy(strategy: Strategy) -> None:
    """Makes an object from outside this package a strategy of this process.

    Raises:
        InputError: If its name belongs to another strategy.
    """
    known = STRATEGIES.setdefault(strategy.name, strategy)
    if type(known).__qualname__ != type(strategy).__qualname__:
        raise InputError(
            f'The name "{strategy.name}" belongs to another strategy; give yours another `name`.'
        )
