"""What every init can do. What differs between kinds of inits is a method here."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tfzero.study.inits.context import Context, Counts, Occasion, Stored
from tfzero.study.inits.settings import Settings

if TYPE_CHECKING:
    import keras
    import numpy as np

    from tfzero.pretrain.base import Pretrainer
    from tfzero.transfer.strategies import Strategy

# What follows the name of an init that learns from the source's images.
AT_SOURCE = "@source"


@dataclasses.dataclass
class Learnt:
    """An encoder that was just learnt.

    Attributes:
        encoder: The encoder.
        weights: What was fitted for it, with what is thrown away afterwards.
        steps: Updates of a network.
        method: What taught it, if it was a method.
        history: Losses by epoch.
        seconds: Wall-clock seconds that were spent before an interruption.
        cpu_seconds: Processor seconds, likewise.
        stored_seconds: Wall-clock seconds that reading took of what is stored for others, too.
    """

    encoder: keras.Model
    weights: Sequence[Any]
    steps: int = 0
    method: Pretrainer | None = None
    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    stored_seconds: float = 0.0

    def settings(self) -> dict[str, Any]:
        """Returns the method's own settings, without its seed and the network inside it."""
        config = {} if self.method is None else self.method.get_config()
        kinds = (bool, int, float, str)
        return {k: v for k, v in config.items() if isinstance(v, kinds) and k != "seed"}


class Init(abc.ABC):
    """Where an arm's encoder comes from.

    Attributes:
        word: What it is called in an arm.
        description: What it is, where its word does not say so.
        is_pretrained: Whether its encoder has learnt before it sees the labels. No claim is made
            of the others, which are baselines.
        is_random: Whether its network has learnt nothing: random weights.
        is_foreign: Whether anything of it comes from elsewhere than the target's own images.
        is_given: Whether its encoder came ready: one for all replicates.
        is_start_given: Whether the network that it trains, or itself, came ready.
        is_taught: Whether its network learns from the encoder that came ready, from random weights.
        has_network: Whether strategies that train a network can start from it.
        reads_source: Whether what learns last reads the source's images.
        generates: Whether it can make images.
        has_objective: Whether its encoder learnt by a loss on unlabeled images that can go on.
        reads_pixels: Whether its features are the pixels themselves.
        spreads_once: Whether what `spread_by` returns is the same in all replicates.
        is_arm: Whether an arm can start from it.
        is_fixed: Whether the pool alone decides its features: they are the same in all replicates.
        has_map: Whether the report maps where its encoder puts images.
        shows_networks: Whether the report looks at its networks from close by.
        largest_count_only: Whether its arms run at a study's largest label count alone.
        relative_cost: Seconds for an image of its learning over those for an image of fine-tuning.
        remark: What has to be known of one that came ready, as the end of a sentence.
    """

    word: str
    description = ""
    is_pretrained = True
    is_random = False
    is_foreign = False
    is_given = False
    is_start_given = False
    is_taught = False
    has_network = True
    reads_source = False
    generates = False
    has_objective = False
    reads_pixels = False
    spreads_once = False
    is_arm = True
    is_fixed = False
    has_map = True
    shows_networks = True
    largest_count_only = False
    remark = ""
    relative_cost = 1.0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.word!r})"

    def describe(self) -> str:
        """Returns what an arm's network starts from, in plain words: a noun phrase."""
        return f'the init "{self.word}"'

    def describe_features(self) -> str:
        """Returns what an arm without training of the encoder reads, in plain words."""
        return f"features of {self.describe()}"

    def name_arm(self, strategy: Strategy) -> str:
        """Returns the plain name of the arm of this init and a strategy."""
        start = self.describe() if strategy.trains_encoder else self.describe_features()
        return strategy.describe(start, from_scratch=self.is_random)

    @property
    def reads_given(self) -> bool:
        """Whether the encoder that came ready decides what it is."""
        return self.is_start_given or self.is_taught

    @property
    def before(self) -> Init | None:
        """The init that has to be learnt before this one, which goes on from it."""
        return None

    @property
    def halves(self) -> tuple[str, ...]:
        """Of a chain, the words of its two parts, each of which can stand alone."""
        return ()

    def learns(self) -> bool:
        """Returns whether an encoder has to be learnt for this init itself."""
        return False

    def stages(self) -> tuple[Init, ...]:
        """Returns the inits to be learnt for this one, in order: itself is the last, or none."""
        earlier = () if self.before is None else self.before.stages()
        return (*earlier, self) if self.learns() else earlier

    def own_counterpart(self) -> str | None:
        """Returns the word of the same method on the target's own pool, or None."""
        return None

    def spread_by(self, given: Init | None) -> Init:
        """Returns the init whose features decide what is near.

        It is asked before a network of this init is trained on labels that were spread.

        Args:
            given: The encoder that came ready; None if there is none.
        """
        del given
        return self

    def patch_operations(self, image_shape: tuple[int, int, int]) -> int:
        """Returns the multiply-adds by which k-means patches among its features read an image."""
        del image_shape
        return 0

    def transfer_changes(self, steps: int, extra: int, operations: int) -> dict[str, Any]:
        """Returns the settings of a network strategy in which this init differs from others.

        Args:
            steps: The usual updates.
            extra: Those that the dearest pretraining would have bought.
            operations: Multiply-adds by which the encoder that came ready reads an image.

        Returns:
            By name of a field of `tfzero.study.planning.parts.TransferPlan`.
        """
        del steps, extra, operations
        return {}

    def key(self, context: Context, replicate: int) -> str:
        """Returns a name unique to all that decides its encoder in a replicate."""
        if self.is_fixed:
            return self.word
        return context.start_key(self.word, 0 if self.is_given else replicate)

    @abc.abstractmethod
    def encoder(self, context: Context, replicate: int) -> keras.Model | None:
        """Returns the encoder that arms start from in a replicate; None for raw pixels."""


class Learner(Init):
    """An init whose encoder is learnt in a job of its own.

    Args:
        name: Its word, without what says where the images come from.
        at_source: Whether it learns from the source's images, not from the target's pool.
    """

    def __init__(self, name: str, *, at_source: bool = False):
        self.name = name
        self.word = f"{name}{AT_SOURCE}" if at_source else name
        self.is_foreign = self.reads_source = at_source

    def learns(self) -> bool:
        """Returns True."""
        return True

    def describe_place(self) -> str:
        """Returns from which images it learns, as the end of a noun phrase: empty for the pool."""
        return " learned from the source task's images" if self.reads_source else ""

    def own_counterpart(self) -> str | None:
        """Returns the word of the same on the target's own pool; None where this is it."""
        return self.name if self.reads_source else None

    def key(self, context: Context, replicate: int) -> str:
        """Returns the name of its encoder's files."""
        return context.encoder_key(self.word, replicate)

    def encoder(self, context: Context, replicate: int) -> keras.Model | None:
        """Returns the encoder from its file."""
        return context.load_learnt(self.word, replicate)

    @abc.abstractmethod
    def plan(self, occasion: Occasion) -> Settings:
        """Returns how it learns, every default resolved."""

    def images(self, context: Context) -> np.ndarray:
        """Returns the images that it learns from, uint8 `(N, H, W, C)`."""
        return context.source.images if self.reads_source else context.pool

    def count_images(self, counts: Counts) -> int:
        """Returns how many images it learns from."""
        return counts.source if self.reads_source else counts.pool

    def count_given(self, counts: Counts) -> int:
        """Returns how many images the encoder that came ready reads for it, in all replicates."""
        del counts
        return 0

    @abc.abstractmethod
    def learn(self, context: Context, replicate: int, *, seed: int) -> Learnt:
        """Makes an encoder."""

    def read_stored(self, context: Context) -> Stored | None:
        """Returns the features of the pool that it learns to predict, where it has a teacher."""
        del context

    def other_operations(self, settings: Any, num_channels: int) -> float:
        """Returns the multiply-adds of learning that are no network's."""
        del settings, num_channels
        return 0.0

    @abc.abstractmethod
    def updates_bought(self, settings: Any, counts: Counts, bought: Bought) -> float:
        """Returns the updates of a classifier that cost as much as this last stage alone."""


class Bought(NamedTuple):
    """What decides how many updates of a classifier a pretraining costs.

    Attributes:
        batch_size: Of the classifier's updates.
        small: Whether images are so small that an update costs the same whatever its batch.
    """

    batch_size: int
    small: bool

    def updates(self, epochs: int, num_images: int, batch_size: int) -> float:
        """Returns the passes over images, counted in the classifier's updates."""
        if self.small:
            return epochs * -(-num_images // batch_size)
        return epochs * num_images / self.batch_size
