"""The init of a method with a teacher: a network that learnt what another one sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfzero.pretrain import build_method
from tfzero.study.inits.base import Init
from tfzero.study.inits.context import Context, Counts
from tfzero.study.inits.method import Method

if TYPE_CHECKING:
    from tfzero.pretrain.base import Pretrainer
    from tfzero.study.inits.context import Stored


class Taught(Method):
    """A network that learns on the target's own pool what the encoder that came ready sees.

    It starts from random weights. The encoder that came ready reads the pool once for all
    replicates. Nothing goes on from it: another method would unlearn what the teacher taught.

    Args:
        name: A key of `METHODS`, of a method that needs a teacher.
    """

    is_taught = True
    spreads_once = True

    def __init__(self, name: str):
        super().__init__(name)
        self.is_foreign = True

    def describe(self) -> str:
        """Returns what taught the network."""
        return "a network distilled from a pretrained one"

    def count_given(self, counts: Counts) -> int:
        """Returns the size of the pool."""
        return counts.pool

    def spread_by(self, given: Init | None) -> Init:
        """Returns the teacher: what it sees is nearer to the classes than what was learnt.

        Reference:
            Chen et al. 2020, arXiv:2006.10029, section 2 (the large network gets the labels, and
            the small one learns what it makes of unlabeled images).
        """
        assert given is not None
        return given

    def build(self, context: Context, replicate: int, *, seed: int) -> Pretrainer:
        """Returns the method with the encoder that came ready as its teacher."""
        start, kind = self.start(context, replicate), context.settings(self.word).kind
        return build_method(self.name, start, kind=kind, seed=seed, teacher=context.load_given())

    def read_stored(self, context: Context) -> Stored:
        """Returns what the encoder that came ready makes of the pool."""
        return context.read_given()
