"""What a strategy is: what it reads, how it fits, and what its work costs."""

from __future__ import annotations

import abc
import dataclasses
import enum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from tfzero.common.checks import InputError
from tfzero.transfer.budget import Budget

if TYPE_CHECKING:
    import keras
    import numpy as np

    from tfzero.networks.blocks import Columns
    from tfzero.transfer.classifier import Classifier
    from tfzero.transfer.contract import Fitted
    from tfzero.transfer.graph import Graph
    from tfzero.transfer.objective import Objective


class Need(enum.Enum):
    """What a strategy reads. Of the labelled images it reads exactly one of the first four.

    Attributes:
        IMAGES: The labelled images, and an encoder that it trains.
        FEATURES: A frozen encoder's own features of the labelled images, float32 `(N, D)`.
        BLOCKS: Features of all blocks of a frozen encoder side by side, float32 `(N, D)`, and
            which columns belong to which block.
        LINKS: `tfzero.transfer.graph.Links` from the labelled images to the pool's graph.
        GRAPH: The pool as a graph, which many fits can share.
        POOL: Unlabeled images.
        OBJECTIVE: The method that the encoder was pretrained by, whose loss goes on; see
            `tfzero.transfer.objective.Objective`.
    """

    IMAGES = enum.auto()
    FEATURES = enum.auto()
    BLOCKS = enum.auto()
    LINKS = enum.auto()
    GRAPH = enum.auto()
    POOL = enum.auto()
    OBJECTIVE = enum.auto()


FORMS = (Need.IMAGES, Need.FEATURES, Need.BLOCKS, Need.LINKS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """Everything that a fit is given.

    Attributes:
        inputs: The labelled images in the form that the strategy reads; see `Need`.
        labels: int `(N,)` in 0..K-1.
        num_classes: K.
        budget: What training may spend.
        seed: Decides the head's start, the order of batches and the augmentation.
        encoder: Keras model from float32 images in 0..1 to features `(B, D)`, which a strategy
            copies before it trains; None where the features were read before, or are pixels.
        groups: `(N,)`: which images belong together, such as pictures of one patient. No group
            is on both sides of a validation split. None: every image alone.
        columns: By name of each block, its columns (start, stop) of `inputs`; None where the
            features are one block.
        pool: `(M, H, W, C)`, unlabeled images.
        graph: Of the pool; None lets a strategy that trains a network build it.
        spread_by_pixels: Whether labels are spread by nearness of pixels, not of features, before
            a network is trained: for encoders that have learnt nothing yet.
        spread_encoder: Whose features decide what is near there; None for those of `encoder`.
        objective: Method that `encoder` was pretrained by; a strategy copies it before it trains.
        known_targets: float32 `(M, T)`: features of the pool by the objective's frozen network, if
            they were read before.

    Raises:
        InputError: If there is not one group per label.
    """

    inputs: Any
    labels: np.ndarray
    num_classes: int
    budget: Budget
    seed: int
    encoder: keras.Model | None = None
    groups: np.ndarray | None = None
    columns: dict[str, Columns] | None = None
    pool: np.ndarray | None = None
    graph: Graph | None = None
    spread_by_pixels: bool = False
    spread_encoder: keras.Model | None = None
    objective: Objective | None = None
    known_targets: np.ndarray | None = None

    def __post_init__(self):
        if self.groups is not None and len(self.groups) != len(self.labels):
            raise InputError(
                f"There are {len(self.groups)} groups for {len(self.labels)} images; "
                "expected one group per image."
            )


class Training(NamedTuple):
    """One training of a network.

    Attributes:
        steps: Updates at most.
        batch_size: Images per update.
    """

    steps: int
    batch_size: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Work:
    """What one fit does, counted, so that its time can be estimated from timed parts.

    Attributes:
        network: Whether a network of the encoder's size reads the labelled images, and answers.
        trainings: The trainings of that network, one after another.
        pretraining: Updates of the encoder's pretraining that go on meanwhile; None for none.
        looks: Unlabeled images that the network only predicts, each view counted.
        spreads: Whether labels are spread over a graph of the pool.
        whole: Whether only the seconds of whole fits tell how long a fit takes, as of
            scikit-learn's classifiers.
        searched: Labels that the choice of settings reads at most, in many fits; beyond these
            only the last fit takes longer. None where nothing is chosen.
    """

    network: bool = False
    trainings: tuple[Training, ...] = ()
    pretraining: Training | None = None
    looks: int = 0
    spreads: bool = False
    whole: bool = False
    searched: int | None = None


class Strategy(abc.ABC):
    """How few labels are used. Everything that a fit depends on arrives in a `Task`.

    An outside subclass needs no entry in `STRATEGIES`: give the object to `fit_classifier`. The
    files of the library's own import TensorFlow and scikit-learn only to fit.

    Attributes:
        name: What it is called in an arm, and by `fit_classifier`.
        summary: One line for the command's help.
        reads: What it reads, with exactly one of `FORMS`.
        taught: Name of the strategy whose network learns from what this one finds, and is exported
            for it; None where what it fits is exported itself, or nothing is.
        control: Strategy of the rival arm without pretraining; None for the same strategy.
        phrase: Its arms in plain words, with "{start}" for what they start from. Empty: its name.
        phrase_from_scratch: The same where a network starts with random weights. Empty: `phrase`.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    reads: ClassVar[frozenset[Need]]
    taught: ClassVar[str | None] = None
    control: ClassVar[str | None] = None
    phrase: ClassVar[str] = ""
    phrase_from_scratch: ClassVar[str] = ""

    def describe(self, start: str, *, from_scratch: bool = False) -> str:
        """Returns in plain words what an arm of this strategy does, such as in a heading.

        Args:
            start: What the arm starts from, such as "a network pretrained by rotation".
            from_scratch: Whether that is a network with random weights.
        """
        phrase = self.phrase or f'Strategy "{self.name}" on {{start}}'
        if from_scratch and self.phrase_from_scratch:
            phrase = self.phrase_from_scratch
        return phrase.format(start=start)

    @abc.abstractmethod
    def fit(self, task: Task) -> Fitted:
        """Fits to the labels; never changes the task's encoder.

        Args:
            task: With what the strategy `reads`.

        Returns:
            What predicts probabilities `(N, K)` of inputs in the same form as the task's.
        """

    @abc.abstractmethod
    def work(self, budget: Budget, num_pool: int) -> Work:
        """Returns what one fit does.

        Args:
            budget: What training may spend.
            num_pool: How many unlabeled images there are.
        """

    def join(self, encoder: keras.Model, fitted: Fitted, *, seed: int = 0) -> Classifier:
        """Returns the network of a frozen encoder and the head that was fitted on its features.

        Args:
            encoder: The one whose features the head was fitted to; copied.
            fitted: From `fit`.
            seed: Of the network's augmentation, should it be trained on.

        Raises:
            InputError: If the strategy fits no head that is part of a network.
        """
        del encoder, fitted, seed
        raise InputError(f'Strategy "{self.name}" fits no head that could join an encoder.')

    def to_model(
        self, fitted: Fitted, *, encoder: keras.Model | None, image_shape: tuple[int, int, int]
    ) -> keras.Model:
        """Returns the Keras model of images that gives the same probabilities, to be exported.

        Where it has `divide_logits(temperature)`, it is calibrated.

        Args:
            fitted: What `fit_classifier` returned.
            encoder: What it was given.
            image_shape: `(H, W, C)`.

        Raises:
            InputError: If there is none.
        """
        del encoder, image_shape
        if not self.trains_network:
            raise InputError(f'Strategy "{self.name}" fits nothing that could be a Keras model.')
        return fitted.model

    @property
    def becomes_model(self) -> bool:
        """Whether what it fits becomes a Keras model of images, or teaches one."""
        return self.trains_network or self.taught is not None

    @property
    def form(self) -> Need:
        """In which form it reads the labelled images."""
        return next(need for need in FORMS if need in self.reads)

    @property
    def trains_network(self) -> bool:
        """Whether it ends in a Keras network, which can be exported. It then needs an encoder."""
        return self.trains_encoder

    @property
    def trains_encoder(self) -> bool:
        """Whether it trains a copy of the encoder, and not only what comes behind it."""
        return Need.IMAGES in self.reads

    @property
    def reads_features(self) -> bool:
        """Whether it reads features of a frozen encoder, its last block's or those of all."""
        return bool(self.reads & {Need.FEATURES, Need.BLOCKS})

    @property
    def reads_blocks(self) -> bool:
        """Whether it reads the features of all the encoder's blocks, not only the last."""
        return Need.BLOCKS in self.reads

    @property
    def reads_pool(self) -> bool:
        """Whether it reads unlabeled images, as images or as a graph."""
        return bool(self.reads & {Need.POOL, Need.GRAPH})

    @property
    def reads_graph(self) -> bool:
        """Whether it reads the labelled images as links to the pool's graph, and no network."""
        return Need.LINKS in self.reads

    @property
    def spreads(self) -> bool:
        """Whether it spreads labels over the pool's graph before it trains a network."""
        return Need.GRAPH in self.reads and self.trains_encoder

    @property
    def needs_objective(self) -> bool:
        """Whether it goes on with the loss that the encoder was pretrained by."""
        return Need.OBJECTIVE in self.reads

    @property
    def takes_generated(self) -> bool:
        """Whether it trains a network on unlabeled images, which a method may have generated."""
        return self.reads_pool and self.trains_network and not self.needs_objective
