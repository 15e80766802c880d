"""Arms in plain words, for people who do not know the words of an arm.

The words are the inits' and strategies' own (`Init.name_arm`, `Strategy.describe`). This file puts
them together, and knows what to say of words that this process does not know: a run folder may hold
the arms of a method or strategy from outside the package.
"""

from __future__ import annotations

from tfzero.common.arm import Arm
from tfzero.study.inits import parse_init
from tfzero.transfer.strategies import STRATEGIES


def plain_name(arm: str, *, capital: bool = True) -> str:
    """Returns the name of an arm in plain words.

    Args:
        arm: Text such as "rotation/finetune".
        capital: Whether it begins with a capital letter, as at the start of a sentence or in a
            table. Within a sentence it does not.

    Returns:
        For example "Fine-tuning a network pretrained by rotation".
    """
    init_word, strategy_word = Arm.parse(arm).init, Arm.parse(arm).strategy
    init, strategy = parse_init(init_word), STRATEGIES.get(strategy_word)
    if strategy is None:
        name = f'Strategy "{strategy_word}" on {plain_init(init_word)}'
    elif init is None:
        name = strategy.describe(plain_init(init_word))
    else:
        name = init.name_arm(strategy)
    return name if capital else name[:1].lower() + name[1:]


def plain_init(word: str) -> str:
    """Returns what an arm starts from, in plain words: "a network pretrained by rotation"."""
    init = parse_init(word)
    return f"a network pretrained by {word}" if init is None else init.describe()
