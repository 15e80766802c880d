"""A study at work: its plan, its folder and a user's own classes, for whatever runs a job."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from typing import TYPE_CHECKING, Any

import numpy as np

from tfzero.common.files import is_whole_archive, read_json, write_keras
from tfzero.common.seeds import derive_seed
from tfzero.data import ImageData, open_arrays
from tfzero.data.source_task import SourceTask, open_source_task
from tfzero.pretrain import find_method
from tfzero.study.folds import Fold, list_folds
from tfzero.study.inits import read_init, read_learner
from tfzero.study.inits.context import Stored
from tfzero.study.inits.patches import Patches
from tfzero.study.outside import Outside
from tfzero.study.planning.parts import CellSpec
from tfzero.study.planning.plan import StudyPlan
from tfzero.study.records import RunFolder
from tfzero.study.work.features import make_once, open_pool_features

if TYPE_CHECKING:
    import keras

    from tfzero.pretrain.base import Pretrainer


@dataclasses.dataclass(frozen=True)
class Workspace:
    """Hands out a study's images, label subsets, encoders and keys.

    It travels to worker processes, and holds nothing large.

    Attributes:
        plan: The study.
        folder: The run folder.
        own_objects: Classes of an own architecture, by name.
        outside: Methods and strategies that are not of this package.
        trusts_files: Whether a person let Keras run code in the files of an own architecture.
    """

    plan: StudyPlan
    folder: pathlib.Path
    own_objects: dict[str, Any] = dataclasses.field(default_factory=dict)
    outside: Outside = dataclasses.field(default_factory=Outside)
    trusts_files: bool = False

    @property
    def custom_objects(self) -> dict[str, Any]:
        """All classes that saved models may need, by name."""
        return {**self.own_objects, **self.outside.classes()}

    @property
    def run(self) -> RunFolder:
        """The files of the study."""
        return RunFolder(self.folder)

    @property
    def unfinished(self) -> pathlib.Path:
        """Where pretraining that is under way is kept."""
        return self.run.unfinished

    @property
    def data(self) -> ImageData:
        """The images, memory-mapped."""
        return _open_data(self._cache)

    @property
    def _cache(self) -> pathlib.Path:
        return self.run.cache_for(self.plan.data.fingerprint)

    @property
    def pool(self) -> np.ndarray:
        """The unlabeled images, uint8 `(N, H, W, C)`."""
        return self.data.pool

    @property
    def source(self) -> SourceTask:
        """The other data set that encoders learn from, memory-mapped."""
        assert self.plan.source is not None
        return _open_source(self.run.cache_for(self.plan.source.fingerprint))

    def folds(self, replicate: int) -> list[Fold]:
        """Returns what the classifiers of each cell of a replicate learn from and predict."""
        return _draw_folds(self._cache, self.plan.data.num_folds, replicate)

    def subsets(self, replicate: int, fold: int = 0) -> dict[int, np.ndarray]:
        """Returns by label count which training images are labelled in a replicate, nested.

        Args:
            replicate: Which draw.
            fold: Place among the replicate's folds.
        """
        data = self.plan.data
        places = replicate, data.num_folds, fold
        return _draw_subsets(self._cache, self.plan.label_counts, *places, data.balanced)

    def draw_labels(self, count: int) -> np.ndarray:
        """Returns training images to export a network from, drawn as in the first replicate."""
        counts = {count, *self.plan.label_counts}
        drawn = Fold().subsets(self.data, counts, replicate=0, balanced=self.plan.data.balanced)
        return drawn[count]

    def settings(self, word: str) -> Any:
        """Returns how an init learns."""
        return self.plan.pretraining[word]

    def encoder_key(self, word: str, replicate: int) -> str:
        """Returns the name of the files of a learnt encoder."""
        return self.plan.pretraining_key(word, replicate)

    def features_key(self, cell: CellSpec) -> str:
        """Returns a name unique to all that decides the encoder that a cell starts from."""
        return read_init(cell.init).key(self, cell.replicate)

    def start_key(self, word: str, replicate: int) -> str:
        """Returns a name unique to all that decides an encoder that no job makes."""
        return self.plan.start_key(word, replicate)

    def has_encoder(self, word: str, replicate: int) -> bool:
        """Returns whether a learnt encoder, its record and all that arms need of it are there."""
        key, encoders = self.encoder_key(word, replicate), self.run.encoders
        files = [encoders / f"{key}.keras"]
        if self.plan.keeps_method(word):
            files.append(self.method_path(word, replicate))
        there = read_json(encoders / f"{key}.json") is not None
        return there and all(is_whole_archive(path) for path in files)

    def random_encoder(self, replicate: int) -> keras.Model:
        """Returns the encoder with the random weights that all arms of a replicate start from."""
        from tfzero.networks import build_encoder, redraw_network
        from tfzero.networks.statistics import settle_statistics

        if self.plan.encoder is None:
            base = build_encoder(self.plan.data.image_shape)
        else:
            base = _load(self.run.own_encoder)
        seed = derive_seed(replicate, "encoder")
        encoder = redraw_network(base, seed=seed)
        settle_statistics(encoder, seed=seed)
        return encoder

    def load_encoder(self, word: str, replicate: int) -> keras.Model | None:
        """Returns the encoder that an init's arms start from in a replicate; None for pixels."""
        return read_init(word).encoder(self, replicate)

    def load_learnt(self, word: str, replicate: int) -> keras.Model:
        """Returns a learnt encoder from its file."""
        return _load(self.run.encoders / f"{self.encoder_key(word, replicate)}.keras")

    def method_path(self, word: str, replicate: int) -> pathlib.Path:
        """Returns where the whole method is kept that an encoder learnt by."""
        return self.run.encoders / f"{self.encoder_key(word, replicate)}-method.keras"

    def load_method(self, word: str, replicate: int) -> Pretrainer:
        """Returns the whole method that an encoder learnt by, from its file."""
        find_method(read_learner(word).name)  # imports it, which registers its class
        return _load(self.method_path(word, replicate))

    def load_given(self) -> keras.Model:
        """Returns the encoder that came ready, from its file."""
        return _load(self.run.given_encoder)

    def read_given(self) -> Stored:
        """Returns what the encoder that came ready makes of the pool, from the run's cache."""
        assert self.plan.given is not None
        key = self.plan.start_key(self.plan.given.init, 0)
        features = open_pool_features(self.run, key, self.load_given, lambda: self.pool)
        return Stored(features.own(), features.seconds)

    def load_patches(self) -> keras.Model:
        """Returns the k-means patches that tell which images are near, from the run's cache."""
        from tfzero.networks.kmeans import fit_patches

        def read(folder: pathlib.Path, name: str) -> keras.Model | None:
            path = folder / f"{name}.keras"
            return _load(path) if is_whole_archive(path) else None

        def make(folder: pathlib.Path) -> None:
            patches = fit_patches(self.pool)
            write_keras(folder / f"{Patches.word}.keras", patches.save)

        return make_once(self.run, Patches.word, read, make)

    def load_generated(self, word: str, replicate: int) -> np.ndarray:
        """Returns the images that a pretrained method made, uint8 `(N, H, W, C)`, memory-mapped."""
        path = self.generated_path(word, replicate)
        if path.exists():
            return np.load(path, mmap_mode="r")
        # Of a study that was begun before they were memory-mapped.
        with np.load(path.with_suffix(".npz")) as file:
            return file["images"]

    def generated_path(self, word: str, replicate: int) -> pathlib.Path:
        """Returns where the images are kept that a pretrained method made."""
        return self.run.encoders / f"{self.encoder_key(word, replicate)}-generated.npy"


def _load(path: pathlib.Path) -> Any:
    import keras

    from tfzero.networks.public.preset import explain_missing
    from tfzero.networks.registered import register_networks

    register_networks()
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # of Keras, which imports KerasHub where a file needs it
        if (explained := explain_missing(path, error)) is not None:
            raise explained from error
        raise


@functools.lru_cache(maxsize=1)
def _open_data(cache: pathlib.Path) -> ImageData:
    return open_arrays(cache)


@functools.lru_cache(maxsize=1)
def _open_source(cache: pathlib.Path) -> SourceTask:
    return open_source_task(cache)


@functools.lru_cache(maxsize=4)
def _draw_folds(cache: pathlib.Path, num_folds: int, replicate: int) -> list[Fold]:
    return list_folds(_open_data(cache), num_folds=num_folds, replicate=replicate)


@functools.lru_cache(maxsize=16)
def _draw_subsets(
    cache: pathlib.Path,
    counts: tuple[int, ...],
    replicate: int,
    num_folds: int,
    fold: int,
    balanced: bool,
) -> dict[int, np.ndarray]:
    drawn = _draw_folds(cache, num_folds, replicate)[fold]
    return drawn.subsets(_open_data(cache), counts, replicate=replicate, balanced=balanced)
