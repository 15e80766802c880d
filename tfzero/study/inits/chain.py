"""The init of a chain: a method goes on from an encoder that comes from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfzero.pretrain import METHODS
from tfzero.study.inits.base import Init
from tfzero.study.inits.context import Context
from tfzero.study.inits.method import Method

if TYPE_CHECKING:
    import keras

# Between the two parts of a chain's word.
THEN = "+"


class Chain(Method):
    """A network that started elsewhere and went on by a method on the target's own pool.

    Args:
        start: What it goes on from, which is foreign.
        name: A key of `METHODS`.
    """

    is_pretrained = True

    def __init__(self, start: Init, name: str):
        super().__init__(name)
        self._start = start
        self.word = f"{start.word}{THEN}{name}"
        self.is_foreign = True
        self.is_start_given = start.is_start_given
        self.shows_networks = start.shows_networks

    def describe(self) -> str:
        """Returns the start, and what went on from it."""
        return f"{self._start.describe()} and then pretrained by {METHODS[self.name].plain}"

    @property
    def before(self) -> Init:
        """The init that it goes on from."""
        return self._start

    @property
    def halves(self) -> tuple[str, str]:
        """The words of the two parts."""
        return self._start.word, self.name

    def start(self, context: Context, replicate: int) -> keras.Model:
        """Returns the encoder of the first part."""
        encoder = self._start.encoder(context, replicate)
        assert encoder is not None
        return encoder
