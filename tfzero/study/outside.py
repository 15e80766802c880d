"""Methods and strategies from outside this package, given to a study as Python objects."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
from collections.abc import Iterable
from typing import Any

from tfzero.common.arm import Arm
from tfzero.common.checks import InputError
from tfzero.pretrain import register_method
from tfzero.transfer.strategies import register_strategy
from tfzero.transfer.strategies.base import Strategy


@dataclasses.dataclass(frozen=True)
class Outside:
    """What a study uses from outside, by word. It travels to worker processes.

    Attributes:
        methods: Classes of `Pretrainer`.
        strategies: Objects.
    """

    methods: dict[str, type] = dataclasses.field(default_factory=dict)
    strategies: dict[str, Strategy] = dataclasses.field(default_factory=dict)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Makes the words known to a process that this travelled to, before any plan is read."""
        self.__dict__.update(state)
        self.register()

    def register(self) -> None:
        """Makes their words known in this process."""
        for method in self.methods.values():
            register_method(method)
        for strategy in self.strategies.values():
            register_strategy(strategy)

    def classes(self) -> dict[str, type]:
        """Returns the methods' classes by the names that saved files have for them."""
        return {method.__name__: method for method in self.methods.values()}

    def fingerprints(self) -> dict[str, str]:
        """Returns by word what tells one version of the code from another."""
        kinds = {word: type(strategy) for word, strategy in self.strategies.items()}
        return {word: _fingerprint(kind) for word, kind in {**self.methods, **kinds}.items()}


def read_arms(arms: Iterable[Any] | None) -> tuple[tuple[str, ...] | None, Outside]:
    """Returns arms as text, and what of them comes from outside.

    Args:
        arms: Each "INIT/STRATEGY", or a pair of init and strategy. In a pair the init may be a
            class of `Pretrainer`, and the strategy an object of `Strategy`.

    Raises:
        InputError: If an arm is neither, or a word belongs to something of this package.
    """
    outside = Outside()
    if arms is None:
        return None, outside
    named = tuple(_name_arm(arm, outside) for arm in arms)
    outside.register()
    return named, outside


def _name_arm(arm: Any, outside: Outside) -> str:
    if isinstance(arm, str):
        return arm
    if not (isinstance(arm, tuple) and len(arm) == 2):
        raise InputError(
            f'`arms` contains {arm!r}; expected text such as "vae/lpft", or a pair (init, '
            "strategy)."
        )
    init, strategy = arm
    if isinstance(init, type):
        word = register_method(init)
        outside.methods[word] = init
        init = word
    if isinstance(strategy, Strategy):
        outside.strategies[strategy.name] = strategy
        strategy = strategy.name
    return Arm(str(init), str(strategy))


def _fingerprint(kind: type) -> str:
    name = f"{kind.__module__}.{kind.__qualname__}"
    try:
        code = inspect.getsource(kind)
    except (OSError, TypeError):  # typed into an interpreter
        code = ""
    return f"{name}-{hashlib.blake2b(code.encode(), digest_size=5).hexdigest()}"
