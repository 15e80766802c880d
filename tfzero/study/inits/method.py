"""The init of a method: a network that learnt from unlabeled images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfzero.pretrain import METHODS, build_method
from tfzero.study.inits.base import Bought, Init, Learner, Learnt
from tfzero.study.inits.context import Context, Counts, Occasion
from tfzero.study.inits.patches import WithPatches
from tfzero.study.inits.settings import PretrainingPlan

if TYPE_CHECKING:
    import keras

    from tfzero.pretrain.base import Pretrainer


class Method(Learner):
    """A network pretrained by a method, from random weights.

    Args:
        name: A key of `METHODS`.
        at_source: As in `Learner`.
    """

    def __init__(self, name: str, *, at_source: bool = False):
        super().__init__(name, at_source=at_source)
        self.generates = METHODS[name].generates
        self.has_objective = METHODS[name].goes_on
        self.relative_cost = METHODS[name].relative_cost

    def describe(self) -> str:
        """Returns what taught the network."""
        on = " on the source task's images" if self.reads_source else ""
        return f"a network pretrained by {METHODS[self.name].plain}{on}"

    def spread_by(self, given: Init | None) -> Init:
        """Returns its own features, and k-means patches beside them."""
        del given
        return WithPatches(self)

    def plan(self, occasion: Occasion) -> PretrainingPlan:
        """Returns the method's defaults for the number of images."""
        count, kind = occasion.num_pool, occasion.kind
        if self.reads_source:
            assert occasion.source is not None
            count, kind = len(occasion.source.images), occasion.source.kind
        method = METHODS[self.name]
        budget = method.budget(count, epochs=occasion.epochs)
        return PretrainingPlan(
            epochs=budget.epochs,
            batch_size=budget.batch_size,
            learning_rate=budget.learning_rate,
            decays=budget.decays,
            kind=kind if method.takes_kind else None,
        )

    def learn(self, context: Context, replicate: int, *, seed: int) -> Learnt:
        """Pretrains an encoder.

        What was interrupted goes on from the last epoch that was kept, and ends bit for bit the
        same. An architecture that draws noise of its own begins anew, for the same reason.
        """
        from tfzero.networks.copies import has_noise
        from tfzero.pretrain.run import pretrain
        from tfzero.study.inits.unfinished import KeepUnfinished, open_unfinished

        settings: PretrainingPlan = context.settings(self.word)
        images, budget = self.images(context), settings.to_budget()
        method, stored = self.build(context, replicate, seed=seed), self.read_stored(context)
        key = context.encoder_key(self.word, replicate)
        earlier = open_unfinished(context.unfinished, key)
        if earlier is not None:
            method = earlier.method
        keeper = KeepUnfinished(context.unfinished, key, earlier)
        losses = pretrain(
            method,
            images,
            budget=budget,
            callbacks=[] if has_noise(method.encoder) else [keeper],
            start_epoch=0 if earlier is None else earlier.epochs,
            read=None if stored is None else lambda network, images: stored.features,
        )
        learnt = Learnt(
            method.encoder,
            method.trainable_weights,
            steps=settings.epochs * budget.steps_per_epoch(len(images)),
            method=method,
            history=losses,
            stored_seconds=0.0 if stored is None else stored.seconds,
        )
        if earlier is not None:
            # Where the last epoch was kept, too, there was none left to run.
            names = {**earlier.history, **losses}
            learnt.history = {
                name: [*earlier.history.get(name, ()), *losses.get(name, ())] for name in names
            }
            learnt.seconds, learnt.cpu_seconds = earlier.seconds, earlier.cpu_seconds
        return learnt

    def build(self, context: Context, replicate: int, *, seed: int) -> Pretrainer:
        """Returns the method around the encoder that it trains."""
        start, kind = self.start(context, replicate), context.settings(self.word).kind
        return build_method(self.name, start, kind=kind, seed=seed)

    def start(self, context: Context, replicate: int) -> keras.Model:
        """Returns the encoder that the method trains."""
        return context.random_encoder(replicate)

    def updates_bought(self, settings: PretrainingPlan, counts: Counts, bought: Bought) -> float:
        """Returns the classifier's updates by the method's measured cost."""
        updates = bought.updates(settings.epochs, self.count_images(counts), settings.batch_size)
        return self.relative_cost * updates
