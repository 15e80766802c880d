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
    "tfzero.transfer.strategies.pool:SelfTraining",
    "tfzero.transfer.strategies.pool:SpreadThenFinetune",
    "tfzero.transfer.strategies.classical:Logistic",
    "tfzero.transfer.strategies.classical:SupportVectors",
    "tfzero.transfer.strategies.classical:RandomizedTrees",
    "tfzero.transfer.strategies.classical:NearestNeighbors",
    "tfzero.transfer.strategies.label_spreading:LabelSpreading",
)
STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy for strategy in (pkgutil.resolve_name(place)() for place in _PLACES)
}


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
